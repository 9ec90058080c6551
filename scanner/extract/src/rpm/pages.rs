//! The pages of a database file, each of which may be used once: links cannot lead in circles,
//! and reading all of them costs no more than the file is long.

/// Pages of one size.
pub(super) struct Pages<'a> {
    bytes: &'a [u8],
    size: usize,
    used: Vec<bool>,
}

impl<'a> Pages<'a> {
    /// The whole pages of `bytes`; `size` is not zero.
    pub fn new(bytes: &'a [u8], size: usize) -> Self {
        Pages { bytes, size, used: vec![false; bytes.len().checked_div(size).unwrap_or(0)] }
    }

    /// How many there are.
    pub const fn count(&self) -> usize {
        self.used.len()
    }

    /// Whether nothing is left over behind the last page.
    pub const fn are_whole(&self) -> bool {
        self.bytes.len() == self.count() * self.size
    }

    /// The page at `index`, counted from zero.
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        let start = index.checked_mul(self.size)?;
        self.bytes.get(start..start.checked_add(self.size)?)
    }

    /// The same, unless it was taken before.
    pub fn take(&mut self, index: usize) -> Option<&'a [u8]> {
        let used = self.used.get_mut(index)?;
        if std::mem::replace(used, true) { None } else { self.get(index) }
    }
}
