//! A Docker host to try things on: an engine, images with real packages, a Compose project.

use crate::engine::Engine;
use crate::mesh::Mesh;
use crate::parts::trees;
use crate::until::until;
use anyhow::{Context, Result};
use api_wire::image::Image;
use api_wire::pod::PodQuery;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// An engine with a Compose project of three services, and a mesh for it.
pub struct Lab {
    /// The engine.
    pub engine: Engine,
    /// The mesh; nothing of it is started.
    pub mesh: Mesh,
    /// Where the packages came from, and what the package managers say of them.
    pub trees: PathBuf,
    project: PathBuf,
    // Dropped last: everything above lives in it.
    _folder: TempDir,
}

impl Lab {
    /// Start the engine, make the images, bring the project up.
    ///
    /// # Errors
    /// When a real part fails.
    pub async fn start() -> Result<Self> {
        let folder = short_folder()?;
        let engine = Engine::start(&folder.path().join("engine")).await?;
        let trees = trees()?;
        for tree in ["web", "api", "search"] {
            engine.import(&trees.join(tree), &format!("shop/{tree}:1"))?;
        }
        let project = project(folder.path(), &engine)?;
        let mesh = Mesh::new(&folder.path().join("mesh"), &engine.host())?;
        Ok(Lab { engine, mesh, trees, project, _folder: folder })
    }

    /// Run Compose on the project.
    ///
    /// # Errors
    /// When Compose fails.
    pub fn compose(&self, arguments: &[&str]) -> Result<String> {
        self.engine.compose(&self.project, arguments)
    }

    /// Give the `web` service another version of its image.
    ///
    /// # Errors
    /// When the build or Compose fails.
    pub fn upgrade_web(&self, version: u32, added: &[(&str, &str)]) -> Result<()> {
        let context = tempfile::tempdir()?;
        for (path, content) in added {
            let path = context.path().join("files").join(path);
            std::fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
            std::fs::write(path, content)?;
        }
        let dockerfile = "FROM shop/web:1\nCOPY files /\n";
        self.engine.build(context.path(), dockerfile, &format!("shop/web:{version}"))?;
        std::fs::write(self.project.join("docker-compose.yml"), compose_file(version))?;
        self.compose(&["up", "-d"])?;
        Ok(())
    }

    /// Wait until the mesh is at rest and knows the project with this version of its `web` service:
    /// at rest alone, it may not have heard of it yet.
    ///
    /// # Errors
    /// When that does not happen in time.
    pub async fn settled_with_web(&self, version: u32) -> Result<Vec<Image>> {
        let client = self.mesh.client("reader")?;
        let reference = format!("shop/web:{version}");
        let told = until("the core to know the new version", async || {
            let pods = client.pods(&PodQuery::default()).await?.items;
            let mut containers = pods.iter().flat_map(|pod| &pod.containers);
            Ok(containers.any(|container| container.reference == reference).then_some(()))
        });
        told.await.with_context(|| self.mesh.logs())?;
        self.mesh.settled(IMAGES.len()).await
    }

    /// The same, with a package that no other version has.
    ///
    /// # Errors
    /// As [`Lab::upgrade_web`].
    pub fn upgrade_web_marked(&self, version: u32) -> Result<()> {
        let marker = format!("Metadata-Version: 2.1\nName: chaos\nVersion: {version}.0\n");
        self.upgrade_web(version, &[(&format!("opt/chaos/chaos-{version}.0.dist-info/METADATA"), &marker)])
    }
}

/// A temporary folder with a short path: a socket's has at most 107 bytes.
///
/// # Errors
/// When it cannot be made.
pub fn short_folder() -> Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("lab").tempdir_in("/tmp")?)
}

/// Bring the project of three services up, from images that the engine has; returns its folder,
/// which lies in `folder`.
///
/// # Errors
/// When Compose fails.
pub fn project(folder: &Path, engine: &Engine) -> Result<PathBuf> {
    let project = folder.join("shop");
    std::fs::create_dir(&project)?;
    std::fs::write(project.join("docker-compose.yml"), compose_file(1))?;
    engine.compose(&project, &["up", "-d"])?;
    Ok(project)
}

/// The images of the project's services.
pub const IMAGES: [&str; 3] = ["shop/web:1", "shop/api:1", "shop/search:1"];

fn compose_file(web: u32) -> String {
    let service = |name: &str, image: &str| {
        format!(
            "  {name}:\n    image: {image}\n    command: /bin/sleep infinity\n    network_mode: none\n    stop_signal: SIGKILL\n"
        )
    };
    format!(
        "version: \"2.4\"\nservices:\n{}{}{}",
        service("web", &format!("shop/web:{web}")),
        service("api", "shop/api:1"),
        service("search", "shop/search:1")
    )
}

/// Read a file that the package managers wrote beside the trees.
///
/// # Errors
/// When it is not there.
pub fn expected(trees: &Path, name: &str) -> Result<String> {
    std::fs::read_to_string(trees.join(name)).with_context(|| format!("read {name}"))
}
