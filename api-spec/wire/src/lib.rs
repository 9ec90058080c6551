//! The shapes of Perceptor on the wire: the JSON of every resource, one file each.
//!
//! Everything here is a promise to a stranger: fields are only added. Texts that a stranger may
//! get wrong inside a batch stay `String` here, so that one bad item cannot fail its batch.
//! This crate refuses to decide anything; conversion to domain types is the services' business.

pub mod context;
pub mod error;
pub mod event;
pub mod fetcher;
pub mod finding;
pub mod frame;
pub mod image;
pub mod image_source;
pub mod inventory;
pub mod layer;
pub mod lease;
pub mod observation;
pub mod package;
pub mod page;
pub mod pod;
pub mod report;
pub mod revision;
pub mod routes;
pub mod sbom;
pub mod scanner;
pub mod source;
pub mod standing;
pub mod summary;
