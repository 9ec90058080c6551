//! Queries: whatever is wrong with one, the answer names the key and what would be right.

use crate::harness::{TestCore, a_fleet_with, config, digest};

/// Keys with a value that cannot be: path, key, value, what the answer says would be right.
const WRONG: &[(&str, &str, &str, &str)] = &[
    ("/findings", "severity", "awful", "critical"),
    ("/findings", "fixable", "perhaps", "`true` or `false`"),
    ("/findings", "source", "nowhere", "kind/name"),
    ("/findings", "owner", "nobody", "kind/name"),
    ("/findings", "sort", "colour", "`image`"),
    ("/findings", "order", "up", "`asc` or `desc`"),
    ("/findings", "cursor", "zz", "from the page before"),
    ("/findings", "limit", "ten", "a whole number"),
    ("/findings", "limit", "-1", "a whole number"),
    ("/findings", "limit", "4294967296", "a whole number"),
    ("/findings", "limit", "0", "between 1 and 1000"),
    ("/findings", "limit", "", "a whole number"),
    ("/findings", "colour", "red", "expected one of `severity`"),
    ("/images", "state", "asleep", "queued"),
    ("/images", "severity", "awful", "critical"),
    ("/images", "source", "nowhere", "kind/name"),
    ("/images", "owner", "nobody", "kind/name"),
    ("/images", "sort", "colour", "`digest`"),
    ("/images", "limit", "1.5", "a whole number"),
    ("/queue", "state", "asleep", "queued"),
    ("/pods", "source", "nowhere", "kind/name"),
    ("/pods", "owner", "nobody", "kind/name"),
    ("/pods", "image", "nginx", "sha256:"),
    ("/pods", "public", "1", "`true` or `false`"),
    ("/pods", "sort", "colour", "`key`"),
    ("/pods", "limit", "ten", "a whole number"),
    ("/packages", "ecosystem", "Nope", "PyPI"),
    ("/packages", "version", ",,", "<2.17.1"),
    ("/packages", "sort", "colour", "`name`"),
    ("/packages", "limit", "ten", "a whole number"),
    ("/packages/places", "version", ",,", "<2.17.1"),
    ("/packages/places", "sort", "images", "leave sort out"),
    ("/sources", "kind", "vmware", "kubernetes"),
    ("/sources", "health", "fine", "`fresh` or `stale`"),
    ("/sources", "sort", "colour", "`id`"),
    ("/sources", "limit", "ten", "a whole number"),
    ("/scanners", "sort", "colour", "`name`"),
    ("/scanners", "limit", "ten", "a whole number"),
    ("/events", "after", "yesterday", "a whole number"),
    ("//metrics/workloads", "source", "nowhere", "kind/name"),
];

#[tokio::test]
async fn query_wrong_in_any_key_names_it_and_what_would_be_right() {
    let mut config = config();
    config.workload_metrics.pod_issues = true;
    let core = a_fleet_with(config).await;
    for (path, key, value, right) in WRONG {
        check(&core, &format!("{path}?{key}={value}"), key, right).await;
    }
    let image = format!("/images/{}", digest(1));
    for (path, key, value, right) in [
        ("findings", "fixable", "perhaps", "`true` or `false`"),
        ("packages", "limit", "ten", "a whole number"),
        ("sbom", "format", "word", "`cyclonedx` or `spdx`"),
    ] {
        check(&core, &format!("{image}/{path}?{key}={value}"), key, right).await;
    }
    check(&core, "/pods?limit=1&limit=2", "limit", "duplicate").await;
    core.stop().await;
}

async fn check(core: &TestCore, asked: &str, key: &str, right: &str) {
    let told = core.get(asked).await;
    let error = told.json()["error"].clone();
    let message = error["message"].as_str().unwrap();
    assert_eq!((told.status, &error["code"]), (400, &"invalid".into()), "{asked}: {told}");
    assert!(message.contains(key) && message.contains(right), "{asked}: {message}");
}
