//! An OCI layout directory. Only `index.json` and `blobs/<algorithm>/<digits>` are ever opened;
//! the digits come from parsed digests.

use crate::error::ReadError;
use crate::image::{MAX_DOCUMENT, Shelf};
use crate::tarball::seek::open_file;
use bytes::Bytes;
use std::fs::File;
use std::io::Read;
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
        let Some(path) = self.path_of(name) else { return Ok(None) };
        if !path.exists() {
            return Ok(None);
        }
        let file = open_file(&path)?;
        let failed = |error| ReadError::io(format!("read {}", path.display()), error);
        let size = file.metadata().map_err(failed)?.len();
        Ok(Some((file, size)))
    }

    fn path_of(&self, name: &str) -> Option<PathBuf> {
        let is_blob = || {
            let mut parts = name.strip_prefix("blobs/")?.split('/');
            let digest = format!("{}:{}", parts.next()?, parts.next()?);
            parts.next().is_none().then(|| digest.parse::<api_vocab::Digest>().is_ok())
        };
        (name == "index.json" || is_blob() == Some(true)).then(|| self.root.join(name))
    }
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
        let path = self.path_of(name)?;
        std::fs::metadata(path).ok().map(|metadata| metadata.len())
    }
}
