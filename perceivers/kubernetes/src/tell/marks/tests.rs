//! Tests of marks: what they say, that the server takes them, and that they are recognised.

use super::*;
use crate::tell::stand::tests::{container, counts, stand};
use api_vocab::Verdict;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;

const ALL: [KeySet; 3] = [KeySet::Perceptor, KeySet::Classic, KeySet::Product];

fn pod() -> Stand {
    stand(Verdict::Fail, &[container("web", 1, Some(counts(2, 3))), container("side", 2, Some(counts(0, 4)))])
}

fn meta(marks: &Marks, manager: &str) -> ObjectMeta {
    let entry = ManagedFieldsEntry { manager: Some(manager.to_owned()), ..ManagedFieldsEntry::default() };
    let mut labels = marks.labels.clone();
    labels.insert("app".to_owned(), "shop".to_owned());
    let mut annotations = marks.annotations.clone();
    annotations.insert("perceptor.dev/scan".to_owned(), "true".to_owned());
    ObjectMeta {
        labels: Some(labels),
        annotations: Some(annotations),
        managed_fields: Some(vec![entry]),
        ..ObjectMeta::default()
    }
}

#[test]
fn marks_of_a_pod_say_how_it_stands() {
    let marks = of_pod(&[KeySet::Perceptor], &pod(), Some("https://p/x"));
    assert_eq!(marks.labels, BTreeMap::from([("perceptor.dev/verdict".to_owned(), "fail".to_owned())]));
    let said: Vec<String> = marks.annotations.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        said,
        [
            "perceptor.dev/critical=2",
            "perceptor.dev/fixable=0",
            "perceptor.dev/high=7",
            "perceptor.dev/link=https://p/x",
            "perceptor.dev/low=0",
            "perceptor.dev/medium=0",
            "perceptor.dev/state=scanned",
            "perceptor.dev/verdict=fail",
        ]
    );
}

#[test]
fn counts_that_are_not_known_are_not_marked() {
    let marks = of_pod(&ALL, &stand(Verdict::Unknown, &[container("web", 1, None)]), None);
    let names: Vec<&str> = marks.annotations.keys().map(String::as_str).collect();
    assert_eq!(names, ["perceptor.dev/state", "perceptor.dev/verdict"]);
    assert_eq!(marks.annotations["perceptor.dev/state"], "pending");
}

#[test]
fn classic_marks_are_those_of_perceptor_2() {
    let marks = of_pod(&[KeySet::Classic], &pod(), None);
    for (name, value) in [
        ("pod.policy-violations", "1"),
        ("pod.vulnerabilities", "9"),
        ("pod.overall-status", "IN_VIOLATION"),
        ("image0", "shop.web"),
        ("image0.policy-violations", "1"),
        ("image0.vulnerabilities", "5"),
        ("image0.overall-status", "IN_VIOLATION"),
        ("image1.policy-violations", "0"),
        ("image1.vulnerabilities", "4"),
        ("image1.overall-status", "NOT_IN_VIOLATION"),
    ] {
        assert_eq!(marks.labels[name], value, "{name}");
    }
    assert_eq!(marks.annotations["image0"], "docker.io.shop.web");
    assert_eq!(marks.annotations["image1.project-endpoint"], "");
    assert_eq!((marks.labels.len(), marks.annotations.len()), (3 + 2 * 4, 5 + 2 * 7));
}

#[test]
fn product_marks_are_those_of_opssight() {
    let marks = of_pod(&[KeySet::Product], &pod(), Some("https://p/x"));
    for (name, value) in [
        ("com.blackducksoftware.pod.has-vulnerabilities", "true"),
        ("com.blackducksoftware.pod.vulnerabilities", "9"),
        ("com.blackducksoftware.image1", "shop.side"),
        ("com.blackducksoftware.image1.has-policy-violations", "false"),
    ] {
        assert_eq!(marks.labels[name], value, "{name}");
    }
    assert_eq!(
        marks.annotations["quality.pod.openshift.io/vulnerability.blackduck"],
        r#"{"name":"BlackDucksoftware","description":"Vulnerability Info","timestamp":"1970-01-01T00:00:01Z","reference":"","scannerVersion":"","compliant":false,"summary":[{"label":"high","data":"9","severityIndex":1,"reference":""}]}"#
    );
    assert!(
        marks.annotations["image1.quality.image.openshift.io/policy.blackduck"]
            .contains(r#""compliant":true"#)
    );
}

#[test]
fn marks_are_recognised_if_they_are_ours() {
    for sets in [&ALL[..], &ALL[..1], &ALL[1..2], &ALL[2..]] {
        let marks = of_pod(sets, &pod(), None);
        assert_eq!(present(&meta(&marks, MANAGER)), Some(marks.print()), "{sets:?}");
        assert_eq!(present(&meta(&marks, "kubectl")), None);
    }
    assert_eq!(present(&meta(&Marks::default(), MANAGER)), None, "what people write is not ours");
}

#[test]
fn label_is_what_the_server_takes() {
    for (text, label) in [
        ("fail", "fail".to_owned()),
        ("", String::new()),
        ("a b/c", "a.b.c".to_owned()),
        ("--x_", "x".to_owned()),
        ("é", String::new()),
        (&"x".repeat(70), "x".repeat(63)),
        (&format!("{}-/tail", "x".repeat(62)), "x".repeat(62)),
    ] {
        assert_eq!(label_value(text), label, "{text}");
    }
}

#[test]
fn hostile_reference_becomes_no_label_that_is_refused() {
    let mut hostile = container("web", 1, Some(counts(0, 0)));
    hostile.reference = "\u{1b}[2J/../../é\n".repeat(9);
    let marks = of_pod(&ALL, &stand(Verdict::Pass, &[hostile]), None);
    for (name, value) in &marks.labels {
        assert_eq!(&label_value(value), value, "{name}");
    }
}
