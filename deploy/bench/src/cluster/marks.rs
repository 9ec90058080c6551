//! What pods were marked with by server-side apply, and how they look since.

use super::layout::{PODS, place};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Pods beside those of the beginning that can be marked: those that replace others.
const REPLACING: usize = 10_000;
const PARTS: [&str; 2] = ["labels", "annotations"];

/// Marks of pods, by the pods' numbers.
#[derive(Default)]
pub struct Marks {
    numbers: OnceLock<HashMap<String, usize>>,
    given: Mutex<HashMap<usize, Box<str>>>,
}

impl Marks {
    /// The number of the pod at this path; none if nothing is there.
    pub fn pod_at(&self, path: &str) -> Option<usize> {
        let key = path.strip_prefix("/api/v1/namespaces/")?.replacen("/pods/", "/", 1);
        let named = |n: usize| (format!("{}/{}", place(n).namespace(), place(n).name(n)), n);
        self.numbers.get_or_init(|| (0..PODS + REPLACING).map(named).collect()).get(&key).copied()
    }

    /// A pod has these labels and annotations of the perceiver's, instead of those that it had.
    pub fn give(&self, n: usize, metadata: &Value) {
        let parts = PARTS.map(|part| metadata.get(part).cloned().unwrap_or_else(|| json!({})));
        self.given().insert(n, json!(parts).to_string().into());
    }

    /// How many pods are marked.
    pub fn count(&self) -> usize {
        self.given().len()
    }

    /// The pod with its marks, and who wrote them, as the server shows it.
    pub fn dress(&self, n: usize, pod: &mut Value) {
        let given =
            self.given().get(&n).and_then(|text| serde_json::from_str::<[Map<String, Value>; 2]>(text).ok());
        let Some((given, metadata)) = given.zip(pod.get_mut("metadata").and_then(Value::as_object_mut))
        else {
            return;
        };
        let mut fields = Map::new();
        for (part, values) in PARTS.into_iter().zip(given) {
            let owned: Map<String, Value> =
                values.keys().map(|name| (format!("f:{name}"), json!({}))).collect();
            fields.insert(format!("f:{part}"), owned.into());
            if let Some(all) = metadata.entry(part).or_insert_with(|| json!({})).as_object_mut() {
                all.extend(values);
            }
        }
        let author = json!({ "manager": "perceptor", "operation": "Apply", "apiVersion": "v1",
            "time": "2026-11-21T15:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": { "f:metadata": fields } });
        if let Some(authors) = metadata.entry("managedFields").or_insert_with(|| json!([])).as_array_mut() {
            authors.push(author);
        }
    }

    fn given(&self) -> MutexGuard<'_, HashMap<usize, Box<str>>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pod_is_found_by_its_path_and_shown_with_its_marks() {
        let (marks, last) = (Marks::default(), PODS + 7);
        let path = format!("/api/v1/namespaces/{}/pods/{}", place(last).namespace(), place(last).name(last));
        assert_eq!(marks.pod_at(&path), Some(last));
        assert_eq!(marks.pod_at("/api/v1/namespaces/team-001/pods/none"), None);
        marks.give(last, &json!({ "labels": { "v": "fail" }, "uid": "x" }));
        let mut pod = json!({ "metadata": { "labels": { "app": "web" }, "managedFields": [{}] } });
        marks.dress(last, &mut pod);
        assert_eq!(pod["metadata"]["labels"], json!({ "app": "web", "v": "fail" }));
        assert_eq!(
            pod["metadata"]["managedFields"][1]["fieldsV1"]["f:metadata"]["f:labels"],
            json!({ "f:v": {} })
        );
        let before = pod.clone();
        marks.dress(3, &mut pod);
        assert_eq!(pod, before, "another pod has none");
    }
}
