//! Tests of the sender against the scripted core.

use super::*;
use api_chassis::clock::SystemClock;
use api_client::fake::{Answer, FakeCore, Request};
use api_vocab::PodPhase;

fn pod(name: &str, uid: &str) -> ObservedPod {
    ObservedPod {
        key: format!("/{name}"),
        uid: uid.to_owned(),
        node: None,
        platform: None,
        owner: None,
        phase: PodPhase::Running,
        started_at: None,
        labels: Default::default(),
        context: Default::default(),
        containers: Vec::new(),
    }
}

struct Running {
    core: FakeCore,
    sight: Sight,
    shutdown: Shutdown,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start() -> Self {
        let core = FakeCore::start(|_| Answer::json(200, &ObservationOutcome::default())).await.unwrap();
        let settings = SendSettings { max_delay_ms: 1, ..SendSettings::default() };
        let source = "docker/host-1".parse().unwrap();
        let sender = Sender::new(core.client().unwrap(), source, settings, Arc::new(SystemClock));
        let (sight, shutdown) = (sender.sight(), Shutdown::new());
        let task = tokio::spawn(sender.run(shutdown.clone()));
        Running { core, sight, shutdown, task }
    }

    async fn stop(self) -> Vec<Request> {
        self.shutdown.begin();
        self.task.await.unwrap();
        self.core.asked()
    }
}

fn states(asked: &[Request]) -> Vec<Vec<ObservedPod>> {
    asked.iter().filter(|r| r.method == "PUT").map(|r| r.lines().unwrap()).collect()
}

fn batches(asked: &[Request]) -> Vec<ObservationBatch> {
    asked.iter().filter(|r| r.method == "POST").map(|r| r.json().unwrap()).collect()
}

#[tokio::test]
async fn perceiver_sends_its_list_first_and_then_what_changes() {
    let running = Running::start().await;
    running.sight.replace([pod("a", "1"), pod("b", "1")]);
    assert!(running.core.until(|asked| states(asked).len() == 1).await);
    running.sight.lose("/a");
    assert!(running.core.until(|asked| batches(asked).len() == 1).await);
    let asked = running.stop().await;
    assert_eq!(states(&asked), [[pod("a", "1"), pod("b", "1")]]);
    assert_eq!(batches(&asked)[0].observations, [Observation::PodGone { key: "/a".into() }]);
}

#[tokio::test]
async fn core_back_after_an_outage_is_sent_the_full_state_as_it_is_then() {
    let running = Running::start().await;
    running.sight.replace([pod("a", "1")]);
    assert!(running.core.until(|asked| states(asked).len() == 1).await);
    running.core.answer_by(|_| Answer::refusal(503, "unavailable", "starting"));
    running.sight.see(pod("b", "1"));
    assert!(running.core.until(|asked| batches(asked).len() == 1).await);
    running.sight.see(pod("c", "1"));
    running.core.answer_by(|_| Answer::json(200, &ObservationOutcome::default()));
    assert!(running.core.until(|asked| states(asked).len() >= 2).await);
    let asked = running.stop().await;
    assert_eq!(states(&asked).pop().unwrap(), [pod("a", "1"), pod("b", "1"), pod("c", "1")]);
}

#[tokio::test]
async fn perceiver_that_ends_says_what_is_left_to_say() {
    let running = Running::start().await;
    running.sight.replace([pod("a", "1")]);
    assert!(running.core.until(|asked| states(asked).len() == 1).await);
    running.shutdown.begin();
    running.sight.lose("/a");
    let asked = running.stop().await;
    assert_eq!(batches(&asked)[0].observations, [Observation::PodGone { key: "/a".into() }]);
}

#[tokio::test]
async fn images_without_pods_are_lines_of_the_full_state() {
    let running = Running::start().await;
    let digest = Digest::sha256([7; 32]);
    let image = ObservedImage { digest, references: vec!["r/a:1".into()], repo_digests: Vec::new() };
    running.sight.await_images();
    running.sight.replace([pod("a", "1")]);
    running.sight.list(image.clone());
    running.sight.complete_images();
    assert!(running.core.until(|asked| !asked.is_empty()).await);
    let lines: Vec<serde_json::Value> = running.stop().await[0].lines().unwrap();
    assert_eq!(lines[0], serde_json::to_value(pod("a", "1")).unwrap());
    assert_eq!(lines[1], serde_json::to_value(ImageLine { image }).unwrap());
}
