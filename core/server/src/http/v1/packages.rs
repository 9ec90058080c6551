//! Packages: of the fleet, of an image, and where they run.

use super::images::find;
use crate::convert::package::installed_to;
use crate::http::page::Cut;
use crate::http::role::ByReader;
use crate::http::{Answer, refusal};
use crate::read::fleet::Fleet;
use crate::read::packages::{FleetPlace, PackageFilter};
use crate::state::Core;
use actix_web::HttpResponse;
use actix_web::web::{self, Data, Path, Query};
use api_chassis::http::HttpError;
use api_vocab::{Digest, InstalledPackage};
use api_wire::package::{
    FleetPackage, InstalledPackage as InstalledShape, PackagePlace, PackageQuery, PackageSort,
};
use api_wire::page::Page;

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
    let page = web::block(move || {
        let fleet = Fleet::of(&core.view);
        let placed = fleet.packages(&filter).map(|package| (fleet.package_place(&package, sort), package));
        cut.page(placed, |package| fleet.package(&package))
    });
    Ok(HttpResponse::Ok().json(page.await.map_err(HttpError::bug)?))
}

/// Where packages run: a package, an image that holds it, and all that runs the image.
///
/// Sorted by name; `sort` is not known here.
#[utoipa::path(get, path = api_wire::routes::PACKAGE_PLACES, tag = "readers", params(PackageQuery),
    responses((status = 200, description = "A page of places", body = Page<PackagePlace>)))]
pub async fn places(_: ByReader, core: Data<Core>, query: Query<PackageQuery>) -> Answer {
    only_by_name(&query)?;
    let filter = PackageFilter::of(&query).map_err(refusal::invalid)?;
    let cut: Cut<FleetPlace> = Cut::of("place", query.order, query.cursor.as_deref(), query.limit)?;
    let page = web::block(move || {
        let fleet = Fleet::of(&core.view);
        cut.page(fleet.places(&filter), |(package, key)| fleet.package_in_image(&package, &key))
    });
    Ok(HttpResponse::Ok().json(page.await.map_err(HttpError::bug)?))
}

/// Packages of one image, each with the file that said so.
///
/// Sorted by name; no other `sort` is known here.
#[utoipa::path(get, path = api_wire::routes::IMAGE_PACKAGES, tag = "readers", params(
    ("digest" = String, Path, description = "Any digest of the image"), PackageQuery),
    responses((status = 200, description = "A page of packages", body = Page<InstalledShape>)))]
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
    let installed = inventory.packages.into_iter().filter(|installed| filter.passes(&installed.package));
    let page = cut.page(installed.map(|installed| (place_of(&installed), installed)), |i| installed_to(&i));
    Ok(HttpResponse::Ok().json(page))
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
