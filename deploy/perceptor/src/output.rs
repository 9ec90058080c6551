//! What a person or a program sees: tables, and JSON lines.

mod rows;
pub mod sarif;
mod table;
mod text;

pub use table::{Cell, Row, Table};
pub use text::{many, plain};

use std::io::{self, IsTerminal, Write};

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

/// Whether standard output is a terminal that shows colours: `NO_COLOR` and `TERM=dumb` say no.
pub fn has_colour() -> bool {
    io::stdout().is_terminal() && console::colors_enabled()
}

/// How many lines the screen has, where it says.
pub fn screen_height() -> Option<usize> {
    let lines = console::Term::stdout().size_checked().map(|(lines, _)| usize::from(lines));
    lines.filter(|lines| *lines > 0)
}

/// How wide the screen is, in characters; 100 where it does not say.
pub fn screen_width() -> usize {
    let width = console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    width.filter(|columns| *columns > 0).unwrap_or(100)
}
