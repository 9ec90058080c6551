//! SPDX 2.3, JSON (ISO/IEC 5962).

use super::{Subject, TOOL, VERSION, purl, seconds};
use api_vocab::InstalledPackage;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const NO_ASSERTION: &str = "NOASSERTION";

pub(super) fn render(subject: &Subject<'_>) -> Value {
    let packages = &subject.inventory.packages;
    let mut elements = vec![image(subject)];
    elements.extend(packages.iter().enumerate().map(|(at, found)| package(subject, at, found)));
    let mut relationships = vec![relationship("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-image")];
    relationships
        .extend((0..packages.len()).map(|at| relationship("SPDXRef-image", "CONTAINS", &package_id(at))));
    relationships.extend(owned(packages));
    json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": subject.name,
        "documentNamespace": namespace(subject),
        "creationInfo": {
            "created": seconds(subject.created),
            "creators": [format!("Tool: {TOOL}-{VERSION}")],
        },
        "comment": completeness(subject),
        "packages": elements,
        "relationships": relationships,
    })
}

/// Unique for a subject and the time of its inventory, as the format asks.
fn namespace(subject: &Subject<'_>) -> String {
    let subject_part = subject.digest.map_or_else(|| "unnamed".to_owned(), |digest| digest.hex());
    format!("urn:perceptor:sbom:{subject_part}:{}", subject.created.as_millis())
}

fn completeness(subject: &Subject<'_>) -> String {
    match subject.inventory.problems.len() {
        0 => "Everything in the image could be read.".to_owned(),
        n => format!("Incomplete: {n} parts of the image could not be read."),
    }
}

fn image(subject: &Subject<'_>) -> Value {
    let mut image = json!({
        "SPDXID": "SPDXRef-image",
        "name": subject.name,
        "downloadLocation": NO_ASSERTION,
        "filesAnalyzed": false,
        "primaryPackagePurpose": "CONTAINER",
    });
    if let (Some(digest), Some(fields)) = (subject.digest, image.as_object_mut()) {
        fields.insert("versionInfo".into(), digest.to_string().into());
    }
    image
}

fn package_id(at: usize) -> String {
    format!("SPDXRef-package-{at}")
}

fn package(subject: &Subject<'_>, at: usize, found: &InstalledPackage) -> Value {
    let mut package = json!({
        "SPDXID": package_id(at),
        "name": found.package.name(),
        "versionInfo": found.package.version(),
        "downloadLocation": NO_ASSERTION,
        "filesAnalyzed": false,
        "licenseConcluded": NO_ASSERTION,
        "licenseDeclared": NO_ASSERTION,
        "copyrightText": NO_ASSERTION,
        "sourceInfo": format!("{} found it at {}", found.extractor, found.path),
    });
    let Some(fields) = package.as_object_mut() else { return package };
    if let Some(purl) = purl(subject, found) {
        let reference = json!([{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": purl,
        }]);
        fields.insert("externalRefs".into(), reference);
    }
    if !found.licenses.is_empty() {
        // Stated licences are free text; the declared field takes SPDX expressions only.
        fields.insert("licenseComments".into(), format!("Stated: {}", found.licenses.join("; ")).into());
    }
    package
}

/// Which distribution's package holds which one of a language.
fn owned(packages: &[InstalledPackage]) -> impl Iterator<Item = Value> {
    let is_distribution = |found: &InstalledPackage| found.package.ecosystem().family().is_distribution();
    let owners: BTreeMap<&str, usize> = packages
        .iter()
        .enumerate()
        .filter(|(_, found)| is_distribution(found))
        .map(|(at, found)| (found.package.name(), at))
        .collect();
    packages.iter().enumerate().filter_map(move |(at, found)| {
        let owner = owners.get(found.package.owned_by()?)?;
        Some(relationship(&package_id(*owner), "CONTAINS", &package_id(at)))
    })
}

fn relationship(from: &str, kind: &str, to: &str) -> Value {
    json!({"spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to})
}
