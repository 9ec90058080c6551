//! What is said of a text that is not a version.

use crate::Scheme;

/// A text that is not a version of a scheme.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {scheme} version: \"{text}\"")]
pub struct VersionError {
    scheme: Scheme,
    text: String,
}

impl VersionError {
    pub(crate) fn new(scheme: Scheme, text: &str) -> Self {
        VersionError { scheme, text: text.chars().take(80).flat_map(char::escape_debug).collect() }
    }

    /// The scheme that could not read it.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }
}
