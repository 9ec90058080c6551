//! The first version of the API, one file per resource.

mod advisories;
mod events;
mod findings;
mod images;
mod layers;
mod leases;
mod observations;
mod packages;
mod pods;
mod queue;
mod sbom;
mod scanners;
mod sources;
mod standings;
mod summary;
