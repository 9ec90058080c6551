//! The queue: images that wait for a scan, or are being scanned.

use super::images::page;
use crate::http::Answer;
use crate::http::role::ByReader;
use crate::state::Core;
use actix_web::web::Data;
use api_chassis::http::Query;
use api_wire::image::{Image, ImageQuery};
use api_wire::page::Page;
use core_model::Stage;

/// Images that are queued, leased or in backoff.
#[utoipa::path(get, path = api_wire::routes::QUEUE, tag = "readers", params(ImageQuery),
    responses((status = 200, description = "A page of images", body = Page<Image>)))]
pub async fn list(_: ByReader, core: Data<Core>, query: Query<ImageQuery>) -> Answer {
    page(&core, &query, &[Stage::Queued, Stage::Leased, Stage::Backoff])
}
