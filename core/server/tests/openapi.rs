//! The committed OpenAPI document is the one that the handlers give.

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
