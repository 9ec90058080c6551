//! The inventory file: TOML, YAML or JSON; pods, their containers, their images' archives.

use api_vocab::{Digest, ImageRef, Owner, PodKey, SourceId, SourceKind};
use config::{Config, File, FileFormat};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const MAX_FILE: u64 = 64 << 20;
const MAX_CONTAINERS: usize = 1_000;

/// An inventory that could not be used.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The file could not be read.
    #[error("read inventory {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not an inventory.
    #[error("inventory {path}: {reason}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what would be right.
        reason: String,
    },
}

/// Pods, as a person or a program listed them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// `inventory/<name>`: the file's `name`, or the name of the file.
    pub source: SourceId,
    /// The pods, sorted by key.
    pub pods: Vec<InventoryPod>,
}

/// A pod of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryPod {
    /// `namespace/name`.
    pub key: PodKey,
    /// The workload it belongs to.
    pub owner: Option<Owner>,
    /// The node it runs on.
    pub node: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its containers; at least one.
    pub containers: Vec<InventoryContainer>,
}

/// A container of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryContainer {
    /// Its name within the pod.
    pub name: String,
    /// The image reference.
    pub image: ImageRef,
    /// docker-archive, OCI archive or OCI layout folder that holds the image; absolute if the
    /// inventory's path is.
    pub archive: Option<PathBuf>,
    /// The image's digest, where the list states it.
    pub digest: Option<Digest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileShape {
    name: Option<String>,
    #[serde(default)]
    pods: Vec<PodShape>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PodShape {
    #[serde(default)]
    namespace: String,
    name: String,
    owner: Option<String>,
    node: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    containers: Vec<ContainerShape>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContainerShape {
    name: Option<String>,
    image: String,
    archive: Option<PathBuf>,
    digest: Option<String>,
}

impl Inventory {
    /// Read the inventory in `path`.
    pub fn load(path: &Path) -> Result<Self, InventoryError> {
        let failed = |source| InventoryError::Read { path: path.to_owned(), source };
        if std::fs::metadata(path).map_err(failed)?.len() > MAX_FILE {
            return Err(failed(std::io::Error::other("larger than 64 MiB")));
        }
        Inventory::parse(path, &std::fs::read_to_string(path).map_err(failed)?)
            .map_err(|reason| InventoryError::Malformed { path: path.to_owned(), reason })
    }

    /// Parse the text of the inventory that lies in `path`; archives are relative to its folder.
    pub fn parse(path: &Path, text: &str) -> Result<Self, String> {
        let shape: FileShape = Config::builder()
            .add_source(File::from_str(text, format_of(path)?))
            .build()
            .and_then(Config::try_deserialize)
            .map_err(|e| e.to_string())?;
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("inventory");
        let name = shape.name.as_deref().unwrap_or(stem);
        let source = SourceId::new(SourceKind::Inventory, name).map_err(|e| format!("name: {e}"))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut pods = BTreeMap::new();
        for (place, shape) in shape.pods.into_iter().enumerate() {
            let pod = pod(shape, folder).map_err(|reason| format!("pods[{place}]: {reason}"))?;
            if let Some(twin) = pods.insert(pod.key.clone(), pod) {
                return Err(format!("pods[{place}]: there is another pod {}", twin.key));
            }
        }
        Ok(Inventory { source, pods: pods.into_values().collect() })
    }

    /// The archives it names, each once, with a reference to an image in each.
    pub fn archives(&self) -> BTreeMap<&Path, &ImageRef> {
        let containers = self.pods.iter().flat_map(|pod| &pod.containers);
        containers.filter_map(|c| Some((c.archive.as_deref()?, &c.image))).collect()
    }
}

fn format_of(path: &Path) -> Result<FileFormat, String> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => Ok(FileFormat::Toml),
        Some("yaml" | "yml") => Ok(FileFormat::Yaml),
        Some("json") => Ok(FileFormat::Json),
        _ => Err("its name must end in .toml, .yaml or .json".to_owned()),
    }
}

fn pod(shape: PodShape, folder: &Path) -> Result<InventoryPod, String> {
    let key = PodKey::new(&shape.namespace, &shape.name).map_err(|e| format!("name: {e}"))?;
    let owner = shape.owner.map(|owner| owner.parse()).transpose();
    let owner = owner.map_err(|e: api_vocab::OwnerError| format!("owner: {e}"))?;
    if shape.containers.is_empty() || shape.containers.len() > MAX_CONTAINERS {
        return Err(format!("containers: expected 1 to {MAX_CONTAINERS}, found {}", shape.containers.len()));
    }
    let mut containers = Vec::with_capacity(shape.containers.len());
    for (place, shape) in shape.containers.into_iter().enumerate() {
        let name = shape.name.clone().unwrap_or_else(|| match place {
            0 => key.name().to_owned(),
            _ => format!("{}-{place}", key.name()),
        });
        let container = container(name, shape, folder);
        containers.push(container.map_err(|reason| format!("containers[{place}]: {reason}"))?);
    }
    Ok(InventoryPod { key, owner, node: shape.node, labels: shape.labels, containers })
}

fn container(name: String, shape: ContainerShape, folder: &Path) -> Result<InventoryContainer, String> {
    let image: ImageRef = shape.image.parse().map_err(|e| format!("image: {e}"))?;
    let stated = shape.digest.map(|digest| digest.parse()).transpose();
    let stated = stated.map_err(|e: api_vocab::DigestError| format!("digest: {e}"))?;
    let digest = stated.or_else(|| image.digest().cloned());
    Ok(InventoryContainer { name, image, archive: shape.archive.map(|path| folder.join(path)), digest })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOML: &str = r#"
        name = "sample"
        [[pods]]
        namespace = "shop"
        name = "web-1"
        owner = "compose/shop/web"
        node = "host-1"
        labels = { team = "red" }
        [[pods.containers]]
        name = "web"
        image = "example.org/shop/web:1.4"
        archive = "images/web.tar"
        [[pods]]
        name = "cron"
        [[pods.containers]]
        image = "alpine:3.19"
        archive = "/srv/alpine"
        digest = "sha256:0101010101010101010101010101010101010101010101010101010101010101"
    "#;

    const YAML: &str = "
name: sample
pods:
  - {name: cron, containers: [{image: 'alpine:3.19', archive: /srv/alpine, digest: 'sha256:0101010101010101010101010101010101010101010101010101010101010101'}]}
  - namespace: shop
    name: web-1
    owner: compose/shop/web
    node: host-1
    labels: {team: red}
    containers: [{name: web, image: 'example.org/shop/web:1.4', archive: images/web.tar}]
";

    #[test]
    fn inventory_in_each_format_says_the_same() {
        let toml = Inventory::parse(Path::new("/x/a.toml"), TOML).unwrap();
        assert_eq!(toml.source.to_string(), "inventory/sample");
        let keys: Vec<&str> = toml.pods.iter().map(|pod| pod.key.as_str()).collect();
        assert_eq!(keys, ["/cron", "shop/web-1"]);
        let cron = &toml.pods[0].containers[0];
        assert_eq!((&*cron.name, cron.digest.clone()), ("cron", Some(Digest::sha256([1; 32]))));
        let archives: Vec<&Path> = toml.archives().into_keys().collect();
        assert_eq!(archives, [Path::new("/srv/alpine"), Path::new("/x/images/web.tar")]);
        assert_eq!(Inventory::parse(Path::new("/x/b.yaml"), YAML).unwrap(), toml);
    }

    #[test]
    fn inventory_without_a_name_has_its_files() {
        let inventory = Inventory::parse(Path::new("/x/edge-7.json"), r#"{"pods":[]}"#).unwrap();
        assert_eq!(inventory.source.to_string(), "inventory/edge-7");
    }

    #[test]
    fn inventory_malformed_is_refused_with_the_place() {
        let twice = r#"{"pods":[{"name":"a","containers":[{"image":"x"}]},{"name":"a","containers":[{"image":"x"}]}]}"#;
        for (text, parts) in [
            ("{", ["", ""]),
            (r#"{"pods":[{"name":"a"}]}"#, ["containers", ""]),
            (r#"{"pods":[{"name":"a","containers":[]}]}"#, ["pods[0]: containers", "found 0"]),
            (r#"{"pods":[{"name":"a/b","containers":[{"image":"x"}]}]}"#, ["pods[0]: name", "a/b"]),
            (
                r#"{"pods":[{"name":"a","containers":[{"image":"X Y"}]}]}"#,
                ["pods[0]: containers[0]: image", "X Y"],
            ),
            (r#"{"pods":[{"name":"a","containers":[{"image":"x","digest":"1"}]}]}"#, ["digest", "sha256:"]),
            (r#"{"pods":[{"name":"a","owner":"x","containers":[{"image":"x"}]}]}"#, ["owner", "kind/name"]),
            (r#"{"pods":[{"name":"a","images":[]}]}"#, ["images", "expected"]),
            (r#"{"name":"a b"}"#, ["name", "a b"]),
            (twice, ["pods[1]", "another pod /a"]),
        ] {
            let error = Inventory::parse(Path::new("a.json"), text).unwrap_err();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
        assert!(Inventory::parse(Path::new("a.xml"), "").unwrap_err().contains(".toml"));
    }
}
