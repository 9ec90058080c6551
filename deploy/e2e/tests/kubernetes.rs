//! That our Kubernetes is a real one: nodes become ready, images have the digests that containerd
//! gives them, permissions bind, and nothing is lost with the API server.

use anyhow::{Result, ensure};
use e2e::cluster::Cluster;
use e2e::containerd::{DEFAULT, Storage};
use e2e::images::Archive;
use e2e::node::Node;
use e2e::parts;
use e2e::pods::specification;
use e2e::registry::Registry;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, ListParams};
use std::path::Path;

#[tokio::test(flavor = "multi_thread")]
async fn cluster_and_node_run_what_they_are_given_and_survive_their_api_server() -> Result<()> {
    let wanted = [parts::KUBERNETES, parts::REGISTRY, parts::TREES].concat();
    if !parts::has("cluster_and_node_run_what_they_are_given_and_survive_their_api_server", &wanted) {
        return Ok(());
    }
    // A short path: a socket's has at most 107 bytes.
    let folder = tempfile::Builder::new().prefix("kube").tempdir_in("/tmp")?;
    let mut cluster = Cluster::start(&folder.path().join("a")).await?;
    permissions_bind_tokens_and_impersonators_alike(&cluster).await?;

    let registry = Registry::start(&folder.path().join("r")).await?;
    let node = Node::start(&cluster, "node-1", DEFAULT).await?;
    imported_image_is_named_by_its_configuration(&cluster, &node, folder.path()).await?;
    pulled_image_is_named_by_its_manifest(&cluster, &node, &registry, folder.path()).await?;

    let discarding = Storage { snapshotter: "native", discards_layers: true };
    let node = Node::start(&cluster, "node-2", discarding).await?;
    discarding_node_keeps_no_layers(&cluster, &node, &registry).await?;

    killed_api_server_comes_back_with_what_it_knew(&mut cluster).await
}

async fn permissions_bind_tokens_and_impersonators_alike(cluster: &Cluster) -> Result<()> {
    cluster.kubectl(&["create", "serviceaccount", "looker"])?;
    let impersonator = cluster.client_as("default", "looker").await?;
    ensure!(list(impersonator.clone()).await.is_err(), "without a role it sees pods");
    cluster.kubectl(&["create", "clusterrole", "look", "--verb=list", "--resource=pods"])?;
    cluster.kubectl(&[
        "create",
        "clusterrolebinding",
        "look",
        "--clusterrole=look",
        "--serviceaccount=default:looker",
    ])?;
    ensure!(list(impersonator).await?.is_empty());
    let kubeconfig = cluster.kubeconfig_of("default", "looker").await?;
    let kubeconfig = format!("--kubeconfig={}", kubeconfig.display());
    cluster.kubectl(&[&kubeconfig, "get", "pods"])?;
    ensure!(
        cluster.kubectl(&[&kubeconfig, "get", "secrets"]).is_err(),
        "its token may do more than its role"
    );
    Ok(())
}

async fn list(client: Client) -> Result<Vec<Pod>> {
    Ok(Api::<Pod>::default_namespaced(client).list(&ListParams::default()).await?.items)
}

async fn imported_image_is_named_by_its_configuration(
    cluster: &Cluster,
    node: &Node,
    folder: &Path,
) -> Result<()> {
    let archive = Archive::make("docker.io/shop/api:1", &[&parts::trees()?.join("api")], folder)?;
    node.containerd.import(archive.path())?;
    cluster.run_pod("imported", node.name(), specification("shop/api:1", &[]))?;
    let container = cluster.running("imported").await?;
    assert_eq!(container.image_id, archive.config());
    assert_eq!(container.image, "docker.io/shop/api:1");
    Ok(())
}

async fn pulled_image_is_named_by_its_manifest(
    cluster: &Cluster,
    node: &Node,
    registry: &Registry,
    folder: &Path,
) -> Result<()> {
    let archive = Archive::make("shop/search:1", &[&parts::trees()?.join("search")], folder)?;
    let manifest = registry.push(&archive, "shop/search:1", &["--format=oci"])?;
    cluster.pull_secret("default", "shop", registry)?;
    let image = format!("{}/shop/search:1", registry.host());

    cluster.run_pod("stranger", node.name(), specification(&image, &["missing"]))?;
    cluster.waiting("stranger", &["ErrImagePull", "ImagePullBackOff"]).await?;
    cluster.kubectl(&["delete", "pod", "stranger"])?;

    cluster.run_pod("pulled", node.name(), specification(&image, &["shop"]))?;
    let container = cluster.running("pulled").await?;
    assert_eq!(container.image_id, format!("{}/shop/search@{manifest}", registry.host()));
    Ok(())
}

async fn discarding_node_keeps_no_layers(cluster: &Cluster, node: &Node, registry: &Registry) -> Result<()> {
    let before = node.containerd.blobs()?.len();
    let image = format!("{}/shop/search:1", registry.host());
    cluster.run_pod("discarded", node.name(), specification(&image, &["shop"]))?;
    cluster.running("discarded").await?;
    // Manifest and configuration; the layer is collected.
    e2e::until::until("the layer to be discarded", async || {
        Ok((node.containerd.blobs()?.len() == before + 2).then_some(()))
    })
    .await
}

async fn killed_api_server_comes_back_with_what_it_knew(cluster: &mut Cluster) -> Result<()> {
    let before = list(cluster.client().await?).await?.len();
    cluster.kill_api_server()?;
    ensure!(list(cluster.client().await?).await.is_err(), "a killed server answers");
    cluster.start_api_server().await?;
    assert_eq!(list(cluster.client().await?).await?.len(), before);
    // The kubelet has noticed nothing, or heals.
    cluster.run_pod("later", "node-1", specification("shop/api:1", &[]))?;
    cluster.running("later").await?;
    Ok(())
}
