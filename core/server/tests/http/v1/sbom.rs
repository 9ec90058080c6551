//! SBOMs.

use crate::harness::{TestCore, a_fleet, digest};
use api_chassis::auth::Role;

#[tokio::test]
async fn sbom_comes_in_either_format() {
    let core = a_fleet().await;
    let cyclonedx = core.get(&format!("/images/{}/sbom", digest(1))).await;
    assert_eq!(cyclonedx.media_type, "application/vnd.cyclonedx+json; version=1.6");
    assert_eq!(cyclonedx.json()["specVersion"], "1.6");
    assert_eq!(cyclonedx.json()["components"].as_array().unwrap().len(), 3);
    let spdx = core.get(&format!("/images/{}/sbom?format=spdx", digest(1))).await;
    assert_eq!(spdx.media_type, "application/spdx+json");
    assert_eq!(spdx.json()["spdxVersion"], "SPDX-2.3");
    let path = format!("/images/{}/sbom", digest(1));
    assert_eq!(core.get_unless(&path, &cyclonedx.etag.unwrap()).await.status, 304);
    core.stop().await;
}

#[tokio::test]
async fn sbom_that_cannot_be_is_refused() {
    let core = a_fleet().await;
    insta::assert_snapshot!(core.get(&format!("/images/{}/sbom?format=swid", digest(1))).await);
    insta::assert_snapshot!(core.get(&format!("/images/{}/sbom", digest(2))).await);
    insta::assert_snapshot!(core.get(&format!("/images/{}/sbom", digest(9))).await);
    core.stop().await;
}

#[tokio::test]
async fn sbom_is_for_readers_only() {
    let core = TestCore::guarded(Role::Scanner).await;
    assert_eq!(core.get(&format!("/images/{}/sbom", digest(1))).await.status, 403);
    core.stop().await;
}
