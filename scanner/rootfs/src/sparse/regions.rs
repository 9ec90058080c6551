//! The regions of a map as they are read, up to the first that is none.

use super::Region;

/// Regions so far, or why there are none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Regions {
    list: Vec<Region>,
    refused: Option<&'static str>,
}

impl Regions {
    /// None, for a reason.
    pub(crate) fn refused(reason: &'static str) -> Self {
        Regions { list: Vec::new(), refused: Some(reason) }
    }

    /// Adds one; a number that is none spoils the map.
    pub(crate) fn add(&mut self, offset: Option<u64>, length: Option<u64>) {
        let end = offset.zip(length).and_then(|(offset, length)| offset.checked_add(length));
        match (offset, end.filter(|end| i64::try_from(*end).is_ok())) {
            (Some(start), Some(end)) => self.list.push(Region { start, end }),
            _ => self.refuse("a map of holes with something that is no number"),
        }
    }

    /// Spoils the map; the first reason counts.
    pub(crate) fn refuse(&mut self, reason: &'static str) {
        self.refused.get_or_insert(reason);
        self.list = Vec::new();
    }

    pub(crate) fn into_list(self) -> Result<Vec<Region>, &'static str> {
        self.refused.map_or(Ok(self.list), Err)
    }
}

/// A number in decimal digits and nothing else, as readers agree on.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    u64::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_is_digits_only() {
        assert_eq!(decimal(b"0"), Some(0));
        assert_eq!(decimal(b"0012"), Some(12));
        assert_eq!(decimal(b"9223372036854775807"), Some(i64::MAX as u64));
        for text in [&b""[..], b"+1", b"-1", b" 1", b"1 ", b"0x1", b"9223372036854775808", b"1_0"] {
            assert_eq!(decimal(text), None, "{text:?}");
        }
    }

    #[test]
    fn regions_with_one_wrong_are_refused() {
        let mut regions = Regions::default();
        regions.add(Some(1), Some(2));
        regions.add(Some(u64::MAX), Some(1));
        regions.add(Some(5), Some(2));
        assert!(regions.into_list().is_err());
    }
}
