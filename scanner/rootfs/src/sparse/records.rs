//! What extended headers say of a file with holes: three versions of it.

use super::Regions;
use super::regions::decimal;

const OFFSET: &[u8] = b"offset";
const LENGTH: &[u8] = b"numbytes";

/// Where the map of a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// In the records.
    Told(Regions),
    /// Before the file's bytes.
    Stored,
}

/// The records whose keys begin with `GNU.sparse.`; of a repeated one the last counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SparseRecords {
    is_there: bool,
    major: Option<Vec<u8>>,
    minor: Option<Vec<u8>>,
    name: Option<Vec<u8>>,
    size: Option<Vec<u8>>,
    real_size: Option<Vec<u8>>,
    count: Option<Vec<u8>>,
    map: Option<Vec<u8>>,
    /// Offsets and lengths in turn, with commas between: what the first version says in a record
    /// each.
    pairs: Vec<u8>,
    pairs_added: usize,
    disorder: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    /// A map in the records.
    Zero,
    /// A map before the bytes.
    One,
    /// None that is known, so that the runtimes take the file for an ordinary one.
    Unknown,
}

impl SparseRecords {
    /// Adds the record `GNU.sparse.{key}`; false where readers may take it in two ways.
    pub(crate) fn add(&mut self, key: &[u8], value: &[u8]) -> bool {
        self.is_there = true;
        let field = match key {
            b"major" => &mut self.major,
            b"minor" => &mut self.minor,
            b"name" => &mut self.name,
            b"size" => &mut self.size,
            b"realsize" => &mut self.real_size,
            b"numblocks" => &mut self.count,
            b"map" => &mut self.map,
            OFFSET | LENGTH => {
                self.add_number(key, value);
                return true;
            }
            _ => return false,
        };
        let same = field.as_deref().is_none_or(|before| before == value);
        // An empty value takes back what was said.
        *field = (!value.is_empty()).then(|| value.to_vec());
        same && !(key == b"name" && value.contains(&0))
    }

    fn add_number(&mut self, key: &[u8], value: &[u8]) {
        let wanted = if self.pairs_added.is_multiple_of(2) { OFFSET } else { LENGTH };
        self.disorder |= key != wanted || value.contains(&b',');
        if self.pairs_added > 0 {
            self.pairs.push(b',');
        }
        self.pairs.extend_from_slice(value);
        self.pairs_added += 1;
    }

    /// Whether anything was said.
    pub(crate) fn is_there(&self) -> bool {
        self.is_there
    }

    /// Whether what was said is understood, and heeded.
    pub(crate) fn is_in_force(&self) -> bool {
        self.version() != Version::Unknown
    }

    fn version(&self) -> Version {
        match (self.major.as_deref(), self.minor.as_deref()) {
            (Some(b"0"), Some(b"0" | b"1")) => Version::Zero,
            (Some(b"1"), Some(b"0")) => Version::One,
            (None, None) if self.map.is_some() || self.pairs_added > 0 => Version::Zero,
            _ => Version::Unknown,
        }
    }

    /// The name of the file; its path is then a placeholder.
    pub(crate) fn name(&mut self) -> Option<Vec<u8>> {
        self.name.take().filter(|_| self.is_in_force())
    }

    /// The size of the file, holes counted.
    pub(crate) fn size(&self) -> Option<u64> {
        decimal(self.size.as_deref().or(self.real_size.as_deref())?)
    }

    /// Why readers may disagree.
    pub(crate) fn doubt(&self) -> Option<&'static str> {
        if !self.is_there {
            return None;
        }
        if !self.is_in_force() {
            return Some("holes told in a way that is not known");
        }
        let sizes = self.size.is_some() && self.real_size.is_some() && self.size != self.real_size;
        let maps = usize::from(self.map.is_some())
            + usize::from(self.pairs_added > 0)
            + usize::from(self.version() == Version::One);
        match () {
            () if sizes => Some("a file with holes and two sizes"),
            () if maps > 1 => Some("a file with two maps of its holes"),
            () => None,
        }
    }

    /// Where the map is.
    pub(crate) fn source(&self) -> Source {
        if self.version() == Version::One {
            return Source::Stored;
        }
        Source::Told(self.told().unwrap_or_else(Regions::refused))
    }

    fn told(&self) -> Result<Regions, &'static str> {
        let map = if self.pairs_added > 0 { &self.pairs } else { self.map.as_deref().unwrap_or_default() };
        let numbers: Vec<&[u8]> = match map {
            [] if self.pairs_added == 0 => Vec::new(),
            map => map.split(|byte| *byte == b',').collect(),
        };
        let stated = self.count.as_deref().and_then(decimal).and_then(|count| usize::try_from(count).ok());
        let pairs = numbers.chunks_exact(2);
        if self.disorder || stated != Some(pairs.len()) || !pairs.remainder().is_empty() {
            return Err("a map of holes of another length than it says");
        }
        let mut regions = Regions::default();
        for pair in pairs {
            let mut number = pair.iter().map(|text| decimal(text));
            regions.add(number.next().flatten(), number.next().flatten());
        }
        Ok(regions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(all: &[(&str, &str)]) -> SparseRecords {
        let mut records = SparseRecords::default();
        for (key, value) in all {
            records.add(key.as_bytes(), value.as_bytes());
        }
        records
    }

    fn regions(all: &[(u64, u64)]) -> Source {
        let mut regions = Regions::default();
        for (offset, length) in all {
            regions.add(Some(*offset), Some(*length));
        }
        Source::Told(regions)
    }

    #[test]
    fn map_of_each_version_is_found() {
        let first = records(&[
            ("size", "9"),
            ("numblocks", "2"),
            ("offset", "0"),
            ("numbytes", "2"),
            ("offset", "5"),
            ("numbytes", "1"),
        ]);
        let second = records(&[("size", "9"), ("numblocks", "2"), ("map", "0,2,5,1")]);
        let third = records(&[("major", "1"), ("minor", "0"), ("realsize", "9")]);
        for records in [&first, &second, &third] {
            assert_eq!((records.is_in_force(), records.size(), records.doubt()), (true, Some(9), None));
        }
        assert_eq!(first.source(), regions(&[(0, 2), (5, 1)]));
        assert_eq!(second.source(), regions(&[(0, 2), (5, 1)]));
        assert_eq!(third.source(), Source::Stored);
    }

    #[test]
    fn map_of_another_length_or_order_is_refused() {
        for all in [
            &[("map", "0,2")][..],
            &[("map", "0,2"), ("numblocks", "2")],
            &[("map", "0,2,3"), ("numblocks", "1")],
            &[("map", "0,2,"), ("numblocks", "1")],
            &[("numbytes", "2"), ("offset", "0"), ("numblocks", "1")],
            &[("offset", "0,2"), ("numblocks", "1")],
            &[("offset", ""), ("numblocks", "0")],
            &[("map", "0,2"), ("numblocks", "x")],
        ] {
            let Source::Told(regions) = records(all).source() else { panic!("{all:?}") };
            assert!(regions.into_list().is_err(), "{all:?}");
        }
    }

    #[test]
    fn version_unknown_is_not_in_force_and_told() {
        for all in [
            &[("major", "2"), ("minor", "0"), ("name", "a")][..],
            &[("major", "1"), ("map", "0,2")],
            &[("name", "a"), ("size", "1")],
        ] {
            let mut records = records(all);
            assert!(records.doubt().is_some() && !records.is_in_force(), "{all:?}");
            assert_eq!(records.name(), None);
        }
    }
}
