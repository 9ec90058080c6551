//! SQLite's write-ahead log beside a database: whether it holds changes that the database lacks.

use super::order::Order;

const MAGIC: [u32; 2] = [0x377f_0682, 0x377f_0683];
const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// The number of frames that SQLite would read: those that carry the log's salts, up to the
/// first that does not.
pub(super) fn frames(bytes: &[u8]) -> usize {
    let Some((magic, page)) = Order::Big.u32(bytes, 0).zip(Order::Big.len32(bytes, 8)) else { return 0 };
    let Some((header, frames)) = bytes.split_at_checked(HEADER) else { return 0 };
    if !MAGIC.contains(&magic) || page == 0 {
        return 0;
    }
    let salts = header.get(16..24);
    frames
        .chunks_exact(page.saturating_add(FRAME_HEADER))
        .take_while(|frame| frame.get(8..16) == salts)
        .count()
}
