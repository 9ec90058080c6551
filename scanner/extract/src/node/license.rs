//! The licences that a manifest states: `"MIT"`, `{"type": "MIT"}`, or a list of these. Whatever
//! else stands there is passed over without being kept.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

const MAX_LICENSE: usize = 200;
const MAX_LICENSES: usize = 16;

/// Names of licences, bounded in length and number.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Licenses(pub(super) Vec<Box<str>>);

impl Licenses {
    fn push(&mut self, text: &str) {
        let fits = (1..=MAX_LICENSE).contains(&text.len()) && !text.chars().any(char::is_control);
        if fits && self.0.len() < MAX_LICENSES {
            self.0.push(text.into());
        }
    }
}

impl<'de> Deserialize<'de> for Licenses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Stated)
    }
}

struct Stated;

impl<'de> Visitor<'de> for Stated {
    type Value = Licenses;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("licences")
    }

    fn visit_str<E>(self, text: &str) -> Result<Licenses, E> {
        let mut licenses = Licenses::default();
        licenses.push(text);
        Ok(licenses)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Licenses, A::Error> {
        let mut licenses = Licenses::default();
        while let Some(key) = map.next_key::<String>()? {
            if key == "type" {
                licenses = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(licenses)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Licenses, A::Error> {
        let mut licenses = Licenses::default();
        while let Some(Licenses(more)) = list.next_element()? {
            more.iter().for_each(|license| licenses.push(license));
        }
        Ok(licenses)
    }

    fn visit_unit<E>(self) -> Result<Licenses, E> {
        Ok(Licenses::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Licenses, E> {
        Ok(Licenses::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Licenses, E> {
        Ok(Licenses::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Licenses, E> {
        Ok(Licenses::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Licenses, E> {
        Ok(Licenses::default())
    }
}
