//! The marks of OpsSight on pods: labels below `com.blackducksoftware`, annotations that hold JSON.
//! The time in that JSON is the latest scan's, so that an unchanged mark stays as it is.

use super::classic::{Numbered, Tally, numbered};
use super::{Marks, after_number};
use crate::tell::stand::{Stand, Sum, seconds};
use serde::Serialize;

const LABELS: &str = "com.blackducksoftware";
const VENDOR: &str = "BlackDucksoftware";

/// What such an annotation holds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Quality<'a> {
    name: &'static str,
    description: &'static str,
    timestamp: &'a str,
    reference: &'a str,
    scanner_version: &'static str,
    compliant: bool,
    summary: [Line; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    label: &'static str,
    data: String,
    severity_index: u8,
    reference: &'static str,
}

pub(super) fn add(marks: &mut Marks, stand: &Stand, link: Option<&str>) {
    let Some((images, pod)) = numbered(stand) else { return };
    let time = Sum::of_pod(stand).scanned_at.map(seconds).unwrap_or_default();
    label(marks, &format!("{LABELS}.pod"), pod);
    annotate(marks, "quality.pod.openshift.io", pod, &time, "");
    for image in images {
        add_image(marks, &image, &time, link.unwrap_or_default());
    }
}

fn add_image(marks: &mut Marks, image: &Numbered, time: &str, link: &str) {
    let Numbered { key, short, full, tally } = image;
    marks.label(format!("{LABELS}.{key}"), short);
    label(marks, &format!("{LABELS}.{key}"), *tally);
    marks.annotate(format!("{key}.blackducksoftware.com"), full);
    marks.annotate(format!("{key}.quality.image.openshift.io"), full);
    for name in ["hub-scanner-version", "attestation-server-version"] {
        marks.annotate(format!("{key}.blackducksoftware.com/{name}"), "");
    }
    marks.annotate(format!("{key}.blackducksoftware.com/project-endpoint"), link);
    annotate(marks, &format!("{key}.quality.image.openshift.io"), *tally, time, link);
}

fn label(marks: &mut Marks, of: &str, tally: Tally) {
    let truth = |count: u64| if count > 0 { "true" } else { "false" };
    marks.label(format!("{of}.policy-violations"), &tally.violations.to_string());
    marks.label(format!("{of}.has-policy-violations"), truth(tally.violations));
    marks.label(format!("{of}.vulnerabilities"), &tally.vulnerabilities.to_string());
    marks.label(format!("{of}.has-vulnerabilities"), truth(tally.vulnerabilities));
    marks.label(format!("{of}.overall-status"), tally.status());
}

fn annotate(marks: &mut Marks, of: &str, tally: Tally, time: &str, link: &str) {
    for (kind, description, label, count) in [
        ("vulnerability", "Vulnerability Info", "high", tally.vulnerabilities),
        ("policy", "Policy Info", "important", tally.violations),
    ] {
        let line = Line { label, data: count.to_string(), severity_index: 1, reference: "" };
        let quality = Quality {
            name: VENDOR,
            description,
            timestamp: time,
            reference: link,
            scanner_version: "",
            compliant: count == 0,
            summary: [line],
        };
        // Texts and numbers: this cannot fail.
        let text = serde_json::to_string(&quality).unwrap_or_default();
        marks.annotate(format!("{of}/{kind}.blackduck"), text);
    }
}

pub(super) fn is_label(name: &str) -> bool {
    let rest = name.strip_prefix(LABELS).and_then(|rest| rest.strip_prefix('.'));
    rest.is_some_and(|rest| rest.starts_with("pod.") || after_number(rest).is_some())
}

pub(super) fn is_annotation(name: &str) -> bool {
    let of_image = |rest: &str| {
        let of = |holder: &str| {
            rest.strip_prefix(holder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        of(".blackducksoftware.com") || of(".quality.image.openshift.io")
    };
    name.starts_with("quality.pod.openshift.io/") || after_number(name).is_some_and(of_image)
}
