//! A pod's own id: mostly a UUID, which is kept in its sixteen bytes.

use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// The id that a platform gave a pod.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid(Form);

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Form {
    /// In its usual form: lower case, with dashes.
    Uuid([u8; BYTES]),
    /// Anything else.
    Text(Box<str>),
}

const BYTES: usize = 16;
/// Digits and dashes of a UUID.
const LENGTH: usize = 36;
/// Where the dashes are.
const DASHES: [usize; 4] = [8, 13, 18, 23];

impl Uid {
    /// The id that `text` is.
    pub fn new(text: &str) -> Self {
        Uid(parse_uuid(text).map_or_else(|| Form::Text(text.into()), Form::Uuid))
    }

    /// Its text, as it was given.
    pub fn text(&self) -> Cow<'_, str> {
        match &self.0 {
            Form::Text(text) => Cow::Borrowed(text),
            Form::Uuid(bytes) => Cow::Owned(render_uuid(bytes)),
        }
    }
}

fn parse_uuid(text: &str) -> Option<[u8; BYTES]> {
    if text.len() != LENGTH {
        return None;
    }
    let mut bytes = [0; BYTES];
    let mut digits = 0;
    for (at, byte) in text.bytes().enumerate() {
        if DASHES.contains(&at) {
            if byte != b'-' {
                return None;
            }
            continue;
        }
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        let place = bytes.get_mut(digits / 2)?;
        *place = *place << 4 | value;
        digits += 1;
    }
    Some(bytes)
}

fn render_uuid(bytes: &[u8; BYTES]) -> String {
    let digit = |value: u8| char::from(if value < 10 { b'0' + value } else { b'a' + value - 10 });
    let mut text = String::with_capacity(LENGTH);
    for byte in bytes {
        if DASHES.contains(&text.len()) {
            text.push('-');
        }
        text.extend([digit(byte >> 4), digit(byte & 0xf)]);
    }
    text
}

impl From<&str> for Uid {
    fn from(text: &str) -> Self {
        Uid::new(text)
    }
}

impl From<String> for Uid {
    fn from(text: String) -> Self {
        Uid::new(&text)
    }
}

impl Serialize for Uid {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text())
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text())
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uid_is_given_back_as_it_was() {
        let canonical = "3f0c1a52-7c1e-4b8f-9d52-0123456789ab";
        for (text, is_small) in [
            (canonical, true),
            ("00000000-0000-0000-0000-000000000000", true),
            ("ffffffff-ffff-ffff-ffff-ffffffffffff", true),
            ("3F0C1A52-7c1e-4b8f-9d52-0123456789ab", false),
            ("3f0c1a52-7c1e-4b8f-9d52-0123456789a", false),
            ("3f0c1a52-7c1e-4b8f-9d52-0123456789abc", false),
            ("3f0c1a52_7c1e-4b8f-9d52-0123456789ab", false),
            ("3f0c1a5-27c1e-4b8f-9d52-0123456789ab", false),
            ("----3f0c1a527c1e4b8f9d520123456789ab", false),
            ("3f0c1a52-7c1e-4b8f-9d52-0123456789\u{e9}", false),
            ("3f0c1a527c1e4b8f9d520123456789ab", false),
            ("000000000000000000000000-00000000000", false),
            ("a1b2c3d4e5f6", false),
            ("", false),
        ] {
            let uid = Uid::new(text);
            assert_eq!(uid.text(), text);
            assert_eq!(uid.to_string(), text);
            assert_eq!(matches!(uid.0, Form::Uuid(_)), is_small, "{text}");
        }
        assert!(size_of::<Uid>() <= 24);
    }
}
