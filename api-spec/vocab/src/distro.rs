//! The distribution an image says it is, from its os-release file.

use crate::Ecosystem;

/// What os-release says (freedesktop.org, `os-release(5)`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distro {
    /// `ID`, as `debian`.
    pub id: String,
    /// `VERSION_ID`, as `12`; absent on rolling releases.
    pub version_id: Option<String>,
    /// `PRETTY_NAME`, for people.
    pub pretty_name: Option<String>,
    /// Where advisories for its packages are found, where one is known.
    pub ecosystem: Option<Ecosystem>,
}
