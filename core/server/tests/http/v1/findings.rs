//! Findings.

use crate::harness::{TestCore, a_fleet, a_pod, a_report, a_scanner, digest, index_of, present};
use api_chassis::auth::Role;
use serde_json::json;

#[tokio::test]
async fn findings_are_listed_with_what_runs_them() {
    let core = a_fleet().await;
    insta::assert_snapshot!(core.get("/findings").await);
    core.stop().await;
}

#[tokio::test]
async fn findings_filtered_and_sorted_are_those_asked_for() {
    let core = a_fleet().await;
    let (ssl, log4j) = ("CVE-2099-0001", "CVE-2099-0002");
    for (query, expected) in [
        ("severity=critical", vec![ssl]),
        ("severity=medium", vec![ssl, log4j]),
        ("fixable=true", vec![ssl, log4j]),
        ("fixable=false", vec![]),
        ("id=CVE-2099-0002", vec![log4j]),
        ("id=GHSA-xxxx-yyyy-zzzz", vec![log4j]),
        ("package=libssl3", vec![ssl]),
        ("source=docker/host-1", vec![ssl, log4j]),
        ("source=docker/host-2", vec![]),
        ("namespace=prod", vec![]),
        ("owner=compose/shop/web", vec![ssl, log4j]),
        ("sort=severity", vec![log4j, ssl]),
        ("sort=severity&order=desc", vec![ssl, log4j]),
        ("sort=id&order=desc", vec![log4j, ssl]),
        ("sort=package", vec![ssl, log4j]),
    ] {
        for path in ["/findings".to_owned(), format!("/images/{}/findings", digest(1))] {
            let told = core.get(&format!("{path}?{query}")).await.json();
            let ids: Vec<&str> =
                told["items"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap()).collect();
            assert_eq!(ids, expected, "{path}?{query}");
        }
    }
    core.stop().await;
}

#[tokio::test]
async fn findings_page_by_page_follow_each_other() {
    let core = a_fleet().await;
    for query in ["sort=image", "sort=severity&order=desc", "sort=id", "sort=package"] {
        let first = core.get(&format!("/findings?limit=1&{query}")).await.json();
        let cursor = first["next_cursor"].as_str().unwrap();
        let second = core.get(&format!("/findings?limit=1&{query}&cursor={cursor}")).await.json();
        assert_ne!(first["items"][0]["id"], second["items"][0]["id"]);
        assert!(second["next_cursor"].is_null());
    }
    core.stop().await;
}

#[tokio::test]
async fn findings_asked_wrongly_are_invalid() {
    let core = TestCore::start().await;
    insta::assert_snapshot!(core.get("/findings?severity=awful").await);
    insta::assert_snapshot!(core.get("/findings?fixable=perhaps").await);
    insta::assert_snapshot!(core.get("/findings?cve=1").await);
    core.stop().await;
}

#[tokio::test]
async fn findings_of_unknown_image_are_not_found() {
    let core = TestCore::start().await;
    insta::assert_snapshot!(core.get(&format!("/images/{}/findings", digest(9))).await);
    core.stop().await;
}

#[tokio::test]
async fn findings_are_for_readers_only() {
    let core = TestCore::guarded(Role::Scanner).await;
    assert_eq!(core.get("/findings").await.status, 403);
    assert_eq!(core.get(&format!("/images/{}/findings", digest(9))).await.status, 403);
    core.stop().await;
}

#[tokio::test]
async fn advisory_that_cannot_be_compared_is_undecided_wherever_findings_are_counted() {
    let core = TestCore::start().await;
    let pod = a_pod("/shop-web-1", "nginx:1.27", 1);
    core.post("/sources/docker/host-1/observations", present(&[pod])).await;
    let vector = "AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
    core.advise_of(index_of(&[("DEBIAN-X", "X", "Debian:12", "odd", "2-1", vector)])).await;
    core.put("/scanners/scanner-1", a_scanner()).await;
    let lease = core.post("/leases", json!({"scanner": "scanner-1"})).await.json();
    let mut report = a_report(0xc0);
    // An epoch is a number.
    report["inventory"]["packages"][0] = json!({"ecosystem": "Debian:12", "name": "odd", "version": "old:1-2",
        "path": "var/lib/dpkg/status", "extractor": "dpkg"});
    let path = format!("/leases/{}/report", lease["id"].as_str().unwrap());
    assert_eq!(core.post(&path, report).await.status, 204);
    core.settle().await;
    let image = core.get(&format!("/images/{}", digest(1))).await.json();
    let pod = core.get("/pods").await.json()["items"][0].clone();
    for told in [image, pod, core.get("/summary").await.json()] {
        let findings = &told["findings"];
        assert_eq!((&findings["undecided"], &findings["critical"]), (&json!(1), &json!(0)), "{told}");
    }
    let package = core.get("/packages?name=odd").await.json()["items"][0].clone();
    assert_eq!((&package["findings"], &package["undecided"]), (&json!(0), &json!(1)));
    let packages = core.get(&format!("/images/{}/packages", digest(1))).await.json();
    let named: Vec<_> =
        packages["items"].as_array().unwrap().iter().map(|p| &p["undecided_advisories"]).collect();
    assert_eq!(named, [&json!(["DEBIAN-X"]), &json!(null)], "{packages}");
    let metrics = core.get("//metrics").await.text;
    assert!(metrics.contains("perceptor_core_findings_undecided 1"), "{metrics}");
    core.stop().await;
}
