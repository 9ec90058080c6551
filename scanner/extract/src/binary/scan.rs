//! One pass over a binary: finds the places that mean something to Go or Rust and hands them on.

use super::golang::{self, Golang};
use super::layout::{HEADER, Layout};
use super::rust::Rust;
use super::window::Window;
use crate::collect::Collected;
use memchr::{memchr_iter, memmem};
use std::io;

/// How much is searched at once.
const CHUNK: usize = 256 << 10;
/// What is kept in view behind a place, so that every short pattern is whole somewhere.
const OVERLAP: usize = 128;

/// A place that may mean something, by its position in view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Mark {
    at: usize,
    kind: MarkKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum MarkKind {
    /// The header of Go's build information.
    BuildInfo,
    /// The frame around Go's module list.
    ModuleList,
    /// What may be the name of a Go toolchain.
    Toolchain,
    /// What may be the start of a zlib stream.
    Zlib,
}

/// Reads the packages of the binary that `window` shows from its start.
pub(super) fn read_packages(window: &mut Window<'_>, found: &mut Collected<'_>) -> io::Result<()> {
    let layout = Layout::parse(window.peek(0, HEADER)?);
    let (mut golang, mut rust) = (Golang::new(&layout), Rust::default());
    let read = search(window, &mut golang, &mut rust, found);
    golang.finish(found);
    rust.finish(found);
    read
}

fn search(
    window: &mut Window<'_>,
    golang: &mut Golang<'_>,
    rust: &mut Rust,
    found: &mut Collected<'_>,
) -> io::Result<()> {
    loop {
        window.fill(CHUNK)?;
        let (in_view, is_last) = (window.bytes().len(), window.ended());
        let end = if is_last { in_view } else { in_view.saturating_sub(OVERLAP) };
        for Mark { at, kind } in marks(window.bytes(), end) {
            match kind {
                MarkKind::BuildInfo => golang.read_build_info(window, at)?,
                MarkKind::ModuleList => golang.keep_module_list(window, at)?,
                MarkKind::Toolchain => golang.keep_toolchain(window, at),
                MarkKind::Zlib => rust.read_stream(window, at, found)?,
            }
        }
        golang.read_pointed(window, end);
        // A Go linker writes no list of crates.
        if golang.is_complete() || is_last {
            return Ok(());
        }
        window.advance(end);
    }
}

/// The marks that begin before `end`, in order.
fn marks(bytes: &[u8], end: usize) -> Vec<Mark> {
    let fixed = [
        (golang::BUILD_INFO, MarkKind::BuildInfo),
        (golang::MODULE_LIST_START, MarkKind::ModuleList),
        (golang::TOOLCHAIN, MarkKind::Toolchain),
    ];
    let mut marks: Vec<Mark> = fixed
        .into_iter()
        .flat_map(|(pattern, kind)| memmem::find_iter(bytes, pattern).map(move |at| Mark { at, kind }))
        .chain(memchr_iter(b'x', bytes).filter(|at| is_zlib(bytes, *at)).map(zlib_mark))
        .filter(|mark| mark.at < end)
        .collect();
    marks.sort_unstable();
    marks
}

fn zlib_mark(at: usize) -> Mark {
    Mark { at, kind: MarkKind::Zlib }
}

/// Whether the two bytes at `at` are the header of a zlib stream without a dictionary (RFC 1950).
fn is_zlib(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at + 1), Some(0x01 | 0x5e | 0x9c | 0xda))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_in_order_and_before_the_end() {
        let bytes = [b"x\x9c..go1.2", golang::BUILD_INFO, b"x\x01"].concat();
        let kinds = |end| marks(&bytes, end).into_iter().map(|mark| mark.kind).collect::<Vec<_>>();
        assert_eq!(
            kinds(bytes.len()),
            [MarkKind::Zlib, MarkKind::Toolchain, MarkKind::BuildInfo, MarkKind::Zlib]
        );
        assert_eq!(kinds(4), [MarkKind::Zlib]);
    }
}
