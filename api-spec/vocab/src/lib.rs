//! The names of Perceptor: what things are called and when a name is well-formed.
//!
//! A value that exists is right: each type has one constructor that parses. Names serialise as
//! their text form; shapes (structures with fields) are promised by `api-wire` alone.
//! This crate refuses to do I/O, to read the clock, and to know any service.

mod digest;
mod distro;
mod ecosystem;
mod hash;
mod ids;
mod image_id;
mod inventory;
mod owner;
mod package;
mod platform;
mod pod;
mod problem;
mod purl;
mod reference;
mod scan_name;
mod secret;
mod severity;
mod source;
mod text;
mod timestamp;
mod uid;
mod verdict;

pub use digest::{Algorithm, Digest, DigestError};
pub use distro::Distro;
pub use ecosystem::{Ecosystem, EcosystemError, Family};
pub use hash::{ContentHash, sha256};
pub use ids::{ExtractorSet, IdError, LeaseId, RevisionId, ScannerName};
pub use image_id::{ImageIdError, ReportedImage};
pub use inventory::Inventory;
pub use owner::{Owner, OwnerError};
pub use package::{InstalledPackage, Package, PackageError, SourcePackage};
pub use platform::{Platform, PlatformError};
pub use pod::{ContainerKind, PodKey, PodKeyError, PodPhase};
pub use problem::{Problem, ProblemCode};
pub use purl::Purl;
pub use reference::{ImageRef, ImageRefError};
pub use scan_name::scan_name;
pub use secret::Secret;
pub use severity::Severity;
pub use source::{SourceError, SourceId, SourceKind};
pub use text::UnknownWord;
pub use timestamp::{Timestamp, TimestampError};
pub use uid::Uid;
pub use verdict::Verdict;
