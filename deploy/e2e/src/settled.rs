//! A mesh at rest: every pod is known, every image that runs is scanned and matched.

use crate::mesh::Mesh;
use crate::until::until;
use anyhow::{Context, Result};
use api_wire::image::{Image, ImageQuery, ImageState};
use api_wire::pod::{Pod, PodQuery};

impl Mesh {
    /// Wait until the core knows `pods` pods and has scanned all their images.
    ///
    /// # Errors
    /// When that does not happen in time; the error shows what is known and logged.
    pub async fn settled(&self, pods: usize) -> Result<Vec<Image>> {
        let client = self.client("reader")?;
        let settled = until("all images to be scanned", async || {
            let known = client.pods(&PodQuery::default()).await?.items;
            let images = client.images(&ImageQuery::default()).await?.items;
            let running: Vec<Image> = images.into_iter().filter(|image| image.pods > 0).collect();
            let rest =
                |image: &Image| matches!(image.state, ImageState::Scanned { .. }) && image.findings.is_some();
            Ok((known.len() == pods && known.iter().all(is_resolved) && running.iter().all(rest))
                .then_some(running))
        })
        .await;
        settled.with_context(|| format!("{}\n{}", state(self), self.logs()))
    }
}

fn is_resolved(pod: &Pod) -> bool {
    pod.containers.iter().all(|container| container.image.is_some())
}

fn state(mesh: &Mesh) -> String {
    ["pods", "images"]
        .map(|list| mesh.perceptor(&[list, "-o", "wide"]).unwrap_or_else(|error| error.to_string()))
        .join("\n")
}
