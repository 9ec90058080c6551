//! The fetcher as a service: socket, stores, API, and a graceful end.

use crate::Fetcher;
use crate::config::{ContainerdSettings, FetcherSettings, StoreKind};
use crate::http::{FetcherMetrics, routes};
use crate::stores::Store;
use crate::stores::archive::ArchiveStore;
use crate::stores::containerd::ContainerdStore;
use crate::stores::docker::DockerStore;
use crate::stores::registry::RegistryStore;
use crate::stores::storage::StorageStore;
use anyhow::Context;
use api_chassis::door::Door;
use api_chassis::engines::{EngineState, find_engines};
use api_chassis::http::{HttpSettings, Listener, Served};
use api_chassis::shutdown::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An export's first byte may take the engine a while.
const REQUEST_SECONDS: u64 = 600;
/// Where CRI-O and Podman keep images, of root.
const STORAGE: &str = "/var/lib/containers/storage";

/// A fetcher over the stores that the settings name, or the engines that are found.
///
/// # Errors
/// A setting cannot be used.
pub async fn build(settings: &FetcherSettings) -> anyhow::Result<Fetcher> {
    let settings = named_or_found(settings).await;
    let mut stores: Vec<(StoreKind, Box<dyn Store>)> = Vec::new();
    for named in &settings.containerd {
        stores.push((StoreKind::Containerd, Box::new(ContainerdStore::new(named))));
    }
    for root in &settings.containers_storage {
        stores.push((StoreKind::ContainersStorage, Box::new(StorageStore::new(root))));
    }
    for endpoint in &settings.engines {
        stores.push((StoreKind::Docker, Box::new(DockerStore::new(endpoint, None))));
    }
    for path in &settings.archives {
        stores.push((StoreKind::Archive, Box::new(ArchiveStore::new(path))));
    }
    if settings.registry.enabled {
        let registry = RegistryStore::new(&settings.registry).context("use registries")?;
        stores.push((StoreKind::Registry, Box::new(registry)));
    }
    let place = |kind: StoreKind| settings.order.iter().position(|named| *named == kind);
    stores.sort_by_key(|(kind, _)| place(*kind).unwrap_or(usize::MAX));
    Ok(Fetcher::new(stores.into_iter().map(|(_, store)| store).collect()))
}

/// Where no store is named, those that are found.
async fn named_or_found(settings: &FetcherSettings) -> FetcherSettings {
    let mut settings = settings.clone();
    if settings.names_no_store() {
        settings.engines = found_engines().await;
        settings.containerd = Some(ContainerdSettings::default())
            .filter(|containerd| std::os::unix::net::UnixStream::connect(&containerd.socket).is_ok())
            .into_iter()
            .collect();
        let storage = PathBuf::from(STORAGE);
        settings.containers_storage =
            Some(storage).filter(|storage| storage.read_dir().is_ok()).into_iter().collect();
    }
    settings
}

async fn found_engines() -> Vec<String> {
    let mut found = Vec::new();
    for candidate in find_engines(&api_chassis::config::environment().collect()).await {
        match candidate.state {
            EngineState::NotFound => continue,
            EngineState::Found(_) => tracing::info!(endpoint = candidate.endpoint, "engine found"),
            ref state => tracing::warn!(endpoint = candidate.endpoint, %state, "engine cannot be used yet"),
        }
        found.push(candidate.endpoint);
    }
    found
}

/// Serve `fetcher` until `shutdown` begins.
///
/// # Errors
/// The socket cannot be made.
pub fn start(
    settings: &FetcherSettings,
    fetcher: Arc<Fetcher>,
    shutdown: Shutdown,
) -> anyhow::Result<Served> {
    let listener = listen(settings).with_context(|| format!("listen on {}", settings.socket.display()))?;
    let mut door = Door::of("image_fetcher");
    let api = routes(fetcher, FetcherMetrics::register(door.registry()));
    let http = HttpSettings {
        workers: settings.workers,
        drain_seconds: settings.drain_seconds,
        request_timeout_seconds: REQUEST_SECONDS,
        requests_per_second: 0,
        ..HttpSettings::default()
    };
    door.serve_beside(Listener::Unix(listener), &http, shutdown, api).context("serve")
}

/// A socket that has its mode and group before anybody can find it under its name.
fn listen(settings: &FetcherSettings) -> anyhow::Result<UnixListener> {
    let mode = u32::from_str_radix(&settings.socket_mode, 8).ok().filter(|mode| mode & !0o660 == 0);
    let mode =
        mode.with_context(|| format!("socket_mode {:?}: expected 600 or 660", settings.socket_mode))?;
    let folder = settings.socket.parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::create_dir_all(folder.unwrap_or(Path::new(".")))?;
    let unnamed = settings.socket.with_extension(format!("new-{}", std::process::id()));
    // What a process of the same number left that was killed here: in a container all have one number.
    match std::fs::remove_file(&unnamed) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let listener = UnixListener::bind(&unnamed)?;
    let prepared = prepare(&unnamed, mode, settings);
    if prepared.is_err() {
        std::fs::remove_file(&unnamed)?;
    }
    prepared?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn prepare(unnamed: &Path, mode: u32, settings: &FetcherSettings) -> std::io::Result<()> {
    std::os::unix::fs::chown(unnamed, None, settings.socket_group)?;
    std::fs::set_permissions(unnamed, std::fs::Permissions::from_mode(mode))?;
    std::fs::rename(unnamed, &settings.socket)
}
