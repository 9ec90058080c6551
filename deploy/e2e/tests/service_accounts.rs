//! That service accounts of a real cluster are let in by their tokens, as their roles allow, and stay
//! in while the API server is away.

use anyhow::{Context, Result, ensure};
use api_client::{Client, ClientError, ClientSettings, Retry};
use e2e::cluster::Cluster;
use e2e::mesh::binary;
use e2e::parts;
use e2e::ports::free_port;
use e2e::process::Process;
use e2e::until::until;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the core is, and nothing else, may: ask whose token one is.
const REVIEWER: &str = r#"{"apiVersion": "v1", "kind": "List", "items": [
  {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "perceptor"}},
  {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "core", "namespace": "perceptor"}},
  {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "scan", "namespace": "perceptor"}},
  {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "look", "namespace": "perceptor"}},
  {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "other", "namespace": "perceptor"}},
  {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "reviewer"},
   "rules": [{"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]}]}
]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn service_accounts_are_let_in_as_their_roles_allow() -> Result<()> {
    let parts = ["kube-apiserver", "etcd", "openssl"];
    if !parts::has("service_accounts_are_let_in_as_their_roles_allow", &parts) {
        return Ok(());
    }
    let folder = tempfile::Builder::new().prefix("sa").tempdir_in("/tmp")?;
    let mut cluster = Cluster::start(&folder.path().join("a")).await?;
    cluster.apply(REVIEWER)?;
    let core = Core::start(&cluster, folder.path()).await?;

    // Before the core may ask, nobody gets in, and it is not the caller's fault.
    let reader = core.client(&cluster, "look", "perceptor")?;
    assert_eq!(status(reader.summary().await), 503);
    let bind = ["create", "clusterrolebinding", "reviewer", "--clusterrole=reviewer"];
    cluster.kubectl(&[&bind[..], &["--serviceaccount=perceptor:core"]].concat())?;
    until("the core to be allowed", async || Ok(reader.summary().await.ok())).await?;

    let scanner = core.client(&cluster, "scan", "perceptor")?;
    assert_eq!(status(scanner.summary().await), 403);
    let stranger = core.client(&cluster, "other", "perceptor")?;
    assert_eq!(status(stranger.summary().await), 401);
    let for_others = core.client(&cluster, "look", "https://kubernetes.default.svc")?;
    assert_eq!(status(for_others.summary().await), 401);

    cluster.kill_api_server()?;
    reader.summary().await.context("a token that was good is good while the API server is away")?;
    let newcomer = core.client_with(folder.path(), "nobody's")?;
    assert_eq!(status(newcomer.summary().await), 503);
    Ok(())
}

/// A core that knows service accounts only.
struct Core {
    url: String,
    folder: PathBuf,
    _process: Process,
}

impl Core {
    async fn start(cluster: &Cluster, folder: &Path) -> Result<Self> {
        let port = free_port()?;
        let config = folder.join("core.toml");
        let text = format!(
            "[http]\nlisten = \"127.0.0.1:{port}\"\n[advisories]\norigin = \"\"\n[service_accounts]\n\
             allow = [\"scanner perceptor/scan\", \"reader perceptor/look\"]\ncache_seconds = 0\n"
        );
        std::fs::write(&config, text)?;
        let mut command = Command::new(binary("perceptor-core")?);
        command.arg("--config").arg(&config);
        command.env("KUBECONFIG", cluster.kubeconfig_of("perceptor", "core").await?);
        let process = Process::start(&mut command, &folder.join("core.log"))?;
        let url = format!("http://127.0.0.1:{port}");
        let core = Core { url, folder: folder.to_path_buf(), _process: process };
        let anyone = core.client_with(folder, "nobody's")?;
        until("the core", async || Ok(anyone.ready().await.ok())).await?;
        Ok(core)
    }

    /// A client with a token of the service account for an audience.
    fn client(&self, cluster: &Cluster, account: &str, audience: &str) -> Result<Client> {
        let audience = format!("--audience={audience}");
        let token = cluster.kubectl(&["create", "token", account, "--namespace=perceptor", &audience])?;
        ensure!(token.trim().split('.').count() == 3, "not a token");
        self.client_with(&self.folder, token.trim())
    }

    fn client_with(&self, folder: &Path, token: &str) -> Result<Client> {
        let file = tempfile::Builder::new().prefix("token").tempfile_in(folder)?;
        std::fs::write(file.path(), token)?;
        let (_, path) = file.keep()?;
        let settings =
            ClientSettings { core: self.url.clone(), token_file: Some(path), ..ClientSettings::default() };
        Ok(Client::new(&settings)?.with_retry(Retry::NEVER))
    }
}

/// The status of a refusal; 0 for anything else.
fn status<T>(answer: Result<T, ClientError>) -> u16 {
    match answer {
        Err(ClientError::Refused { status, .. }) => status,
        _ => 0,
    }
}
