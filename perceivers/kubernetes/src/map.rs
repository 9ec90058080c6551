//! From what the server says of a pod to what is kept of it. Pure: no server is asked here.

use crate::asks::{AskError, Asks};
use crate::record::{self, Container, Controller, Pod, Second, Shelf, Surroundings};
use crate::slim::{self, SecurityContext, SlimPod};
use api_vocab::{ContainerKind, PodKey, PodPhase, Uid};
use api_wire::context::Privileges;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::collections::BTreeMap;
use std::sync::Arc;
use wildmatch::WildMatch;

/// The longest label or annotation that is sent.
const MAX_VALUE: usize = 1_024;
/// Most labels, annotations, secrets or capabilities of one pod that are sent.
const MAX_MANY: usize = 64;
/// On pods that a node runs by itself, and shows to the server.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// Which labels and annotations are sent along.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chosen {
    /// Names of labels.
    pub labels: Vec<WildMatch>,
    /// Names of annotations.
    pub annotations: Vec<WildMatch>,
}

/// A pod that cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pod {key}: {reason}")]
pub struct MapError {
    /// Which.
    pub key: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A pod, and what its annotations say that means nothing.
#[derive(Debug)]
pub struct Mapped {
    /// The pod.
    pub pod: Pod,
    /// What is to be complained about.
    pub complaints: Vec<AskError>,
}

/// What is kept of `seen`; what it has in common with others is on the `shelf`.
pub fn pod(seen: &SlimPod, chosen: &Chosen, shelf: &mut Shelf) -> Result<Mapped, MapError> {
    let meta = &seen.metadata;
    let namespace = meta.namespace.as_deref().unwrap_or_default();
    let name = meta.name.as_deref().unwrap_or_default();
    let key = PodKey::new(namespace, name).map_err(|e| MapError {
        key: format!("{namespace}/{name}").chars().filter(|c| !c.is_control()).take(128).collect(),
        reason: e.to_string(),
    })?;
    let (asks, complaints) = Asks::parse(meta.annotations.as_ref());
    let surroundings = surroundings(seen, chosen, asks, shelf);
    let pod = Pod {
        key: key.as_str().into(),
        uid: Uid::new(meta.uid.as_deref().unwrap_or_default()),
        node: seen.spec.node_name.as_deref().and_then(|name| node(name, shelf)),
        phase: phase(&seen.status.phase),
        started_at: seen.status.start_time.as_deref().and_then(started_at),
        controller: controller_of_pod(meta, shelf),
        surroundings: shelf.surroundings.share(surroundings),
        containers: containers(seen, shelf),
    };
    Ok(Mapped { pod, complaints })
}

fn node(name: &str, shelf: &mut Shelf) -> Option<Arc<Box<str>>> {
    (!name.is_empty()).then(|| shelf.nodes.share(Box::<str>::from(name)))
}

fn started_at(time: &str) -> Option<Second> {
    Second::of(time.parse().ok()?)
}

/// A phase that the server has no word for is one of a pod that was told to run.
fn phase(word: &str) -> PodPhase {
    match word {
        "Pending" | "" => PodPhase::Pending,
        "Succeeded" => PodPhase::Succeeded,
        "Failed" => PodPhase::Failed,
        _ => PodPhase::Running,
    }
}

/// A static pod is controlled by its node as far as the server knows: it is a workload of its own.
fn controller_of_pod(meta: &ObjectMeta, shelf: &mut Shelf) -> Option<Arc<Controller>> {
    let mirror = meta.annotations.as_ref().is_some_and(|annotations| annotations.contains_key(MIRROR));
    if mirror { None } else { controller(meta, meta.namespace.as_deref().unwrap_or_default(), shelf) }
}

/// What controls the object of this metadata.
pub fn controller(meta: &ObjectMeta, namespace: &str, shelf: &mut Shelf) -> Option<Arc<Controller>> {
    let mut references = meta.owner_references.iter().flatten();
    let found = references.find(|reference| reference.controller == Some(true))?;
    let controller = Controller {
        api_version: shelf.texts.share(found.api_version.as_str()),
        kind: shelf.texts.share(found.kind.as_str()),
        namespace: shelf.texts.share(namespace),
        name: found.name.as_str().into(),
        uid: Uid::new(&found.uid),
    };
    Some(shelf.controllers.share(controller))
}

fn surroundings(seen: &SlimPod, chosen: &Chosen, asks: Asks, shelf: &mut Shelf) -> Surroundings {
    let spec = &seen.spec;
    let shared = [("network", spec.host_network), ("pid", spec.host_pid), ("ipc", spec.host_ipc)];
    Surroundings {
        account: spec.service_account_name.as_deref().filter(|name| !name.is_empty()).map(Into::into),
        labels: choose(seen.metadata.labels.as_ref(), &chosen.labels, shelf),
        annotations: choose(seen.metadata.annotations.as_ref(), &chosen.annotations, shelf),
        host_namespaces: shared.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect(),
        pull_secrets: secret_names(&spec.image_pull_secrets)
            .into_iter()
            .map(|name| shelf.texts.share(name.as_str()))
            .collect(),
        asks,
    }
}

/// Names of secrets, sorted.
pub fn secret_names(references: &[slim::Named]) -> Vec<String> {
    let named = references.iter().map(|secret| &secret.name).filter(|name| !name.is_empty());
    let mut names: Vec<String> = named.take(MAX_MANY).cloned().collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn choose(all: Option<&BTreeMap<String, String>>, wanted: &[WildMatch], shelf: &mut Shelf) -> record::Chosen {
    let all = all.into_iter().flatten();
    let chosen = all.filter(|(name, value)| {
        value.len() <= MAX_VALUE && wanted.iter().any(|pattern| pattern.matches(name))
    });
    let mut share = |text: &String| shelf.texts.share(text.as_str());
    chosen.take(MAX_MANY).map(|(name, value)| (share(name), share(value))).collect()
}

fn containers(seen: &SlimPod, shelf: &mut Shelf) -> Arc<[Container]> {
    let (spec, status) = (&seen.spec, &seen.status);
    let groups = [
        (ContainerKind::Init, &spec.init_containers, &status.init_container_statuses),
        (ContainerKind::Regular, &spec.containers, &status.container_statuses),
        (ContainerKind::Ephemeral, &spec.ephemeral_containers, &status.ephemeral_container_statuses),
    ];
    let mut found = Vec::new();
    for (kind, asked, statuses) in groups {
        for container in asked {
            let status = statuses.iter().find(|status| status.name == container.name);
            let image_id = status.map(|status| status.image_id.as_str()).filter(|id| !id.is_empty());
            let privileges = privileges(&spec.security_context, &container.security_context);
            found.push(Container {
                name: shelf.texts.share(container.name.as_str()),
                kind,
                image: shelf.texts.share(container.image.as_str()),
                image_id: image_id.map(|id| shelf.texts.share(id)),
                privileges: shelf.privileges.share(privileges),
            });
        }
    }
    shelf.containers.share(found)
}

/// What the container says wins over what the pod says.
fn privileges(pod: &SecurityContext, container: &SecurityContext) -> Privileges {
    let user = container.run_as_user.or(pod.run_as_user);
    let never_root = container.run_as_non_root.or(pod.run_as_non_root) == Some(true);
    let added = container.capabilities.add.iter().take(MAX_MANY);
    let mut capabilities: Vec<String> = added.map(|name| capability(name)).collect();
    capabilities.sort_unstable();
    capabilities.dedup();
    Privileges {
        privileged: container.privileged == Some(true),
        // A user of 0 beside runAsNonRoot does not start at all.
        root: user.map(|user| user == 0).or(never_root.then_some(false)),
        capabilities,
    }
}

/// Runtimes take `net_admin` and `CAP_NET_ADMIN` for the same.
fn capability(name: &str) -> String {
    let name = name.to_ascii_uppercase();
    name.strip_prefix("CAP_").map_or_else(|| name.clone(), str::to_owned)
}

#[cfg(test)]
mod tests;
