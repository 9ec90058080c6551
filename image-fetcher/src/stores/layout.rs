//! An OCI layout directory. Only `index.json` and `blobs/<algorithm>/<digits>` are ever opened;
//! the digits come from parsed digests, and no link on the way is followed.

use crate::error::ReadError;
use crate::image::{MAX_DOCUMENT, Shelf};
use crate::stores::unpacked::Folder;
use bytes::Bytes;
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// A layout directory.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout at `root`.
    pub fn new(root: &Path) -> Self {
        Layout { root: root.to_owned() }
    }

    /// Open a blob by its name: its content and size.
    ///
    /// # Errors
    /// It is there, but cannot be read.
    pub fn open_blob(&self, name: &str) -> Result<Option<(File, u64)>, ReadError> {
        if !is_of_a_layout(name) {
            return Ok(None);
        }
        let opened = || -> io::Result<(File, u64)> {
            let file = Folder::open(&self.root)?.open_file(name.as_bytes())?;
            let size = file.metadata()?.len();
            Ok((file, size))
        };
        match opened() {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.unreadable(name, error)),
        }
    }
}

impl Layout {
    fn unreadable(&self, name: &str, error: io::Error) -> ReadError {
        let path = self.root.join(name);
        let leads_away = error.raw_os_error() == Some(Errno::LOOP.raw_os_error());
        if leads_away || matches!(error.kind(), ErrorKind::CrossesDevices | ErrorKind::InvalidData) {
            return ReadError::Unsupported(format!(
                "{}, which is no regular file of the layout,",
                path.display()
            ));
        }
        ReadError::io(format!("read {}", path.display()), error)
    }
}

/// Whether it is the name of an index or a blob.
fn is_of_a_layout(name: &str) -> bool {
    let is_blob = || {
        let mut parts = name.strip_prefix("blobs/")?.split('/');
        let digest = format!("{}:{}", parts.next()?, parts.next()?);
        parts.next().is_none().then(|| digest.parse::<api_vocab::Digest>().is_ok())
    };
    name == "index.json" || is_blob() == Some(true)
}

impl Shelf for Layout {
    fn read_document(&self, name: &str) -> Result<Option<Bytes>, ReadError> {
        let Some((file, size)) = self.open_blob(name)? else { return Ok(None) };
        if size > MAX_DOCUMENT {
            return Err(ReadError::TooLarge { what: name.to_owned(), limit: "4 MiB" });
        }
        let mut bytes = Vec::new();
        let read = file.take(MAX_DOCUMENT).read_to_end(&mut bytes);
        read.map_err(|error| ReadError::io(format!("read {name}"), error))?;
        Ok(Some(bytes.into()))
    }

    fn size_of(&self, name: &str) -> Option<u64> {
        self.open_blob(name).ok().flatten().map(|(_, size)| size)
    }
}
