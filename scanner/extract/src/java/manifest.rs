//! The main section of `META-INF/MANIFEST.MF`.

use std::collections::BTreeMap;

/// Attributes that we read, by their names in lower case.
const ATTRIBUTES: [&str; 7] = [
    "automatic-module-name",
    "bundle-license",
    "bundle-symbolicname",
    "bundle-version",
    "implementation-title",
    "implementation-vendor-id",
    "implementation-version",
];
/// Longer values are none of ours (`Export-Package` and `Class-Path` are).
const MAX_VALUE: usize = 1024;

/// The attributes of an archive as a whole.
#[derive(Debug, Default)]
pub(super) struct Manifest(BTreeMap<&'static str, String>);

impl Manifest {
    /// Reads until the first blank line, where the sections of single files begin. A line that
    /// begins with a space continues the one before.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut manifest = Manifest::default();
        let mut current = None;
        for line in text.lines().take_while(|line| !line.is_empty()) {
            if let Some(more) = line.strip_prefix(' ') {
                if let Some(value) = current.and_then(|name| manifest.0.get_mut(name)) {
                    value.push_str(more.get(..MAX_VALUE.saturating_sub(value.len())).unwrap_or(more));
                    value.truncate(value.floor_char_boundary(MAX_VALUE));
                }
            } else if let Some((name, value)) = line.split_once(':') {
                current = ATTRIBUTES.into_iter().find(|known| known.eq_ignore_ascii_case(name));
                if let Some(name) = current {
                    let value = value.strip_prefix(' ').unwrap_or(value);
                    let value = value.get(..value.floor_char_boundary(MAX_VALUE)).unwrap_or_default();
                    manifest.0.insert(name, value.to_owned());
                }
            }
        }
        manifest
    }

    /// An attribute's value without what surrounds it, if there is one.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty() && !value.contains("${"))
    }
}
