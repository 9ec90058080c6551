//! An image's inventory.

use crate::package::InstalledPackage;
use api_vocab::{Ecosystem, ProblemCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The packages of an image, and what could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Inventory {
    /// The distribution, where the image says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distro: Option<Distro>,
    /// Everything found, sorted.
    pub packages: Vec<InstalledPackage>,
    /// Everything that could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// What os-release says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Distro {
    /// `ID`.
    pub id: String,
    /// `VERSION_ID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// `PRETTY_NAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretty_name: Option<String>,
    /// Where advisories for its packages are found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub ecosystem: Option<Ecosystem>,
}

/// One thing that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Why.
    #[schema(value_type = String)]
    pub code: ProblemCode,
    /// What: a path within the image, or empty for the image as a whole.
    pub path: String,
    /// The same for people.
    pub detail: String,
}
