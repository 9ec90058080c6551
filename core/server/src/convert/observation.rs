//! Observations: from the wire to the model, each on its own, so that one bad item refuses itself only.

use super::context::context_from;
use api_vocab::{ImageRef, PodKey, ReportedImage};
use api_wire::observation as wire;
use core_model::{Observation, ObservationRefusal, ObservedContainer, ObservedImage, ObservedPod};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Why an item of a batch was not taken, for whoever sent it.
pub type Complaint = String;

/// The observation in `raw`.
pub fn observation_from(raw: &RawValue) -> Result<Observation, Complaint> {
    match serde_json::from_str(raw.get()).map_err(|error| error.to_string())? {
        wire::Observation::PodPresent { pod } => Ok(Observation::PodPresent(pod_from(pod)?)),
        wire::Observation::PodGone { key } => {
            Ok(Observation::PodGone(key.parse().map_err(|error: api_vocab::PodKeyError| error.to_string())?))
        }
        wire::Observation::ImagePresent { image } => Ok(Observation::ImagePresent(image_from(image))),
        wire::Observation::ImageGone { digest } => Ok(Observation::ImageGone(digest)),
    }
}

/// What one line of a full state says to be there: mostly a pod.
pub fn line_from(line: &[u8]) -> Result<Observation, Complaint> {
    let error = match serde_json::from_slice(line) {
        Ok(pod) => return pod_from(pod).map(Observation::PodPresent),
        Err(error) => error,
    };
    match serde_json::from_slice::<wire::ImageLine>(line) {
        Ok(listed) => Ok(Observation::ImagePresent(image_from(listed.image))),
        Err(_) => Err(error.to_string()),
    }
}

/// The pod that a line names which cannot be taken, if that much of it can be read.
pub fn key_from(line: &[u8]) -> Option<PodKey> {
    #[derive(Deserialize)]
    struct Keyed {
        key: PodKey,
    }
    serde_json::from_slice::<Keyed>(line).ok().map(|keyed| keyed.key)
}

/// The image that `shape` describes; a form of it that is none is left out.
fn image_from(shape: wire::ObservedImage) -> ObservedImage {
    ObservedImage {
        digest: shape.digest,
        references: shape.references.into_iter().map(Into::into).collect(),
        repo_digests: shape.repo_digests.iter().filter_map(|text| text.parse().ok()).collect(),
    }
}

/// The pod that `shape` describes.
pub fn pod_from(shape: wire::ObservedPod) -> Result<ObservedPod, Complaint> {
    let owner = shape.owner.as_deref().map(str::parse).transpose();
    let containers = shape.containers.iter().map(|container| (&*container.name, &container.privileges));
    let context = context_from(shape.context, shape.platform, containers);
    Ok(ObservedPod {
        key: shape.key.parse().map_err(|error: api_vocab::PodKeyError| error.to_string())?,
        uid: shape.uid.into(),
        node: shape.node.map(Into::into),
        owner: owner.map_err(|error: api_vocab::OwnerError| error.to_string())?,
        phase: shape.phase,
        started_at: shape.started_at,
        labels: shape.labels.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
        context,
        containers: shape.containers.into_iter().map(container_from).collect(),
    })
}

/// The container that `shape` describes. A runtime's form of image id that nobody knows leaves
/// the container unresolved, which is shown, and costs neither the pod nor its batch.
fn container_from(shape: wire::ObservedContainer) -> ObservedContainer {
    let mut reported = shape.image_id.and_then(|text| text.parse::<ReportedImage>().ok());
    let repo_digests: Vec<ImageRef> =
        shape.repo_digests.iter().filter_map(|text| text.parse::<ImageRef>().ok()).collect();
    if reported.is_none() {
        // A pinned reference names its content before any runtime does.
        let pinned = shape.image.parse::<ImageRef>().ok();
        let digest = pinned.as_ref().and_then(|reference| reference.digest().cloned());
        reported = digest.map(|digest| ReportedImage { digest, reference: pinned });
    }
    ObservedContainer {
        name: shape.name.into(),
        kind: shape.kind,
        reference: shape.image.into(),
        reported,
        repo_digests,
    }
}

/// Most refusals that an answer names.
const MAX_REFUSED: usize = 100;

/// The answer to a batch: `places` are the places in the request of the items that reached the
/// model, `complaints` those that did not.
pub fn outcome_to(
    observed: &core_model::Observed,
    places: &[u64],
    complaints: Vec<(u64, Complaint)>,
) -> wire::ObservationOutcome {
    let of_model = observed.refused.iter().map(|(at, why): &(usize, ObservationRefusal)| {
        (places.get(*at).copied().unwrap_or(*at as u64), why.to_string())
    });
    let mut refused: Vec<_> = complaints.into_iter().chain(of_model).collect();
    refused.sort_unstable();
    wire::ObservationOutcome {
        accepted: observed.accepted as u64,
        refused_total: refused.len() as u64,
        refused: refused
            .into_iter()
            .take(MAX_REFUSED)
            .map(|(index, message)| wire::RefusedObservation { index, message })
            .collect(),
    }
}
