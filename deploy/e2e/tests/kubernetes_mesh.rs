//! The main job on a real Kubernetes, with the rights that the chart gives and no others: from a
//! Deployment to its findings, out of a node's own store; and what happens when things are killed.

use anyhow::{Context, Result, ensure};
use api_client::Client;
use api_wire::event::Change;
use api_wire::finding::FindingQuery;
use api_wire::image::{Image, ImageState};
use api_wire::pod::{Pod, PodQuery};
use e2e::cluster::Cluster;
use e2e::containerd::{DEFAULT, PAUSE, Storage};
use e2e::images::{Archive, architecture, busybox};
use e2e::inventory::{dpkg_packages, node_packages, npm_packages, packages_of};
use e2e::lab::expected;
use e2e::mesh::Mesh;
use e2e::mesh::cluster::{LEASE_SECONDS, Rights, SOURCE};
use e2e::node::Node;
use e2e::parts;
use e2e::pods::{deployment, on_node, specification};
use e2e::registry::Registry;
use e2e::rights::{NAMESPACE, install_rights};
use e2e::until::until;
use futures_util::TryStreamExt;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::Api;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What the chart is told, so that its accounts may do what is tried here.
const SETTINGS: [&str; 3] = [
    "--set-json=perceiver.ownerKinds=[{\"group\":\"shop.example\",\"resource\":\"shops\"}]",
    "--set=scanner.fromRegistry.enabled=true,scanner.fromRegistry.pullSecrets.enabled=true",
    "--set=scanner.fromRegistry.pullSecrets.namespaces={default}",
];

/// One of them speaks.
const PERCEIVERS: [&str; 2] = ["perceiver-1", "perceiver-2"];

/// Opens the registry.
const PULL_SECRET: &str = "shop";

/// Everything that runs. What lives in something else is dropped before it.
struct Lab {
    mesh: Mesh,
    client: Client,
    rights: Rights,
    first: Node,
    second: Node,
    registry: Registry,
    cluster: Cluster,
    trees: PathBuf,
    folder: tempfile::TempDir,
}

#[tokio::test(flavor = "multi_thread")]
async fn cluster_is_perceived_scanned_from_its_nodes_and_followed_through_failures() -> Result<()> {
    let wanted = [parts::KUBERNETES, parts::REGISTRY, parts::TREES].concat();
    if !parts::has("cluster_is_perceived_scanned_from_its_nodes_and_followed_through_failures", &wanted) {
        return Ok(());
    }
    let mut lab = Lab::start().await?;
    let outcome = scenes(&mut lab).await;
    outcome.with_context(|| lab.mesh.logs())
}

async fn scenes(lab: &mut Lab) -> Result<()> {
    // Only now: the first node has no scanner yet.
    image_of_a_node_without_scanner_comes_from_the_registry(lab).await?;
    build_of_an_index_is_that_of_the_nodes_that_run_it(lab).await?;
    // The first leads by now.
    lab.mesh.start_cluster_perceiver(PERCEIVERS[1], &lab.rights, &[])?;
    lab.mesh.start_on_node(&lab.first).await?;
    deployment_is_known_scanned_from_containerd_and_gone_when_deleted(lab).await?;
    image_whose_layers_were_discarded_is_scanned_from_its_snapshots(lab).await?;
    owner_is_found_through_a_custom_resource(lab).await?;
    excluded_namespace_is_gone_until_it_is_included_again(lab).await?;
    let left = killed_leader_is_followed_by_the_other_within_its_lease(lab).await?;
    killed_api_server_lets_no_pod_be_forgotten(lab, left).await
}

impl Lab {
    async fn start() -> Result<Self> {
        // A short path: a socket's has at most 107 bytes.
        let folder = tempfile::Builder::new().prefix("mesh").tempdir_in("/tmp")?;
        let cluster = Cluster::start(&folder.path().join("a")).await?;
        let rights = install_rights(&cluster, &SETTINGS).await?;
        let registry = Registry::start(&folder.path().join("r")).await?;
        cluster.pull_secret("default", PULL_SECRET, &registry)?;
        let first = Node::start(&cluster, "node-1", DEFAULT).await?;
        let discarding = Storage { snapshotter: "native", discards_layers: true };
        let second = Node::start(&cluster, "node-2", discarding).await?;
        let mut mesh = Mesh::new(&folder.path().join("m"), "")?;
        mesh.start_core().await?;
        mesh.start_cluster_perceiver(PERCEIVERS[0], &rights, &[])?;
        let client = mesh.client("reader")?;
        let trees = parts::trees()?;
        Ok(Lab { mesh, client, rights, first, second, registry, cluster, trees, folder })
    }

    /// An image of one of the trees, imported into the first node's store.
    fn import(&self, tree: &str) -> Result<Archive> {
        let archive = self.archive(tree)?;
        self.first.containerd.import(archive.path())?;
        Ok(archive)
    }

    fn archive(&self, tree: &str) -> Result<Archive> {
        let name = format!("docker.io/shop/{tree}:1");
        Archive::make(&name, &[&self.trees.join(tree)], self.folder.path())
    }

    /// Run an image of one of the trees as a pod of its name on `node`, pulled from the registry.
    async fn run_pulled(&self, tree: &str, node: &str) -> Result<Pod> {
        let name = format!("shop/{tree}:1");
        self.registry.push(&self.archive(tree)?, &name, &["--format=oci"])?;
        let image = format!("{}/{name}", self.registry.host());
        self.cluster.run_pod(tree, node, specification(&image, &[PULL_SECRET]))?;
        self.cluster.running(tree).await?;
        self.pod_named(tree).await
    }

    /// The pod of that name, once its image is known.
    async fn pod_named(&self, name: &str) -> Result<Pod> {
        until(&format!("pod {name}"), async || {
            let pods = self.client.pods(&PodQuery::default()).await?.items;
            Ok(pods.into_iter().find(|pod| pod.name == name && is_resolved(pod)))
        })
        .await
    }

    /// How many packages a native tool found in a tree.
    fn count(&self, list: &str) -> Result<Option<u64>> {
        Ok(Some(expected(&self.trees, list)?.lines().count().try_into()?))
    }

    /// The only pod that the core knows of an owner, once its image is known.
    async fn pod_of(&self, owner: &str) -> Result<Pod> {
        until(&format!("a pod of {owner}"), async || {
            let mut pods = self.pods(owner).await?;
            Ok(pods.pop().filter(|pod| pods.is_empty() && is_resolved(pod)))
        })
        .await
    }

    async fn pods(&self, owner: &str) -> Result<Vec<Pod>> {
        let query = PodQuery { owner: Some(owner.to_owned()), ..PodQuery::default() };
        Ok(self.client.pods(&query).await?.items)
    }

    /// The lease that decides which perceiver speaks.
    async fn lease(&self) -> Result<LeaseSpec> {
        let leases: Api<Lease> = Api::namespaced(self.cluster.client().await?, NAMESPACE);
        leases.get(&self.rights.lease).await?.spec.context("an empty lease")
    }

    async fn no_pod_of(&self, owner: &str) -> Result<()> {
        until(&format!("the end of {owner}"), async || Ok(self.pods(owner).await?.is_empty().then_some(())))
            .await
    }

    /// The image of the pod's first container, once it is scanned and matched.
    async fn scanned(&self, pod: &Pod) -> Result<Image> {
        let container = pod.containers.first().context("the pod has no container")?;
        let digest = container.image.as_ref().context("the container has no image")?;
        until(&format!("the scan of {}", container.reference), async || {
            let image = self.client.image(digest).await?;
            let done = matches!(image.state, ImageState::Scanned { .. }) && image.findings.is_some();
            Ok(done.then_some(image))
        })
        .await
    }
}

fn is_resolved(pod: &Pod) -> bool {
    !pod.containers.is_empty() && pod.containers.iter().all(|container| container.image.is_some())
}

async fn image_of_a_node_without_scanner_comes_from_the_registry(lab: &mut Lab) -> Result<()> {
    let kubeconfig = lab.cluster.kubeconfig_of(NAMESPACE, "perceptor-scanner-registry").await?;
    lab.mesh.start_on_registry(&lab.registry, &kubeconfig).await?;
    let pod = lab.run_pulled("search", "node-1").await?;
    let image = lab.scanned(&pod).await?;
    assert_eq!(image.fetched_from.as_deref(), Some("registry"));
    assert_eq!(image.packages, lab.count("search.rpm")?);
    Ok(())
}

/// The scanner that reads the registry runs on this machine; of the nodes one is real and like it,
/// the other says that it is something else.
async fn build_of_an_index_is_that_of_the_nodes_that_run_it(lab: &Lab) -> Result<()> {
    let (ours, foreign) = (architecture(), "s390x");
    let runs = json!({"Cmd": ["/bin/sleep", "infinity"]});
    let build = |architecture: &str, tree: &Path| {
        let name = format!("docker.io/shop/{architecture}:1");
        Archive::built_for(architecture, &name, &[tree], &runs, lab.folder.path())
    };
    let bare = busybox(&lab.folder.path().join("bare"))?;
    let (own, other) = (build(ours, &bare)?, build(foreign, &lab.trees.join("search"))?);
    let builds = [(foreign, &other), (ours, &own)];
    let here = lab.registry.push_index(&builds, "shop/agent:1", "here")?;
    let there = lab.registry.push_index(&builds, "shop/agent:2", "there")?;
    let repository = format!("{}/shop/agent", lab.registry.host());

    let pulled = specification(&format!("{repository}:1"), &[PULL_SECRET]);
    lab.cluster.run_pod("here", "node-1", pulled)?;
    let status = lab.cluster.running("here").await?;
    ensure!(status.image_id.ends_with(&here), "containerd names the index: {}", status.image_id);
    let image = lab.scanned(&lab.pod_named("here").await?).await?;
    let platform = |architecture: &str| format!("linux/{architecture}").parse().ok();
    assert_eq!((image.platform, image.packages), (platform(ours), Some(0)));

    lab.cluster.pretend_node("node-z", foreign).await?;
    for (name, tag, digest) in [("there", 2, &there), ("both", 1, &here)] {
        let pod = on_node("node-z", specification(&format!("{repository}:{tag}"), &[PULL_SECRET]));
        let image_id = format!("{repository}@{digest}");
        lab.cluster.pretend_pod_of("default", name, pod, &image_id).await?;
    }
    let image = lab.scanned(&lab.pod_named("there").await?).await?;
    assert_eq!((image.platform, image.packages), (platform(foreign), lab.count("search.rpm")?));

    let pod = lab.pod_named("both").await?;
    assert_eq!(pod.platform, platform(foreign));
    let image = lab.scanned(&pod).await?;
    let on = image.context.context("no context")?.platforms;
    assert_eq!((image.platform, on.len()), (platform(ours), 2), "the other build is known not to be read");
    lab.cluster.kubectl(&["delete", "node", "node-z"])?;
    lab.cluster.kubectl(&["delete", "pod", "here", "there", "both", "--force", "--grace-period=0"])?;
    Ok(())
}

async fn image_whose_layers_were_discarded_is_scanned_from_its_snapshots(lab: &mut Lab) -> Result<()> {
    lab.mesh.start_on_node(&lab.second).await?;
    let pod = lab.run_pulled("api", "node-2").await?;
    let image = lab.scanned(&pod).await?;
    assert_eq!(image.fetched_from.as_deref(), Some("containerd-snapshot"));
    let found = node_packages(&packages_of(&lab.client, &image.digest).await?);
    assert_eq!(found, npm_packages(&lab.trees)?);
    let query = FindingQuery { package: Some("lodash".to_owned()), ..FindingQuery::default() };
    let findings = lab.client.findings(&query).await?.items;
    let finding = findings.first().context("no finding for lodash")?;
    assert_eq!((&finding.image, finding.pods), (&image.digest, 1));
    Ok(())
}

async fn deployment_is_known_scanned_from_containerd_and_gone_when_deleted(lab: &Lab) -> Result<()> {
    let archive = lab.import("web")?;
    let web = deployment("web", "node-1", specification("shop/web:1", &[]));
    lab.cluster.apply(&web.to_string())?;

    let pod = lab.pod_of("deployment/web").await?;
    assert_eq!((pod.source.to_string().as_str(), pod.node.as_deref()), (SOURCE, Some("node-1")));
    let image = lab.scanned(&pod).await?;
    let names = || std::iter::once(&image.digest).chain(&image.aliases);
    ensure!(names().any(|name| name.to_string() == archive.config()), "{image:?}");
    assert_eq!(image.fetched_from.as_deref(), Some("containerd"));
    let found = dpkg_packages(&packages_of(&lab.client, &image.digest).await?);
    assert_eq!(found, expected(&lab.trees, "web.dpkg")?.lines().map(str::to_owned).collect());

    lab.cluster.kubectl(&["delete", "deployment", "web", "--wait=false"])?;
    lab.no_pod_of("deployment/web").await
}

async fn owner_is_found_through_a_custom_resource(lab: &Lab) -> Result<()> {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let kind = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "shops.shop.example"},
        "spec": {
            "group": "shop.example",
            "scope": "Namespaced",
            "names": {"kind": "Shop", "plural": "shops"},
            "versions": [
                {"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}},
            ],
        },
    });
    lab.cluster.apply(&kind.to_string())?;
    let shop = json!({"apiVersion": "shop.example/v1", "kind": "Shop", "metadata": {"name": "main"}});
    until("the new kind", async || Ok(lab.cluster.apply(&shop.to_string()).ok())).await?;
    let uid = lab.cluster.kubectl(&["get", "shops", "main", "-o", "jsonpath={.metadata.uid}"])?;
    let mut till = deployment("till", "node-1", specification(PAUSE, &[]));
    let owner = json!({"apiVersion": "shop.example/v1", "kind": "Shop", "name": "main", "uid": uid,
        "controller": true});
    let metadata = till.get_mut("metadata").and_then(Value::as_object_mut).context("no metadata")?;
    metadata.insert("ownerReferences".to_owned(), json!([owner]));
    lab.cluster.apply(&till.to_string())?;
    lab.pod_of("shop/main").await.map(drop)
}

async fn excluded_namespace_is_gone_until_it_is_included_again(lab: &Lab) -> Result<()> {
    lab.cluster.kubectl(&["create", "namespace", "team-a"])?;
    let mut desk = deployment("desk", "node-1", specification(PAUSE, &[]));
    let metadata = desk.get_mut("metadata").and_then(Value::as_object_mut).context("no metadata")?;
    metadata.insert("namespace".to_owned(), json!("team-a"));
    lab.cluster.apply(&desk.to_string())?;
    lab.pod_of("deployment/desk").await?;
    PERCEIVERS.iter().try_for_each(|it| lab.mesh.exclude_namespaces(it, &lab.rights, &["team-*"]))?;
    lab.no_pod_of("deployment/desk").await?;
    lab.pod_of("shop/main").await?;
    PERCEIVERS.iter().try_for_each(|it| lab.mesh.exclude_namespaces(it, &lab.rights, &[]))?;
    lab.pod_of("deployment/desk").await.map(drop)
}

/// Returns who is left.
async fn killed_leader_is_followed_by_the_other_within_its_lease(lab: &mut Lab) -> Result<&'static str> {
    let holder = async || lab.lease().await?.holder_identity.context("nobody holds the lease");
    let first = holder().await?;
    let [one, another] = PERCEIVERS;
    let (leader, other) = if lab.mesh.log(one).contains(&first) { (one, another) } else { (another, one) };
    lab.mesh.kill(leader)?;
    let killed = Instant::now();
    let holder = async || lab.lease().await?.holder_identity.context("nobody holds the lease");
    until("another holder of the lease", async || Ok((holder().await? != first).then_some(()))).await?;
    say("the lease of a killed leader was taken over", killed);
    lab.cluster.run_pod("latest", "node-1", specification(PAUSE, &[]))?;
    lab.pod_named("latest").await?;
    Ok(other)
}

/// Without an API server the perceiver gives its lease up as well; afterwards the lease is still its
/// own, and it goes on.
async fn killed_api_server_lets_no_pod_be_forgotten(lab: &mut Lab, perceiver: &str) -> Result<()> {
    let before = lab.client.pods(&PodQuery::default()).await?.items;
    ensure!(before.len() >= 4, "{before:#?}");
    let said = |lab: &Lab, what: &str| lab.mesh.log(perceiver).matches(what).count();
    let (lost, led) = (said(lab, "no longer the active one"), said(lab, "is the active one"));
    let lease = lab.lease().await?;
    lab.cluster.kill_api_server()?;
    until("the loss of the lease", async || Ok((said(lab, "no longer the active one") > lost).then_some(())))
        .await?;
    assert_eq!(lab.client.pods(&PodQuery::default()).await?.items.len(), before.len());
    lab.cluster.start_api_server().await?;
    let back = Instant::now();
    until("the lease to be resumed", async || Ok((said(lab, "is the active one") > led).then_some(())))
        .await?;
    say("the lease was resumed", back);
    // It is the same one's as before, and nobody else had it meanwhile.
    let now = lab.lease().await?;
    assert_eq!(now.holder_identity, lease.holder_identity);
    assert_eq!(now.lease_transitions, lease.lease_transitions);
    lab.cluster.run_pod("later", "node-1", specification(PAUSE, &[]))?;
    lab.pod_named("later").await?;
    nobody_forgot(lab, &before).await
}

#[allow(clippy::print_stderr)]
fn say(what: &str, since: Instant) {
    eprintln!("mesh: {what} after {:.1} s; it lasts {LEASE_SECONDS} s", since.elapsed().as_secs_f64());
}

/// The whole stream of events up to now: none tells that one of `pods` was gone after it was there.
async fn nobody_forgot(lab: &Lab, pods: &[Pod]) -> Result<()> {
    let name = |pod: &Pod| format!("{}/{}", pod.namespace, pod.name);
    let alive: BTreeSet<String> = pods.iter().filter(|pod| pod.namespace == "default").map(name).collect();
    let mut events = std::pin::pin!(lab.client.events(Some(0)));
    while let Some(event) = events.try_next().await? {
        match event.change {
            Change::PodGone { pod, .. } => ensure!(!alive.contains(&pod), "{pod} was forgotten"),
            Change::PodPresent { pod, .. } if pod == "default/later" => break,
            _ => {}
        }
    }
    Ok(())
}
