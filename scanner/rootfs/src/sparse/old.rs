//! The oldest map: in the header itself, and in blocks that follow it.

use super::{LARGEST_MAP, Regions};
use crate::failure::Failure;
use crate::header::Header;
use crate::number::{Number, parse_number};
use crate::stream::{BLOCK, Stream};
use api_vocab::ProblemCode;
use std::io::Read;

/// Two numbers of twelve bytes each.
const REGION: usize = 24;
const FOLLOWING: usize = 21;

/// Reads the map of the entry that `header` begins.
pub(crate) fn read_map<R: Read>(stream: &mut Stream<'_, R>, header: &Header<'_>) -> Result<Regions, Failure> {
    let mut regions = Regions::default();
    if !header.is_gnu() {
        regions.refuse("a map of holes in a dialect that has none");
    }
    add_all(&mut regions, header.sparse_regions());
    let mut goes_on = header.sparse_map_goes_on();
    let mut bytes = 0;
    while goes_on {
        bytes += BLOCK;
        if bytes > LARGEST_MAP {
            return Err(Failure::new(ProblemCode::TooLarge, "a map of holes larger than 1 MiB"));
        }
        let block = stream.block()?.ok_or_else(Failure::truncated)?;
        let (entries, rest) = block.split_at(FOLLOWING * REGION);
        add_all(&mut regions, entries);
        goes_on = rest.first() != Some(&0);
    }
    Ok(regions)
}

/// Adds entries up to the first that is empty. Some readers tell that by its offset, some by its
/// length.
fn add_all(regions: &mut Regions, entries: &[u8]) {
    for entry in entries.chunks_exact(REGION) {
        let (offset, length) = entry.split_at(REGION / 2);
        match (offset.first(), length.first()) {
            (Some(0), Some(0)) => return,
            (Some(0), _) | (_, Some(0)) => {
                regions.refuse("a map of holes that ends in two places");
            }
            _ => regions.add(sure(offset), sure(length)),
        }
    }
}

fn sure(field: &[u8]) -> Option<u64> {
    if let Number::Sure(number) = parse_number(field) { Some(number) } else { None }
}
