//! What is known to be in the cluster already of what we put there: listed once at the start, so that
//! a restart writes nothing again. Pure.

use super::summary::{CONTENT, ScanStatus, Since, TRUNCATED, print};
use super::vulnerabilities::Listed;
use kube::api::DynamicObject;
use serde::Deserialize;
use serde_json::Value;

/// An object of ours, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// What it was made from.
    pub content: String,
    /// What its status says, what is listed apart.
    pub status: String,
    /// Since when its conditions hold.
    pub since: Since,
    /// What is listed in it; none if that was never learnt.
    pub listed: Option<String>,
}

/// An object that was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The id of what owns it.
    pub owner: String,
    /// What it is.
    pub entry: Entry,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    #[serde(rename = "observedGeneration")]
    generation: Option<i64>,
    vulnerabilities: Vec<Listed>,
    #[serde(flatten)]
    status: ScanStatus,
}

/// Of an object as the server lists it; one that cannot be read is one that must be written.
pub fn of(object: DynamicObject) -> Option<Found> {
    let meta = object.metadata;
    let content = meta.annotations.unwrap_or_default().remove(CONTENT).unwrap_or_default();
    let owner = meta.owner_references.unwrap_or_default().into_iter().next().map(|owner| owner.uid);
    let status = object.data.get("status").cloned().unwrap_or(Value::Null);
    let mut entry = Entry { content, ..Entry::default() };
    if let Ok(status) = serde_json::from_value::<Status>(status) {
        entry.since = status.status.since();
        if status.generation == meta.generation {
            entry.status = status.status.print();
        }
        let truncated = status.status.conditions.iter().find(|condition| condition.kind == TRUNCATED);
        entry.listed = Some(listing(&status.vulnerabilities, truncated.map(|it| it.message.as_str())));
    }
    Some(Found { namespace: meta.namespace?, name: meta.name?, owner: owner.unwrap_or_default(), entry })
}

/// What stands for a list.
pub fn listing(listed: &[Listed], truncated: Option<&str>) -> String {
    print(&(listed, truncated))
}
