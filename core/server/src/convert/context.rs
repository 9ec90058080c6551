//! What surrounds pods, between the wire and the model.

use api_vocab::Platform;
use api_wire::context as wire;
use core_model::{ExposurePath, PodContext, Privileges, WorkloadSettings};

/// The context that `shape` describes, with what the node is and the containers named may do.
pub fn context_from<'a>(
    shape: wire::PodContext,
    platform: Option<Platform>,
    containers: impl Iterator<Item = (&'a str, &'a wire::Privileges)>,
) -> PodContext {
    let privileges = containers.filter(|(_, may)| !may.is_default());
    let settings = shape.settings;
    PodContext {
        service_account: shape.service_account.map(Into::into),
        annotations: shape.annotations.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
        platform,
        host_namespaces: texts(shape.host_namespaces),
        pull_secrets: texts(shape.pull_secrets),
        exposure: shape.exposure.into_iter().map(path_from).collect(),
        settings: WorkloadSettings {
            ignore_unfixed: settings.ignore_unfixed,
            min_severity: settings.min_severity,
            team: settings.team.map(Into::into),
        },
        privileges: privileges.map(|(name, may)| (name.into(), privileges_from(may))).collect(),
    }
}

fn texts(texts: Vec<String>) -> Box<[Box<str>]> {
    texts.into_iter().map(Into::into).collect()
}

fn path_from(shape: wire::ExposurePath) -> ExposurePath {
    ExposurePath { kind: shape.kind.into(), hosts: texts(shape.hosts), through: texts(shape.through) }
}

fn privileges_from(shape: &wire::Privileges) -> Privileges {
    Privileges {
        privileged: shape.privileged,
        root: shape.root,
        capabilities: texts(shape.capabilities.clone()),
    }
}

/// How `context` looks on the wire; its containers' privileges are shown with them.
pub fn context_to(context: &PodContext) -> wire::PodContext {
    wire::PodContext {
        service_account: context.service_account.as_deref().map(str::to_owned),
        annotations: context.annotations.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
        host_namespaces: strings(&context.host_namespaces),
        pull_secrets: strings(&context.pull_secrets),
        exposure: context.exposure.iter().map(path_to).collect(),
        settings: wire::WorkloadSettings {
            ignore_unfixed: context.settings.ignore_unfixed,
            min_severity: context.settings.min_severity,
            team: context.settings.team.as_deref().map(str::to_owned),
        },
    }
}

fn strings(texts: &[Box<str>]) -> Vec<String> {
    texts.iter().map(|text| text.to_string()).collect()
}

/// How a way from outside looks on the wire.
pub fn path_to(path: &ExposurePath) -> wire::ExposurePath {
    wire::ExposurePath {
        kind: path.kind.to_string(),
        hosts: strings(&path.hosts),
        through: strings(&path.through),
    }
}

/// How privileges look on the wire.
pub fn privileges_to(may: &Privileges) -> wire::Privileges {
    wire::Privileges { privileged: may.privileged, root: may.root, capabilities: strings(&may.capabilities) }
}
