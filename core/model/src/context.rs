//! What surrounds a pod on its platform, and what that means for its findings.

use crate::{BySeverity, Tally};
use api_vocab::{Platform, Severity};

/// What surrounds a pod, its containers' privileges included. Pods of one workload mostly share
/// one value, which is then kept once. Every list is sorted, so that equal ones are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct PodContext {
    /// The service account it runs as.
    pub service_account: Option<Box<str>>,
    /// Annotations that the perceiver was told to send.
    pub annotations: Box<[(Box<str>, Box<str>)]>,
    /// What its node is.
    pub platform: Option<Platform>,
    /// Namespaces of the node that it shares.
    pub host_namespaces: Box<[Box<str>]>,
    /// Names of the secrets that its images are pulled with.
    pub pull_secrets: Box<[Box<str>]>,
    /// The ways that lead to it from outside; empty: none is known.
    pub exposure: Box<[ExposurePath]>,
    /// What its owners ask for.
    pub settings: WorkloadSettings,
    /// What its containers may do beyond the usual, by their names; others are not named.
    pub privileges: Box<[(Box<str>, Privileges)]>,
}

/// One way from outside to a pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExposurePath {
    /// What opens it, as `ingress`.
    pub kind: Box<str>,
    /// The host names or addresses that lead in.
    pub hosts: Box<[Box<str>]>,
    /// The objects from the outermost to the innermost.
    pub through: Box<[Box<str>]>,
}

/// What the owners of a workload ask for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct WorkloadSettings {
    /// Findings without a fix do not count for it.
    pub ignore_unfixed: bool,
    /// Findings below this do not count for it.
    pub min_severity: Option<Severity>,
    /// The team that is to be told.
    pub team: Option<Box<str>>,
}

/// What a container may do beyond the usual.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Privileges {
    /// Everything that the node may.
    pub privileged: bool,
    /// Whether it may run as root; nothing where the image alone decides.
    pub root: Option<bool>,
    /// Capabilities added.
    pub capabilities: Box<[Box<str>]>,
}

impl PodContext {
    /// Put every list in order.
    pub(crate) fn sort(&mut self) {
        self.annotations.sort_unstable();
        self.host_namespaces.sort_unstable();
        self.pull_secrets.sort_unstable();
        self.exposure.sort_unstable();
        self.privileges.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        self.privileges.iter_mut().for_each(|(_, privileges)| privileges.capabilities.sort_unstable());
    }

    /// What this container may do beyond the usual, if anything.
    pub fn privileges_of(&self, container: &str) -> Option<&Privileges> {
        let named = self.privileges.iter().find(|(name, _)| **name == *container);
        named.map(|(_, privileges)| privileges)
    }

    /// Every list, and how many entries it has.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let own = [
            ("annotations", self.annotations.len()),
            ("host namespaces", self.host_namespaces.len()),
            ("pull secrets", self.pull_secrets.len()),
            ("ways from outside", self.exposure.len()),
        ];
        let paths = self.exposure.iter().flat_map(|path| {
            [
                ("hosts of a way from outside", path.hosts.len()),
                ("steps of a way from outside", path.through.len()),
            ]
        });
        let added = self.privileges.iter().map(|(_, may)| ("capabilities", may.capabilities.len()));
        own.into_iter().chain(paths).chain(added)
    }

    /// Every text, and where it stands.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let annotations = self
            .annotations
            .iter()
            .flat_map(|(name, value)| [("an annotation's name", &**name), ("an annotation", &**value)]);
        let paths = self.exposure.iter().flat_map(|path| {
            let parts = path.hosts.iter().chain(&path.through).map(|part| ("a way from outside", &**part));
            parts.chain([("a way from outside", &*path.kind)])
        });
        let added = self.privileges.iter().flat_map(|(_, may)| may.capabilities.iter());
        annotations
            .chain(paths)
            .chain(self.service_account.iter().map(|text| ("the service account", &**text)))
            .chain(self.host_namespaces.iter().map(|text| ("a host namespace", &**text)))
            .chain(self.pull_secrets.iter().map(|text| ("a pull secret", &**text)))
            .chain(self.settings.team.iter().map(|text| ("the team", &**text)))
            .chain(added.map(|text| ("a capability", &**text)))
    }
}

impl WorkloadSettings {
    /// What counts of these findings for the workload. What is undecided or unmatched always does.
    pub fn count(&self, tally: Tally) -> Tally {
        let least = self.min_severity.unwrap_or(Severity::Unknown);
        let counted = if self.ignore_unfixed { tally.fixable } else { tally.findings };
        let part = |numbers: BySeverity| numbers.from(least);
        Tally { findings: part(counted), fixable: part(tally.fixable), ..tally }
    }
}
