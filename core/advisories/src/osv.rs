//! The shape of an OSV record (ossf.github.io/osv-schema), of which only what matching needs.
//!
//! Closed to nothing: fields we do not know are passed over, `null` is absence.

use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
pub(crate) struct OsvRecord {
    pub id: String,
    #[serde(default)]
    pub modified: Option<String>,
    #[serde(default)]
    pub published: Option<String>,
    #[serde(default)]
    pub withdrawn: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub aliases: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub upstream: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub related: Vec<String>,
    #[serde(default)]
    pub summary: Option<String>,
    #[serde(default)]
    pub details: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub severity: Vec<OsvSeverity>,
    #[serde(default, deserialize_with = "or_default")]
    pub affected: Vec<OsvAffected>,
    #[serde(default, deserialize_with = "or_default")]
    pub references: Vec<OsvReference>,
    #[serde(default, deserialize_with = "or_default")]
    pub database_specific: OsvSpecific,
}

#[derive(Deserialize)]
pub(crate) struct OsvSeverity {
    #[serde(rename = "type")]
    pub kind: String,
    pub score: String,
}

#[derive(Deserialize)]
pub(crate) struct OsvAffected {
    #[serde(default)]
    pub package: Option<OsvPackage>,
    #[serde(default, deserialize_with = "or_default")]
    pub severity: Vec<OsvSeverity>,
    #[serde(default, deserialize_with = "or_default")]
    pub ranges: Vec<OsvRange>,
    #[serde(default, deserialize_with = "or_default")]
    pub versions: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub ecosystem_specific: OsvSpecific,
    #[serde(default, deserialize_with = "or_default")]
    pub database_specific: OsvSpecific,
}

#[derive(Deserialize)]
pub(crate) struct OsvPackage {
    pub ecosystem: String,
    pub name: String,
}

#[derive(Deserialize)]
pub(crate) struct OsvRange {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, deserialize_with = "or_default")]
    pub events: Vec<OsvEvent>,
}

#[derive(Deserialize)]
pub(crate) struct OsvEvent {
    #[serde(default)]
    pub introduced: Option<String>,
    #[serde(default)]
    pub fixed: Option<String>,
    #[serde(default)]
    pub last_affected: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct OsvReference {
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub url: Option<String>,
}

/// What databases add of their own, as far as it says how bad something is.
#[derive(Deserialize, Default)]
pub(crate) struct OsvSpecific {
    #[serde(default)]
    severity: Option<serde_json::Value>,
    #[serde(default)]
    urgency: Option<serde_json::Value>,
    #[serde(default)]
    ubuntu_priority: Option<serde_json::Value>,
    #[serde(default)]
    informational: Option<serde_json::Value>,
}

impl OsvSpecific {
    /// The database's own word for how bad it is.
    pub(crate) fn severity_word(&self) -> Option<&str> {
        [&self.severity, &self.urgency, &self.ubuntu_priority]
            .into_iter()
            .find_map(|value| value.as_ref().and_then(serde_json::Value::as_str))
    }

    /// Why the record is no vulnerability, as `unmaintained`.
    pub(crate) fn informational(&self) -> Option<&str> {
        self.informational.as_ref().and_then(serde_json::Value::as_str)
    }
}

fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
