//! A layer's archive by its recipe: what lay between the files, and which files lay between.
//!
//! The recipe (tar-split) is a gzip of JSON values: segments of the archive as they were, and
//! files by name and size, whose content lies unpacked.

use crate::stores::unpacked::Folder;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Take};

const FILE: u8 = 1;
const SEGMENT: u8 = 2;
/// One value of a recipe; a segment is a header, or what an archive has after its end.
const MAX_VALUE: u64 = 32 << 20;

#[derive(Deserialize)]
struct Step {
    #[serde(rename = "type")]
    kind: u8,
    #[serde(default)]
    name: String,
    /// A name that is not UTF-8, encoded.
    #[serde(default)]
    name_raw: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    payload: Option<String>,
}

/// The archive, as it is put together.
pub(super) struct SplitReader {
    recipe: BufReader<MultiGzDecoder<File>>,
    folder: Folder,
    now: Part,
}

enum Part {
    Segment(Cursor<Vec<u8>>),
    Content(Take<File>),
}

impl SplitReader {
    /// The archive that `recipe` makes of what lies in `folder`.
    pub(super) fn new(recipe: File, folder: Folder) -> Self {
        let recipe = BufReader::new(MultiGzDecoder::new(recipe));
        SplitReader { recipe, folder, now: Part::Segment(Cursor::default()) }
    }

    /// The next part; none at the end.
    fn next_part(&mut self) -> io::Result<Option<Part>> {
        let mut line = Vec::new();
        let read = (&mut self.recipe).take(MAX_VALUE).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(None);
        }
        let step: Step = serde_json::from_slice(&line).map_err(malformed)?;
        match step.kind {
            SEGMENT => {
                let bytes = STANDARD.decode(step.payload.unwrap_or_default()).map_err(malformed)?;
                Ok(Some(Part::Segment(Cursor::new(bytes))))
            }
            FILE if step.size == 0 => Ok(Some(Part::Segment(Cursor::default()))),
            FILE => Ok(Some(Part::Content(self.open(&step)?.take(step.size)))),
            _ => Err(malformed("a step of unknown kind")),
        }
    }

    fn open(&self, step: &Step) -> io::Result<File> {
        let name = match step.name_raw.as_str() {
            "" => step.name.clone().into_bytes(),
            raw => STANDARD.decode(raw).map_err(malformed)?,
        };
        // Unpacked beneath the layer's folder, wherever the archive would have it.
        let begins = name.iter().position(|byte| *byte != b'/').unwrap_or(name.len());
        self.folder.open_file(name.get(begins..).unwrap_or_default())
    }
}

fn malformed(reason: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the recipe is malformed: {reason}"))
}

impl Read for SplitReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = match &mut self.now {
                Part::Segment(bytes) => bytes.read(out)?,
                Part::Content(file) => match file.read(out)? {
                    0 if file.limit() > 0 => {
                        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a file is shorter"));
                    }
                    read => read,
                },
            };
            if read > 0 || out.is_empty() {
                return Ok(read);
            }
            match self.next_part()? {
                Some(part) => self.now = part,
                None => return Ok(0),
            }
        }
    }
}
