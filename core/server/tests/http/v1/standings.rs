//! Standings of a source, as its perceiver follows them.

use crate::harness::{
    TestCore, a_fleet, a_fleet_with, a_pod, advisories, config, digest, index_of, present, scan_one,
};
use api_chassis::auth::Role;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;

const PATH: &str = "/sources/docker/host-1/standings";

/// Someone who follows a source's standings.
struct Following {
    answer: Response,
    bytes: Vec<u8>,
    lines: VecDeque<Value>,
}

impl Following {
    async fn of(core: &TestCore, path: &str) -> Self {
        let answer = core.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
        Following { answer, bytes: Vec::new(), lines: VecDeque::new() }
    }

    async fn next(&mut self) -> Value {
        let read = async {
            loop {
                if let Some(line) = self.lines.pop_front() {
                    return line;
                }
                let chunk = self.answer.chunk().await.unwrap().expect("the stream ended");
                self.bytes.extend_from_slice(&chunk);
                let end = self.bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                let whole: Vec<u8> = self.bytes.drain(..end).collect();
                let lines = whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
                self.lines.extend(lines.map(|line| serde_json::from_slice::<Value>(line).unwrap()));
            }
        };
        tokio::time::timeout(Duration::from_secs(60), read).await.expect("nothing came")
    }

    /// All lines up to the one that says that everything was said.
    async fn whole(&mut self) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            match self.next().await {
                line if line["type"] == "whole" => return all,
                line => all.push(line),
            }
        }
    }

    /// The next line of a pod that says what `wanted` looks for.
    async fn until(&mut self, key: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.next().await;
            if line["pod"]["key"] == key && wanted(&line["pod"]) {
                return line["pod"].clone();
            }
        }
    }
}

fn keys(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .map(|line| line["pod"]["key"].as_str().or(line["image"]["digest"].as_str()).unwrap())
        .collect()
}

#[tokio::test]
async fn standings_are_told_whole_then_as_scans_change_them() {
    let core = a_fleet().await;
    let mut following = Following::of(&core, PATH).await;
    let whole = following.whole().await;
    insta::assert_snapshot!(serde_json::to_string_pretty(&whole).unwrap());
    scan_one(&core).await;
    let redis = following.until("/redis", |pod| pod["findings"].is_object()).await;
    assert_eq!((&redis["verdict"], &redis["containers"][0]["state"]), (&json!("fail"), &json!("scanned")));
    core.post("/sources/docker/host-1/observations", present(&[a_pod("/new", "nginx:1.27", 1)])).await;
    let new = following.until("/new", |_| true).await;
    assert_eq!(new["findings"]["critical"], 1, "an image that is known is known at once");
    drop(following);
    core.stop().await;
}

#[tokio::test]
async fn standings_change_with_advisories_alone() {
    let core = a_fleet().await;
    let mut following = Following::of(&core, PATH).await;
    following.whole().await;
    core.advise_of(index_of(&[])).await;
    let pod = following.until("/shop-web-1", |_| true).await;
    assert_eq!((&pod["verdict"], &pod["findings"]["critical"]), (&json!("pass"), &json!(0)));
    following.until("/shop-web-2", |pod| pod["verdict"] == "pass").await;
    core.advise_of(advisories()).await;
    following.until("/shop-web-2", |pod| pod["verdict"] == "fail").await;
    drop(following);
    core.stop().await;
}

#[tokio::test]
async fn standings_follow_a_severity_that_changes_and_nothing_else() {
    let core = a_fleet().await;
    let mut following = Following::of(&core, PATH).await;
    following.whole().await;
    let record = |vector| {
        index_of(&[("DEBIAN-CVE-2099-0001", "CVE-2099-0001", "Debian:12", "openssl", "3.0.2-1", vector)])
    };
    core.advise_of(record("AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")).await;
    following.until("/shop-web-2", |pod| pod["verdict"] == "fail").await;
    core.advise_of(record("AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N")).await;
    following.until("/shop-web-2", |pod| pod["verdict"] == "pass").await;
    drop(following);
    core.stop().await;
}

#[tokio::test]
async fn standings_count_as_far_as_the_pods_own_settings_say() {
    let core = a_fleet().await;
    let mut strict = a_pod("/strict", "nginx:1.27", 1);
    strict["context"] = json!({"settings": {"min_severity": "critical"}});
    core.post("/sources/docker/host-1/observations", present(&[strict])).await;
    let mut following = Following::of(&core, PATH).await;
    let pod = following.until("/strict", |_| true).await;
    for findings in [&pod["findings"], &pod["containers"][0]["findings"]] {
        assert_eq!((&findings["critical"], &findings["medium"]), (&json!(1), &json!(0)));
    }
    drop(following);
    core.stop().await;
}

#[tokio::test]
async fn verdicts_are_as_the_settings_say() {
    let mut lax = config();
    lax.verdicts.fail_from = "never".to_owned();
    lax.verdicts.warn_from = "critical".to_owned();
    let core = a_fleet_with(lax).await;
    let mut following = Following::of(&core, PATH).await;
    following.until("/redis", |pod| pod["verdict"] == "unknown").await;
    following.until("/shop-web-1", |pod| pod["verdict"] == "warn").await;
    drop(following);
    core.stop().await;
}

#[tokio::test]
async fn standings_are_of_one_source_and_begin_anew_with_each_connection() {
    let core = a_fleet().await;
    core.post("/sources/docker/host-2/observations", present(&[a_pod("/other", "nginx:1.27", 1)])).await;
    for _ in 0..2 {
        let mut following = Following::of(&core, PATH).await;
        assert_eq!(keys(&following.whole().await), ["/redis", "/shop-web-1", "/shop-web-2"]);
    }
    let mut following = Following::of(&core, "/sources/docker/host-2/standings").await;
    assert_eq!(keys(&following.whole().await), ["/other"]);
    core.post("/sources/docker/host-1/observations", present(&[a_pod("/more", "nginx:1.27", 1)])).await;
    core.post("/sources/docker/host-2/observations", present(&[a_pod("/mine", "nginx:1.27", 1)])).await;
    assert_eq!(following.next().await["pod"]["key"], "/mine");
    drop(following);
    core.stop().await;
}

#[tokio::test]
async fn standings_of_a_source_not_known_yet_are_empty_and_go_on() {
    let core = TestCore::start().await;
    let mut following = Following::of(&core, PATH).await;
    assert!(following.whole().await.is_empty());
    core.post("/sources/docker/host-1/observations", present(&[a_pod("/new", "x", 9)])).await;
    let pod = following.until("/new", |_| true).await;
    assert_eq!((&pod["verdict"], &pod["findings"]), (&json!("unknown"), &Value::Null));
    drop(following);
    core.stop().await;
}

#[tokio::test]
async fn standings_name_images_that_a_source_lists() {
    let core = a_fleet().await;
    let listed = |n: u8| {
        let image = json!({"digest": digest(n), "references": ["registry.test/stream:1"]});
        json!({"observations": [{"type": "image_present", "image": image}]})
    };
    assert_eq!(core.post("/sources/docker/host-1/observations", listed(7)).await.status, 200);
    let mut following = Following::of(&core, PATH).await;
    let whole = following.whole().await;
    let image = &whole.last().unwrap()["image"];
    assert_eq!((&image["digest"], &image["state"]), (&json!(digest(7)), &json!("queued")));
    // The image of another's pods, known for long.
    assert_eq!(core.post("/sources/docker/host-1/observations", listed(1)).await.status, 200);
    loop {
        let line = following.next().await;
        if line["image"]["digest"] == digest(1) {
            assert_eq!(
                (&line["image"]["verdict"], &line["image"]["state"]),
                (&json!("fail"), &json!("scanned"))
            );
            break;
        }
    }
    drop(following);
    core.stop().await;
}

#[tokio::test]
async fn findings_of_an_image_are_told_to_sources_that_have_it_only() {
    let core = a_fleet().await;
    core.post("/sources/docker/host-2/observations", present(&[a_pod("/other", "x", 9)])).await;
    let path = |host: &str, n: u8| format!("/sources/docker/{host}/images/{}/findings", digest(n));
    let told = core.get(&format!("{}?severity=critical", path("host-1", 1))).await;
    assert_eq!((told.status, &told.json()["items"][0]["id"]), (200, &json!("CVE-2099-0001")));
    for (host, n) in [("host-2", 1), ("host-1", 9), ("host-1", 8)] {
        assert_eq!(core.get(&path(host, n)).await.status, 404, "{host} {n}");
    }
    assert_eq!(core.get(&format!("{}?severity=awful", path("host-1", 1))).await.status, 400);
    core.stop().await;
}

#[tokio::test]
async fn standings_are_for_perceivers_only() {
    let core = TestCore::guarded(Role::Reader).await;
    let findings = format!("/sources/docker/host-1/images/{}/findings", digest(1));
    for path in [PATH, &findings] {
        assert_eq!(core.get(path).await.status, 403);
    }
    core.stop().await;
    let core = TestCore::guarded(Role::Perceiver).await;
    let mut following = Following::of(&core, PATH).await;
    assert!(following.whole().await.is_empty());
    drop(following);
    core.stop().await;
}

#[tokio::test]
async fn standings_end_when_the_core_does() {
    let core = TestCore::start().await;
    let mut following = Following::of(&core, PATH).await;
    following.whole().await;
    let (_, rest) =
        tokio::join!(core.stop(), async { while let Ok(Some(_)) = following.answer.chunk().await {} });
    assert_eq!(rest, ());
}
