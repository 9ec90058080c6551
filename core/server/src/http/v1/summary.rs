//! The fleet in numbers.

use crate::convert::finding::numbers_to;
use crate::http::role::ByReader;
use crate::http::single::single;
use crate::http::{Answer, NoQuery};
use crate::state::Core;
use actix_web::HttpRequest;
use actix_web::web::Data;
use api_chassis::http::Query;
use api_wire::summary::{ImageCounts, Summary};
use core_model::{Stage, Totals};

/// The fleet in numbers.
#[utoipa::path(get, path = api_wire::routes::SUMMARY, tag = "readers",
    responses((status = 200, description = "The numbers", body = Summary)))]
pub async fn one(_: ByReader, _: Query<NoQuery>, core: Data<Core>, request: HttpRequest) -> Answer {
    let totals = core.view.totals();
    let summary = Summary {
        sources: core.view.source_count(),
        pods: core.view.pod_count(),
        unresolved_containers: totals.unresolved_containers,
        images: images(&totals),
        packages: core.view.package_count(),
        findings: numbers_to(&totals.findings),
        scanners: core.view.scanner_count(),
        advisories: core.advisories.revision(),
    };
    single(&request, &summary)
}

fn images(totals: &Totals) -> ImageCounts {
    ImageCounts {
        total: Stage::ALL.iter().map(|stage| totals.images_at(*stage)).sum(),
        queued: totals.images_at(Stage::Queued),
        leased: totals.images_at(Stage::Leased),
        backoff: totals.images_at(Stage::Backoff),
        complete: totals.images_at(Stage::Scanned),
        partial: totals.images_at(Stage::Partial),
        unscannable: totals.images_at(Stage::Unscannable),
    }
}
