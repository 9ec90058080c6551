//! Packages, to and from the wire.

use api_vocab::{Package, PackageError};
use api_wire::package as wire;

/// How it looks on the wire.
pub(super) fn to_wire(package: &Package) -> wire::Package {
    wire::Package {
        ecosystem: package.ecosystem().clone(),
        name: package.name().to_owned(),
        version: package.version().to_owned(),
        architecture: package.architecture().map(str::to_owned),
        source_name: package.source().map(|source| source.name().to_owned()),
        source_version: package.source().map(|source| source.version().to_owned()),
        owned_by: package.owned_by().map(str::to_owned),
    }
}

/// What the wire says.
pub(super) fn from_wire(shape: wire::Package) -> Result<Package, PackageError> {
    let package = Package::new(shape.ecosystem, &shape.name, &shape.version)?;
    let package = match &shape.architecture {
        Some(architecture) => package.with_architecture(architecture)?,
        None => package,
    };
    let package = match (&shape.source_name, &shape.source_version) {
        (Some(name), Some(version)) => package.with_source(name, version)?,
        _ => package,
    };
    match &shape.owned_by {
        Some(owner) => package.with_owner(owner),
        None => Ok(package),
    }
}
