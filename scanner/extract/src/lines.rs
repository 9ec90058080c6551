//! Lines of foreign text, read as a stream: a line of any length costs a bounded buffer.

use std::io::{self, BufRead, BufReader, Read};

/// Reads lines and keeps at most `longest` bytes of each.
pub(crate) struct Lines<'a> {
    reader: BufReader<&'a mut dyn Read>,
    line: Vec<u8>,
    longest: usize,
}

/// One line without its line feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// The beginning of the line, or all of it.
    pub text: &'a [u8],
    /// Whether `text` lacks the line's end because it was too long.
    pub cut: bool,
    /// Whether a line feed ended it; the last line may lack one.
    pub ended: bool,
}

impl<'a> Lines<'a> {
    /// Lines of `content`.
    pub fn new(content: &'a mut dyn Read, longest: usize) -> Self {
        Lines { reader: BufReader::with_capacity(64 * 1024, content), line: Vec::new(), longest }
    }

    /// The next line, or nothing at the end.
    ///
    /// # Errors
    /// Whatever the content's reader says.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let mut cut = false;
        let mut seen = false;
        loop {
            let chunk = match self.reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                return Ok(seen.then_some(Line { text: &self.line, cut, ended: false }));
            }
            seen = true;
            let end = memchr::memchr(b'\n', chunk);
            let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
            let room = self.longest - self.line.len();
            cut |= part.len() > room;
            self.line.extend(part.iter().take(room));
            let consumed = end.map_or(chunk.len(), |end| end + 1);
            self.reader.consume(consumed);
            if end.is_some() {
                return Ok(Some(Line { text: &self.line, cut, ended: true }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &[u8], longest: usize) -> Vec<(String, bool, bool)> {
        let mut content = text;
        let mut lines = Lines::new(&mut content, longest);
        let mut all = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            all.push((String::from_utf8_lossy(line.text).into_owned(), line.cut, line.ended));
        }
        all
    }

    #[test]
    fn lines_typical_are_split() {
        let expected = [("a".into(), false, true), (String::new(), false, true), ("b".into(), false, false)];
        assert_eq!(all(b"a\n\nb", 9), expected);
        assert_eq!(all(b"", 9), []);
    }

    #[test]
    fn line_of_many_chunks_is_cut_and_the_next_is_whole() {
        let text = [&[b'x'; 300_000][..], b"\nok\n"].concat();
        assert_eq!(all(&text, 4), [("xxxx".into(), true, true), ("ok".into(), false, true)]);
    }
}
