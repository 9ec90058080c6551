//! The youngest map: lines of decimal numbers before the file's own bytes, in blocks of their own.

use super::regions::decimal;
use super::{LARGEST_MAP, Regions};
use crate::failure::Failure;
use crate::stream::{BLOCK, Stream};
use std::io::Read;

/// Reads the map at the start of an entry of which `left` bytes are to come.
pub(crate) fn read_map<R: Read>(stream: &mut Stream<'_, R>, left: &mut u64) -> Result<Regions, Failure> {
    let mut text = Text::default();
    if !text.read_lines(stream, left, 1)? {
        return Ok(Regions::refused("a map of holes without an end"));
    }
    let count = text.lines().next().and_then(decimal).and_then(|count| usize::try_from(count).ok());
    // Two digits and their ends are the least that a region takes.
    let Some(count) = count.filter(|count| *count <= LARGEST_MAP / 4) else {
        return Ok(Regions::refused("a map of holes that does not say its length"));
    };
    if !text.read_lines(stream, left, 1 + 2 * count)? {
        return Ok(Regions::refused("a map of holes without an end"));
    }
    let mut regions = Regions::default();
    let mut lines = text.lines().skip(1);
    for _ in 0..count {
        regions.add(lines.next().and_then(decimal), lines.next().and_then(decimal));
    }
    Ok(regions)
}

#[derive(Default)]
struct Text {
    bytes: Vec<u8>,
    ends: usize,
}

impl Text {
    /// Reads as many blocks as it takes to have `wanted` lines; false if there are not so many.
    fn read_lines<R: Read>(
        &mut self,
        stream: &mut Stream<'_, R>,
        left: &mut u64,
        wanted: usize,
    ) -> Result<bool, Failure> {
        while self.ends < wanted {
            let Some(rest) = left.checked_sub(BLOCK as u64) else { return Ok(false) };
            if self.bytes.len() >= LARGEST_MAP {
                return Ok(false);
            }
            let block = stream.block()?.ok_or_else(Failure::truncated)?;
            *left = rest;
            self.ends += block.iter().filter(|byte| **byte == b'\n').count();
            self.bytes.extend_from_slice(&block);
        }
        Ok(true)
    }

    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.split(|byte| *byte == b'\n')
    }
}
