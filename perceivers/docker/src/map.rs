//! From what the engine says to what the core is told. Pure: no engine is asked here.

mod owner;

use api_vocab::{ContainerKind, ImageRef, PodKey, PodPhase, Timestamp};
use api_wire::observation::{ObservedContainer, ObservedPod};
use bollard::models::{ContainerInspectResponse, ContainerSummary, ContainerSummaryStateEnum, ImageInspect};
use owner::owner;
use std::collections::{BTreeMap, HashMap};

/// Most repository digests of one image that are sent.
const MAX_REPO_DIGESTS: usize = 64;
/// The longest label that is sent.
const MAX_LABEL: usize = 1_024;

/// What the list of containers does not say about one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Details {
    /// The image as it was asked for; the list shows an id once the tag has moved on.
    pub asked: Option<String>,
    /// When it started last.
    pub started_at: Option<Timestamp>,
}

impl From<&ContainerInspectResponse> for Details {
    fn from(answer: &ContainerInspectResponse) -> Self {
        let started = answer.state.as_ref().and_then(|state| state.started_at.as_deref());
        let started = started.and_then(|text| text.parse::<Timestamp>().ok());
        Details {
            asked: answer.config.as_ref().and_then(|config| config.image.clone()),
            // The year 1 says that it never did.
            started_at: started.filter(|time| time.as_millis() > 0),
        }
    }
}

/// Under which names the engine has an image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImageNames {
    /// `repository:tag`.
    pub tags: Vec<String>,
    /// `repository@digest`.
    pub digests: Vec<String>,
}

impl From<ImageInspect> for ImageNames {
    fn from(answer: ImageInspect) -> Self {
        let named = |names: Option<Vec<String>>| {
            let names = names.unwrap_or_default().into_iter();
            // `<none>:<none>` is how some versions say that there is no name.
            names.filter(|name| !name.contains('<')).take(MAX_REPO_DIGESTS).collect()
        };
        ImageNames { tags: named(answer.repo_tags), digests: named(answer.repo_digests) }
    }
}

/// A container that cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("container {id}: {reason}")]
pub struct MapError {
    /// Its id, cut.
    pub id: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What is known about a container, and how it is to be told.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// From the list.
    pub summary: &'a ContainerSummary,
    /// From its inspection, where that worked.
    pub details: Option<&'a Details>,
    /// Of its image, where that could be inspected.
    pub image: Option<&'a ImageNames>,
    /// The engine's name.
    pub node: &'a str,
    /// Labels to send along.
    pub labels: &'a [String],
}

/// The pod that a container is; none if it has ended.
pub fn pod(known: Known<'_>) -> Result<Option<ObservedPod>, MapError> {
    let Known { summary, details, .. } = known;
    let Some(phase) = phase(summary) else { return Ok(None) };
    let id = summary.id.clone().unwrap_or_default();
    let refused = |reason: String| MapError { id: id.chars().take(64).collect(), reason };
    if id.is_empty() {
        return Err(refused("it has no id".to_owned()));
    }
    let name = name(summary).ok_or_else(|| refused("it has no name".to_owned()))?;
    let key = PodKey::new("", name).map_err(|e| refused(e.to_string()))?;
    let container = ObservedContainer {
        name: name.to_owned(),
        kind: ContainerKind::Regular,
        image: asked(known),
        image_id: summary.image_id.clone().filter(|id| !id.is_empty()),
        repo_digests: known.image.map(|image| image.digests.clone()).unwrap_or_default(),
        privileges: Default::default(),
    };
    Ok(Some(ObservedPod {
        key: key.to_string(),
        uid: id,
        node: Some(known.node.to_owned()),
        platform: None,
        owner: owner(summary.labels.as_ref(), name).map(|owner| owner.to_string()),
        phase,
        started_at: details.and_then(|details| details.started_at),
        labels: labels(summary.labels.as_ref(), known.labels),
        context: Default::default(),
        containers: vec![container],
    }))
}

fn phase(summary: &ContainerSummary) -> Option<PodPhase> {
    match summary.state? {
        ContainerSummaryStateEnum::CREATED => Some(PodPhase::Pending),
        ContainerSummaryStateEnum::RUNNING
        | ContainerSummaryStateEnum::PAUSED
        | ContainerSummaryStateEnum::RESTARTING
        | ContainerSummaryStateEnum::STOPPING => Some(PodPhase::Running),
        ContainerSummaryStateEnum::EXITED
        | ContainerSummaryStateEnum::DEAD
        | ContainerSummaryStateEnum::REMOVING
        | ContainerSummaryStateEnum::EMPTY => None,
    }
}

/// Its own name: links show as further names below other containers' (`/web/db`).
fn name(summary: &ContainerSummary) -> Option<&str> {
    let names = summary.names.iter().flatten();
    let mut own = names.map(|name| name.strip_prefix('/').unwrap_or(name));
    own.find(|name| !name.is_empty() && !name.contains('/'))
}

/// The reference that was asked for: as written; where an id was asked for, a name of the image.
fn asked(known: Known<'_>) -> String {
    let id = known.summary.image_id.as_deref().unwrap_or_default();
    let listed = known.summary.image.as_deref();
    let inspected = known.details.and_then(|details| details.asked.as_deref());
    let written = [inspected, listed].into_iter().flatten().find(|text| is_reference(text, id));
    let named = || {
        let image = known.image?;
        image.tags.first().or(image.digests.first()).map(String::as_str)
    };
    written.or_else(named).or(listed).unwrap_or(id).to_owned()
}

/// Whether `text` is a reference and not the image's id or the beginning of it.
fn is_reference(text: &str, id: &str) -> bool {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    let is_id = digits.len() >= 4 && id.strip_prefix("sha256:").unwrap_or(id).starts_with(digits);
    !text.is_empty() && !text.starts_with("sha256:") && !is_id && text.parse::<ImageRef>().is_ok()
}

fn labels(all: Option<&HashMap<String, String>>, wanted: &[String]) -> BTreeMap<String, String> {
    let Some(all) = all else { return BTreeMap::new() };
    let found = wanted.iter().filter_map(|name| Some((name.clone(), all.get(name)?.clone())));
    found.filter(|(_, value)| value.len() <= MAX_LABEL).collect()
}

#[cfg(test)]
mod tests;
