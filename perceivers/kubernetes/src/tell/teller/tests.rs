//! Tests of the teller between a scripted core and a scripted API server on loopback.

use super::*;
use crate::config::{OwnerSettings, WatchSettings};
use crate::fake_api::{FakeApi, Mood, pod};
use crate::metrics::KubernetesMetrics;
use crate::owners::KubeReader;
use crate::tell::KeySet;
use crate::tell::stand::tests::{container, counts, hex};
use crate::watch::{Signs, Watch};
use api_chassis::clock::SystemClock;
use api_chassis::health::Readiness;
use api_client::fake::{Answer, FakeCore, Request};
use api_vocab::{Severity, Verdict};
use api_wire::observation::ObservationOutcome;
use api_wire::standing::PodStanding;
use perceiver_kit::Sender;
use perceiver_kit::fake::{Tasks, at_once};
use wildmatch::WildMatch;

const PODS: &str = "/api/v1/pods";
const WEB: &str = "/api/v1/namespaces/shop/pods/web-1";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/shop/deployments/web";
const SCANS: &str = "/apis/stas.statnett.no/v1alpha1/namespaces/shop/containerimagescans/";

/// A cluster with a pod of a Deployment, and a core that knows how it stands.
struct Stage {
    api: FakeApi,
    core: FakeCore,
    tasks: Tasks,
}

impl Stage {
    async fn set() -> Self {
        let api = FakeApi::start().await;
        api.put("/api/v1/namespaces", json!({ "metadata": { "name": "shop" } }));
        let mut web = pod("shop/web-1", Some(("apps/v1", "Deployment", "web")));
        web["status"] = json!({ "phase": "Running", "containerStatuses": [
            { "name": "c", "imageID": format!("docker.io/library/nginx@sha256:{}", hex(1)) }] });
        api.put(PODS, web);
        let deployment = json!({ "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "web", "namespace": "shop", "uid": "web" } });
        api.put("/apis/apps/v1/deployments", deployment);
        let core = FakeCore::start(answer).await.unwrap();
        Stage { api, core, tasks: Tasks::default() }
    }

    fn begin(&mut self, settings: TellSettings) {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let source: SourceId = "kubernetes/test".parse().unwrap();
        let core = self.core.client().unwrap();
        let sender = Sender::new(core.clone(), source.clone(), at_once(), Arc::clone(&clock));
        let reader = Arc::new(KubeReader::new(self.api.client(), vec![WildMatch::new("*")]));
        let metrics = KubernetesMetrics::default();
        let writer = Writer::new(self.api.client(), reader, settings.writes_per_second, metrics.clone());
        let writer = Arc::new(writer);
        let teller = Teller::new(
            core,
            source,
            settings,
            writer,
            (Arc::clone(&clock), metrics.clone()),
            "me".to_owned(),
        );
        let seen = Readiness::default().latch("platform", "not seen yet");
        let (_, watched) = tokio::sync::watch::channel(WatchSettings::default());
        let owners = OwnerSettings::default();
        let watch =
            Watch::new(self.api.client(), watched, owners, sender.sight(), clock, Signs { metrics, seen })
                .telling(Some(teller.telling()));
        self.tasks.run(|shutdown| watch.run(shutdown));
        self.tasks.run(|shutdown| sender.run(shutdown));
        self.tasks.run(|shutdown| teller.run(shutdown));
    }

    /// Everything ends, and can begin again.
    async fn end(&mut self) {
        self.tasks.end().await;
    }

    /// Wait until the core was asked so many times more how pods stand: what was heard before was
    /// then acted upon.
    async fn hears_again(&self, times: usize) -> bool {
        let asked = |asked: &[Request]| asked.iter().filter(|it| it.path.ends_with("/standings")).count();
        let before = asked(&self.core.asked());
        self.core.until(|now| asked(now) >= before + times).await
    }

    fn verdict(&self, path: &str) -> String {
        let object = self.api.object(path).unwrap();
        object["metadata"]["labels"]["perceptor.dev/verdict"].as_str().unwrap_or_default().to_owned()
    }

    fn scan(&self) -> Option<Value> {
        let name = api_vocab::scan_name(
            "Deployment",
            "web",
            "c",
            "docker.io/library/nginx",
            &format!("sha256:{}", hex(1)),
        );
        self.api.object(&format!("{SCANS}{name}"))
    }
}

fn answer(request: &Request) -> Answer {
    if request.path.ends_with("/standings") {
        let containers = vec![container("c", 1, Some(counts(2, 1)))];
        let findings = Some(counts(2, 1));
        let (key, uid) = ("shop/web-1".to_owned(), "shop/web-1".to_owned());
        let pod = PodStanding { key, uid, verdict: Verdict::Fail, findings, containers };
        let lines = [StandingLine::Pod { pod }, StandingLine::Whole];
        let text: Vec<String> =
            lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect();
        return Answer::Send { status: 200, headers: Vec::new(), body: text.concat().into_bytes() };
    }
    if request.path.ends_with("/findings") {
        let finding = json!({
            "id": "CVE-1", "aliases": [], "severity": "critical", "summary": "bad",
            "package": { "ecosystem": "npm", "name": "lodash", "version": "1" },
            "image": format!("sha256:{}", hex(1)), "references": [], "pods": 1,
        });
        return Answer::json(200, &json!({ "items": [finding] }));
    }
    Answer::json(200, &ObservationOutcome::default())
}

fn everything() -> TellSettings {
    TellSettings {
        marks: Some(vec![KeySet::Perceptor]),
        summaries: true,
        vulnerabilities: Some(Severity::High),
        writes_per_second: 1_000,
        ..TellSettings::default()
    }
}

#[tokio::test]
async fn what_is_told_is_there_and_a_second_start_writes_nothing() {
    let mut stage = Stage::set().await;
    stage.begin(everything());
    let told = stage.api.until(|_| {
        stage.verdict(WEB) == "fail"
            && stage.verdict(DEPLOYMENT) == "fail"
            && stage
                .scan()
                .is_some_and(|scan| scan["status"]["vulnerabilities"][0]["vulnerabilityID"] == "CVE-1")
    });
    assert!(told.await, "{:?}", stage.scan());
    let scan = stage.scan().unwrap();
    assert_eq!(scan["status"]["vulnerabilitySummary"]["severityCount"]["CRITICAL"], 2);
    assert_eq!(scan["status"]["observedGeneration"], 1);
    assert_eq!(scan["metadata"]["ownerReferences"][0]["uid"], "web");
    stage.end().await;

    let before = stage.api.asked("PATCH");
    stage.begin(everything());
    assert!(stage.hears_again(3).await);
    assert_eq!(stage.api.asked("PATCH"), before);
    stage.end().await;
}

#[tokio::test]
async fn nothing_is_touched_that_settings_do_not_name() {
    let mut stage = Stage::set().await;
    stage.begin(TellSettings { events: true, ..TellSettings::default() });
    assert!(stage.hears_again(3).await);
    assert_eq!(
        (stage.api.asked("PATCH"), stage.api.asked("POST"), stage.api.asked("containerimagescans")),
        (0, 0, 0)
    );
    stage.end().await;
}

#[tokio::test]
async fn what_may_not_be_marked_leaves_the_rest_to_be() {
    let mut stage = Stage::set().await;
    stage.api.mood(DEPLOYMENT, Some(Mood::Forbidden));
    stage.begin(everything());
    assert!(stage.api.until(|_| stage.verdict(WEB) == "fail" && stage.scan().is_some()).await);
    stage.end().await;
}

#[tokio::test]
async fn server_that_is_too_busy_gets_it_later() {
    let mut stage = Stage::set().await;
    stage.api.mood(WEB, Some(Mood::Busy));
    stage.begin(everything());
    assert!(stage.api.until(|api| api.asked("PATCH /api/v1/namespaces/shop/pods/web-1") >= 2).await);
    stage.api.mood(WEB, None);
    assert!(stage.api.until(|_| stage.verdict(WEB) == "fail").await);
    stage.end().await;
}
