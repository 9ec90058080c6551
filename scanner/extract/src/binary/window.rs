//! A bounded view of a stream that moves forward.

use std::io::{self, Read};

/// How much is asked of the stream at once.
const STEP: usize = 64 << 10;

/// The part of a stream between what was let go and what was looked at.
pub(super) struct Window<'r> {
    source: &'r mut dyn Read,
    bytes: Vec<u8>,
    start: u64,
    ended: bool,
}

impl<'r> Window<'r> {
    /// A view that begins where the stream stands.
    pub(super) fn new(source: &'r mut dyn Read) -> Self {
        Window { source, bytes: Vec::new(), start: 0, ended: false }
    }

    /// Everything in view.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where in the stream the view begins.
    pub(super) const fn start(&self) -> u64 {
        self.start
    }

    /// Whether the view reaches the stream's end.
    pub(super) const fn ended(&self) -> bool {
        self.ended
    }

    /// Widen the view to `len` bytes, or to the stream's end.
    pub(super) fn fill(&mut self, len: usize) -> io::Result<()> {
        while self.bytes.len() < len && !self.ended {
            let missing = (len - self.bytes.len()).max(STEP);
            let limit = u64::try_from(missing).unwrap_or(u64::MAX);
            self.ended = (&mut *self.source).take(limit).read_to_end(&mut self.bytes)? < missing;
        }
        Ok(())
    }

    /// `len` bytes from `at` in view, fewer at the stream's end.
    pub(super) fn peek(&mut self, at: usize, len: usize) -> io::Result<&[u8]> {
        self.fill(at.saturating_add(len))?;
        let rest = self.bytes.get(at..).unwrap_or_default();
        Ok(rest.get(..len).unwrap_or(rest))
    }

    /// Let go of the first `len` bytes.
    pub(super) fn advance(&mut self, len: usize) {
        let gone = self.bytes.drain(..len.min(self.bytes.len())).len();
        self.start += u64::try_from(gone).unwrap_or(u64::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_moves_over_the_whole_stream() {
        let stream: Vec<u8> = (0..=255).cycle().take(3 * STEP + 7).collect();
        let mut source = stream.as_slice();
        let mut window = Window::new(&mut source);
        assert_eq!(window.peek(1, 3).unwrap(), [1, 2, 3]);
        window.advance(STEP);
        assert_eq!((window.start(), window.bytes().len()), (STEP as u64, 0));
        assert_eq!(window.peek(2 * STEP, 100).unwrap().len(), 7);
        assert!(window.ended());
        assert!(window.peek(usize::MAX, 1).unwrap().is_empty());
    }
}
