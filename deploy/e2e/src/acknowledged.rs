//! What the core has acknowledged: it must still say so after whatever happens to it.

use crate::mesh::Mesh;
use anyhow::{Result, ensure};
use api_vocab::Digest;
use api_wire::image::{Image, ImageQuery, ImageState};
use std::collections::BTreeMap;

/// Scanned images with the number of their packages, as the core told them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged(BTreeMap<Digest, u64>);

impl Acknowledged {
    /// What the core says it knows.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn by(mesh: &Mesh) -> Result<Self> {
        let images = mesh.client("reader")?.images(&ImageQuery::default()).await?.items;
        let known = |image: Image| match image.state {
            ImageState::Scanned { .. } => Some((image.digest, image.packages?)),
            _ => None,
        };
        Ok(Acknowledged(images.into_iter().filter_map(known).collect()))
    }

    /// Complain if the core no longer knows any of it; `after` says after what.
    ///
    /// # Errors
    /// When something is lost, or the core does not answer.
    pub async fn is_kept(&self, mesh: &Mesh, after: &str) -> Result<()> {
        let now = Acknowledged::by(mesh).await?;
        for (image, packages) in &self.0 {
            let known = now.0.get(image);
            ensure!(known == Some(packages), "{after}: image {image} had {packages} packages, now {known:?}");
        }
        Ok(())
    }
}
