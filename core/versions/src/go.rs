//! Go module versions (semantic versions with a `v`), and those of Go itself (`go1.22rc1`).

use crate::digits::{is_number, split_run};
use crate::semver::SemverVersion;
use std::borrow::Cow;

/// `(devel)` and the like are no versions.
pub(crate) fn parse(text: &str) -> Option<SemverVersion<'_>> {
    match text.trim_ascii().strip_prefix("go") {
        Some(release) => parse_toolchain(release),
        None => SemverVersion::parse(text),
    }
}

/// `1.22rc1` is the semantic version 1.22-rc.1. Behind a space stand the experiments that the
/// toolchain was built with; a vendor's suffix, as in `1.20.12-1`, is no pre-release.
fn parse_toolchain(release: &str) -> Option<SemverVersion<'_>> {
    let release = release.split(' ').next().unwrap_or(release);
    let end = release.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(release.len());
    let (numbers, word) = release.split_at(end);
    let (name, digits) = split_run(word.as_bytes(), u8::is_ascii_alphabetic);
    let version = SemverVersion::parse(numbers)?;
    if name.is_empty() || !is_number(digits) {
        return Some(version);
    }
    Some(version.with_pre_release(Cow::Owned([name, b".", digits].concat())))
}
