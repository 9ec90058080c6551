//! One extracted layer, as scanners hand it to each other through the core.

use crate::inventory::{Distro, Problem};
use crate::package::Package;
use api_vocab::Digest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What was extracted from a layer, and what the layer hides of those beneath it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LayerInventory {
    /// The digest of the uncompressed layer.
    #[schema(value_type = String)]
    pub diff_id: Digest,
    /// Files that an extractor wanted.
    pub files: Vec<LayerFile>,
    /// Paths that the layer removes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub whiteouts: Vec<String>,
    /// Folders whose earlier content the layer hides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opaques: Vec<String>,
    /// Symbolic links on the way to paths that matter: path and target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<(String, String)>,
    /// Hashes of the paths of all entries that are not folders, sorted, 16 hexadecimal digits
    /// each, in one text.
    pub shadows: String,
    /// What could not be read of the layer as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// One wanted file and what one extractor made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LayerFile {
    /// Path within the image.
    pub path: String,
    /// The extractor.
    pub extractor: String,
    /// Packages it found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<LayerPackage>,
    /// Which packages of the distribution it says to own files of languages' packages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owned: Vec<OwnedFiles>,
    /// The distribution it found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distro: Option<Distro>,
    /// What it could not read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

/// A distribution's package, and those of its files that tell of packages of languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnedFiles {
    /// The package's name.
    pub owner: String,
    /// Paths of the files, no leading slash.
    pub paths: Vec<String>,
}

/// A package of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LayerPackage {
    /// What it is.
    #[serde(flatten)]
    pub package: Package,
    /// Where inside the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nested: Option<String>,
    /// Licences as stated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<String>,
}
