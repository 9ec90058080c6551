//! The workload that a pod belongs to.

use crate::text::{serde_as_text, shown};
use std::fmt;
use std::str::FromStr;

/// `<kind>/<name>`: `deployment/web`, `compose/shop/web`, `swarm/stack_web`, `container/redis`.
///
/// The kind has no slash; the name may. At most 512 bytes, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    text: Box<str>,
    kind_len: u16,
}

/// A text that is not an owner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an owner: \"{0}\"; expected kind/name, as compose/shop/web")]
pub struct OwnerError(String);

impl Owner {
    /// The owner of this kind and name.
    pub fn new(kind: &str, name: &str) -> Result<Self, OwnerError> {
        format!("{kind}/{name}").parse()
    }

    /// The kind, as `compose`.
    pub fn kind(&self) -> &str {
        self.text.get(..usize::from(self.kind_len)).unwrap_or_default()
    }

    /// The name, as `shop/web`.
    pub fn name(&self) -> &str {
        self.text.get(usize::from(self.kind_len) + 1..).unwrap_or_default()
    }

    /// Kind, slash, name.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Owner {
    type Err = OwnerError;
    fn from_str(text: &str) -> Result<Self, OwnerError> {
        let refused = || OwnerError(shown(text));
        let (kind, name) = text.split_once('/').ok_or_else(refused)?;
        let well_formed =
            !kind.is_empty() && !name.is_empty() && text.len() <= 512 && !text.chars().any(char::is_control);
        let kind_len = u16::try_from(kind.len()).map_err(|_| refused())?;
        if well_formed { Ok(Owner { text: text.into(), kind_len }) } else { Err(refused()) }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

serde_as_text!(Owner);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owner_parts_are_kind_and_rest() {
        let owner: Owner = "compose/shop/web".parse().unwrap();
        assert_eq!((owner.kind(), owner.name(), owner.as_str()), ("compose", "shop/web", "compose/shop/web"));
    }

    #[test]
    fn owner_malformed_is_refused() {
        for text in ["", "x", "/x", "x/", "a/b\n", &format!("a/{}", "b".repeat(511))] {
            assert!(text.parse::<Owner>().is_err(), "{text}");
        }
    }
}
