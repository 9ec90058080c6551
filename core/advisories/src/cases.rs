//! Matching, case by case: `testdata/case/<name>/{packages,advisories,findings}.json`.
//!
//! Packages are `[ecosystem, name, version]` or, with a source, `[…, source name, source version]`.
//! Advisories are OSV records, or texts for what is not even JSON. Findings are, by package, lines
//! of `id severity fix [other ids]`; `?` before an id is an advisory that could not be judged.

use crate::{Found, Imported, Index, IndexBuilder};
use api_vocab::{Package, Timestamp};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn cases() -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/case");
    let mut cases: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn read(case: &Path, name: &str) -> Value {
    let text = fs::read_to_string(case.join(name)).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}/{name}: {error}", case.display()))
}

fn package(value: &Value) -> Package {
    let fields: Vec<&str> = value.as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
    let package = Package::new(fields[0].parse().unwrap(), fields[1], fields[2]).unwrap();
    match fields.get(3) {
        Some(source) => package.with_source(source, fields[4]).unwrap(),
        None => package,
    }
}

pub(crate) fn index_of(advisories: &Value) -> (Index, Imported) {
    let (mut builder, mut imported) = (IndexBuilder::new("test"), Imported::default());
    for (at, advisory) in advisories.as_array().unwrap().iter().enumerate() {
        let json = advisory.as_str().map_or_else(|| advisory.to_string(), str::to_owned);
        builder.import_record(&at.to_string(), json.as_bytes(), &mut imported);
    }
    (builder.build(Timestamp::from_millis(1)).unwrap(), imported)
}

fn lines(found: &Found) -> Vec<String> {
    let findings = found.findings.iter().map(|finding| {
        let fix = finding.fix.as_deref().unwrap_or("-");
        let line = format!("{} {} {fix} {}", finding.id, finding.severity, finding.aliases.join(" "));
        line.trim_end().to_owned()
    });
    findings.chain(found.undecided.iter().map(|id| format!("?{id}"))).collect()
}

fn check(case: &Path) {
    let (index, _) = index_of(&read(case, "advisories.json"));
    let expected = read(case, "findings.json");
    let packages = read(case, "packages.json");
    let (packages, expected) = (packages.as_array().unwrap(), expected.as_array().unwrap());
    assert_eq!(packages.len(), expected.len(), "{}", case.display());
    for (value, expected) in packages.iter().zip(expected) {
        let found = lines(&index.find(&package(value)));
        let expected: Vec<&str> = expected.as_array().unwrap().iter().map(|l| l.as_str().unwrap()).collect();
        assert_eq!(found, expected, "{} {value}", case.display());
    }
}

#[test]
fn matching_each_case_finds_what_it_says() {
    let cases = cases();
    assert!(cases.len() >= 12);
    cases.iter().for_each(|case| check(case));
}

#[test]
fn broken_record_is_one_problem() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/case/broken-record");
    let (_, imported) = index_of(&read(&case, "advisories.json"));
    assert_eq!((imported.records, imported.broken, imported.problems.len()), (2, 3, 3));
}

#[test]
fn unknown_ecosystem_is_counted() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/case/unknown-ecosystem");
    let (index, imported) = index_of(&read(&case, "advisories.json"));
    assert_eq!((imported.unknown_ecosystems, imported.broken, index.advisories()), (1, 0, 1));
}
