//! `pom.properties`: the coordinates that Maven writes into what it builds.

use super::members::Place;

/// No package has longer ones: one more byte than that is enough to see it.
const LONGEST: usize = 1025;

/// Coordinates as written, as far as they can matter; any may be missing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Properties {
    pub(super) group: Option<String>,
    pub(super) artifact: Option<String>,
    pub(super) version: Option<String>,
}

impl Properties {
    /// Reads Java properties: `key=value` or `key: value`, `#` comments, backslash escapes.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let mut properties = Properties::default();
        for line in String::from_utf8_lossy(bytes).lines().map(str::trim) {
            if line.starts_with(['#', '!']) {
                continue;
            }
            let Some((key, value)) = line.split_once(['=', ':']) else { continue };
            let field = match key.trim_end() {
                "groupId" => &mut properties.group,
                "artifactId" => &mut properties.artifact,
                "version" => &mut properties.version,
                _ => continue,
            };
            let value = short(value.trim_start()).replace('\\', "");
            *field = Some(value).filter(|value| is_filled(value));
        }
        properties
    }

    /// What is missing taken from the place of the file.
    pub(super) fn or_placed(self, place: Place<'_>) -> Self {
        Properties {
            group: self.group.or_else(|| Some(short(place.group).to_owned())),
            artifact: self.artifact.or_else(|| Some(short(place.artifact).to_owned())),
            version: self.version,
        }
    }
}

/// Its beginning, if it is longer than anything that matters.
pub(super) fn short(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONGEST)).unwrap_or(text)
}

/// Whether it is a value, and not a template that the build left unfilled (`${project.version}`).
fn is_filled(value: &str) -> bool {
    !value.is_empty() && !value.contains("${") && !value.starts_with('@')
}
