//! Layers, to and from the wire.

use super::inventory::{distro_from_wire, distro_to_wire, problem_from_wire, problem_to_wire};
use super::package;
use api_vocab::{Digest, PackageError, Problem};
use api_wire::layer as wire;
use scanner_extract::{ExtractedPackage, FileRecord, LayerInventory, OwnedFiles};

/// Hexadecimal digits of one hash.
const DIGITS: usize = 16;

/// A layer on the wire that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayerShapeError {
    /// The hashes of its paths are not hashes, or not sorted.
    #[error("layer {0}: its shadows are malformed")]
    Shadows(Digest),
    /// A list that ought to be sorted is not: searching it would find nothing.
    #[error("layer {0}: a list of paths is not sorted")]
    Unsorted(Digest),
    /// A package is none.
    #[error("layer {diff_id}")]
    Package {
        /// The layer.
        diff_id: Digest,
        /// What is wrong with the package.
        #[source]
        source: PackageError,
    },
}

/// How a layer looks on the wire, under the diff-id that it is known by.
pub fn layer_to_wire(diff_id: &Digest, layer: &LayerInventory) -> wire::LayerInventory {
    wire::LayerInventory {
        diff_id: diff_id.clone(),
        files: layer.files.iter().map(file_to_wire).collect(),
        whiteouts: layer.whiteouts.iter().map(|path| path.to_string()).collect(),
        opaques: layer.opaques.iter().map(|path| path.to_string()).collect(),
        links: layer.links.iter().map(|(path, target)| (path.to_string(), target.to_string())).collect(),
        shadows: layer.shadows.iter().map(|hash| format!("{hash:016x}")).collect(),
        problems: layer.problems.iter().map(problem_to_wire).collect(),
    }
}

fn file_to_wire(file: &FileRecord) -> wire::LayerFile {
    wire::LayerFile {
        path: file.path.to_string(),
        extractor: file.extractor.to_string(),
        packages: file.packages.iter().map(package_to_wire).collect(),
        owned: file.owned.iter().map(owned_to_wire).collect(),
        distro: file.distro.as_ref().map(distro_to_wire),
        problems: file.problems.iter().map(problem_to_wire).collect(),
    }
}

fn owned_to_wire(owned: &OwnedFiles) -> wire::OwnedFiles {
    wire::OwnedFiles {
        owner: owned.owner.to_string(),
        paths: owned.paths.iter().map(|path| path.to_string()).collect(),
    }
}

fn owned_from_wire(shape: wire::OwnedFiles) -> OwnedFiles {
    OwnedFiles { owner: shape.owner.into(), paths: boxed(shape.paths) }
}

fn package_to_wire(found: &ExtractedPackage) -> wire::LayerPackage {
    wire::LayerPackage {
        package: package::to_wire(&found.package),
        nested: found.nested.as_deref().map(str::to_owned),
        licenses: found.licenses.iter().map(|licence| licence.to_string()).collect(),
    }
}

/// What the wire says of a layer.
///
/// # Errors
/// It is malformed: then it is better extracted again than half believed.
pub fn layer_from_wire(shape: wire::LayerInventory) -> Result<LayerInventory, LayerShapeError> {
    let diff_id = shape.diff_id;
    let shadows =
        shadows_from_wire(&shape.shadows).ok_or_else(|| LayerShapeError::Shadows(diff_id.clone()))?;
    if !shape.whiteouts.is_sorted() || !shape.opaques.is_sorted() {
        return Err(LayerShapeError::Unsorted(diff_id));
    }
    let broken = |source| LayerShapeError::Package { diff_id: diff_id.clone(), source };
    let files = shape.files.into_iter().map(file_from_wire).collect::<Result<_, _>>().map_err(broken)?;
    Ok(LayerInventory {
        diff_id: Some(diff_id),
        digest: None,
        size: 0,
        files,
        whiteouts: boxed(shape.whiteouts),
        opaques: boxed(shape.opaques),
        links: shape.links.into_iter().map(|(path, target)| (path.into(), target.into())).collect(),
        shadows,
        problems: shape.problems.iter().map(problem_from_wire).collect(),
    })
}

fn boxed(texts: Vec<String>) -> Vec<Box<str>> {
    texts.into_iter().map(Into::into).collect()
}

fn shadows_from_wire(text: &str) -> Option<Vec<u64>> {
    let hash = |digits: &[u8]| {
        let mut bytes = [0; 8];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        Some(u64::from_be_bytes(bytes))
    };
    let shadows: Vec<u64> = text.as_bytes().chunks(DIGITS).map(hash).collect::<Option<_>>()?;
    shadows.is_sorted().then_some(shadows)
}

fn file_from_wire(shape: wire::LayerFile) -> Result<FileRecord, PackageError> {
    let packages = shape.packages.into_iter().map(|found| {
        Ok(ExtractedPackage {
            package: package::from_wire(found.package)?,
            nested: found.nested.map(Into::into),
            licenses: boxed(found.licenses),
        })
    });
    Ok(FileRecord {
        path: shape.path.into(),
        extractor: shape.extractor.into(),
        packages: packages.collect::<Result<_, PackageError>>()?,
        owned: shape.owned.into_iter().map(owned_from_wire).collect(),
        distro: shape.distro.map(distro_from_wire),
        problems: shape.problems.iter().map(problem_from_wire).collect::<Vec<Problem>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use api_vocab::{Distro, Package, ProblemCode};

    fn a_layer() -> LayerInventory {
        let package = Package::new("Debian:12".parse().unwrap(), "libssl3", "3.0.1-1+b1").unwrap();
        let package = package.with_architecture("amd64").unwrap().with_source("openssl", "3.0.1-1").unwrap();
        let found = ExtractedPackage {
            package,
            nested: Some("lib/y.jar".into()),
            licenses: vec!["MIT".into(), "GPL-2.0".into()],
        };
        let distro = Distro {
            id: "debian".into(),
            version_id: Some("12".into()),
            pretty_name: None,
            ecosystem: "Debian:12".parse().ok(),
        };
        let file = FileRecord {
            path: "var/lib/dpkg/status".into(),
            extractor: "dpkg".into(),
            packages: vec![found],
            owned: vec![OwnedFiles {
                owner: "python3-six".into(),
                paths: vec!["usr/lib/python3/dist-packages/six-1.16.0.egg-info".into()],
            }],
            distro: Some(distro),
            problems: vec![Problem::new(ProblemCode::Malformed, "a", "b")],
        };
        LayerInventory {
            diff_id: Some(Digest::sha256([7; 32])),
            files: vec![file],
            whiteouts: vec!["a".into(), "b/c".into()],
            opaques: vec!["".into(), "d".into()],
            links: vec![("lib".into(), "usr/lib".into())],
            shadows: vec![0, 1, u64::MAX],
            problems: vec![Problem::new(ProblemCode::Truncated, "", "x")],
            ..LayerInventory::default()
        }
    }

    fn as_wire() -> wire::LayerInventory {
        let layer = a_layer();
        layer_to_wire(layer.diff_id.as_ref().unwrap(), &layer)
    }

    #[test]
    fn layer_through_json_round_trips() {
        let json = serde_json::to_vec(&as_wire()).unwrap();
        assert_eq!(layer_from_wire(serde_json::from_slice(&json).unwrap()).unwrap(), a_layer());
    }

    #[test]
    fn shadows_malformed_are_refused() {
        for shadows in ["0", "00000000000000zz", "00000000000000020000000000000001", "é00000000000000"] {
            let shape = wire::LayerInventory { shadows: shadows.into(), ..as_wire() };
            assert!(matches!(layer_from_wire(shape), Err(LayerShapeError::Shadows(_))), "{shadows}");
        }
    }

    #[test]
    fn whiteouts_unsorted_are_refused() {
        let shape = wire::LayerInventory { whiteouts: vec!["b".into(), "a".into()], ..as_wire() };
        assert!(matches!(layer_from_wire(shape), Err(LayerShapeError::Unsorted(_))));
    }

    #[test]
    fn package_malformed_is_refused() {
        let mut shape = as_wire();
        shape.files[0].packages[0].package.name = "a\n".into();
        assert!(matches!(layer_from_wire(shape), Err(LayerShapeError::Package { .. })));
    }
}
