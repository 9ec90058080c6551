//! Tables for people: aligned columns, severities in colour on a terminal.

use super::text::{cut, plain, width};
use api_vocab::Severity;
use std::io::{self, Write};

/// Something that is a row of a table.
pub trait Row {
    /// Column heads; `wide` asks for all of them.
    fn heads(wide: bool) -> Vec<&'static str>;
    /// One cell per head.
    fn cells(&self, wide: bool) -> Vec<Cell>;
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    text: String,
    severity: Option<Severity>,
    right: bool,
}

impl Cell {
    /// A text; what would steer the terminal is escaped, for it may come from an image.
    pub fn text(text: impl AsRef<str>) -> Self {
        Cell { text: plain(text.as_ref()), severity: None, right: false }
    }

    /// A number, at the right of its column.
    pub fn number(number: u64) -> Self {
        Cell { text: number.to_string(), severity: None, right: true }
    }

    /// A count of findings; none is a dot, so that what is there stands out.
    pub fn count(count: u64, severity: Severity) -> Self {
        match count {
            0 => Cell { text: "·".into(), severity: None, right: true },
            _ => Cell { severity: Some(severity), ..Cell::number(count) },
        }
    }

    /// A severity's word.
    pub fn severity(severity: Severity) -> Self {
        Cell { text: severity.as_str().into(), severity: Some(severity), right: false }
    }

    /// What is not known.
    pub fn unknown() -> Self {
        Cell { text: "-".into(), severity: None, right: false }
    }

    /// A number that is not known, at the right of its column as those that are.
    pub fn unknown_number() -> Self {
        Cell { right: true, ..Cell::unknown() }
    }

    fn width(&self) -> usize {
        width(&self.text)
    }
}

/// Rows that are aligned when they are written.
pub struct Table {
    heads: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
    colour: bool,
}

impl Table {
    /// An empty table for rows of `R`.
    pub fn of<R: Row>(wide: bool, colour: bool) -> Self {
        Table { heads: R::heads(wide), rows: Vec::new(), colour }
    }

    /// Add a row.
    pub fn push(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// Write heads and rows; at most `max_width` characters a line where one is given.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn write(&self, out: &mut dyn Write, max_width: Option<usize>) -> io::Result<()> {
        let widths = self.widths(max_width);
        let heads: Vec<Cell> = self.heads.iter().enumerate().map(|(at, head)| self.head(at, head)).collect();
        write_line(out, &heads, &widths, false)?;
        self.rows.iter().try_for_each(|row| write_line(out, row, &widths, self.colour))
    }

    /// A head stands on the side of its column.
    fn head(&self, at: usize, head: &str) -> Cell {
        let right = self.rows.first().and_then(|row| row.get(at)).is_some_and(|cell| cell.right);
        Cell { right, ..Cell::text(head) }
    }

    /// As wide as the widest cell; where that is too much, the widest columns give way.
    fn widths(&self, max_width: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = self.heads.iter().map(|head| head.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        let Some(max) = max_width else { return widths };
        let gaps = widths.len().saturating_sub(1) * 2;
        while widths.iter().sum::<usize>() + gaps > max {
            match widths.iter_mut().max().filter(|width| **width > 12) {
                Some(widest) => *widest -= 1,
                None => break,
            }
        }
        widths
    }
}

fn write_line(out: &mut dyn Write, cells: &[Cell], widths: &[usize], colour: bool) -> io::Result<()> {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        if !line.is_empty() {
            line.push_str("  ");
        }
        let text = fitted(cell, *width);
        match cell.severity.filter(|_| colour).and_then(code) {
            Some(code) => line.push_str(&format!("\u{1b}[{code}m{text}\u{1b}[0m")),
            None => line.push_str(&text),
        }
    }
    writeln!(out, "{}", line.trim_end())
}

fn fitted(cell: &Cell, columns: usize) -> String {
    let text = cut(&cell.text, columns);
    let gap = " ".repeat(columns.saturating_sub(width(&text)));
    if cell.right { gap + &text } else { text + &gap }
}

/// ANSI "select graphic rendition" code.
const fn code(severity: Severity) -> Option<&'static str> {
    match severity {
        Severity::Critical => Some("1;31"),
        Severity::High => Some("31"),
        Severity::Medium => Some("33"),
        Severity::Low => Some("36"),
        Severity::Negligible | Severity::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Two(&'static str, u64);

    impl Row for Two {
        fn heads(_: bool) -> Vec<&'static str> {
            vec!["NAME", "N"]
        }
        fn cells(&self, _: bool) -> Vec<Cell> {
            vec![Cell::text(self.0), Cell::count(self.1, Severity::High)]
        }
    }

    fn written(rows: &[Two], colour: bool, max: Option<usize>) -> String {
        let mut table = Table::of::<Two>(false, colour);
        rows.iter().for_each(|row| table.push(row.cells(false)));
        let mut out = Vec::new();
        table.write(&mut out, max).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn table_columns_are_aligned() {
        assert_eq!(written(&[Two("a", 12), Two("bbb", 0)], false, None), "NAME   N\na     12\nbbb    ·\n");
    }

    #[test]
    fn table_too_wide_cuts_its_widest_column() {
        let text = written(&[Two("abcdefghijklmnopqrstuvwxyz", 1)], false, Some(20));
        assert!(text.lines().all(|line| line.chars().count() <= 20), "{text}");
        assert!(text.contains('…'));
    }

    #[test]
    fn table_with_wide_characters_is_aligned_by_columns() {
        let text = written(&[Two("日本", 1), Two("abcd", 2)], false, None);
        assert_eq!(text, "NAME  N\n日本  1\nabcd  2\n");
    }

    #[test]
    fn cell_from_an_image_cannot_command_the_terminal() {
        assert!(!written(&[Two("a\u{1b}[2Jb\n", 0)], false, None).contains('\u{1b}'));
    }

    #[test]
    fn colour_is_only_where_asked_for() {
        assert!(written(&[Two("a", 1)], true, None).contains("\u{1b}[31m"));
        assert!(!written(&[Two("a", 1)], false, None).contains('\u{1b}'));
    }
}
