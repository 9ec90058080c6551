//! A small reader of bbolt databases, for one that another process owns and writes.
//!
//! bbolt never writes over a page that its last committed transaction can reach; the pages of the
//! one before may be used again by the next. So what was read is sound if the same transaction is
//! the last one before and after; else it is read again. Nothing in the file is believed: pages
//! are counted, nesting is limited, every number is checked.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;
const PAGE_HEADER: usize = 16;
const META_BYTES: usize = 64;
const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;
const META: u16 = 0x04;
/// A leaf's value is a bucket.
const IS_BUCKET: u32 = 0x01;
/// What a bucket's value begins with: its root page and a sequence.
const BUCKET_HEADER: usize = 16;

/// A page with what overflows from it.
const MAX_PAGE: usize = 4 << 20;
/// Pages of one reading: 256 MiB where they have the usual size.
const MAX_PAGES: usize = 65_536;
/// A tree that high has more leaves than there are pages.
const MAX_HEIGHT: usize = 24;

/// A file that is read by position.
pub(super) trait Pages {
    /// Fill `buffer` from `offset`; what the file does not have is an error.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

impl Pages for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }
}

/// A database as of one transaction.
pub(super) struct View<'f> {
    pages: &'f dyn Pages,
    meta: Meta,
    left: std::cell::Cell<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Meta {
    page_size: usize,
    root: u64,
    /// The first page that is not used.
    end: u64,
    transaction: u64,
}

/// A bucket: a tree in pages, or within the value that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bucket {
    /// The number of the tree's first page.
    Tree(u64),
    /// A leaf.
    Inline(Vec<u8>),
}

/// What a key stands for.
pub(super) enum Value<'v> {
    /// Bytes.
    Bytes(&'v [u8]),
    /// A bucket within the bucket.
    Bucket(Bucket),
}

/// Is told of keys and values.
type Visitor<'a> = &'a mut dyn FnMut(&[u8], Value<'_>) -> io::Result<()>;

/// What `read` finds in one transaction, however often it takes.
///
/// # Errors
/// The file cannot be read, is malformed, or changes each time.
pub(super) fn read_quietly<T>(
    pages: &dyn Pages,
    attempts: usize,
    read: impl Fn(&View<'_>) -> io::Result<T>,
) -> io::Result<T> {
    for _ in 0..attempts {
        let view = View::open(pages)?;
        let outcome = read(&view);
        // Malformed in a transaction that is over means nothing.
        if View::open(pages)?.meta == view.meta {
            return outcome;
        }
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, "it changes faster than it can be read"))
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the database is malformed: {what}"))
}

impl<'f> View<'f> {
    /// The last committed transaction: the newer of two pages, one of which may be half written.
    fn open(pages: &'f dyn Pages) -> io::Result<Self> {
        let first = Meta::read(pages, 0)?;
        let page_size = first.as_ref().map(|meta| meta.page_size);
        let second = match page_size {
            Some(size) => Meta::read(pages, size as u64)?,
            None => Meta::find_second(pages)?,
        };
        let newest = first.into_iter().chain(second).max_by_key(|meta| meta.transaction);
        let meta = newest.ok_or_else(|| malformed("neither meta page is sound"))?;
        Ok(View { pages, meta, left: std::cell::Cell::new(MAX_PAGES) })
    }

    /// The outermost bucket.
    pub(super) fn root(&self) -> Bucket {
        Bucket::Tree(self.meta.root)
    }

    /// The bucket under `key`.
    ///
    /// # Errors
    /// The file cannot be read or is malformed.
    pub(super) fn bucket(&self, within: &Bucket, key: &[u8]) -> io::Result<Option<Bucket>> {
        let mut found = None;
        self.visit(within, &mut |at, value| {
            if let Value::Bucket(bucket) = value
                && at == key
            {
                found = Some(bucket);
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Tell `visitor` of all keys of a bucket, in order.
    ///
    /// # Errors
    /// The file cannot be read, is malformed, or the visitor fails.
    pub(super) fn visit(&self, bucket: &Bucket, visitor: Visitor<'_>) -> io::Result<()> {
        match bucket {
            Bucket::Tree(page) => self.visit_page(*page, MAX_HEIGHT, visitor),
            Bucket::Inline(page) => visit_leaf(page, visitor),
        }
    }

    fn visit_page(&self, number: u64, height: usize, visitor: Visitor<'_>) -> io::Result<()> {
        let page = self.page(number)?;
        match flags(&page)? {
            LEAF => visit_leaf(&page, visitor),
            BRANCH if height > 0 => {
                for at in 0..count(&page)? {
                    let element = PAGE_HEADER + at * 16;
                    self.visit_page(u64_at(&page, element + 8)?, height - 1, visitor)?;
                }
                Ok(())
            }
            BRANCH => Err(malformed("a tree without end")),
            _ => Err(malformed("neither a branch nor a leaf")),
        }
    }

    /// A page with what overflows from it.
    fn page(&self, number: u64) -> io::Result<Vec<u8>> {
        let size = self.meta.page_size;
        let mut page = self.read(number, size)?;
        if u64_at(&page, 0)? != number {
            return Err(malformed("a page with another's number"));
        }
        let overflow = usize::try_from(u32_at(&page, 12)?).unwrap_or(usize::MAX);
        let whole = overflow.saturating_add(1).saturating_mul(size);
        if whole > MAX_PAGE {
            return Err(malformed("a page over 4 MiB"));
        }
        if overflow > 0 {
            page = self.read(number, whole)?;
        }
        Ok(page)
    }

    fn read(&self, number: u64, bytes: usize) -> io::Result<Vec<u8>> {
        let size = self.meta.page_size;
        let pages = (bytes / size) as u64;
        if number < 2 || number.checked_add(pages).is_none_or(|end| end > self.meta.end) {
            return Err(malformed("a page outside the file"));
        }
        let left = self.left.get().checked_sub(bytes / size);
        self.left.set(left.ok_or_else(|| malformed("more pages than a tree can have"))?);
        let offset = number.checked_mul(size as u64).ok_or_else(|| malformed("a page outside the file"))?;
        let mut page = vec![0; bytes];
        self.pages.read_at(&mut page, offset)?;
        Ok(page)
    }
}

impl Meta {
    /// The meta page at `offset`, if it is sound.
    fn read(pages: &dyn Pages, offset: u64) -> io::Result<Option<Self>> {
        let mut page = [0; PAGE_HEADER + META_BYTES];
        match pages.read_at(&mut page, offset) {
            Ok(()) => Ok(Meta::parse(&page).ok().flatten()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The second page where the first does not tell how long pages are.
    fn find_second(pages: &dyn Pages) -> io::Result<Option<Self>> {
        for size in page_sizes() {
            let found = Meta::read(pages, size as u64)?.filter(|meta| meta.page_size == size);
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn parse(page: &[u8]) -> io::Result<Option<Self>> {
        let at = PAGE_HEADER;
        let body = page.get(at..at + META_BYTES - 8).unwrap_or_default();
        let sound = flags(page)? & META != 0
            && u32_at(page, at)? == MAGIC
            && u32_at(page, at + 4)? == VERSION
            && u64_at(page, at + 56)? == fnv1a(body);
        let page_size = usize::try_from(u32_at(page, at + 8)?).unwrap_or(0);
        Ok((sound && page_sizes().any(|size| size == page_size)).then_some(Meta {
            page_size,
            root: u64_at(page, at + 16)?,
            end: u64_at(page, at + 40)?,
            transaction: u64_at(page, at + 48)?,
        }))
    }
}

/// Those of operating systems.
fn page_sizes() -> impl Iterator<Item = usize> {
    (9..=16).map(|bits| 1_usize << bits)
}

fn visit_leaf(page: &[u8], visitor: Visitor<'_>) -> io::Result<()> {
    if flags(page)? != LEAF {
        return Err(malformed("no leaf where one ought to be"));
    }
    for at in 0..count(page)? {
        let element = PAGE_HEADER + at * 16;
        let kind = u32_at(page, element)?;
        let start = element.saturating_add(length_at(page, element + 4)?);
        let middle = start.saturating_add(length_at(page, element + 8)?);
        let end = middle.saturating_add(length_at(page, element + 12)?);
        let key = page.get(start..middle).ok_or_else(|| malformed("a key outside its page"))?;
        let value = page.get(middle..end).ok_or_else(|| malformed("a value outside its page"))?;
        let value = if kind & IS_BUCKET == 0 { Value::Bytes(value) } else { Value::Bucket(bucket(value)?) };
        visitor(key, value)?;
    }
    Ok(())
}

fn bucket(value: &[u8]) -> io::Result<Bucket> {
    match u64_at(value, 0)? {
        0 => {
            let page = value.get(BUCKET_HEADER..).filter(|page| page.len() >= PAGE_HEADER);
            Ok(Bucket::Inline(page.ok_or_else(|| malformed("a bucket without a page"))?.to_vec()))
        }
        page => Ok(Bucket::Tree(page)),
    }
}

fn flags(page: &[u8]) -> io::Result<u16> {
    u16_at(page, 8)
}

fn count(page: &[u8]) -> io::Result<usize> {
    Ok(usize::from(u16_at(page, 10)?))
}

fn u16_at(bytes: &[u8], at: usize) -> io::Result<u16> {
    Ok(u16::from_le_bytes(array_at(bytes, at)?))
}

fn u32_at(bytes: &[u8], at: usize) -> io::Result<u32> {
    Ok(u32::from_le_bytes(array_at(bytes, at)?))
}

fn u64_at(bytes: &[u8], at: usize) -> io::Result<u64> {
    Ok(u64::from_le_bytes(array_at(bytes, at)?))
}

fn length_at(bytes: &[u8], at: usize) -> io::Result<usize> {
    Ok(usize::try_from(u32_at(bytes, at)?).unwrap_or(usize::MAX))
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> io::Result<[u8; N]> {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk::<N>());
    found.copied().ok_or_else(|| malformed("a page that ends early"))
}

/// The checksum of meta pages (FNV-1a, 64 bits).
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
#[path = "bolt_tests.rs"]
mod tests;
