//! `helm install`, as an operator does it: the chart's own pods run on a real kubelet from images in a
//! registry with a password, `helm test` passes, and what else runs on the node is known from the node's
//! own store, whose containerd throws layers away once they are unpacked. Scanners are scaled while
//! images wait, and an uninstall leaves nothing.

mod scaling;

use anyhow::{Context, Result, ensure};
use api_client::{Client, ClientSettings, Retry};
use api_wire::image::{Image, ImageState};
use api_wire::pod::PodQuery;
use e2e::cluster::Cluster;
use e2e::containerd::Storage;
use e2e::engine::Engine;
use e2e::images::Archive;
use e2e::lab::expected;
use e2e::network::{self, PodNetwork};
use e2e::node::Node;
use e2e::parts;
use e2e::pods::{deployment, specification};
use e2e::programs::{Images, PROGRAMS};
use e2e::registry::Registry;
use e2e::rights::NAMESPACE;
use e2e::services::Services;
use e2e::until::until;
use e2e::wire::Wire;
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Beside those of a cluster.
const PARTS: &[&str] =
    &["unshare", "ip", "dnsmasq", "strip", "ldd", "dockerd", "docker", "/usr/lib/cni/bridge"];

/// Opens the registry, in whatever namespace.
const PULL_SECRET: &str = "registry";
/// Opens the same registry to the scanners that read from it.
const CREDENTIALS: &str = "fleet";
/// As GKE has it.
const DISCARDING: Storage = Storage { snapshotter: "overlayfs", discards_layers: true };

#[tokio::test(flavor = "multi_thread")]
async fn installed_chart_runs_passes_its_own_test_and_knows_what_runs() -> Result<()> {
    let test = "installed_chart_runs_passes_its_own_test_and_knows_what_runs";
    if !parts::has(test, &[parts::KUBERNETES, parts::REGISTRY, parts::TREES, PARTS].concat()) {
        return Ok(());
    }
    if !network::is_inside() {
        return network::run_inside(test);
    }
    let mut lab = Lab::start().await?;
    let outcome = scenes(&mut lab).await;
    outcome.with_context(|| lab.state())
}

async fn scenes(lab: &mut Lab) -> Result<()> {
    let began = Instant::now();
    lab.install()?;
    lab.services.serve_named(&lab.cluster, &lab.network, NAMESPACE, "perceptor-core").await?;
    lab.run_search()?;
    every_pod_of_the_chart_is_ready(lab).await?;
    say(began, "every pod of the chart is ready");
    let told = lab.cluster.helm(&["test", "perceptor", "--namespace", NAMESPACE, "--timeout=3m"])?;
    ensure!(told.contains("Succeeded"), "{told}");
    say(began, "`helm test` has passed");
    let client = lab.client().await?;
    image_pulled_with_a_password_is_scanned_from_what_the_node_unpacked(&client).await?;
    say(began, "the image of a Deployment is scanned");
    pods_of_the_chart_are_known_and_scanned_too(&client).await?;
    say(began, "the chart's own images are scanned");
    scaling::scanners_scaled_while_images_wait_lose_and_double_none(lab, &client, began).await?;
    uninstall_leaves_nothing(lab).await?;
    say(began, "nothing is left");
    Ok(())
}

/// Everything that runs. What lives in something else is dropped before it.
struct Lab {
    way_in: Option<Wire>,
    services: Services,
    images: Images,
    registry: Registry,
    node: Node,
    network: PodNetwork,
    cluster: Cluster,
    folder: tempfile::TempDir,
}

impl Lab {
    async fn start() -> Result<Self> {
        // A short path: a socket's has at most 107 bytes.
        let folder = tempfile::Builder::new().prefix("inst").tempdir_in("/tmp")?;
        let network = PodNetwork::start(folder.path())?;
        let cluster = Cluster::start(&folder.path().join("a")).await?;
        let mut services = Services::default();
        services.serve_api_server(&cluster, &network).await?;
        let registry = Registry::start_for_pods(&folder.path().join("r")).await?;
        let images = make_images(&registry, folder.path()).await?;
        let node = Node::start_in(&cluster, "node-1", DISCARDING, Some(&network)).await?;
        let lab = Lab { way_in: None, services, images, registry, node, network, cluster, folder };
        lab.prepare()?;
        Ok(lab)
    }

    /// What an operator has before the chart: a namespace, a way to the images, a volume.
    fn prepare(&self) -> Result<()> {
        let volume = self.folder.path().join("volume");
        std::fs::create_dir(&volume)?;
        let here = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": [self.node.name()]});
        let objects = json!({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE,
                "labels": {"pod-security.kubernetes.io/enforce": "privileged"}}},
            {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "local"},
             "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
                "storageClassName": "local", "local": {"path": volume},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}}}},
        ]});
        self.cluster.apply(&objects.to_string())?;
        let namespaces = [NAMESPACE, "default"];
        namespaces.iter().try_for_each(|of| self.cluster.pull_secret(of, PULL_SECRET, &self.registry))?;
        let host = self.registry.host_for_pods(self.network.gateway());
        self.cluster.pull_secret_for(NAMESPACE, CREDENTIALS, &self.registry, &host)
    }

    fn install(&self) -> Result<()> {
        let chart = chart();
        let containerd = &self.node.containerd;
        let host = self.registry.host_for_pods(self.network.gateway());
        let hosts = json!([{"host": host, "plain_http": true}]);
        self.cluster
            .helm(&[
                "install",
                "perceptor",
                &chart.display().to_string(),
                "--namespace",
                NAMESPACE,
                &format!("--values={}", chart.join("values-kubernetes.yaml").display()),
                &format!("--values={}", self.images.values.display()),
                &format!("--set=images.pullSecrets={{{PULL_SECRET}}}"),
                "--set=core.persistence.storageClass=local,core.persistence.size=1Gi",
                // What is compiled in: no network leads out of here.
                "--set=core.settings.advisories.origin=",
                "--set=scanner.onNodes.unpackedLayers=true",
                &format!("--set=scanner.onNodes.socket={}", containerd.socket().display()),
                &format!("--set=scanner.onNodes.store={}", containerd.root().display()),
                &format!("--set=scanner.fromRegistry.enabled=true,scanner.fromRegistry.credentialsSecret={CREDENTIALS}"),
                &format!("--set-json=scanner.fromRegistry.fetcherSettings.registry.hosts={hosts}"),
            ])
            .map(drop)
    }

    fn upgrade(&self, more: &[&str]) -> Result<()> {
        let chart = chart().display().to_string();
        let words = ["upgrade", "perceptor", &chart, "--namespace", NAMESPACE];
        self.cluster.helm(&[&words[..], more].concat()).map(drop)
    }

    /// A workload from the same registry, by a Deployment.
    fn run_search(&self) -> Result<()> {
        let tree = parts::trees()?.join("search");
        let archive = Archive::make("shop/search:1", &[&tree], self.folder.path())?;
        self.registry.push(&archive, "shop/search:1", &["--format=oci"])?;
        let image = format!("{}/shop/search:1", self.registry.host());
        let search = deployment("search", self.node.name(), specification(&image, &[PULL_SECRET]));
        self.cluster.apply(&search.to_string()).map(drop)
    }

    /// A reader from outside, with the token and the authority that the chart made.
    async fn client(&mut self) -> Result<Client> {
        // As `kubectl port-forward` opens one: the certificate is for localhost, too.
        let way_in = self.way_in.insert(Wire::to(self.core()?).await?).address();
        let field = |secret: &str, key: &str, file: &str| -> Result<_> {
            let path = format!("jsonpath={{.data.{key}}}");
            let coded = self.cluster.kubectl(&["get", "secret", secret, "-n", NAMESPACE, "-o", &path])?;
            let (coded_file, file) = (self.folder.path().join("coded"), self.folder.path().join(file));
            std::fs::write(&coded_file, coded)?;
            std::fs::write(&file, parts::run(parts::command("base64")?.arg("--decode").arg(coded_file))?)?;
            Ok(file)
        };
        let settings = ClientSettings {
            core: format!("https://localhost:{}", way_in.port()),
            token_file: Some(field("perceptor-tokens", "reader", "token")?),
            ca_file: Some(field("perceptor-tls", "ca\\.crt", "ca.crt")?),
            ..ClientSettings::default()
        };
        Ok(Client::new(&settings)?.with_retry(Retry::NEVER))
    }

    /// The Service of the core.
    fn core(&self) -> Result<SocketAddr> {
        let spec = "jsonpath={.spec.clusterIP}:{.spec.ports[0].port}";
        let service = ["get", "service", "perceptor-core", "-n", NAMESPACE, "-o", spec];
        Ok(self.cluster.kubectl(&service)?.parse()?)
    }

    /// What the cluster and its pods say, for an error.
    fn state(&self) -> String {
        let kubectl = |words: &[&str]| self.cluster.kubectl(words).unwrap_or_else(|error| error.to_string());
        [
            kubectl(&["get", "pods", "-A", "-o=wide"]),
            kubectl(&["get", "events", "-A", "--field-selector=type!=Normal"]),
            self.node.pod_logs(),
        ]
        .join("\n")
    }
}

fn chart() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("helm").join("perceptor")
}

/// What the chart is to run: built and tried on an engine, then in the registry.
async fn make_images(registry: &Registry, folder: &Path) -> Result<Images> {
    let engine = Engine::start(&folder.join("d")).await?;
    let images = Images::make(&engine, registry, folder)?;
    for name in PROGRAMS {
        let image = format!("{}/{name}:dev", images.prefix);
        let alone = ["run", "--rm", "--network=none", "--read-only", "--cap-drop=ALL"];
        engine.docker(&[&alone[..], &[&image, "--version"]].concat())?;
        let shell = [&alone[..], &["--entrypoint=/bin/sh", &image]].concat();
        ensure!(engine.docker(&shell).is_err(), "{name} has a shell");
        let user = engine.docker(&["inspect", "--format={{.Config.User}}", &image])?;
        ensure!(user.trim() == "65532:65532", "{name} runs as {user}");
    }
    Ok(images)
}

#[allow(clippy::print_stderr)]
fn say(began: Instant, what: &str) {
    eprintln!("install: {what} after {:.1} s", began.elapsed().as_secs_f64());
}

async fn every_pod_of_the_chart_is_ready(lab: &Lab) -> Result<()> {
    let ready = "jsonpath={range .items[*]}{.metadata.labels.app\\.kubernetes\\.io/component} \
                 {.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}{end}";
    let wanted =
        ["core True", "perceiver True", "perceiver True", "scanner-nodes True", "scanner-registry True"];
    until("the chart's pods to be ready", async || {
        let shown = lab.cluster.kubectl(&["get", "pods", "-n", NAMESPACE, "-o", ready])?;
        let mut seen: Vec<&str> = shown.lines().collect();
        seen.sort_unstable();
        Ok((seen == wanted).then_some(()))
    })
    .await
}

async fn image_pulled_with_a_password_is_scanned_from_what_the_node_unpacked(client: &Client) -> Result<()> {
    let query = PodQuery { owner: Some("deployment/search".to_owned()), ..PodQuery::default() };
    let image = until("the scan of the Deployment's image", async || {
        let pods = client.pods(&query).await?.items;
        let Some(digest) = pods.first().and_then(|pod| pod.containers.first()?.image.clone()) else {
            return Ok(None);
        };
        Ok(Some(client.image(&digest).await?).filter(is_known))
    })
    .await?;
    assert_eq!(image.fetched_from.as_deref(), Some("containerd-snapshot"));
    let packages = expected(&parts::trees()?, "search.rpm")?.lines().count();
    assert_eq!(image.packages, Some(packages.try_into()?));
    Ok(())
}

async fn pods_of_the_chart_are_known_and_scanned_too(client: &Client) -> Result<()> {
    let query = PodQuery { namespace: Some(NAMESPACE.to_owned()), ..PodQuery::default() };
    until("the chart's own images to be scanned", async || {
        let pods = client.pods(&query).await?.items;
        let containers: Vec<_> = pods.iter().flat_map(|pod| &pod.containers).collect();
        // The scanners' pods have two.
        ensure!(containers.len() >= 7, "{} containers are known", containers.len());
        for container in containers {
            let digest = container.image.as_ref().context("an image is not resolved")?;
            if !is_known(&client.image(digest).await?) {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
    .await
}

fn is_known(image: &Image) -> bool {
    matches!(image.state, ImageState::Scanned { .. }) && image.findings.is_some()
}

/// Neither what the chart brought nor what its programs made.
async fn uninstall_leaves_nothing(lab: &Lab) -> Result<()> {
    let kubectl = |words: &[&str]| lab.cluster.kubectl(words);
    lab.cluster.helm(&["uninstall", "perceptor", "--namespace", NAMESPACE])?;
    let kinds = kubectl(&["api-resources", "--namespaced", "--verbs=list", "-o=name"])?;
    // Events tell of the past; they end by themselves.
    let kinds: Vec<&str> = kinds.lines().filter(|kind| !kind.starts_with("events")).collect();
    let kinds = kinds.join(",");
    let before = [
        "configmap/kube-root-ca.crt".to_owned(),
        "serviceaccount/default".to_owned(),
        format!("secret/{PULL_SECRET}"),
        format!("secret/{CREDENTIALS}"),
    ];
    let ours =
        ["get", "clusterroles,clusterrolebindings,crds", "-lapp.kubernetes.io/name=perceptor", "-o=name"];
    let mut left = Vec::new();
    let gone = until("the end of everything", async || {
        let there = kubectl(&["get", &kinds, "-n", NAMESPACE, "-o=name", "--ignore-not-found"])?;
        left = there.lines().filter(|name| !before.iter().any(|it| it == name)).map(str::to_owned).collect();
        left.extend(kubectl(&ours)?.lines().map(str::to_owned));
        Ok(left.is_empty().then_some(()))
    });
    gone.await.with_context(|| format!("after uninstall there is {left:?}"))
}
