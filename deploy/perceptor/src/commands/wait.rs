//! Waiting until the mesh knows a pod: what `helm test` runs.

use super::WrongInput;
use super::remote::connect;
use crate::cli::WaitArgs;
use crate::output;
use anyhow::{Result, anyhow, bail};
use api_client::{Advice, Client, ClientError};
use api_wire::page::Page;
use api_wire::pod::{Pod, PodQuery};
use api_wire::scanner::ScannerQuery;
use api_wire::source::{SourceHealth, SourceQuery};
use futures_util::TryStreamExt;
use std::fmt;
use std::io::Write;
use std::time::Duration;

/// How long until the core is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// How far the mesh has come, each step needing the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// The core does not answer.
    Core(String),
    /// No perceiver of the source is heard.
    Source,
    /// No scanner has registered.
    Scanner,
    /// The pod is not known.
    Pod,
    /// An image of the pod is in this state.
    Image { container: String, state: String },
    /// Every image of the pod is scanned; some may have been read only in part.
    Known { images: usize, partial: usize, findings: u64 },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Core(reason) => write!(f, "waiting for the core: {reason}"),
            Step::Source => f.write_str("waiting for the source: no perceiver has been heard"),
            Step::Scanner => f.write_str("waiting for a scanner: none has registered"),
            Step::Pod => f.write_str("waiting for the pod: no perceiver has told of it"),
            Step::Image { container, state } => {
                write!(f, "waiting for the image of container {container}: it is {state}")
            }
            Step::Known { images, partial, findings } => {
                write!(
                    f,
                    "the pod is known: images scanned {images} (in part {partial}), findings {findings}"
                )
            }
        }
    }
}

/// Wait, and say each step that is reached.
///
/// # Errors
/// The time is over, the core refuses, or an image cannot be scanned.
pub async fn run(args: &WaitArgs, out: &mut (dyn Write + Send)) -> Result<()> {
    let (namespace, name) = args.pod.split_once('/').unwrap_or(("", &args.pod));
    if name.is_empty() || name.contains('/') {
        return Err(WrongInput(format!("pod {:?}: expected namespace/name, or a name", args.pod)).into());
    }
    let client = connect(&args.remote)?;
    let mut said = String::new();
    let follow = async {
        loop {
            let step = look(&client, args, namespace, name).await?;
            if step.to_string() != said {
                said = step.to_string();
                writeln!(out, "{}", output::plain(&said))?;
            }
            match step {
                Step::Known { .. } => return Ok(()),
                Step::Image { container, state } if state == "unscannable" => {
                    bail!(
                        "the image of container {container} cannot be scanned; perceptor images --state unscannable -o wide says why"
                    )
                }
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
    };
    let outcome = tokio::time::timeout(Duration::from_secs(args.timeout), follow).await;
    outcome.unwrap_or_else(|_| Err(anyhow!("{} s are over (--timeout)", args.timeout)))
}

async fn look(client: &Client, args: &WaitArgs, namespace: &str, name: &str) -> Result<Step> {
    match ask(client, args, namespace, name).await {
        Ok(step) => Ok(step),
        Err(error) if error.advice() == Advice::Retry => Ok(Step::Core(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

async fn ask(client: &Client, args: &WaitArgs, namespace: &str, name: &str) -> Result<Step, ClientError> {
    let sources: Vec<_> = client.every_source(SourceQuery::default()).try_collect().await?;
    let is_meant = |id| args.source.as_ref().is_none_or(|wanted| wanted == id);
    if !sources.iter().any(|source| is_meant(&source.id) && source.health == SourceHealth::Fresh) {
        return Ok(Step::Source);
    }
    let scanners: Page<_> = client.scanners(&ScannerQuery::default()).await?;
    if scanners.items.is_empty() {
        return Ok(Step::Scanner);
    }
    let query = PodQuery {
        source: args.source.as_ref().map(ToString::to_string),
        namespace: Some(namespace.to_owned()).filter(|namespace| !namespace.is_empty()),
        name_contains: Some(name.to_owned()),
        ..PodQuery::default()
    };
    let pods: Vec<Pod> = client.every_pod(query).try_collect().await?;
    Ok(pods.iter().find(|pod| pod.name == name).map_or(Step::Pod, judge))
}

fn judge(pod: &Pod) -> Step {
    let in_state = |state| pod.containers.iter().filter(|container| container.state == state).count();
    let is_read = |state: &str| matches!(state, "scanned" | "partial");
    let waiting = pod.containers.iter().find(|container| !is_read(&container.state));
    if let Some(container) = waiting {
        return Step::Image { container: container.name.clone(), state: container.state.clone() };
    }
    let findings = pod
        .findings
        .as_ref()
        .map_or(0, |c| c.critical + c.high + c.medium + c.low + c.negligible + c.unknown);
    Step::Known { images: pod.containers.len(), partial: in_state("partial"), findings }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(states: &[&str]) -> Pod {
        let containers: Vec<_> = states
            .iter()
            .map(|state| json!({"name": "c", "kind": "regular", "reference": "r", "state": state}))
            .collect();
        serde_json::from_value(json!({"source": "kubernetes/k", "namespace": "n", "name": "p", "uid": "u",
            "phase": "running", "containers": containers}))
        .unwrap()
    }

    #[test]
    fn pod_is_known_once_every_image_is_scanned() {
        for (states, known) in [
            (&["scanned", "scanned"][..], true),
            (&["scanned", "queued"], false),
            (&["unresolved"], false),
            (&["partial"], true),
            (&["scanned", "unscannable"], false),
        ] {
            assert_eq!(matches!(judge(&pod(states)), Step::Known { .. }), known, "{states:?}");
        }
    }
}
