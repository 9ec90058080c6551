//! The parts of a mesh for a Kubernetes cluster: perceivers with a service account's kubeconfig, a
//! fetcher and a scanner for each node, and a pair that reads from a registry.

use super::Mesh;
use crate::node::Node;
use crate::registry::Registry;
use anyhow::Result;
use std::path::{Path, PathBuf};

/// How the cluster is called among sources, as in the chart.
pub const SOURCE: &str = "kubernetes/cluster";

/// How long a perceiver's lease lasts after its last renewal: on a busy machine it must not lapse by
/// itself.
pub const LEASE_SECONDS: u64 = 12;

/// Whom a perceiver is to the cluster, and which lease decides who speaks.
pub struct Rights {
    /// With the token of its service account.
    pub kubeconfig: PathBuf,
    /// Where the lease is.
    pub namespace: String,
    /// The lease's name.
    pub lease: String,
}

impl Mesh {
    /// Start a perceiver of the cluster under the name `part`; it leaves out the namespaces of those
    /// patterns.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_cluster_perceiver(&mut self, part: &str, rights: &Rights, excluded: &[&str]) -> Result<()> {
        let config = self.cluster_perceiver(rights, excluded);
        self.spawn(part, "perceptor-perceiver-kubernetes", &config)
    }

    /// Start a perceiver of an OpenShift cluster under the name `part`, which leaves out its own
    /// namespace, with more of its settings as TOML.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_openshift_perceiver(&mut self, part: &str, rights: &Rights, more: &str) -> Result<()> {
        let config = format!("{}{more}", self.cluster_perceiver(rights, &[&rights.namespace]));
        self.spawn(part, "perceptor-perceiver-openshift", &config)
    }

    /// Start a perceiver of another cluster, which is called `name` among sources; it says all it
    /// knows every few seconds.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_named_perceiver(&mut self, name: &str, rights: &Rights) -> Result<()> {
        let part = format!("perceiver-{name}");
        self.set(&part, "PERCEPTOR_KUBERNETES_CLUSTER__NAME", name);
        self.set(&part, "PERCEPTOR_KUBERNETES_SEND__FULL_STATE_SECONDS", "3");
        self.start_cluster_perceiver(&part, rights, &[])
    }

    /// Start a perceiver that writes into the cluster what those lines of its settings ask for.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_telling_perceiver(&mut self, part: &str, rights: &Rights, tell: &str) -> Result<()> {
        let config = format!("{}[tell]\n{tell}", self.cluster_perceiver(rights, &[]));
        self.spawn(part, "perceptor-perceiver-kubernetes", &config)
    }

    /// Write other settings for that perceiver, which notices by itself.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn exclude_namespaces(&self, part: &str, rights: &Rights, excluded: &[&str]) -> Result<()> {
        let (file, new) = (self.file(&format!("{part}.toml")), self.file("perceiver.new"));
        std::fs::write(&new, self.cluster_perceiver(rights, excluded))?;
        // Nobody reads half of it.
        Ok(std::fs::rename(new, file)?)
    }

    fn cluster_perceiver(&self, rights: &Rights, excluded: &[&str]) -> String {
        let Rights { kubeconfig, namespace, lease } = rights;
        format!(
            "[cluster]\nname = \"cluster\"\nkubeconfig = {kubeconfig:?}\n\
             [watch]\nexclude_namespaces = {excluded:?}\n\
             [leader]\nenabled = true\nnamespace = {namespace:?}\nname = {lease:?}\n\
             lease_seconds = {LEASE_SECONDS}\n[http]\nlisten = \"127.0.0.1:0\"\n{}",
            self.core_section("perceiver")
        )
    }

    /// Start a fetcher of the node's containerd, and a scanner of that node.
    ///
    /// # Errors
    /// When one does not start.
    pub async fn start_on_node(&mut self, node: &Node) -> Result<()> {
        let (socket, root) = (node.containerd.socket(), node.containerd.root());
        let fetcher = format!("fetcher-{}", node.name());
        let stores = format!("[[containerd]]\nsocket = {socket:?}\nroot = {root:?}\n");
        self.spawn_fetcher(&fetcher, &stores).await?;
        self.spawn_scanner(&format!("scanner-{}", node.name()), &fetcher, node.name())
    }

    /// Start a fetcher that has no store but the registry, whose passwords it reads from the
    /// cluster, and a scanner of no node.
    ///
    /// # Errors
    /// When one does not start.
    pub async fn start_on_registry(&mut self, registry: &Registry, kubeconfig: &Path) -> Result<()> {
        let stores = format!(
            "[registry]\nenabled = true\n[[registry.hosts]]\nhost = {:?}\nplain_http = true\n\
             [registry.pull_secrets]\nsource = {SOURCE:?}\nkubeconfig = {kubeconfig:?}\n",
            registry.host()
        );
        self.spawn_fetcher("fetcher-registry", &stores).await?;
        self.spawn_scanner("scanner-registry", "fetcher-registry", "")
    }

    /// Start scanner number `n` with a fetcher of its own, which has the registry's password.
    ///
    /// # Errors
    /// When one does not start.
    pub async fn start_replica(&mut self, n: usize, registry: &Registry) -> Result<()> {
        let stores = format!(
            "[registry]\nenabled = true\ncredentials = [{:?}]\n[[registry.hosts]]\nhost = {:?}\n\
             plain_http = true\n",
            registry.authfile(),
            registry.host()
        );
        self.spawn_fetcher(&format!("fetcher-{n}"), &stores).await?;
        self.spawn_scanner(&format!("scanner-{n}"), &format!("fetcher-{n}"), "")
    }
}
