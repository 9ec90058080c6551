//! Pods.

use crate::harness::{TestCore, a_fleet, a_pod, digest, present};
use api_chassis::auth::Role;
use serde_json::{Value, json};

fn names(told: &Value) -> Vec<&str> {
    told["items"].as_array().unwrap().iter().map(|pod| pod["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pods_are_listed_with_findings_of_their_images() {
    let core = a_fleet().await;
    insta::assert_snapshot!(core.get("/pods").await);
    core.stop().await;
}

#[tokio::test]
async fn pods_filtered_are_those_that_pass() {
    let core = a_fleet().await;
    let mut other = a_pod("prod/api", "api:1", 3);
    other["owner"] = json!("deployment/api");
    core.post("/sources/kubernetes/eu/observations", present(&[other])).await;
    for (query, expected) in [
        ("source=docker/host-1", vec!["redis", "shop-web-1", "shop-web-2"]),
        ("source=kubernetes/eu", vec!["api"]),
        ("namespace=prod", vec!["api"]),
        ("source=docker/host-1&namespace=prod", vec![]),
        ("owner=deployment/api", vec!["api"]),
        ("name_contains=web", vec!["shop-web-1", "shop-web-2"]),
        (&format!("image={}", digest(2)), vec!["redis"]),
        (&format!("image={}", digest(0xc0)), vec!["shop-web-1", "shop-web-2"]),
        (&format!("image={}", digest(9)), vec![]),
        ("order=desc", vec!["api", "shop-web-2", "shop-web-1", "redis"]),
    ] {
        assert_eq!(names(&core.get(&format!("/pods?{query}")).await.json()), expected, "{query}");
    }
    core.stop().await;
}

#[tokio::test]
async fn pods_page_by_page_are_all_pods_once() {
    let core = TestCore::start().await;
    let pods: Vec<Value> = (0..25)
        .map(|n| {
            let mut pod = a_pod(&format!("ns/pod-{n:02}"), "x", 1);
            pod["started_at"] = json!(format!("2025-12-31T00:00:{:02}Z", 59 - n));
            pod
        })
        .collect();
    core.post("/sources/kubernetes/eu/observations", present(&pods)).await;
    for (query, first) in [
        ("", "pod-00"),
        ("&order=desc", "pod-24"),
        ("&sort=started_at", "pod-24"),
        ("&source=kubernetes/eu", "pod-00"),
    ] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = core.get(&format!("/pods?limit=7{query}{cursor}")).await.json();
            seen.extend(names(&page).into_iter().map(str::to_owned));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!((seen.len(), seen[0].as_str()), (25, first), "{query}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 25);
    }
    core.stop().await;
}

#[tokio::test]
async fn pods_asked_wrongly_are_invalid() {
    let core = TestCore::start().await;
    insta::assert_snapshot!(core.get("/pods?source=nowhere").await);
    insta::assert_snapshot!(core.get("/pods?cursor=00").await);
    insta::assert_snapshot!(core.get("/pods?sort=colour").await);
    insta::assert_snapshot!(core.get("/pods?limit=1001").await);
    core.stop().await;
}

#[tokio::test]
async fn pods_are_for_readers_only() {
    let core = TestCore::guarded(Role::Scanner).await;
    insta::assert_snapshot!(core.get("/pods").await);
    core.stop().await;
}

#[tokio::test]
async fn pods_show_what_surrounds_them_and_are_found_by_it() {
    let core = a_fleet().await;
    let mut surrounded = a_pod("prod/web", "nginx:1.27", 1);
    surrounded["labels"] = json!({"app": "web"});
    surrounded["platform"] = json!("linux/arm64");
    surrounded["context"] = json!({
        "service_account": "web", "annotations": {"note": "n"}, "host_namespaces": ["network"],
        "pull_secrets": ["registry"],
        "exposure": [{"kind": "ingress", "hosts": ["shop.test"], "through": ["Ingress prod/web"]}],
        "settings": {"ignore_unfixed": true, "min_severity": "high", "team": "shop"},
    });
    surrounded["containers"][0]["privileges"] = json!({"privileged": true, "capabilities": ["NET_ADMIN"]});
    core.post("/sources/kubernetes/eu/observations", present(&[surrounded])).await;
    insta::assert_snapshot!(core.get("/pods?namespace=prod").await);
    for (query, expected) in [
        ("public=true", vec!["web"]),
        ("public=false", vec!["redis", "shop-web-1", "shop-web-2"]),
        ("service_account=web", vec!["web"]),
        ("service_account=default", vec![]),
        ("team=shop&public=true", vec!["web"]),
    ] {
        assert_eq!(names(&core.get(&format!("/pods?{query}")).await.json()), expected, "{query}");
    }
    insta::assert_snapshot!(core.get(&format!("/images/{}", digest(1))).await.json()["context"]);
    assert_eq!(core.get("/images").await.json()["items"][0].get("context"), None);
    core.stop().await;
}
