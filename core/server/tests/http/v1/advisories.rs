//! Advisories: the revision, and looking for another one.

use crate::harness::{TestCore, a_fleet, digest};
use api_chassis::auth::Role;
use core_advisories::{Imported, IndexBuilder};
use core_server::Config;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn revision_says_what_findings_come_from() {
    let core = a_fleet().await;
    insta::assert_snapshot!(core.get("/advisories").await);
    core.stop().await;
}

#[tokio::test]
async fn whatever_shows_findings_says_which_advisories_they_come_from() {
    let core = a_fleet().await;
    let mut set = core.get("/advisories").await.json();
    set.as_object_mut().unwrap().remove("ecosystems");
    assert_eq!(set["newest"], "2025-06-02T00:00:00.000Z");
    let image = format!("/images/{}", digest(1));
    for path in ["/findings", "/images", "/queue", "/pods", "/packages", &image] {
        assert_eq!(core.get(path).await.json()["advisories"], set, "{path}");
    }
    for path in [format!("{image}/findings"), format!("{image}/packages")] {
        assert_eq!(core.get(&path).await.json()["advisories"], set, "{path}");
    }
    let of_source = format!("/sources/docker/host-1{image}/findings");
    assert_eq!(core.get(&of_source).await.json()["advisories"], set);
    assert_eq!(core.post(&format!("{image}/rescan"), json!({})).await.json()["advisories"], set);
    for path in ["/sources", "/scanners", "/packages/places?name=libssl3"] {
        let told = core.get(path).await.json();
        assert!(told["items"].is_array() && told.get("advisories").is_none(), "{path}: {told}");
    }
    core.stop().await;
}

#[tokio::test]
async fn image_is_the_same_answer_until_other_advisories_are_in_force() {
    let core = a_fleet().await;
    let path = format!("/images/{}", digest(2));
    let tag = core.get(&path).await.etag.unwrap();
    core.clock.advance(Duration::from_secs(86_400));
    assert_eq!(core.get_unless(&path, &tag).await.status, 304);
    core.advise_of(IndexBuilder::new("test").build(api_vocab::Timestamp::from_millis(0)).unwrap()).await;
    assert_eq!(core.get_unless(&path, &tag).await.status, 200);
    core.stop().await;
}

#[tokio::test]
async fn revision_without_the_advisory_takes_its_finding_away() {
    let core = a_fleet().await;
    let nothing = IndexBuilder::new("test").build(api_vocab::Timestamp::from_millis(0)).unwrap();
    core.running.core().matcher.bring_into_force(nothing).await;
    let findings = core.get("/findings").await.json();
    assert_eq!(findings["items"].as_array().unwrap().len(), 0);
    let image = core.get(&format!("/images/{}", digest(1))).await.json();
    assert_eq!(image["findings"]["critical"], 0);
    core.stop().await;
}

#[tokio::test]
async fn look_without_origin_is_refused() {
    let core = TestCore::start().await;
    insta::assert_snapshot!(core.post("/advisories", json!({})).await);
    core.stop().await;
}

#[tokio::test]
async fn look_brings_advisories_of_a_folder_into_force() {
    let (data, feed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::create_dir(feed.path().join("Debian")).unwrap();
    write_zip(&feed.path().join("Debian/all.zip"));
    let mut config = Config { data_dir: data.path().to_owned(), ..crate::harness::config() };
    config.advisories.origin = format!("file://{}", feed.path().display());
    config.advisories.ecosystems = vec!["Debian".to_owned()];
    let core = TestCore::with(config).await;
    let mut events = core.request(reqwest::Method::GET, "/events?after=0").send().await.unwrap();
    assert_eq!(core.post("/advisories", json!({})).await.status, 202);
    let wait = async {
        while core.get("/advisories").await.json()["advisories"] != 1 {
            let _ = events.chunk().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("not imported");
    drop(events);
    core.stop().await;
}

#[tokio::test]
async fn advisories_are_read_by_readers_and_looked_for_by_admins() {
    let core = TestCore::guarded(Role::Reader).await;
    assert_eq!(core.get("/advisories").await.status, 200);
    assert_eq!(core.get("/advisories?x=1").await.status, 400);
    assert_eq!(core.post("/advisories", json!({})).await.status, 403);
    core.stop().await;
    let core = TestCore::guarded(Role::Scanner).await;
    assert_eq!(core.get("/advisories").await.status, 403);
    core.stop().await;
}

/// A zip of one stored record.
fn write_zip(path: &std::path::Path) {
    let record = json!({
        "id": "DSA-1-1", "modified": "2025-06-02T00:00:00Z", "summary": "x",
        "affected": [{"package": {"ecosystem": "Debian:12", "name": "openssl"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}],
    });
    let mut imported = Imported::default();
    IndexBuilder::new("x").import_record("x", record.to_string().as_bytes(), &mut imported);
    assert_eq!(imported.broken, 0);
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    zip.start_file("DSA-1-1.json", zip::write::SimpleFileOptions::default()).unwrap();
    std::io::Write::write_all(&mut zip, record.to_string().as_bytes()).unwrap();
    zip.finish().unwrap();
}
