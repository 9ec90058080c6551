//! The same bytes over and over: large archives for little work.

use std::io::Read;

/// The same bytes, some number of times.
pub struct Over {
    bytes: Vec<u8>,
    at: usize,
    times: u64,
}

impl Over {
    /// Without an end.
    pub fn again(bytes: Vec<u8>) -> Self {
        Over::times(bytes, u64::MAX)
    }

    /// So many times.
    pub fn times(bytes: Vec<u8>, times: u64) -> Self {
        Over { bytes, at: 0, times }
    }
}

impl Read for Over {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.times == 0 {
            return Ok(0);
        }
        let rest = &self.bytes[self.at..];
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.at += count;
        if self.at == self.bytes.len() {
            self.at = 0;
            self.times -= 1;
        }
        Ok(count)
    }
}
