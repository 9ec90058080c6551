//! What is to be scanned: a folder, an archive, or an image of this host's engines.

use crate::cli::RegistryArgs;
use crate::commands::WrongInput;
use crate::progress::Progress;
use anyhow::{Context, Result};
use api_chassis::config::environment;
use api_chassis::engines::{EngineState, find_engines};
use api_vocab::{Digest, ImageRef, Inventory};
use api_wire::fetcher::{ResolveRequest, ResolvedImage};
use image_fetcher::Fetcher;
use image_fetcher::stores::Store;
use image_fetcher::stores::archive::ArchiveStore;
use image_fetcher::stores::docker::DockerStore;
use image_fetcher::stores::registry::{HostSettings, RegistrySettings, RegistryStore};
use scanner_engines::{Engine, Native};
use scanner_rootfs::Budget;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// What is to be scanned.
pub enum Target {
    /// The root of a file tree.
    Folder(PathBuf),
    /// An archive, or an OCI layout folder, and which of its images is meant.
    Archive(PathBuf, ResolveRequest),
    /// An image by digest or reference, and the registry to ask for it.
    Image(ResolveRequest, Option<RegistrySettings>),
}

/// What was scanned.
pub struct ScannedTarget {
    /// What it is made of; nothing for a folder.
    pub image: Option<ResolvedImage>,
    /// What is inside.
    pub inventory: Inventory,
}

impl ScannedTarget {
    /// The digest that the image is best known by.
    pub fn digest(&self) -> Option<&Digest> {
        let identity = &self.image.as_ref()?.identity;
        identity.manifest.as_ref().or(identity.config.as_ref())
    }
}

impl Target {
    /// What a person means by `text`: something on disk if it is there, else an image.
    pub fn of(text: &str, args: &RegistryArgs) -> Result<Self> {
        let of_platform = ResolveRequest { platform: args.platform.clone(), ..ResolveRequest::default() };
        match on_disk(Path::new(text))? {
            Some(_) if args.registry => {
                Err(WrongInput(format!("{text:?} is on this disk; leave --registry out, or name an image"))
                    .into())
            }
            Some(OnDisk::Folder) if args.platform.is_some() => {
                Err(WrongInput(format!("{text:?} is a folder of files, which has no --platform")).into())
            }
            Some(OnDisk::Folder) => Ok(Target::Folder(text.into())),
            Some(OnDisk::Archive) => Ok(Target::Archive(text.into(), of_platform)),
            None => Target::image(text, of_platform, args),
        }
    }

    fn image(text: &str, of_platform: ResolveRequest, args: &RegistryArgs) -> Result<Self> {
        if let Ok(digest) = text.parse::<Digest>() {
            if args.registry {
                let message = "a digest alone names no registry; expected registry/repository@digest";
                return Err(WrongInput(message.to_owned()).into());
            }
            return Ok(Target::Image(ResolveRequest { digests: vec![digest], ..of_platform }, None));
        }
        let reference: ImageRef = text
            .parse()
            .map_err(|error| WrongInput(format!("{text:?} is neither a file nor a folder, and {error}")))?;
        let digests = reference.digest().cloned().into_iter().collect();
        let request = ResolveRequest { digests, references: vec![text.to_owned()], ..of_platform };
        Ok(Target::Image(request, args.registry.then(|| registry_settings(&reference, args))))
    }

    /// Scan it.
    pub async fn scan(&self, progress: &Progress) -> Result<ScannedTarget> {
        match self {
            Target::Folder(path) => scan_folder(path.clone()).await,
            Target::Archive(path, request) => {
                let store: Box<dyn Store> = Box::new(ArchiveStore::new(path.clone()));
                scan_image(vec![store], request, progress)
                    .await
                    .with_context(|| format!("scan {}", path.display()))
            }
            Target::Image(request, registry) => {
                let stores = image_stores(registry.as_ref()).await?;
                let digest = || request.digests.first().map(ToString::to_string);
                let name = request.references.first().cloned().or_else(digest).unwrap_or_default();
                scan_image(stores, request, progress).await.with_context(|| format!("scan {name}"))
            }
        }
    }
}

/// What stands at a path.
enum OnDisk {
    Folder,
    Archive,
}

/// Nothing at all there may be an image's name; what may not be looked at is no image's.
fn on_disk(path: &Path) -> Result<Option<OnDisk>> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() && !path.join("oci-layout").exists() => Ok(Some(OnDisk::Folder)),
        Ok(_) => Ok(Some(OnDisk::Archive)),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Err(WrongInput(format!("{}: {error}", path.display())).into())
        }
        Err(_) => Ok(None),
    }
}

async fn scan_folder(path: PathBuf) -> Result<ScannedTarget> {
    let subject = format!("scan {}", path.display());
    let read = move || -> std::io::Result<Inventory> {
        let start = Instant::now();
        let clock = move || start.elapsed();
        let extractors = scanner_extract::registry::all();
        let layer = scanner_extract::extract_directory(&path, &extractors, &Budget::default(), &clock)?;
        Ok(scanner_extract::stack(&[layer]))
    };
    Ok(ScannedTarget { image: None, inventory: tokio::task::spawn_blocking(read).await?.context(subject)? })
}

async fn scan_image(
    stores: Vec<Box<dyn Store>>,
    request: &ResolveRequest,
    progress: &Progress,
) -> Result<ScannedTarget> {
    let engine: Arc<dyn Engine> = Arc::new(Native::new(Budget::default()));
    let scanned = scanner_worker::scan_image(&Fetcher::new(stores), &engine, request, progress).await?;
    Ok(ScannedTarget { image: Some(scanned.image), inventory: scanned.inventory })
}

/// A person named this registry: it may be on this machine.
fn registry_settings(image: &ImageRef, args: &RegistryArgs) -> RegistrySettings {
    let host = HostSettings {
        host: image.registry().to_owned(),
        ca_file: args.registry_ca.clone(),
        plain_http: args.plain_http,
        ..HostSettings::default()
    };
    let credentials = args.credentials.clone();
    RegistrySettings { enabled: true, hosts: vec![host], credentials, ..RegistrySettings::default() }
}

/// The engines, then the registry if it may be asked; without one, an engine must be there.
async fn image_stores(registry: Option<&RegistrySettings>) -> Result<Vec<Box<dyn Store>>> {
    let Some(settings) = registry else { return engine_stores().await };
    let registry = RegistryStore::new(settings).map_err(|error| WrongInput(error.to_string()))?;
    let mut stores = engine_stores().await.unwrap_or_default();
    stores.push(Box::new(registry));
    Ok(stores)
}

/// The engines that answer; what is wrong with the others, if none does.
async fn engine_stores() -> Result<Vec<Box<dyn Store>>> {
    let candidates = find_engines(&environment().collect()).await;
    let mut stores: Vec<Box<dyn Store>> = Vec::new();
    for candidate in &candidates {
        if matches!(candidate.state, EngineState::Found(_)) {
            stores.push(Box::new(DockerStore::new(&candidate.endpoint, None)));
        }
    }
    if stores.is_empty() {
        let tried: Vec<String> =
            candidates.iter().map(|c| format!("{} ({}): {}", c.origin, c.endpoint, c.state)).collect();
        return Err(WrongInput(format!(
            "no such file or folder, and no container engine to ask for an image of that name (--registry asks its registry): {}",
            tried.join("; ")
        ))
        .into());
    }
    Ok(stores)
}
