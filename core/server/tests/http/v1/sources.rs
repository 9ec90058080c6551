//! Sources.

use crate::harness::{TestCore, a_fleet, a_pod, present};
use api_chassis::auth::Role;
use reqwest::Method;
use std::time::Duration;

#[tokio::test]
async fn sources_are_listed_with_health_and_pods() {
    let core = a_fleet().await;
    core.pass(Duration::from_secs(600)).await;
    core.post("/sources/podman/host-2/observations", present(&[a_pod("/x", "x", 9)])).await;
    insta::assert_snapshot!(core.get("/sources").await);
    assert_eq!(core.get("/sources?health=stale").await.json()["items"][0]["id"], "docker/host-1");
    assert_eq!(core.get("/sources?kind=podman").await.json()["items"][0]["id"], "podman/host-2");
    assert_eq!(core.get("/sources?sort=pods&order=desc").await.json()["items"][0]["id"], "docker/host-1");
    core.stop().await;
}

#[tokio::test]
async fn sources_asked_wrongly_are_invalid() {
    let core = TestCore::start().await;
    insta::assert_snapshot!(core.get("/sources?kind=vmware").await);
    insta::assert_snapshot!(core.get("/sources?colour=red").await);
    insta::assert_snapshot!(core.get("/sources?limit=0").await);
    core.stop().await;
}

#[tokio::test]
async fn source_known_is_not_sent_twice() {
    let core = a_fleet().await;
    let told = core.get("/sources/docker/host-1").await;
    insta::assert_snapshot!(told);
    let again = core.get_unless("/sources/docker/host-1", &told.etag.unwrap()).await;
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    core.stop().await;
}

#[tokio::test]
async fn source_unknown_is_not_found() {
    let core = TestCore::start().await;
    insta::assert_snapshot!(core.get("/sources/docker/nowhere").await);
    core.stop().await;
}

#[tokio::test]
async fn source_forgotten_is_gone_with_its_pods() {
    let core = a_fleet().await;
    assert_eq!(core.told(Method::DELETE, "/sources/docker/host-1", None).await.status, 204);
    assert_eq!(core.get("/pods").await.json()["items"].as_array().unwrap().len(), 0);
    insta::assert_snapshot!(core.told(Method::DELETE, "/sources/docker/host-1", None).await);
    core.stop().await;
}

#[tokio::test]
async fn source_is_forgotten_by_admins_only() {
    let core = TestCore::guarded(Role::Reader).await;
    insta::assert_snapshot!(core.told(Method::DELETE, "/sources/docker/host-1", None).await);
    core.stop().await;
}

#[tokio::test]
async fn sources_are_read_by_readers_only() {
    let core = TestCore::guarded(Role::Perceiver).await;
    assert_eq!(core.get("/sources").await.status, 403);
    assert_eq!(core.get("/sources/docker/host-1").await.status, 403);
    core.stop().await;
}
