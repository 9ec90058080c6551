//! Fleets: scanners that come and go while there is work, and several clusters in one core. The pods
//! are of real API servers; no node runs them.

mod clusters;
mod scaling;

use e2e::parts;
use tokio::sync::Mutex;

/// Three clusters at once are too many for two cores.
static TURN: Mutex<()> = Mutex::const_new(());

fn can_run(test: &str) -> bool {
    let cluster = ["kube-apiserver", "etcd", "kube-controller-manager", "kubectl", "helm", "openssl"];
    parts::has(test, &[&cluster[..], parts::REGISTRY].concat())
}
