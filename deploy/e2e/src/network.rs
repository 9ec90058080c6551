//! A network for pods, in a network namespace of the test's own: nothing of this machine's network is
//! touched, and all of it ends with the process.

use crate::parts::{command, run};
use crate::process::Process;
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

/// The domain of the cluster's names.
pub const CLUSTER_DOMAIN: &str = "cluster.local";

/// Set in the process that has a namespace of its own.
const INSIDE: &str = "PERCEPTOR_E2E_INSIDE";
/// The bridge that pods are plugged into, and its address in a range for benchmarks (RFC 2544).
const BRIDGE: &str = "e2e0";
const GATEWAY: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
const SUBNET: &str = "198.18.0.0/24";

/// Whether this process has a network namespace of its own.
pub fn is_inside() -> bool {
    std::env::var_os(INSIDE).is_some()
}

/// Run the test of that name again, in namespaces of its own for networks and mounts.
///
/// # Errors
/// When it fails there; what it says has been printed.
pub fn run_inside(test: &str) -> Result<()> {
    // Runtimes pin the namespaces of their pods there.
    let enter = "ip link set lo up && mkdir -p /run/netns && mount -t tmpfs e2e /run/netns && exec \"$@\"";
    let mut again = command("unshare")?;
    again.args(["--net", "--mount", "sh", "-c", enter, "sh"]).arg(std::env::current_exe()?);
    let status = again.args(["--exact", test, "--nocapture"]).env(INSIDE, "yes").status()?;
    ensure!(status.success(), "{test} failed in its own network: {status}");
    Ok(())
}

/// The pods' network: a bridge without a way out, and a server of names.
pub struct PodNetwork {
    hosts: PathBuf,
    _names: Process,
}

impl PodNetwork {
    /// Make it; the files of names are below `folder`.
    ///
    /// # Errors
    /// Outside of [`run_inside`], or when a real part fails.
    pub fn start(folder: &Path) -> Result<Self> {
        ensure!(is_inside(), "this would change the machine's own network");
        let hosts = folder.join("names");
        std::fs::create_dir_all(&hosts)?;
        let ip = |words: &str| run(command("ip")?.args(words.split(' '))).map(drop);
        ip(&format!("link add {BRIDGE} type bridge"))?;
        ip(&format!("address add {GATEWAY}/24 dev {BRIDGE}"))?;
        ip(&format!("link set {BRIDGE} up"))?;
        // A kubelet takes the address of the interface with the default route.
        ip(&format!("route add default dev {BRIDGE}"))?;
        let mut names = command("dnsmasq")?;
        names.args(["--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts"]);
        names.args(["--user=root", "--pid-file=", "--bind-interfaces", "--log-facility=-"]);
        names.arg(format!("--listen-address={GATEWAY}")).arg(format!("--local=/{CLUSTER_DOMAIN}/"));
        names.arg(format!("--hostsdir={}", hosts.display()));
        let names = Process::start(&mut names, &folder.join("names.log"))?;
        Ok(PodNetwork { hosts, _names: names })
    }

    /// The bridge's address: the node's, and that of the server of names.
    pub fn gateway(&self) -> IpAddr {
        IpAddr::V4(GATEWAY)
    }

    /// Let pods find a Service by its name.
    ///
    /// # Errors
    /// When the name cannot be written.
    pub fn name(&self, namespace: &str, service: &str, address: IpAddr) -> Result<()> {
        let line = format!("{address} {service}.{namespace}.svc.{CLUSTER_DOMAIN}\n");
        std::fs::write(self.hosts.join(format!("{namespace}-{service}")), line).context("write a name")
    }

    /// The settings of the CNI plugin, which keeps its books below `folder`.
    pub(crate) fn plugin(&self, folder: &Path) -> String {
        json!({
            "cniVersion": "0.3.1",
            "name": "e2e",
            "type": "bridge",
            "bridge": BRIDGE,
            "isDefaultGateway": true,
            "ipam": {"type": "host-local", "subnet": SUBNET, "dataDir": folder.join("cni-addresses")},
        })
        .to_string()
    }
}

/// Take an address as this machine's own.
pub(crate) fn claim(address: IpAddr) -> Result<()> {
    ensure!(is_inside(), "this would change the machine's own network");
    run(command("ip")?.args(["address", "add", &format!("{address}/32"), "dev", "lo"])).map(drop)
}
