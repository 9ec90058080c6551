//! Reports: one OpenReports Report for each workload, with one result for each image of each of its
//! containers. Pure.

use super::MANAGER;
use super::stand::{Stand, State, is_culprit};
use super::summary::{CONTENT, MANAGED_BY, owner, print};
use crate::record::Controller;
use api_vocab::Verdict;
use api_wire::standing::ContainerStanding;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Group and version.
pub const API_VERSION: &str = "openreports.io/v1alpha1";
/// The kind.
pub const KIND: &str = "Report";
/// Its plural.
pub const PLURAL: &str = "reports";
/// The longest name of an object.
const MAX_NAME: usize = 253;
/// More results are not reported one by one.
const MAX_RESULTS: usize = 256;
/// What a result can be, as the summary counts it.
const RESULTS: [&str; 5] = ["pass", "fail", "warn", "error", "skip"];

/// What a workload's report is called.
pub fn name(workload: &Controller) -> String {
    let name = format!("perceptor-{}-{}", workload.kind.to_lowercase(), workload.name);
    if name.len() <= MAX_NAME {
        return name;
    }
    let hash = print(&name);
    let cut: String = name.chars().take(MAX_NAME - hash.len() - 1).collect();
    format!("{cut}-{hash}")
}

/// The report of a workload whose pods stand so, and what it is made from.
pub fn of<'a>(workload: &Controller, stands: impl Iterator<Item = &'a Stand>) -> (String, Value) {
    let mut results: BTreeMap<(String, String), Value> = BTreeMap::new();
    for stand in stands {
        for container in &stand.containers {
            if results.len() < MAX_RESULTS {
                let image = container.image.as_ref().map(ToString::to_string).unwrap_or_default();
                results.entry((container.name.clone(), image)).or_insert_with(|| result(container, stand));
            }
        }
    }
    let results: Vec<Value> = results.into_values().collect();
    let count = |wanted: &str| results.iter().filter(|it| it.get("result") == Some(&json!(wanted))).count();
    let summary: Map<String, Value> = RESULTS.iter().map(|it| ((*it).to_owned(), json!(count(it)))).collect();
    let content = print(&results);
    let Controller { api_version, kind, namespace, name: of, uid } = workload;
    let body = json!({
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {
            "namespace": namespace,
            "name": name(workload),
            "labels": { MANAGED_BY: MANAGER },
            "annotations": { CONTENT: content },
            "ownerReferences": [owner(workload)],
        },
        "source": MANAGER,
        "scope": { "apiVersion": api_version, "kind": kind, "namespace": namespace, "name": of, "uid": uid },
        "summary": summary,
        "results": results,
    });
    (content, body)
}

fn result(container: &ContainerStanding, stand: &Stand) -> Value {
    let (result, message) = match (State::of(&container.state), container.findings) {
        (State::Unscannable, _) => ("error", "The image cannot be scanned."),
        (State::Pending, None) => ("skip", "The image waits for its scan."),
        (_, None) => ("skip", "The image's packages are not matched yet."),
        (_, Some(_)) => (by_verdict(container, stand), "Vulnerabilities of the container's image."),
    };
    let mut properties = BTreeMap::from([("image".to_owned(), container.reference.clone())]);
    if let Some(digest) = &container.image {
        properties.insert("digest".to_owned(), digest.to_string());
    }
    if let Some(it) = container.findings {
        let counts = [
            ("critical", it.critical),
            ("high", it.high),
            ("medium", it.medium),
            ("low", it.low),
            ("fixable", it.fixable),
            ("undecided", it.undecided),
        ];
        properties.extend(counts.map(|(name, count)| (name.to_owned(), count.to_string())));
    }
    json!({
        "source": MANAGER,
        "category": "vulnerability scan",
        "policy": "vulnerabilities",
        "rule": container.name,
        "result": result,
        "message": message,
        "properties": properties,
    })
}

/// The verdict is the pod's; a container that is not why it is so passes with a warning at most.
fn by_verdict(container: &ContainerStanding, stand: &Stand) -> &'static str {
    let clean = container.findings.is_some_and(|it| super::stand::total(&it) == 0);
    match stand.verdict {
        _ if clean => "pass",
        Verdict::Pass | Verdict::Unknown => "pass",
        Verdict::Warn if !is_culprit(container, stand) => "pass",
        Verdict::Fail if is_culprit(container, stand) => "fail",
        Verdict::Warn | Verdict::Fail => "warn",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tell::stand::tests::{container, counts, stand};

    fn workload(name: &str) -> Controller {
        Controller {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            namespace: "shop".into(),
            name: name.into(),
            uid: "u".into(),
        }
    }

    #[test]
    fn report_has_one_result_for_each_image_of_a_container() {
        let mut broken = container("broken", 4, None);
        broken.state = "unscannable".to_owned();
        let bad = container("web", 1, Some(counts(1, 0)));
        let less = container("side", 2, Some(counts(0, 1)));
        let clean = container("log", 3, Some(counts(0, 0)));
        let pod = stand(Verdict::Fail, &[bad, less, clean, broken, container("new", 5, None)]);
        let (content, body) = of(&workload("web"), [&pod, &pod].into_iter());
        assert_eq!(body["summary"], json!({ "pass": 1, "fail": 1, "warn": 1, "error": 1, "skip": 1 }));
        assert_eq!(body["results"].as_array().unwrap().len(), 5);
        assert_eq!(body["metadata"]["annotations"][CONTENT], content);
        let web = body["results"].as_array().unwrap().iter().find(|it| it["rule"] == "web").unwrap();
        assert_eq!((&web["result"], &web["properties"]["critical"]), (&json!("fail"), &json!("1")));
    }

    #[test]
    fn name_too_long_is_cut_and_stays_its_own() {
        let long = |end: &str| name(&workload(&format!("{}{end}", "x".repeat(252))));
        assert_eq!(name(&workload("web")), "perceptor-deployment-web");
        assert!(long("a").len() <= MAX_NAME && long("a") != long("b"));
    }
}
