//! What an archive holds: entries, and their content as a stream.

use crate::failure::Failure;
use crate::sparse::{Layout, Stretch};
use crate::stream::Stream;
use api_vocab::ProblemCode;
use std::io::{self, Read};

/// An entry of a layer. Its content, where it has any, can be read until the next one is asked for.
pub struct Entry<'a, 'c, R: Read> {
    /// Where, as `a/b/c`: never absolute, never with `.` or `..`. Never empty.
    pub path: &'a str,
    /// What.
    pub kind: Kind<'a>,
    /// The bytes of a [`Kind::File`].
    pub content: Content<'a, 'c, R>,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    /// A regular file.
    File {
        /// Bytes of content, those in holes counted.
        size: u64,
        /// Whether any execute bit is set.
        executable: bool,
    },
    /// A folder.
    Dir,
    /// A symbolic link.
    Symlink {
        /// As the link says; absolute or relative to its folder. Not UTF-8: replaced characters.
        target: &'a str,
    },
    /// Another name of an earlier entry.
    Hardlink {
        /// Its path, in the form of [`Entry::path`].
        target: &'a str,
    },
    /// A device, a pipe, or something that we do not know.
    Other,
    /// Removes a path of the layers beneath (the entry is `.wh.` and the name).
    Whiteout {
        /// What is removed, in the form of [`Entry::path`].
        path: &'a str,
    },
    /// Hides all that the layers beneath have in a folder (the entry is `.wh..wh..opq`).
    Opaque {
        /// The folder, in the form of [`Entry::path`]; empty for the root.
        dir: &'a str,
    },
    /// What AUFS left for itself (`.wh..wh.plnk` and such): no part of the image.
    Metadata,
}

/// The content of the entry at hand.
pub struct Content<'a, 'c, R: Read> {
    pub(crate) stream: &'a mut Stream<'c, R>,
    pub(crate) left: &'a mut u64,
    pub(crate) layout: &'a mut Layout,
    /// How much may still be read before the file is too large.
    pub(crate) allowed: u64,
}

impl<R: Read> Read for Content<'_, '_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let next = match self.layout {
            Layout::Whole => Some(*self.left).filter(|left| *left > 0).map(Stretch::Bytes),
            Layout::Unknown(reason) => return Err(Failure::new(ProblemCode::Malformed, *reason).into()),
            // Zeros that lead nowhere are not handed out: only what will be read whole is begun.
            Layout::Holes(map) if map.left() > self.allowed => return Err(too_large().into()),
            Layout::Holes(map) => map.next(),
        };
        let count = match next {
            None => return Ok(0),
            Some(_) if self.allowed == 0 => return Err(too_large().into()),
            Some(Stretch::Bytes(most)) => self.read_bytes(out, most)?,
            Some(Stretch::Hole(most)) => self.read_hole(out, most)?,
        };
        if let Layout::Holes(map) = self.layout {
            map.advance(count as u64);
        }
        self.allowed -= count as u64;
        Ok(count)
    }
}

impl<R: Read> Content<'_, '_, R> {
    fn read_bytes(&mut self, out: &mut [u8], most: u64) -> Result<usize, Failure> {
        let window = self.stream.window()?;
        if window.is_empty() {
            return Err(Failure::truncated());
        }
        let most = most.min(self.allowed).min(out.len() as u64);
        let count = usize::try_from(most).unwrap_or(usize::MAX).min(window.len());
        if let (Some(to), Some(from)) = (out.get_mut(..count), window.get(..count)) {
            to.copy_from_slice(from);
        }
        self.stream.consume(count);
        *self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }

    fn read_hole(&mut self, out: &mut [u8], most: u64) -> Result<usize, Failure> {
        let count = usize::try_from(most).unwrap_or(usize::MAX).min(out.len());
        self.stream.make_up(count as u64)?;
        out.iter_mut().take(count).for_each(|byte| *byte = 0);
        Ok(count)
    }
}

fn too_large() -> Failure {
    Failure::new(ProblemCode::TooLarge, "larger than a file may be")
}
