//! Dashboards and alert rules against the binaries: each expression names only series that they
//! expose, with labels that these have.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use anyhow::{Context, Result, ensure};
use api_vocab::{ContainerKind, PodPhase, SourceId};
use api_wire::observation::{Observation, ObservationBatch, ObservedContainer, ObservedPod};
use e2e::door;
use e2e::expression::Named;
use e2e::images::Archive;
use e2e::mesh::Mesh;
use e2e::mesh::cluster::Rights;
use e2e::parts::{self, run};
use e2e::ports::free_port;
use e2e::prometheus::Prometheus;
use e2e::until::until;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Labels that Prometheus puts on what it reads: docs/monitoring.md says how `source` comes.
const OF_THE_SCRAPE: [&str; 3] = ["instance", "pod", "source"];
const WORKLOADS: &str = "/metrics/workloads?source=docker/told";

/// Labels of each series.
type Exposed = BTreeMap<String, BTreeSet<String>>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

#[tokio::test(flavor = "multi_thread")]
async fn expression_of_a_dashboard_or_rule_names_what_the_binaries_expose() -> Result<()> {
    let folder = tempfile::Builder::new().prefix("dash").tempdir_in("/tmp")?;
    let parts = Parts::start(folder.path()).await?;
    let exposed = parts.exposed().await?;
    let mut complaints = Vec::new();
    let all = expressions()?;
    ensure!(all.len() > 60, "where have the expressions gone? {}", all.len());
    for (place, expression) in &all {
        complaints.extend(check(expression, &exposed).into_iter().map(|said| format!("{place}: {said}")));
    }
    ensure!(complaints.is_empty(), "\n{}\n{exposed:#?}", complaints.join("\n"));
    if parts::has("prometheus_reads_the_binaries_and_takes_every_expression", &["prometheus"]) {
        prometheus_reads_the_binaries_and_takes_every_expression(&parts, folder.path(), &all).await?;
    }
    Ok(())
}

async fn prometheus_reads_the_binaries_and_takes_every_expression(
    parts: &Parts,
    folder: &Path,
    all: &[(String, String)],
) -> Result<()> {
    let rules = root().join("deploy/dashboards/alerts.yaml");
    let prometheus = Prometheus::start(&folder.join("prometheus"), &parts.scrapes(), &rules)?;
    prometheus.is_content(parts.doors.len() + 1).await?;
    for (place, expression) in all {
        prometheus.answers(&without_variables(expression)).await.with_context(|| place.clone())?;
    }
    // What it has read is there under the labels that the dashboards choose by.
    for there in [
        "perceptor_core_source_pods{source=\"docker/told\"} == 1",
        "image_scanner_container_image_issues{source=\"docker/told\", namespace=\"shop\"} > 0",
        "pod_security_issue{source=\"docker/told\", Namespace=\"shop\"}",
        "perceptor_scanner_scan_seconds_bucket{le=\"+Inf\"} >= 1",
    ] {
        until(there, async || Ok((prometheus.answers(there).await? > 0).then_some(()))).await?;
    }
    Ok(())
}

/// An expression with everything chosen that Grafana lets one choose.
fn without_variables(expression: &str) -> String {
    let mut text = expression.replace("$__rate_interval", "5m");
    for variable in ["source", "namespace", "image", "ispublic", "pod", "baseos"] {
        text = text.replace(&format!("\"${variable}\""), "\".*\"");
    }
    text
}

#[test]
fn alert_is_raised_when_it_should_be_and_not_otherwise() -> Result<()> {
    if !parts::has("alert_is_raised_when_it_should_be_and_not_otherwise", &["promtool"]) {
        return Ok(());
    }
    let tests = root().join("deploy/e2e/tests/alerts.yaml");
    run(parts::command("promtool")?.args(["test", "rules"]).arg(tests)).map(drop)
}

/// What is wrong with an expression.
fn check(expression: &str, exposed: &Exposed) -> Vec<String> {
    let named = match Named::parse(expression) {
        Ok(named) => named,
        Err(error) => return vec![format!("{error:#}")],
    };
    let mut complaints = Vec::new();
    let mut known: BTreeSet<&str> = OF_THE_SCRAPE.into();
    for (series, labels) in &named.series {
        let Some(its) = exposed.get(series) else {
            complaints.push(format!("{series} is not exposed, in {expression}"));
            continue;
        };
        known.extend(its.iter().map(String::as_str));
        let unknown =
            labels.iter().filter(|label| !its.contains(*label) && !OF_THE_SCRAPE.contains(&label.as_str()));
        complaints.extend(unknown.map(|label| format!("{series} has no label {label}, in {expression}")));
    }
    let grouped = named.labels.iter().filter(|label| !known.contains(label.as_str()));
    complaints.extend(grouped.map(|label| format!("nothing has a label {label}, in {expression}")));
    complaints
}

/// Every expression and where it stands: panels, variables, rules.
fn expressions() -> Result<Vec<(String, String)>> {
    let mut all = Vec::new();
    for file in std::fs::read_dir(root().join("deploy/dashboards"))? {
        let path = file?.path();
        let (name, text) =
            (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&path)?);
        let found = match path.extension().and_then(|ending| ending.to_str()) {
            Some("json") => of_dashboard(&serde_json::from_str(&text).with_context(|| name.clone())?),
            Some("yaml") => of_rules(&text),
            _ => Vec::new(),
        };
        all.extend(found.into_iter().map(|expression| (name.clone(), expression)));
    }
    Ok(all)
}

fn of_dashboard(dashboard: &Value) -> Vec<String> {
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let queries =
        targets.map(|target| with_legend(target["expr"].as_str().unwrap(), &target["legendFormat"]));
    let variables = dashboard["templating"]["list"].as_array().unwrap().iter();
    let variables = variables.filter_map(|variable| variable["query"]["query"].as_str());
    queries.chain(variables.map(of_variable)).collect()
}

/// A legend names labels as a grouping does.
fn with_legend(expression: &str, legend: &Value) -> String {
    let labels: Vec<&str> = legend
        .as_str()
        .unwrap_or_default()
        .split("{{")
        .skip(1)
        .map(|rest| rest.split("}}").next().unwrap())
        .collect();
    match labels.as_slice() {
        [] => expression.to_owned(),
        labels => format!("sum by ({}) ({expression})", labels.join(",")),
    }
}

/// `label_values(series{…}, label)`, as a grouping by that label.
fn of_variable(query: &str) -> String {
    let inner = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(")")).unwrap();
    let (series, label) = inner.rsplit_once(", ").unwrap();
    format!("sum by ({label}) ({series})")
}

/// The folded texts after `expr: >-`.
fn of_rules(text: &str) -> Vec<String> {
    let rules = text.split("expr: >-\n").skip(1);
    rules
        .map(|rule| rule.split("for:").next().unwrap().split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// Core, scanner and perceivers, after an image was scanned.
struct Parts {
    mesh: Mesh,
    token: PathBuf,
    doors: Vec<SocketAddr>,
}

impl Parts {
    /// Start them, and have them do something of everything.
    async fn start(folder: &Path) -> Result<Self> {
        let image = image(folder)?;
        let nowhere = format!("unix://{}", folder.join("no-engine.sock").display());
        let mut mesh = Mesh::new(&folder.join("mesh"), &nowhere)?;
        for (setting, value) in [
            ("WORKLOAD_METRICS__POD_ISSUES", "true"),
            ("WORKLOAD_METRICS__IMAGE_SCANS", "true"),
            ("WORKLOAD_METRICS__UNFIXED", "true"),
            ("ADVISORIES__ORIGIN", &format!("file://{}", folder.join("no-feeds").display())),
        ] {
            mesh.set("core", &format!("PERCEPTOR_CORE_{setting}"), value);
        }
        let scanner = door_of(&mut mesh, "scanner-1", "PERCEPTOR_SCANNER_HTTP__LISTEN")?;
        let cluster = door_of(&mut mesh, "cluster", "PERCEPTOR_KUBERNETES_HTTP__LISTEN")?;
        mesh.start_core().await?;
        mesh.start_fetcher_of(&[image.path()]).await?;
        mesh.start_perceiver()?;
        mesh.start_cluster_perceiver("cluster", &no_cluster(folder)?, &[])?;
        mesh.start_scanner(1)?;
        tell(&mesh, image.config()).await?;
        mesh.settled(1).await?;
        let core = mesh.address();
        until("a feed to be asked for", async || {
            Ok(door::ask(core, "/metrics").await?.body.contains("advisory_feeds_total").then_some(()))
        })
        .await?;
        let doors = vec![core, scanner, cluster, mesh.perceiver_door()];
        Ok(Parts { mesh, token: folder.join("mesh/reader.token"), doors })
    }

    async fn exposed(&self) -> Result<Exposed> {
        let mut exposed = Exposed::new();
        for door in &self.doors {
            let answer = until("metrics", async || door::ask(*door, "/metrics").await.map(Some)).await;
            read(&answer.with_context(|| self.mesh.logs())?.body, &mut exposed);
        }
        let token = self.mesh.token("reader")?;
        let workloads = door::ask_as(&token, self.mesh.address(), WORKLOADS).await?;
        ensure!(workloads.status == 200, "{workloads:?}");
        read(&workloads.body, &mut exposed);
        Ok(exposed)
    }

    /// How Prometheus is told to read them, as docs/monitoring.md says.
    fn scrapes(&self) -> Value {
        let doors: Vec<String> = self.doors.iter().map(ToString::to_string).collect();
        let (path, source) = WORKLOADS.split_once("?source=").unwrap();
        json!([
            {"job_name": "parts", "static_configs": [{"targets": doors}]},
            {"job_name": "workloads", "metrics_path": path, "params": {"source": [source]},
                "honor_labels": true, "authorization": {"credentials_file": self.token},
                "static_configs": [{"targets": [self.mesh.address().to_string()], "labels": {"source": source}}]},
        ])
    }
}

/// An image with vulnerable packages of Debian.
fn image(folder: &Path) -> Result<Archive> {
    let sample = root().join("deploy/perceptor/sample/debian");
    let tree = folder.join("tree");
    for (from, to) in [("os-release", "etc/os-release"), ("status", "var/lib/dpkg/status")] {
        std::fs::create_dir_all(tree.join(to).parent().unwrap())?;
        std::fs::copy(sample.join(from), tree.join(to))?;
    }
    Archive::make("shop/web:1", &[&tree], folder)
}

fn door_of(mesh: &mut Mesh, part: &str, variable: &str) -> Result<SocketAddr> {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
    mesh.set(part, variable, &address.to_string());
    Ok(address)
}

/// Whom a perceiver is to a cluster that nobody is at home in.
fn no_cluster(folder: &Path) -> Result<Rights> {
    let kubeconfig = folder.join("kubeconfig");
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "none",
        "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
        "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "none", "user": {}}]});
    std::fs::write(&kubeconfig, config.to_string())?;
    Ok(Rights { kubeconfig, namespace: "perceptor".to_owned(), lease: "perceptor".to_owned() })
}

/// A pod that runs the image.
async fn tell(mesh: &Mesh, image: &str) -> Result<()> {
    let container = ObservedContainer {
        name: "web".to_owned(),
        kind: ContainerKind::Regular,
        image: "shop/web:1".to_owned(),
        image_id: Some(image.to_owned()),
        repo_digests: Vec::new(),
        privileges: Default::default(),
    };
    let pod = ObservedPod {
        key: "shop/web".to_owned(),
        uid: "1".to_owned(),
        node: None,
        platform: None,
        owner: None,
        phase: PodPhase::Running,
        started_at: None,
        labels: Default::default(),
        context: Default::default(),
        containers: vec![container],
    };
    let batch = ObservationBatch { observations: vec![Observation::PodPresent { pod }] };
    let source: SourceId = "docker/told".parse()?;
    mesh.client("perceiver")?.send_observations(&source, &batch).await?;
    Ok(())
}

/// Series and their labels in a text of OpenMetrics; no value of a label holds a brace or a quote.
fn read(text: &str, exposed: &mut Exposed) {
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, labels) = line.split_once('{').unwrap_or((line.split(' ').next().unwrap(), ""));
        let its = exposed.entry(series.to_owned()).or_default();
        let labels = labels.rsplit_once('}').map_or("", |(labels, _)| labels);
        // What stands before `="`, after the comma that ended the label before.
        let names = labels.split("=\"").map(|part| part.rsplit(['"', ',']).next().unwrap());
        its.extend(names.filter(|name| !name.is_empty()).map(str::to_owned));
    }
}

#[test]
fn expression_of_a_series_or_label_that_is_not_exposed_is_refused() {
    let mut exposed = Exposed::new();
    read("a_total{b=\"1\",c=\"x,y\"} 1\nplain 2\n# EOF\n", &mut exposed);
    assert_eq!(exposed["a_total"], ["b", "c"].map(str::to_owned).into());
    for fine in ["sum by (b, pod) (rate(a_total{c=\"x\"}[5m]))", "plain"] {
        assert_eq!(check(fine, &exposed), Vec::<String>::new());
    }
    for wrong in ["a", "a_total{d=\"x\"}", "sum by (d) (a_total)", "sum by (b) (plain)", "plain{b=\"x\"}"] {
        assert_eq!(check(wrong, &exposed).len(), 1, "{wrong}");
    }
}
