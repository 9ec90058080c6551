//! A real Kubernetes control plane on loopback: etcd, API server, controller manager, scheduler.

use crate::certificates::Certificates;
use crate::parts::{command, random_text};
use crate::ports::free_port;
use crate::process::Process;
use anyhow::{Context, Result};
use api_vocab::Secret;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, GetParams};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::net::TcpStream;

/// The names that nodes may have; each has its own right to be that node.
pub const NODES: [&str; 3] = ["node-1", "node-2", "node-3"];

/// A control plane. `access.rs` has the ways into it, `node.rs` the nodes.
pub struct Cluster {
    pub(crate) folder: PathBuf,
    pub(crate) certificates: Certificates,
    pub(crate) admin: Secret,
    port: u16,
    etcd_port: u16,
    scheduler: Option<Process>,
    controllers: Option<Process>,
    api_server: Option<Process>,
    etcd: Option<Process>,
}

impl Cluster {
    /// Start a control plane that keeps its files below `folder`; it has no nodes.
    ///
    /// # Errors
    /// When a part is not on this machine or does not answer in time.
    pub async fn start(folder: &Path) -> Result<Self> {
        let certificates = Certificates::make(&folder.join("certificates"))?;
        let mut cluster = Cluster {
            folder: folder.to_path_buf(),
            certificates,
            admin: random_text()?,
            port: free_port()?,
            etcd_port: free_port()?,
            scheduler: None,
            controllers: None,
            api_server: None,
            etcd: None,
        };
        cluster.write_tokens()?;
        cluster.kubeconfig("admin", &cluster.admin)?;
        cluster.start_etcd()?;
        cluster.start_api_server().await?;
        cluster.start_controllers()?;
        let accounts: Api<ServiceAccount> = Api::namespaced(cluster.client().await?, "default");
        // A pod is refused until the controllers have made its service account.
        let controllers = cluster.controllers.as_mut().context("the controllers are not started")?;
        controllers.answers("the controllers", async || Ok(accounts.get_opt("default").await?)).await?;
        Ok(cluster)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// Where its API server listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// `kill -9` of the API server; its data stays in etcd.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill_api_server(&mut self) -> Result<()> {
        if let Some(mut process) = self.api_server.take() {
            process.kill()?;
        }
        Ok(())
    }

    /// Start the API server, at the same address and on the same data as before, and wait until it
    /// is ready.
    ///
    /// # Errors
    /// When it ends or does not answer in time; the error holds its log.
    pub async fn start_api_server(&mut self) -> Result<()> {
        let mut server = command("kube-apiserver")?;
        server
            .arg(format!("--etcd-servers=http://127.0.0.1:{}", self.etcd_port))
            .arg(format!("--secure-port={}", self.port))
            .args(["--bind-address=127.0.0.1", "--advertise-address=127.0.0.1"])
            // Endpoints of the `kubernetes` Service may not be loopback addresses.
            .arg("--endpoint-reconciler-type=none")
            .arg("--service-cluster-ip-range=10.96.0.0/24")
            .args(["--authorization-mode=Node,RBAC", "--allow-privileged=true"])
            .arg(flag("--token-auth-file", &self.folder.join("tokens.csv")))
            .arg(flag("--tls-cert-file", &self.certificates.server()))
            .arg(flag("--tls-private-key-file", &self.certificates.server_key()))
            .arg("--service-account-issuer=https://kubernetes.default.svc")
            .arg(flag("--service-account-key-file", &self.certificates.token_key()))
            .arg(flag("--service-account-signing-key-file", &self.certificates.token_key()));
        self.api_server = Some(Process::start(&mut server, &self.log_file("api-server"))?);
        self.await_api_server().await
    }

    async fn await_api_server(&mut self) -> Result<()> {
        let client = self.client().await?;
        let etcd = self.etcd.as_mut().context("etcd is not started")?;
        let server = self.api_server.as_mut().context("the API server is not started")?;
        let etcd_address = ("127.0.0.1", self.etcd_port);
        etcd.answers("etcd", async || Ok(TcpStream::connect(etcd_address).await.ok().map(drop))).await?;
        let ready = async || {
            let ready = kube::core::Request::new("").get("readyz", &GetParams::default())?;
            Ok(client.request_text(ready).await.ok())
        };
        server.answers("the API server", ready).await.map(drop)
    }

    /// The certificate of the authority that vouches for it.
    pub fn authority(&self) -> PathBuf {
        self.certificates.authority()
    }

    /// What the API server has logged.
    pub fn api_server_log(&self) -> String {
        self.api_server.as_ref().map(Process::log).unwrap_or_default()
    }

    fn start_etcd(&mut self) -> Result<()> {
        let client = format!("http://127.0.0.1:{}", self.etcd_port);
        let peer = format!("http://127.0.0.1:{}", free_port()?);
        let mut etcd = command("etcd")?;
        etcd.arg(flag("--data-dir", &self.folder.join("etcd")))
            .args(["--log-level=warn", "--name=etcd"])
            // Nothing here outlives its test: what a crash of the machine would do does not matter.
            .arg("--unsafe-no-fsync")
            .args([format!("--listen-client-urls={client}"), format!("--advertise-client-urls={client}")])
            .args([format!("--listen-peer-urls={peer}"), format!("--initial-advertise-peer-urls={peer}")])
            .arg(format!("--initial-cluster=etcd={peer}"));
        self.etcd = Some(Process::start(&mut etcd, &self.log_file("etcd"))?);
        Ok(())
    }

    /// Controller manager and scheduler; the API server is there, and they wait for it anyway.
    fn start_controllers(&mut self) -> Result<()> {
        let kubeconfig = flag("--kubeconfig", &self.kubeconfig_file("admin"));
        let mut controllers = command("kube-controller-manager")?;
        controllers
            .args([&kubeconfig, "--leader-elect=false", "--secure-port=0", "--bind-address=127.0.0.1"])
            // A node may be silent on a busy machine, or have no kubelet at all: it is not given up.
            .args(["--node-monitor-grace-period=1h", "--node-startup-grace-period=1h"])
            .arg("--controllers=*,-taint-eviction-controller")
            .arg(flag("--cert-dir", &self.folder.join("controllers")))
            .arg(flag("--root-ca-file", &self.certificates.authority()))
            .arg(flag("--service-account-private-key-file", &self.certificates.token_key()));
        self.controllers = Some(Process::start(&mut controllers, &self.log_file("controllers"))?);
        let mut scheduler = command("kube-scheduler")?;
        scheduler.args([&kubeconfig, "--leader-elect=false", "--secure-port=0", "--bind-address=127.0.0.1"]);
        self.scheduler = Some(Process::start(&mut scheduler, &self.log_file("scheduler"))?);
        Ok(())
    }

    /// Who has which token: the administrator, and each node as itself.
    fn write_tokens(&self) -> Result<()> {
        let mut lines = format!("{},admin,admin,\"system:masters\"\n", self.admin.reveal());
        for node in NODES {
            let token = random_text()?;
            self.kubeconfig(node, &token)?;
            lines.push_str(&format!("{},system:node:{node},{node},\"system:nodes\"\n", token.reveal()));
        }
        Ok(std::fs::write(self.folder.join("tokens.csv"), lines)?)
    }

    fn log_file(&self, part: &str) -> PathBuf {
        self.folder.join(format!("{part}.log"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Those that would complain of a missing server end first.
        for part in [&mut self.scheduler, &mut self.controllers, &mut self.api_server, &mut self.etcd] {
            drop(part.take());
        }
    }
}

/// `--name=path`.
pub(crate) fn flag(name: &str, path: &Path) -> String {
    format!("{name}={}", path.display())
}
