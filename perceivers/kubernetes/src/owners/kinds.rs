//! Kinds of controllers: where each is read, and which are read at all. Whoever may make a pod may
//! write any reference into it: what is not plainly a name never becomes a part of a path.

use crate::record::Controller;
use kube::discovery::ApiResource;
use wildmatch::WildMatch;

/// Group, version, kind, plural of what controls pods in every cluster.
const BUILT_IN: [(&str, &str, &str, &str); 7] = [
    ("apps", "v1", "ReplicaSet", "replicasets"),
    ("apps", "v1", "Deployment", "deployments"),
    ("apps", "v1", "StatefulSet", "statefulsets"),
    ("apps", "v1", "DaemonSet", "daemonsets"),
    ("batch", "v1", "Job", "jobs"),
    ("batch", "v1", "CronJob", "cronjobs"),
    ("", "v1", "ReplicationController", "replicationcontrollers"),
];

/// A kind as the server serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Where it is read.
    pub resource: ApiResource,
    /// Whether it is in namespaces.
    pub namespaced: bool,
}

/// Group and version of `api_version`.
pub fn group_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// A kind that every cluster has.
pub fn built_in(api_version: &str, kind: &str) -> Option<Served> {
    let found = BUILT_IN.iter().find(|(group, version, known, _)| {
        group_version(api_version) == (*group, *version) && *known == kind
    })?;
    Some(served(api_version, kind, found.3, true))
}

/// A kind that discovery found.
pub fn served(api_version: &str, kind: &str, plural: &str, namespaced: bool) -> Served {
    let (group, version) = group_version(api_version);
    let resource = ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    };
    Served { resource, namespaced }
}

/// Whether a kind beyond the built-in ones is read; `patterns` are of `Kind.group`. The core
/// group's never are: nothing stands above a node.
pub fn followed(patterns: &[WildMatch], api_version: &str, kind: &str) -> bool {
    let (group, _) = group_version(api_version);
    let name = format!("{kind}.{group}");
    !group.is_empty() && patterns.iter().any(|pattern| pattern.matches(&name))
}

/// Whether everything in the reference may stand in a path.
pub fn well_formed(controller: &Controller) -> bool {
    let (group, version) = group_version(&controller.api_version);
    (group.is_empty() || is_plain(group))
        && [version, &controller.kind, &controller.name].into_iter().all(is_plain)
        && is_plain(&controller.namespace)
}

/// One segment of a path, and nothing else.
pub fn is_plain(text: &str) -> bool {
    let allowed = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(&b));
    allowed && (1..=253).contains(&text.len()) && !text.bytes().all(|b| b == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_kind_is_of_its_group_only() {
        assert_eq!(built_in("apps/v1", "ReplicaSet").unwrap().resource.plural, "replicasets");
        assert_eq!(built_in("v1", "ReplicationController").unwrap().resource.group, "");
        assert_eq!(built_in("apps/v1beta1", "ReplicaSet"), None);
        assert_eq!(built_in("evil.example/v1", "ReplicaSet"), None);
    }

    #[test]
    fn kind_is_followed_where_a_pattern_says_so_and_a_node_never() {
        let (all, some) = ([WildMatch::new("*")], [WildMatch::new("Rollout.argoproj.io")]);
        assert!(followed(&all, "argoproj.io/v1alpha1", "Rollout"));
        assert!(followed(&some, "argoproj.io/v1alpha1", "Rollout"));
        assert!(!followed(&some, "kafka.example/v1", "Cluster"));
        assert!(!followed(&all, "v1", "Node"));
        assert!(!followed(&[], "argoproj.io/v1alpha1", "Rollout"));
    }

    #[test]
    fn reference_that_would_leave_its_path_is_refused() {
        let good = Controller {
            api_version: "apps/v1".into(),
            kind: "ReplicaSet".into(),
            namespace: "shop".into(),
            name: "web-1.x".into(),
            uid: "u".into(),
        };
        assert!(well_formed(&good));
        for bad in ["../v1", "apps/../../v1", "apps/v1?x", "", "/", "a/b/c", "apps/v1%2f"] {
            assert!(!well_formed(&Controller { api_version: bad.into(), ..good.clone() }), "{bad}");
        }
        for bad in ["..", ".", "", "a/b", "a?b", "a#b", "a%2fb", "a b"] {
            assert!(!well_formed(&Controller { name: bad.into(), ..good.clone() }), "{bad}");
        }
    }
}
