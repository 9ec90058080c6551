//! Packages, between the wire and the vocabulary.

use api_vocab::{InstalledPackage, Package, PackageError};
use api_wire::package as wire;

/// The package that `shape` describes.
pub fn package_from(shape: wire::Package) -> Result<Package, PackageError> {
    let package = Package::new(shape.ecosystem, &shape.name, &shape.version)?;
    let package = match shape.architecture {
        Some(architecture) => package.with_architecture(&architecture)?,
        None => package,
    };
    let package = match (shape.source_name, shape.source_version) {
        (None, None) => package,
        (name, version) => {
            let name = name.unwrap_or_else(|| package.name().to_owned());
            let version = version.unwrap_or_else(|| package.version().to_owned());
            package.with_source(&name, &version)?
        }
    };
    match &shape.owned_by {
        Some(owner) => package.with_owner(owner),
        None => Ok(package),
    }
}

/// How `package` looks on the wire.
pub fn package_to(package: &Package) -> wire::Package {
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

/// The installed package that `shape` describes.
pub fn installed_from(shape: wire::InstalledPackage) -> Result<InstalledPackage, PackageError> {
    Ok(InstalledPackage {
        package: package_from(shape.package)?,
        path: shape.path.into(),
        layer: shape.layer,
        extractor: shape.extractor.into(),
        licenses: shape.licenses.into_iter().map(Into::into).collect(),
    })
}

/// How `installed` looks on the wire.
pub fn installed_to(installed: &InstalledPackage) -> wire::InstalledPackage {
    wire::InstalledPackage {
        package: package_to(&installed.package),
        path: installed.path.to_string(),
        layer: installed.layer.clone(),
        extractor: installed.extractor.to_string(),
        licenses: installed.licenses.iter().map(|licence| licence.to_string()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_over_the_wire_is_the_same() {
        let package = Package::new("PyPI".parse().unwrap(), "six", "1.16.0").unwrap();
        let package = package.with_source("six", "1").unwrap().with_owner("python3-six").unwrap();
        assert_eq!(package_from(package_to(&package)), Ok(package));
    }
}
