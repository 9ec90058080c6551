//! Ranges of versions as people write them: `<2.17.1`, `>=1.0, <2`, `1.2.3`.

use crate::{Scheme, VersionError};
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

const MAX_BOUNDS: usize = 16;

/// Bounds that a version must all keep.
///
/// Bounds stand between commas; each is `<`, `<=`, `>`, `>=`, `=` (or nothing, which means `=`) or
/// `!=` and a version. The text is the same for every ecosystem; a scheme reads the versions in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint(Vec<Bound>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Bound {
    relation: Relation,
    version: Box<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

/// A text that is not a range of versions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a range of versions: \"{0}\"; expected bounds between commas, as '<2.17.1' or '>=1.0, <2'")]
pub struct ConstraintError(String);

impl Constraint {
    /// Whether `version` keeps every bound under `scheme`.
    pub fn matches(&self, scheme: Scheme, version: &str) -> Result<bool, VersionError> {
        let version = scheme.parse(version)?;
        for bound in &self.0 {
            let limit = scheme.parse(&bound.version)?;
            if !version.partial_cmp(&limit).is_some_and(|order| bound.relation.allows(order)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Relation {
    /// Longer signs first, as `<` begins `<=`.
    const SIGNS: [(&'static str, Relation); 8] = [
        ("<=", Relation::LessOrEqual),
        (">=", Relation::GreaterOrEqual),
        ("!=", Relation::NotEqual),
        ("==", Relation::Equal),
        ("<", Relation::Less),
        (">", Relation::Greater),
        ("=", Relation::Equal),
        ("", Relation::Equal),
    ];

    fn allows(self, order: Ordering) -> bool {
        match self {
            Relation::Less => order.is_lt(),
            Relation::LessOrEqual => order.is_le(),
            Relation::Greater => order.is_gt(),
            Relation::GreaterOrEqual => order.is_ge(),
            Relation::Equal => order.is_eq(),
            Relation::NotEqual => order.is_ne(),
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Relation::Less => "<",
            Relation::LessOrEqual => "<=",
            Relation::Greater => ">",
            Relation::GreaterOrEqual => ">=",
            Relation::Equal => "=",
            Relation::NotEqual => "!=",
        }
    }
}

impl FromStr for Bound {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.trim();
        let (relation, version) = Relation::SIGNS
            .iter()
            .find_map(|(sign, relation)| Some((*relation, text.strip_prefix(sign)?.trim())))
            .ok_or(())?;
        let well_formed = (1..=128).contains(&version.len())
            && version.bytes().all(|b| b.is_ascii_alphanumeric() || b".:-+~^_".contains(&b));
        well_formed.then(|| Bound { relation, version: version.into() }).ok_or(())
    }
}

impl FromStr for Constraint {
    type Err = ConstraintError;

    fn from_str(text: &str) -> Result<Self, ConstraintError> {
        let refused = || ConstraintError(text.chars().take(80).flat_map(char::escape_debug).collect());
        let bounds: Result<Vec<Bound>, ()> = text.split(',').take(MAX_BOUNDS + 1).map(str::parse).collect();
        match bounds {
            Ok(bounds) if bounds.len() <= MAX_BOUNDS => Ok(Constraint(bounds)),
            _ => Err(refused()),
        }
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, bound) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{}{}", bound.relation.sign(), bound.version)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(constraint: &str, scheme: Scheme, version: &str) -> bool {
        constraint.parse::<Constraint>().unwrap().matches(scheme, version).unwrap()
    }

    #[test]
    fn constraint_holds_within_its_bounds() {
        assert!(check("<2.17.1", Scheme::Maven, "2.14.1"));
        assert!(!check("<2.17.1", Scheme::Maven, "2.17.1"));
        assert!(check(">=1.0, <2", Scheme::Semver, "1.9.9"));
        assert!(!check(">=1.0,<2", Scheme::Semver, "2.0.0"));
        assert!(check("1.0", Scheme::Pep440, "1.0.0"));
        assert!(check(">1, !=1.5", Scheme::Pep440, "1.6") && !check(">1, !=1.5", Scheme::Pep440, "1.5"));
        assert!(check("<= 1:2.0-1", Scheme::Debian, "9.0-1"));
        assert!(check("= 1.2.3", Scheme::Go, "v1.2.3"));
    }

    #[test]
    fn constraint_unreadable_version_is_a_typed_error() {
        let constraint: Constraint = "<2".parse().unwrap();
        assert_eq!(constraint.matches(Scheme::Go, "(devel)").unwrap_err().scheme(), Scheme::Go);
    }

    #[test]
    fn constraint_malformed_is_refused() {
        for text in ["", "<", "<>1", "1,", "<1 2", "a;b", "~>1.0,", &"1,".repeat(20)] {
            assert!(text.parse::<Constraint>().is_err(), "{text}");
        }
    }

    #[test]
    fn constraint_text_round_trips() {
        for text in ["<2.17.1", ">=1.0, <2", "!=1"] {
            assert_eq!(text.parse::<Constraint>().unwrap().to_string(), text);
        }
    }
}
