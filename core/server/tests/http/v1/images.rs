//! Images.

use crate::harness::{TestCore, a_fleet, digest};
use api_chassis::auth::Role;
use serde_json::json;

#[tokio::test]
async fn images_are_listed_with_state_and_findings() {
    let core = a_fleet().await;
    insta::assert_snapshot!(core.get("/images").await);
    core.stop().await;
}

#[tokio::test]
async fn images_filtered_and_sorted_are_those_asked_for() {
    let core = a_fleet().await;
    let (web, redis) = (digest(1), digest(2));
    for (query, expected) in [
        ("state=scanned", vec![&web]),
        ("state=queued", vec![&redis]),
        ("state=partial", vec![]),
        ("reference=redis", vec![&redis]),
        ("severity=critical", vec![&web]),
        ("source=docker/host-1", vec![&web, &redis]),
        ("source=docker/host-2", vec![]),
        ("namespace=prod", vec![]),
        ("owner=compose/shop/web", vec![&web, &redis]),
        ("sort=digest&order=desc", vec![&redis, &web]),
        ("sort=pods", vec![&redis, &web]),
        ("sort=severity&order=desc", vec![&web, &redis]),
        ("sort=first_seen", vec![&web, &redis]),
    ] {
        let told = core.get(&format!("/images?{query}")).await.json();
        let keys: Vec<&str> =
            told["items"].as_array().unwrap().iter().map(|i| i["digest"].as_str().unwrap()).collect();
        assert_eq!(keys, expected, "{query}");
    }
    core.stop().await;
}

#[tokio::test]
async fn images_page_by_page_follow_each_other() {
    let core = a_fleet().await;
    for sort in ["digest", "severity", "pods", "first_seen"] {
        let first = core.get(&format!("/images?limit=1&sort={sort}")).await.json();
        let cursor = first["next_cursor"].as_str().unwrap();
        let second = core.get(&format!("/images?limit=1&sort={sort}&cursor={cursor}")).await.json();
        assert_ne!(first["items"][0]["digest"], second["items"][0]["digest"]);
        assert!(second["next_cursor"].is_null());
    }
    core.stop().await;
}

#[tokio::test]
async fn image_is_found_by_any_of_its_digests() {
    let core = a_fleet().await;
    let told = core.get(&format!("/images/{}", digest(0xc0))).await;
    insta::assert_snapshot!(told);
    let again = core.get_unless(&format!("/images/{}", digest(1)), &told.etag.unwrap()).await;
    assert_eq!(again.status, 304);
    core.stop().await;
}

#[tokio::test]
async fn image_unknown_is_not_found_and_malformed_is_invalid() {
    let core = TestCore::start().await;
    insta::assert_snapshot!(core.get(&format!("/images/{}", digest(9))).await);
    insta::assert_snapshot!(core.get("/images/nginx").await);
    insta::assert_snapshot!(core.get("/images?state=asleep").await);
    insta::assert_snapshot!(core.get("/images?severity=awful").await);
    core.stop().await;
}

#[tokio::test]
async fn image_rescanned_waits_again_and_keeps_its_inventory() {
    let core = a_fleet().await;
    let path = format!("/images/{}/rescan", digest(1));
    insta::assert_snapshot!(core.post(&path, json!({})).await);
    insta::assert_snapshot!(core.post(&path, json!({})).await);
    assert_eq!(core.get(&format!("/images/{}/packages", digest(1))).await.status, 200);
    assert_eq!(core.post(&format!("/images/{}/rescan", digest(9)), json!({})).await.status, 404);
    core.stop().await;
}

#[tokio::test]
async fn images_are_read_by_readers_and_rescanned_by_admins() {
    let core = TestCore::guarded(Role::Reader).await;
    assert_eq!(core.get("/images").await.status, 200);
    assert_eq!(core.get(&format!("/images/{}", digest(1))).await.status, 404);
    assert_eq!(core.post(&format!("/images/{}/rescan", digest(1)), json!({})).await.status, 403);
    core.stop().await;
    let core = TestCore::guarded(Role::Scanner).await;
    assert_eq!(core.get("/images").await.status, 403);
    assert_eq!(core.get(&format!("/images/{}", digest(1))).await.status, 403);
    core.stop().await;
}
