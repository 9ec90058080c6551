//! Reading a layer: from bytes to entries.

use crate::budget::{Budget, Clock};
use crate::entry::{Content, Entry, Kind};
use crate::extension::Extension;
use crate::failure::Failure;
use crate::header::Header;
use crate::number::Number;
use crate::path::{Form, normalise};
use crate::pax::parse_records;
use crate::problems::Problems;
use crate::sparse::{Layout, Source, read_old_map, read_stored_map};
use crate::stream::{BLOCK, Rest, Stream, is_zero};
use crate::whiteout::{self, Meaning};
use api_vocab::{Digest, Problem, ProblemCode};
use std::io::Read;

/// As in the runtimes' reader: an extended header that is larger is an error.
const MAX_EXTENSION: u64 = 1 << 20;

/// A layer, read once from start to end.
pub struct LayerReader<'c, R: Read> {
    stream: Stream<'c, R>,
    problems: Problems,
    state: State,
    entries: u64,
    /// Bytes of the entry at hand that were not read, and those that fill its last block.
    left: u64,
    padding: u64,
    layout: Layout,
    path: String,
    target: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    /// The archive has ended; what follows must be zeros.
    Ended,
    /// Nothing more can be said about entries.
    Broken,
}

/// What is known of a layer once it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerSummary {
    /// SHA-256 of the bytes after decompression; absent where they could not all be read.
    pub diff_id: Option<Digest>,
    /// SHA-256 of the bytes as they came; absent where they could not all be read.
    pub digest: Option<Digest>,
    /// Bytes after decompression.
    pub bytes: u64,
    /// Bytes as they came.
    pub stored_bytes: u64,
    /// Entries.
    pub entries: u64,
    /// Why the layer is partial; empty where all readers would see what we saw.
    pub problems: Vec<Problem>,
}

/// An entry's kind; its texts lie in the reader.
enum Found {
    File {
        size: u64,
        executable: bool,
    },
    Dir,
    Symlink,
    Hardlink,
    Other,
    Whiteout,
    Opaque,
    Metadata,
    /// The root itself, or a name that is refused.
    Nothing,
}

impl<'c, R: Read> LayerReader<'c, R> {
    /// A reader of `source`: a tar archive, plain or compressed by gzip or zstd. Whatever is wrong
    /// with it is said by [`LayerReader::finish`].
    pub fn open(source: R, budget: Budget, clock: Clock<'c>) -> Self {
        let problems = Problems::at_most(budget.problems);
        LayerReader {
            stream: Stream::open(source, budget, clock),
            problems,
            state: State::Reading,
            entries: 0,
            left: 0,
            padding: 0,
            layout: Layout::Whole,
            path: String::new(),
            target: String::new(),
        }
    }

    /// The next entry, in the archive's order; `None` where it ends or cannot be read on.
    pub fn next_entry(&mut self) -> Option<Entry<'_, 'c, R>> {
        let found = self.find_next()?;
        let (path, target) = (self.path.as_str(), self.target.as_str());
        let kind = match found {
            Found::File { size, executable } => Kind::File { size, executable },
            Found::Dir => Kind::Dir,
            Found::Symlink => Kind::Symlink { target },
            Found::Hardlink => Kind::Hardlink { target },
            Found::Whiteout => Kind::Whiteout { path: target },
            Found::Opaque => Kind::Opaque { dir: target },
            Found::Metadata => Kind::Metadata,
            Found::Other | Found::Nothing => Kind::Other,
        };
        let allowed = self.stream.budget().file;
        let (stream, left, layout) = (&mut self.stream, &mut self.left, &mut self.layout);
        let content = Content { stream, left, layout, allowed };
        Some(Entry { path, kind, content })
    }

    /// Reads what is left, and says what the layer was.
    pub fn finish(mut self) -> LayerSummary {
        match self.stream.drain() {
            Ok(Rest::Bytes) if self.state == State::Ended => {
                self.ambiguous("", "something follows the end of the archive");
            }
            Err(failure) if self.state != State::Broken => self.problems.push(failure.problem()),
            _ => {}
        }
        let totals = self.stream.totals();
        LayerSummary {
            diff_id: totals.diff_id,
            digest: totals.digest,
            bytes: totals.bytes,
            stored_bytes: totals.stored_bytes,
            entries: self.entries,
            problems: self.problems.into_vec(),
        }
    }

    fn find_next(&mut self) -> Option<Found> {
        while self.state == State::Reading {
            match self.advance() {
                Ok(Some(Found::Nothing)) => {}
                Ok(Some(found)) => return Some(found),
                Ok(None) => self.state = State::Ended,
                Err(failure) => {
                    self.state = State::Broken;
                    self.problems.push(failure.problem());
                }
            }
        }
        None
    }

    /// Passes over the rest of the entry at hand, and reads headers up to the next one.
    fn advance(&mut self) -> Result<Option<Found>, Failure> {
        self.pass_over()?;
        let mut extension = Extension::default();
        while let Some(block) = self.next_header()? {
            let header = Header::parse(&block)
                .ok_or_else(|| Failure::new(ProblemCode::Malformed, "a header whose checksum is wrong"))?;
            match header.kind() {
                b'x' => extension.add_records(parse_records(&self.extension_body(&header)?)),
                b'g' => {
                    // The runtimes' reader forgets what it has read of the entry.
                    if !extension.is_empty() {
                        self.ambiguous("", "a global header between an entry and its extended header");
                    }
                    self.read_global(&header)?;
                }
                b'L' => extension.add_long_name(&self.extension_body(&header)?),
                b'K' => extension.add_long_link(&self.extension_body(&header)?),
                _ => return self.entry(&header, extension).map(Some),
            }
        }
        if extension.is_empty() { Ok(None) } else { Err(Failure::truncated()) }
    }

    fn pass_over(&mut self) -> Result<(), Failure> {
        let (left, padding) = (std::mem::take(&mut self.left), std::mem::take(&mut self.padding));
        self.stream.skip(left)?;
        self.stream.skip(padding)
    }

    /// The next block, unless it is the first of the two zero blocks that end an archive.
    fn next_header(&mut self) -> Result<Option<[u8; BLOCK]>, Failure> {
        let Some(block) = self.stream.block()? else {
            return Err(Failure::new(ProblemCode::Truncated, "the archive has no end"));
        };
        if !is_zero(&block) {
            return Ok(Some(block));
        }
        match self.stream.block()? {
            Some(second) if !is_zero(&second) => {
                Err(Failure::new(ProblemCode::AmbiguousArchive, "a lone zero block amid the archive"))
            }
            _ => Ok(None),
        }
    }

    fn extension_body(&mut self, header: &Header<'_>) -> Result<Vec<u8>, Failure> {
        let mut nothing = Extension::default();
        let size = nothing.size(header).ok_or_else(size_unknown)?;
        if size > MAX_EXTENSION {
            return Err(Failure::new(ProblemCode::TooLarge, "an extended header larger than 1 MiB"));
        }
        for doubt in nothing.into_doubts() {
            self.ambiguous("", doubt);
        }
        let mut body = Vec::new();
        let mut left = usize::try_from(size).unwrap_or(usize::MAX);
        while left > 0 {
            let window = self.stream.window()?;
            let part = window.get(..left).unwrap_or(window);
            if part.is_empty() {
                return Err(Failure::truncated());
            }
            body.extend_from_slice(part);
            let count = part.len();
            left -= count;
            self.stream.consume(count);
        }
        self.stream.skip(padding_of(size))?;
        Ok(body)
    }

    /// Some readers apply global headers to all that follows; the runtimes' does not.
    fn read_global(&mut self, header: &Header<'_>) -> Result<(), Failure> {
        let records = parse_records(&self.extension_body(header)?);
        if records.matters() {
            self.ambiguous("", "a global header that changes entries");
        }
        // Runtimes tell whiteouts by name before they look at the kind.
        let name = header.name().bytes;
        let _ = normalise(&name, &mut self.path, self.stream.budget());
        if whiteout::meaning(&self.path) != Meaning::Itself {
            self.ambiguous(&String::from_utf8_lossy(&name), "a global header named as a whiteout");
        }
        Ok(())
    }

    fn entry(&mut self, header: &Header<'_>, mut extension: Extension) -> Result<Found, Failure> {
        self.entries += 1;
        if self.entries > self.stream.budget().entries {
            let detail = format!("more than {} entries", self.stream.budget().entries);
            return Err(Failure::new(ProblemCode::TooManyEntries, detail));
        }
        let size = extension.size(header).ok_or_else(size_unknown)?;
        let name = extension.name(header);
        let found = self.classify(header, &name, size, &mut extension)?;
        let named = self.name(&name);
        for doubt in extension.into_doubts() {
            self.ambiguous(&String::from_utf8_lossy(&name), doubt);
        }
        if !named || (self.path.is_empty() && matches!(found, Found::Dir)) {
            return Ok(Found::Nothing);
        }
        Ok(self.interpret(found))
    }

    /// The kind as the header says, and where the next header is.
    fn classify(
        &mut self,
        header: &Header<'_>,
        name: &[u8],
        size: u64,
        extension: &mut Extension,
    ) -> Result<Found, Failure> {
        let kind = header.kind();
        if matches!(kind, b'1'..=b'6') {
            if size != 0 {
                extension.doubt("a link, folder or device with a size");
            }
            extension.holes(kind);
            return Ok(self.classify_empty(kind, header, name, extension));
        }
        (self.left, self.padding) = (size, padding_of(size));
        self.layout = Layout::Whole;
        let is_folder = name.ends_with(b"/");
        match kind {
            0 if is_folder => {
                extension.holes(kind);
                return Ok(Found::Dir);
            }
            b'0' | b'7' if is_folder => extension.doubt("a file whose name ends as a folder's"),
            0 | b'0' | b'7' => {}
            b'S' => {}
            _ => {
                let detail = format!("an entry of unknown kind {:?}", char::from(kind));
                let path = String::from_utf8_lossy(name);
                self.problems.push(Problem::new(ProblemCode::Unsupported, &path, detail));
                return Ok(Found::Other);
            }
        }
        self.layout = self.read_layout(header, extension)?;
        let size = match &self.layout {
            Layout::Whole => size,
            Layout::Holes(map) => map.size(),
            Layout::Unknown(reason) => {
                extension.doubt(reason);
                self.left
            }
        };
        Ok(Found::File { size, executable: header.is_executable() })
    }

    /// Where the holes of a file are. What is read of it for that is no longer left.
    fn read_layout(&mut self, header: &Header<'_>, extension: &mut Extension) -> Result<Layout, Failure> {
        let kind = header.kind();
        let records = extension.holes(kind);
        if kind == b'S' {
            let regions = read_old_map(&mut self.stream, header)?;
            let size = if let Number::Sure(size) = header.real_size() { Some(size) } else { None };
            return Ok(Layout::of(regions, size, self.left));
        }
        let Some(records) = records else { return Ok(Layout::Whole) };
        let regions = match records.source() {
            Source::Told(regions) => regions,
            Source::Stored => read_stored_map(&mut self.stream, &mut self.left)?,
        };
        Ok(Layout::of(regions, records.size(), self.left))
    }

    fn classify_empty(
        &mut self,
        kind: u8,
        header: &Header<'_>,
        name: &[u8],
        extension: &mut Extension,
    ) -> Found {
        match kind {
            b'5' => Found::Dir,
            b'2' => {
                self.target = String::from_utf8_lossy(&extension.link(header)).into_owned();
                Found::Symlink
            }
            b'1' => {
                let link = extension.link(header);
                match normalise(&link, &mut self.target, self.stream.budget()) {
                    Ok(Form::Normal) => Found::Hardlink,
                    Ok(Form::Cleaned) => {
                        extension.doubt("a hard link to a name that is not normal");
                        Found::Hardlink
                    }
                    Err(refused) => {
                        let path = String::from_utf8_lossy(name);
                        let detail = format!("a hard link: {}", refused.reason);
                        self.problems.push(Problem::new(refused.code, &path, detail));
                        Found::Other
                    }
                }
            }
            _ => Found::Other,
        }
    }

    /// Puts the normal form of the entry's name in place; false where it has none.
    fn name(&mut self, name: &[u8]) -> bool {
        let normal = normalise(name, &mut self.path, self.stream.budget());
        let text = || String::from_utf8_lossy(name);
        match normal {
            Ok(Form::Normal) => true,
            Ok(Form::Cleaned) => {
                self.ambiguous(&text(), "a name that is not normal");
                true
            }
            Err(refused) => {
                self.problems.push(Problem::new(refused.code, &text(), refused.reason));
                false
            }
        }
    }

    /// Whiteouts are told by their names alone.
    fn interpret(&mut self, found: Found) -> Found {
        match whiteout::meaning(&self.path) {
            Meaning::Itself if self.path.is_empty() => {
                self.ambiguous("", "the root is no folder");
                Found::Nothing
            }
            Meaning::Itself => found,
            Meaning::Metadata => Found::Metadata,
            Meaning::Opaque => {
                self.target.clear();
                self.target.push_str(whiteout::split(&self.path).0);
                Found::Opaque
            }
            Meaning::Whiteout => {
                whiteout::removed(&self.path, &mut self.target);
                Found::Whiteout
            }
            Meaning::Nonsense => {
                let path = std::mem::take(&mut self.path);
                self.ambiguous(&path, "a whiteout of nothing");
                Found::Nothing
            }
        }
    }

    fn ambiguous(&mut self, path: &str, detail: &str) {
        self.problems.push(Problem::new(ProblemCode::AmbiguousArchive, path, detail));
    }
}

fn size_unknown() -> Failure {
    Failure::new(ProblemCode::Malformed, "a size that is no number")
}

/// Bytes that fill the last block of `size` bytes.
fn padding_of(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK as u64
}
