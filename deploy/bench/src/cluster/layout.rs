//! A large cluster: which workloads it runs, and which pods, images and names those have.

use crate::fleet::{self, IMAGES};
use api_vocab::Digest;

/// Nodes.
pub const NODES: usize = 5_000;
/// Pods.
pub const PODS: usize = 150_000;
/// Workloads.
pub const WORKLOADS: usize = DAEMONS + SETS + DEPLOYMENTS + CRON_JOBS;

/// Namespaces of teams.
pub const TEAMS: usize = 997;
/// A pod of each on every node.
pub const DAEMONS: usize = 4;
/// Stateful sets.
pub const SETS: usize = 4_996;
/// Deployments.
pub const DEPLOYMENTS: usize = 20_000;
/// Cron jobs.
pub const CRON_JOBS: usize = 5_000;
/// Replica sets of each deployment, the last of which has pods.
pub const REVISIONS: usize = 3;

const OF_DAEMONS: usize = DAEMONS * NODES;
const OF_SETS: usize = SETS * OF_SET;
const OF_DEPLOYMENTS: usize = DEPLOYMENTS * OF_DEPLOYMENT;
const OF_CRON_JOBS: usize = CRON_JOBS * OF_CRON_JOB;
const OF_SET: usize = 3;
const OF_DEPLOYMENT: usize = 5;
const OF_CRON_JOB: usize = 3;

/// What runs a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// On every node.
    Daemon,
    /// With names that stay.
    Set,
    /// The usual.
    Deployment,
    /// Runs at times; its pods have ended.
    CronJob,
    /// Nothing: the node itself.
    Node,
}

/// A pod's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// What runs it.
    pub kind: Kind,
    /// Which of its kind.
    pub of: usize,
    /// Which of its pods.
    pub at: usize,
}

/// Where pod `n` belongs; those from [`PODS`] on are of deployments again.
pub fn place(n: usize) -> Place {
    let groups = [
        (Kind::Daemon, OF_DAEMONS, NODES),
        (Kind::Set, OF_SETS, OF_SET),
        (Kind::Deployment, OF_DEPLOYMENTS, OF_DEPLOYMENT),
        (Kind::CronJob, OF_CRON_JOBS, OF_CRON_JOB),
    ];
    if n >= PODS {
        return Place { kind: Kind::Deployment, of: n % DEPLOYMENTS, at: n };
    }
    let mut n = n;
    for (kind, pods, each) in groups {
        if n < pods {
            return Place { kind, of: n / each, at: n % each };
        }
        n -= pods;
    }
    Place { kind: Kind::Node, of: n, at: 0 }
}

/// The first pod of deployment `n`.
pub fn pod_of_deployment(n: usize) -> usize {
    OF_DAEMONS + OF_SETS + n * OF_DEPLOYMENT
}

/// Pods of deployment `n`.
pub fn pods_of_deployment(n: usize) -> std::ops::Range<usize> {
    pod_of_deployment(n)..pod_of_deployment(n) + OF_DEPLOYMENT
}

/// Pods of stateful set `n`.
pub fn pods_of_set(n: usize) -> std::ops::Range<usize> {
    OF_DAEMONS + n * OF_SET..OF_DAEMONS + (n + 1) * OF_SET
}

impl Place {
    /// Which workload of all.
    pub fn workload(self) -> usize {
        self.of
            + match self.kind {
                Kind::Daemon | Kind::Node => 0,
                Kind::Set => DAEMONS,
                Kind::Deployment => DAEMONS + SETS,
                Kind::CronJob => DAEMONS + SETS + DEPLOYMENTS,
            }
    }

    /// The application's name.
    pub fn app(self) -> String {
        let word = match self.kind {
            Kind::Daemon => "node-agent",
            Kind::Set => "ledger-store",
            Kind::Deployment => ["checkout", "catalogue", "web-frontend", "pricing-engine"]
                .get(self.of % 4)
                .copied()
                .unwrap_or_default(),
            Kind::CronJob => "nightly-report",
            Kind::Node => "kube-proxy",
        };
        format!("{word}-{:04}", self.of)
    }

    /// Its namespace.
    pub fn namespace(self) -> String {
        match self.kind {
            Kind::Daemon | Kind::Node => "kube-system".to_owned(),
            _ => format!("team-{:03}", self.workload() % 997),
        }
    }

    /// Name and kind of the object that controls the pod; none of a pod of its own.
    pub fn controller(self) -> Option<(&'static str, &'static str, String)> {
        let app = self.app();
        match self.kind {
            Kind::Daemon => Some(("apps/v1", "DaemonSet", app)),
            Kind::Set => Some(("apps/v1", "StatefulSet", app)),
            Kind::Deployment => Some(("apps/v1", "ReplicaSet", replica_set(self.of, REVISIONS - 1))),
            Kind::CronJob => Some(("batch/v1", "Job", job(self.of, self.at))),
            Kind::Node => None,
        }
    }

    /// The pod's name; `n` is its number.
    pub fn name(self, n: usize) -> String {
        let (controller, tail) = (self.controller(), letters(n as u64 + 1, 5));
        match (self.kind, controller) {
            (Kind::Set, _) => format!("{}-{}", self.app(), self.at),
            (_, Some((_, _, controller))) => format!("{controller}-{tail}"),
            (_, None) => format!("{}-node-{:04}", self.app(), self.of),
        }
    }

    /// The number of the node that runs the pod `n`.
    pub fn node(self, n: usize) -> usize {
        match self.kind {
            Kind::Daemon => self.at,
            _ => n % NODES,
        }
    }

    /// Its image, and the repository that it comes from.
    pub fn image(self) -> (String, Digest) {
        image(self.workload())
    }

    /// Whether a second container runs beside the first.
    pub fn has_sidecar(self) -> bool {
        self.kind == Kind::Deployment && self.of.is_multiple_of(3)
    }

    /// The service account it runs as: some workloads share theirs.
    pub fn account(self) -> String {
        if self.workload().is_multiple_of(3) { self.app() } else { "default".to_owned() }
    }
}

/// The image of a workload, and the repository that it comes from.
pub fn image(workload: usize) -> (String, Digest) {
    let image = workload % IMAGES;
    (fleet::repository(image), fleet::image(image))
}

/// The name of namespace `n`.
pub fn namespace(n: usize) -> String {
    match n.checked_sub(TEAMS) {
        None => format!("team-{n:03}"),
        Some(0) => "kube-system".to_owned(),
        Some(_) => "default".to_owned(),
    }
}

/// Name of a deployment's replica set.
pub fn replica_set(deployment: usize, revision: usize) -> String {
    let app = Place { kind: Kind::Deployment, of: deployment, at: 0 }.app();
    format!("{app}-{}", letters((deployment * REVISIONS + revision) as u64, 10))
}

/// Name of a cron job's job.
pub fn job(of: usize, at: usize) -> String {
    let app = Place { kind: Kind::CronJob, of, at }.app();
    format!("{app}-{}", 29_366_400 + at * 1_440)
}

/// An object's own id.
pub fn uid(kind: u64, n: usize) -> String {
    let mut random = crate::random::Random((kind + 1) << 40 | n as u64);
    let (high, low) = (random.next(), random.next());
    let part = |from: u32, bits: u32| high >> from & ((1 << bits) - 1);
    let (a, b, c) = (part(0, 32), part(32, 16), part(48, 12));
    format!("{a:08x}-{b:04x}-4{c:03x}-8{:03x}-{:012x}", low >> 52, low & 0xffff_ffff_ffff)
}

/// As the server names what it makes: letters and digits that form no words, other ones for each
/// number.
pub fn letters(number: u64, count: u32) -> String {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let all = (ALPHABET.len() as u64).pow(count);
    // A factor that has no divisor in common with them mixes them, and loses none.
    let mut number = number.wrapping_mul(123_456_789_011) % all;
    let mut name = String::new();
    for _ in 0..count {
        let at = (number % ALPHABET.len() as u64) as usize;
        number /= ALPHABET.len() as u64;
        name.push(ALPHABET.get(at).copied().map_or('x', char::from));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn cluster_has_as_many_different_pods_as_it_says() {
        assert_eq!(WORKLOADS, 30_000);
        let names: HashSet<(String, String)> =
            (0..PODS + 1_000).map(|n| (place(n).namespace(), place(n).name(n))).collect();
        assert_eq!(names.len(), PODS + 1_000);
        assert_eq!(place(pod_of_deployment(7)), Place { kind: Kind::Deployment, of: 7, at: 0 });
        assert_eq!(place(PODS - 1).kind, Kind::Node);
    }
}
