//! Standings: how a pod, or an image that a source lists, stands.

use super::fleet::Fleet;
use crate::convert::finding::counts_to;
use api_vocab::{Digest, SourceId};
use api_wire::standing::{ContainerStanding, ImageStanding, PodStanding};
use core_model::{Container, Image, Pod, Stage, Tally, Thresholds};
use std::sync::Arc;

impl Fleet<'_> {
    /// How a pod stands.
    pub fn pod_standing(self, pod: &Pod, thresholds: Thresholds) -> PodStanding {
        let known = pod.images().into_iter().filter_map(|key| self.view.tally(key));
        let known = pod.count(known.fold(Tally::default(), Tally::plus));
        let images: Vec<Option<Arc<Image>>> =
            pod.containers.iter().map(|container| self.view.image(container.image.as_deref()?)).collect();
        let is_known = |image: &Option<Arc<Image>>| image.as_ref().is_some_and(|image| self.is_known(image));
        let all_known = !images.is_empty() && images.iter().all(is_known);
        let containers = pod.containers.iter().zip(&images);
        PodStanding {
            key: pod.id.key.to_string(),
            uid: pod.uid.text().into_owned(),
            verdict: thresholds.verdict(&known, all_known),
            findings: self.findings_of(pod),
            containers: containers
                .map(|(container, image)| self.container_standing(pod, container, image.as_deref()))
                .collect(),
        }
    }

    fn container_standing(
        self,
        pod: &Pod,
        container: &Container,
        image: Option<&Image>,
    ) -> ContainerStanding {
        let tally = image.and_then(|image| self.view.tally(&image.key));
        ContainerStanding {
            name: container.name.to_string(),
            kind: container.kind,
            reference: container.reference.to_string(),
            image: container.image.as_deref().cloned(),
            state: image.map_or("unresolved", |image| image.stage().as_str()).to_owned(),
            findings: tally.and_then(|tally| counts_to(&pod.count(tally))),
            scanned_at: image.and_then(|image| image.scan.as_ref()).map(|scan| scan.at),
        }
    }

    /// How an image stands that a source lists by `digest`.
    pub fn image_standing(self, digest: Digest, thresholds: Thresholds) -> ImageStanding {
        let image = self.view.image(&digest);
        let tally = image.as_ref().and_then(|image| self.view.tally(&image.key));
        let all_known = image.as_ref().is_some_and(|image| self.is_known(image));
        ImageStanding {
            digest,
            verdict: thresholds.verdict(&tally.unwrap_or_default(), all_known),
            state: image.as_ref().map_or(Stage::Queued, |image| image.stage()).as_str().to_owned(),
            findings: tally.as_ref().and_then(counts_to),
            scanned_at: image.as_ref().and_then(|image| image.scan.as_ref()).map(|scan| scan.at),
        }
    }

    /// Whether nothing can be in the image besides what its tally counts.
    fn is_known(self, image: &Image) -> bool {
        image.is_known_whole() && self.view.tally(&image.key).is_some()
    }

    /// Whether `source` runs or lists the image.
    pub fn concerns(self, source: &SourceId, image: &Image) -> bool {
        !self.view.pods_of_image_in(source, &image.key, None, 1).is_empty()
            || !self.view.listed_as(source, image).is_empty()
    }
}
