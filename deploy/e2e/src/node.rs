//! A real node: a kubelet on a containerd. Its pods run in the host's network, or in one of their own.

use crate::cluster::{Cluster, flag};
use crate::containerd::{Containerd, PAUSE, Storage};
use crate::images::{Archive, busybox};
use crate::network::{CLUSTER_DOMAIN, PodNetwork};
use crate::parts::{command, unmount_beneath};
use crate::ports::free_port;
use crate::process::{Process, last_lines};
use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::Node as KubernetesNode;
use kube::api::Api;
use serde_json::json;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// A node of a [`Cluster`], which must outlive it.
pub struct Node {
    name: String,
    folder: PathBuf,
    kubelet: Option<Process>,
    /// Its own address and that of the server of names, where its pods have a network.
    gateway: Option<IpAddr>,
    /// Its container runtime.
    pub containerd: Containerd,
}

impl Node {
    /// Start a node and wait until pods can be scheduled on it; `name` is one of
    /// [`crate::cluster::NODES`].
    ///
    /// # Errors
    /// When a part is not on this machine or the node is not ready in time.
    pub async fn start(cluster: &Cluster, name: &str, storage: Storage) -> Result<Self> {
        Node::start_in(cluster, name, storage, None).await
    }

    /// The same, with a network for its pods.
    ///
    /// # Errors
    /// As [`Node::start`].
    pub async fn start_in(
        cluster: &Cluster,
        name: &str,
        storage: Storage,
        network: Option<&PodNetwork>,
    ) -> Result<Self> {
        let folder = cluster.folder.join(name);
        let containerd = Containerd::start(&folder.join("c"), storage, network).await?;
        let pause = tempfile::tempdir()?;
        let tree = busybox(&pause.path().join("tree"))?;
        containerd.import(Archive::make(PAUSE, &[&tree], pause.path())?.path())?;
        let gateway = network.map(PodNetwork::gateway);
        let mut node = Node { name: name.to_owned(), folder, kubelet: None, gateway, containerd };
        node.start_kubelet(&cluster.kubeconfig_file(name))?;
        node.await_ready(cluster).await?;
        Ok(node)
    }

    /// Its name in the cluster.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the kubelet has logged.
    pub fn log(&self) -> String {
        self.kubelet.as_ref().map(Process::log).unwrap_or_default()
    }

    /// The ends of what its pods' containers have logged.
    pub fn pod_logs(&self) -> String {
        let below = |folder: PathBuf| {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).collect::<Vec<_>>()
        };
        let containers = below(self.folder.join("logs")).into_iter().flat_map(below);
        let mut logs: Vec<PathBuf> = containers.flat_map(below).collect();
        logs.sort();
        let show = |log: &PathBuf| {
            let text = std::fs::read_to_string(log).unwrap_or_default();
            format!("--- {}\n{}", log.display(), last_lines(&text))
        };
        logs.iter().map(show).collect::<Vec<_>>().join("\n")
    }

    /// A containerd before 2.0 does not say which cgroup driver it uses; the kubelet of 1.36 then
    /// takes ours, that of 1.37 is announced to refuse.
    fn start_kubelet(&mut self, kubeconfig: &Path) -> Result<()> {
        let settings = self.folder.join("kubelet.json");
        std::fs::write(&settings, self.settings()?.to_string())?;
        let mut kubelet = command("kubelet")?;
        kubelet
            .arg(flag("--config", &settings))
            .arg(flag("--kubeconfig", kubeconfig))
            .arg(flag("--root-dir", &self.folder.join("kubelet")))
            .arg(flag("--cert-dir", &self.folder.join("pki")))
            .arg(format!("--hostname-override={}", self.name));
        if let Some(address) = self.gateway {
            // Nobody in there knows the node's name: looking for it takes longer than others wait.
            kubelet.arg(format!("--node-ip={address}"));
        }
        self.kubelet = Some(Process::start(&mut kubelet, &self.folder.join("kubelet.log"))?);
        Ok(())
    }

    fn settings(&self) -> Result<serde_json::Value> {
        Ok(json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": "127.0.0.1",
            "port": free_port()?,
            "healthzPort": 0,
            "authentication": {"anonymous": {"enabled": true}, "webhook": {"enabled": false}},
            "authorization": {"mode": "AlwaysAllow"},
            "containerRuntimeEndpoint": format!("unix://{}", self.containerd.socket().display()),
            "clusterDNS": self.gateway.iter().collect::<Vec<_>>(),
            "clusterDomain": CLUSTER_DOMAIN,
            "podLogsDir": self.folder.join("logs"),
            "volumePluginDir": self.folder.join("plugins"),
            // A machine with both generations of control groups, whose root is not ours.
            "failCgroupV1": false,
            "cgroupDriver": "cgroupfs",
            "cgroupsPerQOS": false,
            "enforceNodeAllocatable": [],
            // Without CAP_SYS_RESOURCE neither its own score nor its limits can be raised.
            "oomScoreAdj": 0,
            "maxOpenFiles": 10_000,
            "failSwapOn": false,
            // No packet filter of this machine is touched.
            "makeIPTablesUtilChains": false,
            // A laptop's full disk is no reason to evict.
            "evictionHard": {"memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%"},
            "imageGCHighThresholdPercent": 100,
        }))
    }

    async fn await_ready(&mut self, cluster: &Cluster) -> Result<()> {
        let nodes: Api<KubernetesNode> = Api::all(cluster.client().await?);
        let kubelet = self.kubelet.as_mut().context("the kubelet is not started")?;
        let ready = async || Ok(nodes.get_opt(&self.name).await?.filter(is_schedulable));
        kubelet.answers("the kubelet", ready).await.map(drop)
    }
}

/// Ready, and the controllers have taken the taint away that says otherwise.
fn is_schedulable(node: &KubernetesNode) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = conditions
        .is_some_and(|conditions| conditions.iter().any(|it| it.type_ == "Ready" && it.status == "True"));
    let tainted = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    ready && tainted.is_none_or(Vec::is_empty)
}

impl Drop for Node {
    fn drop(&mut self) {
        // First the kubelet, which would start again what is removed. It leaves its folder mounted
        // upon itself.
        drop(self.kubelet.take());
        unmount_beneath(&self.folder.join("kubelet"));
        remove_links(&self.folder);
    }
}

/// The kubelet links each container's log from a fixed folder of the machine.
fn remove_links(folder: &Path) {
    let Ok(links) = std::fs::read_dir("/var/log/containers") else { return };
    for link in links.flatten().map(|entry| entry.path()) {
        if std::fs::read_link(&link).is_ok_and(|target| target.starts_with(folder)) {
            let _ = std::fs::remove_file(link);
        }
    }
}
