//! rpm's own database format (`Packages.db`): slots that say where each package's header lies.
//!
//! All numbers are little-endian. Pages of 4096 bytes hold slots of 16; the file's header takes
//! the place of the first two. Headers lie in blocks of 16 bytes, each between a start and an end
//! mark.

use super::order::Order::Little;
use super::{Fault, Sink};

/// How every database starts.
pub(super) const MAGIC: &[u8] = b"RpmP";
const SLOT_MAGIC: &[u8] = b"Slot";
const BLOB_MAGIC: &[u8] = b"BlbS";
const SLOT: usize = 16;
const BLOCK: usize = 16;
const PAGE: usize = 4096;
const FILE_HEADER: usize = 2 * SLOT;
const BLOB_HEADER: usize = 16;
const BLOB_TAIL: usize = 12;

/// Hands every package's header to `each`.
pub(super) fn read(bytes: &[u8], each: Sink<'_>) {
    let version = Little.u32(bytes, 4);
    let pages = Little.len32(bytes, 12).filter(|pages| *pages > 0);
    let (Some(0), Some(pages)) = (version, pages) else {
        return each(Err(Fault::malformed("ndb header, or a version that is not known")));
    };
    let end = pages.saturating_mul(PAGE);
    if end > bytes.len() {
        each(Err(Fault::truncated("ndb slots end early")));
    }
    let slots = bytes.get(FILE_HEADER..end.min(bytes.len())).unwrap_or_default();
    // Headers do not overlap: together they are no longer than the file.
    let mut left = bytes.len();
    for slot in slots.chunks_exact(SLOT) {
        if !slot.starts_with(SLOT_MAGIC) {
            // The rest of the page is not slots, and there is no telling what else is wrong.
            return each(Err(Fault::malformed("ndb slot without its mark")));
        }
        if Little.u32(slot, 4) != Some(0) {
            each(blob(bytes, slot, &mut left).ok_or(Fault::malformed("ndb slot leads to no header")));
        }
    }
}

/// What a slot points to: number of the package, first block, count of blocks.
fn blob<'a>(bytes: &'a [u8], slot: &[u8], left: &mut usize) -> Option<&'a [u8]> {
    let start = Little.len32(slot, 8)?.checked_mul(BLOCK)?;
    let len = Little.len32(slot, 12)?.checked_mul(BLOCK)?;
    let (header, rest) = bytes.get(start..start.checked_add(len)?)?.split_at_checked(BLOB_HEADER)?;
    let is_same = header.starts_with(BLOB_MAGIC) && Little.u32(header, 4) == Little.u32(slot, 4);
    let blob = Little.len32(header, 12)?;
    let fits = blob.checked_add(BLOB_TAIL)? <= rest.len();
    *left = left.checked_sub(len)?;
    if is_same && fits { rest.get(..blob) } else { None }
}
