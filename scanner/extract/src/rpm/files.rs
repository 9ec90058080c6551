//! The files that a header lists: names, each with the number of its folder, and the folders.

use super::order::Order;
use crate::owned::{self, Paths};

const DIR_INDEXES: u32 = 1116;
const BASE_NAMES: u32 = 1117;
const DIR_NAMES: u32 = 1118;

/// More folders than any package has.
const MAX_FOLDERS: usize = 1 << 17;

const INT32: u32 = 4;
const STRING_ARRAY: u32 = 8;

/// The three lists as they stand among the values; each begins at its offset and has so many entries.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Files<'a> {
    indexes: Option<List<'a>>,
    names: Option<List<'a>>,
    folders: Option<List<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct List<'a> {
    bytes: &'a [u8],
    count: usize,
}

impl<'a> Files<'a> {
    /// Take a list, if this tag is one. A malformed one lists nothing: what nobody owns is matched.
    pub fn read(&mut self, tag: u32, kind: u32, values: &'a [u8], at: usize, count: usize) {
        let (slot, expected) = match tag {
            DIR_INDEXES => (&mut self.indexes, INT32),
            BASE_NAMES => (&mut self.names, STRING_ARRAY),
            DIR_NAMES => (&mut self.folders, STRING_ARRAY),
            _ => return,
        };
        if kind == expected
            && let Some(bytes) = values.get(at..)
        {
            *slot = Some(List { bytes, count });
        }
    }

    /// Paths of those files that tell of packages.
    pub fn owned(&self) -> Paths {
        let mut paths = Paths::default();
        let (Some(indexes), Some(names), Some(folders)) = (self.indexes, self.names, self.folders) else {
            return paths;
        };
        let named = names.texts().enumerate().filter(|(_, name)| owned::is_named_like_one(name));
        let mut wanted = named.peekable();
        if wanted.peek().is_none() {
            return paths;
        }
        let folders: Vec<&str> = folders.texts().take(MAX_FOLDERS).collect();
        for (at, name) in wanted {
            if let Some(folder) = indexes.number(at).and_then(|number| folders.get(number)) {
                paths.add(folder, name);
            }
        }
        paths
    }
}

impl<'a> List<'a> {
    fn number(self, at: usize) -> Option<usize> {
        (at < self.count).then(|| Order::Big.len32(self.bytes, at.checked_mul(4)?))?
    }

    /// Its texts; one that is no UTF-8 is empty, so that the others keep their places.
    fn texts(self) -> impl Iterator<Item = &'a str> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (text, after) = rest.split_at_checked(memchr::memchr(0, rest)?)?;
            rest = after.get(1..)?;
            Some(std::str::from_utf8(text).unwrap_or_default())
        })
        .take(self.count)
    }
}
