//! Leases: asking for work, keeping it, giving it back.

use crate::convert::inventory::inventory_from;
use crate::convert::lease::{failure_from, grant_to, identity_from, layers_to, renewal_to, report_from};
use crate::engine::Attachment;
use crate::http::role::ByScanner;
use crate::http::{Answer, NoQuery, refusal};
use crate::keep::write_inventory;
use crate::state::Core;
use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use api_chassis::http::{HttpError, Query};
use api_vocab::LeaseId;
use api_wire::lease::{LayerAnswer, LayerQuestion, Lease, LeaseRenewal, LeaseRequest, ScanFailure};
use api_wire::report::ScanReport;
use core_model::{Answer as Answered, Command};
use std::time::Duration;

/// Most digests that a scanner may say its node holds.
const MAX_HOLDS: usize = 10_000;
/// Longest wait for work.
const MAX_WAIT_SECONDS: u32 = 30;

/// Ask for work.
///
/// Waits up to `wait_seconds` for an image to be queued.
#[utoipa::path(post, path = api_wire::routes::LEASES, tag = "scanners", request_body = LeaseRequest,
    responses((status = 200, description = "A lease", body = Lease), (status = 204, description = "There is no work")))]
pub async fn ask(_: ByScanner, _: Query<NoQuery>, core: Data<Core>, body: Json<LeaseRequest>) -> Answer {
    let request = body.into_inner();
    if request.holds.len() > MAX_HOLDS {
        return Err(HttpError::unprocessable(format!("more than {MAX_HOLDS} digests in holds")));
    }
    if request.wait_seconds > MAX_WAIT_SECONDS {
        return Err(HttpError::unprocessable(format!("wait_seconds is more than {MAX_WAIT_SECONDS}")));
    }
    let wait = Duration::from_secs(request.wait_seconds.into());
    let granted = core.work.ask(request.scanner, request.holds, wait).await.map_err(refusal::of_engine)?;
    core.metrics.asked(granted.is_some());
    Ok(match granted {
        Some(grant) => HttpResponse::Ok().json(grant_to(&grant, core.clock.now())),
        None => HttpResponse::NoContent().finish(),
    })
}

/// Keep a lease.
#[utoipa::path(post, path = api_wire::routes::LEASE_RENEW, tag = "scanners",
    params(("lease" = String, Path, description = "The lease's id")),
    responses((status = 200, description = "The lease goes on", body = LeaseRenewal)))]
pub async fn renew(_: ByScanner, _: Query<NoQuery>, core: Data<Core>, lease: Path<LeaseId>) -> Answer {
    match core.engine.apply(Command::Renew { lease: *lease }).await.map_err(refusal::of_engine)? {
        Answered::Renewed { until } => Ok(HttpResponse::Ok().json(renewal_to(until, core.clock.now()))),
        _ => Err(HttpError::bug("a renewal was answered by something else")),
    }
}

/// Say which layers the image has, and learn which to extract.
#[utoipa::path(post, path = api_wire::routes::LEASE_LAYERS, tag = "scanners",
    params(("lease" = String, Path, description = "The lease's id")), request_body = LayerQuestion,
    responses((status = 200, description = "Which layers to extract", body = LayerAnswer)))]
pub async fn layers(
    _: ByScanner,
    _: Query<NoQuery>,
    core: Data<Core>,
    lease: Path<LeaseId>,
    body: Json<LayerQuestion>,
) -> Answer {
    let question = body.into_inner();
    let command = Command::AskLayers {
        lease: *lease,
        identity: identity_from(question.identity),
        layers: question.layers,
        extractor_set: question.extractor_set,
    };
    match core.engine.apply(command).await.map_err(refusal::of_engine)? {
        Answered::Layers(answer) => Ok(HttpResponse::Ok().json(layers_to(answer))),
        _ => Err(HttpError::bug("a question for layers was answered by something else")),
    }
}

/// Report an image's inventory. Ends the lease.
#[utoipa::path(post, path = api_wire::routes::LEASE_REPORT, tag = "scanners",
    params(("lease" = String, Path, description = "The lease's id")), request_body = ScanReport,
    responses((status = 204, description = "It is kept")))]
pub async fn report(
    _: ByScanner,
    _: Query<NoQuery>,
    core: Data<Core>,
    lease: Path<LeaseId>,
    body: Json<ScanReport>,
) -> Answer {
    let mut report = body.into_inner();
    let inventory = inventory_from(std::mem::take(&mut report.inventory));
    let report = Box::new(report_from(report, &inventory));
    let kept = Attachment::Inventory(write_inventory(&inventory).map_err(HttpError::bug)?);
    let answer = core.engine.apply_with(Command::Report { lease: *lease, report }, kept).await;
    match answer.map_err(refusal::of_engine)? {
        Answered::Reported { unmatched, .. } => {
            core.matcher.match_packages(unmatched);
            Ok(HttpResponse::NoContent().finish())
        }
        _ => Err(HttpError::bug("a report was answered by something else")),
    }
}

/// Report that a scan did not work. Ends the lease.
#[utoipa::path(post, path = api_wire::routes::LEASE_FAILURE, tag = "scanners",
    params(("lease" = String, Path, description = "The lease's id")), request_body = ScanFailure,
    responses((status = 204, description = "It is noted")))]
pub async fn failure(
    _: ByScanner,
    _: Query<NoQuery>,
    core: Data<Core>,
    lease: Path<LeaseId>,
    body: Json<ScanFailure>,
) -> Answer {
    let failure = failure_from(body.into_inner());
    let answer = core.engine.apply(Command::Fail { lease: *lease, failure }).await;
    answer.map_err(refusal::of_engine)?;
    Ok(HttpResponse::NoContent().finish())
}
