//! Packages: of the fleet, of an image, and where they run.

use super::images::find;
use crate::convert::package::installed_to;
use crate::http::page::{Cut, with_advisories};
use crate::http::role::ByReader;
use crate::http::{Answer, refusal};
use crate::matcher::found_of;
use crate::read::fleet::Fleet;
use crate::read::packages::{FleetPlace, PackageFilter};
use crate::state::Core;
use actix_web::HttpResponse;
use actix_web::web::{self, Data, Path};
use api_chassis::http::{HttpError, Query};
use api_vocab::{Digest, InstalledPackage};
use api_wire::package::{FleetPackage, ImagePackage, PackagePlace, PackageQuery, PackageSort};
use api_wire::page::Page;
use core_advisories::Index;
use std::sync::Arc;

/// Advisories that are named of a package which could not be compared with them.
const MAX_UNDECIDED: usize = 20;

/// Packages of the fleet.
#[utoipa::path(get, path = api_wire::routes::PACKAGES, tag = "readers", params(PackageQuery),
    responses((status = 200, description = "A page of packages", body = Page<FleetPackage>)))]
pub async fn list(_: ByReader, core: Data<Core>, query: Query<PackageQuery>) -> Answer {
    let filter = PackageFilter::of(&query).map_err(refusal::invalid)?;
    let sort = query.sort.unwrap_or(PackageSort::Name);
    let name = match sort {
        PackageSort::Name => "name",
        PackageSort::Images => "images",
        PackageSort::Severity => "severity",
    };
    let cut: Cut<FleetPlace> = Cut::of(name, query.order, query.cursor.as_deref(), query.limit)?;
    let view = Arc::clone(&core.view);
    let page = web::block(move || {
        let fleet = Fleet::of(&view);
        let placed = fleet.packages(&filter).map(|package| (fleet.package_place(&package, sort), package));
        cut.page(placed, |package| fleet.package(&package))
    });
    Ok(with_advisories(page.await.map_err(HttpError::bug)?, &core.advisories))
}

/// Where packages run: a package, an image that holds it, and all that runs the image.
///
/// Sorted by name; `sort` is not known here. A package whose version cannot be compared with the
/// constraint is listed as `undecided`.
#[utoipa::path(get, path = api_wire::routes::PACKAGE_PLACES, tag = "readers", params(PackageQuery),
    responses((status = 200, description = "A page of places", body = Page<PackagePlace>)))]
pub async fn places(_: ByReader, core: Data<Core>, query: Query<PackageQuery>) -> Answer {
    only_by_name(&query)?;
    let filter = PackageFilter::of(&query).map_err(refusal::invalid)?;
    let cut: Cut<FleetPlace> = Cut::of("place", query.order, query.cursor.as_deref(), query.limit)?;
    let page = web::block(move || {
        let fleet = Fleet::of(&core.view);
        cut.page(fleet.places(&filter), |(package, key)| fleet.package_in_image(&filter, &package, &key))
    });
    Ok(HttpResponse::Ok().json(page.await.map_err(HttpError::bug)?))
}

/// Packages of one image, each with the file that said so.
///
/// Sorted by name; no other `sort` is known here.
#[utoipa::path(get, path = api_wire::routes::IMAGE_PACKAGES, tag = "readers", params(
    ("digest" = String, Path, description = "Any digest of the image"), PackageQuery),
    responses((status = 200, description = "A page of packages", body = Page<ImagePackage>)))]
pub async fn of_image(
    _: ByReader,
    core: Data<Core>,
    digest: Path<Digest>,
    query: Query<PackageQuery>,
) -> Answer {
    only_by_name(&query)?;
    let filter = PackageFilter::of(&query).map_err(refusal::invalid)?;
    let cut: Cut<InstalledPlace> = Cut::of("installed", query.order, query.cursor.as_deref(), query.limit)?;
    let image = find(&core, &digest)?;
    let inventory = core.keep.inventory_of(&image).await?;
    let has_undecided = core.view.tally(&image.key).is_some_and(|tally| tally.undecided > 0);
    let index = has_undecided.then(|| core.advisories.index());
    let page = web::block(move || {
        let installed = inventory.packages.into_iter().filter(|installed| filter.passes(&installed.package));
        let placed = installed.map(|installed| (place_of(&installed), installed));
        cut.page(placed, |installed| image_package(&installed, index.as_ref()))
    });
    Ok(with_advisories(page.await.map_err(HttpError::bug)?, &core.advisories))
}

/// A package of an image; what is undecided of it is kept as a number, and matched once more to be
/// named.
fn image_package(installed: &InstalledPackage, index: Option<&Index>) -> ImagePackage {
    let undecided = index.map(|index| found_of(index, &installed.package).undecided).unwrap_or_default();
    ImagePackage {
        installed: installed_to(installed),
        undecided_advisories: undecided.into_iter().take(MAX_UNDECIDED).map(Into::into).collect(),
    }
}

/// Name, ecosystem, version, architecture and path.
type InstalledPlace = (String, String, String, String, String);

fn place_of(installed: &InstalledPackage) -> InstalledPlace {
    let package = &installed.package;
    (
        package.name().to_owned(),
        package.ecosystem().to_string(),
        package.version().to_owned(),
        package.architecture().unwrap_or_default().to_owned(),
        installed.path.to_string(),
    )
}

fn only_by_name(query: &PackageQuery) -> Result<(), HttpError> {
    match query.sort {
        None | Some(PackageSort::Name) => Ok(()),
        Some(_) => Err(HttpError::invalid("this list is sorted by name; leave sort out")),
    }
}
