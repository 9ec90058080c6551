//! A real registry with a password, and the pushing of images to it.

use crate::images::{Archive, sha256};
use crate::network::is_inside;
use crate::parts::{command, random_text, run};
use crate::ports::free_port;
use crate::process::Process;
use anyhow::{Context, Result, ensure};
use api_vocab::Secret;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The only user.
const USER: &str = "shop";

/// A registry of our own.
pub struct Registry {
    folder: PathBuf,
    port: u16,
    password: Secret,
    process: Option<Process>,
}

impl Registry {
    /// Start it below `folder`, with a new password.
    ///
    /// # Errors
    /// When it is not on this machine or does not answer in time.
    pub async fn start(folder: &Path) -> Result<Self> {
        Registry::start_on(folder, IpAddr::V4(Ipv4Addr::LOCALHOST)).await
    }

    /// The same, for the pods of a network of the test's own as well: it listens on every address.
    ///
    /// # Errors
    /// As [`Registry::start`], and outside of such a network.
    pub async fn start_for_pods(folder: &Path) -> Result<Self> {
        ensure!(is_inside(), "the whole machine's network would reach it");
        Registry::start_on(folder, IpAddr::V4(Ipv4Addr::UNSPECIFIED)).await
    }

    async fn start_on(folder: &Path, address: IpAddr) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut registry = Registry {
            folder: folder.to_path_buf(),
            port: free_port()?,
            password: random_text()?,
            process: None,
        };
        registry.write_files(address)?;
        let mut command = command("docker-registry")?;
        command.arg("serve").arg(folder.join("config.yml"));
        let process = registry.process.insert(Process::start(&mut command, &folder.join("registry.log"))?);
        let address = ("127.0.0.1", registry.port);
        process.answers("the registry", async || Ok(TcpStream::connect(address).ok().map(drop))).await?;
        Ok(registry)
    }

    /// Its host and port, as image references have it.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The same as pods reach it whose node has this address; see [`Registry::start_for_pods`].
    pub fn host_for_pods(&self, node: IpAddr) -> String {
        format!("{node}:{}", self.port)
    }

    /// Its user's name and password.
    pub fn credentials(&self) -> (&str, &Secret) {
        (USER, &self.password)
    }

    /// Push an image; `name` is repository and tag, `options` go to skopeo (`--format=oci`, …).
    /// Returns the digest of its manifest.
    ///
    /// # Errors
    /// When skopeo or the registry fails.
    pub fn push(&self, archive: &Archive, name: &str, options: &[&str]) -> Result<String> {
        let digest = tempfile::NamedTempFile::new()?;
        let mut skopeo = command("skopeo")?;
        skopeo.args(["--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false"]).args(options);
        skopeo.arg("--authfile").arg(self.authfile()).arg("--digestfile").arg(digest.path());
        skopeo.arg(format!("docker-archive:{}", archive.path().display()));
        run(skopeo.arg(format!("docker://{}/{name}", self.host())))?;
        Ok(std::fs::read_to_string(digest.path())?.trim().to_owned())
    }

    /// Push an index of images, each with the architecture that it was built for; `note` makes its
    /// digest its own. Returns the digest of the index.
    ///
    /// # Errors
    /// When skopeo or the registry fails.
    pub fn push_index(&self, builds: &[(&str, &Archive)], name: &str, note: &str) -> Result<String> {
        let layout = tempfile::tempdir_in(&self.folder)?;
        let path = layout.path();
        for (architecture, archive) in builds {
            let from = format!("docker-archive:{}", archive.path().display());
            let to = format!("oci:{}:{architecture}", path.display());
            run(command("skopeo")?.args(["--insecure-policy", "copy", "--quiet", &from, &to]))?;
        }
        let mut index: Value = serde_json::from_slice(&std::fs::read(path.join("index.json"))?)?;
        let entries = index.get_mut("manifests").and_then(Value::as_array_mut).context("no manifests")?;
        for (entry, (architecture, _)) in entries.iter_mut().zip(builds) {
            let entry = entry.as_object_mut().context("an entry that is none")?;
            entry.insert("platform".to_owned(), json!({"os": "linux", "architecture": architecture}));
        }
        let media_type = "application/vnd.oci.image.index.v1+json";
        let annotations = json!({"note": note});
        let inner = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": entries,
            "annotations": annotations});
        let inner = inner.to_string();
        let size = inner.len();
        std::fs::write(path.join("inner"), inner)?;
        let hex = sha256(&path.join("inner"))?;
        std::fs::rename(path.join("inner"), path.join("blobs/sha256").join(&hex))?;
        let outer = json!({"mediaType": media_type, "digest": format!("sha256:{hex}"), "size": size,
            "annotations": {"org.opencontainers.image.ref.name": "all"}});
        let outer = json!({"schemaVersion": 2, "manifests": [outer]});
        std::fs::write(path.join("index.json"), outer.to_string())?;
        let mut skopeo = command("skopeo")?;
        skopeo.args(["--insecure-policy", "copy", "--quiet", "--all", "--dest-tls-verify=false"]);
        skopeo.arg("--authfile").arg(self.authfile()).arg(format!("oci:{}:all", path.display()));
        run(skopeo.arg(format!("docker://{}/{name}", self.host())))?;
        Ok(format!("sha256:{hex}"))
    }

    /// The content of a pull secret for it, reached as `host`, as `kubectl create secret
    /// docker-registry` writes it.
    pub fn docker_config(&self, host: &str) -> Value {
        let (username, password) = (USER, self.password.reveal());
        json!({"auths": {host: {"username": username, "password": password}}})
    }

    /// Digests of the layers of a manifest that it keeps.
    ///
    /// # Errors
    /// When it keeps no such manifest.
    pub fn layers(&self, manifest: &str) -> Result<Vec<String>> {
        let hex = manifest.strip_prefix("sha256:").context("not a digest")?;
        let folder =
            format!("data/docker/registry/v2/blobs/sha256/{}/{hex}/data", hex.get(..2).unwrap_or(hex));
        let manifest: Value = serde_json::from_slice(&std::fs::read(self.folder.join(folder))?)?;
        let layers = manifest.get("layers").and_then(Value::as_array).context("a manifest without layers")?;
        let digest = |layer: &Value| layer.get("digest").and_then(Value::as_str).map(str::to_owned);
        layers.iter().map(|layer| digest(layer).context("a layer without digest")).collect()
    }

    /// How often it gave each blob away, by digest.
    pub fn blobs_fetched(&self) -> BTreeMap<String, usize> {
        let mut fetched = BTreeMap::new();
        for line in self.log().lines().filter(|line| line.contains("\"GET ") && line.contains("\" 200 ")) {
            let blob = line.split("/blobs/").nth(1).and_then(|rest| rest.split_whitespace().next());
            if let Some(blob) = blob {
                *fetched.entry(blob.to_owned()).or_default() += 1;
            }
        }
        fetched
    }

    /// What the registry has logged: each request, and who asked.
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }

    /// A file with the password, as `docker login` writes it.
    pub fn authfile(&self) -> PathBuf {
        self.folder.join("auth.json")
    }

    fn write_files(&self, address: IpAddr) -> Result<()> {
        let config = json!({
            "version": "0.1",
            "log": {"level": "info"},
            "storage": {
                "filesystem": {"rootdirectory": self.folder.join("data")},
                "delete": {"enabled": true},
            },
            "http": {"addr": SocketAddr::new(address, self.port)},
            "auth": {"htpasswd": {"realm": "e2e", "path": self.folder.join("htpasswd")}},
        });
        std::fs::write(self.folder.join("config.yml"), config.to_string())?;
        // The password goes through a pipe: arguments are seen by everyone.
        let pair = format!("{USER}:{}", self.password.reveal());
        let mut htpasswd = command("htpasswd")?;
        htpasswd.args(["-n", "-i", "-B", USER]).stdin(Stdio::piped()).stdout(Stdio::piped());
        std::fs::write(self.folder.join("htpasswd"), piped(&mut htpasswd, self.password.reveal())?)?;
        // skopeo reads only the form in base64.
        let mut base64 = command("base64")?;
        base64.arg("--wrap=0").stdin(Stdio::piped()).stdout(Stdio::piped());
        let auth = json!({"auths": {self.host(): {"auth": piped(&mut base64, &pair)?}}});
        Ok(std::fs::write(self.authfile(), auth.to_string())?)
    }
}

/// Run a command on `input`; returns what it prints.
fn piped(command: &mut std::process::Command, input: &str) -> Result<String> {
    let mut child = command.spawn()?;
    // Dropped at once: the command reads to the end.
    child.stdin.take().context("no pipe")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    anyhow::ensure!(output.status.success(), "{command:?} failed");
    Ok(String::from_utf8(output.stdout)?)
}
