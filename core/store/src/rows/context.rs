//! Rows of what surrounds a pod.

use api_vocab::{Platform, Severity};
use core_model::{ExposurePath, PodContext, Privileges, WorkloadSettings};
use serde::{Deserialize, Serialize};

type Texts = Box<[Box<str>]>;

/// What surrounds a pod.
#[derive(Serialize, Deserialize)]
pub(crate) struct ContextRow {
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    service_account: Option<Box<str>>,
    #[serde(rename = "a", default, skip_serializing_if = "is_empty")]
    annotations: Box<[(Box<str>, Box<str>)]>,
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    platform: Option<Platform>,
    #[serde(rename = "h", default, skip_serializing_if = "is_empty")]
    host_namespaces: Texts,
    #[serde(rename = "p", default, skip_serializing_if = "is_empty")]
    pull_secrets: Texts,
    #[serde(rename = "e", default, skip_serializing_if = "is_empty")]
    exposure: Box<[PathRow]>,
    #[serde(rename = "u", default, skip_serializing_if = "std::ops::Not::not")]
    ignore_unfixed: bool,
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    min_severity: Option<Severity>,
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    team: Option<Box<str>>,
    #[serde(rename = "r", default, skip_serializing_if = "is_empty")]
    privileges: Box<[PrivilegesRow]>,
}

/// Kind, hosts, objects.
#[derive(Serialize, Deserialize)]
struct PathRow(Box<str>, Texts, Texts);

/// Container, privileged, root, capabilities.
#[derive(Serialize, Deserialize)]
struct PrivilegesRow(Box<str>, bool, Option<bool>, Texts);

fn is_empty<T>(list: &[T]) -> bool {
    list.is_empty()
}

impl ContextRow {
    pub(crate) fn of(context: &PodContext) -> Self {
        let PodContext { service_account, annotations, platform, host_namespaces, pull_secrets, .. } =
            context.clone();
        let WorkloadSettings { ignore_unfixed, min_severity, team } = context.settings.clone();
        let path = |path: &ExposurePath| PathRow(path.kind.clone(), path.hosts.clone(), path.through.clone());
        let privileges = |(name, may): &(Box<str>, Privileges)| {
            PrivilegesRow(name.clone(), may.privileged, may.root, may.capabilities.clone())
        };
        ContextRow {
            service_account,
            annotations,
            platform,
            host_namespaces,
            pull_secrets,
            exposure: context.exposure.iter().map(path).collect(),
            ignore_unfixed,
            min_severity,
            team,
            privileges: context.privileges.iter().map(privileges).collect(),
        }
    }

    pub(crate) fn context(self) -> PodContext {
        let path = |PathRow(kind, hosts, through)| ExposurePath { kind, hosts, through };
        let privileges = |PrivilegesRow(name, privileged, root, capabilities)| {
            (name, Privileges { privileged, root, capabilities })
        };
        PodContext {
            service_account: self.service_account,
            annotations: self.annotations,
            platform: self.platform,
            host_namespaces: self.host_namespaces,
            pull_secrets: self.pull_secrets,
            exposure: self.exposure.into_iter().map(path).collect(),
            settings: WorkloadSettings {
                ignore_unfixed: self.ignore_unfixed,
                min_severity: self.min_severity,
                team: self.team,
            },
            privileges: self.privileges.into_iter().map(privileges).collect(),
        }
    }
}
