//! An archive of as many empty files as wanted, each of another name, made while it is read.

use super::{BLOCK, header, sign};
use std::io::Read;

/// Decimal digits of a file's number.
const DIGITS: usize = 8;
const NAME: &[u8] = b"many/00000000";
const CHECKSUM: std::ops::Range<usize> = 148..154;

/// Files `many/00000000`, `many/00000001`, …, then the end of the archive.
pub struct ManyFiles {
    header: [u8; BLOCK],
    /// The sum of the first file's header.
    sum: u32,
    block: [u8; BLOCK],
    /// Bytes of the block that were read.
    at: usize,
    /// Blocks that were made.
    made: u64,
    files: u64,
}

impl ManyFiles {
    /// This many of them, at most 100 million.
    pub fn new(files: u64) -> Self {
        let mut header = header(b'0', NAME, b"", 0);
        sign(&mut header);
        let sum = std::str::from_utf8(&header[CHECKSUM]).unwrap();
        let sum = u32::from_str_radix(sum, 8).unwrap();
        ManyFiles { header, sum, block: header, at: BLOCK, made: 0, files }
    }

    /// Only what differs from the first file's header is written: name and checksum.
    fn make_next(&mut self) {
        self.at = 0;
        if self.made < self.files {
            self.block = self.header;
            let added = write_digits(&mut self.block[NAME.len() - DIGITS..NAME.len()], self.made, 10);
            write_digits(&mut self.block[CHECKSUM], u64::from(self.sum + added), 8);
        } else {
            self.block = [0; BLOCK];
        }
        self.made += 1;
    }
}

/// Writes a number to the end of a field, and says what the digits sum up to.
fn write_digits(field: &mut [u8], mut number: u64, base: u64) -> u32 {
    let mut sum = 0;
    for byte in field.iter_mut().rev() {
        let digit = (number % base) as u8;
        *byte = b'0' + digit;
        sum += u32::from(digit);
        number /= base;
    }
    sum
}

impl Read for ManyFiles {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let mut filled = 0;
        while filled < out.len() {
            if self.at == BLOCK {
                if self.made == self.files + 2 {
                    break;
                }
                self.make_next();
            }
            let count = (BLOCK - self.at).min(out.len() - filled);
            out[filled..filled + count].copy_from_slice(&self.block[self.at..self.at + count]);
            self.at += count;
            filled += count;
        }
        Ok(filled)
    }
}
