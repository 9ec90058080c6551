//! The queue.

use crate::harness::{TestCore, a_fleet, digest};
use api_chassis::auth::Role;
use serde_json::json;

#[tokio::test]
async fn queue_holds_what_is_not_scanned() {
    let core = a_fleet().await;
    insta::assert_snapshot!(core.get("/queue").await);
    core.post("/leases", json!({"scanner": "scanner-1"})).await;
    assert_eq!(core.get("/queue?state=leased").await.json()["items"][0]["digest"], digest(2));
    core.stop().await;
}

#[tokio::test]
async fn queue_asked_wrongly_is_invalid() {
    let core = TestCore::start().await;
    assert_eq!(core.get("/queue?state=asleep").await.status, 400);
    core.stop().await;
}

#[tokio::test]
async fn queue_is_for_readers_only() {
    let core = TestCore::guarded(Role::Scanner).await;
    assert_eq!(core.get("/queue").await.status, 403);
    core.stop().await;
}
