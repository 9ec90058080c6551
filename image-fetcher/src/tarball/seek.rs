//! Archives in files: found once by their headers, then layers by offset.

use super::entries::Entries;
use super::headers::Bounded;
use crate::error::ReadError;
use crate::image::{MAX_DOCUMENT, Shelf};
use bytes::Bytes;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Take};
use std::path::{Path, PathBuf};

/// A plain tar file.
#[derive(Debug)]
pub struct SeekArchive {
    path: PathBuf,
    entries: Entries,
}

impl SeekArchive {
    /// Read the headers of all entries.
    ///
    /// # Errors
    /// The file cannot be read, is no archive, or ends early.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let file = open_file(path)?;
        let length = file.metadata().map_err(|error| failed(path, error))?.len();
        let (bounded, bound) = Bounded::new(file);
        let mut archive = tar::Archive::new(bounded);
        let mut entries = Entries::default();
        let malformed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => ReadError::Truncated(path.display().to_string()),
            _ => ReadError::malformed(&path.display().to_string(), error),
        };
        for entry in archive.entries_with_seek().map_err(malformed)? {
            let entry = entry.map_err(malformed)?;
            bound.pass(&entry);
            entries.add(&entry)?;
            let end = entry.raw_file_position().saturating_add(entry.size());
            if end > length {
                return Err(ReadError::Truncated(path.display().to_string()));
            }
        }
        Ok(SeekArchive { path: path.to_owned(), entries })
    }

    /// Open the file under a name; the reader's limit is its size.
    ///
    /// # Errors
    /// The archive cannot be read any more.
    pub fn open_entry(&self, name: &str) -> Result<Option<Take<File>>, ReadError> {
        let Some((_, offset, size)) = self.entries.find_file(name) else { return Ok(None) };
        let mut file = open_file(&self.path)?;
        file.seek(SeekFrom::Start(offset)).map_err(|error| failed(&self.path, error))?;
        Ok(Some(file.take(size)))
    }
}

impl Shelf for SeekArchive {
    fn read_document(&self, name: &str) -> Result<Option<Bytes>, ReadError> {
        let Some(mut reader) = self.open_entry(name)? else { return Ok(None) };
        let size = reader.limit();
        if size > MAX_DOCUMENT {
            return Err(ReadError::TooLarge { what: name.to_owned(), limit: "4 MiB" });
        }
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(|error| failed(&self.path, error))?;
        if u64::try_from(bytes.len()).unwrap_or(0) < size {
            return Err(ReadError::Truncated(name.to_owned()));
        }
        Ok(Some(bytes.into()))
    }

    fn size_of(&self, name: &str) -> Option<u64> {
        self.entries.find_file(name).map(|(_, _, size)| size)
    }
}

/// Open a regular file; anything else might block or never end.
pub fn open_file(path: &Path) -> Result<File, ReadError> {
    let metadata = std::fs::metadata(path).map_err(|error| failed(path, error))?;
    if !metadata.is_file() {
        return Err(ReadError::Unsupported(format!("{}, which is no regular file,", path.display())));
    }
    File::open(path).map_err(|error| failed(path, error))
}

fn failed(path: &Path, error: std::io::Error) -> ReadError {
    ReadError::io(format!("read {}", path.display()), error)
}
