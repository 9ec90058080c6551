//! Text of series, in pieces of bounded size: a million of them never stand in memory together.

use std::fmt::Write;

/// A piece is sent once it has this many bytes.
const PIECE: usize = 64 << 10;

/// Takes the text in pieces; answers false when nobody reads any more.
pub type Send<'a> = dyn FnMut(String) -> bool + 'a;

/// Text that leaves as it grows.
pub struct Pieces<'a> {
    text: String,
    send: &'a mut Send<'a>,
    read: bool,
}

impl<'a> Pieces<'a> {
    /// Pieces that `send` takes.
    pub fn new(send: &'a mut Send<'a>) -> Self {
        Pieces { text: String::new(), send, read: true }
    }

    /// Whether somebody still reads.
    pub const fn is_read(&self) -> bool {
        self.read
    }

    /// What a family of gauges is called, and what it means (OpenMetrics 1.0, "Overall Structure").
    pub fn family(&mut self, name: &str, help: &str) {
        self.add(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
    }

    /// One more line, or part of one.
    pub fn add(&mut self, text: &str) {
        self.text.push_str(text);
        if self.text.len() >= PIECE {
            self.flush();
        }
    }

    /// The end: nothing was cut off.
    pub fn end(mut self) {
        self.add("# EOF\n");
        self.flush();
    }

    fn flush(&mut self) {
        if self.read && !self.text.is_empty() {
            self.read = (self.send)(std::mem::take(&mut self.text));
        }
        self.text.clear();
    }
}

/// Append `name="value"`, escaped (OpenMetrics 1.0, "ABNF": `escaped-char`), and a comma if others
/// stand before.
pub fn label(text: &mut String, name: &str, value: &str) {
    if !text.is_empty() && !text.ends_with('{') {
        text.push(',');
    }
    // Writing to a String cannot fail.
    let _ = write!(text, "{name}=\"");
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_hostile_stays_within_its_quotes() {
        let mut text = String::new();
        label(&mut text, "a", "x\"} 1\n# \\");
        label(&mut text, "b", "");
        assert_eq!(text, r#"a="x\"} 1\n# \\",b="""#);
    }

    #[test]
    fn text_leaves_in_pieces_until_nobody_reads() {
        let mut sizes = Vec::new();
        let mut send = |piece: String| {
            sizes.push(piece.len());
            sizes.len() < 2
        };
        let mut pieces = Pieces::new(&mut send);
        for _ in 0..4 {
            pieces.add(&"x".repeat(PIECE / 2));
        }
        assert!(!pieces.is_read());
        pieces.end();
        assert_eq!(sizes, [PIECE, PIECE]);
    }
}
