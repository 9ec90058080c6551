//! What is told to a real API server, with the rights that the chart gives for it: marks on pods and
//! workloads, summaries and reports beside them, an event where a verdict got worse; nothing by
//! default, and nothing twice.

use anyhow::{Context, Result, ensure};
use api_client::Client;
use api_wire::lease::LeaseRequest;
use api_wire::pod::PodQuery;
use e2e::advisories::{Advisory, CRITICAL, HIGH, publish};
use e2e::cluster::Cluster;
use e2e::mesh::Mesh;
use e2e::mesh::cluster::Rights;
use e2e::parts;
use e2e::pods::{deployment, specification};
use e2e::until::until;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

const PARTS: &[&str] =
    &["kube-apiserver", "etcd", "kube-controller-manager", "kube-scheduler", "kubectl", "helm", "openssl"];

/// Where the chart is installed.
const NAMESPACE: &str = "perceptor";
/// What runs; nobody has to have it.
const IMAGE: &str = "docker.io/shop/web:1";

/// Everything that may be told.
const TELL: &str = "marks = [\"perceptor\", \"classic\"]\nsummaries = true\nvulnerabilities = \"high\"\n\
    reports = true\nevents = true\nlink = \"https://perceptor.example\"\n";

const LODASH: Advisory =
    Advisory { id: "GHSA-aaaa-bbbb-cccc", package: "lodash", fixed: "4.17.21", vector: HIGH };
const MINIMIST: Advisory =
    Advisory { id: "GHSA-dddd-eeee-ffff", package: "minimist", fixed: "1.2.6", vector: CRITICAL };

struct Lab {
    mesh: Mesh,
    client: Client,
    rights: Rights,
    cluster: Cluster,
    folder: tempfile::TempDir,
}

#[tokio::test(flavor = "multi_thread")]
async fn cluster_is_told_how_its_pods_stand_when_asked_to_and_only_what_is_new() -> Result<()> {
    if !parts::has("cluster_is_told_how_its_pods_stand_when_asked_to_and_only_what_is_new", PARTS) {
        return Ok(());
    }
    let mut lab = Lab::start().await?;
    let outcome = scenes(&mut lab).await;
    outcome.with_context(|| lab.mesh.logs())
}

async fn scenes(lab: &mut Lab) -> Result<()> {
    nothing_is_told_by_default(lab).await?;
    lab.mesh.start_telling_perceiver("first", &lab.rights, TELL)?;
    pods_and_their_workload_are_marked(lab).await?;
    summary_and_report_are_beside_the_workload(lab).await?;
    new_advisories_change_all_of_it_and_make_an_event(lab).await?;
    second_start_writes_nothing_again(lab).await?;
    set_that_is_turned_off_leaves_nothing(lab).await?;
    deleted_workload_takes_what_is_beside_it_along(lab).await
}

impl Lab {
    async fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("tell").tempdir_in("/tmp")?;
        let cluster = Cluster::start(&folder.path().join("a")).await?;
        let rights = install(&cluster).await?;
        let origin = folder.path().join("advisories");
        publish(&origin, &[LODASH])?;
        let mut mesh = Mesh::new(&folder.path().join("m"), "")?;
        mesh.advise_from(&origin);
        mesh.start_core().await?;
        let client = mesh.client("reader")?;
        let lab = Lab { mesh, client, rights, cluster, folder };
        let web = deployment("web", "node", specification(IMAGE, &[]));
        lab.cluster.apply(&web.to_string())?;
        lab.run("web", 1).await?;
        // Its controller has said all that it has to say.
        let said = "jsonpath={.status.unavailableReplicas}";
        until("the Deployment's status", async || {
            Ok((lab.cluster.kubectl(&["get", "deployment", "web", "-o", said])? == "1").then_some(()))
        })
        .await?;
        Ok(lab)
    }

    /// The only pod with that label, once it is there.
    async fn pod(&self, app: &str) -> Result<String> {
        let label = format!("-lapp={app}");
        until(&format!("a pod of {app}"), async || {
            let pods = self.cluster.kubectl(&["get", "pods", &label, "-o", "name"])?;
            Ok(pods.lines().next().and_then(|line| line.strip_prefix("pod/")).map(str::to_owned))
        })
        .await
    }

    /// Let the pod of `app` run an image, as its node's kubelet would say.
    async fn run(&self, app: &str, image: u8) -> Result<()> {
        let status = json!({"status": {"phase": "Running", "startTime": "2026-11-21T10:00:00Z",
            "containerStatuses": [{"name": "main", "image": IMAGE, "imageID": image_id(image), "ready": true,
                "restartCount": 0, "state": {"running": {"startedAt": "2026-11-21T10:00:01Z"}}}]}});
        let pod = self.pod(app).await?;
        let words = ["patch", "pod", &pod, "--subresource=status", "--type=merge", "-p", &status.to_string()];
        self.cluster.kubectl(&words).map(drop)
    }

    fn get(&self, kind: &str, name: &str) -> Result<Value> {
        Ok(serde_json::from_str(&self.cluster.kubectl(&["get", kind, name, "-o", "json"])?)?)
    }

    /// The only object of that kind in the namespace.
    fn only(&self, kind: &str) -> Result<Option<Value>> {
        let all: Value = serde_json::from_str(&self.cluster.kubectl(&["get", kind, "-o", "json"])?)?;
        let items = all.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
        ensure!(items.len() <= 1, "{kind}: {items:?}");
        Ok(items.into_iter().next())
    }

    /// Wait until an object bears these marks.
    async fn marked(&self, kind: &str, name: &str, wanted: &[(&str, &str)]) -> Result<Value> {
        let mut last = Value::Null;
        let what = format!("marks of {kind} {name}");
        let found = until(&what, async || {
            let object = self.get(kind, name)?;
            let fits = wanted.iter().all(|(at, value)| text(&object, at) == *value);
            last = object.clone();
            Ok(fits.then_some(object))
        });
        found.await.with_context(|| format!("{wanted:?}: {}", last.get("metadata").unwrap_or(&Value::Null)))
    }

    /// What changes with every write, of each object that may have been written.
    fn versions(&self) -> Result<BTreeMap<String, String>> {
        let kinds = "pods,deployments,containerimagescans,reports.openreports.io";
        let shown =
            "jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.resourceVersion}{\"\\n\"}{end}";
        let shown = self.cluster.kubectl(&["get", kinds, "-o", shown])?;
        let lines = shown.lines().filter_map(|line| line.rsplit_once(' '));
        Ok(lines.map(|(name, version)| (name.to_owned(), version.to_owned())).collect())
    }

    /// Scan the next image that waits, as a scanner would.
    async fn scan(&self) -> Result<()> {
        let scanner = self.mesh.client("scanner")?;
        let who = serde_json::from_value(json!({"version": "1", "extractor_set": "set-1", "max_leases": 1}))?;
        scanner.register(&"scanner".parse()?, &who).await?;
        let wish = LeaseRequest { scanner: "scanner".parse()?, holds: Vec::new(), wait_seconds: 30 };
        let lease = scanner.ask_lease(&wish).await?.context("there is nothing to scan")?;
        let package = |name: &str, version: &str| {
            json!({"ecosystem": "npm", "name": name, "version": version, "path": "app/package-lock.json",
                "extractor": "node"})
        };
        let report = json!({
            "identity": {"platform": "linux/amd64"}, "layers": [], "extractor_set": "set-1",
            "inventory": {"packages": [package("lodash", "4.17.20"), package("minimist", "1.2.5")]},
            "engine": "native", "fetched_from": "test", "duration_ms": 1,
        });
        Ok(scanner.report(lease.id, &serde_json::from_value(report)?).await?)
    }
}

fn image_id(image: u8) -> String {
    format!("docker.io/shop/web@sha256:{}", format!("{image:02x}").repeat(32))
}

/// The text at a pointer; empty if there is none.
fn text<'a>(object: &'a Value, at: &str) -> &'a str {
    object.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

const VERDICT: &str = "/metadata/labels/perceptor.dev~1verdict";

fn own(name: &str) -> String {
    format!("/metadata/annotations/perceptor.dev~1{name}")
}

/// The chart's account, its rights for everything that may be told, and the definitions.
async fn install(cluster: &Cluster) -> Result<Rights> {
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node"}});
    cluster.apply(&node.to_string())?;
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("helm").join("perceptor");
    let values = |file: &str| format!("--values={}", chart.join(file).display());
    let rendered = cluster.helm(&[
        "template",
        "perceptor",
        &chart.display().to_string(),
        "--namespace",
        NAMESPACE,
        "--kube-version=1.36.0",
        "--skip-tests",
        &values("values-kubernetes.yaml"),
        &values("ci/images.yaml"),
        "--set=perceiver.settings.tell.marks={perceptor,classic},perceiver.settings.tell.summaries=true",
        "--set=perceiver.settings.tell.reports=true,perceiver.settings.tell.events=true",
    ])?;
    let wanted = [
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
        "Role",
        "RoleBinding",
        "Lease",
        "CustomResourceDefinition",
    ];
    let kind = |object: &str| object.lines().find_map(|line| line.strip_prefix("kind: ").map(str::to_owned));
    let objects = rendered.split("\n---\n");
    let kept: Vec<&str> =
        objects.filter(|object| kind(object).is_some_and(|kind| wanted.contains(&kind.as_str()))).collect();
    cluster.kubectl(&["create", "namespace", NAMESPACE])?;
    cluster.apply(&kept.join("\n---\n"))?;
    cluster.apply(&reports_kind().to_string())?;
    for kind in ["containerimagescans", "reports.openreports.io"] {
        until(kind, async || Ok(cluster.kubectl(&["get", kind]).ok())).await?;
    }
    let kubeconfig = cluster.kubeconfig_of(NAMESPACE, "perceptor-perceiver").await?;
    Ok(Rights { kubeconfig, namespace: NAMESPACE.to_owned(), lease: "perceptor-perceiver".to_owned() })
}

/// The kind of OpenReports, as far as we fill it; what is not in it is refused.
fn reports_kind() -> Value {
    let word = || json!({"type": "string"});
    let number = || json!({"type": "integer"});
    let result = json!({"type": "object", "required": ["policy"], "properties": {
        "category": word(), "message": word(), "policy": word(), "rule": word(), "source": word(),
        "result": {"type": "string", "enum": ["pass", "fail", "warn", "error", "skip"]},
        "properties": {"type": "object", "additionalProperties": word()},
    }});
    let scope = json!({"type": "object", "x-kubernetes-map-type": "atomic", "properties": {
        "apiVersion": word(), "kind": word(), "name": word(), "namespace": word(), "uid": word()}});
    let summary = json!({"type": "object", "properties": {
        "pass": number(), "fail": number(), "warn": number(), "error": number(), "skip": number()}});
    let schema = json!({"type": "object", "properties": {
        "apiVersion": word(), "kind": word(), "metadata": {"type": "object"}, "source": word(),
        "scope": scope, "summary": summary, "results": {"type": "array", "items": result}}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "reports.openreports.io"},
        "spec": {
            "group": "openreports.io",
            "scope": "Namespaced",
            "names": {"kind": "Report", "plural": "reports", "shortNames": ["reps"]},
            "versions": [
                {"name": "v1alpha1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}},
            ],
        },
    })
}

/// It may, and does not.
async fn nothing_is_told_by_default(lab: &mut Lab) -> Result<()> {
    let before = lab.versions()?;
    lab.mesh.start_cluster_perceiver("silent", &lab.rights, &[])?;
    until("the pod in the core", async || {
        let pods = lab.client.pods(&PodQuery::default()).await?.items;
        let known = |pod: &api_wire::pod::Pod| pod.containers.iter().all(|it| it.image.is_some());
        Ok(pods.iter().any(known).then_some(()))
    })
    .await?;
    lab.scan().await?;
    until("the scan", async || {
        let pods = lab.client.pods(&PodQuery::default()).await?.items;
        Ok(pods.iter().all(|pod| pod.findings.is_some()).then_some(()))
    })
    .await?;
    ensure!(lab.versions()? == before, "something was written: {before:?} {:?}", lab.versions()?);
    lab.mesh.terminate("silent")
}

async fn pods_and_their_workload_are_marked(lab: &Lab) -> Result<()> {
    lab.client.ready().await?;
    // The feed is fetched once its ecosystem is in use.
    lab.mesh.client("admin")?.look_for_advisories().await?;
    let pod = lab.pod("web").await?;
    let wanted = [
        (VERDICT, "warn"),
        (&own("high"), "1"),
        (&own("critical"), "0"),
        (&own("fixable"), "1"),
        (&own("state"), "scanned"),
    ];
    lab.marked("deployment", "web", &wanted).await?;
    let marked = lab.marked("pod", &pod, &wanted).await?;
    assert_eq!(text(&marked, "/metadata/labels/image0"), "shop.web");
    assert_eq!(text(&marked, "/metadata/annotations/pod.vulnerabilities"), "1");
    assert_eq!(
        text(&marked, &own("link")),
        "https://perceptor.example/api/v1/pods?source=kubernetes/cluster&namespace=default&owner=deployment/web"
    );
    let template = lab.get("deployment", "web")?;
    ensure!(template.pointer("/spec/template/metadata/annotations").is_none(), "the template was touched");
    let revision = text(&template, "/metadata/annotations/deployment.kubernetes.io~1revision");
    ensure!(revision == "1", "it was rolled out: {template}");
    Ok(())
}

async fn summary_and_report_are_beside_the_workload(lab: &Lab) -> Result<()> {
    let scan = until("the summary", async || {
        let scan = lab.only("containerimagescans")?;
        Ok(scan.filter(|scan| scan.pointer("/status/vulnerabilities").is_some()))
    })
    .await?;
    ensure!(text(&scan, "/metadata/name").starts_with("deployment-web-main-"), "{scan}");
    let uid = lab.get("deployment", "web")?.pointer("/metadata/uid").cloned().context("no uid")?;
    let owner = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": uid});
    assert_eq!(scan.pointer("/metadata/ownerReferences"), Some(&json!([owner])));
    assert_eq!((text(&scan, "/spec/name"), text(&scan, "/spec/tag")), ("docker.io/shop/web", "1"));
    assert_eq!(format!("docker.io/shop/web@{}", text(&scan, "/spec/digest")), image_id(1));
    assert_eq!(
        scan.pointer("/status/vulnerabilitySummary"),
        Some(&json!({"severityCount": {"CRITICAL": 0, "HIGH": 1, "MEDIUM": 0, "LOW": 0, "UNKNOWN": 0},
            "fixedCount": 1, "unfixedCount": 0}))
    );
    assert_eq!(text(&scan, "/status/vulnerabilities/0/vulnerabilityID"), "GHSA-aaaa-bbbb-cccc");
    assert_eq!(scan.pointer("/status/observedGeneration"), scan.pointer("/metadata/generation"));

    let report = until("the report", async || lab.only("reports.openreports.io")).await?;
    assert_eq!(text(&report, "/results/0/result"), "warn");
    assert_eq!(text(&report, "/results/0/properties/high"), "1");
    Ok(())
}

async fn new_advisories_change_all_of_it_and_make_an_event(lab: &Lab) -> Result<()> {
    publish(&lab.folder.path().join("advisories"), &[LODASH, MINIMIST])?;
    lab.mesh.client("admin")?.look_for_advisories().await?;
    let wanted = [(VERDICT, "fail"), (&own("critical"), "1"), (&own("high"), "1")];
    let pod = lab.pod("web").await?;
    lab.marked("pod", &pod, &wanted).await?;
    lab.marked("deployment", "web", &wanted).await?;
    until("the summary's new numbers", async || {
        let scan = lab.only("containerimagescans")?.context("no summary")?;
        let critical = scan.pointer("/status/vulnerabilitySummary/severityCount/CRITICAL") == Some(&json!(1));
        // The least severe first, as the operator sorts them.
        let listed = text(&scan, "/status/vulnerabilities/1/vulnerabilityID") == "GHSA-dddd-eeee-ffff";
        Ok((critical && listed).then_some(()))
    })
    .await?;
    until("the event", async || {
        let all = lab.cluster.kubectl(&["get", "events.events.k8s.io", "-o", "json"])?;
        let all: Value = serde_json::from_str(&all)?;
        let mut events = all.get("items").and_then(Value::as_array).into_iter().flatten();
        Ok(events
            .any(|event| text(event, "/reason") == "VerdictWorse" && text(event, "/regarding/name") == "web")
            .then_some(()))
    })
    .await?;
    let seen = lab.cluster.kubectl(&["auth", "can-i", "list", "containerimagescans", "--as=viewer"]);
    ensure!(seen.is_err(), "a stranger sees summaries");
    lab.cluster.kubectl(&["create", "rolebinding", "viewer", "--clusterrole=view", "--user=viewer"])?;
    until("the viewer's right", async || {
        Ok(lab.cluster.kubectl(&["auth", "can-i", "list", "containerimagescans", "--as=viewer"]).ok())
    })
    .await
    .map(drop)
}

/// What it had to do first is done once something new is marked.
async fn second_start_writes_nothing_again(lab: &mut Lab) -> Result<()> {
    until("the last writes", async || {
        let report = lab.only("reports.openreports.io")?.context("no report")?;
        Ok((text(&report, "/results/0/result") == "fail").then_some(()))
    })
    .await?;
    lab.mesh.terminate("first")?;
    let before = lab.versions()?;
    lab.mesh.start_telling_perceiver("second", &lab.rights, TELL)?;
    until("what is there already", async || {
        let log = lab.mesh.log("second");
        Ok((log.matches("objects of ours are known").count() == 2).then_some(()))
    })
    .await?;
    new_pod_is_marked(lab, "late").await?;
    let mut after = lab.versions()?;
    after.retain(|name, _| before.contains_key(name));
    ensure!(after == before, "a second start wrote: {before:?} {after:?}");
    Ok(())
}

/// A pod of its own, which is its own workload.
async fn new_pod_is_marked(lab: &Lab, name: &str) -> Result<()> {
    let mut specification = specification(IMAGE, &[]);
    let fields = specification.as_object_mut().context("no fields")?;
    fields.insert("nodeName".to_owned(), json!("node"));
    let metadata = json!({"name": name, "labels": {"app": name}});
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": specification});
    lab.cluster.apply(&pod.to_string())?;
    lab.run(name, 1).await?;
    lab.marked("pod", name, &[(VERDICT, "fail"), ("/metadata/labels/pod.vulnerabilities", "2")])
        .await
        .map(drop)
}

async fn set_that_is_turned_off_leaves_nothing(lab: &mut Lab) -> Result<()> {
    lab.mesh.terminate("second")?;
    lab.mesh.start_telling_perceiver("third", &lab.rights, "marks = [\"perceptor\"]\n")?;
    let pod = lab.pod("web").await?;
    let wanted = [
        (VERDICT, "fail"),
        ("/metadata/labels/image0", ""),
        ("/metadata/annotations/pod.vulnerabilities", ""),
    ];
    for pod in [pod.as_str(), "late"] {
        lab.marked("pod", pod, &wanted).await?;
    }
    lab.mesh.terminate("third")
}

/// Nobody of ours is there to do it.
async fn deleted_workload_takes_what_is_beside_it_along(lab: &Lab) -> Result<()> {
    lab.cluster.kubectl(&["delete", "deployment", "web", "--wait=false"])?;
    lab.cluster.kubectl(&["delete", "pod", "late", "--force", "--wait=false"])?;
    until("the end of what was beside it", async || {
        let left =
            lab.cluster.kubectl(&["get", "containerimagescans,reports.openreports.io", "-o", "name"])?;
        Ok(left.is_empty().then_some(()))
    })
    .await
}
