//! Digests as text, without a text of their own: a row of a pod holds several.

use api_vocab::Digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// `sha512:` and 128 digits.
const LONGEST: usize = 7 + 128;

/// Call `take` with the digest's text.
pub(crate) fn digest_text<T>(digest: &Digest, take: impl FnOnce(&str) -> T) -> T {
    let mut buffer = [0_u8; LONGEST];
    let algorithm = digest.algorithm().as_str().bytes().chain([b':']);
    let digits = digest.as_bytes().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]);
    let mut length = 0;
    for (place, byte) in buffer.iter_mut().zip(algorithm.chain(digits)) {
        *place = byte;
        length += 1;
    }
    let text = buffer.get(..length).and_then(|text| std::str::from_utf8(text).ok());
    take(text.unwrap_or_default())
}

fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
}

/// A digest in a row.
pub(crate) struct DigestText<'a>(pub(crate) Cow<'a, Digest>);

impl Serialize for DigestText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        digest_text(&self.0, |text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for DigestText<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Digest::deserialize(deserializer).map(|digest| DigestText(Cow::Owned(digest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_written_is_its_text() {
        for digest in [Digest::sha256([0xa9; 32]), Digest::sha512([0x0f; 64])] {
            assert_eq!(digest_text(&digest, str::to_owned), digest.to_string());
            let row = serde_json::to_string(&DigestText(Cow::Borrowed(&digest))).unwrap();
            let read: DigestText<'_> = serde_json::from_str(&row).unwrap();
            assert_eq!(*read.0, digest);
        }
    }
}
