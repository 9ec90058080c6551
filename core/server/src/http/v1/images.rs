//! Images: what runs, and what is known of it.

use crate::http::page::{Cut, with_advisories};
use crate::http::role::{ByAdmin, ByReader};
use crate::http::single::single;
use crate::http::{Answer, NoQuery, refusal};
use crate::read::fleet::Fleet;
use crate::read::images::{ImageFilter, ImagePlace};
use crate::state::Core;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use api_chassis::http::{HttpError, Query};
use api_vocab::Digest;
use api_wire::image::{Image, ImageQuery, ImageSort};
use api_wire::page::{Order, Page};
use core_model::{Command, Stage};
use std::sync::Arc;

/// All images.
#[utoipa::path(get, path = api_wire::routes::IMAGES, tag = "readers", params(ImageQuery),
    responses((status = 200, description = "A page of images", body = Page<Image>)))]
pub async fn list(_: ByReader, core: Data<Core>, query: Query<ImageQuery>) -> Answer {
    page(&core, &query, Stage::ALL)
}

/// A page of the images at `stages`.
pub fn page(core: &Core, query: &ImageQuery, stages: &[Stage]) -> Answer {
    let filter = ImageFilter::of(query, stages).map_err(refusal::invalid)?;
    let sort = query.sort.unwrap_or(ImageSort::Digest);
    let cut: Cut<ImagePlace> = Cut::of(sort_name(sort), query.order, query.cursor.as_deref(), query.limit)?;
    let fleet = Fleet::of(&core.view);
    let render = |image: Arc<core_model::Image>| fleet.image(&image);
    let page = if sort == ImageSort::Digest && query.order != Some(Order::Desc) {
        let images = fleet.images(&filter, cut.after().map(|(_, key)| key.clone()));
        cut.page_in_order(images.map(|image| (fleet.place(&image, sort), image)), render)
    } else {
        cut.page(fleet.images(&filter, None).map(|image| (fleet.place(&image, sort), image)), render)
    };
    Ok(with_advisories(page, &core.advisories))
}

const fn sort_name(sort: ImageSort) -> &'static str {
    match sort {
        ImageSort::Digest => "digest",
        ImageSort::Severity => "severity",
        ImageSort::Pods => "pods",
        ImageSort::FirstSeen => "first_seen",
    }
}

/// One image, by any of its digests.
#[utoipa::path(get, path = api_wire::routes::IMAGE, tag = "readers",
    params(("digest" = String, Path, description = "Any digest of the image")),
    responses((status = 200, description = "The image", body = Image)))]
pub async fn one(
    _: ByReader,
    _: Query<NoQuery>,
    core: Data<Core>,
    digest: Path<Digest>,
    request: HttpRequest,
) -> Answer {
    let advisories = Some(core.advisories.set());
    let image = Fleet::of(&core.view).image_in_full(&*find(&core, &digest)?);
    single(&request, &Image { advisories, ..image })
}

/// The image that has this digest.
pub fn find(core: &Core, digest: &Digest) -> Result<Arc<core_model::Image>, HttpError> {
    core.view.image(digest).ok_or_else(|| HttpError::not_found(format!("no image has the digest {digest}")))
}

/// Extract an image again.
#[utoipa::path(post, path = api_wire::routes::IMAGE_RESCAN, tag = "operators",
    params(("digest" = String, Path, description = "Any digest of the image")),
    responses((status = 202, description = "It waits for a scanner", body = Image)))]
pub async fn rescan(_: ByAdmin, _: Query<NoQuery>, core: Data<Core>, digest: Path<Digest>) -> Answer {
    let image = digest.into_inner();
    core.engine.apply(Command::Rescan { image: image.clone() }).await.map_err(refusal::of_engine)?;
    let advisories = Some(core.advisories.set());
    let image = Fleet::of(&core.view).image(&*find(&core, &image)?);
    Ok(HttpResponse::Accepted().json(Image { advisories, ..image }))
}
