//! What surrounds a pod on its platform: who it runs as, how it is reached, what its owners ask for.
//!
//! Pods of one workload mostly share it. It never holds secrets, environment or arguments.

use api_vocab::Severity;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What surrounds a pod.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct PodContext {
    /// The service account it runs as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// Annotations that the perceiver was told to send.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Namespaces of the node that it shares: `network`, `pid`, `ipc`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub host_namespaces: Vec<String>,
    /// Names of the secrets that its images are pulled with, its service account's included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pull_secrets: Vec<String>,
    /// The ways that lead to it from outside; empty: none is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exposure: Vec<ExposurePath>,
    /// What its owners ask for, by annotation.
    #[serde(skip_serializing_if = "WorkloadSettings::is_default")]
    pub settings: WorkloadSettings,
}

impl PodContext {
    /// Whether nothing is known.
    pub fn is_default(&self) -> bool {
        *self == PodContext::default()
    }
}

/// One way from outside to a pod, with each object that it goes through.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct ExposurePath {
    /// What opens it: `ingress`, `gateway_route`, `route`, `load_balancer` or `node_port`.
    pub kind: String,
    /// The host names or addresses that lead in, where they are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// The objects from the outermost to the EndpointSlice, each as `Kind namespace/name`.
    pub through: Vec<String>,
}

/// What the owners of a workload ask for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct WorkloadSettings {
    /// Findings without a fix do not count for it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ignore_unfixed: bool,
    /// Findings below this do not count for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub min_severity: Option<Severity>,
    /// The team that is to be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
}

impl WorkloadSettings {
    /// Whether nothing is asked for.
    pub fn is_default(&self) -> bool {
        *self == WorkloadSettings::default()
    }
}

/// What a container may do beyond the usual.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Privileges {
    /// Everything that the node may.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub privileged: bool,
    /// Whether it may run as root; absent where the image alone decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<bool>,
    /// Capabilities added, as `NET_ADMIN`, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
}

impl Privileges {
    /// Whether there is nothing unusual.
    pub fn is_default(&self) -> bool {
        *self == Privileges::default()
    }
}
