//! A restart: whatever was acknowledged is there again.

use crate::harness::{TestCore, a_pod, digest, present, scan_one};
use api_chassis::clock::ManualClock;
use serde_json::{Value, json};

#[tokio::test]
async fn core_restarted_on_its_data_folder_finds_everything() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
    let core = TestCore::on_disk(folder.path(), &clock).await;
    let pods = [a_pod("/web", "nginx:1.27", 1), a_pod("/redis", "redis:7", 2), a_pod("/api", "api:1", 3)];
    core.post("/sources/docker/host-1/observations", present(&pods)).await;
    core.advise().await;
    scan_one(&core).await;
    let lease = core.post("/leases", json!({"scanner": "scanner-1"})).await.json();
    let before = everything(&core).await;
    core.stop().await;

    let core = TestCore::on_disk(folder.path(), &clock).await;
    core.settle().await;
    core.advise().await;
    let after = everything(&core).await;
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after);
    }
    let renewal = core.post(&format!("/leases/{}/renew", lease["id"].as_str().unwrap()), json!({})).await;
    assert_eq!(renewal.status, 200, "{renewal}");
    core.stop().await;
}

#[tokio::test]
async fn two_cores_on_one_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::at("2026-01-01T00:00:00Z".parse().unwrap());
    let core = TestCore::on_disk(folder.path(), &clock).await;
    let config = core_server::Config { data_dir: folder.path().to_owned(), ..crate::harness::config() };
    let second = core_server::App::build(config, core_server::Surroundings::default());
    assert!(matches!(second.map(drop), Err(core_server::StartError::Store(_))));
    core.stop().await;
}

async fn everything(core: &TestCore) -> Vec<Value> {
    let mut all = Vec::new();
    let image = format!("/images/{}", digest(1));
    for path in [
        "/sources".to_owned(),
        "/scanners".to_owned(),
        "/pods".to_owned(),
        "/images".to_owned(),
        "/packages".to_owned(),
        "/findings".to_owned(),
        "/queue".to_owned(),
        "/summary".to_owned(),
        image.clone(),
        format!("{image}/packages"),
        format!("{image}/findings"),
        format!("{image}/sbom"),
    ] {
        let told = core.get(&path).await;
        assert_eq!(told.status, 200, "{path}: {told}");
        all.push(told.json());
    }
    all
}
