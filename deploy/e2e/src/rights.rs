//! The rights that the chart gives, and nothing else of it: its programs run beside the cluster, with
//! its service accounts' tokens.

use crate::cluster::Cluster;
use crate::mesh::cluster::Rights;
use anyhow::Result;
use std::path::Path;

/// Where the chart is installed.
pub const NAMESPACE: &str = "perceptor";

/// Kinds that give rights, and the lease that decides which perceiver speaks.
const KINDS: [&str; 6] =
    ["ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding", "Lease"];

/// Install the accounts, roles and the lease of the chart with further settings; whom its perceiver is then.
///
/// # Errors
/// When Helm or the API server refuses them.
pub async fn install_rights(cluster: &Cluster, settings: &[&str]) -> Result<Rights> {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("helm").join("perceptor");
    let values = |file: &str| format!("--values={}", chart.join(file).display());
    let (chart, platform, images) =
        (chart.display().to_string(), values("values-kubernetes.yaml"), values("ci/images.yaml"));
    let words = ["template", "perceptor", &chart, "--namespace", NAMESPACE, "--kube-version=1.36.0"];
    let rendered = cluster.helm(&[&words[..], &["--skip-tests", &platform, &images], settings].concat())?;
    let kind = |object: &str| object.lines().find_map(|line| line.strip_prefix("kind: ").map(str::to_owned));
    let objects = rendered.split("\n---\n");
    let kept: Vec<&str> =
        objects.filter(|object| kind(object).is_some_and(|kind| KINDS.contains(&kind.as_str()))).collect();
    cluster.kubectl(&["create", "namespace", NAMESPACE])?;
    cluster.apply(&kept.join("\n---\n"))?;
    let kubeconfig = cluster.kubeconfig_of(NAMESPACE, "perceptor-perceiver").await?;
    // The only one that the Role names.
    Ok(Rights { kubeconfig, namespace: NAMESPACE.to_owned(), lease: "perceptor-perceiver".to_owned() })
}
