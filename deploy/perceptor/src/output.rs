//! What a person or a program sees: tables, and JSON lines.

mod rows;
pub mod sarif;
mod table;

pub use table::{Cell, Row, Table};

use std::io::{self, Write};

/// Write one JSON object and end the line.
///
/// # Errors
/// When `out` cannot be written, or the value is not representable as JSON.
pub fn json_line(out: &mut dyn Write, value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// A document for a file: indented JSON.
///
/// # Errors
/// When `out` cannot be written.
pub fn json_document(out: &mut dyn Write, value: &serde_json::Value) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    out.write_all(b"\n")
}

/// How wide the screen is, in characters; 100 where it does not say.
pub fn screen_width() -> usize {
    let width = console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    width.filter(|columns| *columns > 0).unwrap_or(100)
}
