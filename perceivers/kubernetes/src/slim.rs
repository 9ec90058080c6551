//! What is decoded of the cluster's objects: names, images, references. Secrets, environment and
//! arguments are passed over by the decoder; they are never in this process as values.

use crate::tell::MANAGER;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta, OwnerReference};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// Written by `kubectl apply`: the whole object again, environment included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A pod.
#[derive(Debug, Clone, serde::Deserialize, kube::Resource)]
#[resource(inherit = Pod)]
pub struct SlimPod {
    /// Name, labels, owners.
    #[serde(deserialize_with = "metadata")]
    pub metadata: ObjectMeta,
    /// What was asked for.
    #[serde(default, deserialize_with = "or_default")]
    pub spec: PodSpec,
    /// What is.
    #[serde(default, deserialize_with = "or_default")]
    pub status: PodStatus,
}

/// A namespace.
#[derive(Debug, Clone, serde::Deserialize, kube::Resource)]
#[resource(inherit = Namespace)]
pub struct SlimNamespace {
    /// Name, labels, annotations.
    #[serde(deserialize_with = "metadata")]
    pub metadata: ObjectMeta,
}

/// A service account.
#[derive(Debug, Clone, serde::Deserialize, kube::Resource)]
#[resource(inherit = ServiceAccount)]
#[serde(rename_all = "camelCase")]
pub struct SlimAccount {
    /// Its name.
    #[serde(deserialize_with = "metadata")]
    pub metadata: ObjectMeta,
    /// Secrets that images are pulled with.
    #[serde(default, deserialize_with = "or_default")]
    pub image_pull_secrets: Vec<Named>,
}

/// A node.
#[derive(Debug, Clone, serde::Deserialize, kube::Resource)]
#[resource(inherit = Node)]
pub struct SlimNode {
    /// Its name.
    #[serde(deserialize_with = "metadata")]
    pub metadata: ObjectMeta,
    /// What is.
    #[serde(default, deserialize_with = "or_default")]
    pub status: NodeStatus,
}

/// What a node is, as far as it says.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeStatus {
    /// Set by the kubelet.
    #[serde(deserialize_with = "or_default")]
    pub node_info: NodeSystem,
}

/// What a node says of its system.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeSystem {
    /// As Go names it: `linux`.
    #[serde(deserialize_with = "or_default")]
    pub operating_system: String,
    /// As Go names it: `arm64`.
    #[serde(deserialize_with = "or_default")]
    pub architecture: String,
}

/// An object of any kind, of which nothing but its metadata matters.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct SlimObject {
    /// Id, annotations, owners.
    #[serde(deserialize_with = "metadata")]
    pub metadata: ObjectMeta,
}

/// A reference by name.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Named {
    /// The name.
    pub name: String,
}

/// What was asked for.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodSpec {
    /// Where it runs.
    pub node_name: Option<String>,
    /// Who it runs as.
    pub service_account_name: Option<String>,
    /// The node's network.
    #[serde(deserialize_with = "or_default")]
    pub host_network: bool,
    /// The node's processes.
    #[serde(rename = "hostPID", deserialize_with = "or_default")]
    pub host_pid: bool,
    /// The node's shared memory.
    #[serde(rename = "hostIPC", deserialize_with = "or_default")]
    pub host_ipc: bool,
    /// Secrets that images are pulled with.
    #[serde(deserialize_with = "or_default")]
    pub image_pull_secrets: Vec<Named>,
    /// For all containers that say nothing else.
    #[serde(deserialize_with = "or_default")]
    pub security_context: SecurityContext,
    /// Containers.
    #[serde(deserialize_with = "or_default")]
    pub containers: Vec<Container>,
    /// Run before them, or beside them.
    #[serde(deserialize_with = "or_default")]
    pub init_containers: Vec<Container>,
    /// Added to a pod that runs.
    #[serde(deserialize_with = "or_default")]
    pub ephemeral_containers: Vec<Container>,
}

/// A container as it was asked for.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Container {
    /// Its name.
    pub name: String,
    /// The image, as written.
    #[serde(deserialize_with = "or_default")]
    pub image: String,
    /// What it may do.
    #[serde(deserialize_with = "or_default")]
    pub security_context: SecurityContext,
}

/// What a pod or container may do.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SecurityContext {
    /// Everything.
    pub privileged: Option<bool>,
    /// As this user.
    pub run_as_user: Option<i64>,
    /// Not as root, whatever the image says.
    pub run_as_non_root: Option<bool>,
    /// Capabilities.
    #[serde(deserialize_with = "or_default")]
    pub capabilities: Capabilities,
}

/// Capabilities.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// Added to the runtime's own.
    #[serde(deserialize_with = "or_default")]
    pub add: Vec<String>,
}

/// What is.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodStatus {
    /// Where it is in its life.
    #[serde(deserialize_with = "or_default")]
    pub phase: String,
    /// When the node took it.
    pub start_time: Option<String>,
    /// Of containers.
    #[serde(deserialize_with = "or_default")]
    pub container_statuses: Vec<ContainerStatus>,
    /// Of init containers.
    #[serde(deserialize_with = "or_default")]
    pub init_container_statuses: Vec<ContainerStatus>,
    /// Of ephemeral containers.
    #[serde(deserialize_with = "or_default")]
    pub ephemeral_container_statuses: Vec<ContainerStatus>,
}

/// A container as it is.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default)]
pub struct ContainerStatus {
    /// Its name.
    pub name: String,
    /// What the runtime says is running.
    #[serde(rename = "imageID", deserialize_with = "or_default")]
    pub image_id: String,
}

/// The server writes `null` where a list is empty.
///
/// # Errors
/// It is neither `null` nor what it ought to be.
pub fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

#[derive(Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SlimMeta {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<Annotations>,
    owner_references: Option<Vec<OwnerReference>>,
    managed_fields: Option<Vec<Author>>,
}

/// Who wrote something; not what.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Author {
    manager: String,
}

/// Of an object's metadata, what is looked at.
///
/// # Errors
/// It is none.
pub fn metadata<'de, D: Deserializer<'de>>(from: D) -> Result<ObjectMeta, D::Error> {
    let slim = SlimMeta::deserialize(from)?;
    Ok(ObjectMeta {
        name: slim.name,
        namespace: slim.namespace,
        uid: slim.uid,
        resource_version: slim.resource_version,
        labels: slim.labels,
        annotations: slim.annotations.map(|annotations| annotations.0),
        owner_references: slim.owner_references,
        // Whether anything of it is ours.
        managed_fields: slim
            .managed_fields
            .into_iter()
            .flatten()
            .any(|entry| entry.manager == MANAGER)
            .then(|| vec![ManagedFieldsEntry { manager: Some(MANAGER.to_owned()), ..Default::default() }]),
        ..ObjectMeta::default()
    })
}

struct Annotations(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(AnnotationsVisitor)
    }
}

struct AnnotationsVisitor;

impl<'de> Visitor<'de> for AnnotationsVisitor {
    type Value = Annotations;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("annotations")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Annotations, A::Error> {
        let mut found = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == LAST_APPLIED {
                map.next_value::<IgnoredAny>()?;
            } else {
                found.insert(name, map.next_value()?);
            }
        }
        Ok(Annotations(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pod_with_environment_arguments_and_its_last_applied_form_is_decoded_without_them() {
        let pod = serde_json::json!({
            "metadata": { "name": "web", "namespace": "shop", "managedFields": [{ "manager": "kubectl" }],
                "annotations": { LAST_APPLIED: "{\"env\":\"hunter2\"}", "team": "a" } },
            "spec": { "containers": [{ "name": "c", "image": "i", "args": ["hunter2"],
                "env": [{ "name": "PASSWORD", "value": "hunter2" }] }], "initContainers": null },
            "status": { "phase": "Running", "containerStatuses": null },
        });
        let pod: SlimPod = serde_json::from_value(pod).unwrap();
        assert!(!format!("{pod:?}").contains("hunter2"));
        assert_eq!(pod.metadata.annotations.unwrap().into_keys().collect::<Vec<_>>(), ["team"]);
        assert_eq!(pod.spec.containers[0].image, "i");
    }
}
