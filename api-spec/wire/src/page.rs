//! Pages of a list.

use crate::revision::AdvisorySet;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use utoipa::ToSchema;

/// One page; the next one is asked for with `cursor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the order asked for.
    pub items: Vec<T>,
    /// Where the next page starts; absent on the last page. Opaque.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// The advisories in force; only where the items show findings or count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advisories: Option<AdvisorySet>,
}

/// The direction of a sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Smallest first.
    #[default]
    Asc,
    /// Largest first.
    Desc,
}

/// A whole number behind a key of a query.
pub(crate) fn whole<'de, D: Deserializer<'de>, N: FromStr>(deserializer: D) -> Result<Option<N>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let complaint = || D::Error::custom(format_args!("expected a whole number, as 100, not {text:?}"));
    text.parse().map(Some).map_err(|_| complaint())
}
