//! An open folder, and what can be reached beneath it by one name: never a link, never `..`.

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// The largest value of an extended attribute that means something.
const MAX_MARK: usize = 16;

/// An open folder.
#[derive(Debug)]
pub(crate) struct Folder(OwnedFd);

impl Folder {
    /// The folder at a path that an operator named; its links are the operator's.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Folder(rustix::fs::open(path, flags, Mode::empty())?))
    }

    /// The folder of this name.
    pub(crate) fn open_folder(&self, name: &[u8]) -> io::Result<Self> {
        Ok(Folder(self.open_beneath(name, OFlags::DIRECTORY)?))
    }

    /// The regular file of this name; or of a path, whose folders are no links either.
    pub(crate) fn open_file(&self, name: &[u8]) -> io::Result<File> {
        // What is a pipe by now must not block.
        let file = self.open_beneath(name, OFlags::NONBLOCK | OFlags::NOCTTY)?;
        let stat = rustix::fs::fstat(&file)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(File::from(file)),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, "it is no regular file any more")),
        }
    }

    fn open_beneath(&self, name: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        loop {
            match rustix::fs::openat2(&self.0, name, flags, Mode::empty(), resolve) {
                // Something was renamed meanwhile, so that the kernel cannot tell: once more.
                Err(Errno::AGAIN | Errno::INTR) => {}
                outcome => return Ok(outcome?),
            }
        }
    }

    /// What lies under a name; `None` if nothing does.
    pub(crate) fn stat(&self, name: &[u8]) -> io::Result<Option<Stat>> {
        match rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What it is itself.
    pub(crate) fn own_stat(&self) -> io::Result<Stat> {
        Ok(rustix::fs::fstat(&self.0)?)
    }

    /// What a symbolic link says.
    pub(crate) fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(rustix::fs::readlinkat(&self.0, name, Vec::new())?.into_bytes())
    }

    /// Tell `visitor` of each name in it, in the order in which the file system keeps them.
    pub(crate) fn visit<E: From<io::Error>>(
        &self,
        visitor: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let names = Dir::read_from(&self.0).map_err(io::Error::from)?;
        for entry in names {
            let entry = entry.map_err(io::Error::from)?;
            match entry.file_name().to_bytes() {
                b"." | b".." => {}
                name => visitor(name)?,
            }
        }
        Ok(())
    }

    /// A short extended attribute; `None` if it has none of this name, or a longer one.
    pub(crate) fn mark(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        mark(&self.0, name)
    }
}

/// A short extended attribute of an open file or folder.
pub(crate) fn mark(file: impl AsFd, name: &str) -> io::Result<Option<Vec<u8>>> {
    let mut value = [0; MAX_MARK];
    match rustix::fs::fgetxattr(file, name, &mut value) {
        Ok(length) => Ok(value.get(..length).map(<[u8]>::to_vec)),
        Err(Errno::NODATA | Errno::NOTSUP) => Ok(None),
        // There is one, which is all that is asked of long ones.
        Err(Errno::RANGE) => Ok(Some(Vec::new())),
        Err(error) => Err(error.into()),
    }
}
