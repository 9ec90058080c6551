//! Tests of the watch against a scripted API server on loopback.

use super::*;
use crate::stage::a_term;
use api_client::fake::{FakeCore, Request};
use api_vocab::Digest;
use api_wire::observation::ObservedImage;
use perceiver_kit::fake::{Known, Tasks, a_core};
use perceiver_kubernetes::config::WatchSettings;
use perceiver_kubernetes::fake_api::{FakeApi, Mood};
use serde_json::json;
use tokio::sync::watch;

const SPACES: &str = "/api/v1/namespaces";
const STREAMS: &str = "/apis/image.openshift.io/v1/imagestreams";
const IMAGES: &str = "/apis/image.openshift.io/v1/images";

fn digest(n: u8) -> Digest {
    Digest::sha256([n; 32])
}

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
        api.put(SPACES, json!({ "metadata": { "name": "shop" } }));
        let (settings, _) = watch::channel(WatchSettings::default());
        Stage { api, core: a_core().await, settings, tasks: Tasks::default() }
    }

    fn serve_images(&self) {
        let kind = |plural: &str, kind: &str, namespaced: bool| json!({ "name": plural, "kind": kind, "namespaced": namespaced, "singularName": "", "verbs": ["list"] });
        let resources = [kind("imagestreams", "ImageStream", true), kind("images", "Image", false)];
        let list = json!({ "kind": "APIResourceList", "groupVersion": "image.openshift.io/v1",
            "resources": resources, "metadata": { "name": "v1" } });
        self.api.put("/apis/image.openshift.io", list);
    }

    fn put_image(&self, n: u8) {
        self.api.put(IMAGES, json!({ "metadata": { "name": digest(n).to_string() } }));
    }

    fn put_stream(&self, key: &str, n: u8) {
        let (namespace, name) = key.split_once('/').unwrap();
        let item = json!({ "image": digest(n).to_string(), "dockerImageReference": format!("r.io/{key}@{}", digest(n)) });
        let status = json!({ "dockerImageRepository": format!("r.svc:5000/{key}"), "tags": [{ "tag": "1", "items": [item] }] });
        self.api
            .put(STREAMS, json!({ "metadata": { "namespace": namespace, "name": name }, "status": status }));
    }

    fn begin(&mut self) {
        let watched = self.settings.subscribe();
        let (term, sender) = a_term(&self.api, &self.core, watched, &self.tasks.shutdown);
        let watch = ImageWatch::new(term, 1, OpenShiftMetrics::default());
        // There are no pods here, and that is known.
        sender.sight().complete();
        let watch = watch.looking_every(Duration::from_millis(10));
        self.tasks.run(|_| watch.run());
        self.tasks.run(|shutdown| sender.run(shutdown));
    }

    /// Wait until the core knows exactly these images, by their first reference.
    async fn core_knows(&self, expected: &[(u8, &str)]) {
        let expected: Vec<(Digest, String)> =
            expected.iter().map(|(n, reference)| (digest(*n), format!("r.svc:5000/{reference}"))).collect();
        let arrived = self.core.until(|asked| known(asked) == Some(expected.clone())).await;
        assert!(arrived, "expected {expected:?}, the core knows {:?}", known(&self.core.asked()));
    }

    async fn end(mut self) {
        self.tasks.end().await;
    }
}

fn known(asked: &[Request]) -> Option<Vec<(Digest, String)>> {
    let first = |image: ObservedImage| image.references.into_iter().next().unwrap_or_default();
    let images = Known::of(asked)?.images.into_iter();
    Some(images.map(|(digest, image)| (digest, first(image))).collect())
}

#[tokio::test]
async fn images_of_streams_are_in_the_first_full_state_and_followed() {
    let mut stage = Stage::set().await;
    stage.serve_images();
    stage.put_image(1);
    stage.put_image(2);
    stage.put_stream("shop/web", 1);
    stage.begin();
    stage.core_knows(&[(1, "shop/web:1")]).await;
    assert_eq!(stage.core.asked().len(), 1, "nothing was told before images were known");
    stage.put_stream("shop/db", 2);
    stage.core_knows(&[(1, "shop/web:1"), (2, "shop/db:1")]).await;
    stage.api.delete("/apis/image.openshift.io/v1/namespaces/shop/imagestreams/web");
    stage.core_knows(&[(2, "shop/db:1")]).await;
    stage.end().await;
}

#[tokio::test]
async fn images_are_listed_by_small_pages_where_lists_are_not_streamed() {
    let mut stage = Stage::set().await;
    stage.serve_images();
    stage.api.mood(IMAGES, Some(Mood::Paged));
    (0..120).for_each(|n| stage.put_image(n));
    stage.put_stream("shop/web", 119);
    stage.begin();
    stage.core_knows(&[(119, "shop/web:1")]).await;
    assert_eq!(stage.api.asked("GET /apis/image.openshift.io/v1/images?&limit=50"), 3);
    stage.end().await;
}

#[tokio::test]
async fn cluster_without_an_image_api_is_told_as_it_is_and_takes_it_up_when_it_comes() {
    let mut stage = Stage::set().await;
    stage.begin();
    stage.core_knows(&[]).await;
    stage.put_image(1);
    stage.put_stream("shop/web", 1);
    stage.serve_images();
    stage.core_knows(&[(1, "shop/web:1")]).await;
    stage.end().await;
}

#[tokio::test]
async fn perceiver_that_may_not_read_images_tells_what_streams_name() {
    let mut stage = Stage::set().await;
    stage.serve_images();
    stage.api.mood(IMAGES, Some(Mood::Forbidden));
    stage.put_stream("shop/web", 1);
    stage.begin();
    stage.core_knows(&[(1, "shop/web:1")]).await;
    stage.end().await;
}

#[tokio::test]
async fn filters_changed_at_run_time_hold_for_streams_too() {
    let mut stage = Stage::set().await;
    stage.serve_images();
    stage.put_image(1);
    stage.put_stream("shop/web", 1);
    stage.begin();
    stage.core_knows(&[(1, "shop/web:1")]).await;
    stage.settings.send_modify(|settings| settings.exclude_namespaces = vec!["sh*".into()]);
    stage.core_knows(&[]).await;
    stage.settings.send_modify(|settings| *settings = WatchSettings::default());
    stage.core_knows(&[(1, "shop/web:1")]).await;
    stage.end().await;
}

#[tokio::test]
async fn server_that_dies_makes_nobody_forget_images() {
    let mut stage = Stage::set().await;
    stage.serve_images();
    stage.put_image(1);
    stage.put_image(2);
    stage.put_stream("shop/web", 1);
    stage.begin();
    stage.core_knows(&[(1, "shop/web:1")]).await;
    stage.api.kill().await;
    stage.put_stream("shop/db", 2);
    stage.api.revive().await;
    stage.core_knows(&[(1, "shop/web:1"), (2, "shop/db:1")]).await;
    let unlisted = |request: &Request| String::from_utf8_lossy(&request.body).contains("image_gone");
    assert!(!stage.core.asked().iter().any(unlisted));
    stage.end().await;
}
