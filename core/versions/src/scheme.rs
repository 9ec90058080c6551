//! Which ecosystem orders its versions how.

use crate::VersionError;
use crate::alpine::AlpineVersion;
use crate::composer::ComposerVersion;
use crate::debian::DebianVersion;
use crate::dotted::DottedVersion;
use crate::gem::GemVersion;
use crate::go;
use crate::maven::MavenVersion;
use crate::rpm::RpmVersion;
use crate::semver::SemverVersion;
use api_vocab::Family;
use std::cmp::Ordering;
use std::fmt;

/// A way to write versions, and their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// apk-tools.
    Alpine,
    /// PHP Composer.
    Composer,
    /// dpkg.
    Debian,
    /// Numbers between dots, as Haskell and R have them.
    Dotted,
    /// RubyGems.
    Gem,
    /// Go modules and Go itself.
    Go,
    /// Maven.
    Maven,
    /// NuGet: semantic versions without regard to case.
    NuGet,
    /// Python, PEP 440.
    Pep440,
    /// rpm.
    Rpm,
    /// Semantic versions, read loosely.
    Semver,
}

impl Scheme {
    /// The scheme of an ecosystem; nothing where none is known.
    pub const fn of(family: Family) -> Option<Scheme> {
        Some(match family {
            Family::Debian | Family::Ubuntu => Scheme::Debian,
            Family::Alpine | Family::Alpaquita | Family::Chainguard | Family::MinimOs | Family::Wolfi => {
                Scheme::Alpine
            }
            Family::AlmaLinux
            | Family::Amazon
            | Family::AzureLinux
            | Family::CentOs
            | Family::Fedora
            | Family::Mageia
            | Family::OpenEuler
            | Family::OpenSuse
            | Family::Oracle
            | Family::Photon
            | Family::RedHat
            | Family::Rocky
            | Family::Suse => Scheme::Rpm,
            Family::Bitnami | Family::CratesIo | Family::Hex | Family::Npm | Family::Pub | Family::Swift => {
                Scheme::Semver
            }
            Family::Cran | Family::Hackage => Scheme::Dotted,
            Family::Go => Scheme::Go,
            Family::Maven => Scheme::Maven,
            Family::NuGet => Scheme::NuGet,
            Family::Packagist => Scheme::Composer,
            Family::PyPi => Scheme::Pep440,
            Family::RubyGems => Scheme::Gem,
            Family::Linux => return None,
        })
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scheme::Alpine => "Alpine",
            Scheme::Composer => "Composer",
            Scheme::Debian => "Debian",
            Scheme::Dotted => "dotted",
            Scheme::Gem => "RubyGems",
            Scheme::Go => "Go",
            Scheme::Maven => "Maven",
            Scheme::NuGet => "NuGet",
            Scheme::Pep440 => "PEP 440",
            Scheme::Rpm => "RPM",
            Scheme::Semver => "semantic",
        }
    }

    /// Read a version, to compare it with many.
    pub fn parse(self, text: &str) -> Result<Version<'_>, VersionError> {
        let parsed = match self {
            Scheme::Alpine => AlpineVersion::parse(text).map(Parsed::Alpine),
            Scheme::Composer => ComposerVersion::parse(text).map(Parsed::Composer),
            Scheme::Debian => DebianVersion::parse(text).map(Parsed::Debian),
            Scheme::Dotted => DottedVersion::parse(text).map(Parsed::Dotted),
            Scheme::Gem => GemVersion::parse(text).map(Parsed::Gem),
            Scheme::Go => go::parse(text).map(Parsed::Semver),
            Scheme::Maven => MavenVersion::parse(text).map(Parsed::Maven),
            Scheme::NuGet => SemverVersion::parse(text).map(Parsed::NuGet),
            Scheme::Pep440 => text.parse().ok().map(Parsed::Pep440),
            Scheme::Rpm => RpmVersion::parse(text).map(Parsed::Rpm),
            Scheme::Semver => SemverVersion::parse(text).map(Parsed::Semver),
        };
        parsed.map(Version).ok_or_else(|| VersionError::new(self, text))
    }

    /// Which of two versions is the later.
    pub fn compare(self, a: &str, b: &str) -> Result<Ordering, VersionError> {
        let (left, right) = (self.parse(a)?, self.parse(b)?);
        left.partial_cmp(&right).ok_or_else(|| VersionError::new(self, b))
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A version that its scheme has read. Versions of different schemes have no order; equal means
/// that neither is the later, however they are written.
#[derive(Debug, Clone)]
pub struct Version<'a>(Parsed<'a>);

#[derive(Debug, Clone)]
enum Parsed<'a> {
    Alpine(AlpineVersion<'a>),
    Composer(ComposerVersion<'a>),
    Debian(DebianVersion<'a>),
    Dotted(DottedVersion<'a>),
    Gem(GemVersion<'a>),
    Maven(MavenVersion),
    NuGet(SemverVersion<'a>),
    Pep440(pep440_rs::Version),
    Rpm(RpmVersion<'a>),
    Semver(SemverVersion<'a>),
}

impl PartialOrd for Version<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(match (&self.0, &other.0) {
            (Parsed::Alpine(a), Parsed::Alpine(b)) => a.compare(b),
            (Parsed::Composer(a), Parsed::Composer(b)) => a.compare(b),
            (Parsed::Debian(a), Parsed::Debian(b)) => a.compare(b),
            (Parsed::Dotted(a), Parsed::Dotted(b)) => a.compare(b),
            (Parsed::Gem(a), Parsed::Gem(b)) => a.compare(b),
            (Parsed::Maven(a), Parsed::Maven(b)) => a.compare(b),
            (Parsed::NuGet(a), Parsed::NuGet(b)) => a.compare_caseless(b),
            (Parsed::Pep440(a), Parsed::Pep440(b)) => a.cmp(b),
            (Parsed::Rpm(a), Parsed::Rpm(b)) => a.compare(b),
            (Parsed::Semver(a), Parsed::Semver(b)) => a.compare(b),
            _ => return None,
        })
    }
}

impl PartialEq for Version<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}
