//! The first version of the API, one file per resource.

pub mod advisories;
pub mod events;
pub mod findings;
pub mod images;
pub mod layers;
pub mod leases;
pub mod observations;
pub mod packages;
pub mod pods;
pub mod queue;
pub mod sbom;
pub mod scanners;
pub mod sources;
pub mod standings;
pub mod summary;

use super::openapi;
use actix_web::web::{self, ServiceConfig, delete, get, post, put, resource};
use api_wire::routes::*;

/// Every route of this version. A method that a path does not know is 405, an unknown path 404.
pub fn routes(config: &mut ServiceConfig) {
    config.service(
        web::scope(API)
            .service(resource(OBSERVATIONS).route(post().to(observations::batch)))
            .service(resource(SOURCE_STATE).route(put().to(observations::full_state)))
            .service(resource(STANDINGS).route(get().to(standings::follow)))
            .service(resource(SOURCE_IMAGE_FINDINGS).route(get().to(findings::of_source_image)))
            .service(resource(SOURCE).route(get().to(sources::one)).route(delete().to(sources::forget)))
            .service(resource(SOURCES).route(get().to(sources::list)))
            .service(resource(SCANNER).route(put().to(scanners::register)).route(get().to(scanners::one)))
            .service(resource(SCANNERS).route(get().to(scanners::list)))
            .service(resource(LEASES).route(post().to(leases::ask)))
            .service(resource(LEASE_RENEW).route(post().to(leases::renew)))
            .service(resource(LEASE_LAYERS).route(post().to(leases::layers)))
            .service(resource(LEASE_LAYER).route(put().to(layers::store)))
            .service(resource(LEASE_REPORT).route(post().to(leases::report)))
            .service(resource(LEASE_FAILURE).route(post().to(leases::failure)))
            .service(resource(LAYER).route(get().to(layers::one)))
            .service(resource(PODS).route(get().to(pods::list)))
            .service(resource(IMAGES).route(get().to(images::list)))
            .service(resource(IMAGE_RESCAN).route(post().to(images::rescan)))
            .service(resource(IMAGE_PACKAGES).route(get().to(packages::of_image)))
            .service(resource(IMAGE_FINDINGS).route(get().to(findings::of_image)))
            .service(resource(IMAGE_SBOM).route(get().to(sbom::one)))
            .service(resource(IMAGE).route(get().to(images::one)))
            .service(resource(PACKAGE_PLACES).route(get().to(packages::places)))
            .service(resource(PACKAGES).route(get().to(packages::list)))
            .service(resource(FINDINGS).route(get().to(findings::list)))
            .service(resource(QUEUE).route(get().to(queue::list)))
            .service(resource(SUMMARY).route(get().to(summary::one)))
            .service(resource(ADVISORIES).route(get().to(advisories::one)).route(post().to(advisories::look)))
            .service(resource(EVENTS).route(get().to(events::follow)))
            .service(resource(OPENAPI).route(get().to(openapi::show))),
    );
}
