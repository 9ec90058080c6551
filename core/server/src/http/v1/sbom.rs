//! SBOMs: an image's inventory as other tools read it.

use super::images::find;
use crate::http::Answer;
use crate::http::role::ByReader;
use crate::http::single::tagged;
use crate::state::Core;
use actix_web::HttpRequest;
use actix_web::web::{Data, Path};
use api_chassis::http::{HttpError, Query};
use api_vocab::Digest;
use api_wire::sbom::{SbomFormat, Subject, render};
use serde::Deserialize;

/// Which format.
#[derive(Debug, Clone, Copy, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SbomQuery {
    /// `cyclonedx` or `spdx`.
    #[serde(default)]
    #[param(inline)]
    pub format: SbomFormat,
}

/// The SBOM of an image: CycloneDX 1.6 or SPDX 2.3.
#[utoipa::path(get, path = api_wire::routes::IMAGE_SBOM, tag = "readers", params(
    ("digest" = String, Path, description = "Any digest of the image"), SbomQuery),
    responses((status = 200, description = "The document", content(
        (serde_json::Value = "application/vnd.cyclonedx+json; version=1.6"),
        (serde_json::Value = "application/spdx+json")))))]
pub async fn one(
    _: ByReader,
    core: Data<Core>,
    digest: Path<Digest>,
    query: Query<SbomQuery>,
    request: HttpRequest,
) -> Answer {
    let image = find(&core, &digest)?;
    let inventory = core.keep.inventory_of(&image).await?;
    let name = image.references.first().map_or_else(|| image.key.to_string(), |name| name.to_string());
    let scanned_at = image.scan.as_ref().map(|scan| scan.at).unwrap_or_default();
    let subject =
        Subject { digest: Some(&image.key), name: &name, inventory: &inventory, created: scanned_at };
    let document = serde_json::to_vec(&render(&subject, query.format)).map_err(HttpError::bug)?;
    Ok(tagged(&request, query.format.media_type(), document))
}
