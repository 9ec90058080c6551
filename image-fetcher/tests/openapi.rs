//! The committed description of the API is the generated one; `BLESS=1` writes it anew.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests.

use std::path::Path;

#[test]
fn document_committed_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../api-spec/openapi/image-fetcher.v1.json");
    let generated = image_fetcher::http::openapi().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == generated, "stale: run `make spec` and commit {}", path.display());
}
