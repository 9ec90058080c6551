//! Findings: what is wrong with what runs.

use super::images::find;
use crate::http::page::{Cut, with_advisories};
use crate::http::role::{ByPerceiver, ByReader};
use crate::http::{Answer, refusal};
use crate::read::findings::{FindingFilter, FindingPlace, Found};
use crate::read::fleet::Fleet;
use crate::state::Core;
use actix_web::web::{self, Data, Path};
use api_chassis::http::{HttpError, Query};
use api_vocab::Digest;
use api_wire::finding::{Finding, FindingQuery, FindingSort};
use api_wire::page::{Order, Page};
use core_model::Image;
use std::sync::Arc;

/// Findings of all images.
#[utoipa::path(get, path = api_wire::routes::FINDINGS, tag = "readers", params(FindingQuery),
    responses((status = 200, description = "A page of findings", body = Page<Finding>)))]
pub async fn list(_: ByReader, core: Data<Core>, query: Query<FindingQuery>) -> Answer {
    let filter = FindingFilter::of(&query).map_err(refusal::invalid)?;
    let (cut, sort) = cut(&query)?;
    let in_order = sort == FindingSort::Image && query.order != Some(Order::Desc);
    // A list in another order looks at every finding: not on the thread that serves others.
    let view = Arc::clone(&core.view);
    let page = web::block(move || {
        let fleet = Fleet::of(&view);
        let placed = |found: Found| (FindingPlace::of(&found, sort), found);
        if in_order {
            let after = cut.after().cloned();
            let found = fleet.findings(&filter, after.as_ref().map(FindingPlace::image)).map(placed);
            let rest = found.skip_while(|(place, _)| after.as_ref().is_some_and(|after| place <= after));
            cut.page_in_order(rest, |found| fleet.finding(&found))
        } else {
            cut.page(fleet.findings(&filter, None).map(placed), |found| fleet.finding(&found))
        }
    });
    Ok(with_advisories(page.await.map_err(HttpError::bug)?, &core.advisories))
}

/// Findings of one image.
#[utoipa::path(get, path = api_wire::routes::IMAGE_FINDINGS, tag = "readers", params(
    ("digest" = String, Path, description = "Any digest of the image"), FindingQuery),
    responses((status = 200, description = "A page of findings", body = Page<Finding>)))]
pub async fn of_image(
    _: ByReader,
    core: Data<Core>,
    digest: Path<Digest>,
    query: Query<FindingQuery>,
) -> Answer {
    let image = find(&core, &digest)?;
    of(&core, &image, &query)
}

/// Findings of one image that the source runs or lists.
#[utoipa::path(get, path = api_wire::routes::SOURCE_IMAGE_FINDINGS, tag = "perceivers", params(
    ("kind" = String, Path, description = "Kind of platform"), ("name" = String, Path, description = "Name among its kind"),
    ("digest" = String, Path, description = "Any digest of the image"), FindingQuery),
    responses((status = 200, description = "A page of findings", body = Page<Finding>)))]
pub async fn of_source_image(
    ByPerceiver(source): ByPerceiver,
    core: Data<Core>,
    path: Path<(String, String, Digest)>,
    query: Query<FindingQuery>,
) -> Answer {
    let (_, _, digest) = path.into_inner();
    let image = core.view.image(&digest).filter(|image| Fleet::of(&core.view).concerns(&source, image));
    // The same refusal whether another source has the image or nobody.
    let image = image.ok_or_else(|| {
        HttpError::not_found(format!("{source} neither runs nor lists an image with the digest {digest}"))
    })?;
    of(&core, &image, &query)
}

fn of(core: &Core, image: &Arc<Image>, query: &FindingQuery) -> Answer {
    let filter = FindingFilter::of(query).map_err(refusal::invalid)?;
    let (cut, sort) = cut(query)?;
    let fleet = Fleet::of(&core.view);
    let found = fleet.findings_of_image(&filter, image).into_iter();
    let page = cut.page(found.map(|found| (FindingPlace::of(&found, sort), found)), |f| fleet.finding(&f));
    Ok(with_advisories(page, &core.advisories))
}

fn cut(query: &FindingQuery) -> Result<(Cut<FindingPlace>, FindingSort), HttpError> {
    let sort = query.sort.unwrap_or(FindingSort::Image);
    let name = match sort {
        FindingSort::Image => "image",
        FindingSort::Severity => "severity",
        FindingSort::Id => "id",
        FindingSort::Package => "package",
    };
    Ok((Cut::of(name, query.order, query.cursor.as_deref(), query.limit)?, sort))
}
