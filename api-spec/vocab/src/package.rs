//! Packages: what can be vulnerable.

use crate::text::shown;
use crate::{Digest, Ecosystem};

const MAX_TEXT: usize = 1024;

/// A package as matching sees it. Two images that hold the same package hold equal values, so a
/// fleet's packages are few.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Package {
    ecosystem: Ecosystem,
    name: Box<str>,
    version: Box<str>,
    architecture: Option<Box<str>>,
    source: Option<SourcePackage>,
    owned_by: Option<Box<str>>,
}

/// The source package that a distribution built a binary package from; distributions' advisories
/// name source packages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourcePackage {
    name: Box<str>,
    version: Box<str>,
}

/// A package as found in an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstalledPackage {
    /// What was found.
    pub package: Package,
    /// The file that said so: a path within the image, no leading slash; nested archives are
    /// joined by `!/` (`app/x.jar!/lib/y.jar`).
    pub path: Box<str>,
    /// The diff-id of the layer that holds the file.
    pub layer: Option<Digest>,
    /// The extractor that found it, as `dpkg`.
    pub extractor: Box<str>,
    /// Licences as the package states them, unparsed.
    pub licenses: Vec<Box<str>>,
}

/// A package's field that is empty, over 1024 bytes, or has control characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a package {field}: \"{text}\"; expected 1 to 1024 bytes without control characters")]
pub struct PackageError {
    field: &'static str,
    text: String,
}

fn checked(field: &'static str, text: &str) -> Result<Box<str>, PackageError> {
    let well_formed = (1..=MAX_TEXT).contains(&text.len()) && !text.chars().any(char::is_control);
    if well_formed { Ok(text.into()) } else { Err(PackageError { field, text: shown(text) }) }
}

impl Package {
    /// The package of this name and version; both as the ecosystem writes them.
    pub fn new(ecosystem: Ecosystem, name: &str, version: &str) -> Result<Self, PackageError> {
        Ok(Package {
            ecosystem,
            name: checked("name", name)?,
            version: checked("version", version)?,
            architecture: None,
            source: None,
            owned_by: None,
        })
    }

    /// The same, built for an architecture.
    pub fn with_architecture(self, architecture: &str) -> Result<Self, PackageError> {
        Ok(Package { architecture: Some(checked("architecture", architecture)?), ..self })
    }

    /// The same, built from a source package.
    pub fn with_source(self, name: &str, version: &str) -> Result<Self, PackageError> {
        let source = SourcePackage {
            name: checked("source name", name)?,
            version: checked("source version", version)?,
        };
        Ok(Package { source: Some(source), ..self })
    }

    /// The same, brought along by a distribution's package of this name.
    pub fn with_owner(self, owner: &str) -> Result<Self, PackageError> {
        Ok(Package { owned_by: Some(checked("owner", owner)?), ..self })
    }

    /// Where advisories for it are found.
    pub const fn ecosystem(&self) -> &Ecosystem {
        &self.ecosystem
    }

    /// The same package filed under another ecosystem: extractors find packages before the
    /// image's distribution is known.
    pub fn in_ecosystem(self, ecosystem: Ecosystem) -> Self {
        Package { ecosystem, ..self }
    }

    /// The name, as `libssl3` or `log4j:log4j`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version, with epoch and release where the ecosystem has them: `1:2.3-4`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The architecture, as the ecosystem names it.
    pub fn architecture(&self) -> Option<&str> {
        self.architecture.as_deref()
    }

    /// The source package, where it is known and differs in name or version.
    pub const fn source(&self) -> Option<&SourcePackage> {
        self.source.as_ref()
    }

    /// The distribution's package that it is a part of, in the same version. The distribution mends
    /// it without raising that version, so that only its advisories for the owner tell what is wrong.
    pub fn owned_by(&self) -> Option<&str> {
        self.owned_by.as_deref()
    }

    /// The name that advisories use: the source package's for distributions.
    pub fn advisory_name(&self) -> &str {
        self.source.as_ref().map_or(&self.name, |source| &source.name)
    }

    /// The version that advisories speak of: the source package's for distributions.
    pub fn advisory_version(&self) -> &str {
        self.source.as_ref().map_or(&self.version, |source| &source.version)
    }
}

impl SourcePackage {
    /// The name, as `openssl`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version.
    pub fn version(&self) -> &str {
        &self.version
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Family;

    #[test]
    fn package_with_source_is_matched_by_it() {
        let package = Package::new("Debian:12".parse().unwrap(), "libssl3", "3.0.1-1+b1")
            .unwrap()
            .with_source("openssl", "3.0.1-1")
            .unwrap();
        assert_eq!((package.advisory_name(), package.advisory_version()), ("openssl", "3.0.1-1"));
    }

    #[test]
    fn package_hostile_text_is_refused() {
        let npm = || Ecosystem::of(Family::Npm);
        assert!(Package::new(npm(), "", "1").is_err());
        assert!(Package::new(npm(), "a", "").is_err());
        assert!(Package::new(npm(), "a\u{1b}[31m", "1").is_err());
        assert!(Package::new(npm(), &"a".repeat(1025), "1").is_err());
        assert!(Package::new(npm(), "a", "1").unwrap().with_owner("b\n").is_err());
    }
}
