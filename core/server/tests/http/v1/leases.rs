//! Leases: asked, kept, ended, lost.

use crate::harness::{TestCore, a_pod, a_report, a_scanner, digest, present};
use api_chassis::auth::Role;
use serde_json::json;
use std::time::Duration;

const NOBODYS: &str = "/leases/000000000000000000000000000000ff";

/// A core with one queued image and one registered scanner.
async fn with_work() -> TestCore {
    let core = TestCore::start().await;
    core.post("/sources/docker/host-1/observations", present(&[a_pod("/web", "nginx:1.27", 1)])).await;
    core.put("/scanners/scanner-1", a_scanner()).await;
    core
}

async fn lease(core: &TestCore) -> String {
    let told = core.post("/leases", json!({"scanner": "scanner-1", "holds": [digest(1)]})).await;
    assert_eq!(told.status, 200, "{told}");
    format!("/leases/{}", told.json()["id"].as_str().unwrap())
}

#[tokio::test]
async fn lease_names_image_and_where_it_is() {
    let core = with_work().await;
    insta::assert_snapshot!(core.post("/leases", json!({"scanner": "scanner-1"})).await);
    let none = core.post("/leases", json!({"scanner": "scanner-1"})).await;
    assert_eq!((none.status, none.text.as_str()), (204, ""));
    core.stop().await;
}

#[tokio::test]
async fn lease_waited_for_comes_when_an_image_is_queued() {
    let core = TestCore::start().await;
    core.put("/scanners/scanner-1", a_scanner()).await;
    let asked = core.post("/leases", json!({"scanner": "scanner-1", "wait_seconds": 30}));
    let seen = async {
        // Whichever comes first, the scanner must get its lease at once.
        tokio::task::yield_now().await;
        core.post("/sources/docker/host-1/observations", present(&[a_pod("/web", "nginx", 1)])).await
    };
    let both = tokio::time::timeout(Duration::from_secs(25), async { tokio::join!(asked, seen) });
    let (told, _) = both.await.expect("the scanner was not woken");
    assert_eq!(told.json()["image"], digest(1));
    core.stop().await;
}

#[tokio::test]
async fn lease_asked_wrongly_is_refused() {
    let core = with_work().await;
    insta::assert_snapshot!(core.post("/leases", json!({"scanner": "stranger"})).await);
    insta::assert_snapshot!(core.post("/leases", json!({"scanner": "scanner-1", "wait_seconds": 31})).await);
    insta::assert_snapshot!(core.post("/leases", json!({"scanner": "scanner-1", "holds": ["x"]})).await);
    core.stop().await;
}

#[tokio::test]
async fn lease_renewed_lasts_longer() {
    let core = with_work().await;
    let lease = lease(&core).await;
    core.pass(Duration::from_secs(60)).await;
    insta::assert_snapshot!(core.post(&format!("{lease}/renew"), json!({})).await);
    core.pass(Duration::from_secs(60)).await;
    assert_eq!(core.post(&format!("{lease}/report"), a_report(0xc0)).await.status, 204);
    core.stop().await;
}

#[tokio::test]
async fn lease_expired_report_is_refused() {
    let core = with_work().await;
    let lease = lease(&core).await;
    core.pass(Duration::from_secs(91)).await;
    insta::assert_snapshot!(core.post(&format!("{lease}/report"), a_report(0xc0)).await);
    insta::assert_snapshot!(core.get("/queue").await);
    core.stop().await;
}

#[tokio::test]
async fn lease_that_never_was_is_lost() {
    let core = with_work().await;
    insta::assert_snapshot!(core.post(&format!("{NOBODYS}/renew"), json!({})).await);
    assert_eq!(core.post(&format!("{NOBODYS}/report"), a_report(0xc0)).await.status, 409);
    let failure = json!({"kind": "transient", "message": "x"});
    assert_eq!(core.post(&format!("{NOBODYS}/failure"), failure).await.status, 409);
    let question = json!({"identity": {}, "layers": [], "extractor_set": "set-1"});
    assert_eq!(core.post(&format!("{NOBODYS}/layers"), question).await.status, 409);
    insta::assert_snapshot!(core.post("/leases/xyz/renew", json!({})).await);
    core.stop().await;
}

#[tokio::test]
async fn report_ends_the_lease_and_shows_the_inventory() {
    let core = with_work().await;
    let lease = lease(&core).await;
    assert_eq!(core.post(&format!("{lease}/report"), a_report(0xc0)).await.status, 204);
    assert_eq!(core.post(&format!("{lease}/report"), a_report(0xc0)).await.status, 409);
    core.settle().await;
    insta::assert_snapshot!(core.get(&format!("/images/{}", digest(1))).await);
    core.stop().await;
}

#[tokio::test]
async fn report_with_bad_package_makes_the_image_partial() {
    let core = with_work().await;
    let lease = lease(&core).await;
    let mut report = a_report(0xc0);
    report["inventory"]["packages"][0]["version"] = json!("");
    assert_eq!(core.post(&format!("{lease}/report"), report).await.status, 204);
    insta::assert_snapshot!(core.get(&format!("/images/{}", digest(1))).await.json()["state"]);
    core.stop().await;
}

#[tokio::test]
async fn failure_transient_is_tried_again_and_permanent_is_not() {
    let core = with_work().await;
    let path = format!("{}/failure", lease(&core).await);
    assert_eq!(
        core.post(&path, json!({"kind": "transient", "message": "socket\u{7} gone"})).await.status,
        204
    );
    insta::assert_snapshot!(core.get(&format!("/images/{}", digest(1))).await.json()["state"]);
    core.pass(Duration::from_secs(60)).await;
    let path = format!("{}/failure", lease(&core).await);
    assert_eq!(core.post(&path, json!({"kind": "permanent", "message": "no such image"})).await.status, 204);
    insta::assert_snapshot!(core.get(&format!("/images/{}", digest(1))).await.json()["state"]);
    core.stop().await;
}

#[tokio::test]
async fn image_out_of_one_scanners_reach_is_for_another_before_it_has_failed() {
    let core = TestCore::start().await;
    core.post("/sources/docker/host-1/observations", present(&[a_pod("/web", "nginx:1.27", 1)])).await;
    let mut of_node = a_scanner();
    of_node["registry"] = json!(false);
    core.put("/scanners/on-node", of_node).await;
    let elsewhere = json!({"version": "1.0.0", "extractor_set": "set-1", "max_leases": 4, "registry": true});
    core.put("/scanners/elsewhere", elsewhere).await;
    let state = async || core.get(&format!("/images/{}", digest(1))).await.json()["state"].clone();
    let miss = async |scanner: &str, attempt: u32| {
        let lease = core.post("/leases", json!({"scanner": scanner})).await.json();
        assert_eq!(lease["attempt"], attempt);
        let path = format!("/leases/{}/failure", lease["id"].as_str().unwrap());
        let message = format!("damaged at {scanner}");
        let failure = json!({"kind": "permanent", "message": message, "out_of_reach": true});
        assert_eq!(core.post(&path, failure).await.status, 204);
    };
    miss("on-node", 1).await;
    assert_eq!(state().await["state"], "queued");
    assert_eq!(core.post("/leases", json!({"scanner": "on-node"})).await.status, 204);
    miss("elsewhere", 1).await;
    let state = state().await;
    assert_eq!(state["state"], "unscannable", "{state}");
    assert_eq!(state["reason"], "on-node: damaged at on-node; elsewhere: damaged at elsewhere");
    core.stop().await;
}

#[tokio::test]
async fn leases_are_for_scanners_only() {
    let core = TestCore::guarded(Role::Reader).await;
    let question = json!({"identity": {}, "layers": [], "extractor_set": "set-1"});
    for (path, body) in [
        ("/leases".to_owned(), json!({"scanner": "s"})),
        (format!("{NOBODYS}/renew"), json!({})),
        (format!("{NOBODYS}/layers"), question),
        (format!("{NOBODYS}/report"), a_report(0xc0)),
        (format!("{NOBODYS}/failure"), json!({"kind": "transient", "message": "x"})),
    ] {
        assert_eq!(core.post(&path, body).await.status, 403, "{path}");
    }
    core.stop().await;
}
