//! The table `Packages` of an SQLite database, read without SQLite.
//!
//! The file is foreign: its schema could hold millions of tables, views that never end, or
//! generated columns, all of which SQLite would honour. The one table that is wanted needs no
//! more than its b-tree pages (sqlite.org, "Database File Format").

use super::order::Order;
use super::pages::Pages;
use super::{Fault, Sink};

/// How every database starts.
pub(super) const MAGIC: &[u8] = b"SQLite format 3\0";
const FILE_HEADER: usize = 100;
const INTERIOR: u8 = 0x05;
const LEAF: u8 = 0x0d;

struct Database<'a> {
    pages: Pages<'a>,
    /// Bytes of a page that are used.
    usable: usize,
}

/// Hands every value of the column `blob` to `each`.
pub(super) fn read(bytes: &[u8], each: Sink<'_>) {
    let Some(mut database) = Database::open(bytes) else {
        return each(Err(Fault::malformed("SQLite header")));
    };
    let stated = Order::Big.len32(bytes, 28).unwrap_or(0);
    if stated > database.pages.count() || !database.pages.are_whole() {
        each(Err(Fault::truncated("SQLite database ends early")));
    }
    match database.root_of(b"Packages") {
        Err(fault) => each(Err(fault)),
        Ok(None) => each(Err(Fault::malformed("no table Packages"))),
        Ok(Some(root)) => database.walk(root, &mut |row| {
            let blob = row.and_then(|row| {
                column(row, 1).and_then(Value::blob).ok_or(Fault::malformed("row without a blob"))
            });
            each(blob);
        }),
    }
}

impl<'a> Database<'a> {
    fn open(bytes: &'a [u8]) -> Option<Self> {
        if !bytes.starts_with(MAGIC) || bytes.len() < FILE_HEADER {
            return None;
        }
        let size = match Order::Big.len16(bytes, 16)? {
            1 => 65536,
            size if (512..=32768).contains(&size) && size.is_power_of_two() => size,
            _ => return None,
        };
        let usable = size.checked_sub(usize::from(*bytes.get(20)?)).filter(|usable| *usable >= 480)?;
        Some(Database { pages: Pages::new(bytes, size), usable })
    }

    /// The root page of a table, from the schema's own table.
    fn root_of(&mut self, table: &[u8]) -> Result<Option<usize>, Fault> {
        let mut root = None;
        let mut fault = None;
        self.walk(1, &mut |row| match row {
            Err(seen) => fault = Some(seen),
            Ok(row) => {
                let is_table = column(row, 0).is_some_and(|value| value == Value::Text(b"table"));
                let is_named = column(row, 1).is_some_and(
                    |value| matches!(value, Value::Text(name) if name.eq_ignore_ascii_case(table)),
                );
                if is_table && is_named && root.is_none() {
                    root = column(row, 3).and_then(Value::page);
                }
            }
        });
        match (root, fault) {
            (None, Some(fault)) => Err(fault),
            (root, _) => Ok(root),
        }
    }

    /// Every row of the table at `root`, in order.
    fn walk(&mut self, root: usize, each: Sink<'_>) {
        let mut waiting = Vec::new();
        self.push(&mut waiting, Some(root), each);
        while let Some((number, page)) = waiting.pop() {
            let at = if number == 1 { FILE_HEADER } else { 0 };
            let header = page.get(at..).unwrap_or_default();
            let read = match header.first() {
                Some(&LEAF) => self.rows(page, at, each),
                Some(&INTERIOR) => self.children(page, at, &mut waiting, each),
                _ => None,
            };
            if read.is_none() {
                each(Err(Fault::malformed("SQLite page that is none of a table")));
            }
        }
    }

    fn children(
        &mut self,
        page: &'a [u8],
        at: usize,
        waiting: &mut Vec<(usize, &'a [u8])>,
        each: Sink<'_>,
    ) -> Option<()> {
        let children = cells(page, at, 12)?.map(|cell| Order::Big.len32(page, cell));
        let last = std::iter::once(Order::Big.len32(page, at + 8));
        // The first child is to be read first, so it goes on top.
        for child in children.chain(last).collect::<Vec<_>>().into_iter().rev() {
            self.push(waiting, child, each);
        }
        Some(())
    }

    fn push(&mut self, waiting: &mut Vec<(usize, &'a [u8])>, number: Option<usize>, each: Sink<'_>) {
        match number.and_then(|number| Some((number, self.page(number)?))) {
            Some(page) => waiting.push(page),
            None => each(Err(Fault::malformed("link to a page that is absent or used twice"))),
        }
    }

    fn page(&mut self, number: usize) -> Option<&'a [u8]> {
        self.pages.take(number.checked_sub(1)?)?.get(..self.usable)
    }

    fn rows(&mut self, page: &'a [u8], at: usize, each: Sink<'_>) -> Option<()> {
        // Cells do not overlap, so that a page's rows are no longer than the page.
        let mut left = page.len();
        for cell in cells(page, at, 8)? {
            match page.get(cell..).and_then(|cell| self.row(cell, &mut left)) {
                Some(row) => each(Ok(row.as_ref())),
                None => each(Err(Fault::malformed("SQLite row ends early"))),
            }
        }
        Some(())
    }

    /// The row in a leaf's cell, with what lies on overflow pages.
    fn row(&mut self, cell: &'a [u8], left: &mut usize) -> Option<Row<'a>> {
        let (len, cell) = varint(cell)?;
        let (_rowid, cell) = varint(cell)?;
        let len = usize::try_from(len).ok()?;
        let local = self.local(len);
        let (here, rest) = cell.split_at_checked(local)?;
        *left = left.checked_sub(local)?;
        if local == len {
            return Some(Row::Borrowed(here));
        }
        if len > self.pages.count().checked_mul(self.usable)? {
            return None;
        }
        let mut row = here.to_vec();
        let mut next = Order::Big.len32(rest, 0)?;
        while row.len() < len {
            let page = self.page(next)?;
            next = Order::Big.len32(page, 0)?;
            let content = page.get(4..)?;
            row.extend(content.iter().take(len - row.len()));
        }
        Some(Row::Owned(row))
    }

    /// How much of a row of `len` bytes lies in its leaf.
    fn local(&self, len: usize) -> usize {
        let most = self.usable - 35;
        let least = (self.usable - 12) * 32 / 255 - 23;
        let rest = least + len.saturating_sub(least) % (self.usable - 4);
        match () {
            () if len <= most => len,
            () if rest <= most => rest,
            () => least,
        }
    }
}

type Row<'a> = std::borrow::Cow<'a, [u8]>;

/// The offsets of a page's cells; nothing where there are more than fit.
fn cells(page: &[u8], at: usize, header: usize) -> Option<impl Iterator<Item = usize> + '_> {
    let count = Order::Big.len16(page, at + 3)?;
    let offsets = page.get(at + header..at + header + 2 * count)?;
    Some(offsets.chunks_exact(2).filter_map(|offset| Order::Big.len16(offset, 0)))
}

/// A column's value, as far as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value<'a> {
    Integer(&'a [u8]),
    Text(&'a [u8]),
    Blob(&'a [u8]),
    Other,
}

impl<'a> Value<'a> {
    fn blob(self) -> Option<&'a [u8]> {
        if let Value::Blob(blob) = self { Some(blob) } else { None }
    }

    fn page(self) -> Option<usize> {
        let Value::Integer(bytes) = self else { return None };
        bytes.iter().try_fold(0usize, |number, byte| number.checked_mul(256)?.checked_add(usize::from(*byte)))
    }
}

/// The value of a row's column.
fn column(row: &[u8], wanted: usize) -> Option<Value<'_>> {
    let (header_len, _) = varint(row)?;
    let (header, mut body) = row.split_at_checked(usize::try_from(header_len).ok()?)?;
    let (_, mut header) = varint(header)?;
    for index in 0.. {
        let (kind, rest) = varint(header)?;
        header = rest;
        let (value, rest) = body.split_at_checked(width(kind)?)?;
        body = rest;
        if index == wanted {
            return Some(match kind {
                1..=6 => Value::Integer(value),
                12.. if kind % 2 == 0 => Value::Blob(value),
                13.. => Value::Text(value),
                _ => Value::Other,
            });
        }
    }
    None
}

/// How many bytes a value of a serial type has.
fn width(kind: u64) -> Option<usize> {
    match kind {
        0 | 8 | 9 => Some(0),
        1..=4 => usize::try_from(kind).ok(),
        5 => Some(6),
        6 | 7 => Some(8),
        10 | 11 => None,
        _ => usize::try_from((kind - 12) / 2).ok(),
    }
}

/// A number of one to nine bytes, and what follows it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (index, byte) in bytes.iter().enumerate().take(9) {
        let rest = bytes.get(index + 1..)?;
        if index == 8 {
            return Some((number << 8 | u64::from(*byte), rest));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((number, rest));
        }
    }
    None
}
