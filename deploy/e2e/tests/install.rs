//! `helm install`, as an operator does it: the chart's own pods run on a real kubelet from images in a
//! registry with a password, `helm test` passes, and what else runs on the node is known from the node's
//! own store, whose containerd throws layers away once they are unpacked.

use anyhow::{Context, Result, ensure};
use api_client::{Client, ClientSettings, Retry};
use api_wire::image::{Image, ImageState};
use api_wire::pod::PodQuery;
use e2e::cluster::Cluster;
use e2e::containerd::Storage;
use e2e::images::Archive;
use e2e::lab::expected;
use e2e::network::{self, PodNetwork};
use e2e::node::Node;
use e2e::parts;
use e2e::pods::{deployment, specification};
use e2e::programs::Foundation;
use e2e::registry::Registry;
use e2e::rights::NAMESPACE;
use e2e::services::Services;
use e2e::until::until;
use e2e::wire::Wire;
use serde_json::json;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

/// Beside those of a cluster.
const PARTS: &[&str] = &["unshare", "ip", "dnsmasq", "strip", "ldd", "/usr/lib/cni/bridge"];

/// Opens the registry, in whatever namespace.
const PULL_SECRET: &str = "registry";
/// As GKE has it.
const DISCARDING: Storage = Storage { snapshotter: "overlayfs", discards_layers: true };
/// Our binaries, and what the chart's values call their images.
const PROGRAMS: [(&str, &str); 5] = [
    ("perceptor-core", "core"),
    ("perceptor-scanner", "scanner"),
    ("perceptor-image-fetcher", "imageFetcher"),
    ("perceptor-perceiver-kubernetes", "perceiverKubernetes"),
    ("perceptor", "cli"),
];
const PATIENCE: Duration = Duration::from_secs(180);

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
    Ok(())
}

/// Everything that runs. What lives in something else is dropped before it.
struct Lab {
    way_in: Option<Wire>,
    services: Services,
    digests: Vec<String>,
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
        let registry = Registry::start(&folder.path().join("r")).await?;
        let digests = push_programs(&registry, folder.path())?;
        let node = Node::start_in(&cluster, "node-1", DISCARDING, Some(&network)).await?;
        let lab = Lab { way_in: None, services, digests, registry, node, network, cluster, folder };
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
        namespaces.iter().try_for_each(|of| self.cluster.pull_secret(of, PULL_SECRET, &self.registry))
    }

    fn install(&self) -> Result<()> {
        let chart = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("helm").join("perceptor");
        let images = format!("images.registry={}/perceptor", self.registry.host());
        let digests = PROGRAMS.iter().zip(&self.digests);
        let digests: Vec<String> =
            digests.map(|((_, key), digest)| format!("images.{key}.digest={digest}")).collect();
        let containerd = &self.node.containerd;
        self.cluster
            .helm(&[
                "install",
                "perceptor",
                &chart.display().to_string(),
                "--namespace",
                NAMESPACE,
                &format!("--values={}", chart.join("values-kubernetes.yaml").display()),
                &format!("--set={images},images.pullSecrets={{{PULL_SECRET}}}"),
                &format!("--set={}", digests.join(",")),
                "--set=core.persistence.storageClass=local,core.persistence.size=1Gi",
                // What is compiled in: no network leads out of here.
                "--set=core.settings.advisories.origin=",
                "--set=scanner.onNodes.unpackedLayers=true",
                &format!("--set=scanner.onNodes.socket={}", containerd.socket().display()),
                &format!("--set=scanner.onNodes.store={}", containerd.root().display()),
            ])
            .map(drop)
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

/// Push our binaries as images; their digests, in order.
fn push_programs(registry: &Registry, folder: &Path) -> Result<Vec<String>> {
    let base = Foundation::make(&folder.join("base"), &PROGRAMS.map(|(name, _)| name))?;
    let push = |(name, _): &(&str, &str)| {
        let name = format!("perceptor/{name}");
        let archive = base.image(name.trim_start_matches("perceptor/"), &format!("{name}:1"), folder)?;
        let digest = registry.push(&archive, &format!("{name}:1"), &["--format=oci"])?;
        std::fs::remove_file(archive.path())?;
        Ok(digest)
    };
    PROGRAMS.iter().map(push).collect()
}

#[allow(clippy::print_stderr)]
fn say(began: Instant, what: &str) {
    eprintln!("install: {what} after {:.1} s", began.elapsed().as_secs_f64());
}

async fn every_pod_of_the_chart_is_ready(lab: &Lab) -> Result<()> {
    let ready = "jsonpath={range .items[*]}{.metadata.labels.app\\.kubernetes\\.io/component} \
                 {.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}{end}";
    let wanted = ["core True", "perceiver True", "perceiver True", "scanner-nodes True"];
    until("the chart's pods to be ready", PATIENCE, async || {
        let shown = lab.cluster.kubectl(&["get", "pods", "-n", NAMESPACE, "-o", ready])?;
        let mut seen: Vec<&str> = shown.lines().collect();
        seen.sort_unstable();
        Ok((seen == wanted).then_some(()))
    })
    .await
}

async fn image_pulled_with_a_password_is_scanned_from_what_the_node_unpacked(client: &Client) -> Result<()> {
    let query = PodQuery { owner: Some("deployment/search".to_owned()), ..PodQuery::default() };
    let image = until("the scan of the Deployment's image", PATIENCE, async || {
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
    until("the chart's own images to be scanned", PATIENCE, async || {
        let pods = client.pods(&query).await?.items;
        let containers: Vec<_> = pods.iter().flat_map(|pod| &pod.containers).collect();
        // The scanner's pod has two.
        ensure!(containers.len() >= 5, "{} containers are known", containers.len());
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
