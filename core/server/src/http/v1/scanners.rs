//! Scanners: who asks for work.

use crate::convert::scanner::{registration_from, scanner_to};
use crate::http::page::Cut;
use crate::http::role::{ByReader, ByScanner};
use crate::http::single::single;
use crate::http::{Answer, NoQuery, refusal};
use crate::state::Core;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse};
use api_chassis::http::{HttpError, Query};
use api_vocab::ScannerName;
use api_wire::page::Page;
use api_wire::scanner::{Scanner, ScannerQuery, ScannerRegistration, ScannerSort};
use core_model::{Command, State};

/// Say who asks for work; repeated at every start.
#[utoipa::path(put, path = api_wire::routes::SCANNER, tag = "scanners",
    params(("name" = String, Path, description = "The scanner's name")),
    request_body = ScannerRegistration,
    responses((status = 204, description = "It is registered")))]
pub async fn register(
    _: ByScanner,
    _: Query<NoQuery>,
    core: Data<Core>,
    name: Path<ScannerName>,
    body: Json<ScannerRegistration>,
) -> Answer {
    let registration = registration_from(name.into_inner(), body.into_inner());
    crate::extractors::offer(&core.engine, &core.view, &registration).await.map_err(refusal::of_engine)?;
    core.engine.apply(Command::RegisterScanner(registration)).await.map_err(refusal::of_engine)?;
    Ok(HttpResponse::NoContent().finish())
}

/// All scanners.
#[utoipa::path(get, path = api_wire::routes::SCANNERS, tag = "readers", params(ScannerQuery),
    responses((status = 200, description = "A page of scanners", body = Page<Scanner>)))]
pub async fn list(_: ByReader, core: Data<Core>, query: Query<ScannerQuery>) -> Answer {
    let (by_time, name) = match query.sort.unwrap_or(ScannerSort::Name) {
        ScannerSort::Name => (false, "name"),
        ScannerSort::LastSeen => (true, "last_seen"),
    };
    let cut: Cut<(i64, ScannerName)> = Cut::of(name, query.order, query.cursor.as_deref(), query.limit)?;
    let leases = leases_by_scanner(&core);
    let scanners = core.view.scanners_after(None, usize::MAX).into_iter().filter(|scanner| {
        query.node.is_none() || scanner.registration.node.as_deref() == query.node.as_deref()
    });
    let placed = scanners.map(|scanner| {
        let rank = if by_time { scanner.last_seen.as_millis() } else { 0 };
        ((rank, scanner.registration.name.clone()), scanner)
    });
    Ok(HttpResponse::Ok().json(cut.page(placed, |scanner| {
        let held = leases.get(&scanner.registration.name).copied().unwrap_or_default();
        scanner_to(&scanner, held)
    })))
}

/// One scanner.
#[utoipa::path(get, path = api_wire::routes::SCANNER, tag = "readers",
    params(("name" = String, Path, description = "The scanner's name")),
    responses((status = 200, description = "The scanner", body = Scanner)))]
pub async fn one(
    _: ByReader,
    _: Query<NoQuery>,
    core: Data<Core>,
    name: Path<ScannerName>,
    request: HttpRequest,
) -> Answer {
    let scanner =
        core.view.scanner(&name).ok_or_else(|| HttpError::not_found(format!("no scanner {name}")))?;
    let held = leases_by_scanner(&core).get(&*name).copied().unwrap_or_default();
    single(&request, &scanner_to(&scanner, held))
}

fn leases_by_scanner(core: &Core) -> std::collections::HashMap<ScannerName, u32> {
    let mut counts = std::collections::HashMap::new();
    for image in core.view.images_after(None, usize::MAX) {
        if let State::Leased { scanner, .. } = &image.state {
            *counts.entry(scanner.clone()).or_default() += 1;
        }
    }
    counts
}
