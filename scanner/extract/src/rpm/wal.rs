//! SQLite's write-ahead log beside a database: the pages that are newer than the database's own
//! (sqlite.org, "Database File Format", 4).

use super::order::Order;
use super::{Fault, LARGEST};

const MAGIC_LITTLE: u32 = 0x377f_0682;
const MAGIC_BIG: u32 = 0x377f_0683;
const VERSION: u32 = 3_007_000;
const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// What a log says, up to its last whole transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Log<'a> {
    page_size: usize,
    /// How many pages the database has after it.
    pages: usize,
    frames: Vec<Frame<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame<'a> {
    /// From 1.
    page: usize,
    content: &'a [u8],
}

impl<'a> Log<'a> {
    /// What SQLite would read of a log; nothing where it would read none of it.
    pub fn parse(bytes: &'a [u8]) -> Result<Option<Self>, Fault> {
        let Some((header, frames)) = bytes.split_at_checked(HEADER) else { return Ok(None) };
        let Some(mut sums) = Sums::of_header(header) else { return Ok(None) };
        if Order::Big.u32(header, 4) != Some(VERSION) {
            return Err(Fault::unsupported("a log of an unknown version"));
        }
        let Some(page_size) = page_size(header) else { return Ok(None) };
        let salts = header.get(16..24);
        let mut log = Log { page_size, pages: 0, frames: Vec::new() };
        let mut committed = 0;
        for frame in frames.chunks_exact(FRAME_HEADER + page_size) {
            let Some((page, pages, content)) = whole_frame(frame, salts, &mut sums) else { break };
            log.frames.push(Frame { page, content });
            if pages > 0 {
                (log.pages, committed) = (pages, log.frames.len());
            }
        }
        log.frames.truncate(committed);
        Ok(Some(log).filter(|log| !log.frames.is_empty()))
    }

    /// Puts the newer pages into the database.
    pub fn apply(&self, database: &mut Vec<u8>) -> Result<(), Fault> {
        if Order::Big.u16(database, 16) != u16::try_from(self.page_size % 65535).ok() {
            return Err(Fault::malformed("a log with pages of another size than its database"));
        }
        let highest = self.frames.iter().map(|frame| frame.page).max().unwrap_or(0);
        let present = database.len() / self.page_size;
        if self.pages > present.max(highest) {
            return Err(Fault::truncated("pages are neither in the database nor in its log"));
        }
        let length = self.pages.checked_mul(self.page_size);
        let length = length.filter(|length| u64::try_from(*length).is_ok_and(|length| length <= LARGEST));
        let length = length.ok_or(Fault::too_large("too large together with its log"))?;
        database.resize(length, 0);
        for frame in &self.frames {
            let start = (frame.page - 1).saturating_mul(self.page_size);
            // A page that a later transaction cut off.
            let Some(page) = database.get_mut(start..start.saturating_add(self.page_size)) else { continue };
            page.copy_from_slice(frame.content);
        }
        Ok(())
    }
}

fn page_size(header: &[u8]) -> Option<usize> {
    Order::Big.len32(header, 8).filter(|size| (512..=65536).contains(size) && size.is_power_of_two())
}

/// A frame's page, the size of the database if it ends a transaction, and the page's content; if
/// the frame belongs to this log and is whole.
fn whole_frame<'f>(
    frame: &'f [u8],
    salts: Option<&[u8]>,
    sums: &mut Sums,
) -> Option<(usize, usize, &'f [u8])> {
    let (header, content) = frame.split_at_checked(FRAME_HEADER)?;
    let page = Order::Big.len32(header, 0).filter(|page| *page > 0)?;
    if header.get(8..16) != salts {
        return None;
    }
    sums.add(header.get(..8)?);
    sums.add(content);
    sums.are(header.get(16..24)?).then_some((page, Order::Big.len32(header, 4)?, content))
}

/// The two sums over everything so far.
struct Sums {
    order: Order,
    first: u32,
    second: u32,
}

impl Sums {
    /// Those of a log's header, if it states them.
    fn of_header(header: &[u8]) -> Option<Self> {
        let order = match Order::Big.u32(header, 0)? {
            MAGIC_LITTLE => Order::Little,
            MAGIC_BIG => Order::Big,
            _ => return None,
        };
        let mut sums = Sums { order, first: 0, second: 0 };
        sums.add(header.get(..24)?);
        sums.are(header.get(24..32)?).then_some(sums)
    }

    fn add(&mut self, bytes: &[u8]) {
        for pair in bytes.chunks_exact(8) {
            let (first, second) = (self.order.u32(pair, 0), self.order.u32(pair, 4));
            self.first = self.first.wrapping_add(first.unwrap_or(0)).wrapping_add(self.second);
            self.second = self.second.wrapping_add(second.unwrap_or(0)).wrapping_add(self.first);
        }
    }

    fn are(&self, stated: &[u8]) -> bool {
        Order::Big.u32(stated, 0) == Some(self.first) && Order::Big.u32(stated, 4) == Some(self.second)
    }
}
