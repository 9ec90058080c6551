//! Which packages an archive is, by what was found in it.
//!
//! Each `pom.properties` is a package, exactly. Without any, the archive is one package:
//!
//! - artifact and version from the file's name (`name-1.2.3.jar`); for a file without a version
//!   in its name, the version from the manifest (`Implementation-Version`, then `Bundle-Version`);
//!   no version, no package;
//! - group from the one `pom.xml` within, else from the list of well-known artifacts that are
//!   built without Maven, else `Implementation-Vendor-Id`, else what `Bundle-SymbolicName` has
//!   before the artifact, else the artifact's own name. The last is right for the many old ones
//!   that are named so (`commons-io:commons-io`, `log4j:log4j`); for any other it makes a name
//!   that no advisory has, so that the package is listed and nothing false is found in it.

use super::known;
use super::manifest::Manifest;
use super::properties::Properties;
use api_vocab::{Ecosystem, Family, Package, PackageError};
use std::collections::BTreeSet;

const MAX_LICENSE: usize = 200;

/// What an archive says of itself.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    pub(super) manifest: Manifest,
    pub(super) properties: Vec<Properties>,
    /// Group and artifact of each `pom.xml`, by its place.
    pub(super) models: Vec<(String, String)>,
}

impl Evidence {
    /// The bundle's licence, where the archive is one package.
    pub(super) fn licenses(&self) -> Vec<Box<str>> {
        let stated = self.manifest.get("bundle-license").filter(|_| self.properties.len() <= 1);
        let short = stated.filter(|text| text.len() <= MAX_LICENSE && !text.chars().any(char::is_control));
        short.map(Box::from).into_iter().collect()
    }
}

/// The packages of the archive in a file of this name.
pub(super) fn packages(file: &str, evidence: &Evidence) -> Vec<Result<Package, PackageError>> {
    let exact: BTreeSet<(String, &str)> = evidence.properties.iter().filter_map(exact).collect();
    if !exact.is_empty() {
        return exact.into_iter().map(|(name, version)| package(&name, version)).collect();
    }
    guessed(file, evidence).map(|(name, version)| package(&name, &version)).into_iter().collect()
}

fn package(name: &str, version: &str) -> Result<Package, PackageError> {
    Package::new(Ecosystem::of(Family::Maven), name, version)
}

fn exact(properties: &Properties) -> Option<(String, &str)> {
    let (group, artifact) = (properties.group.as_deref()?, properties.artifact.as_deref()?);
    Some((format!("{group}:{artifact}"), properties.version.as_deref()?))
}

/// Name and version by file name and manifest.
fn guessed(file: &str, evidence: &Evidence) -> Option<(String, String)> {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let manifest = &evidence.manifest;
    let stated = ["implementation-version", "bundle-version"]
        .into_iter()
        .filter_map(|name| manifest.get(name))
        .find(|version| is_version(version));
    let (artifact, version) = match split_name(stem, stated) {
        Some(split) => split,
        None => (untitled(stem, manifest), stated?),
    };
    if !is_token(artifact) {
        return None;
    }
    let known = known::find(artifact);
    let (group, artifact) = match evidence.models.as_slice() {
        [(group, artifact)] => (group.as_str(), artifact.as_str()),
        _ => match known {
            Some(known) => (known.group, known.artifact.unwrap_or(artifact)),
            None => (group_stated(artifact, manifest).unwrap_or(artifact), artifact),
        },
    };
    Some((format!("{group}:{artifact}"), version.to_owned()))
}

/// The artifact of a file whose name has no version: the manifest's title where the file was
/// renamed, unless the file's name is a known one.
fn untitled<'a>(stem: &'a str, manifest: &'a Manifest) -> &'a str {
    let title = manifest.get("implementation-title").filter(|title| is_token(title) && !title.contains('.'));
    if known::find(stem).is_some() { stem } else { title.unwrap_or(stem) }
}

/// `name-1.2.3` as name and version: at the version that the manifest states, else at the first
/// hyphen before a digit.
fn split_name<'a>(stem: &'a str, stated: Option<&str>) -> Option<(&'a str, &'a str)> {
    let by_manifest = stated.and_then(|version| {
        let name = stem.strip_suffix(version)?.strip_suffix('-')?;
        Some((name, stem.get(name.len() + 1..)?))
    });
    let by_hyphen = || {
        let digits = stem.match_indices('-').map(|(at, _)| at);
        let starts = |at: &usize| {
            stem.get(at + 1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        };
        stem.split_at_checked(digits.into_iter().find(starts)?)
    };
    let (name, version) =
        by_manifest.or_else(|| by_hyphen().map(|(name, rest)| (name, rest.trim_start_matches('-'))))?;
    (!name.is_empty() && is_version(version)).then_some((name, version))
}

fn group_stated<'a>(artifact: &str, manifest: &'a Manifest) -> Option<&'a str> {
    let vendor = manifest.get("implementation-vendor-id").filter(|vendor| is_token(vendor));
    let bundle = manifest.get("bundle-symbolicname").and_then(|name| name.split(';').next()).map(str::trim);
    let before = bundle.and_then(|name| name.strip_suffix(artifact)?.strip_suffix('.'));
    vendor.or(before.filter(|group| is_token(group)))
}

fn is_version(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+'))
}

/// Whether it can be a group or an artifact.
fn is_token(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(file: &str, manifest: &str) -> String {
        let evidence = Evidence { manifest: Manifest::parse(manifest.as_bytes()), ..Evidence::default() };
        guessed(file, &evidence).map_or_else(String::new, |(name, version)| format!("{name}@{version}"))
    }

    #[test]
    fn archive_is_named_by_file_and_manifest() {
        for (file, manifest, expected) in [
            ("commons-io-2.6.jar", "", "commons-io:commons-io@2.6"),
            ("guava-31.1-jre.jar", "", "guava:guava@31.1-jre"),
            (
                "spring-beans-5.3.17.jar",
                "Implementation-Title: spring-beans",
                "org.springframework:spring-beans@5.3.17",
            ),
            ("spring-webmvc-5.2.0.RELEASE.jar", "", "org.springframework:spring-webmvc@5.2.0.RELEASE"),
            ("spring-security-core-6.1.0.jar", "", "org.springframework.security:spring-security-core@6.1.0"),
            (
                "catalina.jar",
                "Implementation-Title: Apache Tomcat\nImplementation-Version: 9.0.62",
                "org.apache.tomcat:tomcat-catalina@9.0.62",
            ),
            ("tomcat-embed-core-9.0.60.jar", "", "org.apache.tomcat.embed:tomcat-embed-core@9.0.60"),
            ("bcprov-jdk15on-1.68.jar", "", "org.bouncycastle:bcprov-jdk15on@1.68"),
            ("log4j-1.2-api-2.17.0.jar", "Bundle-Version: 2.17.0", "log4j-1.2-api:log4j-1.2-api@2.17.0"),
            ("x-1.0.jar", "Implementation-Vendor-Id: org.x", "org.x:x@1.0"),
            (
                "snakeyaml-1.30.jar",
                "Bundle-SymbolicName: org.yaml.snakeyaml;singleton:=true",
                "org.yaml:snakeyaml@1.30",
            ),
            ("renamed.jar", "Implementation-Title: thing\nImplementation-Version: 2.0", "thing:thing@2.0"),
            ("app.jar", "", ""),
            ("app.jar", "Implementation-Version: ${version}", ""),
            ("app.jar", "Implementation-Version: 17 (build 3)", ""),
            ("-1.0.jar", "", ""),
            ("a b-1.0.jar", "", ""),
            (".jar", "", ""),
            ("", "", ""),
        ] {
            assert_eq!(guess(file, manifest), expected, "{file}");
        }
    }

    #[test]
    fn archive_with_one_model_has_its_group() {
        let evidence = Evidence { models: vec![("g".into(), "a".into())], ..Evidence::default() };
        assert_eq!(guessed("a-1.0.jar", &evidence), Some(("g:a".into(), "1.0".into())));
    }
}
