//! Scanners scaled from one to five and down to two while there is work: each image is scanned once, and
//! each layer is fetched once, but for what a killed scanner had in hand.

use crate::{TURN, can_run};
use anyhow::{Context, Result, ensure};
use api_vocab::Digest;
use api_wire::image::{Image, ImageQuery, ImageState};
use e2e::cluster::Cluster;
use e2e::fleet::{each_was_scanned_once, events, packages_image, push};
use e2e::mesh::Mesh;
use e2e::registry::Registry;
use e2e::rights::install_rights;
use e2e::until::until;
use std::collections::BTreeSet;
use std::time::Instant;

/// How many contents there are, each a layer of two images: what they share shows only when they are
/// looked into.
const CONTENTS: usize = 24;
const IMAGES: usize = 2 * CONTENTS;
/// How many packages each has.
const PACKAGES: usize = 300;
/// How long a lease lasts: on a busy machine none that is held may lapse.
const LEASE_SECONDS: &str = "20";
/// Scanners that end in the middle of their work: by `kill -9`, and by a word.
const KILLED: [usize; 2] = [2, 3];
const ENDED: usize = 4;

struct Fleet {
    mesh: Mesh,
    registry: Registry,
    cluster: Cluster,
    /// What a kubelet would call the two images of each content.
    names: Vec<[(String, Digest); 2]>,
    _folder: tempfile::TempDir,
}

#[tokio::test(flavor = "multi_thread")]
async fn scanners_scaled_up_and_killed_lose_and_double_no_image() -> Result<()> {
    if !can_run("scanners_scaled_up_and_killed_lose_and_double_no_image") {
        return Ok(());
    }
    let _turn = TURN.lock().await;
    let mut fleet = Fleet::start().await?;
    let outcome = scenes(&mut fleet).await;
    outcome.with_context(|| fleet.mesh.logs())
}

#[allow(clippy::print_stderr)]
async fn scenes(fleet: &mut Fleet) -> Result<()> {
    let began = Instant::now();
    let seconds = || began.elapsed().as_secs_f64();
    fleet.mesh.start_replica(1, &fleet.registry).await?;
    fleet.until_scanned(4).await?;
    eprintln!("scaling: one scanner, {:.1} s: 4 images", seconds());
    for n in 2..=5 {
        fleet.mesh.start_replica(n, &fleet.registry).await?;
    }
    fleet.until_scanned(12).await?;
    let in_hand = fleet.end_three_at_work().await?;
    eprintln!(
        "scaling: five scanners, {:.1} s; three ended, {} contents in killed hands",
        seconds(),
        in_hand.len()
    );
    let images = fleet.until_scanned(IMAGES).await?;
    eprintln!("scaling: two scanners, {:.1} s: all {IMAGES} images", seconds());

    each_image_is_whole(fleet, &images)?;
    let told = events(&fleet.mesh.client("reader")?, &fleet.cluster).await?;
    each_was_scanned_once(&told, &images)?;
    let again = layers_fetched_again(fleet)?;
    eprintln!("scaling: in the hands of killed scanners {in_hand:?}; fetched more than once {again:?}");
    ensure!(again.is_subset(&in_hand), "contents {again:?} were fetched again without need");
    Ok(())
}

impl Fleet {
    async fn start() -> Result<Self> {
        // A short path: a socket's has at most 107 bytes.
        let folder = tempfile::Builder::new().prefix("fleet").tempdir_in("/tmp")?;
        let cluster = Cluster::start(&folder.path().join("a")).await?;
        let rights = install_rights(&cluster, &[]).await?;
        let registry = Registry::start(&folder.path().join("r")).await?;
        let mut mesh = Mesh::new(&folder.path().join("m"), "")?;
        mesh.set("core", "PERCEPTOR_CORE_SCANS__LEASE_SECONDS", LEASE_SECONDS);
        mesh.start_core().await?;
        mesh.start_named_perceiver("fleet", &rights)?;
        let mut names = Vec::new();
        for number in 0..CONTENTS {
            let name = format!("image{number}");
            let archive = packages_image(&name, PACKAGES, folder.path())?;
            // Its configuration is written anew for one of the formats.
            let one = push(&registry, &archive, &format!("fleet/{name}:1"), "--format=oci")?;
            let two = push(&registry, &archive, &format!("copy/{name}:1"), "--format=v2s2")?;
            for (copy, (image_id, _)) in [&one, &two].into_iter().enumerate() {
                cluster.pretend_pod("default", &format!("{name}-{copy}"), image_id, image_id).await?;
            }
            names.push([one, two]);
        }
        let fleet = Fleet { mesh, registry, cluster, names, _folder: folder };
        let client = fleet.mesh.client("reader")?;
        until("all pods to be known", async || {
            Ok((client.summary().await?.pods == IMAGES as u64).then_some(()))
        })
        .await?;
        Ok(fleet)
    }

    async fn images(&self) -> Result<Vec<Image>> {
        let query = ImageQuery { limit: Some(1000), ..ImageQuery::default() };
        Ok(self.mesh.client("reader")?.images(&query).await?.items)
    }

    /// Wait until at least so many images are scanned; at the end, until nothing else is left.
    async fn until_scanned(&self, count: usize) -> Result<Vec<Image>> {
        until(&format!("{count} scanned images"), async || {
            let images = self.images().await?;
            let scanned = images.iter().filter(|image| is_scanned(image)).count();
            let done = scanned >= count && (count < IMAGES || scanned == images.len());
            Ok(done.then_some(images))
        })
        .await
    }

    /// End three of five scanners while each has work in hand; which images that was.
    async fn end_three_at_work(&mut self) -> Result<BTreeSet<usize>> {
        let mut in_hand = BTreeSet::new();
        for n in KILLED {
            in_hand.extend(self.work_held(n).await?);
            self.mesh.kill(&format!("scanner-{n}"))?;
            self.mesh.kill(&format!("fetcher-{n}"))?;
        }
        let had = self.work_of(ENDED).await?;
        self.mesh.terminate(&format!("scanner-{ENDED}"))?;
        self.mesh.terminate(&format!("fetcher-{ENDED}"))?;
        // It went when its work was done: nobody waits for its lease to end.
        let still = self.leased_by(ENDED).await?;
        ensure!(still.is_empty(), "scanner {ENDED} went with {still:?} in hand, of {had:?}");
        let held = |names: &[(String, Digest); 2]| names.iter().any(|(_, name)| in_hand.contains(name));
        Ok(self.names.iter().enumerate().filter(|(_, names)| held(names)).map(|(number, _)| number).collect())
    }

    /// The images that scanner has a lease of, once it has any; it is held there, so that what it has
    /// is what it had when it was killed.
    async fn work_held(&self, n: usize) -> Result<BTreeSet<Digest>> {
        let scanner = format!("scanner-{n}");
        until(&format!("work of {scanner}"), async || {
            self.mesh.freeze(&scanner)?;
            let work = self.leased_by(n).await?;
            if work.is_empty() {
                self.mesh.thaw(&scanner)?;
            }
            Ok(Some(work).filter(|work| !work.is_empty()))
        })
        .await
    }

    /// The images that scanner has a lease of, once it has any.
    async fn work_of(&self, n: usize) -> Result<BTreeSet<Digest>> {
        until(&format!("work of scanner {n}"), async || {
            Ok(Some(self.leased_by(n).await?).filter(|images| !images.is_empty()))
        })
        .await
    }

    async fn leased_by(&self, n: usize) -> Result<BTreeSet<Digest>> {
        let name = format!("scanner-{n}");
        let has = |image: &Image| match &image.state {
            ImageState::Leased { scanner, .. } => scanner.to_string() == name,
            _ => false,
        };
        Ok(self.images().await?.into_iter().filter(has).map(|image| image.digest).collect())
    }
}

fn is_scanned(image: &Image) -> bool {
    matches!(image.state, ImageState::Scanned { partial: false, .. })
}

fn each_image_is_whole(fleet: &Fleet, images: &[Image]) -> Result<()> {
    assert_eq!(images.len(), IMAGES);
    for image in images {
        assert_eq!((image.pods, image.packages), (1, Some(PACKAGES as u64)), "{image:?}");
    }
    for (_, name) in fleet.names.iter().flatten() {
        let known = images.iter().any(|image| image.digest == *name || image.aliases.contains(name));
        ensure!(known, "{name} is lost");
    }
    Ok(())
}

/// The contents, by number, whose layer the registry gave away more than once, as it says itself.
fn layers_fetched_again(fleet: &Fleet) -> Result<BTreeSet<usize>> {
    let (fetched, mut again) = (fleet.registry.blobs_fetched(), BTreeSet::new());
    for (number, names) in fleet.names.iter().enumerate() {
        let mut layers = BTreeSet::new();
        for (_, manifest) in names {
            layers.extend(fleet.registry.layers(&manifest.to_string())?);
        }
        match layers.iter().map(|layer| fetched.get(layer).copied().unwrap_or(0)).sum() {
            0 => anyhow::bail!("the registry's log tells of no layer of content {number}"),
            1 => {}
            _ => drop(again.insert(number)),
        }
    }
    Ok(again)
}
