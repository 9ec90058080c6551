//! A caller: who shows a token, what it may do, and for which sources it speaks.

use super::Role;
use crate::http::HttpError;
use api_vocab::SourceId;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's name, as the file or its reviewer has it; empty where nobody is asked.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// For which sources it may do it.
    pub scope: Scope,
}

/// The sources that a caller speaks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Scope {
    /// Every source.
    #[default]
    All,
    /// These, and no other.
    Only(Arc<BTreeSet<SourceId>>),
}

impl Caller {
    /// A caller that speaks for every source.
    pub fn new(name: impl Into<String>, role: Role) -> Self {
        Caller { name: name.into(), role, scope: Scope::All }
    }

    /// Who speaks for the sources of `words` only; none: for all. A line of words says this behind
    /// whom it lets in.
    ///
    /// # Errors
    /// What is wrong, without the word that is: it may be a token in the wrong place.
    pub fn speaking_for<'a>(mut self, words: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let sources: Result<BTreeSet<SourceId>, _> = words.map(str::parse).collect();
        let sources = sources.map_err(|_| {
            "what follows the name is no list of sources; expected kind/name, as kubernetes/prod-eu"
                .to_owned()
        })?;
        if sources.is_empty() {
            return Ok(self);
        }
        if self.role != Role::Perceiver {
            return Err("sources follow the name; only a perceiver can be bound to sources".to_owned());
        }
        self.scope = Scope::Only(Arc::new(sources));
        Ok(self)
    }

    /// Whether it speaks for `source`.
    ///
    /// # Errors
    /// 403, whether there is such a source or not.
    pub fn check_source(&self, source: &SourceId) -> Result<(), HttpError> {
        match &self.scope {
            Scope::Only(sources) if !sources.contains(source) => {
                Err(HttpError::forbidden(format!("this token does not speak for the source {source}")))
            }
            Scope::All | Scope::Only(_) => Ok(()),
        }
    }
}

impl Scope {
    /// The sources by name; none if it is every source.
    pub fn sources(&self) -> impl Iterator<Item = &SourceId> {
        let only = match self {
            Scope::All => None,
            Scope::Only(sources) => Some(sources.iter()),
        };
        only.into_iter().flatten()
    }
}
