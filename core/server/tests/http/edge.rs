//! What holds for every door: unknown paths, wrong methods, tokens, health, metrics, documentation.

use crate::harness::{TestCore, a_fleet, config};
use api_chassis::auth::Role;
use api_chassis::config::Layers;
use core_server::{App, Config, StartError, Surroundings};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn path_unknown_is_not_found() {
    let core = TestCore::start().await;
    insta::assert_snapshot!(core.get("/vulnerabilities").await);
    insta::assert_snapshot!(core.get("//nowhere").await);
    core.stop().await;
}

#[tokio::test]
async fn method_wrong_is_not_allowed() {
    let core = TestCore::start().await;
    insta::assert_snapshot!(core.told(Method::DELETE, "/pods", None).await);
    insta::assert_snapshot!(core.post("/summary", json!({})).await);
    core.stop().await;
}

#[tokio::test]
async fn head_is_answered_like_get() {
    let core = a_fleet().await;
    for path in ["/summary", "/images", "/events", "//healthz"] {
        let told = core.request(Method::HEAD, path).send().await.unwrap();
        assert_eq!(told.status().as_u16(), 200, "{path}");
        assert!(told.bytes().await.unwrap().is_empty(), "{path}");
    }
    core.stop().await;
}

#[tokio::test]
async fn token_missing_or_unknown_is_unauthenticated() {
    let core = TestCore::guarded(Role::Reader).await;
    assert_eq!(core.get("/pods").await.status, 200);
    let core = core.without_token();
    insta::assert_snapshot!(core.get("/pods").await);
    let told = core.request(Method::GET, "/pods").bearer_auth("perceptor_nobody").send().await.unwrap();
    assert_eq!(told.status().as_u16(), 401);
    assert_eq!(told.headers()["www-authenticate"], "Bearer");
    assert_eq!(core.get("//healthz").await.status, 200);
    core.stop().await;
}

#[tokio::test]
async fn admin_may_do_everything() {
    let core = TestCore::guarded(Role::Admin).await;
    assert_eq!(core.get("/pods").await.status, 200);
    assert_eq!(core.put("/scanners/s", crate::harness::a_scanner()).await.status, 204);
    let none = crate::harness::present(&[]);
    assert_eq!(core.post("/sources/docker/x/observations", none).await.status, 200);
    core.stop().await;
}

#[tokio::test]
async fn health_and_readiness_are_told() {
    let core = TestCore::start().await;
    insta::assert_snapshot!(core.get("//healthz").await);
    insta::assert_snapshot!(core.get("//readyz").await);
    core.stop().await;
}

#[tokio::test]
async fn metrics_name_queue_images_findings_and_latency() {
    let core = a_fleet().await;
    let text = core.get("//metrics").await.text;
    for line in [
        "perceptor_core_queue_depth{state=\"queued\"} 1",
        "perceptor_core_images{state=\"scanned\"} 1",
        "perceptor_core_findings{severity=\"critical\"} 1",
        "perceptor_core_findings_fixable 2",
        "perceptor_core_pods 3",
        "perceptor_core_observations_total 3",
        "perceptor_core_lease_requests_total{outcome=\"granted\"} 1",
        "perceptor_core_leases_ended_total{state=\"scanned\"} 1",
        "perceptor_core_packages_matched_total 2",
        "perceptor_core_advisories 2",
        "perceptor_core_store_append_seconds_count",
        "perceptor_core_http_request_seconds_count{method=\"POST\",route=\"/api/v1/leases\",status=\"200\"} 1",
    ] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
    core.stop().await;
}

#[tokio::test]
async fn documentation_needs_nothing_from_outside() {
    let core = TestCore::start().await;
    let page = core.get("//docs").await;
    assert_eq!((page.status, page.media_type.as_str()), (200, "text/html"));
    assert_eq!(core.get("//").await.text, page.text);
    let start = core.get("//docs/swagger-initializer.js").await;
    assert!(start.text.contains("/api/v1/openapi.json"), "{start}");
    assert_eq!(core.get("//docs/nothing").await.status, 404);
    let document = core.get("/openapi.json").await.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(!page.text.contains("https://"), "{page}");
    assert!(
        page.text.contains("<title>Perceptor core API</title>") && page.text.contains("viewport"),
        "{page}"
    );
    core.stop().await;
}

#[tokio::test]
async fn client_too_eager_is_told_to_wait() {
    let mut eager = config();
    (eager.http.requests_per_second, eager.http.request_burst) = (1, 2);
    let core = TestCore::with(eager).await;
    for _ in 0..2 {
        assert_eq!(core.get("//healthz").await.status, 200);
    }
    let told = core.request(Method::GET, "/pods").send().await.unwrap();
    assert_eq!(told.status().as_u16(), 429);
    assert_eq!(told.headers()["retry-after"], "1");
    core.stop().await;
}

#[test]
fn core_without_tokens_refuses_to_listen_beyond_loopback() {
    let mut open = config();
    open.http.listen = ([0, 0, 0, 0], 0).into();
    let refused = App::build(open, Surroundings::default()).map(drop);
    assert!(matches!(refused, Err(StartError::Exposure(_))));
}

#[test]
fn settings_of_the_door_in_part_keep_what_the_core_needs() {
    let layers = Layers::of("core").flag("http.listen", Some("127.0.0.1:1"));
    let (set, own) = (Config::load(&layers).unwrap().http, Config::default().http);
    assert_eq!(set.max_body_bytes, own.max_body_bytes);
    assert_eq!(set.request_timeout_seconds, own.request_timeout_seconds);
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let mut config = Config::default();
    config.advisories.ecosystems = vec!["Debain".into()];
    assert!(matches!(App::build(config, Surroundings::default()).map(drop), Err(StartError::Settings(_))));
}
