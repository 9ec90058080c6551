//! What an advisory is filed under: family, release and package name, each as all feeds and all
//! images would write it.

use api_vocab::{Ecosystem, Family, Package};
use core_versions::Scheme;
use std::borrow::Cow;

/// A package's name within a release of an ecosystem. The release is empty where an ecosystem has
/// none, and in advisories that speak of all releases.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PackageKey {
    family: Family,
    release: Box<str>,
    name: Box<str>,
}

/// The same, borrowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyRef<'a> {
    pub family: Family,
    pub release: Cow<'a, str>,
    pub name: Cow<'a, str>,
}

/// A name under which a package's advisories may stand, and the version that they speak of.
pub(crate) struct Lookup<'a> {
    pub key: KeyRef<'a>,
    pub version: &'a str,
}

impl PackageKey {
    /// The family.
    pub(crate) const fn family(&self) -> Family {
        self.family
    }

    /// The release.
    pub(crate) fn release(&self) -> &str {
        &self.release
    }

    /// The name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn as_ref(&self) -> KeyRef<'_> {
        KeyRef { family: self.family, release: (&*self.release).into(), name: (&*self.name).into() }
    }
}

impl<'a> KeyRef<'a> {
    pub(crate) fn new(ecosystem: &'a Ecosystem, name: &'a str) -> Self {
        let family = ecosystem.family();
        let release = release_of(family, ecosystem.release().unwrap_or_default());
        KeyRef { family, release, name: name_of(family, name) }
    }

    fn of_any_release(&self) -> Self {
        KeyRef { family: self.family, release: Cow::Borrowed(""), name: self.name.clone() }
    }

    pub(crate) fn to_owned(&self) -> PackageKey {
        PackageKey { family: self.family, release: (&*self.release).into(), name: (&*self.name).into() }
    }

    /// FNV-1a, which never changes: the hash stands in files.
    pub(crate) fn hash(&self) -> u64 {
        [self.family.as_str(), "\0", &self.release, "\0", &self.name]
            .iter()
            .fold(FNV_START, |hash, text| fnv(hash, text.as_bytes()))
    }
}

pub(crate) const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

pub(crate) fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Everywhere a package's advisories may stand: by its source package, where rpm is in use by its
/// own name too (some of those feeds name binary packages), in its release and in all releases.
pub(crate) fn lookups(package: &Package) -> impl Iterator<Item = Lookup<'_>> {
    let ecosystem = package.ecosystem();
    let by_source = Some((package.advisory_name(), package.advisory_version()));
    let names_binaries = Scheme::of(ecosystem.family()) == Some(Scheme::Rpm);
    let by_name = (names_binaries && package.source().is_some_and(|source| source.name() != package.name()))
        .then(|| (package.name(), package.version()));
    by_source.into_iter().chain(by_name).flat_map(move |(name, version)| {
        let key = KeyRef::new(ecosystem, name);
        let general = (!key.release.is_empty()).then(|| key.of_any_release());
        std::iter::once(key).chain(general).map(move |key| Lookup { key, version })
    })
}

/// The release as all write it: a long-term release of Ubuntu is that release, point releases are
/// their major release, variants and repositories do not matter.
fn release_of(family: Family, release: &str) -> Cow<'_, str> {
    match family {
        _ if !family.is_distribution() => Cow::Borrowed(""),
        Family::Ubuntu => Cow::Borrowed(release.strip_suffix(":LTS").unwrap_or(release)),
        Family::Alpine | Family::Alpaquita => Cow::Borrowed(release.strip_prefix('v').unwrap_or(release)),
        Family::AlmaLinux | Family::Rocky | Family::AzureLinux => Cow::Borrowed(major_of(release)),
        // Before 7, Debian's point releases were releases: 3.0 and 3.1 were two.
        Family::Debian if major_of(release).parse::<u32>().is_ok_and(|major| major >= 7) => {
            Cow::Borrowed(major_of(release))
        }
        Family::RedHat => red_hat(release),
        _ => Cow::Borrowed(release),
    }
}

/// `enterprise_linux:9::baseos`, `enterprise_linux:9.4` and `9` are one; `rhel_eus:9.2` is another.
fn red_hat(release: &str) -> Cow<'_, str> {
    let release = release.split_once("::").map_or(release, |(stream, _variant)| stream);
    let version = release.strip_prefix("enterprise_linux:").unwrap_or(release);
    match version.split_once('.').map_or(version, |(major, _)| major) {
        major if !major.is_empty() && major.bytes().all(|b| b.is_ascii_digit()) => {
            Cow::Owned(format!("enterprise_linux:{major}"))
        }
        _ => Cow::Borrowed(release),
    }
}

fn major_of(release: &str) -> &str {
    release.split_once('.').map_or(release, |(major, _)| major)
}

/// The name as its registry compares it.
fn name_of(family: Family, name: &str) -> Cow<'_, str> {
    match family {
        Family::PyPi => python_name(name),
        Family::NuGet | Family::Packagist if name.bytes().any(|b| b.is_ascii_uppercase()) => {
            Cow::Owned(name.to_ascii_lowercase())
        }
        _ => Cow::Borrowed(name),
    }
}

/// PEP 503: lower case, runs of `-`, `_` and `.` are one hyphen.
fn python_name(name: &str) -> Cow<'_, str> {
    let is_mark = |c: char| matches!(c, '-' | '_' | '.');
    let is_normal =
        !name.contains("--") && name.chars().all(|c| !matches!(c, '_' | '.') && !c.is_ascii_uppercase());
    if is_normal {
        return Cow::Borrowed(name);
    }
    let mut normal = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            c if is_mark(c) && normal.ends_with('-') => {}
            c if is_mark(c) => normal.push('-'),
            c => normal.push(c.to_ascii_lowercase()),
        }
    }
    Cow::Owned(normal)
}
