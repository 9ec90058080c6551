//! The roster: containers as the engine last described them, by id.

use crate::map::{Details, ImageNames, Known, pod};
use api_wire::observation::ObservedPod;
use bollard::models::ContainerSummary;
use std::collections::{BTreeSet, HashMap, HashSet};

/// More stale containers than this, and listing all is cheaper.
const MANY: usize = 16;

/// What the engine must be asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stale {
    /// Everything.
    All,
    /// These containers.
    Some(BTreeSet<String>),
}

impl Default for Stale {
    fn default() -> Self {
        Stale::Some(BTreeSet::new())
    }
}

impl Stale {
    pub(super) fn one(id: String) -> Self {
        if id.is_empty() { Stale::All } else { Stale::Some(BTreeSet::from([id])) }
    }

    pub(super) fn is_none(&self) -> bool {
        matches!(self, Stale::Some(ids) if ids.is_empty())
    }

    pub(super) fn join(&mut self, other: Stale) {
        match (&mut *self, other) {
            (Stale::Some(ids), Stale::Some(more)) => {
                ids.extend(more);
                if ids.len() > MANY {
                    *self = Stale::All;
                }
            }
            _ => *self = Stale::All,
        }
    }
}

/// Containers as the engine last described them.
pub(super) struct Roster {
    node: String,
    labels: Vec<String>,
    containers: HashMap<String, ContainerSummary>,
    details: HashMap<String, Details>,
    images: HashMap<String, ImageNames>,
    complained: HashSet<String>,
}

impl Roster {
    pub(super) fn new(node: String, labels: Vec<String>) -> Self {
        Roster {
            node,
            labels,
            containers: HashMap::new(),
            details: HashMap::new(),
            images: HashMap::new(),
            complained: HashSet::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.containers.len()
    }

    /// These are all containers. Images are looked at anew: their names may have changed.
    pub(super) fn replace(&mut self, listed: Vec<ContainerSummary>) {
        self.containers = by_id(listed).collect();
        self.images.clear();
        let containers = &self.containers;
        self.details.retain(|id, _| containers.contains_key(id));
        self.complained.retain(|id| containers.contains_key(id));
    }

    /// Of the containers `asked`, these are there.
    pub(super) fn update(&mut self, asked: &[String], listed: Vec<ContainerSummary>) {
        for id in asked {
            self.containers.remove(id);
            self.details.remove(id);
        }
        self.containers.extend(by_id(listed));
    }

    /// Containers whose details or image are not known, with their images.
    pub(super) fn unknown(&self) -> Vec<(String, String)> {
        let image = |summary: &ContainerSummary| summary.image_id.clone().unwrap_or_default();
        let all = self.containers.iter().map(|(id, summary)| (id.clone(), image(summary)));
        all.filter(|(id, image)| !self.details.contains_key(id) || !self.images.contains_key(image)).collect()
    }

    pub(super) fn detail(&mut self, id: &str, details: Details) {
        self.details.insert(id.to_owned(), details);
    }

    pub(super) fn knows_image(&self, image: &str) -> bool {
        self.images.contains_key(image)
    }

    pub(super) fn name_image(&mut self, image: &str, names: ImageNames) {
        self.images.insert(image.to_owned(), names);
    }

    /// The pods that the containers are. One that cannot be told is said once, and left out.
    pub(super) fn pods(&mut self) -> Vec<ObservedPod> {
        let mut pods = Vec::with_capacity(self.containers.len());
        for (id, summary) in &self.containers {
            let known = Known {
                summary,
                details: self.details.get(id),
                image: summary.image_id.as_ref().and_then(|image| self.images.get(image)),
                node: &self.node,
                labels: &self.labels,
            };
            match pod(known) {
                Ok(pod) => pods.extend(pod),
                Err(error) => {
                    if self.complained.insert(id.clone()) {
                        tracing::warn!(%error, "container left out");
                    }
                }
            }
        }
        pods
    }
}

fn by_id(listed: Vec<ContainerSummary>) -> impl Iterator<Item = (String, ContainerSummary)> {
    listed.into_iter().map(|summary| (summary.id.clone().unwrap_or_default(), summary))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bollard::models::ContainerSummaryStateEnum;

    fn container(id: &str, name: &str) -> ContainerSummary {
        ContainerSummary {
            id: Some(id.into()),
            names: Some(vec![format!("/{name}")]),
            state: Some(ContainerSummaryStateEnum::RUNNING),
            ..ContainerSummary::default()
        }
    }

    fn keys(roster: &mut Roster) -> Vec<(String, String)> {
        let mut keys: Vec<_> = roster.pods().into_iter().map(|pod| (pod.key, pod.uid)).collect();
        keys.sort();
        keys
    }

    #[test]
    fn name_that_passes_to_another_container_is_the_others() {
        let mut roster = Roster::new("n".into(), Vec::new());
        roster.replace(vec![container("1", "web")]);
        roster.update(&["2".into(), "1".into()], vec![container("2", "web")]);
        assert_eq!(keys(&mut roster), [("/web".into(), "2".into())]);
        roster.update(&["2".into()], vec![container("2", "renamed")]);
        assert_eq!(keys(&mut roster), [("/renamed".into(), "2".into())]);
    }

    #[test]
    fn container_without_a_name_is_left_out_and_costs_no_other() {
        let mut roster = Roster::new("n".into(), Vec::new());
        let nameless = ContainerSummary { names: None, ..container("2", "") };
        roster.replace(vec![container("1", "web"), nameless]);
        assert_eq!(keys(&mut roster).len(), 1);
    }

    #[test]
    fn stale_beyond_a_few_is_everything() {
        let mut stale = Stale::default();
        assert!(stale.is_none());
        for n in 0..MANY {
            stale.join(Stale::one(n.to_string()));
        }
        assert!(matches!(&stale, Stale::Some(ids) if ids.len() == MANY));
        stale.join(Stale::one("one more".into()));
        assert_eq!(stale, Stale::All);
        assert_eq!(Stale::one(String::new()), Stale::All);
    }
}
