//! Layers: asked about, handed over, handed on.

use crate::harness::{TestCore, a_pod, a_scanner, digest, present};
use api_chassis::auth::Role;
use serde_json::{Value, json};

fn a_layer(byte: u8) -> Value {
    json!({
        "diff_id": digest(byte),
        "files": [{"path": "app/package.json", "extractor": "node", "packages": [
            {"ecosystem": "npm", "name": "left-pad", "version": "1.3.0"}]}],
        "shadows": "00000000000000aa",
    })
}

/// A core, and two leases.
async fn with_leases() -> (TestCore, String, String) {
    let core = TestCore::start().await;
    let pods = [a_pod("/web", "nginx", 1), a_pod("/api", "python", 2)];
    core.post("/sources/docker/host-1/observations", present(&pods)).await;
    core.put("/scanners/scanner-1", a_scanner()).await;
    let mut leases = Vec::new();
    for _ in 0..2 {
        let lease = core.post("/leases", json!({"scanner": "scanner-1"})).await.json();
        leases.push(format!("/leases/{}", lease["id"].as_str().unwrap()));
    }
    let second = leases.pop().unwrap();
    (core, leases.pop().unwrap(), second)
}

fn question(config: u8) -> Value {
    json!({"identity": {"config": digest(config)}, "layers": [digest(0xa1), digest(0xa2)], "extractor_set": "set-1"})
}

#[tokio::test]
async fn layers_unknown_are_granted_once_and_then_known() {
    let (core, first, second) = with_leases().await;
    insta::assert_snapshot!(core.post(&format!("{first}/layers"), question(0xc1)).await);
    insta::assert_snapshot!(core.post(&format!("{second}/layers"), question(0xc2)).await);
    let path = format!("{first}/layers/{}", digest(0xa1));
    let told = core.put(&path, a_layer(0xa1)).await;
    assert_eq!(told.status, 204, "{told}");
    insta::assert_snapshot!(core.post(&format!("{second}/layers"), question(0xc2)).await);
    insta::assert_snapshot!(core.get(&format!("/layers/{}", digest(0xa1))).await);
    let other = core.get(&format!("/layers/{}?extractor_set=set-9", digest(0xa1))).await;
    assert_eq!(other.status, 404);
    core.stop().await;
}

#[tokio::test]
async fn layer_handed_over_wrongly_is_refused() {
    let (core, first, _) = with_leases().await;
    let path = format!("{first}/layers/{}", digest(0xa1));
    insta::assert_snapshot!(core.put(&path, a_layer(0xa2)).await);
    insta::assert_snapshot!(core.put(&path, json!({"diff_id": digest(0xa1)})).await);
    insta::assert_snapshot!(core.put(&format!("{first}/layers/xyz"), a_layer(0xa1)).await);
    let lost = format!("/leases/000000000000000000000000000000ff/layers/{}", digest(0xa1));
    insta::assert_snapshot!(core.put(&lost, a_layer(0xa1)).await);
    core.stop().await;
}

#[tokio::test]
async fn layer_unknown_is_not_found() {
    let core = TestCore::start().await;
    insta::assert_snapshot!(core.get(&format!("/layers/{}?extractor_set=set-1", digest(0xa1))).await);
    core.stop().await;
}

#[tokio::test]
async fn layers_are_for_scanners_only() {
    let core = TestCore::guarded(Role::Perceiver).await;
    assert_eq!(core.get(&format!("/layers/{}", digest(0xa1))).await.status, 403);
    let path = format!("/leases/000000000000000000000000000000ff/layers/{}", digest(0xa1));
    assert_eq!(core.put(&path, a_layer(0xa1)).await.status, 403);
    core.stop().await;
}
