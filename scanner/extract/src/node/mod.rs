//! Node packages: the manifest of each package that lies where Node resolves it
//! (`node_modules/x/package.json`, `node_modules/@s/x/package.json`, at any depth).
//!
//! The manifest's own name wins over the folder's (an alias `a@npm:b` is the package `b`). A
//! manifest without a name or a version was never published and is no package. Manifests
//! elsewhere in a package (`x/lib/package.json`), or below a folder of tests, are not installed
//! packages.

mod license;
mod manifest;
mod place;
#[cfg(test)]
mod tests;

use crate::extractor::{Extracted, ExtractedPackage, Extractor, OpenFile, Scope};
use api_vocab::{Ecosystem, Family, Package, Problem, ProblemCode};
use manifest::Manifest;

/// Published manifests are below 1 MiB.
const MAX_MANIFEST: u64 = 8 << 20;

/// Reads the manifests of installed Node packages.
#[derive(Debug, Clone, Copy)]
pub struct Node;

impl Extractor for Node {
    fn name(&self) -> &'static str {
        "node"
    }

    fn version(&self) -> u32 {
        1
    }

    fn scope(&self) -> Scope {
        Scope::Language
    }

    fn wants(&self, path: &str) -> bool {
        place::is_installed_manifest(path)
    }

    fn extract(&self, file: &mut OpenFile<'_>) -> Extracted {
        let path = file.path;
        match file.read_all(MAX_MANIFEST) {
            Ok(bytes) => read_manifest(path, &bytes),
            Err(problem) => Extracted::failed(problem),
        }
    }
}

fn read_manifest(path: &str, bytes: &[u8]) -> Extracted {
    match parse_package(bytes) {
        Ok(package) => Extracted { packages: package.into_iter().collect(), ..Extracted::default() },
        Err(detail) => Extracted::failed(Problem::new(ProblemCode::Malformed, path, detail)),
    }
}

fn parse_package(bytes: &[u8]) -> Result<Option<ExtractedPackage>, String> {
    let manifest = Manifest::parse(bytes).map_err(|error| format!("not a manifest: {error}"))?;
    let (Some(name), Some(version)) = (&manifest.name, &manifest.version) else { return Ok(None) };
    // npm itself drops these when it cleans a version.
    let version = version.trim().trim_start_matches(['v', '=']);
    let package =
        Package::new(Ecosystem::of(Family::Npm), name.trim(), version).map_err(|error| error.to_string())?;
    Ok(Some(ExtractedPackage { package, nested: None, licenses: manifest.licenses }))
}
