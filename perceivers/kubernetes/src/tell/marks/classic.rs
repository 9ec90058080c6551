//! The marks of Perceptor 2 on pods. Two of its faults are mended: counts are decimal text, where it
//! wrote the character of that number, and marks that no longer hold go away.
//!
//! It counted what its engine called high; here that is critical and high. A policy violation is an
//! image that makes its pod's verdict `fail`.

use super::{MAX_CONTAINERS, Marks, after_number};
use crate::tell::stand::{Stand, is_culprit};
use api_vocab::{ImageRef, Verdict};
use api_wire::standing::ContainerStanding;

/// What an image or a pod is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tally {
    pub(super) violations: u64,
    pub(super) vulnerabilities: u64,
}

impl Tally {
    pub(super) const fn status(self) -> &'static str {
        if self.violations > 0 { "IN_VIOLATION" } else { "NOT_IN_VIOLATION" }
    }
}

/// An image as these sets number and name it.
pub(super) struct Numbered {
    /// `image0`.
    pub(super) key: String,
    /// Without its registry, slashes as dots.
    pub(super) short: String,
    /// In full, slashes as dots.
    pub(super) full: String,
    pub(super) tally: Tally,
}

/// The images of a pod's containers, and their sum; none unless all of them are known: that is when
/// these sets were written.
pub(super) fn numbered(stand: &Stand) -> Option<(Vec<Numbered>, Tally)> {
    let (mut images, mut sum) = (Vec::new(), Tally::default());
    for (n, container) in stand.regular().take(MAX_CONTAINERS).enumerate() {
        let tally = tally(container, stand)?;
        sum.violations = sum.violations.saturating_add(tally.violations);
        sum.vulnerabilities = sum.vulnerabilities.saturating_add(tally.vulnerabilities);
        let (short, full) = names(&container.reference);
        images.push(Numbered { key: format!("image{n}"), short, full, tally });
    }
    Some((images, sum))
}

fn tally(container: &ContainerStanding, stand: &Stand) -> Option<Tally> {
    let findings = container.findings?;
    let violates = stand.verdict == Verdict::Fail && is_culprit(container, stand);
    let vulnerabilities = findings.critical.saturating_add(findings.high);
    Some(Tally { violations: violates.into(), vulnerabilities })
}

fn names(reference: &str) -> (String, String) {
    let dotted = |name: &str| name.replace('/', ".");
    match reference.parse::<ImageRef>() {
        Ok(image) => (dotted(image.repository()), dotted(&image.name())),
        Err(_) => (dotted(reference), dotted(reference)),
    }
}

pub(super) fn add(marks: &mut Marks, stand: &Stand, link: Option<&str>) {
    let Some((images, pod)) = numbered(stand) else { return };
    say(marks, "pod", pod);
    for name in ["pod.scanner-version", "pod.server-version"] {
        marks.annotate(name, "");
    }
    for image in images {
        say(marks, &image.key, image.tally);
        marks.label(image.key.clone(), &image.short);
        marks.annotate(image.key.clone(), &image.full);
        for name in ["scanner-version", "server-version"] {
            marks.annotate(format!("{}.{name}", image.key), "");
        }
        marks.annotate(format!("{}.project-endpoint", image.key), link.unwrap_or_default());
    }
}

fn say(marks: &mut Marks, of: &str, tally: Tally) {
    let (violations, vulnerabilities) = (tally.violations.to_string(), tally.vulnerabilities.to_string());
    for (name, value) in [
        ("policy-violations", violations.as_str()),
        ("vulnerabilities", vulnerabilities.as_str()),
        ("overall-status", tally.status()),
    ] {
        marks.label(format!("{of}.{name}"), value);
        marks.annotate(format!("{of}.{name}"), value);
    }
}

const OF_POD: [&str; 5] =
    ["policy-violations", "vulnerabilities", "overall-status", "scanner-version", "server-version"];

pub(super) fn is_label(name: &str) -> bool {
    is_annotation(name)
}

pub(super) fn is_annotation(name: &str) -> bool {
    let of_pod = name.strip_prefix("pod.").is_some_and(|rest| OF_POD.contains(&rest));
    let of_image = |rest: &str| {
        rest.is_empty()
            || rest.strip_prefix('.').is_some_and(|rest| rest == "project-endpoint" || OF_POD.contains(&rest))
    };
    of_pod || after_number(name).is_some_and(of_image)
}
