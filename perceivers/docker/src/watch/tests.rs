//! Tests of the watch against a scripted engine on a unix socket.

use super::*;
use crate::fake_engine::FakeEngine;
use api_chassis::clock::SystemClock;
use api_client::fake::{FakeCore, Request};
use perceiver_kit::Sender;
use perceiver_kit::fake::{Known, Tasks, a_core, at_once};

/// Engine, watch, sender and core; the core's view is folded from what it was sent.
struct Scene {
    _dir: tempfile::TempDir,
    engine: FakeEngine,
    core: FakeCore,
    tasks: Tasks,
}

impl Scene {
    async fn set() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let engine = FakeEngine::at(&dir.path().join("docker.sock"));
        Scene { _dir: dir, engine, core: a_core().await, tasks: Tasks::default() }
    }

    fn begin(&mut self) {
        let settings = EngineSettings {
            address: self.engine.address(),
            resync_seconds: 3_600,
            ..EngineSettings::default()
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let source = "docker/host-1".parse().unwrap();
        let sender = Sender::new(self.core.client().unwrap(), source, at_once(), clock.clone());
        let watch = Watch::new(settings, sender.sight(), clock);
        self.tasks.run(|shutdown| watch.run(shutdown));
        self.tasks.run(|shutdown| sender.run(shutdown));
    }

    /// Wait until the core knows exactly these pods.
    async fn core_knows(&self, names: &[&str]) {
        let expected: Vec<String> = names.iter().map(|name| format!("/{name}")).collect();
        let arrived = self.core.until(|asked| keys(asked) == Some(expected.clone())).await;
        assert!(arrived, "expected {expected:?}, the core knows {:?}", keys(&self.core.asked()));
    }

    async fn end(mut self) {
        self.tasks.end().await;
    }
}

fn keys(asked: &[Request]) -> Option<Vec<String>> {
    Known::of(asked).map(|known| known.pods.into_keys().collect())
}

#[tokio::test]
async fn container_that_starts_or_ends_is_told_by_its_event() {
    let mut scene = Scene::set().await;
    scene.engine.start();
    scene.engine.run("1", "web");
    scene.begin();
    scene.core_knows(&["web"]).await;
    scene.engine.run("2", "db");
    scene.core_knows(&["db", "web"]).await;
    scene.engine.remove("1");
    scene.core_knows(&["db"]).await;
    scene.end().await;
}

#[tokio::test]
async fn container_that_starts_while_the_list_is_made_is_not_lost() {
    let mut scene = Scene::set().await;
    scene.engine.start();
    scene.engine.run("1", "web");
    scene.engine.on_list(|engine| engine.run("2", "late"));
    scene.begin();
    scene.core_knows(&["late", "web"]).await;
    scene.end().await;
}

#[tokio::test]
async fn engine_that_dies_and_comes_back_is_listed_anew() {
    let mut scene = Scene::set().await;
    scene.engine.start();
    scene.engine.run("1", "web");
    scene.engine.run("2", "db");
    scene.begin();
    scene.core_knows(&["db", "web"]).await;
    scene.engine.kill().await;
    scene.engine.remove("1");
    scene.engine.run("3", "new");
    scene.engine.start();
    scene.core_knows(&["db", "new"]).await;
    scene.engine.run("4", "newer");
    scene.core_knows(&["db", "new", "newer"]).await;
    scene.end().await;
}

#[tokio::test]
async fn engine_that_is_not_there_yet_is_waited_for_and_nothing_is_told() {
    let mut scene = Scene::set().await;
    scene.begin();
    scene.engine.run("1", "web");
    tokio::task::yield_now().await;
    assert!(scene.core.asked().is_empty());
    scene.engine.start();
    scene.core_knows(&["web"]).await;
    scene.end().await;
}

#[tokio::test]
async fn events_that_concern_nobody_cause_no_question() {
    let mut scene = Scene::set().await;
    scene.engine.start();
    scene.engine.run("1", "web");
    scene.begin();
    scene.core_knows(&["web"]).await;
    let lists = scene.engine.asked("/containers/json");
    for action in ["exec_create: sh", "exec_die", "health_status: healthy", "top", "attach"] {
        scene.engine.tell("container", action, "1");
    }
    scene.engine.run("2", "db");
    scene.core_knows(&["db", "web"]).await;
    // The one question may have been asked twice, if the event came between two looks.
    assert!(scene.engine.asked("/containers/json") <= lists + 2);
    scene.end().await;
}

#[test]
fn events_of_life_and_names_are_told_from_the_others() {
    for (action, life, names) in [
        ("start", true, false),
        ("died", true, false),
        ("tag", false, true),
        ("exec_start: sh", false, false),
        ("health_status: healthy", false, false),
    ] {
        assert_eq!((concerns_life(action), concerns_names(action)), (life, names), "{action}");
    }
}
