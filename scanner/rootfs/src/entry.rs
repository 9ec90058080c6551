//! What an archive holds: entries, and their content as a stream.

use crate::failure::Failure;
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
        /// Bytes of content.
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
    /// How much may still be read before the file is too large.
    pub(crate) allowed: u64,
    pub(crate) sparse: bool,
}

impl<R: Read> Read for Content<'_, '_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if *self.left == 0 || out.is_empty() {
            return Ok(0);
        }
        if self.sparse {
            return Err(Failure::new(ProblemCode::Unsupported, "a file with holes").into());
        }
        if self.allowed == 0 {
            return Err(Failure::new(ProblemCode::TooLarge, "larger than a file may be").into());
        }
        let window = self.stream.window()?;
        if window.is_empty() {
            return Err(Failure::truncated().into());
        }
        let most = (*self.left).min(self.allowed).min(out.len() as u64);
        let count = usize::try_from(most).unwrap_or(usize::MAX).min(window.len());
        if let (Some(to), Some(from)) = (out.get_mut(..count), window.get(..count)) {
            to.copy_from_slice(from);
        }
        self.stream.consume(count);
        *self.left -= count as u64;
        self.allowed -= count as u64;
        Ok(count)
    }
}
