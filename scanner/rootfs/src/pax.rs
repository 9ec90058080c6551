//! Extended headers (POSIX pax): records that override what an entry's header says.

use crate::sparse::SparseRecords;

/// What the records say of the next entry. Of a repeated record the last counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Records {
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) link_path: Option<Vec<u8>>,
    pub(crate) size: Option<u64>,
    /// What is said of holes.
    pub(crate) sparse: SparseRecords,
    /// Why readers may disagree.
    pub(crate) doubt: Option<&'static str>,
}

impl Records {
    /// Whether there is a record that changes what an entry is.
    pub(crate) fn matters(&self) -> bool {
        *self != Records::default()
    }

    fn doubt(&mut self, reason: &'static str) {
        self.doubt.get_or_insert(reason);
    }

    fn add(&mut self, key: &[u8], value: &[u8]) {
        match key {
            b"path" => self.add_name(|records| &mut records.path, value),
            b"linkpath" => self.add_name(|records| &mut records.link_path, value),
            b"size" => self.add_size(value),
            b"SCHILY.realsize" | b"SUN.holesdata" => self.doubt("holes told in another way than GNU's"),
            _ => self.add_sparse(key, value),
        }
    }

    fn add_name(&mut self, field: impl Fn(&mut Self) -> &mut Option<Vec<u8>>, value: &[u8]) {
        if value.contains(&0) {
            self.doubt("a name in an extended header contains NUL");
        }
        if field(self).as_deref().is_some_and(|before| before != value) {
            self.doubt("an extended header has two names");
        }
        // An empty value takes back what was said.
        *field(self) = (!value.is_empty()).then(|| value.to_vec());
    }

    fn add_sparse(&mut self, key: &[u8], value: &[u8]) {
        if let Some(key) = key.strip_prefix(b"GNU.sparse.")
            && !self.sparse.add(key, value)
        {
            self.doubt("holes told in two ways");
        }
    }

    fn add_size(&mut self, value: &[u8]) {
        let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let size: Option<i64> = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
        let Some(size) = size.filter(|_| digits).and_then(|size| u64::try_from(size).ok()) else {
            return self.doubt("an extended header has a size that is no number");
        };
        if self.size.is_some_and(|before| before != size) {
            self.doubt("an extended header has two sizes");
        }
        self.size = Some(size);
    }
}

/// Reads `"<length> <key>=<value>\n"` records; from the first malformed one on, none.
pub(crate) fn parse_records(mut bytes: &[u8]) -> Records {
    let mut records = Records::default();
    while !bytes.is_empty() {
        let Some((record, rest)) = split_record(bytes) else {
            records.doubt("an extended header is malformed");
            break;
        };
        records.add(record.0, record.1);
        bytes = rest;
    }
    records
}

type Record<'a> = (&'a [u8], &'a [u8]);

fn split_record(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let space = bytes.iter().take(20).position(|byte| *byte == b' ')?;
    let digits = bytes.get(..space)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let length: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let record = bytes.get(space + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=').filter(|at| *at > 0)?;
    Some(((record.get(..equals)?, record.get(equals + 1..)?), bytes.get(length..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str) -> String {
        let length = text.len() + 2;
        let digits = (length + (length + 1).to_string().len() - 1).to_string().len();
        format!("{} {text}\n", length + digits)
    }

    #[test]
    fn records_that_matter_are_kept() {
        let text = [record("mtime=1.5"), record("path=a/é"), record("size=7"), record("linkpath=b")].concat();
        let records = parse_records(text.as_bytes());
        assert_eq!(records.path.as_deref(), Some("a/é".as_bytes()));
        assert_eq!((records.size, records.link_path.as_deref()), (Some(7), Some(&b"b"[..])));
        assert_eq!(records.doubt, None);
    }

    #[test]
    fn records_without_meaning_do_not_matter() {
        assert!(!parse_records(record("comment=0123").as_bytes()).matters());
        assert!(parse_records(record("size=1").as_bytes()).matters());
    }

    #[test]
    fn records_malformed_or_repeated_are_doubtful() {
        let twice = [record("path=a"), record("path=b")].concat();
        for text in [
            twice.as_str(),
            &record("path=a\0b"),
            &record("size=-1"),
            &record("size=+1"),
            &record("size=99999999999999999999"),
            "99999 path=a\n",
            "99999999999999999999999 path=a\n",
            "0 path=a\n",
            "5 path=a\n",
            "9 path=a x",
            "8 =ab\n\0\0\0",
            "path=a\n",
            "\0\0\0\0",
        ] {
            assert!(parse_records(text.as_bytes()).doubt.is_some(), "{text:?}");
        }
    }
}
