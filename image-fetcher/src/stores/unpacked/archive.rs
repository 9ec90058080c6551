//! Writing an archive into a stream of chunks: headers by hand of the tar crate, names of any
//! length and any bytes.

use super::{MAX_ENTRIES, MAX_PATH};
use crate::error::ReadError;
use crate::tarball::send::Sink;
use api_wire::image_source::LayerEvent;
use bytes::{Bytes, BytesMut};
use rustix::fs::{FileType, Stat};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use tar::{EntryType, Header};

const CHUNK: usize = 128 << 10;
const BLOCK: usize = 512;
/// Bytes of paths of files with several names that are remembered. A file that is forgotten is
/// sent under each name, which means the same.
const MAX_REMEMBERED: usize = 32 << 20;

/// An archive on its way.
pub(super) struct Archive<'a> {
    sink: Sink<'a>,
    chunk: BytesMut,
    entries: u64,
    /// Files with several names: device and number, and the first path.
    linked: HashMap<(u64, u64), Vec<u8>>,
    remembered: usize,
}

impl<'a> Archive<'a> {
    pub(super) fn new(sink: Sink<'a>) -> Self {
        let chunk = BytesMut::with_capacity(CHUNK);
        Archive { sink, chunk, entries: 0, linked: HashMap::new(), remembered: 0 }
    }

    /// An entry without content: a folder, a device, or a mark.
    pub(super) fn add_empty(&mut self, path: &[u8], kind: EntryType, mode: u32) -> Result<(), ReadError> {
        self.add_header(path, kind, mode, 0, &[])
    }

    /// The mark that a name of the layers beneath is gone.
    pub(super) fn add_whiteout(&mut self, folder: &[u8], name: &[u8]) -> Result<(), ReadError> {
        let mark = join(folder, &[b".wh.", name].concat());
        self.add_empty(&mark, EntryType::Regular, 0)
    }

    /// The mark that all that lay in a folder is gone.
    pub(super) fn add_opaque(&mut self, folder: &[u8]) -> Result<(), ReadError> {
        self.add_empty(&join(folder, b".wh..wh..opq"), EntryType::Regular, 0)
    }

    /// A symbolic link.
    pub(super) fn add_symlink(&mut self, path: &[u8], target: &[u8]) -> Result<(), ReadError> {
        self.add_header(path, EntryType::Symlink, 0o777, 0, target)
    }

    /// A regular file: its content, or a link to where that was before.
    pub(super) fn add_file(
        &mut self,
        path: &[u8],
        stat: &Stat,
        open: impl FnOnce() -> io::Result<File>,
    ) -> Result<(), ReadError> {
        let identity = (stat.st_dev, stat.st_ino);
        if stat.st_nlink > 1 {
            if let Some(first) = self.linked.get(&identity).cloned() {
                return self.add_header(path, EntryType::Link, stat.st_mode, 0, &first);
            }
            if self.remembered < MAX_REMEMBERED {
                self.remembered += path.len() + 64;
                self.linked.insert(identity, path.to_vec());
            }
        }
        let failed = |error| failed(path, error);
        let mut file = open().map_err(failed)?;
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        self.add_header(path, EntryType::Regular, stat.st_mode, size, &[])?;
        self.add_content(path, &mut file, size)?;
        self.pad(size)
    }

    /// A pipe or device: there, and nothing more.
    pub(super) fn add_special(&mut self, path: &[u8], stat: &Stat) -> Result<(), ReadError> {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::CharacterDevice => EntryType::Char,
            FileType::BlockDevice => EntryType::Block,
            FileType::Fifo => EntryType::Fifo,
            // No archive holds a socket.
            _ => return Ok(()),
        };
        self.add_empty(path, kind, stat.st_mode)
    }

    /// The archive's end.
    pub(super) fn finish(mut self) -> Result<(), ReadError> {
        self.write(&[0; 2 * BLOCK])?;
        self.flush()
    }

    fn add_header(
        &mut self,
        path: &[u8],
        kind: EntryType,
        mode: u32,
        size: u64,
        link: &[u8],
    ) -> Result<(), ReadError> {
        self.entries += 1;
        if self.entries > MAX_ENTRIES {
            return Err(over("an unpacked layer", "10,000,000 entries"));
        }
        if path.len() > MAX_PATH || link.len() > MAX_PATH {
            return Err(over("a path in an unpacked layer", "4096 bytes"));
        }
        let mut header = Header::new_gnu();
        if !put_name(path, &mut header.as_old_mut().name) {
            self.add_long(path, EntryType::GNULongName)?;
        }
        if !put_name(link, &mut header.as_old_mut().linkname) {
            self.add_long(link, EntryType::GNULongLink)?;
        }
        header.set_entry_type(kind);
        header.set_mode(mode & 0o7777);
        header.set_size(size);
        header.set_cksum();
        self.write(header.as_bytes())
    }

    fn add_long(&mut self, name: &[u8], kind: EntryType) -> Result<(), ReadError> {
        let size = u64::try_from(name.len()).unwrap_or(0) + 1;
        let mut header = Header::new_gnu();
        put_name(b"././@LongLink", &mut header.as_old_mut().name);
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_cksum();
        self.write(header.as_bytes())?;
        self.write(name)?;
        self.write(&[0])?;
        self.pad(size)
    }

    /// Exactly `size` bytes: a file that is shorter by now is being removed or written to.
    fn add_content(&mut self, path: &[u8], file: &mut File, size: u64) -> Result<(), ReadError> {
        let mut left = size;
        while left > 0 {
            let room = CHUNK - self.chunk.len();
            let wanted = usize::try_from(left).map_or(room, |left| left.min(room));
            let begun = self.chunk.len();
            self.chunk.resize(begun + wanted, 0);
            let space = self.chunk.get_mut(begun..).unwrap_or_default();
            file.read_exact(space).map_err(|error| failed(path, error))?;
            left -= u64::try_from(wanted).unwrap_or(left);
            if self.chunk.len() >= CHUNK {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn pad(&mut self, size: u64) -> Result<(), ReadError> {
        let padding = size.wrapping_neg() % BLOCK as u64;
        let zeros = [0; BLOCK];
        let zeros = usize::try_from(padding).ok().and_then(|padding| zeros.get(..padding));
        self.write(zeros.unwrap_or_default())
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), ReadError> {
        while !bytes.is_empty() {
            let room = CHUNK - self.chunk.len();
            let (part, rest) = bytes.split_at(room.min(bytes.len()));
            self.chunk.extend_from_slice(part);
            bytes = rest;
            if self.chunk.len() >= CHUNK {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ReadError> {
        let chunk: Bytes = std::mem::replace(&mut self.chunk, BytesMut::with_capacity(CHUNK)).freeze();
        if chunk.is_empty() { Ok(()) } else { (self.sink)(LayerEvent::Chunk(chunk)) }
    }
}

/// Puts as much of a name as there is room for; whether that is all.
fn put_name(name: &[u8], field: &mut [u8; 100]) -> bool {
    for (to, from) in field.iter_mut().zip(name) {
        *to = *from;
    }
    name.len() <= field.len()
}

/// A name in a folder.
pub(super) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

/// Reading below an unpacked layer failed. Layers that are finished do not change: what is gone or
/// short is being removed, and the image is to be found anew.
pub(super) fn failed(path: &[u8], error: io::Error) -> ReadError {
    let path: String = String::from_utf8_lossy(path).chars().filter(|c| !c.is_control()).take(200).collect();
    match error.kind() {
        io::ErrorKind::NotFound => ReadError::NotFound(format!("{path} of an unpacked layer")),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::NotADirectory => {
            let what = format!("{path} of an unpacked layer");
            ReadError::Interrupted { what, reason: "it changes while it is read".to_owned() }
        }
        _ => ReadError::io(format!("read {path} of an unpacked layer"), error),
    }
}

pub(super) fn over(what: &str, limit: &'static str) -> ReadError {
    ReadError::TooLarge { what: what.to_owned(), limit }
}
