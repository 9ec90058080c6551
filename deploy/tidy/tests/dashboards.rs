//! What dashboards and alert rules promise: Grafana takes them anywhere, and whoever is woken finds
//! what to do. deploy/e2e holds their expressions to the binaries.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use tidy::tree;

fn read(path: &str) -> String {
    fs::read_to_string(tree::root().join(path)).unwrap()
}

fn dashboards() -> Vec<(String, Value)> {
    let files = tree::files(&tree::root().join("deploy/dashboards"), ".json").unwrap();
    let dashboard = |file: &std::path::PathBuf| {
        let text = fs::read_to_string(file).unwrap();
        (file.file_stem().unwrap().to_string_lossy().into_owned(), serde_json::from_str(&text).unwrap())
    };
    let dashboards: Vec<_> = files.iter().map(dashboard).collect();
    assert!(dashboards.len() >= 6, "where have the dashboards gone?");
    dashboards
}

fn none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn dashboard_has_an_identity_of_its_own() {
    let mut identities = BTreeSet::new();
    for (name, dashboard) in dashboards() {
        assert_eq!(dashboard["uid"], format!("perceptor-{name}"));
        assert!(identities.insert(dashboard["title"].as_str().unwrap().to_owned()), "{name}");
        assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 36, "{name}");
        assert_eq!(dashboard["tags"], serde_json::json!(["perceptor"]), "{name}");
    }
}

#[test]
fn datasource_that_is_not_chosen_by_variable_is_absent() {
    let mut complaints = Vec::new();
    for (name, dashboard) in dashboards() {
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        assert!(variables.iter().any(|variable| variable["type"] == "datasource"), "{name}");
        sources(&dashboard, &mut |source| {
            if source["uid"] != "${datasource}" {
                complaints.push(format!("{name}: {source}"));
            }
        });
    }
    none(complaints);
}

/// Everything that is called a data source.
fn sources(value: &Value, visit: &mut impl FnMut(&Value)) {
    if let Some(source) = value.get("datasource") {
        visit(source);
    }
    let within: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Object(fields) => Box::new(fields.values()),
        Value::Array(items) => Box::new(items.iter()),
        _ => Box::new(std::iter::empty()),
    };
    within.for_each(|value| sources(value, visit));
}

#[test]
fn panel_without_words_unit_or_place_is_absent() {
    let mut complaints = Vec::new();
    for (name, dashboard) in dashboards() {
        let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
        for panel in dashboard["panels"].as_array().unwrap() {
            let title = panel["title"].as_str().unwrap_or_default();
            let mut say = |what: &str| complaints.push(format!("{name}: panel {title:?}: {what}"));
            if !ids.insert(panel["id"].as_u64().unwrap()) {
                say("an id twice");
            }
            if panel["type"] != "row" {
                if title.is_empty() || panel["description"].as_str().unwrap_or_default().is_empty() {
                    say("no title or description");
                }
                if panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap_or_default().is_empty() {
                    say("no unit");
                }
            }
            let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
            let cells =
                (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)));
            if !cells.into_iter().all(|cell| cell.0 < 24 && taken.insert(cell)) {
                say("lies on another, or beyond the edge");
            }
        }
    }
    none(complaints);
}

#[test]
fn alert_without_words_or_instructions_is_absent() {
    let rules = read("deploy/dashboards/alerts.yaml");
    let page = read("docs/monitoring.md");
    let mut named = BTreeSet::new();
    for rule in rules.split("- alert: ").skip(1) {
        let name = rule.lines().next().unwrap().trim();
        assert!(named.insert(name), "{name} twice");
        for wanted in ["expr: >-", "for: ", "severity: ", "summary: ", "description: >-"] {
            assert!(rule.contains(wanted), "{name} has no {wanted}");
        }
        let place = format!("runbook: docs/monitoring.md#{}", name.to_lowercase());
        assert!(rule.contains(&place), "{name} has no {place}");
    }
    let told: BTreeSet<&str> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert!(named.len() > 10);
    assert_eq!(named, told, "alerts, and what docs/monitoring.md says to do about each");
}
