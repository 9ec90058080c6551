//! Tests of annotating against a scripted API server and a scripted core on loopback.

use super::*;
use crate::stage::a_term;
use api_client::fake::{Answer, FakeCore, Feed};
use api_vocab::Verdict;
use api_wire::summary::SeverityCounts;
use perceiver_kit::fake::Tasks;
use perceiver_kubernetes::config::WatchSettings;
use perceiver_kubernetes::fake_api::{FakeApi, Mood};
use quality::{DENY, Style};
use serde_json::{Value, json};
use tokio::sync::watch;

const IMAGES: &str = "/apis/image.openshift.io/v1/images";

fn digest(n: u8) -> Digest {
    Digest::sha256([n; 32])
}

fn path(n: u8) -> String {
    format!("{IMAGES}/{}", digest(n))
}

/// A cluster with Images 1 and 2, a core that says how they stand, and an annotator.
struct Stage {
    api: FakeApi,
    feed: Feed,
    core: FakeCore,
    notices: mpsc::UnboundedSender<Notice>,
    tasks: Tasks,
}

impl Stage {
    async fn set() -> Self {
        let api = FakeApi::start().await;
        for n in [1, 2] {
            api.put(IMAGES, json!({ "metadata": { "name": digest(n).to_string(), "uid": n.to_string() } }));
        }
        Stage::on(api, quality()).await
    }

    /// A perceiver that starts on what `api` has.
    async fn on(api: FakeApi, ours: Ours) -> Self {
        let feed = Feed::default();
        let answer = Answer::Feed(feed.clone());
        let core = FakeCore::start(move |_| answer.clone()).await.unwrap();
        let (_, watched) = watch::channel(WatchSettings::default());
        let mut tasks = Tasks::default();
        let (term, _) = a_term(&api, &core, watched, &tasks.shutdown);
        let (notices, told) = mpsc::unbounded_channel();
        let annotator = Annotator::new(&term, ours, told, OpenShiftMetrics::default());
        tasks.run(|_| annotator.run());
        let stage = Stage { api, feed, core, notices, tasks };
        stage.see(1);
        stage.see(2);
        stage
    }

    /// What the watch would tell of an Image as it is now.
    fn see(&self, n: u8) {
        let image: SlimImage = serde_json::from_value(self.api.object(&path(n)).unwrap()).unwrap();
        self.notices.send(Notice::Image(digest(n), Some(present(&image)))).unwrap();
        self.notices.send(Notice::Listed(digest(n), true)).unwrap();
    }

    fn say(&self, n: u8, verdict: Verdict, critical: u64) {
        let findings = Some(SeverityCounts { critical, ..SeverityCounts::default() });
        let image =
            ImageStanding { digest: digest(n), verdict, state: "scanned".into(), findings, scanned_at: None };
        self.feed.say(&StandingLine::Image { image });
    }

    async fn until(&self, n: u8, done: impl Fn(&Value) -> bool) {
        let done = |api: &FakeApi| done(&api.object(&path(n)).unwrap()["metadata"]["annotations"]);
        assert!(self.api.until(done).await, "{}", self.api.object(&path(n)).unwrap());
    }

    async fn end(mut self) -> FakeApi {
        self.tasks.end().await;
        self.api
    }
}

fn quality() -> Ours {
    Ours::Quality(Style::new("perceptor", "https://core", true).unwrap())
}

fn says(annotations: &Value, kind: &str, text: &str) -> bool {
    let value = &annotations[format!("quality.images.openshift.io/{kind}.perceptor")];
    value.as_str().is_some_and(|value| value.contains(text))
}

#[tokio::test]
async fn image_is_annotated_denied_and_let_go_as_it_stands() {
    let stage = Stage::set().await;
    stage.say(1, Verdict::Fail, 3);
    stage.until(1, |on| says(on, "vulnerability", "\"data\":\"3\"") && on[DENY] == "true").await;
    stage.say(1, Verdict::Warn, 0);
    stage.until(1, |on| says(on, "policy", "\"compliant\":true") && on[DENY].is_null()).await;
    assert!(stage.api.object(&path(2)).unwrap()["metadata"]["annotations"].is_null());
    stage.end().await;
}

#[tokio::test]
async fn second_start_writes_nothing_that_is_right_already() {
    let stage = Stage::set().await;
    stage.say(1, Verdict::Fail, 3);
    stage.until(1, |on| on[DENY] == "true").await;
    let api = stage.end().await;
    let version = api.object(&path(1)).unwrap()["metadata"]["resourceVersion"].clone();
    let stage = Stage::on(api, quality()).await;
    stage.say(1, Verdict::Fail, 3);
    stage.say(2, Verdict::Pass, 0);
    stage.until(2, |on| says(on, "policy", "pass")).await;
    assert_eq!(stage.api.object(&path(1)).unwrap()["metadata"]["resourceVersion"], version);
    assert_eq!(stage.api.asked(&format!("PATCH {}", path(1))), 1);
    stage.end().await;
}

#[tokio::test]
async fn what_was_annotated_is_taken_away_and_nothing_of_others() {
    let stage = Stage::set().await;
    stage.say(1, Verdict::Fail, 3);
    stage.until(1, |on| on[DENY] == "true").await;
    let api = stage.end().await;
    let mut image = api.object(&path(1)).unwrap();
    image["metadata"]["annotations"]["team"] = json!("shop");
    api.put(IMAGES, image);
    let before = api.asked("PATCH");
    let stage = Stage::on(api, Ours::Nothing).await;
    stage.until(1, |on| *on == json!({ "team": "shop" })).await;
    assert_eq!(stage.api.asked("PATCH"), before + 1, "the other Image bore nothing");
    assert!(stage.core.asked().is_empty(), "how images stand does not matter");
    stage.end().await;
}

#[tokio::test]
async fn annotation_that_somebody_else_owns_is_left_to_them() {
    let stage = Stage::set().await;
    let fields = json!({ "f:metadata": { "f:annotations": { format!("f:{DENY}"): {} } } });
    let managers = json!([{ "manager": "oc", "operation": "Update", "fieldsV1": fields }]);
    let name = digest(1).to_string();
    stage.api.put(
        IMAGES,
        json!({ "metadata": { "name": name, "uid": "1", "annotations": { DENY: "false" }, "managedFields": managers } }),
    );
    stage.see(1);
    stage.say(1, Verdict::Fail, 3);
    let patch = format!("PATCH {}", path(1));
    assert!(stage.api.until(|api| api.asked(&patch) == 1).await);
    stage.see(1);
    stage.say(1, Verdict::Fail, 3);
    stage.say(2, Verdict::Pass, 0);
    stage.until(2, |on| says(on, "policy", "pass")).await;
    assert_eq!(stage.api.asked(&patch), 1, "not tried again before it is something else");
    assert_eq!(stage.api.object(&path(1)).unwrap()["metadata"]["annotations"], json!({ DENY: "false" }));
    stage.end().await;
}

#[tokio::test]
async fn image_that_is_another_one_by_now_is_not_touched() {
    let stage = Stage::set().await;
    stage.api.put(IMAGES, json!({ "metadata": { "name": digest(1).to_string(), "uid": "other" } }));
    stage.say(1, Verdict::Fail, 3);
    assert!(stage.api.until(|api| api.asked(&format!("PATCH {}", path(1))) == 1).await);
    assert!(stage.api.object(&path(1)).unwrap()["metadata"]["annotations"].is_null());
    stage.end().await;
}

#[tokio::test]
async fn server_that_is_too_busy_is_asked_again() {
    let stage = Stage::set().await;
    stage.api.mood(&path(1), Some(Mood::Busy));
    stage.say(1, Verdict::Fail, 3);
    let patch = format!("PATCH {}", path(1));
    assert!(stage.api.until(|api| api.asked(&patch) >= 1).await);
    stage.api.mood(&path(1), None);
    stage.until(1, |on| on[DENY] == "true").await;
    stage.end().await;
}

#[tokio::test]
async fn annotator_that_may_not_write_does_not_storm_the_server() {
    let stage = Stage::set().await;
    stage.api.mood(&path(1), Some(Mood::Forbidden));
    stage.say(1, Verdict::Fail, 3);
    assert!(stage.api.until(|api| api.asked("PATCH") == 1).await);
    stage.say(2, Verdict::Fail, 3);
    let waited =
        tokio::time::timeout(Duration::from_millis(200), stage.api.until(|api| api.asked("PATCH") > 1));
    assert!(waited.await.is_err(), "the server was asked again");
    stage.end().await;
}
