//! Files with holes: where in a file the bytes go that the archive holds of it.
//!
//! GNU tar has written them in four ways. As the runtimes' reader does, all are expanded to what
//! the file was; a map that does not fit its file leaves the content unread and the layer partial.

mod old;
mod records;
mod regions;
mod stored;

pub(crate) use old::read_map as read_old_map;
pub(crate) use records::{Source, SparseRecords};
pub(crate) use regions::Regions;
pub(crate) use stored::read_map as read_stored_map;

/// The largest map that is read, as in the runtimes' reader.
const LARGEST_MAP: usize = 1 << 20;

/// How the bytes of a file lie in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One after the other.
    Whole,
    /// With holes between them.
    Holes(SparseMap),
    /// Nobody knows, and why.
    Unknown(&'static str),
}

impl Layout {
    /// The layout of a file of `size` bytes, of which the archive holds `stored`.
    pub(crate) fn of(regions: Regions, size: Option<u64>, stored: u64) -> Self {
        let regions = regions.into_list();
        let map = regions.and_then(|list| {
            let size = size.ok_or("a file with holes whose size is unknown")?;
            SparseMap::new(list, size, stored)
        });
        map.map_or_else(Layout::Unknown, Layout::Holes)
    }
}

/// A stretch of a file whose bytes are in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// What comes next in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stretch {
    /// So many zeros.
    Hole(u64),
    /// So many bytes of the archive.
    Bytes(u64),
}

/// A map that fits its file, and how far it was followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SparseMap {
    /// What is still to come, the next one last; none of them empty.
    regions: Vec<Region>,
    at: u64,
    size: u64,
}

impl SparseMap {
    fn new(mut regions: Vec<Region>, size: u64, stored: u64) -> Result<Self, &'static str> {
        let mut end = 0;
        let mut bytes = 0_u64;
        for region in &regions {
            if region.start < end {
                return Err("a map of holes that is out of order");
            }
            end = region.end;
            bytes = bytes.saturating_add(region.end - region.start);
        }
        if end > size {
            return Err("a map of holes that leads beyond its file");
        }
        if bytes != stored {
            return Err("a map of holes for another number of bytes");
        }
        regions.retain(|region| region.start < region.end);
        regions.reverse();
        Ok(SparseMap { regions, at: 0, size })
    }

    /// The size of the file, holes counted.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// How much of the file is still to come.
    pub(crate) fn left(&self) -> u64 {
        self.size - self.at
    }

    /// What comes next; nothing at the end.
    pub(crate) fn next(&self) -> Option<Stretch> {
        match self.regions.last() {
            Some(region) if region.start <= self.at => Some(Stretch::Bytes(region.end - self.at)),
            Some(region) => Some(Stretch::Hole(region.start - self.at)),
            None => Some(self.left()).filter(|left| *left > 0).map(Stretch::Hole),
        }
    }

    /// Goes on by `count` bytes, at most as many as [`SparseMap::next`] said.
    pub(crate) fn advance(&mut self, count: u64) {
        self.at = self.at.saturating_add(count).min(self.size);
        if self.regions.last().is_some_and(|region| region.end <= self.at) {
            self.regions.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(regions: &[(u64, u64)], size: u64, stored: u64) -> Result<SparseMap, &'static str> {
        let regions = regions.iter().map(|(start, end)| Region { start: *start, end: *end });
        SparseMap::new(regions.collect(), size, stored)
    }

    /// The whole file, `x` for a stored byte, taken `step` bytes at a time.
    fn drawn(mut map: SparseMap, step: u64) -> String {
        let mut file = String::new();
        while let Some(next) = map.next() {
            let (letter, count) = match next {
                Stretch::Hole(count) => (".", count.min(step)),
                Stretch::Bytes(count) => ("x", count.min(step)),
            };
            file.push_str(&letter.repeat(usize::try_from(count).unwrap()));
            map.advance(count);
        }
        file
    }

    #[test]
    fn map_followed_is_the_file() {
        for (regions, size, stored, file) in [
            (&[][..], 0, 0, ""),
            (&[], 3, 0, "..."),
            (&[(0, 3)], 3, 3, "xxx"),
            (&[(2, 3), (3, 5)], 7, 3, "..xxx.."),
            (&[(0, 1), (4, 6), (6, 6)], 6, 3, "x...xx"),
            (&[(0, 0), (0, 0), (1, 2)], 2, 1, ".x"),
        ] {
            for step in [1, 2, 100] {
                assert_eq!(drawn(map(regions, size, stored).unwrap(), step), file);
            }
        }
    }

    #[test]
    fn map_that_does_not_fit_is_refused() {
        for (regions, size, stored) in [
            (&[(0, 4)][..], 3, 4),
            (&[(4, 4)], 3, 0),
            (&[(2, 3), (1, 2)], 9, 2),
            (&[(0, 2), (1, 3)], 9, 4),
            (&[(0, 2)], 9, 1),
            (&[(0, 2)], 9, 3),
            (&[], 9, 1),
        ] {
            assert!(map(regions, size, stored).is_err(), "{regions:?}");
        }
    }
}
