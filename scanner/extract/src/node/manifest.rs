//! The three fields of a `package.json` that we read. As in JavaScript, the last of a repeated
//! key counts.

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use std::fmt;

const MAX_LICENSE: usize = 200;
const MAX_LICENSES: usize = 16;

/// What a manifest says of its package.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) licenses: Vec<Box<str>>,
}

impl Manifest {
    /// Reads JSON, with or without a byte order mark; nesting is bounded by the reader.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
    }
}

impl<'de> Deserialize<'de> for Manifest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Manifest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Manifest, A::Error> {
        let mut manifest = Manifest::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "name" => manifest.name = Some(text(&mut map, "name")?),
                "version" => manifest.version = Some(text(&mut map, "version")?),
                "license" | "licenses" => manifest.licenses = licenses(&map.next_value()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(manifest)
    }
}

fn text<'de, A: MapAccess<'de>>(map: &mut A, field: &str) -> Result<String, A::Error> {
    match map.next_value()? {
        serde_json::Value::String(text) => Ok(text),
        _ => Err(A::Error::custom(format!("{field} is not a text"))),
    }
}

/// `"MIT"`, `{"type": "MIT"}`, or a list of these.
fn licenses(stated: &serde_json::Value) -> Vec<Box<str>> {
    let list = stated.as_array().map_or(std::slice::from_ref(stated), Vec::as_slice);
    list.iter()
        .filter_map(|one| one.as_str().or_else(|| one.get("type")?.as_str()))
        .filter(|text| (1..=MAX_LICENSE).contains(&text.len()) && !text.chars().any(char::is_control))
        .take(MAX_LICENSES)
        .map(Box::from)
        .collect()
}
