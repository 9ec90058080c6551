//! Extracted layers, as scanners hand them to each other.

use crate::engine::Attachment;
use crate::http::role::ByScanner;
use crate::http::{Answer, NoQuery, refusal};
use crate::state::Core;
use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data, Path};
use api_chassis::http::{HttpError, Query};
use api_vocab::{Digest, ExtractorSet, LeaseId};
use api_wire::layer::LayerInventory;
use core_model::{Command, State};
use serde::Deserialize;

/// By which extractors.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LayerQuery {
    /// The set of extractors; the wanted one if absent.
    #[param(value_type = Option<String>)]
    pub extractor_set: Option<ExtractorSet>,
}

/// Hand over one extracted layer.
#[utoipa::path(put, path = api_wire::routes::LEASE_LAYER, tag = "scanners",
    params(("lease" = String, Path, description = "The lease's id"), ("diff_id" = String, Path, description = "The layer")),
    request_body = LayerInventory,
    responses((status = 204, description = "It is kept")))]
pub async fn store(
    _: ByScanner,
    _: Query<NoQuery>,
    core: Data<Core>,
    path: Path<(LeaseId, Digest)>,
    body: Bytes,
) -> Answer {
    let (lease, diff_id) = path.into_inner();
    let layer: LayerInventory = serde_json::from_slice(&body)
        .map_err(|error| HttpError::invalid(format!("the JSON body: {error}")))?;
    if layer.diff_id != diff_id {
        return Err(HttpError::unprocessable(format!(
            "the body is about {}, the path about {diff_id}",
            layer.diff_id
        )));
    }
    let extractor_set = extractors_under(&core, lease)?;
    let kept = Attachment::Layer {
        diff_id: diff_id.clone(),
        extractor_set: extractor_set.clone(),
        bytes: body.to_vec(),
    };
    let command = Command::LayerExtracted { lease, diff_id, extractor_set };
    core.engine.apply_with(command, kept).await.map_err(refusal::of_engine)?;
    Ok(HttpResponse::NoContent().finish())
}

/// The extractors of the scanner that holds `lease`.
fn extractors_under(core: &Core, lease: LeaseId) -> Result<ExtractorSet, HttpError> {
    let images = core.view.images_after(None, usize::MAX);
    let holder = images.iter().find_map(|image| match &image.state {
        State::Leased { lease: held, scanner, .. } if *held == lease => Some(scanner),
        _ => None,
    });
    let scanner = holder.and_then(|name| core.view.scanner(name));
    scanner.map(|scanner| scanner.registration.extractor_set.clone()).ok_or_else(|| {
        HttpError::new(409, "lease_lost", format!("lease {lease} is not in force: it ended or never was"))
    })
}

/// One extracted layer.
#[utoipa::path(get, path = api_wire::routes::LAYER, tag = "scanners",
    params(("diff_id" = String, Path, description = "The layer"), LayerQuery),
    responses((status = 200, description = "What was extracted from it", body = LayerInventory)))]
pub async fn one(_: ByScanner, core: Data<Core>, diff_id: Path<Digest>, query: Query<LayerQuery>) -> Answer {
    let absent = || HttpError::not_found(format!("no inventory of layer {diff_id} by these extractors"));
    let wanted = query.extractor_set.clone().or_else(|| core.view.totals().extractor_set);
    let layer = core.keep.layer(diff_id.clone(), wanted.ok_or_else(absent)?).await?;
    Ok(HttpResponse::Ok().content_type("application/json").body(layer.ok_or_else(absent)?))
}
