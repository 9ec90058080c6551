//! Marks: labels and annotations on pods and workloads. Pure: what they are to be, and what they are.

mod classic;
mod product;

use super::MANAGER;
use super::settings::KeySet;
use super::stand::{Stand, Sum};
use api_wire::summary::SeverityCounts;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The longest value of a label.
const MAX_LABEL: usize = 63;
/// More containers than these are not marked one by one: annotations of one object have a limit.
const MAX_CONTAINERS: usize = 64;
/// Our own keys; as a label, only the first.
const OWN: [&str; 8] = ["verdict", "state", "critical", "high", "medium", "low", "fixable", "link"];

/// Labels and annotations.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Marks {
    /// Labels; each value is well-formed.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

impl Marks {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.annotations.is_empty()
    }

    /// What is remembered of them; the same in one process for the same marks.
    pub fn print(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    fn label(&mut self, name: impl Into<String>, value: &str) {
        self.labels.insert(name.into(), label_value(value));
    }

    fn annotate(&mut self, name: impl Into<String>, value: impl ToString) {
        self.annotations.insert(name.into(), value.to_string());
    }
}

/// The marks of a pod.
pub fn of_pod(sets: &[KeySet], stand: &Stand, link: Option<&str>) -> Marks {
    let mut marks = of_workload(sets, &Sum::of_pod(stand), link);
    if sets.contains(&KeySet::Classic) {
        classic::add(&mut marks, stand, link);
    }
    if sets.contains(&KeySet::Product) {
        product::add(&mut marks, stand, link);
    }
    marks
}

/// The marks of a workload, which only our own set has.
pub fn of_workload(sets: &[KeySet], sum: &Sum, link: Option<&str>) -> Marks {
    let mut marks = Marks::default();
    if !sets.contains(&KeySet::Perceptor) {
        return marks;
    }
    let key = |name: &str| format!("perceptor.dev/{name}");
    marks.label(key("verdict"), sum.verdict.as_str());
    marks.annotate(key("verdict"), sum.verdict);
    marks.annotate(key("state"), sum.state.as_str());
    if let Some(SeverityCounts { critical, high, medium, low, fixable, .. }) = sum.findings {
        let counts = [("critical", critical), ("high", high), ("medium", medium), ("low", low)];
        for (name, count) in counts.into_iter().chain([("fixable", fixable)]) {
            marks.annotate(key(name), count);
        }
    }
    if let Some(link) = link {
        marks.annotate(key("link"), link);
    }
    marks
}

/// What is remembered of the marks that an object bears; none if we own nothing of it.
pub fn present(meta: &ObjectMeta) -> Option<u64> {
    let mut entries = meta.managed_fields.iter().flatten();
    if !entries.any(|entry| entry.manager.as_deref() == Some(MANAGER)) {
        return None;
    }
    let keep = |all: Option<&BTreeMap<String, String>>, is_ours: fn(&str) -> bool| {
        let all = all.into_iter().flatten().filter(|(name, _)| is_ours(name));
        all.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let marks = Marks {
        labels: keep(meta.labels.as_ref(), is_label),
        annotations: keep(meta.annotations.as_ref(), is_annotation),
    };
    (!marks.is_empty()).then(|| marks.print())
}

fn is_label(name: &str) -> bool {
    name == "perceptor.dev/verdict" || classic::is_label(name) || product::is_label(name)
}

fn is_annotation(name: &str) -> bool {
    let own = name.strip_prefix("perceptor.dev/").is_some_and(|rest| OWN.contains(&rest));
    own || classic::is_annotation(name) || product::is_annotation(name)
}

/// `value` as a label may be: at most 63 letters, digits, `-`, `_`, `.`, letters or digits at its
/// ends.
pub fn label_value(value: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '.' };
    let cut: String = value.chars().map(allowed).take(MAX_LABEL).collect();
    cut.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

/// `imageN…`: the number's end; none if it is another name.
fn after_number(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("image")?;
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if digits == 0 { None } else { rest.get(digits..) }
}

#[cfg(test)]
mod tests;
