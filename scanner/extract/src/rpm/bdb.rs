//! Berkeley DB's hash tables (`Packages`, rpm's default before 4.16), of either byte order.
//!
//! The first page describes the table. Pages of items hold keys and values in turn, and a list of
//! the items' offsets behind their header; items lie from the page's end downwards. A value too
//! long for a page lies on a chain of overflow pages.

use super::order::Order;
use super::pages::Pages;
use super::{Fault, Sink};

const MAGIC: u32 = 0x0006_1561;
const MAGIC_AT: usize = 12;
const PAGE_HEADER: usize = 26;

const PAGE_FREE: u8 = 0;
const PAGE_HASH_UNSORTED: u8 = 2;
const PAGE_OVERFLOW: u8 = 7;
const PAGE_META: u8 = 8;
const PAGE_HASH: u8 = 13;

const ITEM_INLINE: u8 = 1;
const ITEM_OVERFLOW: u8 = 3;

const CHECKSUMMED: u8 = 1;

/// Whose numbers these are, if this is a hash table.
pub(super) fn order_of(bytes: &[u8]) -> Option<Order> {
    [Order::Little, Order::Big].into_iter().find(|order| order.u32(bytes, MAGIC_AT) == Some(MAGIC))
}

struct Table<'a> {
    pages: Pages<'a>,
    order: Order,
}

/// Hands every value but the first key's to `each`.
pub(super) fn read(bytes: &[u8], order: Order, each: Sink<'_>) {
    let size = order.len32(bytes, 20).filter(|size| (512..=65536).contains(size) && size.is_power_of_two());
    let (Some(size), Some(&PAGE_META)) = (size, bytes.get(25)) else {
        return each(Err(Fault::malformed("Berkeley DB header")));
    };
    let is_encrypted = bytes.get(24).is_none_or(|algorithm| *algorithm != 0);
    if is_encrypted || bytes.get(26).is_none_or(|flags| flags & CHECKSUMMED != 0) {
        return each(Err(Fault::unsupported("Berkeley DB with encryption or checksums")));
    }
    let mut table = Table { pages: Pages::new(bytes, size), order };
    let last = order.len32(bytes, 32).unwrap_or(0);
    if last >= table.pages.count() {
        each(Err(Fault::truncated("Berkeley DB ends early")));
    }
    for number in 1..table.pages.count().min(last.saturating_add(1)) {
        let page = table.pages.get(number).unwrap_or_default();
        match page.get(25) {
            Some(&(PAGE_HASH | PAGE_HASH_UNSORTED)) => table.read_items(page, each),
            Some(&(PAGE_FREE | PAGE_OVERFLOW)) => {}
            _ => each(Err(Fault::malformed("Berkeley DB page of a kind that rpm does not write"))),
        }
    }
}

impl<'a> Table<'a> {
    fn read_items(&mut self, page: &'a [u8], each: Sink<'_>) {
        let count = self.order.len16(page, 20).unwrap_or(0);
        // Items do not overlap, so that a page's items are no longer than the page.
        let mut left = page.len();
        for index in (0..count).step_by(2) {
            let item = self.item(page, index).zip(self.item(page, index + 1));
            match item {
                Some((key, value)) if !is_counter(key) => {
                    self.read_value(value, &mut left, each);
                }
                Some(_) => {}
                None => return each(Err(Fault::malformed("Berkeley DB page with items out of place"))),
            }
        }
    }

    /// The bytes of an item: from its offset to that of the item before it.
    fn item(&self, page: &'a [u8], index: usize) -> Option<&'a [u8]> {
        let offset = |index: usize| self.order.len16(page, PAGE_HEADER + 2 * index);
        let end = match index.checked_sub(1) {
            Some(before) => offset(before)?,
            None => page.len(),
        };
        page.get(offset(index)?..end)
    }

    fn read_value(&mut self, item: &'a [u8], left: &mut usize, each: Sink<'_>) {
        match item.split_first() {
            Some((&ITEM_INLINE, value)) => match left.checked_sub(item.len()) {
                Some(rest) => {
                    *left = rest;
                    each(Ok(value));
                }
                None => each(Err(Fault::malformed("Berkeley DB items overlap"))),
            },
            Some((&ITEM_OVERFLOW, _)) => match self.overflow(item) {
                Some(value) => each(Ok(&value)),
                None => each(Err(Fault::malformed("Berkeley DB overflow chain is broken"))),
            },
            _ => each(Err(Fault::malformed("Berkeley DB item of a kind that rpm does not write"))),
        }
    }

    /// A value on a chain of pages: first page and length are in the item.
    fn overflow(&mut self, item: &[u8]) -> Option<Vec<u8>> {
        let mut next = self.order.len32(item, 4)?;
        let len = self.order.len32(item, 8)?;
        let mut value = Vec::new();
        while value.len() < len {
            let page = self.pages.take(next)?;
            if page.get(25) != Some(&PAGE_OVERFLOW) {
                return None;
            }
            let here = self.order.len16(page, 22)?;
            value.extend(page.get(PAGE_HEADER..PAGE_HEADER.checked_add(here)?)?);
            next = self.order.len32(page, 16)?;
        }
        (value.len() == len).then_some(value)
    }
}

/// rpm keeps the last package number under key 0.
fn is_counter(key: &[u8]) -> bool {
    matches!(key.split_first(), Some((&ITEM_INLINE, number)) if number.iter().all(|byte| *byte == 0))
}
