//! The perceiver of a static inventory: reads it, resolves its archives, reads it again on change.

use super::{Inventory, InventoryContainer, InventoryError, InventoryPod};
use crate::{SendSettings, Sender, Sight};
use api_chassis::clock::SystemClock;
use api_chassis::reload::Stamp;
use api_chassis::shutdown::Shutdown;
use api_client::Client;
use api_vocab::{ContainerKind, Digest, ImageRef, PodPhase};
use api_wire::observation::{ObservedContainer, ObservedPod};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Learns the digest of the image `reference` in the archive at a path, by opening it.
pub type Resolver =
    Arc<dyn Fn(PathBuf, ImageRef) -> BoxFuture<'static, Result<Digest, String>> + Send + Sync>;

/// Perceive the inventory in `file` and tell the core, until shutdown.
pub async fn run(
    file: PathBuf,
    resolver: Option<Resolver>,
    send: SendSettings,
    client: Client,
    shutdown: Shutdown,
) -> Result<(), InventoryError> {
    let source = Inventory::load(&file)?.source;
    tracing::info!(%source, file = %file.display(), core = client.core(), "perceiving");
    let sender = Sender::new(client, source, send, Arc::new(SystemClock));
    let perceiver = InventoryPerceiver::new(file, sender.sight(), resolver);
    let telling = sender.run(shutdown.clone());
    let looking = perceiver.run(shutdown);
    tokio::try_join!(looking, telling.map(Ok)).map(|_| ())
}

/// Watches one inventory file.
pub struct InventoryPerceiver {
    file: PathBuf,
    sight: Sight,
    resolver: Option<Resolver>,
    interval: Duration,
}

impl InventoryPerceiver {
    /// A perceiver of `file`, writing into `sight`. Without a resolver, containers whose digest
    /// the file does not state stay unresolved.
    pub fn new(file: PathBuf, sight: Sight, resolver: Option<Resolver>) -> Self {
        InventoryPerceiver { file, sight, resolver, interval: api_chassis::reload::INTERVAL }
    }

    /// Look at the file this often.
    pub fn every(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Perceive until shutdown. Fails only if the file cannot be used at the start; later, what
    /// was read before stays in force.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), InventoryError> {
        let mut inventory = Inventory::load(&self.file)?;
        let mut seen = self.stamp(&inventory);
        self.tell(&inventory).await;
        while shutdown.sleep(self.interval).await {
            if self.stamp(&inventory) == seen {
                continue;
            }
            match Inventory::load(&self.file) {
                Ok(fresh) if fresh.source == inventory.source => {
                    tracing::info!(file = %self.file.display(), pods = fresh.pods.len(), "inventory read again");
                    inventory = fresh;
                    self.tell(&inventory).await;
                }
                Ok(fresh) => {
                    let (was, is) = (&inventory.source, &fresh.source);
                    tracing::error!(%was, %is, "inventory changed its name; restart to take it");
                }
                Err(error) => tracing::error!(%error, "changed inventory not taken"),
            }
            seen = self.stamp(&inventory);
        }
        Ok(())
    }

    fn stamp(&self, inventory: &Inventory) -> Stamp {
        let archives = inventory.archives().into_keys().map(Path::to_owned);
        let files: Vec<PathBuf> = std::iter::once(self.file.clone()).chain(archives).collect();
        Stamp::of(&files)
    }

    async fn tell(&self, inventory: &Inventory) {
        let mut pods = Vec::with_capacity(inventory.pods.len());
        for pod in &inventory.pods {
            let mut digests = Vec::with_capacity(pod.containers.len());
            for container in &pod.containers {
                digests.push(self.digest(container).await);
            }
            pods.push(observe(pod, &digests));
        }
        self.sight.replace(pods);
    }

    async fn digest(&self, container: &InventoryContainer) -> Option<Digest> {
        let (Some(archive), Some(resolver)) = (&container.archive, &self.resolver) else {
            return container.digest.clone();
        };
        if container.digest.is_some() {
            return container.digest.clone();
        }
        match resolver(archive.clone(), container.image.clone()).await {
            Ok(digest) => Some(digest),
            Err(error) => {
                tracing::warn!(archive = %archive.display(), image = %container.image, error, "archive not read");
                None
            }
        }
    }
}

/// A pod of the list as it is told to the core; `digests` are those of its containers, in order.
pub fn observe(pod: &InventoryPod, digests: &[Option<Digest>]) -> ObservedPod {
    let containers = pod.containers.iter().enumerate().map(|(place, container)| ObservedContainer {
        name: container.name.clone(),
        kind: ContainerKind::Regular,
        image: container.image.to_string(),
        image_id: digests.get(place).cloned().flatten().map(|digest| digest.to_string()),
        repo_digests: Vec::new(),
        privileges: Default::default(),
    });
    ObservedPod {
        key: pod.key.to_string(),
        uid: pod.key.to_string(),
        node: pod.node.clone(),
        platform: None,
        owner: pod.owner.as_ref().map(ToString::to_string),
        phase: PodPhase::Running,
        started_at: None,
        labels: pod.labels.clone(),
        context: Default::default(),
        containers: containers.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api_client::fake::{Answer, FakeCore, Request};
    use api_wire::observation::{Observation, ObservationBatch, ObservationOutcome};

    fn changed(asked: &[Request]) -> Vec<Observation> {
        let batches = asked.iter().filter(|request| request.method == "POST");
        batches.flat_map(|request| request.json::<ObservationBatch>().unwrap().observations).collect()
    }

    fn text(image: &str) -> String {
        format!("pods: [{{name: a, containers: [{{image: '{image}', archive: a.tar}}]}}]")
    }

    #[tokio::test]
    async fn inventory_changed_is_told_anew_and_inventory_broken_is_not() {
        let core = FakeCore::start(|_| Answer::json(200, &ObservationOutcome::default())).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("edge.yaml");
        std::fs::write(&file, text("one")).unwrap();
        let source = Inventory::load(&file).unwrap().source;
        let settings = SendSettings { max_delay_ms: 1, ..SendSettings::default() };
        let sender = Sender::new(core.client().unwrap(), source, settings, Arc::new(SystemClock));
        let resolver: Resolver = Arc::new(|_, image| {
            let digest = if image.repository() == "library/one" { 1 } else { 2 };
            async move { Ok(Digest::sha256([digest; 32])) }.boxed()
        });
        let perceiver = InventoryPerceiver::new(file.clone(), sender.sight(), Some(resolver));
        let shutdown = Shutdown::new();
        let sending = tokio::spawn(sender.run(shutdown.clone()));
        let looking = tokio::spawn(perceiver.every(Duration::from_millis(5)).run(shutdown.clone()));

        assert!(core.until(|asked| asked.iter().any(|request| request.method == "PUT")).await);
        let first: Vec<ObservedPod> = core.asked()[0].lines().unwrap();
        assert_eq!(first[0].containers[0].image_id, Some(Digest::sha256([1; 32]).to_string()));

        std::fs::write(&file, "pods: [").unwrap();
        std::fs::rename(&file, dir.path().join("broken")).unwrap();
        std::fs::write(dir.path().join("new"), text("second")).unwrap();
        std::fs::rename(dir.path().join("new"), &file).unwrap();
        assert!(core.until(|asked| !changed(asked).is_empty()).await);
        let Observation::PodPresent { pod } = &changed(&core.asked())[0] else { panic!() };
        assert_eq!(pod.containers[0].image_id, Some(Digest::sha256([2; 32]).to_string()));
        assert_eq!(changed(&core.asked()).len(), 1);
        shutdown.begin();
        looking.await.unwrap().unwrap();
        sending.await.unwrap();
    }

    #[tokio::test]
    async fn inventory_without_a_resolver_is_told_with_what_it_states() {
        let core = FakeCore::start(|_| Answer::json(200, &ObservationOutcome::default())).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let (file, digest) = (dir.path().join("edge.yaml"), Digest::sha256([7; 32]));
        let stated =
            format!("pods: [{{name: a, containers: [{{image: x, digest: '{digest}'}}, {{image: y}}]}}]");
        std::fs::write(&file, stated).unwrap();
        let (client, shutdown) = (core.client().unwrap(), Shutdown::new());
        let running = tokio::spawn(run(file, None, SendSettings::default(), client, shutdown.clone()));
        assert!(core.until(|asked| !asked.is_empty()).await);
        assert_eq!(core.asked()[0].line(), "PUT /api/v1/sources/inventory/edge/state");
        let pods: Vec<ObservedPod> = core.asked()[0].lines().unwrap();
        let ids: Vec<_> = pods[0].containers.iter().map(|c| c.image_id.clone()).collect();
        assert_eq!(ids, [Some(digest.to_string()), None]);
        shutdown.begin();
        running.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn inventory_absent_at_the_start_is_an_error() {
        let core = FakeCore::start(|_| Answer::Cut).await.unwrap();
        let (file, client) = ("/nowhere/x.toml".into(), core.client().unwrap());
        let outcome = run(file, None, SendSettings::default(), client, Shutdown::new()).await;
        assert!(matches!(outcome, Err(InventoryError::Read { .. })));
    }
}
