//! Packages.

use crate::page::Order;
use api_vocab::{Digest, Ecosystem, Severity, SourceId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A package as found in an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstalledPackage {
    /// What it is.
    #[serde(flatten)]
    pub package: Package,
    /// The file that said so; `!/` enters an archive.
    pub path: String,
    /// The diff-id of the layer that holds the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub layer: Option<Digest>,
    /// The extractor that found it.
    pub extractor: String,
    /// Licences as stated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<String>,
}

/// GET /images/{digest}/packages: a package of an image, and what could not be said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImagePackage {
    /// What was found.
    #[serde(flatten)]
    pub installed: InstalledPackage,
    /// Advisories that name it and could not be compared with its version, at most 20: each is to
    /// be looked at by a person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undecided_advisories: Vec<String>,
}

/// A package, wherever it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Package {
    /// As OSV names it: `PyPI`, `Debian:12`.
    #[schema(value_type = String)]
    pub ecosystem: Ecosystem,
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
    /// The architecture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The source package's name, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_name: Option<String>,
    /// The source package's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_version: Option<String>,
    /// The distribution's package that it is a part of, in the same version. Only the distribution's
    /// advisories count for such a package: those of its language do not know what was mended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owned_by: Option<String>,
}

/// GET /packages: a package of the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FleetPackage {
    /// What it is.
    #[serde(flatten)]
    pub package: Package,
    /// How many images hold it.
    pub images: u64,
    /// How many findings it has.
    pub findings: u64,
    /// How many advisories name it and could not be compared with its version.
    #[serde(default)]
    pub undecided: u64,
    /// The worst severity among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub worst: Option<Severity>,
}

/// Filters of GET /packages, GET /packages/places and GET /images/{digest}/packages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PackageQuery {
    /// The exact name; source package names and Maven artifact ids count as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A name's part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_contains: Option<String>,
    /// The ecosystem, with or without release: `Debian`, `Debian:12`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecosystem: Option<String>,
    /// A version constraint, as `<2.17.1` or `>=1.0, <2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What to sort by; `name` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub sort: Option<PackageSort>,
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

/// GET /packages/places: a package, and one image that holds it with all that runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PackagePlace {
    /// What it is.
    #[serde(flatten)]
    pub package: Package,
    /// The image's key.
    #[schema(value_type = String)]
    pub image: Digest,
    /// References under which the image runs.
    pub references: Vec<String>,
    /// How many pods run it.
    pub pods: u64,
    /// Some of them as `source:namespace/name`, at most 20.
    pub pod_names: Vec<String>,
    /// Their owners.
    pub owners: Vec<String>,
    /// Their sources.
    #[schema(value_type = Vec<String>)]
    pub sources: Vec<SourceId>,
    /// Whether its version could not be compared with the constraint that was asked for: it may or
    /// may not be meant, and a person has to look.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undecided: bool,
}

/// What packages may be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PackageSort {
    /// Name, then ecosystem and version.
    Name,
    /// How many images hold them.
    Images,
    /// The worst severity among their findings.
    Severity,
}
