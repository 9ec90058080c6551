//! How pods stand, alone and together: a workload's images are counted once, however many replicas
//! run them.

use api_vocab::{ContainerKind, Digest, Severity, Timestamp, Verdict};
use api_wire::standing::{ContainerStanding, PodStanding};
use api_wire::summary::SeverityCounts;
use std::collections::HashSet;

/// How a pod stands, without its name: pods of one workload mostly share one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stand {
    /// What is to be thought of it.
    pub verdict: Verdict,
    /// Findings of its images together; absent while not known.
    pub findings: Option<SeverityCounts>,
    /// Its containers.
    pub containers: Box<[ContainerStanding]>,
}

impl Stand {
    /// Of what the core says; with the pod's key and id.
    pub fn of(standing: PodStanding) -> (String, String, Self) {
        let PodStanding { key, uid, verdict, findings, containers } = standing;
        (key, uid, Stand { verdict, findings, containers: containers.into() })
    }

    /// Containers that are there from the beginning to the end.
    pub fn regular(&self) -> impl Iterator<Item = &ContainerStanding> {
        self.containers.iter().filter(|container| container.kind == ContainerKind::Regular)
    }
}

/// How far learning what is in an image came. States that follow each other within minutes are one:
/// each would be written into the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It is known.
    Scanned,
    /// It is not yet.
    Pending,
    /// It will not be.
    Unscannable,
}

impl State {
    /// Of the core's word.
    pub fn of(word: &str) -> Self {
        match word {
            "scanned" | "complete" | "partial" => State::Scanned,
            "unscannable" => State::Unscannable,
            _ => State::Pending,
        }
    }

    /// The word in marks.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Scanned => "scanned",
            State::Pending => "pending",
            State::Unscannable => "unscannable",
        }
    }
}

/// How one or more pods stand together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// The worst.
    pub verdict: Verdict,
    /// That of the image of which least is known.
    pub state: State,
    /// Findings of all their images; absent while not known.
    pub findings: Option<SeverityCounts>,
    /// The latest scan.
    pub scanned_at: Option<Timestamp>,
}

impl Sum {
    /// Of one pod.
    pub fn of_pod(stand: &Stand) -> Self {
        Sum {
            verdict: stand.verdict,
            state: stand.containers.iter().map(|it| State::of(&it.state)).max().unwrap_or(State::Pending),
            findings: stand.findings,
            scanned_at: stand.containers.iter().filter_map(|container| container.scanned_at).max(),
        }
    }

    /// Of a workload's pods; none if there are none.
    pub fn of_all<'a>(stands: impl Iterator<Item = &'a Stand> + Clone) -> Option<Self> {
        let mut sums = stands.clone().map(Sum::of_pod);
        let first = sums.next()?;
        let mut sum = sums.fold(first, |sum, next| Sum {
            verdict: sum.verdict.max(next.verdict),
            state: sum.state.max(next.state),
            findings: sum.findings,
            scanned_at: sum.scanned_at.max(next.scanned_at),
        });
        let mut distinct = stands.clone();
        let one = distinct.next();
        if distinct.any(|stand| Some(stand) != one) {
            sum.findings = of_images(stands);
        }
        Some(sum)
    }
}

/// Each image once.
fn of_images<'a>(stands: impl Iterator<Item = &'a Stand>) -> Option<SeverityCounts> {
    let mut seen: HashSet<&Digest> = HashSet::new();
    let mut sum = SeverityCounts::default();
    for container in stands.flat_map(|stand| &stand.containers) {
        if seen.insert(container.image.as_ref()?) {
            sum = plus(sum, container.findings?);
        }
    }
    Some(sum)
}

fn plus(a: SeverityCounts, b: SeverityCounts) -> SeverityCounts {
    SeverityCounts {
        critical: a.critical.saturating_add(b.critical),
        high: a.high.saturating_add(b.high),
        medium: a.medium.saturating_add(b.medium),
        low: a.low.saturating_add(b.low),
        negligible: a.negligible.saturating_add(b.negligible),
        unknown: a.unknown.saturating_add(b.unknown),
        fixable: a.fixable.saturating_add(b.fixable),
        undecided: a.undecided.saturating_add(b.undecided),
    }
}

/// As Kubernetes writes times: whole seconds.
pub fn seconds(at: Timestamp) -> String {
    let text = at.to_string();
    text.split_once('.').map_or(text.clone(), |(whole, _)| format!("{whole}Z"))
}

/// All findings.
pub fn total(counts: &SeverityCounts) -> u64 {
    let SeverityCounts { critical, high, medium, low, negligible, unknown, .. } = *counts;
    [critical, high, medium, low, negligible, unknown].into_iter().fold(0, u64::saturating_add)
}

/// The worst severity that is among them.
pub fn worst(counts: &SeverityCounts) -> Option<Severity> {
    let by = [
        (Severity::Critical, counts.critical),
        (Severity::High, counts.high),
        (Severity::Medium, counts.medium),
        (Severity::Low, counts.low),
        (Severity::Negligible, counts.negligible),
        (Severity::Unknown, counts.unknown),
    ];
    by.into_iter().find(|(_, count)| *count > 0).map(|(severity, _)| severity)
}

/// Whether this container is why its pod stands as badly as it does: it has findings as bad as the
/// pod's worst.
pub fn is_culprit(container: &ContainerStanding, stand: &Stand) -> bool {
    let of_pod = stand.containers.iter().filter_map(|it| worst(it.findings.as_ref()?)).max();
    let own = container.findings.as_ref().and_then(worst);
    own.is_some() && own == of_pod
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn counts(critical: u64, high: u64) -> SeverityCounts {
        SeverityCounts { critical, high, ..SeverityCounts::default() }
    }

    pub(crate) fn container(name: &str, image: u8, findings: Option<SeverityCounts>) -> ContainerStanding {
        ContainerStanding {
            name: name.to_owned(),
            kind: ContainerKind::Regular,
            reference: format!("shop/{name}:1"),
            image: Some(format!("sha256:{}", hex(image)).parse().unwrap()),
            state: if findings.is_some() { "scanned" } else { "queued" }.to_owned(),
            findings,
            scanned_at: findings.map(|_| Timestamp::from_millis(1_000)),
        }
    }

    pub(crate) fn hex(byte: u8) -> String {
        format!("{byte:02x}").repeat(32)
    }

    pub(crate) fn stand(verdict: Verdict, containers: &[ContainerStanding]) -> Stand {
        let mut stand = Stand { verdict, findings: None, containers: containers.into() };
        stand.findings = of_images(std::iter::once(&stand));
        stand
    }

    #[test]
    fn workload_counts_each_image_once_however_many_pods_run_it() {
        let old = stand(Verdict::Fail, &[container("a", 1, Some(counts(1, 2)))]);
        let new = stand(Verdict::Warn, &[container("a", 2, Some(counts(0, 3)))]);
        let unknown = stand(Verdict::Unknown, &[container("a", 3, None)]);
        for (stands, verdict, state, findings) in [
            (vec![&old, &old, &old], Verdict::Fail, State::Scanned, Some(counts(1, 2))),
            (vec![&old, &new, &new], Verdict::Fail, State::Scanned, Some(counts(1, 5))),
            (vec![&new, &unknown], Verdict::Warn, State::Pending, None),
        ] {
            let sum = Sum::of_all(stands.into_iter()).unwrap();
            assert_eq!((sum.verdict, sum.state, sum.findings), (verdict, state, findings));
        }
        assert_eq!(Sum::of_all(std::iter::empty()), None);
    }

    #[test]
    fn culprit_has_what_is_worst_in_the_pod() {
        let bad = container("a", 1, Some(counts(1, 0)));
        let less = container("b", 2, Some(counts(0, 9)));
        let clean = container("c", 3, Some(counts(0, 0)));
        let pod = stand(Verdict::Fail, &[bad.clone(), less.clone(), clean.clone()]);
        assert!(is_culprit(&bad, &pod) && !is_culprit(&less, &pod) && !is_culprit(&clean, &pod));
        assert!(!is_culprit(&clean, &stand(Verdict::Pass, std::slice::from_ref(&clean))));
    }
}
