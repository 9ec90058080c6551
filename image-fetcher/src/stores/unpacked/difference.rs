//! A layer of a storage that keeps each layer whole, as an archive: what differs from the one
//! beneath it.
//!
//! A file is the same if its metadata and its content are. Metadata alone would be quicker, but an
//! image decides on both: one that replaces a file by another of the same size and time would hide
//! it. One layer out of all would be simpler, but nobody could tell which layer brought a package.

use super::archive::{Archive, failed, join, over};
use super::folder::Folder;
use super::{MAX_DEPTH, MAX_PATH};
use crate::error::ReadError;
use rustix::fs::{FileType, Stat};
use std::io::{self, Read};
use tar::EntryType;

const PIECE: usize = 64 << 10;

/// Add what differs between a layer and the one beneath it; without one, all.
pub(super) fn walk(
    root: &Folder,
    beneath: Option<&Folder>,
    archive: &mut Archive<'_>,
) -> Result<(), ReadError> {
    let pieces = (vec![0; PIECE], vec![0; PIECE]);
    Walk { archive, pieces }.folder(root, beneath, b"", 0)
}

struct Walk<'a, 'b> {
    archive: &'a mut Archive<'b>,
    pieces: (Vec<u8>, Vec<u8>),
}

enum Trouble {
    Read(io::Error),
    Other(ReadError),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Trouble::Read(error)
    }
}

fn visit(
    folder: &Folder,
    path: &[u8],
    visitor: &mut dyn FnMut(&[u8]) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let visited = folder.visit::<Trouble>(&mut |name| visitor(name).map_err(Trouble::Other));
    visited.map_err(|trouble| match trouble {
        Trouble::Read(error) => failed(path, error),
        Trouble::Other(error) => error,
    })
}

impl Walk<'_, '_> {
    fn folder(
        &mut self,
        folder: &Folder,
        beneath: Option<&Folder>,
        path: &[u8],
        depth: usize,
    ) -> Result<(), ReadError> {
        if depth > MAX_DEPTH || path.len() > MAX_PATH {
            return Err(over("a path in an unpacked layer", "256 folders and 4096 bytes"));
        }
        visit(folder, path, &mut |name| self.entry(folder, beneath, path, name, depth))?;
        let Some(beneath) = beneath else { return Ok(()) };
        visit(beneath, path, &mut |name| {
            let now = folder.stat(name).map_err(|error| failed(path, error))?;
            if now.is_some() { Ok(()) } else { self.archive.add_whiteout(path, name) }
        })
    }

    fn entry(
        &mut self,
        folder: &Folder,
        beneath: Option<&Folder>,
        within: &[u8],
        name: &[u8],
        depth: usize,
    ) -> Result<(), ReadError> {
        let path = join(within, name);
        let failed = |error| failed(&path, error);
        let gone = || failed(io::ErrorKind::NotFound.into());
        if name.starts_with(b".wh.") {
            let what = "an unpacked layer with a file called as a whiteout".to_owned();
            return Err(ReadError::Unsupported(what));
        }
        let stat = folder.stat(name).map_err(failed)?.ok_or_else(gone)?;
        let before = match beneath {
            Some(beneath) => beneath.stat(name).map_err(failed)?.map(|before| (beneath, before)),
            None => None,
        };
        if kind(&stat) == FileType::Directory {
            return self.inner(folder, before, &path, name, &stat, depth);
        }
        if let Some((beneath, before)) = &before
            && self.is_same(folder, beneath, name, &stat, before).map_err(failed)?
        {
            return Ok(());
        }
        match kind(&stat) {
            FileType::Symlink => {
                let target = folder.read_link(name).map_err(failed)?;
                self.archive.add_symlink(&path, &target)
            }
            FileType::RegularFile => self.archive.add_file(&path, &stat, || folder.open_file(name)),
            _ => self.archive.add_special(&path, &stat),
        }
    }

    fn inner(
        &mut self,
        folder: &Folder,
        before: Option<(&Folder, Stat)>,
        path: &[u8],
        name: &[u8],
        stat: &Stat,
        depth: usize,
    ) -> Result<(), ReadError> {
        let failed = |error| failed(path, error);
        let inner = folder.open_folder(name).map_err(failed)?;
        let Some((beneath, before)) = before else {
            self.archive.add_empty(path, EntryType::Directory, stat.st_mode)?;
            return self.folder(&inner, None, path, depth + 1);
        };
        if kind(&before) == FileType::Directory {
            if !has_same_metadata(stat, &before) {
                self.archive.add_empty(path, EntryType::Directory, stat.st_mode)?;
            }
            let beneath = beneath.open_folder(name).map_err(failed)?;
            return self.folder(&inner, Some(&beneath), path, depth + 1);
        }
        let within = path.get(..path.len().saturating_sub(name.len() + 1)).unwrap_or_default();
        self.archive.add_whiteout(within, name)?;
        self.archive.add_empty(path, EntryType::Directory, stat.st_mode)?;
        self.folder(&inner, None, path, depth + 1)
    }

    fn is_same(
        &mut self,
        folder: &Folder,
        beneath: &Folder,
        name: &[u8],
        stat: &Stat,
        before: &Stat,
    ) -> io::Result<bool> {
        if !has_same_metadata(stat, before) {
            return Ok(false);
        }
        match kind(stat) {
            FileType::RegularFile => {
                self.has_same_content(&mut folder.open_file(name)?, &mut beneath.open_file(name)?)
            }
            FileType::Symlink => Ok(folder.read_link(name)? == beneath.read_link(name)?),
            _ => Ok(stat.st_rdev == before.st_rdev),
        }
    }

    fn has_same_content(&mut self, one: &mut impl Read, other: &mut impl Read) -> io::Result<bool> {
        let (mine, theirs) = &mut self.pieces;
        loop {
            let read = fill(one, mine)?;
            let same = fill(other, theirs)? == read && mine.get(..read) == theirs.get(..read);
            if !same || read == 0 {
                return Ok(same);
            }
        }
    }
}

/// Reads until the piece is full or the file ends.
fn fill(from: &mut impl Read, piece: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(free) = piece.get_mut(filled..).filter(|free| !free.is_empty()) {
        match from.read(free) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

fn has_same_metadata(stat: &Stat, before: &Stat) -> bool {
    let key = |stat: &Stat| {
        let owner = (stat.st_uid, stat.st_gid);
        let size = if kind(stat) == FileType::Directory { 0 } else { stat.st_size };
        (stat.st_mode, owner, size, stat.st_mtime, stat.st_mtime_nsec)
    };
    key(stat) == key(before)
}
