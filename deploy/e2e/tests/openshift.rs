//! OpenShift, as far as a plain cluster can be it: its kinds by definitions of the same group, version
//! and fields, the chart installed with its values for OpenShift, the perceiver with the chart's rights
//! and no others. A scanner is played by the test; everything else is real.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use anyhow::{Context, Result, ensure};
use api_client::Client;
use api_vocab::{Digest, LeaseId};
use api_wire::image::{Image, ImageQuery};
use api_wire::lease::{Lease, LeaseRequest};
use api_wire::pod::{Pod, PodQuery};
use e2e::cluster::Cluster;
use e2e::mesh::Mesh;
use e2e::mesh::cluster::Rights;
use e2e::openshift::Door;
use e2e::parts;
use e2e::until::until;
use serde_json::{Value, json};
use std::path::Path;

const PARTS: &[&str] = &["kube-apiserver", "etcd", "kube-controller-manager", "kubectl", "helm", "openssl"];
const NAMESPACE: &str = "perceptor";
const ACCOUNT: &str = "perceptor-perceiver";
const PERCEIVER: &str = "perceiver";
const SCANNER: &str = "scanner-of-the-test";
const REGISTRY: &str = "image-registry.openshift-image-registry.svc:5000";
const DENY: &str = "images.openshift.io/deny-execution";
const ANNOTATE: &str = "[openshift]\nannotate = true\ndeny_execution = true\n";
const CLEAR: &str = "[openshift]\nannotate = false\n";

/// Everything that runs. What lives in something else is dropped before it.
struct Lab {
    mesh: Mesh,
    reader: Client,
    scanner: Client,
    rights: Rights,
    _door: Door,
    cluster: Cluster,
    _folder: tempfile::TempDir,
}

#[tokio::test(flavor = "multi_thread")]
async fn openshift_is_perceived_and_its_images_are_annotated_with_the_rights_of_the_chart() -> Result<()> {
    if !parts::has("openshift_is_perceived_and_its_images_are_annotated_with_the_rights_of_the_chart", PARTS)
    {
        return Ok(());
    }
    let mut lab = Lab::start().await?;
    let outcome = scenes(&mut lab).await;
    outcome.with_context(|| lab.mesh.logs())
}

async fn scenes(lab: &mut Lab) -> Result<()> {
    cluster_without_its_kinds_is_perceived_as_kubernetes(lab).await?;
    lab.cluster.serve_openshift().await?;
    account_may_annotate_images_and_write_nothing_else(lab)?;
    let pod = deployment_config_with_a_route(lab).await?;
    pod_is_known_with_its_deployment_config_and_its_route(lab, &pod).await?;
    images_of_streams_are_known_whether_they_run_or_not(lab).await?;
    image_that_runs_is_scanned_before_one_that_is_only_kept(lab).await?;
    images_are_annotated_as_they_stand(lab).await?;
    second_start_writes_nothing(lab).await?;
    what_was_written_is_taken_away(lab).await
}

impl Lab {
    async fn start() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("ocp").tempdir_in("/tmp")?;
        let cluster = Cluster::start(&folder.path().join("a")).await?;
        cluster.serve_constraints().await?;
        cluster.kubectl(&["create", "namespace", NAMESPACE])?;
        helm(&cluster, "install", &["--set=perceiver.settings.openshift.annotate=true"])?;
        let door = Door::open(&cluster.url(), &cluster.authority()).await?;
        let kubeconfig = cluster.kubeconfig_by(&door.url(), NAMESPACE, ACCOUNT).await?;
        let lease = "perceptor-perceiver".to_owned();
        let rights = Rights { kubeconfig, namespace: NAMESPACE.to_owned(), lease };
        let mut mesh = Mesh::new(&folder.path().join("m"), "")?;
        mesh.start_core().await?;
        mesh.start_openshift_perceiver(PERCEIVER, &rights, ANNOTATE)?;
        let (reader, scanner) = (mesh.client("reader")?, mesh.client("scanner")?);
        Ok(Lab { mesh, reader, scanner, rights, _door: door, cluster, _folder: folder })
    }

    async fn image(&self, n: u8) -> Result<Option<Image>> {
        let images = self.reader.images(&ImageQuery::default()).await?.items;
        Ok(images.into_iter().find(|image| image.digest == digest(n)))
    }

    fn annotations(&self, n: u8) -> Result<Value> {
        let image = self.cluster.kubectl(&["get", "images.image.openshift.io", &stored(n), "-o=json"])?;
        let image: Value = serde_json::from_str(&image)?;
        Ok(image["metadata"]["annotations"].clone())
    }

    fn version(&self, n: u8) -> Result<String> {
        let version = "-o=jsonpath={.metadata.resourceVersion}";
        self.cluster.kubectl(&["get", "images.image.openshift.io", &stored(n), version])
    }

    async fn annotated(&self, n: u8, what: &str, done: impl Fn(&Value) -> bool) -> Result<Value> {
        until(&format!("image {n} {what}"), async || {
            Ok(Some(self.annotations(n)?).filter(|annotations| done(annotations)))
        })
        .await
    }

    /// Work for the test's scanner.
    async fn lease(&self) -> Result<Lease> {
        let registration =
            json!({"version": "1", "extractor_set": "set-1", "max_leases": 4, "registry": true});
        self.scanner.register(&SCANNER.parse()?, &serde_json::from_value(registration)?).await?;
        let request = LeaseRequest { scanner: SCANNER.parse()?, holds: Vec::new(), wait_seconds: 30 };
        self.scanner.ask_lease(&request).await?.context("no work")
    }

    /// Report an image with this version of a package that has had flaws.
    async fn report(&self, lease: LeaseId, n: u8, version: &str) -> Result<()> {
        let layer = digest(100 + n);
        let report = json!({
            "identity": {"manifest": digest(n), "platform": "linux/amd64"},
            "layers": [layer],
            "inventory": {"packages": [{"ecosystem": "Maven",
                "name": "org.apache.logging.log4j:log4j-core", "version": version,
                "path": "app/log4j.jar", "layer": layer, "extractor": "java"}]},
            "extractor_set": "set-1", "engine": "native", "fetched_from": "registry", "duration_ms": 1,
        });
        Ok(self.scanner.report(lease, &serde_json::from_value(report)?).await?)
    }

    fn put_image(&self, n: u8) -> Result<()> {
        let image = json!({"apiVersion": "image.openshift.io/v1", "kind": "Image",
            "metadata": {"name": stored(n)}, "dockerImageReference": pull(n),
            "dockerImageMetadataVersion": "1.0", "dockerImageManifest": "{}",
            "dockerImageMetadata": {"Config": {"Env": ["PASSWORD=hunter2"]}}});
        self.cluster.apply(&image.to_string()).map(drop)
    }

    /// The stream `shop/web` with a tag for each of these images.
    fn put_stream(&self, images: &[u8]) -> Result<()> {
        let tags: Vec<Value> = images
            .iter()
            .map(|n| {
                let item = json!({"created": "2026-01-01T00:00:00Z", "generation": 1,
                    "dockerImageReference": pull(*n), "image": digest(*n)});
                json!({"tag": n.to_string(), "items": [item]})
            })
            .collect();
        let stream = json!({"apiVersion": "image.openshift.io/v1", "kind": "ImageStream",
            "metadata": {"name": "web", "namespace": "shop"},
            "status": {"dockerImageRepository": format!("{REGISTRY}/shop/web"), "tags": tags}});
        self.cluster.apply(&stream.to_string()).map(drop)
    }
}

fn digest(n: u8) -> Digest {
    Digest::sha256([n; 32])
}

/// The name under which a plain API server takes the Image.
fn stored(n: u8) -> String {
    digest(n).to_string().replace(':', "-")
}

fn pull(n: u8) -> String {
    format!("{REGISTRY}/shop/web@{}", digest(n))
}

fn helm(cluster: &Cluster, word: &str, more: &[&str]) -> Result<String> {
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("helm").join("perceptor");
    let values = |file: &str| format!("--values={}", chart.join(file).display());
    let (platform, images) = (values("values-openshift.yaml"), values("ci/images.yaml"));
    let chart = chart.display().to_string();
    let words = [word, "perceptor", &chart, "--namespace", NAMESPACE, &platform, &images];
    cluster.helm(&[&words[..], more].concat())
}

/// What the account may do, asked of the server; and that nothing may be written where nothing is to be.
fn account_may_annotate_images_and_write_nothing_else(lab: &Lab) -> Result<()> {
    let account = format!("--as=system:serviceaccount:{NAMESPACE}:{ACCOUNT}");
    let may = |words: &[&str]| {
        lab.cluster.kubectl(&[&["auth", "can-i", &account], words, &["--all-namespaces"]].concat()).is_ok()
    };
    let (images, streams) = ("images.image.openshift.io", "imagestreams.image.openshift.io");
    let patch = &["patch", images];
    for (words, allowed) in [
        (&["watch", images][..], true),
        (&["list", streams], true),
        (&["get", "deploymentconfigs.apps.openshift.io"], true),
        (&["watch", "routes.route.openshift.io"], true),
        (patch, true),
        (&["create", images], false),
        (&["delete", images], false),
        (&["update", images], false),
        (&["patch", streams], false),
        (&["patch", "pods"], false),
        (&["get", "secrets"], false),
        (&["use", "securitycontextconstraints.security.openshift.io"], false),
    ] {
        ensure!(may(words) == allowed, "{words:?}: expected {allowed}");
    }
    helm(&lab.cluster, "upgrade", &[])?;
    ensure!(!may(patch), "without openshift.annotate it may patch Images");
    helm(&lab.cluster, "upgrade", &["--set=perceiver.settings.openshift.annotate=true"])?;
    ensure!(may(patch), "with openshift.annotate it may not patch Images");
    Ok(())
}

async fn cluster_without_its_kinds_is_perceived_as_kubernetes(lab: &Lab) -> Result<()> {
    until("the source", async || {
        let source = lab.reader.source(&"openshift/cluster".parse()?).await?;
        Ok(source.last_full_state.map(drop))
    })
    .await?;
    let said = lab.mesh.log(PERCEIVER).matches("cluster has no image streams").count();
    ensure!(said == 1, "said {said} times");
    Ok(())
}

/// A pod of a DeploymentConfig by way of its ReplicationController, which the real controllers make it
/// for; a Route leads to it. No node runs it: what a kubelet would say of it is said here.
async fn deployment_config_with_a_route(lab: &Lab) -> Result<String> {
    let cluster = &lab.cluster;
    cluster.kubectl(&["create", "namespace", "shop"])?;
    for n in 1..=3 {
        lab.put_image(n)?;
    }
    lab.put_stream(&[1, 2])?;
    let (group, labels) = ("apps.openshift.io/v1", json!({"app": "web"}));
    let named = |name: &str| json!({"name": name, "namespace": "shop"});
    let config = json!({"apiVersion": group, "kind": "DeploymentConfig", "metadata": named("web"),
        "spec": {"replicas": 1}});
    cluster.apply(&config.to_string())?;
    let uid = "-o=jsonpath={.metadata.uid}";
    let uid = cluster.kubectl(&["get", "deploymentconfigs.apps.openshift.io", "web", "-n=shop", uid])?;
    let mut meta = named("web-1");
    meta["ownerReferences"] = json!([{"apiVersion": group, "kind": "DeploymentConfig", "name": "web",
        "uid": uid, "controller": true, "blockOwnerDeletion": true}]);
    let container =
        json!({"name": "web", "image": pull(1), "ports": [{"name": "http", "containerPort": 8080}]});
    let replicas = json!({"apiVersion": "v1", "kind": "ReplicationController", "metadata": meta,
        "spec": {"replicas": 1, "selector": labels, "template": {
            "metadata": {"labels": labels}, "spec": {"containers": [container]}}}});
    cluster.apply(&replicas.to_string())?;
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": named("web"),
        "spec": {"ports": [{"name": "http", "port": 80, "targetPort": 8080}]}});
    cluster.apply(&service.to_string())?;
    let route = json!({"apiVersion": "route.openshift.io/v1", "kind": "Route", "metadata": named("web"),
        "spec": {"host": "web.example.org", "to": {"kind": "Service", "name": "web", "weight": 100}},
        "status": {"ingress": [{"host": "web.example.org",
            "conditions": [{"type": "Admitted", "status": "True"}]}]}});
    cluster.apply(&route.to_string())?;
    let pod = until("the pod of the ReplicationController", async || {
        let name = "-o=jsonpath={.items[*].metadata.name}";
        let name = cluster.kubectl(&["get", "pods", "-n=shop", "-lapp=web", name])?;
        Ok(Some(name).filter(|name| !name.is_empty()))
    })
    .await?;
    // The controllers make endpoints of pods on nodes only.
    let uid = cluster.kubectl(&["get", "pod", &pod, "-n=shop", "-o=jsonpath={.metadata.uid}"])?;
    let mut meta = named("web-1");
    meta["labels"] = json!({"kubernetes.io/service-name": "web"});
    let slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": meta,
        "addressType": "IPv4", "ports": [{"name": "http", "port": 8080}],
        "endpoints": [{"addresses": ["10.1.2.3"], "conditions": {"ready": true},
            "targetRef": {"kind": "Pod", "namespace": "shop", "name": pod, "uid": uid}}]});
    cluster.apply(&slice.to_string())?;
    let status = json!({"status": {"phase": "Running"}});
    let patch = ["patch", "pod", &pod, "-n=shop", "--subresource=status", "--type=merge", "-p"];
    cluster.kubectl(&[&patch[..], &[&status.to_string()]].concat())?;
    Ok(pod)
}

async fn pod_is_known_with_its_deployment_config_and_its_route(lab: &Lab, name: &str) -> Result<()> {
    let exposed = |pod: &Pod| pod.name == name && !pod.context.exposure.is_empty();
    // Routes are looked for once a minute.
    let pod = until("the exposed pod", async || {
        Ok(lab.reader.pods(&PodQuery::default()).await?.items.into_iter().find(exposed))
    })
    .await?;
    let owner = pod.owner.as_ref().map(ToString::to_string);
    assert_eq!(owner.as_deref(), Some("deploymentconfig/web"));
    let way = &pod.context.exposure[0];
    assert_eq!((way.kind.as_str(), &way.hosts[..]), ("route", &["web.example.org".to_owned()][..]));
    assert_eq!(way.through[..2], ["Route shop/web", "Service shop/web"]);
    Ok(())
}

async fn images_of_streams_are_known_whether_they_run_or_not(lab: &Lab) -> Result<()> {
    let idle = until("the image that is only kept", async || lab.image(2).await).await?;
    assert_eq!((idle.pods, &idle.references[..]), (0, &[format!("{REGISTRY}/shop/web:2")][..]));
    let running = until("the image that runs", async || {
        Ok(lab.image(1).await?.filter(|image| image.pods == 1 && image.references.len() == 2))
    })
    .await?;
    ensure!(running.references.contains(&format!("{REGISTRY}/shop/web:1")), "{running:?}");
    ensure!(lab.image(3).await?.is_none(), "an image that no stream names is told");
    Ok(())
}

async fn image_that_runs_is_scanned_before_one_that_is_only_kept(lab: &Lab) -> Result<()> {
    let (first, second) = (lab.lease().await?, lab.lease().await?);
    assert_eq!((&first.image, &second.image), (&digest(1), &digest(2)));
    ensure!(second.references.iter().any(|reference| *reference == pull(2)), "{:?}", second.references);
    lab.report(first.id, 1, "2.25.1").await?;
    lab.report(second.id, 2, "2.14.1").await
}

async fn images_are_annotated_as_they_stand(lab: &Lab) -> Result<()> {
    let (vulnerability, policy) = (
        "quality.images.openshift.io/vulnerability.perceptor",
        "quality.images.openshift.io/policy.perceptor",
    );
    let bad = lab.annotated(2, "to be denied", |on| on[DENY] == "true").await?;
    let said: Value = serde_json::from_str(bad[vulnerability].as_str().context("no vulnerability")?)?;
    assert_eq!((&said["name"], &said["compliant"]), (&json!("Perceptor"), &json!(false)));
    let critical: u64 = said["summary"][0]["data"].as_str().context("no data")?.parse()?;
    ensure!(critical > 0 && said["summary"][0]["label"] == "critical", "{said}");
    ensure!(said["reference"].as_str().is_some_and(|to| to.ends_with("/findings")), "{said}");
    ensure!(bad[policy].as_str().is_some_and(|said| said.contains("\"compliant\":false")), "{bad}");

    let good = lab.annotated(1, "to be annotated", |on| on[policy].is_string()).await?;
    ensure!(good[DENY].is_null() && good[policy].as_str().unwrap().contains("\"compliant\":true"), "{good}");

    // Mended: what was denied is let go.
    lab.mesh.client("admin")?.rescan(&digest(2)).await?;
    let again = lab.lease().await?;
    lab.report(again.id, 2, "2.25.1").await?;
    lab.annotated(2, "to be let go", |on| on[DENY].is_null() && on[policy].is_string()).await?;
    // And broken again, to stay so.
    lab.mesh.client("admin")?.rescan(&digest(2)).await?;
    let again = lab.lease().await?;
    lab.report(again.id, 2, "2.14.1").await?;
    lab.annotated(2, "to be denied again", |on| on[DENY] == "true").await.map(drop)
}

async fn second_start_writes_nothing(lab: &mut Lab) -> Result<()> {
    let before = (lab.version(1)?, lab.version(2)?);
    lab.mesh.terminate(PERCEIVER)?;
    lab.mesh.start_openshift_perceiver(PERCEIVER, &lab.rights, ANNOTATE)?;
    // Once this one is annotated, the others were looked at too: their standings came first.
    lab.put_stream(&[1, 2, 3])?;
    until("the third image", async || lab.image(3).await).await?;
    let lease = lab.lease().await?;
    lab.report(lease.id, 3, "2.14.1").await?;
    lab.annotated(3, "to be annotated", |on| on[DENY] == "true").await?;
    assert_eq!((lab.version(1)?, lab.version(2)?), before);
    Ok(())
}

/// Nothing of ours is left, and all of others.
async fn what_was_written_is_taken_away(lab: &mut Lab) -> Result<()> {
    let team = ["annotate", "images.image.openshift.io", &stored(2), "team=shop"];
    lab.cluster.kubectl(&team)?;
    lab.mesh.kill(PERCEIVER)?;
    helm(&lab.cluster, "upgrade", &["--set=perceiver.settings.openshift.annotate=false"])?;
    lab.mesh.start_openshift_perceiver(PERCEIVER, &lab.rights, CLEAR)?;
    for n in 1..=3 {
        let bare = |on: &Value| !on.as_object().is_some_and(|on| on.keys().any(|name| is_ours(name)));
        let left = lab.annotated(n, "to be bare", bare).await?;
        ensure!((left["team"] == "shop") == (n == 2), "{n}: {left}");
    }
    Ok(())
}

fn is_ours(annotation: &str) -> bool {
    annotation == DENY || annotation.starts_with("quality.images.openshift.io/")
}

/// What OpenShift's `restricted-v2` lets a pod ask for, held against what the chart asks for.
#[test]
fn pods_of_the_chart_but_the_node_scanners_fit_restricted_v2() -> Result<()> {
    if !parts::has("pods_of_the_chart_but_the_node_scanners_fit_restricted_v2", &["helm", "kubectl"]) {
        return Ok(());
    }
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("helm").join("perceptor");
    let values = |file: &str| format!("--values={}", chart.join(file).display());
    let mut helm = parts::command("helm")?;
    helm.args(["template", "perceptor", "--kube-version=1.33.0"]).arg(&chart);
    helm.args([values("values-openshift.yaml"), values("ci/images.yaml")]);
    helm.arg("--set=scanner.fromRegistry.enabled=true,scanner.fromRegistry.pullSecrets.enabled=true");
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), parts::run(&mut helm)?)?;
    let mut kubectl = parts::command("kubectl")?;
    // Each object as JSON; no server is asked.
    kubectl.args(["patch", "--local", "--type=merge", "-p={}", "-o=json", "-f"]).arg(file.path());
    let objects = parts::run(&mut kubectl)?;
    let (mut seen, mut own) = (0, 0);
    for object in serde_json::Deserializer::from_str(&objects).into_iter::<Value>() {
        let object = object?;
        let template =
            if object["kind"] == "Pod" { &object["spec"] } else { &object["spec"]["template"]["spec"] };
        if template["containers"].is_null() {
            continue;
        }
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        if name.ends_with("scanner-nodes") {
            own += 1;
            continue;
        }
        seen += 1;
        ensure!(fits_restricted(template), "{name} does not fit restricted-v2: {template}");
    }
    ensure!((seen, own) == (4, 1), "core, perceiver, scanner and test; scanners on nodes: {seen}, {own}");
    Ok(())
}

fn fits_restricted(pod: &Value) -> bool {
    let allowed = [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ];
    let volumes = pod["volumes"].as_array().into_iter().flatten();
    let volumes_fit = volumes
        .flat_map(|volume| volume.as_object().into_iter().flat_map(|fields| fields.keys()))
        .all(|field| field == "name" || allowed.contains(&field.as_str()));
    let shared = ["hostNetwork", "hostPID", "hostIPC"].iter().any(|field| pod[field] == true);
    let free_ids = |context: &Value| {
        ["runAsUser", "runAsGroup", "fsGroup", "seLinuxOptions"].iter().all(|field| context[field].is_null())
    };
    let of_pod = &pod["securityContext"];
    let containers =
        ["initContainers", "containers"].iter().filter_map(|list| pod[list].as_array()).flatten();
    let containers_fit = containers.map(|container| &container["securityContext"]).all(|context| {
        context["allowPrivilegeEscalation"] == false
            && context["privileged"] != true
            && context["capabilities"]["drop"] == json!(["ALL"])
            && context["capabilities"]["add"].is_null()
            && free_ids(context)
    });
    volumes_fit
        && !shared
        && containers_fit
        && free_ids(of_pod)
        && of_pod["runAsNonRoot"] == true
        && of_pod["seccompProfile"]["type"] == "RuntimeDefault"
}
