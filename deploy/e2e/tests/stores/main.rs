//! The same image from every store of a node gives the same inventory: containerd with blobs and
//! without, two snapshotters, Podman's storage with two drivers, Docker, an archive.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // Tests.

mod image;
mod runtimes;

use anyhow::{Context, Result};
use api_vocab::Inventory;
use api_wire::error::ErrorCode;
use api_wire::fetcher::ResolveRequest;
use api_wire::image_source::ImageSource;
use e2e::containerd::{Containerd, DEFAULT, Storage};
use e2e::engine::Engine;
use e2e::parts;
use image::LayeredImage;
use image_fetcher::config::{ContainerdSettings, FetcherSettings};
use image_fetcher::{Fetcher, app};
use runtimes::Podman;
use scanner_engines::Native;
use scanner_worker::{ScanError, Silent, scan_image};
use std::path::Path;
use std::sync::Arc;

const BUILT: &[&str] = &["debootstrap", "npm", "pip3", "tar", "sha256sum"];

fn can_run(test: &str, more: &[&str]) -> bool {
    parts::has(test, &[BUILT, more].concat())
}

fn a_folder() -> Result<tempfile::TempDir> {
    // A short path: a socket's has at most 107 bytes.
    Ok(tempfile::Builder::new().prefix("lab").tempdir_in("/tmp")?)
}

fn named(reference: &str) -> ResolveRequest {
    ResolveRequest { references: vec![reference.to_owned()], ..ResolveRequest::default() }
}

/// What the scanner finds in the image, and in which store.
async fn scanned(settings: &FetcherSettings) -> Result<(Inventory, String)> {
    let fetcher = app::build(settings).await?;
    Ok(scan(&fetcher).await?)
}

async fn scan(fetcher: &Fetcher) -> Result<(Inventory, String), ScanError> {
    let engine: Arc<dyn scanner_engines::Engine> = Arc::new(Native::default());
    let scanned = scan_image(fetcher, &engine, &named(image::NAME), &Silent).await?;
    Ok((scanned.inventory, scanned.image.fetched_from))
}

/// What the archive itself gives, which the image was made of.
async fn expected(image: &LayeredImage) -> Result<Inventory> {
    let settings = FetcherSettings { archives: vec![image.archive()], ..FetcherSettings::default() };
    let (inventory, from) = scanned(&settings).await?;
    assert_eq!(from, "docker-archive");
    image::check(&inventory)?;
    Ok(inventory)
}

fn containerd_settings(containerd: &Containerd) -> FetcherSettings {
    let (socket, root) = (containerd.socket(), containerd.root());
    let named = ContainerdSettings { socket, root, ..ContainerdSettings::default() };
    FetcherSettings { containerd: vec![named], ..FetcherSettings::default() }
}

#[track_caller]
fn same(found: &Inventory, expected: &Inventory) {
    let missing: Vec<_> = expected.packages.iter().filter(|p| !found.packages.contains(p)).take(5).collect();
    let more: Vec<_> = found.packages.iter().filter(|p| !expected.packages.contains(p)).take(5).collect();
    assert!(missing.is_empty() && more.is_empty(), "missing {missing:#?}\nmore {more:#?}");
    assert_eq!(found.problems, expected.problems);
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn containerd_with_blobs_and_without_gives_the_inventory_of_the_archive() -> Result<()> {
    if !can_run(
        "containerd_with_blobs_and_without_gives_the_inventory_of_the_archive",
        &["containerd", "ctr"],
    ) {
        return Ok(());
    }
    let image = LayeredImage::build()?;
    let expected = expected(&image).await?;
    for snapshotter in ["overlayfs", "native"] {
        let folder = a_folder()?;
        let storage = Storage { snapshotter, discards_layers: false };
        let containerd = Containerd::start(folder.path(), storage, None).await?;
        containerd.import(&image.archive())?;
        let settings = containerd_settings(&containerd);

        let (kept, from) = scanned(&settings).await?;
        assert_eq!(from, "containerd");
        same(&kept, &expected);

        assert!(containerd.discard_layers()? >= 3);
        let (discarded, from) = scanned(&settings).await?;
        assert_eq!(from, "containerd-snapshot", "{snapshotter}");
        same(&discarded, &expected);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn podman_storage_with_each_driver_gives_the_inventory_of_the_archive() -> Result<()> {
    if !can_run("podman_storage_with_each_driver_gives_the_inventory_of_the_archive", &["podman"]) {
        return Ok(());
    }
    let image = LayeredImage::build()?;
    let expected = expected(&image).await?;
    for driver in ["overlay", "vfs"] {
        let folder = a_folder()?;
        let podman = Podman::new(folder.path(), driver)?;
        podman.load(&image.archive())?;
        let settings =
            FetcherSettings { containers_storage: vec![podman.root()], ..FetcherSettings::default() };

        let (verified, from) = scanned(&settings).await?;
        assert_eq!(from, "containers-storage");
        same(&verified, &expected);

        podman.forget_recipes()?;
        let (reconstructed, _) = scanned(&settings).await?;
        same(&reconstructed, &expected);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_engine_gives_the_inventory_of_the_archive() -> Result<()> {
    if !can_run("docker_engine_gives_the_inventory_of_the_archive", &["dockerd", "docker"]) {
        return Ok(());
    }
    let image = LayeredImage::build()?;
    let expected = expected(&image).await?;
    let folder = a_folder()?;
    let engine = Engine::start(folder.path()).await?;
    engine.docker(&["load", "--quiet", "--input", &image.archive().to_string_lossy()])?;
    let settings = FetcherSettings { engines: vec![engine.host()], ..FetcherSettings::default() };
    let (found, from) = scanned(&settings).await?;
    assert_eq!(from, "docker");
    same(&found, &expected);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn containerd_image_is_found_by_each_digest_and_held() -> Result<()> {
    if !can_run("containerd_image_is_found_by_each_digest_and_held", &["containerd", "ctr"]) {
        return Ok(());
    }
    let image = LayeredImage::build_small()?;
    let folder = a_folder()?;
    let containerd = Containerd::start(folder.path(), DEFAULT, None).await?;
    containerd.import(&image.archive())?;
    let fetcher = app::build(&containerd_settings(&containerd)).await?;
    let resolved = fetcher.resolve(&named(image::NAME)).await?;
    let held = fetcher.holds().await?.digests;
    let identity = &resolved.identity;
    for digest in [&identity.config, &identity.manifest] {
        let digest = digest.clone().context("it has no such digest")?;
        assert!(held.contains(&digest), "{digest}");
        let request = ResolveRequest { digests: vec![digest], ..ResolveRequest::default() };
        assert_eq!(fetcher.resolve(&request).await?.identity, *identity);
    }
    let foreign = ResolveRequest { platform: "linux/s390x".parse().ok(), ..named(image::NAME) };
    assert_eq!(fetcher.resolve(&foreign).await.unwrap_err().code, ErrorCode::NotFound);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn containerd_gone_or_emptied_is_told_with_what_to_do() -> Result<()> {
    if !can_run("containerd_gone_or_emptied_is_told_with_what_to_do", &["containerd", "ctr"]) {
        return Ok(());
    }
    let image = LayeredImage::build_small()?;
    let folder = a_folder()?;
    let mut containerd = Containerd::start(folder.path(), DEFAULT, None).await?;
    containerd.import(&image.archive())?;
    let fetcher = app::build(&containerd_settings(&containerd)).await?;
    let resolved = fetcher.resolve(&named(image::NAME)).await?;

    // The blobs vanish between finding and reading: the next attempt finds what was unpacked.
    containerd.discard_layers()?;
    assert_eq!(read_first(&fetcher, &resolved).await, Err(ErrorCode::NotFound));
    let again = fetcher.resolve(&named(image::NAME)).await?;
    assert_eq!(again.fetched_from, "containerd-snapshot");

    // The snapshots vanish as well.
    containerd.remove_snapshots().await?;
    assert_eq!(read_first(&fetcher, &again).await, Err(ErrorCode::NotFound));
    let absent = fetcher.resolve(&named(image::NAME)).await.unwrap_err();
    assert_eq!(absent.code, ErrorCode::NotFound);
    assert!(absent.message.contains("neither its blob nor an unpacked folder"), "{absent}");

    containerd.kill()?;
    let gone = fetcher.resolve(&named(image::NAME)).await.unwrap_err();
    assert_eq!(gone.code, ErrorCode::Unavailable, "{gone}");
    assert!(gone.message.contains("does containerd run?"), "{gone}");
    std::fs::remove_file(containerd.socket())?;
    let gone = fetcher.resolve(&named(image::NAME)).await.unwrap_err();
    assert!(gone.message.contains("mounted into the image-fetcher?"), "{gone}");
    containerd.restart().await?;
    assert_eq!(fetcher.resolve(&named(image::NAME)).await.unwrap_err().code, ErrorCode::NotFound);
    Ok(())
}

/// Read the image's topmost layer to its end.
async fn read_first(fetcher: &Fetcher, image: &api_wire::fetcher::ResolvedImage) -> Result<usize, ErrorCode> {
    use futures_util::TryStreamExt;
    let wanted = [image.layers.last().unwrap().diff_id.clone()];
    let layers = fetcher.open_layers(&image.handle, &wanted).await.map_err(|error| error.code)?;
    layers.try_fold(0, |events, _| async move { Ok(events + 1) }).await.map_err(|error| error.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_image_removed_meanwhile_is_not_found() -> Result<()> {
    if !can_run("storage_image_removed_meanwhile_is_not_found", &["podman"]) {
        return Ok(());
    }
    let image = LayeredImage::build_small()?;
    let folder = a_folder()?;
    let podman = Podman::new(folder.path(), "overlay")?;
    podman.load(&image.archive())?;
    let fetcher = app::build(&FetcherSettings {
        containers_storage: vec![podman.root()],
        ..FetcherSettings::default()
    })
    .await?;
    let resolved = fetcher.resolve(&named(image::NAME)).await?;
    let config = resolved.identity.config.clone().context("no config")?;
    assert!(fetcher.holds().await?.digests.contains(&config));
    assert!(read_first(&fetcher, &resolved).await.is_ok());
    podman.podman(&["rmi", "--all", "--force"])?;
    assert_eq!(read_first(&fetcher, &resolved).await, Err(ErrorCode::NotFound));
    assert_eq!(fetcher.resolve(&named(image::NAME)).await.unwrap_err().code, ErrorCode::NotFound);
    assert!(!Path::new(&podman.root()).join("overlay-layers/layers.lock.new").exists());
    Ok(())
}
