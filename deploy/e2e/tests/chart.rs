//! The chart and the Kustomize bases against a real API server: admitted as they are, with the rights
//! that they say and no others, kept by an upgrade, gone after an uninstall.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use anyhow::{Context, Result, ensure};
use e2e::cluster::Cluster;
use e2e::parts::{self, run};
use e2e::until::until;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

const PARTS: &[&str] = &["kube-apiserver", "etcd", "kube-controller-manager", "kubectl", "helm", "openssl"];
const PLATFORMS: [&str; 3] = ["kubernetes", "openshift", "gke"];
const SUBRESOURCE: &str = "--subresource=status";

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn chart() -> String {
    deploy().join("helm/perceptor").display().to_string()
}

/// `-f` for a platform's values and for digests of images that do not exist.
fn values(platform: &str) -> [String; 2] {
    [format!("--values={}/values-{platform}.yaml", chart()), format!("--values={}/ci/images.yaml", chart())]
}

fn helm(cluster: &Cluster, words: &[&str], platform: &str, more: &[&str]) -> Result<String> {
    let (chart, values) = (chart(), values(platform));
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    cluster.helm(&[words, &[chart.as_str()], &values, more].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn chart_is_admitted_bound_to_its_rights_kept_by_upgrade_and_leaves_nothing() -> Result<()> {
    if !parts::has("chart_is_admitted_bound_to_its_rights_kept_by_upgrade_and_leaves_nothing", PARTS) {
        return Ok(());
    }
    let folder = tempfile::Builder::new().prefix("chart").tempdir_in("/tmp")?;
    let cluster = Cluster::start(folder.path()).await?;
    a_node_without_a_kubelet(&cluster)?;
    openshift_kinds(&cluster).await?;
    namespace(&cluster, "strict", "restricted")?;
    namespace(&cluster, "nodes", "privileged")?;

    every_platform_is_taken_by_the_server(&cluster)?;
    kustomize_gives_the_same_objects(&cluster, folder.path())?;
    everything_but_the_node_scanners_passes_restricted(&cluster).await?;
    accounts_may_do_what_they_need_and_no_more(&cluster)?;
    upgrade_keeps_tokens_and_certificate(&cluster)?;
    values_that_fit_nothing_are_refused(&cluster);
    uninstall_leaves_nothing(&cluster).await
}

fn namespace(cluster: &Cluster, name: &str, level: &str) -> Result<()> {
    cluster.kubectl(&["create", "namespace", name])?;
    cluster.kubectl(&["label", "namespace", name, &format!("pod-security.kubernetes.io/enforce={level}")])?;
    Ok(())
}

/// DaemonSets make pods for nodes; nobody has to run them.
fn a_node_without_a_kubelet(cluster: &Cluster) -> Result<()> {
    let node = json!({"apiVersion": "v1", "kind": "Node",
        "metadata": {"name": "node", "labels": {"kubernetes.io/os": "linux"}}});
    cluster.apply(&node.to_string()).map(drop)
}

/// The kind of OpenShift that the chart makes an object of.
async fn openshift_kinds(cluster: &Cluster) -> Result<()> {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true,
        "required": ["allowPrivilegedContainer", "allowHostDirVolumePlugin", "volumes"]});
    let kind = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "securitycontextconstraints.security.openshift.io"},
    "spec": {"group": "security.openshift.io", "scope": "Cluster",
        "names": {"kind": "SecurityContextConstraints", "plural": "securitycontextconstraints"},
        "versions": [{"name": "v1", "served": true, "storage": true,
            "schema": {"openAPIV3Schema": schema}}]}});
    cluster.apply(&kind.to_string())?;
    let seen = async || Ok(cluster.kubectl(&["get", "securitycontextconstraints"]).ok());
    until("the new kind", seen).await.map(drop)
}

/// Each field is one that the server knows, each value one that it takes.
fn every_platform_is_taken_by_the_server(cluster: &Cluster) -> Result<()> {
    let everything = [
        "--set=scanner.fromRegistry.enabled=true,scanner.fromRegistry.pullSecrets.enabled=true",
        "--set=scanner.fromRegistry.credentialsSecret=a,scanner.fromRegistry.authoritiesConfigMap=b",
        "--set=core.persistence.storageClass=fast,auth.serviceAccounts={reader monitoring/grafana}",
        "--set=dashboards.enabled=true",
        "--set=perceiver.settings.tell.marks={perceptor,classic},perceiver.settings.tell.summaries=true",
        "--set=perceiver.settings.tell.reports=true,perceiver.settings.tell.events=true",
        "--set=auth.mode=serviceAccounts,core.persistence.keep=true",
        "--set-json=networkPolicies.monitoring=[{\"namespaceSelector\":{}}]",
        "--set=images.pullSecrets={one,two},tls.names={core.example,192.0.2.7}",
        "--set=core.service.type=LoadBalancer,core.service.loadBalancerSourceRanges={192.0.2.0/24}",
    ];
    let places = everywhere(&[
        ("nodeSelector", r#"{"pool":"infra"}"#),
        ("tolerations", r#"[{"key":"infra","operator":"Exists","effect":"NoSchedule"}]"#),
        (
            "affinity",
            r#"{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"pool","operator":"In","values":["infra"]}]}]}}}"#,
        ),
        ("priorityClassName", r#""system-cluster-critical""#),
        ("podLabels", r#"{"team":"security"}"#),
        ("podAnnotations", r#"{"team":"security"}"#),
    ]);
    let variable = r#"[{"name":"MALLOC_ARENA_MAX","value":"1"}]"#;
    let variables = ["core.env", "perceiver.env", "scanner.env", "scanner.fetcherEnv"];
    let variables = variables.map(|key| format!("--set-json={key}={variable}"));
    let everything: Vec<&str> =
        everything.into_iter().chain(places.iter().chain(&variables).map(String::as_str)).collect();
    for platform in PLATFORMS {
        for more in [&[][..], &everything] {
            let more: &[&str] = more;
            helm(cluster, &["lint", "--quiet", "--strict", "--kube-version=1.36.0"], platform, more)?;
            let objects = template(cluster, platform, "nodes", &[more, &["--skip-tests"]].concat())?;
            let mut file = tempfile::NamedTempFile::new()?;
            file.write_all(objects.as_bytes())?;
            let path = file.path().to_string_lossy();
            cluster
                .kubectl(&["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", &path])
                .with_context(|| format!("{platform} {more:?}"))?;
        }
    }
    Ok(())
}

/// These values for each component that has pods.
fn everywhere(values: &[(&str, &str)]) -> Vec<String> {
    let components = ["core", "perceiver", "scanner.onNodes", "scanner.fromRegistry"];
    let of =
        |component| values.iter().map(move |(key, value)| format!("--set-json={component}.{key}={value}"));
    components.into_iter().flat_map(of).collect()
}

fn template(cluster: &Cluster, platform: &str, namespace: &str, more: &[&str]) -> Result<String> {
    let words = ["template", "perceptor", "--namespace", namespace, "--kube-version=1.36.0"];
    helm(cluster, &words, platform, more)
}

/// What was generated is what the chart gives now, and Kustomize adds nothing but the namespace.
fn kustomize_gives_the_same_objects(cluster: &Cluster, folder: &Path) -> Result<()> {
    let bases = deploy().join("kustomize");
    let anew = folder.join("kustomize");
    let helm = parts::find("helm").context("helm")?;
    run(std::process::Command::new(bases.join("generate.sh")).arg(&anew).env("HELM", helm))?;
    for platform in PLATFORMS {
        for file in ["objects.yaml", "kustomization.yaml"] {
            let (kept, made) = (bases.join(platform).join(file), anew.join(platform).join(file));
            ensure!(
                std::fs::read_to_string(&kept)? == std::fs::read_to_string(made)?,
                "{} is not what the chart gives: run make kustomize",
                kept.display()
            );
        }
        let built = cluster.kubectl(&["kustomize", &bases.join(platform).to_string_lossy()])?;
        let [values, _] = values(platform);
        let more = format!("--values={}/values.yaml", bases.display());
        let words = ["template", "perceptor", &chart(), "--namespace=perceptor", "--kube-version=1.29.0"];
        let templated = cluster.helm(&[&words[..], &["--skip-tests", &values, &more]].concat())?;
        let (mut built, templated) = (objects(cluster, &built)?, objects(cluster, &templated)?);
        ensure!(built.remove("Namespace/perceptor").is_some(), "{platform} has no namespace");
        ensure!(
            built.keys().eq(templated.keys()),
            "{platform}: {:?} differ",
            built.keys().collect::<BTreeSet<_>>().symmetric_difference(&templated.keys().collect())
        );
        for (name, object) in &templated {
            ensure!(built.get(name) == Some(object), "{platform}: {name} differs: {object}");
        }
    }
    Ok(())
}

/// The objects of a text by kind and name, without the labels that say who made them.
fn objects(cluster: &Cluster, text: &str) -> Result<BTreeMap<String, Value>> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(text.as_bytes())?;
    let path = file.path().to_string_lossy();
    let json =
        cluster.kubectl(&["create", "--dry-run=client", "--validate=false", "-o=json", "-f", &path])?;
    let mut found = BTreeMap::new();
    for object in serde_json::Deserializer::from_str(&json).into_iter::<Value>() {
        let mut object = object?;
        let items = match object["items"].take() {
            Value::Array(items) => items,
            _ => vec![object],
        };
        for mut item in items {
            forget_maker(&mut item);
            let name = format!("{}/{}", text_of(&item["kind"]), text_of(&item["metadata"]["name"]));
            found.insert(name, item);
        }
    }
    Ok(found)
}

fn forget_maker(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("helm.sh/chart");
            fields.remove("app.kubernetes.io/managed-by");
            // Where a selector has no namespace, Kustomize and kubectl may say the same in two ways.
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(forget_maker);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_maker),
        _ => {}
    }
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The controllers make the pods, so that what admits pods has judged them.
async fn everything_but_the_node_scanners_passes_restricted(cluster: &Cluster) -> Result<()> {
    let strict = ["--set=scanner.onNodes.enabled=false,scanner.fromRegistry.enabled=true"];
    let install = ["install", "central", "--namespace=strict"];
    helm(cluster, &install, "kubernetes", &strict)?;
    let parts = ["core", "perceiver", "perceiver", "scanner-registry"];
    await_pods(cluster, "strict", &parts).await?;

    helm(cluster, &["install", "perceptor", "--namespace=nodes"], "kubernetes", &[])?;
    await_pods(cluster, "nodes", &["core", "perceiver", "perceiver", "scanner-nodes"]).await?;

    // What `helm test` would run.
    let tests = cluster.helm(&["get", "hooks", "central", "--namespace=strict"])?;
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(tests.as_bytes())?;
    cluster.kubectl(&["create", "--dry-run=server", "-f", &file.path().to_string_lossy()])?;
    Ok(())
}

async fn await_pods(cluster: &Cluster, namespace: &str, wanted: &[&str]) -> Result<()> {
    let component =
        "jsonpath={range .items[*]}{.metadata.labels.app\\.kubernetes\\.io/component}{\"\\n\"}{end}";
    let outcome = until("the pods", async || {
        let shown = cluster.kubectl(&["get", "pods", "-n", namespace, "-o", component])?;
        let mut seen: Vec<&str> = shown.lines().collect();
        seen.sort_unstable();
        Ok((seen == wanted).then_some(()))
    });
    outcome.await.with_context(|| cluster.kubectl(&["get", "events", "-n", namespace]).unwrap_or_default())
}

/// What each account may do, asked of the server; with what it takes to let it.
fn accounts_may_do_what_they_need_and_no_more(cluster: &Cluster) -> Result<()> {
    let may = |account: &str, words: &[&str]| {
        let account = format!("--as=system:serviceaccount:nodes:perceptor-{account}");
        cluster.kubectl(&[&["auth", "can-i", &account], words].concat()).is_ok()
    };
    let everywhere = "--all-namespaces";
    for (account, words, allowed) in [
        ("perceiver", &["watch", "pods", everywhere][..], true),
        ("perceiver", &["watch", "nodes"], true),
        ("perceiver", &["get", "nodes", "--subresource=proxy"], false),
        ("perceiver", &["list", "gateways.gateway.networking.k8s.io", everywhere], false),
        ("perceiver", &["list", "serviceaccounts", everywhere], true),
        ("perceiver", &["watch", "endpointslices.discovery.k8s.io", everywhere], true),
        ("perceiver", &["list", "ingresses.networking.k8s.io", everywhere], true),
        ("perceiver", &["get", "replicasets.apps", everywhere], true),
        ("perceiver", &["get", "cronjobs.batch", everywhere], true),
        ("perceiver", &["create", "leases.coordination.k8s.io", "-n=nodes"], false),
        ("perceiver", &["update", "leases.coordination.k8s.io/perceptor-perceiver", "-n=nodes"], true),
        ("perceiver", &["update", "leases.coordination.k8s.io/another", "-n=nodes"], false),
        ("perceiver", &["update", "leases.coordination.k8s.io/perceptor-perceiver", "-n=strict"], false),
        ("perceiver", &["get", "secrets", "-n=nodes"], false),
        ("perceiver", &["get", "configmaps", "-n=nodes"], false),
        ("perceiver", &["patch", "pods", everywhere], false),
        ("perceiver", &["patch", "deployments.apps", everywhere], false),
        ("perceiver", &["create", "events.events.k8s.io", everywhere], false),
        ("perceiver", &["create", "serviceaccounts", "--subresource=token", "-n=nodes"], false),
        ("scanner-nodes", &["get", "secrets", "-n=nodes"], false),
        ("scanner-nodes", &["list", "pods", "-n=nodes"], false),
        ("core", &["create", "tokenreviews.authentication.k8s.io"], false),
        ("core", &["get", "secrets", "-n=nodes"], false),
        ("reader", &["list", "pods", "-n=nodes"], false),
    ] {
        ensure!(may(account, words) == allowed, "{account} {words:?}: expected {allowed}");
    }
    let more = [
        "--set=perceiver.settings.tell.marks={perceptor},perceiver.settings.tell.summaries=true",
        "--set=perceiver.settings.tell.reports=true,perceiver.settings.tell.events=true",
        "--set=auth.mode=serviceAccounts,scanner.fromRegistry.enabled=true",
        "--set=scanner.fromRegistry.pullSecrets.enabled=true,scanner.fromRegistry.pullSecrets.namespaces={strict}",
    ];
    helm(cluster, &["upgrade", "perceptor", "--namespace=nodes"], "kubernetes", &more)?;
    for (account, words, allowed) in [
        ("perceiver", &["patch", "pods", everywhere][..], true),
        ("perceiver", &["patch", "deployments.apps", everywhere], true),
        ("perceiver", &["delete", "pods", everywhere], false),
        ("perceiver", &["create", "pods", everywhere], false),
        ("perceiver", &["update", "pods", everywhere], false),
        ("perceiver", &["patch", "secrets", everywhere], false),
        ("perceiver", &["create", "containerimagescans.stas.statnett.no", everywhere], true),
        ("perceiver", &["patch", "containerimagescans.stas.statnett.no", SUBRESOURCE, everywhere], true),
        ("perceiver", &["delete", "containerimagescans.stas.statnett.no", everywhere], true),
        ("perceiver", &["create", "events.events.k8s.io", everywhere], true),
        ("perceiver", &["delete", "events.events.k8s.io", everywhere], false),
        ("scanner-registry", &["get", "secrets", "-n=strict"], true),
        ("scanner-registry", &["list", "secrets", "-n=strict"], false),
        ("scanner-registry", &["get", "secrets", "-n=nodes"], false),
        ("scanner-nodes", &["get", "secrets", "-n=strict"], false),
        ("scanner-nodes", &["get", "secrets", "-n=nodes"], false),
        ("core", &["create", "tokenreviews.authentication.k8s.io"], true),
    ] {
        ensure!(may(account, words) == allowed, "{account} {words:?} after the upgrade: expected {allowed}");
    }
    helm(cluster, &["upgrade", "perceptor", "--namespace=nodes"], "kubernetes", &[]).map(drop)
}

fn upgrade_keeps_tokens_and_certificate(cluster: &Cluster) -> Result<()> {
    let kept = || {
        let data = "jsonpath={.items[*].data}";
        let secrets = ["central-perceptor-tokens", "central-perceptor-tls"];
        cluster.kubectl(&["get", "secrets", secrets[0], secrets[1], "-n=strict", "-o", data])
    };
    let before = kept()?;
    ensure!(before.contains("perceiver") && before.contains("tls.key"), "the secrets are not there");
    let more = ["--set=scanner.onNodes.enabled=false,scanner.fromRegistry.enabled=true,perceiver.replicas=1"];
    helm(cluster, &["upgrade", "central", "--namespace=strict"], "kubernetes", &more)?;
    ensure!(kept()? == before, "an upgrade made other tokens or another certificate");
    // A certificate for another name is another one, until the names change again.
    let of = |secret: &str| cluster.kubectl(&["get", "secret", secret, "-n=strict", "-o=jsonpath={.data}"]);
    let (tokens, certificate) = ("central-perceptor-tokens", "central-perceptor-tls");
    let (before, named) = ((of(tokens)?, of(certificate)?), ["--set=tls.names={core.example}"]);
    let more = [&more[..], &named].concat();
    helm(cluster, &["upgrade", "central", "--namespace=strict"], "kubernetes", &more)?;
    let after = (of(tokens)?, of(certificate)?);
    ensure!(after.0 == before.0 && after.1 != before.1, "tokens changed, or the certificate did not");
    helm(cluster, &["upgrade", "central", "--namespace=strict"], "kubernetes", &more)?;
    ensure!((of(tokens)?, of(certificate)?) == after, "the same names made another certificate");
    Ok(())
}

fn values_that_fit_nothing_are_refused(cluster: &Cluster) {
    for (set, told) in [
        ("core.replicas=3", "replicas"),
        ("images.core.digest=sha256:1", "digest"),
        ("images.core.digest=", "name the image by its digest"),
        ("images.allowTags=true,images.core.digest=,images.core.tag=latest", "latest"),
        ("core.enabled=false,clusterName=b", "externalUrl"),
        ("core.enabled=false,core.externalUrl=https://core.example", "clusterName"),
        ("core.enabled=false,core.externalUrl=https://core.example,clusterName=b", "auth.existingSecret"),
        ("scanner.onNodes.runtime=podman", "runtime"),
        ("core.env[0].value=x", "name"),
    ] {
        let error = template(cluster, "kubernetes", "x", &[&format!("--set={set}")]).unwrap_err();
        assert!(format!("{error:#}").contains(told), "{set}: {error:#}");
    }
}

/// Whatever kinds there are: nothing of ours is left, in any namespace or in none.
async fn uninstall_leaves_nothing(cluster: &Cluster) -> Result<()> {
    // A claim, as the core's pod would have left it.
    until("the claim", async || {
        let claims = cluster.kubectl(&["get", "pvc", "-A", "-o=name"])?;
        Ok((claims.lines().count() == 2).then_some(()))
    })
    .await?;
    cluster.helm(&["uninstall", "central", "--namespace=strict"])?;
    cluster.helm(&["uninstall", "perceptor", "--namespace=nodes"])?;
    let kinds = cluster.kubectl(&["api-resources", "--verbs=list", "-o=name"])?;
    // Events tell of the past; they end by themselves, and have no labels.
    let kinds: Vec<&str> = kinds.lines().filter(|kind| !kind.starts_with("events")).collect();
    let (kinds, ours) = (kinds.join(","), "-lapp.kubernetes.io/name=perceptor");
    let mut left = String::new();
    let gone = until("the end of everything", async || {
        left = cluster.kubectl(&["get", &kinds, "-A", ours, "-o=name", "--ignore-not-found"])?;
        // No kubelet confirms the end of a pod that a node was given.
        for pod in left.lines().filter(|name| name.starts_with("pod/")) {
            for namespace in ["-n=strict", "-n=nodes"] {
                cluster.kubectl(&["delete", pod, namespace, "--force", "--ignore-not-found"])?;
            }
        }
        Ok(left.is_empty().then_some(()))
    });
    gone.await.context("after uninstall objects are left")
}
