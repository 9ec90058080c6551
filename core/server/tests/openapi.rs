//! The committed OpenAPI document is the one that the handlers give.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::path::Path;

#[test]
fn document_committed_is_the_one_generated() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../api-spec/openapi/core.v1.json");
    let generated = core_server::http::openapi::render().unwrap() + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == generated, "{} is stale; run `make spec` and look at what changed", path.display());
}

#[test]
fn document_refers_to_nothing_that_it_does_not_have() {
    let document: Value = serde_json::from_str(&core_server::http::openapi::render().unwrap()).unwrap();
    let mut references = Vec::new();
    collect(&document, &mut references);
    references.retain(|reference| document.pointer(reference.trim_start_matches('#')).is_none());
    assert_eq!(references, [""; 0]);
}

fn collect<'v>(value: &'v Value, references: &mut Vec<&'v str>) {
    match value {
        Value::Object(fields) => {
            references.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}
