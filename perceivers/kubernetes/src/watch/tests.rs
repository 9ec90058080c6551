//! Tests of the watch against a scripted API server on loopback.

use super::*;
use crate::fake_api::{FakeApi, Mood};
use api_chassis::clock::SystemClock;
use api_chassis::health::Readiness;
use api_client::fake::{FakeCore, Request};
use perceiver_kit::Sender;
use perceiver_kit::fake::{Known, Tasks, a_core, at_once};
use serde_json::json;

const PODS: &str = "/api/v1/pods";
const SPACES: &str = "/api/v1/namespaces";
const ACCOUNTS: &str = "/api/v1/serviceaccounts";
const SETS: &str = "/apis/apps/v1/replicasets";
const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";

/// Cluster, watch, sender and core; the core's view is folded from what it was sent.
struct Stage {
    api: FakeApi,
    core: FakeCore,
    settings: watch::Sender<WatchSettings>,
    tasks: Tasks,
}

impl Stage {
    /// A cluster with namespace `shop`, and nothing that watches it yet.
    async fn set() -> Self {
        let api = FakeApi::start().await;
        api.put(SPACES, json!({ "metadata": { "name": "shop", "labels": { "env": "prod" } } }));
        let (settings, _) = watch::channel(WatchSettings::default());
        Stage { api, core: a_core().await, settings, tasks: Tasks::default() }
    }

    fn begin(&mut self) {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let source = "kubernetes/test".parse().unwrap();
        let sender = Sender::new(self.core.client().unwrap(), source, at_once(), Arc::clone(&clock));
        let watch = Watch::new(
            self.api.client(),
            self.settings.subscribe(),
            OwnerSettings::default(),
            sender.sight(),
            clock,
            Signs {
                metrics: KubernetesMetrics::default(),
                seen: Readiness::default().latch("platform", "not seen yet"),
            },
        );
        self.tasks.run(|shutdown| watch.run(shutdown));
        self.tasks.run(|shutdown| sender.run(shutdown));
    }

    /// Wait until the core knows exactly these pods, with these owners.
    async fn core_knows(&self, expected: &[(&str, &str)]) {
        let expected: Vec<(String, String)> =
            expected.iter().map(|(key, owner)| (key.to_string(), owner.to_string())).collect();
        let arrived = self.core.until(|asked| known(asked) == Some(expected.clone())).await;
        assert!(arrived, "expected {expected:?}, the core knows {:?}", known(&self.core.asked()));
    }

    async fn end(mut self) {
        self.tasks.end().await;
    }
}

fn known(asked: &[Request]) -> Option<Vec<(String, String)>> {
    let pods = Known::of(asked)?.pods.into_iter();
    Some(pods.map(|(key, pod)| (key, pod.owner.unwrap_or_default())).collect())
}

fn owned(kind: &str, name: &str, controller: Option<(&str, &str, &str)>) -> serde_json::Value {
    let mut object = crate::fake_api::pod(&format!("shop/{name}"), controller);
    object["metadata"]["uid"] = json!(name);
    object["kind"] = json!(kind);
    object
}

#[tokio::test]
async fn pod_that_starts_or_ends_is_told_by_its_event() {
    let mut stage = Stage::set().await;
    stage.api.run("shop/web", None);
    stage.begin();
    stage.core_knows(&[("shop/web", "pod/web")]).await;
    stage.api.run("shop/db", None);
    stage.core_knows(&[("shop/db", "pod/db"), ("shop/web", "pod/web")]).await;
    stage.api.stop("shop/web");
    stage.core_knows(&[("shop/db", "pod/db")]).await;
    assert_eq!(stage.api.asked("limit="), 0, "this server streams its lists");
    stage.end().await;
}

#[tokio::test]
async fn server_that_knows_only_pages_is_listed_by_pages() {
    let mut stage = Stage::set().await;
    for path in [PODS, SPACES, ACCOUNTS] {
        stage.api.mood(path, Some(Mood::Paged));
    }
    for n in 0..1_001 {
        stage.api.run(&format!("shop/p{n:04}"), None);
    }
    stage.begin();
    let all = stage.core.until(|asked| known(asked).is_some_and(|known| known.len() == 1_001)).await;
    assert!(all);
    assert_eq!(stage.api.asked("GET /api/v1/pods?&limit=100"), 11);
    stage.api.run("shop/late", None);
    assert!(stage.core.until(|asked| known(asked).is_some_and(|known| known.len() == 1_002)).await);
    stage.end().await;
}

#[tokio::test]
async fn owners_are_read_upwards_through_what_the_server_discovers() {
    let mut stage = Stage::set().await;
    let resource = json!({ "name": "shops", "kind": "Shop", "namespaced": true, "singularName": "", "verbs": ["get", "list"] });
    let kinds = json!({ "kind": "APIResourceList", "groupVersion": "example.org/v1", "resources": [resource], "metadata": { "name": "v1" } });
    stage.api.put("/apis/example.org", kinds);
    stage.api.put(SETS, owned("ReplicaSet", "web-1", Some(("apps/v1", "Deployment", "web"))));
    stage.api.put(DEPLOYMENTS, owned("Deployment", "web", Some(("example.org/v1", "Shop", "main"))));
    stage.api.put("/apis/example.org/v1/shops", owned("Shop", "main", None));
    for pod in ["shop/web-1-a", "shop/web-1-b"] {
        stage.api.run(pod, Some(("apps/v1", "ReplicaSet", "web-1")));
    }
    stage.begin();
    stage.core_knows(&[("shop/web-1-a", "shop/main"), ("shop/web-1-b", "shop/main")]).await;
    assert_eq!(stage.api.asked("replicasets/web-1"), 1);
    stage.end().await;
}

#[tokio::test]
async fn kind_that_may_not_be_read_ends_the_way_up() {
    let mut stage = Stage::set().await;
    stage.api.put(SETS, owned("ReplicaSet", "web-1", Some(("apps/v1", "Deployment", "web"))));
    stage.api.mood("/apis/apps/v1/namespaces/shop/deployments/web", Some(Mood::Forbidden));
    stage.api.run("shop/web-1-a", Some(("apps/v1", "ReplicaSet", "web-1")));
    stage.begin();
    stage.core_knows(&[("shop/web-1-a", "deployment/web")]).await;
    stage.end().await;
}

#[tokio::test]
async fn watch_that_is_cut_goes_on_where_it_ended() {
    let mut stage = Stage::set().await;
    stage.api.run("shop/web", None);
    stage.begin();
    stage.core_knows(&[("shop/web", "pod/web")]).await;
    stage.api.cut();
    stage.api.run("shop/db", None);
    stage.core_knows(&[("shop/db", "pod/db"), ("shop/web", "pod/web")]).await;
    assert_eq!(
        stage
            .api
            .asked("/api/v1/pods?&watch=true&timeoutSeconds=240&allowWatchBookmarks=true&sendInitialEvents"),
        1
    );
    stage.end().await;
}

#[tokio::test]
async fn server_that_forgot_what_happened_is_listed_anew() {
    let mut stage = Stage::set().await;
    stage.api.run("shop/web", None);
    stage.api.run("shop/gone", None);
    stage.begin();
    stage.core_knows(&[("shop/gone", "pod/gone"), ("shop/web", "pod/web")]).await;
    stage.api.forget("/api/v1/namespaces/shop/pods/gone");
    stage.api.expire();
    stage.core_knows(&[("shop/web", "pod/web")]).await;
    stage.end().await;
}

#[tokio::test]
async fn server_that_dies_and_comes_back_is_seen_again() {
    let mut stage = Stage::set().await;
    stage.api.run("shop/web", None);
    stage.begin();
    stage.core_knows(&[("shop/web", "pod/web")]).await;
    stage.api.kill().await;
    stage.api.run("shop/db", None);
    stage.api.stop("shop/web");
    stage.api.revive().await;
    stage.core_knows(&[("shop/db", "pod/db")]).await;
    stage.end().await;
}

#[tokio::test]
async fn pods_that_may_not_be_listed_are_not_told_as_none() {
    let mut stage = Stage::set().await;
    stage.api.mood(PODS, Some(Mood::Forbidden));
    stage.api.run("shop/web", None);
    stage.begin();
    assert!(stage.api.until(|api| api.asked("/api/v1/pods") >= 2).await);
    assert!(stage.core.asked().is_empty());
    stage.api.mood(PODS, None);
    stage.core_knows(&[("shop/web", "pod/web")]).await;
    stage.end().await;
}

#[tokio::test]
async fn accounts_and_namespaces_that_may_not_be_listed_are_done_without() {
    let mut stage = Stage::set().await;
    stage.api.mood(ACCOUNTS, Some(Mood::Forbidden));
    stage.api.mood(SPACES, Some(Mood::Forbidden));
    stage.api.run("shop/web", None);
    stage.begin();
    stage.core_knows(&[("shop/web", "pod/web")]).await;
    stage.end().await;
}

#[tokio::test]
async fn server_that_is_too_busy_is_asked_again() {
    let mut stage = Stage::set().await;
    stage.api.mood(PODS, Some(Mood::Busy));
    stage.api.run("shop/web", None);
    stage.begin();
    assert!(stage.api.until(|api| api.asked("/api/v1/pods") >= 2).await);
    stage.api.mood(PODS, None);
    stage.core_knows(&[("shop/web", "pod/web")]).await;
    stage.end().await;
}

#[tokio::test]
async fn settings_changed_at_run_time_make_pods_come_and_go() {
    let mut stage = Stage::set().await;
    stage.api.put(SPACES, json!({ "metadata": { "name": "kube-system" } }));
    stage.api.run("shop/web", None);
    stage.api.run("kube-system/dns", None);
    stage.begin();
    stage.core_knows(&[("kube-system/dns", "pod/dns"), ("shop/web", "pod/web")]).await;
    stage.settings.send_modify(|settings| settings.exclude_namespaces = vec!["kube-*".into()]);
    stage.core_knows(&[("shop/web", "pod/web")]).await;
    stage.settings.send_modify(|settings| *settings = WatchSettings::default());
    stage.core_knows(&[("kube-system/dns", "pod/dns"), ("shop/web", "pod/web")]).await;
    stage.settings.send_modify(|settings| settings.pod_selector = "app=web".into());
    assert!(stage.api.until(|api| api.asked("labelSelector=app%3Dweb") >= 1).await);
    stage.end().await;
}
