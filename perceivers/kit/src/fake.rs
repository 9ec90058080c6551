//! What the tests of perceivers share: a core that takes everything, what it knows by then, tasks that
//! end together, and settings from a file that is there for as long as it is read.
#![allow(clippy::unwrap_used, reason = "it serves tests: what goes wrong in it fails the test")]

use crate::SendSettings;
use api_chassis::shutdown::Shutdown;
use api_client::fake::{Answer, FakeCore, Request};
use api_vocab::Digest;
use api_wire::observation::{
    ImageLine, Observation, ObservationBatch, ObservationOutcome, ObservedImage, ObservedPod,
};
use clap::Parser;
use std::collections::BTreeMap;
use tokio::task::JoinHandle;

/// A core that takes everything.
pub async fn a_core() -> FakeCore {
    FakeCore::start(|_| Answer::json(200, &ObservationOutcome::default())).await.unwrap()
}

/// Settings by which a change does not wait for others.
pub fn at_once() -> SendSettings {
    SendSettings { max_delay_ms: 1, ..SendSettings::default() }
}

/// What a core knows of one source, folded from what it was sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Pods by their keys.
    pub pods: BTreeMap<String, ObservedPod>,
    /// Images that are listed.
    pub images: BTreeMap<Digest, ObservedImage>,
}

impl Known {
    /// After these requests; none if it was sent nothing yet.
    pub fn of(asked: &[Request]) -> Option<Self> {
        let sent = asked.iter().filter(|request| request.method != "GET");
        sent.fold(None, |known, request| Some(known.unwrap_or_default().after(request)))
    }

    fn after(self, request: &Request) -> Self {
        if request.method != "PUT" {
            let batch: ObservationBatch = request.json().unwrap();
            return batch.observations.into_iter().fold(self, Known::observe);
        }
        let lines = request.lines::<serde_json::Value>().unwrap().into_iter();
        lines.fold(Known::default(), |known, line| {
            known.observe(match serde_json::from_value::<ImageLine>(line.clone()) {
                Ok(ImageLine { image }) => Observation::ImagePresent { image },
                Err(_) => Observation::PodPresent { pod: serde_json::from_value(line).unwrap() },
            })
        })
    }

    fn observe(mut self, observation: Observation) -> Self {
        match observation {
            Observation::PodPresent { pod } => drop(self.pods.insert(pod.key.clone(), pod)),
            Observation::PodGone { key } => drop(self.pods.remove(&key)),
            Observation::ImagePresent { image } => drop(self.images.insert(image.digest.clone(), image)),
            Observation::ImageGone { digest } => drop(self.images.remove(&digest)),
        }
        self
    }
}

/// Tasks that end together.
#[derive(Default)]
pub struct Tasks {
    /// What ends them.
    pub shutdown: Shutdown,
    running: Vec<JoinHandle<()>>,
}

impl Tasks {
    /// Run one more until the shutdown that it is given begins.
    pub fn run<F>(&mut self, task: impl FnOnce(Shutdown) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.running.push(tokio::spawn(task(self.shutdown.clone())));
    }

    /// Have all of them end; none may have panicked. Others can be run afterwards.
    pub async fn end(&mut self) {
        std::mem::take(&mut self.shutdown).begin();
        for task in self.running.drain(..) {
            task.await.unwrap();
        }
    }
}

/// Read by the flags `more`, and by a settings file with this text.
pub fn with_file<F: Parser, T>(text: &str, more: &[&str], read: impl FnOnce(&F) -> T) -> T {
    let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let flags = ["x", "--config", file.path().to_str().unwrap()];
    read(&F::parse_from(flags.iter().chain(more)))
}
