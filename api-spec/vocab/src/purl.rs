//! Package URLs (purl specification, ECMA-427): the name of a package towards other tools.

use crate::{Distro, Family, Package};
use std::fmt;

/// A package URL as text, percent-encoded: `pkg:deb/debian/libssl3@3.0.1?arch=amd64&distro=debian-12`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purl(Box<str>);

impl Purl {
    /// The purl of `package`, found in an image of `distro`; nothing for an ecosystem without a
    /// purl type or a name that the type refuses.
    pub fn of(package: &Package, distro: Option<&Distro>) -> Option<Self> {
        let (kind, namespace, name) = parts(package, distro)?;
        let mut purl = packageurl::PackageUrl::new(kind, name).ok()?;
        purl.with_version(package.version()).ok()?;
        if let Some(namespace) = namespace {
            purl.with_namespace(namespace).ok()?;
        }
        if matches!(kind, "deb" | "apk" | "rpm") {
            if let Some(architecture) = package.architecture() {
                purl.add_qualifier("arch", architecture.to_owned()).ok()?;
            }
            if let Some(Distro { id, version_id: Some(version), .. }) = distro {
                purl.add_qualifier("distro", format!("{id}-{version}")).ok()?;
            }
        }
        Some(Purl(purl.to_string().into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Type, namespace and name, by the purl type definitions.
fn parts<'a>(
    package: &'a Package,
    distro: Option<&'a Distro>,
) -> Option<(&'static str, Option<&'a str>, &'a str)> {
    let name = package.name();
    let last_slash =
        || name.rsplit_once('/').map_or((None, name), |(namespace, name)| (Some(namespace), name));
    let (kind, namespace, name) = match package.ecosystem().family() {
        Family::Debian => ("deb", Some("debian"), name),
        Family::Ubuntu => ("deb", Some("ubuntu"), name),
        Family::Alpine => ("apk", Some("alpine"), name),
        Family::Wolfi => ("apk", Some("wolfi"), name),
        Family::Chainguard => ("apk", Some("chainguard"), name),
        Family::Alpaquita | Family::MinimOs => ("apk", distro.map(|d| d.id.as_str()), name),
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
        | Family::Suse => ("rpm", distro.map(|d| d.id.as_str()), name),
        Family::PyPi => ("pypi", None, name),
        Family::Npm => {
            let (namespace, name) = last_slash();
            ("npm", namespace, name)
        }
        Family::Go => {
            let (namespace, name) = last_slash();
            ("golang", namespace, name)
        }
        Family::Packagist => {
            let (namespace, name) = last_slash();
            ("composer", namespace, name)
        }
        Family::Maven => {
            let (group, artifact) = name.split_once(':')?;
            ("maven", Some(group), artifact)
        }
        Family::CratesIo => ("cargo", None, name),
        Family::RubyGems => ("gem", None, name),
        Family::NuGet => ("nuget", None, name),
        Family::Hex => ("hex", None, name),
        Family::Pub => ("pub", None, name),
        Family::Cran => ("cran", None, name),
        Family::Hackage => ("hackage", None, name),
        Family::Bitnami => ("bitnami", None, name),
        Family::Swift => {
            let (namespace, name) = last_slash();
            ("swift", namespace, name)
        }
        Family::Linux => return None,
    };
    Some((kind, namespace, name))
}

impl fmt::Display for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ecosystem: &str, name: &str, version: &str, purl: &str) {
        let package = Package::new(ecosystem.parse().unwrap(), name, version).unwrap();
        assert_eq!(Purl::of(&package, None).unwrap().as_str(), purl);
    }

    #[test]
    fn purl_of_each_type_is_as_specified() {
        check("PyPI", "Django_Foo", "1.0", "pkg:pypi/django-foo@1.0");
        check("npm", "@scope/x", "1.0.0", "pkg:npm/%40scope/x@1.0.0");
        check("Go", "github.com/a/b", "v1.2.3", "pkg:golang/github.com/a/b@v1.2.3");
        check("Maven", "org.x:y", "1", "pkg:maven/org.x/y@1");
        check("crates.io", "serde", "1.0.0", "pkg:cargo/serde@1.0.0");
        check("Debian:12", "bash", "5.2-1", "pkg:deb/debian/bash@5.2-1");
    }

    #[test]
    fn purl_of_distribution_package_names_arch_and_distro() {
        let package = Package::new("Debian:12".parse().unwrap(), "bash", "1:5.2")
            .unwrap()
            .with_architecture("amd64")
            .unwrap();
        let distro =
            Distro { id: "debian".into(), version_id: Some("12".into()), pretty_name: None, ecosystem: None };
        assert_eq!(
            Purl::of(&package, Some(&distro)).unwrap().as_str(),
            "pkg:deb/debian/bash@1:5.2?arch=amd64&distro=debian-12"
        );
    }
}
