//! Scanners.

use crate::harness::{TestCore, a_fleet, a_scanner};
use api_chassis::auth::Role;
use serde_json::json;

#[tokio::test]
async fn scanner_registered_is_shown_with_its_leases() {
    let core = a_fleet().await;
    core.post("/leases", json!({"scanner": "scanner-1"})).await;
    insta::assert_snapshot!(core.get("/scanners").await);
    insta::assert_snapshot!(core.get("/scanners/scanner-1").await);
    assert_eq!(core.get("/scanners?node=node-2").await.json()["items"].as_array().unwrap().len(), 0);
    core.stop().await;
}

#[tokio::test]
async fn scanner_that_says_nonsense_is_refused() {
    let core = TestCore::start().await;
    let mut greedy = a_scanner();
    greedy["max_leases"] = json!(1000);
    insta::assert_snapshot!(core.put("/scanners/s", greedy).await);
    insta::assert_snapshot!(core.put("/scanners/s", json!({"version": "1"})).await);
    insta::assert_snapshot!(core.put("/scanners/%3Cb%3E", a_scanner()).await);
    core.stop().await;
}

#[tokio::test]
async fn scanner_unknown_is_not_found() {
    let core = TestCore::start().await;
    insta::assert_snapshot!(core.get("/scanners/nobody").await);
    core.stop().await;
}

#[tokio::test]
async fn scanner_of_later_version_has_its_extractors_wanted() {
    let core = a_fleet().await;
    let scanner =
        |version: &str, set: &str| json!({"version": version, "extractor_set": set, "max_leases": 1});
    let queued =
        async |core: &TestCore| core.get("/summary").await.json()["images"]["queued"].as_u64().unwrap();
    assert_eq!(queued(&core).await, 1);
    core.put("/scanners/old", scanner("0.9.0", "set-0")).await;
    assert_eq!(queued(&core).await, 1);
    core.put("/scanners/new", scanner("1.10.0", "set-2")).await;
    assert_eq!(queued(&core).await, 2);
    core.stop().await;
}

#[tokio::test]
async fn scanners_are_registered_by_scanners_and_read_by_readers() {
    let core = TestCore::guarded(Role::Reader).await;
    assert_eq!(core.put("/scanners/s", a_scanner()).await.status, 403);
    assert_eq!(core.get("/scanners").await.status, 200);
    core.stop().await;
    let core = TestCore::guarded(Role::Scanner).await;
    assert_eq!(core.put("/scanners/s", a_scanner()).await.status, 204);
    assert_eq!(core.get("/scanners/s").await.status, 403);
    core.stop().await;
}
