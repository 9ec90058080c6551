//! Which members of an archive mean something, by their names.

const ARCHIVES: [&str; 7] = ["jar", "war", "ear", "par", "sar", "jpi", "hpi"];

/// What a member is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Member<'a> {
    /// `META-INF/MANIFEST.MF`.
    Manifest,
    /// `META-INF/maven/<group>/<artifact>/pom.properties`.
    Properties(Place<'a>),
    /// `META-INF/maven/<group>/<artifact>/pom.xml`.
    Model(Place<'a>),
    /// An archive within.
    Archive,
}

/// The group and artifact that a folder below `META-INF/maven` is named after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place<'a> {
    pub(super) group: &'a str,
    pub(super) artifact: &'a str,
}

impl<'a> Member<'a> {
    /// What the member of this name is, if it means something.
    pub(super) fn of(name: &'a str) -> Option<Self> {
        if name.eq_ignore_ascii_case("META-INF/MANIFEST.MF") {
            return Some(Member::Manifest);
        }
        if is_archive(name) {
            return Some(Member::Archive);
        }
        // Also below `BOOT-INF/classes` and `WEB-INF/classes`.
        let (before, place) = name.split_once("META-INF/maven/")?;
        let mut parts = place.split('/');
        let (group, artifact, file) = (parts.next()?, parts.next()?, parts.next()?);
        let place = Place { group, artifact };
        let is_place = (before.is_empty() || before.ends_with('/')) && parts.next().is_none();
        match file {
            "pom.properties" if is_place => Some(Member::Properties(place)),
            "pom.xml" if is_place => Some(Member::Model(place)),
            _ => None,
        }
    }
}

/// Whether `name` ends like a Java archive.
pub(super) fn is_archive(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or_default();
    file.rsplit_once('.').is_some_and(|(stem, ending)| {
        !stem.is_empty() && ARCHIVES.iter().any(|archive| archive.eq_ignore_ascii_case(ending))
    })
}
