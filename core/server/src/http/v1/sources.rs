//! Sources: what is perceived, when it was last heard.

use crate::convert::pod::source_to;
use crate::http::page::Cut;
use crate::http::role::{ByAdmin, ByReader};
use crate::http::single::single;
use crate::http::{Answer, NoQuery, refusal};
use crate::read::pods::parsed;
use crate::state::Core;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use api_chassis::http::{HttpError, Query};
use api_vocab::{SourceId, SourceKind};
use api_wire::page::Page;
use api_wire::source::{Source, SourceQuery, SourceSort};
use core_model::Command;

/// All sources.
#[utoipa::path(get, path = api_wire::routes::SOURCES, tag = "readers", params(SourceQuery),
    responses((status = 200, description = "A page of sources", body = Page<Source>)))]
pub async fn list(_: ByReader, core: Data<Core>, query: Query<SourceQuery>) -> Answer {
    let (sort, name) = match query.sort.unwrap_or(SourceSort::Id) {
        SourceSort::Id => (SourceSort::Id, "id"),
        SourceSort::LastSeen => (SourceSort::LastSeen, "last_seen"),
        SourceSort::Pods => (SourceSort::Pods, "pods"),
    };
    let kind: Option<SourceKind> = parsed("kind", query.kind.as_deref()).map_err(refusal::invalid)?;
    let cut: Cut<(i64, SourceId)> = Cut::of(name, query.order, query.cursor.as_deref(), query.limit)?;
    let sources = core
        .view
        .sources_after(None, usize::MAX)
        .into_iter()
        .map(|source| source_to(&source, core.view.pods_in(&source.id)))
        .filter(|source| kind.is_none_or(|kind| source.id.kind() == kind))
        .filter(|source| query.health.is_none_or(|health| source.health == health));
    let placed = sources.map(|source| ((rank(&source, sort), source.id.clone()), source));
    Ok(HttpResponse::Ok().json(cut.page(placed, |source| source)))
}

fn rank(source: &Source, sort: SourceSort) -> i64 {
    match sort {
        SourceSort::Id => 0,
        SourceSort::LastSeen => source.last_seen.as_millis(),
        SourceSort::Pods => i64::try_from(source.pods).unwrap_or(i64::MAX),
    }
}

/// One source.
#[utoipa::path(get, path = api_wire::routes::SOURCE, tag = "readers",
    params(("kind" = String, Path, description = "Kind of platform"), ("name" = String, Path, description = "Name among its kind")),
    responses((status = 200, description = "The source", body = Source)))]
pub async fn one(
    _: ByReader,
    _: Query<NoQuery>,
    core: Data<Core>,
    path: Path<(SourceKind, String)>,
    request: HttpRequest,
) -> Answer {
    let id = source_of(&path)?;
    let source = core.view.source(&id).ok_or_else(|| HttpError::not_found(format!("no source {id}")))?;
    single(&request, &source_to(&source, core.view.pods_in(&id)))
}

/// Forget a source and all its pods.
#[utoipa::path(delete, path = api_wire::routes::SOURCE, tag = "operators",
    params(("kind" = String, Path, description = "Kind of platform"), ("name" = String, Path, description = "Name among its kind")),
    responses((status = 204, description = "It is forgotten")))]
pub async fn forget(
    _: ByAdmin,
    _: Query<NoQuery>,
    core: Data<Core>,
    path: Path<(SourceKind, String)>,
) -> Answer {
    let source = source_of(&path)?;
    core.engine.apply(Command::ForgetSource { source }).await.map_err(refusal::of_engine)?;
    Ok(HttpResponse::NoContent().finish())
}

/// The source that a path names.
fn source_of(path: &Path<(SourceKind, String)>) -> Result<SourceId, HttpError> {
    SourceId::new(path.0, &path.1).map_err(refusal::invalid)
}
