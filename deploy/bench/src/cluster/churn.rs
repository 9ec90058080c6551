//! What happens in a cluster that is at rest: pods are replaced, one change after the other. And how
//! long it takes until the core shows the findings of those that began to run.

use super::api::ApiServer;
use super::layout::{DEPLOYMENTS, PODS, place, pod_of_deployment};
use anyhow::{Context, Result};
use api_client::Client;
use api_wire::pod::PodQuery;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

/// Changes of pods a second.
pub const RATE: u32 = 100;
/// Changes that replacing a pod takes: it appears, is given a node, runs; the other ends, is gone.
const STEPS: usize = 5;
/// Replacements between being given a node and running: a second.
const STARTING: usize = RATE as usize / STEPS;
/// How often the core is asked for a pod's findings.
const POLL: Duration = Duration::from_millis(5);
/// Nobody waits longer for a pod's findings.
const PATIENCE: Duration = Duration::from_secs(30);
const POD: &str = r#""kind":"Pod","apiVersion":"v1","#;

/// Pods that are replaced without an end.
pub struct Churn {
    api: ApiServer,
    /// Changes so far.
    changes: usize,
    /// Pods that began to run, with the time; one in so many.
    began: mpsc::Sender<(usize, Instant)>,
    probed: usize,
}

/// What the next change is.
enum Step {
    Appears(usize),
    Placed(usize),
    Runs(usize),
    Ends(usize),
    Gone(usize),
}

impl Churn {
    /// Nothing happened yet. Of each `probed` pods that begin to run one is told to `began`.
    pub fn new(api: ApiServer, probed: usize, began: mpsc::Sender<(usize, Instant)>) -> Self {
        Churn { api, changes: 0, began, probed }
    }

    /// Changes at their rate, for so long.
    pub async fn run(&mut self, lasts: Duration) -> Result<()> {
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let end = Instant::now() + lasts;
        while Instant::now() < end {
            ticks.tick().await;
            self.change()?;
        }
        Ok(())
    }

    fn change(&mut self) -> Result<()> {
        let (round, step) = (self.changes / STEPS, self.changes % STEPS);
        self.changes += 1;
        let ready = round.checked_sub(STARTING);
        let step = match (step, ready) {
            (0, _) => Step::Appears(PODS + round),
            (1, _) => Step::Placed(PODS + round),
            (2, Some(ready)) => Step::Runs(PODS + ready),
            (3, Some(ready)) => Step::Ends(old(ready)),
            (4, Some(ready)) => Step::Gone(old(ready)),
            // Nothing is ready yet: the pods of a node report themselves.
            (_, _) => Step::Placed(old(round + DEPLOYMENTS / 2)),
        };
        self.api.happen(|version| self.event(&step, version))?;
        if let Step::Runs(n) = step
            && n.is_multiple_of(self.probed.max(1))
        {
            // Nobody asks while nothing is probed.
            let _ = self.began.try_send((n, Instant::now()));
        }
        Ok(())
    }

    fn event(&self, step: &Step, version: u64) -> Result<String> {
        let (kind, n) = match step {
            Step::Appears(n) => ("ADDED", n),
            Step::Placed(n) | Step::Runs(n) | Step::Ends(n) => ("MODIFIED", n),
            Step::Gone(n) => ("DELETED", n),
        };
        let mut text = String::new();
        self.api.objects().pod(*n, version, POD, &mut text);
        let mut pod: Value = serde_json::from_str(&text)?;
        self.api.marks().dress(*n, &mut pod);
        match step {
            Step::Appears(_) => {
                pod.pointer_mut("/spec").and_then(Value::as_object_mut).context("a spec")?.remove("nodeName");
                set(&mut pod, "/status", json!({ "phase": "Pending", "qosClass": "Burstable" }))?;
            }
            Step::Placed(n) if *n >= PODS => {
                set(&mut pod, "/status", json!({ "phase": "Pending", "qosClass": "Burstable" }))?;
            }
            Step::Ends(_) | Step::Gone(_) => {
                let metadata = pod.pointer_mut("/metadata").and_then(Value::as_object_mut);
                metadata
                    .context("metadata")?
                    .insert("deletionTimestamp".into(), "2026-11-21T15:00:00Z".into());
            }
            Step::Placed(_) | Step::Runs(_) => {}
        }
        Ok(format!("{}\n", json!({ "type": kind, "object": pod })))
    }
}

/// The pod that is replaced in this round.
fn old(round: usize) -> usize {
    pod_of_deployment(round % DEPLOYMENTS)
}

fn set(object: &mut Value, at: &str, value: Value) -> Result<()> {
    *object.pointer_mut(at).context("a part of the pod")? = value;
    Ok(())
}

/// Ask the core for each pod that began to run until it shows its findings; answers the seconds
/// that each took, sorted.
pub async fn probe(core: Client, mut began: mpsc::Receiver<(usize, Instant)>) -> Result<Vec<f64>> {
    let mut waiting = tokio::task::JoinSet::new();
    while let Some((n, since)) = began.recv().await {
        waiting.spawn(shown(core.clone(), n, since));
    }
    let mut seconds = Vec::new();
    while let Some(took) = waiting.join_next().await {
        seconds.push(took??);
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds)
}

async fn shown(core: Client, n: usize, since: Instant) -> Result<f64> {
    let place = place(n);
    let query = PodQuery {
        source: Some(super::SOURCE.to_owned()),
        namespace: Some(place.namespace()),
        name_contains: Some(place.name(n)),
        ..PodQuery::default()
    };
    let asking = async {
        loop {
            let page = core.pods(&query).await?;
            if page.items.iter().any(|pod| pod.findings.is_some()) {
                return anyhow::Ok(since.elapsed().as_secs_f64());
            }
            tokio::time::sleep(POLL).await;
        }
    };
    // One that is not shown at all counts as that long, and shows in the figures.
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or(Ok(PATIENCE.as_secs_f64()))
}
