//! The advisory set in force.

use crate::http::role::{ByAdmin, ByReader};
use crate::http::single::single;
use crate::http::{Answer, NoQuery};
use crate::state::Core;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use api_chassis::http::Query;
use api_wire::revision::Revision;

/// Which advisories findings come from.
#[utoipa::path(get, path = api_wire::routes::ADVISORIES, tag = "readers",
    responses((status = 200, description = "The set in force", body = Revision)))]
pub async fn one(_: ByReader, _: Query<NoQuery>, core: Data<Core>, request: HttpRequest) -> Answer {
    single(&request, &core.advisories.revision())
}

/// Look for newer advisories now.
///
/// The answer does not wait; a changed revision is told by the event stream.
#[utoipa::path(post, path = api_wire::routes::ADVISORIES, tag = "operators",
    responses((status = 202, description = "The set in force until then", body = Revision)))]
pub async fn look(_: ByAdmin, _: Query<NoQuery>, core: Data<Core>) -> Answer {
    core.advisories.look()?;
    Ok(HttpResponse::Accepted().json(core.advisories.revision()))
}
