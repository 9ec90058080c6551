//! Findings: advisory × package × image.

use crate::package::Package;
use crate::page::Order;
use api_vocab::{Digest, Severity, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One vulnerability of one package, as the advisories in force see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Vulnerability {
    /// The id people know it by: a CVE where there is one.
    pub id: String,
    /// All other ids, the advisories' own included.
    pub aliases: Vec<String>,
    /// How bad it is said to be.
    #[schema(value_type = String)]
    pub severity: Severity,
    /// CVSS base score, 0.0 to 10.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// The lowest version that is not affected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// One line of what it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// When it was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub published: Option<Timestamp>,
}

/// A vulnerability of a package in an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// The vulnerability.
    #[serde(flatten)]
    pub vulnerability: Vulnerability,
    /// The package.
    pub package: Package,
    /// The image's key.
    #[schema(value_type = String)]
    pub image: Digest,
    /// References under which the image runs.
    pub references: Vec<String>,
    /// How many pods run it.
    pub pods: u64,
}

/// Filters of GET /findings and GET /images/{digest}/findings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FindingQuery {
    /// At least this severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// Only those with a fix (`true`) or without one (`false`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixable: Option<bool>,
    /// Any id of the vulnerability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The package's exact name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// In images run by this source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// In images run by a pod of this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// In images run by a pod of this owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What to sort by; `image` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub sort: Option<FindingSort>,
    /// Ascending or descending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub order: Option<Order>,
    /// Where to start; from the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Page size, 1 to 1,000; 100 if absent.
    #[serde(default, deserialize_with = "crate::page::whole", skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// What findings may be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingSort {
    /// The image's key.
    Image,
    /// The severity.
    Severity,
    /// The vulnerability's id.
    Id,
    /// The package's name.
    Package,
}
