//! The summary.

use crate::harness::{TestCore, a_fleet};
use api_chassis::auth::Role;

#[tokio::test]
async fn summary_counts_the_fleet() {
    let core = a_fleet().await;
    let told = core.get("/summary").await;
    insta::assert_snapshot!(told);
    assert_eq!(core.get_unless("/summary", &told.etag.unwrap()).await.status, 304);
    core.stop().await;
}

#[tokio::test]
async fn summary_with_query_is_invalid_and_for_readers_only() {
    let core = TestCore::guarded(Role::Reader).await;
    assert_eq!(core.get("/summary?x=1").await.status, 400);
    core.stop().await;
    let core = TestCore::guarded(Role::Perceiver).await;
    assert_eq!(core.get("/summary").await.status, 403);
    core.stop().await;
}
