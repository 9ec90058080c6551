//! What charts and bases promise about themselves: images by digest, values with descriptions.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::fs;
use tidy::tree;

fn lines(folder: &str, ending: &str) -> Vec<(String, String)> {
    tree::files(&tree::root().join(folder), ending)
        .unwrap()
        .iter()
        .flat_map(|file| {
            let text = fs::read_to_string(file).unwrap();
            text.lines().map(|line| (file.display().to_string(), line.to_owned())).collect::<Vec<_>>()
        })
        .collect()
}

fn none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn image_of_a_pod_is_named_by_digest_or_by_the_charts_own_rule() {
    let named_well =
        |image: &str| image.contains("@sha256:") || image.contains("include \"perceptor.image\"");
    let images: Vec<_> = ["deploy/helm", "deploy/kustomize"]
        .into_iter()
        .flat_map(|folder| lines(folder, ".yaml").into_iter().chain(lines(folder, ".tpl")))
        .filter_map(|(file, line)| {
            let image = line.trim().trim_start_matches("- ").strip_prefix("image: ")?;
            Some((file, image.to_owned()))
        })
        .collect();
    assert!(images.len() > 10, "where have the images gone?");
    none(images.iter().filter(|(_, image)| !named_well(image)).map(|found| format!("{found:?}")).collect());
}

#[test]
fn latest_is_no_tag_of_anything() {
    let files = ["yaml", "tpl", "sh", "Dockerfile"].into_iter().flat_map(|ending| lines("deploy", ending));
    none(files.filter(|(_, line)| line.contains(":latest")).map(|found| format!("{found:?}")).collect());
}

#[test]
fn value_of_the_chart_without_a_description_is_absent() {
    let file = tree::root().join("deploy/helm/perceptor/values.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let mut complaints = Vec::new();
    describe(&schema, "", &mut complaints);
    none(complaints);
}

/// Every property has a description, and an object takes no others or says what they are.
fn describe(schema: &Value, path: &str, complaints: &mut Vec<String>) {
    let Some(properties) = schema["properties"].as_object() else { return };
    let others = &schema["additionalProperties"];
    if *others != Value::Bool(false) && others["description"].as_str().is_none_or(str::is_empty) {
        complaints.push(format!("{path}: unknown keys are not refused"));
    }
    for (key, value) in properties {
        let path = format!("{path}.{key}");
        if value["description"].as_str().unwrap_or_default().is_empty() {
            complaints.push(format!("{path}: no description"));
        }
        describe(value, &path, complaints);
    }
}
