//! What the extended headers before an entry say of it, in the order in which readers heed them.

use crate::header::{Header, HeaderName, until_nul};
use crate::number::Number;
use crate::pax::Records;
use crate::sparse::SparseRecords;

/// The largest size that a header without extension can state.
const MAX_OCTAL: u64 = 0o77_777_777_777;

/// Extended headers that wait for their entry.
#[derive(Default)]
pub(crate) struct Extension {
    records: Option<Records>,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    doubts: Vec<&'static str>,
}

impl Extension {
    pub(crate) fn is_empty(&self) -> bool {
        let nothing = self.records.is_none() && self.long_name.is_none() && self.long_link.is_none();
        nothing && self.doubts.is_empty()
    }

    pub(crate) fn add_records(&mut self, records: Records) {
        let doubt = records.doubt;
        let again = self.records.replace(records).is_some();
        self.doubt_all(doubt);
        self.doubt_if(again, "two extended headers for one entry");
    }

    pub(crate) fn add_long_name(&mut self, bytes: &[u8]) {
        let name = self.long(bytes);
        let again = std::mem::replace(&mut self.long_name, name).is_some();
        self.doubt_if(again, "two long names for one entry");
    }

    pub(crate) fn add_long_link(&mut self, bytes: &[u8]) {
        let name = self.long(bytes);
        let again = std::mem::replace(&mut self.long_link, name).is_some();
        self.doubt_if(again, "two long link names for one entry");
    }

    /// The runtimes' reader passes over an empty one.
    fn long(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let name = until_nul(bytes);
        let goes_on = bytes.iter().skip(name.len()).any(|byte| *byte != 0);
        self.doubt_if(goes_on, "a long name with something after its end");
        self.doubt_if(name.is_empty(), "a long name that is empty");
        Some(name.to_vec()).filter(|name| !name.is_empty())
    }

    fn doubt_if(&mut self, doubtful: bool, reason: &'static str) {
        if doubtful {
            self.doubt(reason);
        }
    }

    fn doubt_all(&mut self, reasons: impl IntoIterator<Item = &'static str>) {
        reasons.into_iter().for_each(|reason| self.doubt(reason));
    }

    /// Why readers may disagree about the entry.
    pub(crate) fn into_doubts(self) -> Vec<&'static str> {
        self.doubts
    }

    /// Adds a reason, once: an entry may have any number of headers before it.
    pub(crate) fn doubt(&mut self, reason: &'static str) {
        if !self.doubts.contains(&reason) {
            self.doubts.push(reason);
        }
    }

    /// What is said of holes in an entry of this kind, as far as it is heeded.
    pub(crate) fn holes(&mut self, kind: u8) -> Option<SparseRecords> {
        let records = std::mem::take(&mut self.records.as_mut()?.sparse);
        self.doubt_all(records.doubt());
        // The old dialect has a map of its own; links and folders have no content. A file of the
        // oldest kind is a folder or not by a name that this one may replace.
        self.doubt_if(records.is_there() && !matches!(kind, b'0' | b'7'), "holes where there are none");
        Some(records).filter(|records| kind != b'S' && records.is_in_force())
    }

    /// The entry's name. A sparse file's own name goes first, then the GNU long name, then POSIX.
    pub(crate) fn name(&mut self, header: &Header<'_>) -> Vec<u8> {
        let HeaderName { bytes, doubt } = header.name();
        let (mut path, mut sparse) = (None, None);
        if let Some(records) = &mut self.records {
            path = records.path.take();
            sparse = records.sparse.name().filter(|_| header.kind() != b'S');
        }
        let long = self.long_name.take();
        let clash = long.is_some() && path.is_some() && long != path;
        self.doubt_if(clash, "a long name and an extended header that differ");
        // Where something else names the entry, nobody looks at the prefix.
        sparse.or(long).or(path).unwrap_or_else(|| {
            self.doubt_all(doubt);
            bytes
        })
    }

    /// What the entry links to.
    pub(crate) fn link(&mut self, header: &Header<'_>) -> Vec<u8> {
        let path = self.records.as_mut().and_then(|records| records.link_path.take());
        let long = self.long_link.take();
        let clash = long.is_some() && path.is_some() && long != path;
        self.doubt_if(clash, "a long link name and an extended header that differ");
        long.or(path).unwrap_or_else(|| header.link_name().to_vec())
    }

    /// How many bytes follow the header, if that is known.
    pub(crate) fn size(&mut self, header: &Header<'_>) -> Option<u64> {
        let stated = header.size();
        self.doubt_if(matches!(stated, Number::Doubtful(_)), "a size that can be read in two ways");
        let extended = self.records.as_ref().and_then(|records| records.size);
        let (stated, Some(size)) = (stated, extended) else {
            return match stated {
                Number::Sure(size) | Number::Doubtful(size) => Some(size),
                Number::Wrong => None,
            };
        };
        let same = stated == Number::Sure(size) || stated == Number::Doubtful(size);
        let too_large = size > MAX_OCTAL && header.size_is_placeholder();
        self.doubt_if(!same && !too_large, "a header and its extension with different sizes");
        Some(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_without_end_before_one_entry_keep_each_doubt_once() {
        let mut extension = Extension::default();
        for _ in 0..1000 {
            extension.add_long_name(b"a\0b");
            extension.add_long_link(b"a");
            extension.add_records(Records { doubt: Some("x"), ..Records::default() });
        }
        assert_eq!(extension.into_doubts().len(), 5);
    }
}
