//! SBOMs: an image's inventory as the documents that other tools read.

mod cyclonedx;
mod spdx;

use api_vocab::{Digest, InstalledPackage, Inventory, Purl, Timestamp};
use serde_json::Value;

/// The formats that an SBOM leaves in.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SbomFormat {
    /// CycloneDX 1.6, JSON (ECMA-424).
    #[default]
    Cyclonedx,
    /// SPDX 2.3, JSON (ISO/IEC 5962).
    Spdx,
}

impl SbomFormat {
    /// The media type of the document.
    pub const fn media_type(self) -> &'static str {
        match self {
            SbomFormat::Cyclonedx => "application/vnd.cyclonedx+json; version=1.6",
            SbomFormat::Spdx => "application/spdx+json",
        }
    }
}

/// What an SBOM is about.
pub struct Subject<'a> {
    /// The image, by its digest, where it has one.
    pub digest: Option<&'a Digest>,
    /// What people call it: a reference or a path.
    pub name: &'a str,
    /// What is inside.
    pub inventory: &'a Inventory,
    /// When the inventory was taken.
    pub created: Timestamp,
}

/// Write the SBOM of `subject`. The same subject gives the same document.
pub fn render(subject: &Subject<'_>, format: SbomFormat) -> Value {
    match format {
        SbomFormat::Cyclonedx => cyclonedx::render(subject),
        SbomFormat::Spdx => spdx::render(subject),
    }
}

const TOOL: &str = "perceptor";
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn purl(subject: &Subject<'_>, found: &InstalledPackage) -> Option<String> {
    Purl::of(&found.package, subject.inventory.distro.as_ref()).map(|purl| purl.as_str().to_owned())
}

/// RFC 3339 to the second, as both formats want it.
fn seconds(time: Timestamp) -> String {
    let text = time.to_string();
    text.split_once('.').map_or(text.clone(), |(whole, _)| format!("{whole}Z"))
}

#[cfg(test)]
mod tests;
