//! Package ecosystems, named as in the OSV schema ("affected[].package.ecosystem").

use crate::text::{serde_as_text, shown, string_enum};
use std::fmt;
use std::str::FromStr;

string_enum! {
    /// The part of an ecosystem's name before the colon.
    ///
    /// OSV's names, and those of distributions for which there is no OSV feed; `Linux` is a
    /// distribution that we do not know.
    Family, "ecosystem" {
        /// AlmaLinux.
        AlmaLinux = "AlmaLinux",
        /// Alpine Linux.
        Alpine = "Alpine",
        /// Alpaquita Linux.
        Alpaquita = "Alpaquita",
        /// Amazon Linux; no OSV feed.
        Amazon = "Amazon Linux",
        /// Azure Linux and CBL-Mariner.
        AzureLinux = "Azure Linux",
        /// Bitnami packages.
        Bitnami = "Bitnami",
        /// CentOS; no OSV feed.
        CentOs = "CentOS",
        /// Chainguard.
        Chainguard = "Chainguard",
        /// R packages.
        Cran = "CRAN",
        /// Rust crates.
        CratesIo = "crates.io",
        /// Debian.
        Debian = "Debian",
        /// Fedora; no OSV feed.
        Fedora = "Fedora",
        /// Go modules.
        Go = "Go",
        /// Haskell packages.
        Hackage = "Hackage",
        /// Erlang and Elixir packages.
        Hex = "Hex",
        /// A distribution that is not on this list.
        Linux = "Linux",
        /// Mageia.
        Mageia = "Mageia",
        /// Java packages.
        Maven = "Maven",
        /// MinimOS.
        MinimOs = "MinimOS",
        /// Node packages.
        Npm = "npm",
        /// .NET packages.
        NuGet = "NuGet",
        /// openEuler.
        OpenEuler = "openEuler",
        /// openSUSE.
        OpenSuse = "openSUSE",
        /// Oracle Linux; no OSV feed.
        Oracle = "Oracle Linux",
        /// PHP packages.
        Packagist = "Packagist",
        /// Photon OS.
        Photon = "Photon OS",
        /// Dart packages.
        Pub = "Pub",
        /// Python packages.
        PyPi = "PyPI",
        /// Red Hat Enterprise Linux.
        RedHat = "Red Hat",
        /// Rocky Linux.
        Rocky = "Rocky Linux",
        /// Ruby gems.
        RubyGems = "RubyGems",
        /// SUSE Linux Enterprise.
        Suse = "SUSE",
        /// Swift packages.
        Swift = "SwiftURL",
        /// Ubuntu.
        Ubuntu = "Ubuntu",
        /// Wolfi.
        Wolfi = "Wolfi",
    }
}

impl Family {
    /// Whether it is a distribution whose advisories OSV has.
    pub const fn is_advised_distribution(self) -> bool {
        let without =
            matches!(self, Family::Amazon | Family::CentOs | Family::Fedora | Family::Linux | Family::Oracle);
        self.is_distribution() && !without
    }

    /// Whether its packages belong to a distribution, so that advisories go by its release.
    pub const fn is_distribution(self) -> bool {
        match self {
            Family::Bitnami
            | Family::Cran
            | Family::CratesIo
            | Family::Go
            | Family::Hackage
            | Family::Hex
            | Family::Maven
            | Family::Npm
            | Family::NuGet
            | Family::Packagist
            | Family::Pub
            | Family::PyPi
            | Family::RubyGems
            | Family::Swift => false,
            Family::AlmaLinux
            | Family::Alpaquita
            | Family::Alpine
            | Family::Amazon
            | Family::AzureLinux
            | Family::CentOs
            | Family::Chainguard
            | Family::Debian
            | Family::Fedora
            | Family::Linux
            | Family::Mageia
            | Family::MinimOs
            | Family::OpenEuler
            | Family::OpenSuse
            | Family::Oracle
            | Family::Photon
            | Family::RedHat
            | Family::Rocky
            | Family::Suse
            | Family::Ubuntu
            | Family::Wolfi => true,
        }
    }
}

/// An ecosystem: a family, and for most distributions a release: `PyPI`, `Debian:12`,
/// `Alpine:v3.20`, `Ubuntu:22.04:LTS`.
///
/// The release is 1 to 128 printable ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ecosystem {
    family: Family,
    release: Option<Box<str>>,
}

/// A text that is not an ecosystem we know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an ecosystem: \"{0}\"; expected a name of the OSV schema, as PyPI or Debian:12")]
pub struct EcosystemError(String);

impl Ecosystem {
    /// The whole family, no release.
    pub const fn of(family: Family) -> Self {
        Ecosystem { family, release: None }
    }

    /// One release of a family.
    pub fn with_release(family: Family, release: &str) -> Result<Self, EcosystemError> {
        let well_formed =
            (1..=128).contains(&release.len()) && release.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        if well_formed {
            Ok(Ecosystem { family, release: Some(release.into()) })
        } else {
            Err(EcosystemError(shown(release)))
        }
    }

    /// The family.
    pub const fn family(&self) -> Family {
        self.family
    }

    /// The release, as `12` or `22.04:LTS`.
    pub fn release(&self) -> Option<&str> {
        self.release.as_deref()
    }
}

impl FromStr for Ecosystem {
    type Err = EcosystemError;
    fn from_str(text: &str) -> Result<Self, EcosystemError> {
        let refused = || EcosystemError(shown(text));
        match text.split_once(':') {
            None => Ok(Ecosystem::of(text.parse().map_err(|_| refused())?)),
            Some((family, release)) => {
                Ecosystem::with_release(family.parse().map_err(|_| refused())?, release)
                    .map_err(|_| refused())
            }
        }
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.family.as_str())?;
        self.release.as_ref().map_or(Ok(()), |release| write!(f, ":{release}"))
    }
}

serde_as_text!(Ecosystem);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ecosystem_text_round_trips() {
        for text in ["PyPI", "Debian:12", "Ubuntu:22.04:LTS", "Red Hat:enterprise_linux:9::baseos"] {
            assert_eq!(text.parse::<Ecosystem>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn family_of_a_language_is_no_distribution() {
        assert!(Family::Debian.is_distribution() && Family::Linux.is_distribution());
        assert!(!Family::PyPi.is_distribution() && !Family::Bitnami.is_distribution());
    }

    #[test]
    fn distribution_without_a_feed_is_not_advised() {
        assert!(Family::Debian.is_advised_distribution() && Family::AlmaLinux.is_advised_distribution());
        assert!(!Family::Fedora.is_advised_distribution() && !Family::Linux.is_advised_distribution());
        assert!(!Family::PyPi.is_advised_distribution());
    }

    #[test]
    fn ecosystem_unknown_is_refused() {
        for text in ["", "pypi", "Debian:", "Nope:1", "Debian:1\n2"] {
            assert!(text.parse::<Ecosystem>().is_err(), "{text}");
        }
    }
}
