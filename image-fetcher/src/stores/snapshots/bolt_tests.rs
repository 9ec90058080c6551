//! Databases made by hand, sound and otherwise.

use super::*;
use proptest::prelude::*;
use std::cell::Cell;

const PAGE: usize = 4096;

impl Pages for Vec<u8> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let found = self.get(start..start.saturating_add(buffer.len()));
        buffer.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// A page of `kind` with these elements: flags (of leaves) or page number (of branches), key, value.
fn a_page(number: u64, kind: u16, overflow: u32, elements: &[(u64, &[u8], &[u8])]) -> Vec<u8> {
    let mut page = number.to_le_bytes().to_vec();
    page.extend(kind.to_le_bytes());
    page.extend(u16::try_from(elements.len()).unwrap().to_le_bytes());
    page.extend(overflow.to_le_bytes());
    let mut at = elements.len() * 16;
    for (first, key, value) in elements {
        let position = u32::try_from(at).unwrap().to_le_bytes();
        let key_size = u32::try_from(key.len()).unwrap().to_le_bytes();
        if kind == LEAF {
            page.extend(u32::try_from(*first).unwrap().to_le_bytes());
            page.extend(position);
            page.extend(key_size);
            page.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
        } else {
            page.extend(position);
            page.extend(key_size);
            page.extend(first.to_le_bytes());
        }
        at = at + key.len() + value.len() - 16;
    }
    for (_, key, value) in elements {
        page.extend(*key);
        page.extend(*value);
    }
    page.resize(PAGE * (overflow as usize + 1), 0);
    page
}

fn a_meta(number: u64, root: u64, end: u64, transaction: u64) -> Vec<u8> {
    let mut page = a_page(number, META, 0, &[]);
    let mut body = [MAGIC.to_le_bytes(), VERSION.to_le_bytes()].concat();
    body.extend(u32::try_from(PAGE).unwrap().to_le_bytes());
    body.extend(0_u32.to_le_bytes());
    for number in [root, 0, u64::MAX, end, transaction] {
        body.extend(number.to_le_bytes());
    }
    body.extend(fnv1a(&body).to_le_bytes());
    page[PAGE_HEADER..PAGE_HEADER + META_BYTES].copy_from_slice(&body);
    page
}

fn tree(page: u64) -> Vec<u8> {
    [page.to_le_bytes(), [0; 8]].concat()
}

/// Root leaf 2 → bucket "b" at branch 3 → leaves 4 and 5 (with an overflow page), and an inline bucket.
fn a_database(transaction: u64) -> Vec<u8> {
    let mut inner = a_page(0, LEAF, 0, &[(0, b"kind", &[3])]);
    inner.truncate(64);
    let inline = [tree(0), inner].concat();
    let long = vec![7; 5000];
    [
        a_meta(0, 2, 7, transaction),
        a_meta(1, 2, 7, transaction - 1),
        a_page(2, LEAF, 0, &[(1, b"b", &tree(3))]),
        a_page(3, BRANCH, 0, &[(4, b"k1", b""), (5, b"k3", b"")]),
        a_page(4, LEAF, 0, &[(0, b"k1", b"v1"), (1, b"k2", &inline)]),
        a_page(5, LEAF, 1, &[(0, b"k3", &long)]),
    ]
    .concat()
}

fn keys(view: &View<'_>) -> io::Result<Vec<(String, usize)>> {
    let Some(bucket) = view.bucket(&view.root(), b"b")? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    view.visit(&bucket, &mut |key, value| {
        let size = match value {
            Value::Bytes(bytes) => bytes.len(),
            Value::Bucket(inner) => {
                let mut inner_keys = 0;
                view.visit(&inner, &mut |_, _| {
                    inner_keys += 1;
                    Ok(())
                })?;
                inner_keys
            }
        };
        found.push((String::from_utf8_lossy(key).into_owned(), size));
        Ok(())
    })?;
    Ok(found)
}

fn read(pages: &dyn Pages) -> io::Result<Vec<(String, usize)>> {
    read_quietly(pages, 3, keys)
}

#[test]
fn database_with_each_kind_of_page_is_read() {
    let found = read(&a_database(7)).unwrap();
    let wanted = [("k1", 2), ("k2", 1), ("k3", 5000)].map(|(key, size)| (key.to_owned(), size));
    assert_eq!(found, wanted);
}

#[test]
fn meta_half_written_falls_back_to_the_other() {
    for torn in [0, 1] {
        let mut database = a_database(7);
        database[torn * PAGE + 40] ^= 1;
        assert_eq!(read(&database).unwrap().len(), 3, "{torn}");
    }
    let mut database = a_database(7);
    database[40] ^= 1;
    database[PAGE + 40] ^= 1;
    assert_eq!(read(&database).unwrap_err().kind(), io::ErrorKind::InvalidData);
}

/// Changes while it is read, so many times.
struct Changing {
    changes: Cell<u64>,
    reads: Cell<u64>,
}

impl Pages for Changing {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.reads.set(self.reads.get() + 1);
        let is_leaf = offset == 4 * PAGE as u64;
        if is_leaf && self.changes.get() > 0 {
            self.changes.set(self.changes.get() - 1);
            // The page was used again for something else.
            buffer.fill(0xff);
            return Ok(());
        }
        a_database(100 - self.changes.get()).read_at(buffer, offset)
    }
}

#[test]
fn database_changed_meanwhile_is_read_again() {
    let changing = Changing { changes: Cell::new(2), reads: Cell::new(0) };
    assert_eq!(read(&changing).unwrap().len(), 3);
    let restless = Changing { changes: Cell::new(50), reads: Cell::new(0) };
    assert_eq!(read(&restless).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
}

#[test]
fn tree_that_bites_its_tail_is_malformed() {
    let mut database = a_database(7);
    let circle = a_page(3, BRANCH, 0, &[(3, b"k1", b""), (3, b"k3", b"")]);
    database[3 * PAGE..4 * PAGE].copy_from_slice(&circle);
    assert_eq!(read(&database).unwrap_err().kind(), io::ErrorKind::InvalidData);
}

proptest! {
    #[test]
    fn database_damaged_anywhere_is_read_or_refused(
        damage in prop::collection::vec((0_usize..7 * PAGE, any::<u8>()), 1..40),
        cut in prop::option::of(0_usize..7 * PAGE),
    ) {
        let mut database = a_database(7);
        for (at, byte) in damage {
            // The bytes that decide lie at the pages' beginnings.
            let at = at / PAGE * PAGE + at % 160;
            database[at] = byte;
        }
        database.truncate(cut.unwrap_or(usize::MAX));
        let _ = read(&database);
    }

    #[test]
    fn database_of_arbitrary_pages_behind_a_sound_meta_is_read_or_refused(
        pages in prop::collection::vec(any::<u8>(), PAGE..3 * PAGE),
    ) {
        let database = [a_meta(0, 2, 1 << 40, 9), a_meta(1, 2, 9, 8), pages].concat();
        let _ = read(&database);
    }
}
