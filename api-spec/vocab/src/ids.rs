//! Typed ids, in alphabetical order.

use crate::text::{serde_as_text, shown};
use std::fmt;
use std::str::FromStr;

/// A text that is not an id of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {kind}: \"{text}\"; expected {expected}")]
pub struct IdError {
    kind: &'static str,
    text: String,
    expected: &'static str,
}

/// A name of 1 to 128 characters from `A-Z a-z 0-9 . _ : / -`.
macro_rules! name_id {
    ($(#[$meta:meta])* $name:ident, $kind:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let well_formed = (1..=128).contains(&text.len())
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:/-".contains(&b));
                if well_formed {
                    Ok($name(text.into()))
                } else {
                    Err(IdError {
                        kind: $kind,
                        text: shown(text),
                        expected: "1 to 128 characters from A-Z a-z 0-9 . _ : / -",
                    })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        serde_as_text!($name);
    };
}

name_id! {
    /// Identity of a set of extractors and their versions: a layer extracted by one set is
    /// extracted again when the set changes.
    ExtractorSet, "extractor set"
}

/// The right to do one scan: 128 random bits, 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId(u128);

impl LeaseId {
    /// The id with these bits; they come from the caller's source of randomness.
    pub const fn from_bits(bits: u128) -> Self {
        LeaseId(bits)
    }

    /// The bits.
    pub const fn bits(self) -> u128 {
        self.0
    }
}

impl FromStr for LeaseId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let digits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        match u128::from_str_radix(text, 16) {
            Ok(bits) if digits => Ok(LeaseId(bits)),
            _ => Err(IdError { kind: "lease id", text: shown(text), expected: "32 hexadecimal digits" }),
        }
    }
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

serde_as_text!(LeaseId);

name_id! {
    /// Identity of the advisory set in force.
    RevisionId, "revision"
}

name_id! {
    /// The name of a scanner process, unique among those of one core.
    ScannerName, "scanner name"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lease_id_text_round_trips() {
        let id = LeaseId::from_bits(0x1234);
        assert_eq!(id.to_string().parse::<LeaseId>().unwrap(), id);
        assert_eq!(id.to_string().len(), 32);
    }

    #[test]
    fn lease_id_malformed_is_refused() {
        for text in ["", "12", "+0000000000000000000000000000001", &"g".repeat(32)] {
            assert!(text.parse::<LeaseId>().is_err(), "{text}");
        }
    }

    #[test]
    fn name_with_markup_is_refused() {
        for text in ["", "a b", "<b>", "a\n", "é", &"a".repeat(129)] {
            assert!(text.parse::<ScannerName>().is_err(), "{text}");
        }
        assert_eq!("node-1/scanner:0".parse::<ScannerName>().unwrap().as_str(), "node-1/scanner:0");
    }
}
