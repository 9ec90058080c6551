//! Programs and shared objects (ELF, PE, Mach-O, WebAssembly) that say what they were built from:
//! Go's build information and the dependency list of `cargo auditable`.
//!
//! A layer's file is one stream, and these files are large: each is read once, through a window
//! of bounded size, and only after its first four bytes show that it is one. What was embedded by
//! neither toolchain (C libraries linked in statically, Rust built without `cargo auditable`) is
//! not seen.

mod golang;
mod layout;
mod modules;
mod place;
mod rust;
mod scan;
#[cfg(test)]
mod tests;
mod window;

use crate::budget::problem_of;
use crate::collect::Collected;
use crate::extractor::{Extracted, Extractor, OpenFile, Scope};
use std::io;
use window::Window;

/// Reads Go and Rust packages from executables.
#[derive(Debug, Clone, Copy)]
pub struct Binary;

impl Extractor for Binary {
    fn name(&self) -> &'static str {
        "binary"
    }

    fn version(&self) -> u32 {
        1
    }

    fn scope(&self) -> Scope {
        Scope::Language
    }

    fn wants(&self, path: &str) -> bool {
        place::may_be_binary(path)
    }

    fn extract(&self, file: &mut OpenFile<'_>) -> Extracted {
        let mut found = Collected::new(file.path);
        if let Err(error) = read_binary(&mut Window::new(file.content), &mut found) {
            found.failed(problem_of(file.path, &error));
        }
        found.finish()
    }
}

fn read_binary(window: &mut Window<'_>, found: &mut Collected<'_>) -> io::Result<()> {
    if is_binary(window.peek(0, 4)?) { scan::read_packages(window, found) } else { Ok(()) }
}

fn is_binary(start: &[u8]) -> bool {
    matches!(
        start,
        [0x7f, b'E', b'L', b'F']
            | [b'M', b'Z', ..]
            | [0xfe, 0xed, 0xfa, 0xce | 0xcf]
            | [0xce | 0xcf, 0xfa, 0xed, 0xfe]
            | [0, b'a', b's', b'm']
    )
}
