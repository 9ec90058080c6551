//! Python packages: the metadata that an installer leaves beside each distribution
//! (`*.dist-info/METADATA`, `*.egg-info`, `EGG-INFO/PKG-INFO`).
//!
//! Names are kept in the normalised form of PEP 503 (`Zope.Interface` is `zope-interface`): that
//! is how PyPI and its advisories compare them. Code that was copied in without metadata is not
//! seen.

mod header;
#[cfg(test)]
mod tests;

use crate::extractor::{Extracted, ExtractedPackage, Extractor, OpenFile, Scope};
use api_vocab::{Ecosystem, Family, Package, Problem, ProblemCode};
use header::Headers;

/// Headers and description; the largest on PyPI are below 1 MiB.
const MAX_METADATA: u64 = 8 << 20;
const MAX_LICENSE: usize = 200;
const MAX_LICENSES: usize = 16;

/// Reads the core metadata of installed Python distributions.
#[derive(Debug, Clone, Copy)]
pub struct Python;

impl Extractor for Python {
    fn name(&self) -> &'static str {
        "python"
    }

    fn version(&self) -> u32 {
        1
    }

    fn scope(&self) -> Scope {
        Scope::Language
    }

    fn wants(&self, path: &str) -> bool {
        let mut parts = path.rsplit('/');
        let (file, folder) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        // `~ip-24.0.dist-info` is what pip leaves of an uninstall that failed: Python cannot import it.
        if folder.starts_with('~') || file.starts_with('~') {
            return false;
        }
        match file {
            "METADATA" => folder.ends_with(".dist-info"),
            "PKG-INFO" => folder.ends_with(".egg-info") || folder == "EGG-INFO",
            _ => file.ends_with(".egg-info"),
        }
    }

    fn extract(&self, file: &mut OpenFile<'_>) -> Extracted {
        let path = file.path;
        match file.read_all(MAX_METADATA) {
            Ok(bytes) => read_metadata(path, &bytes),
            Err(problem) => Extracted::failed(problem),
        }
    }
}

fn read_metadata(path: &str, bytes: &[u8]) -> Extracted {
    let text = String::from_utf8_lossy(bytes);
    let headers = Headers::parse(&text);
    match package(&headers) {
        Ok(package) => Extracted {
            packages: vec![ExtractedPackage { package, nested: None, licenses: licenses(&headers) }],
            ..Extracted::default()
        },
        Err(detail) => Extracted::failed(Problem::new(ProblemCode::Malformed, path, detail)),
    }
}

fn package(headers: &Headers<'_>) -> Result<Package, String> {
    let written = headers.first("Name").ok_or("metadata without a name")?;
    let name = normalised(written).ok_or_else(|| format!("not the name of a distribution: {written}"))?;
    let version = headers.first("Version").ok_or("metadata without a version")?;
    Package::new(Ecosystem::of(Family::PyPi), &name, version).map_err(|error| error.to_string())
}

/// The name in the form of PEP 503, if it is a name by PEP 508.
fn normalised(name: &str) -> Option<String> {
    let is_edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let is_separator = |c: char| matches!(c, '-' | '_' | '.');
    let well_formed = is_edge(name.chars().next())
        && is_edge(name.chars().next_back())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || is_separator(c));
    let parts = || name.split(is_separator).filter(|part| !part.is_empty());
    well_formed.then(|| parts().collect::<Vec<_>>().join("-").to_ascii_lowercase())
}

/// The licence expression where there is one, else the licence line and the classifiers.
fn licenses(headers: &Headers<'_>) -> Vec<Box<str>> {
    if let Some(expression) = headers.first("License-Expression").filter(|text| is_short(text)) {
        return vec![expression.into()];
    }
    // Some put the whole licence text here; that is no name of a licence.
    let line = headers.first("License").filter(|text| is_short(text) && *text != "UNKNOWN");
    let classified = headers
        .all("Classifier")
        .filter_map(|classifier| classifier.strip_prefix("License :: "))
        .filter_map(|classifier| classifier.rsplit(" :: ").next())
        .filter(|text| is_short(text) && *text != "OSI Approved");
    let mut found: Vec<Box<str>> = Vec::new();
    for license in line.into_iter().chain(classified).take(MAX_LICENSES) {
        if !found.iter().any(|known| **known == *license) {
            found.push(license.into());
        }
    }
    found
}

fn is_short(text: &str) -> bool {
    (1..=MAX_LICENSE).contains(&text.len()) && !text.chars().any(char::is_control)
}
