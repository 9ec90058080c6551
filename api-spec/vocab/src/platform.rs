//! What an image was built for, as in the OCI image specification ("Platform").

use crate::text::{serde_as_text, shown};
use std::fmt;
use std::str::FromStr;

/// Operating system, architecture and variant: `linux/amd64`, `linux/arm/v7`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    os: Box<str>,
    architecture: Box<str>,
    variant: Option<Box<str>>,
}

/// A text that is not a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a platform: \"{0}\"; expected os/architecture or os/architecture/variant, as linux/arm64")]
pub struct PlatformError(String);

impl Platform {
    /// The operating system, as `linux`.
    pub fn os(&self) -> &str {
        &self.os
    }

    /// The architecture, as Go names it: `amd64`.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// The variant of the architecture, as `v7`.
    pub fn variant(&self) -> Option<&str> {
        self.variant.as_deref()
    }
}

impl FromStr for Platform {
    type Err = PlatformError;
    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let refused = || PlatformError(shown(text));
        let well_formed = |part: &&str| {
            (1..=64).contains(&part.len())
                && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        let mut parts = text.split('/');
        let os = parts.next().filter(well_formed).ok_or_else(refused)?;
        let architecture = parts.next().filter(well_formed).ok_or_else(refused)?;
        let variant = match parts.next() {
            None => None,
            Some(part) if well_formed(&part) => Some(part.into()),
            Some(_) => return Err(refused()),
        };
        if parts.next().is_some() {
            return Err(refused());
        }
        Ok(Platform { os: os.into(), architecture: architecture.into(), variant })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

serde_as_text!(Platform);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platform_text_round_trips() {
        for text in ["linux/amd64", "linux/arm/v7", "windows/amd64"] {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn platform_malformed_is_refused() {
        for text in ["", "linux", "linux/", "/amd64", "a/b/c/d", "linux/am d64", "linux/arm/"] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }
}
