//! Observations: batches and full states.

use crate::harness::{TestCore, a_pod, digest, present};
use api_chassis::auth::{Caller, Role};
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::time::Duration;

const BATCH: &str = "/sources/docker/host-1/observations";
const STATE: &str = "/sources/docker/host-1/state";

#[tokio::test]
async fn batch_with_bad_items_takes_the_others() {
    let core = TestCore::start().await;
    let batch = json!({"observations": [
        {"type": "pod_present", "pod": a_pod("/web", "nginx", 1)},
        {"type": "pod_present", "pod": {"key": "/x"}},
        {"type": "pod_gone", "key": "no-slash"},
        {"type": "pod_rises", "key": "/y"},
        {"type": "pod_gone", "key": "/never-there"},
        {"type": "pod_present", "pod": {"key": "/z", "uid": "u", "phase": "dancing", "containers": []}},
    ]});
    insta::assert_snapshot!(core.post(BATCH, batch).await);
    assert_eq!(core.get("/pods").await.json()["items"].as_array().unwrap().len(), 1);
    core.stop().await;
}

#[tokio::test]
async fn batch_that_is_none_is_invalid() {
    let core = TestCore::start().await;
    insta::assert_snapshot!(core.post(BATCH, json!({"pods": []})).await);
    insta::assert_snapshot!(core.told(Method::POST, BATCH, Some("{".into())).await);
    core.stop().await;
}

#[tokio::test]
async fn batch_too_long_is_refused() {
    let core = TestCore::start().await;
    let many = vec![json!({"type": "pod_gone", "key": "/x"}); 10_001];
    insta::assert_snapshot!(core.post(BATCH, json!({"observations": many})).await);
    core.stop().await;
}

#[tokio::test]
async fn batch_of_unknown_kind_of_source_is_invalid() {
    let core = TestCore::start().await;
    insta::assert_snapshot!(core.post("/sources/vmware/x/observations", present(&[])).await);
    core.stop().await;
}

#[tokio::test]
async fn batch_with_unknown_query_key_is_invalid() {
    let core = TestCore::start().await;
    insta::assert_snapshot!(core.post(&format!("{BATCH}?dry_run=1"), present(&[])).await);
    core.stop().await;
}

#[tokio::test]
async fn batch_by_scanner_is_forbidden() {
    let core = TestCore::guarded(Role::Scanner).await;
    insta::assert_snapshot!(core.post(BATCH, present(&[])).await);
    core.stop().await;
}

#[tokio::test]
async fn perceiver_of_one_source_reaches_no_other_by_any_door() {
    let words = ["docker/host-1"].into_iter();
    let owner = Caller::new("test", Role::Perceiver).speaking_for(words).unwrap();
    let core = TestCore::guarded_for(owner).await;
    let taken = core.post(BATCH, present(&[a_pod("/web", "nginx", 1)])).await;
    assert_eq!(taken.status, 200, "{taken}");
    for source in ["docker/host-2", "podman/host-1"] {
        let doors = [
            (Method::POST, "observations".to_owned()),
            (Method::PUT, "state".to_owned()),
            (Method::GET, "standings".to_owned()),
            (Method::GET, format!("images/{}/findings", digest(1))),
        ];
        for (method, door) in doors {
            let told = core.told(method, &format!("/sources/{source}/{door}"), Some("{}".into())).await;
            assert_eq!(told.status, 403, "{source} {door}: {told}");
            assert_eq!(
                told.json()["error"]["message"],
                format!("this token does not speak for the source {source}")
            );
        }
    }
    core.stop().await;
}

#[tokio::test]
async fn full_state_drops_what_it_does_not_name() {
    let core = TestCore::start().await;
    let pods = [a_pod("/web", "nginx", 1), a_pod("/old", "nginx", 1)];
    core.post(BATCH, present(&pods)).await;
    core.post("/sources/docker/host-2/observations", present(&pods)).await;
    let lines = format!("{}\n\n{}", a_pod("/web", "nginx", 1), a_pod("/new", "redis", 2));
    insta::assert_snapshot!(core.told(Method::PUT, STATE, Some(lines)).await);
    let pods = core.get("/pods?source=docker/host-1").await.json();
    let names: Vec<&str> =
        pods["items"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["new", "web"]);
    assert_eq!(core.get("/pods?source=docker/host-2").await.json()["items"].as_array().unwrap().len(), 2);
    assert_eq!(
        core.get("/sources/docker/host-1").await.json()["last_full_state"],
        "2026-01-01T00:00:00.000Z"
    );
    core.stop().await;
}

#[tokio::test]
async fn full_state_of_many_batches_is_taken_in_its_order() {
    let core = TestCore::start().await;
    core.post(BATCH, present(&[a_pod("/old", "nginx", 1)])).await;
    let mut lines: Vec<String> =
        (0..4_500).map(|n| a_pod(&format!("/p{n}"), "nginx", 1).to_string()).collect();
    // Named again in the last batch, and in another way than in the first.
    lines.push(a_pod("/p0", "redis", 2).to_string());
    let told = core.told(Method::PUT, STATE, Some(lines.join("\n"))).await;
    assert_eq!(told.json()["accepted"], 4_501, "{told}");
    assert_eq!(core.get("/sources/docker/host-1").await.json()["pods"], 4_500);
    let pods = core.get("/pods?name_contains=p0").await.json();
    let image = pods["items"].as_array().unwrap().iter().find(|pod| pod["name"] == "p0").unwrap();
    assert!(image.to_string().contains("redis"), "{image}");
    core.stop().await;
}

#[tokio::test]
async fn full_state_with_unreadable_line_drops_nothing() {
    let core = TestCore::start().await;
    core.post(BATCH, present(&[a_pod("/old", "nginx", 1)])).await;
    let lines = format!("{}\nnot json\n", a_pod("/web", "nginx", 1));
    insta::assert_snapshot!(core.told(Method::PUT, STATE, Some(lines)).await);
    assert_eq!(core.get("/pods").await.json()["items"].as_array().unwrap().len(), 2);
    core.stop().await;
}

#[tokio::test]
async fn full_state_with_a_refused_pod_drops_what_it_does_not_name() {
    let core = TestCore::start().await;
    core.post(BATCH, present(&["/gone", "/large", "/odd"].map(|key| a_pod(key, "nginx", 1)))).await;
    let (mut large, mut odd) = (a_pod("/large", "nginx", 1), a_pod("/odd", "nginx", 1));
    large["uid"] = "x".repeat(1_000).into();
    odd["phase"] = "dancing".into();
    let told = core.told(Method::PUT, STATE, Some(format!("{large}\n{odd}\n"))).await.json();
    assert_eq!((&told["accepted"], &told["refused_total"]), (&json!(0), &json!(2)), "{told}");
    let left = core.get("/pods").await.json();
    let names: Vec<&str> =
        left["items"].as_array().unwrap().iter().filter_map(|pod| pod["name"].as_str()).collect();
    assert_eq!(names, ["large", "odd"], "a pod that is refused is there nonetheless");
    assert!(core.get("/sources/docker/host-1").await.json()["last_full_state"].is_string());
    core.stop().await;
}

#[tokio::test]
async fn full_state_cut_on_the_way_drops_nothing() {
    let core = TestCore::start().await;
    core.post(BATCH, present(&[a_pod("/old", "nginx", 1)])).await;
    let line = format!("{}\n", a_pod("/web", "nginx", 1));
    let head = format!(
        "PUT /api/v1{STATE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n{line}",
        line.len() + 1_000
    );
    let address = core.running.address();
    let cut = tokio::task::spawn_blocking(move || {
        use std::io::Write;
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
    });
    cut.await.unwrap();
    let told = core.told(Method::PUT, "/sources/docker/host-2/state", Some(line)).await;
    assert_eq!(told.status, 200, "{told}");
    assert_eq!(
        core.get("/pods?source=docker/host-1&name_contains=old").await.json()["items"][0]["name"],
        "old"
    );
    core.stop().await;
}

#[tokio::test]
async fn full_state_with_endless_line_is_refused() {
    let core = TestCore::start().await;
    insta::assert_snapshot!(core.told(Method::PUT, STATE, Some("x".repeat(3 << 20))).await);
    core.stop().await;
}

#[tokio::test]
async fn pod_without_digest_is_unresolved_until_it_has_one() {
    let core = TestCore::start().await;
    let mut pod = a_pod("/web", "nginx", 1);
    pod["containers"][0].as_object_mut().unwrap().remove("image_id");
    core.post(BATCH, present(&[pod])).await;
    insta::assert_snapshot!(core.get("/pods").await);
    core.post(BATCH, present(&[a_pod("/web", "nginx", 1)])).await;
    assert_eq!(core.get("/pods").await.json()["items"][0]["containers"][0]["image"], digest(1));
    core.stop().await;
}

#[tokio::test]
async fn body_larger_than_allowed_is_refused() {
    let mut config = crate::harness::config();
    config.http.max_body_bytes = 1_000;
    let core = TestCore::with(config).await;
    let told = core.post(BATCH, present(&vec![a_pod("/web", "nginx", 1); 50])).await;
    assert_eq!(told.status, StatusCode::PAYLOAD_TOO_LARGE.as_u16());
    insta::assert_snapshot!(told);
    core.stop().await;
}

#[tokio::test]
async fn images_listed_are_known_without_a_pod_until_they_are_not() {
    let core = TestCore::start().await;
    let image = |n: u8| json!({"digest": digest(n), "references": [format!("registry.test/stream:{n}")]});
    let seen = json!({"observations": [{"type": "image_present", "image": image(1)}]});
    assert_eq!(core.post("/sources/openshift/eu/observations", seen).await.json()["accepted"], 1);
    let told = core.get(&format!("/images/{}", digest(1))).await.json();
    assert_eq!((&told["pods"], &told["references"][0]), (&json!(0), &json!("registry.test/stream:1")));
    let lines = format!("{}\n{}\n", json!({"image": image(2)}), a_pod("ns/a", "x", 3));
    let told = core.told(Method::PUT, "/sources/openshift/eu/state", Some(lines)).await.json();
    assert_eq!((&told["accepted"], &told["refused_total"]), (&json!(2), &json!(0)), "{told}");
    core.pass(Duration::from_secs(25 * 3600)).await;
    let left = core.get("/images").await.json();
    let left: Vec<&str> =
        left["items"].as_array().unwrap().iter().filter_map(|i| i["digest"].as_str()).collect();
    assert_eq!(left, [digest(2), digest(3)]);
    core.stop().await;
}
