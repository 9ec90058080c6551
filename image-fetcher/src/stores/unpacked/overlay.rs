//! A layer as overlayfs keeps it, as an archive: its marks for what is removed become whiteouts.

use super::archive::{Archive, failed, join, over};
use super::folder::{Folder, mark};
use super::{MAX_DEPTH, MAX_PATH};
use crate::error::ReadError;
use rustix::fs::{FileType, Stat};
use std::fs;
use std::io;
use tar::EntryType;

/// The number of that capability.
const SYS_ADMIN: u32 = 21;

/// Whose extended attributes mean something: those that the kernel heeds where the layers are
/// mounted. An image can bring the others along, and would hide with them what a container sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Mounted by root.
    Trusted,
    /// Mounted by another user, or by fuse-overlayfs.
    User,
}

impl Dialect {
    /// The dialect of a storage: that of whoever owns its folder. The kernel hides trusted marks
    /// from those who may not administer it, as if there were none.
    pub(crate) fn of(root: &Folder) -> io::Result<Self> {
        if root.own_stat()?.st_uid != 0 {
            return Ok(Dialect::User);
        }
        if sees_trusted_marks(&fs::read_to_string("/proc/self/status")?) {
            return Ok(Dialect::Trusted);
        }
        let advice = "what unpacked layers hide can only be seen with CAP_SYS_ADMIN; \
                      give it to the image-fetcher";
        Err(io::Error::new(io::ErrorKind::PermissionDenied, advice))
    }

    /// Whether a folder hides what lies in it beneath; `x`: whether its files may be marks.
    fn opaque(self, folder: &Folder) -> io::Result<Option<Vec<u8>>> {
        match self {
            Dialect::Trusted => folder.mark("trusted.overlay.opaque"),
            Dialect::User => match folder.mark("user.overlay.opaque")? {
                None => folder.mark("user.fuseoverlayfs.opaque"),
                found => Ok(found),
            },
        }
    }

    fn name(self, what: &str) -> String {
        match self {
            Dialect::Trusted => format!("trusted.overlay.{what}"),
            Dialect::User => format!("user.overlay.{what}"),
        }
    }
}

/// Whether `/proc/self/status` shows the capability to administer the system.
fn sees_trusted_marks(status: &str) -> bool {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let bits = effective.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    bits.is_some_and(|bits| bits >> SYS_ADMIN & 1 == 1)
}

/// Add all that lies in a layer's folder.
pub(super) fn walk(root: &Folder, dialect: Dialect, archive: &mut Archive<'_>) -> Result<(), ReadError> {
    let mut walk = Walk { dialect, archive };
    walk.folder(root, b"", 0)
}

struct Walk<'a, 'b> {
    dialect: Dialect,
    archive: &'a mut Archive<'b>,
}

/// A read that failed, or what came of it.
enum Trouble {
    Read(io::Error),
    Other(ReadError),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Trouble::Read(error)
    }
}

impl Walk<'_, '_> {
    fn folder(&mut self, folder: &Folder, path: &[u8], depth: usize) -> Result<(), ReadError> {
        if depth > MAX_DEPTH || path.len() > MAX_PATH {
            return Err(over("a path in an unpacked layer", "256 folders and 4096 bytes"));
        }
        let opaque = self.dialect.opaque(folder).map_err(|error| failed(path, error))?;
        self.refuse_elsewhere(folder, path)?;
        if opaque.as_deref() == Some(b"y") {
            self.archive.add_opaque(path)?;
        }
        let has_marked_files = opaque.as_deref() == Some(b"x");
        let visited = folder.visit::<Trouble>(&mut |name| {
            self.entry(folder, path, name, depth, has_marked_files).map_err(Trouble::Other)
        });
        visited.map_err(|trouble| match trouble {
            Trouble::Read(error) => failed(path, error),
            Trouble::Other(error) => error,
        })
    }

    fn entry(
        &mut self,
        folder: &Folder,
        within: &[u8],
        name: &[u8],
        depth: usize,
        may_be_mark: bool,
    ) -> Result<(), ReadError> {
        let path = join(within, name);
        let failed = |error| failed(&path, error);
        let gone = || failed(io::ErrorKind::NotFound.into());
        let stat = folder.stat(name).map_err(failed)?.ok_or_else(gone)?;
        if is_whiteout(&stat) || (may_be_mark && self.is_marked(folder, name, &stat).map_err(failed)?) {
            return self.archive.add_whiteout(within, name);
        }
        if name.starts_with(b".wh.") {
            return self.whiteout_by_name(&path);
        }
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                self.archive.add_empty(&path, EntryType::Directory, stat.st_mode)?;
                let inner = folder.open_folder(name).map_err(failed)?;
                self.folder(&inner, &path, depth + 1)
            }
            FileType::Symlink => {
                let target = folder.read_link(name).map_err(failed)?;
                self.archive.add_symlink(&path, &target)
            }
            FileType::RegularFile => self.file(folder, &path, name, &stat),
            _ => self.archive.add_special(&path, &stat),
        }
    }

    fn file(&mut self, folder: &Folder, path: &[u8], name: &[u8], stat: &Stat) -> Result<(), ReadError> {
        // Only what changed of it lies here, and that is not its content.
        if stat.st_size > 0 && stat.st_blocks == 0 {
            let file = folder.open_file(name).map_err(|error| failed(path, error))?;
            let mark = mark(&file, &self.dialect.name("metacopy")).map_err(|error| failed(path, error))?;
            if mark.is_some() {
                return Err(ReadError::Unsupported("an unpacked layer with overlay's metacopy".to_owned()));
            }
        }
        self.archive.add_file(path, stat, || folder.open_file(name))
    }

    /// An empty file that stands for nothing, where marks cannot be devices.
    fn is_marked(&self, folder: &Folder, name: &[u8], stat: &Stat) -> io::Result<bool> {
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || stat.st_size > 0 {
            return Ok(false);
        }
        Ok(mark(folder.open_file(name)?, &self.dialect.name("whiteout"))?.is_some())
    }

    /// fuse-overlayfs writes whiteouts as archives do. The kernel's overlay does not: there it
    /// would be a file, which no archive can say.
    fn whiteout_by_name(&mut self, path: &[u8]) -> Result<(), ReadError> {
        match self.dialect {
            Dialect::User => self.archive.add_empty(path, EntryType::Regular, 0),
            Dialect::Trusted => {
                Err(ReadError::Unsupported("an unpacked layer with a file called as a whiteout".to_owned()))
            }
        }
    }

    /// What was moved lies somewhere else in the layers beneath.
    fn refuse_elsewhere(&self, folder: &Folder, path: &[u8]) -> Result<(), ReadError> {
        let moved = folder.mark(&self.dialect.name("redirect")).map_err(|error| failed(path, error))?;
        match moved {
            Some(_) => Err(ReadError::Unsupported("an unpacked layer with moved folders".to_owned())),
            None => Ok(()),
        }
    }
}

/// A character device without number.
fn is_whiteout(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice && stat.st_rdev == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trusted_marks_are_seen_with_the_capability_only() {
        for (status, seen) in [
            ("Name:\tx\nCapEff:\t000001ffffffffff\n", true),
            ("CapEff:\t0000000000200000\n", true),
            ("CapEff:\t0000000000000004\n", false),
            ("CapPrm:\t000001ffffffffff\n", false),
        ] {
            assert_eq!(sees_trusted_marks(status), seen, "{status}");
        }
    }
}
