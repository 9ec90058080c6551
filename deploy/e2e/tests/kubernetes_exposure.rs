//! Which pods are public, on a real cluster: Services, their endpoints by the real controllers, an
//! Ingress, routes of the Gateway API and of OpenShift; and what looks like a way and is none.

use anyhow::{Context, Result, ensure};
use api_client::Client;
use api_vocab::Digest;
use api_wire::context::ExposurePath;
use api_wire::pod::{Pod, PodQuery};
use e2e::cluster::Cluster;
use e2e::containerd::{DEFAULT, PAUSE};
use e2e::mesh::Mesh;
use e2e::node::Node;
use e2e::parts;
use e2e::pods::specification;
use e2e::rights::install_rights;
use e2e::until::until;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Pods of `default`, each behind a Service of its name.
const PODS: [&str; 9] = ["inner", "port", "balanced", "web", "rest", "gated", "routed", "aliased", "waiting"];

/// The way that leads to each pod which is public, as kind, host and outermost object.
const PUBLIC: [(&str, &str, &str, &str); 8] = [
    ("default/port", "node_port", "", "Service default/port"),
    ("default/balanced", "load_balancer", "203.0.113.7", "Service default/balanced"),
    ("default/web", "ingress", "web.example", "Ingress default/front"),
    ("default/rest", "ingress", "*", "Ingress default/front"),
    ("default/gated", "gateway_route", "gated.example", "Gateway infra/public"),
    ("default/routed", "route", "routed.example", "Route default/routed"),
    ("default/aliased", "ingress", "alias.example", "Ingress default/front"),
    ("default/manual", "node_port", "", "Service default/manual"),
];

struct Lab {
    mesh: Mesh,
    client: Client,
    node: Node,
    cluster: Cluster,
    _folder: tempfile::TempDir,
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_are_public_while_a_way_leads_to_them() -> Result<()> {
    if !parts::has("pods_are_public_while_a_way_leads_to_them", parts::KUBERNETES) {
        return Ok(());
    }
    let lab = Lab::start().await?;
    let outcome = scenes(&lab).await;
    outcome.with_context(|| format!("{}\n{}", lab.state(), lab.mesh.logs()))
}

async fn scenes(lab: &Lab) -> Result<()> {
    ways_are_known_with_the_objects_that_prove_them(lab).await?;
    pod_becomes_public_once_it_is_ready(lab).await?;
    removed_ways_lead_nowhere(lab).await
}

impl Lab {
    async fn start() -> Result<Self> {
        // A short path: a socket's has at most 107 bytes.
        let folder = tempfile::Builder::new().prefix("ways").tempdir_in("/tmp")?;
        let cluster = Cluster::start(&folder.path().join("a")).await?;
        let rights = install_rights(&cluster, &["--set=perceiver.platform=openshift"]).await?;
        define(&cluster).await?;
        let node = Node::start(&cluster, "node-1", DEFAULT).await?;
        let mut mesh = Mesh::new(&folder.path().join("m"), "")?;
        mesh.start_core().await?;
        mesh.start_cluster_perceiver("perceiver", &rights, &[])?;
        let client = mesh.client("reader")?;
        let lab = Lab { mesh, client, node, cluster, _folder: folder };
        lab.cluster.kubectl(&["create", "namespace", "shop"])?;
        // Without it a pod is refused.
        let account = ["get", "serviceaccount", "default", "-n", "shop"];
        until("its service account", async || Ok(lab.cluster.kubectl(&account).ok())).await?;
        lab.populate()?;
        Ok(lab)
    }

    fn populate(&self) -> Result<()> {
        let mut objects: Vec<Value> = PODS.iter().map(|name| self.pod("default", name)).collect();
        objects.extend([
            self.pod("default", "manual"),
            // Of the same name as one that is public.
            self.pod("shop", "web"),
            service("shop", "web", json!({})),
        ]);
        objects.extend(services());
        objects.extend(openings());
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        self.cluster.apply(&list.to_string())?;
        self.patch_status(
            "service",
            "balanced",
            json!({"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}]}}),
        )
    }

    fn pod(&self, namespace: &str, name: &str) -> Value {
        let mut specification = specification(PAUSE, &[]);
        if let Some(fields) = specification.as_object_mut() {
            fields.insert("nodeName".to_owned(), json!(self.node.name()));
            if name == "waiting" {
                fields.insert("readinessGates".to_owned(), json!([{"conditionType": "shop.example/open"}]));
            }
        }
        json!({"apiVersion": "v1", "kind": "Pod", "spec": specification,
            "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}}})
    }

    fn patch_status(&self, kind: &str, name: &str, status: Value) -> Result<()> {
        let patch = json!({"status": status}).to_string();
        let words = ["patch", kind, name, "--subresource=status", "--type=strategic", "-p", &patch];
        self.cluster.kubectl(&words).map(drop)
    }

    /// Pods that the core says are public, by namespace and name.
    async fn public(&self) -> Result<BTreeMap<String, Pod>> {
        let query = PodQuery { public: Some(true), ..PodQuery::default() };
        let pods = self.client.pods(&query).await?.items;
        Ok(pods.into_iter().map(|pod| (format!("{}/{}", pod.namespace, pod.name), pod)).collect())
    }

    /// Wait until exactly these are public.
    async fn until_public(&self, wanted: &[&str]) -> Result<BTreeMap<String, Pod>> {
        let mut seen = BTreeMap::new();
        let outcome = until("the right pods to be public", async || {
            seen = self.public().await?;
            let names = || seen.keys().map(String::as_str);
            let same = names().count() == wanted.len() && names().all(|name| wanted.contains(&name));
            Ok(same.then(|| seen.clone()))
        });
        outcome.await.with_context(|| format!("public: {:#?}", seen.values().map(ways).collect::<Vec<_>>()))
    }

    fn state(&self) -> String {
        let words = ["get", "pods,services,endpointslices,ingresses,httproutes,routes", "-A"];
        self.cluster.kubectl(&words).unwrap_or_else(|error| error.to_string())
    }
}

fn ways(pod: &Pod) -> (&str, &[ExposurePath]) {
    (&pod.name, &pod.context.exposure)
}

/// Kinds that are defined in a cluster by others: with their group, version and the fields in use.
async fn define(cluster: &Cluster) -> Result<()> {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let kind = |group: &str, kind: &str, plural: &str| {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {
                "name": format!("{plural}.{group}"),
                // Those of Kubernetes' own groups say who approved them.
                "annotations": {"api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api"},
            },
            "spec": {"group": group, "scope": "Namespaced", "names": {"kind": kind, "plural": plural},
                "versions": [{"name": "v1", "served": true, "storage": true,
                    "subresources": {"status": {}}, "schema": {"openAPIV3Schema": schema}}]},
        })
    };
    let kinds = [
        kind("gateway.networking.k8s.io", "HTTPRoute", "httproutes"),
        kind("route.openshift.io", "Route", "routes"),
    ];
    cluster.apply(&json!({"apiVersion": "v1", "kind": "List", "items": kinds}).to_string())?;
    until("the new kinds", async || Ok(cluster.kubectl(&["get", "httproutes,routes"]).ok())).await.map(drop)
}

/// A Service that selects the pods of its name; `more` is of its specification.
fn service(namespace: &str, name: &str, more: Value) -> Value {
    let mut spec = json!({"selector": {"app": name}, "ports": [{"port": 80}]});
    if let (Some(spec), Some(more)) = (spec.as_object_mut(), more.as_object()) {
        spec.extend(more.clone());
    }
    json!({"apiVersion": "v1", "kind": "Service", "spec": spec,
        "metadata": {"name": name, "namespace": namespace}})
}

fn services() -> Vec<Value> {
    let node_port = json!({"type": "NodePort"});
    vec![
        service("default", "inner", json!({})),
        service("default", "port", node_port.clone()),
        service("default", "balanced", json!({"type": "LoadBalancer"})),
        service("default", "web", json!({})),
        service("default", "rest", json!({})),
        service("default", "gated", json!({})),
        service("default", "routed", json!({})),
        service("default", "aliased", json!({})),
        service("default", "waiting", node_port.clone()),
        // Whose endpoints nobody makes but its owner.
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "manual", "namespace": "default"},
            "spec": {"type": "NodePort", "ports": [{"port": 80}]}}),
        slice(
            "manual",
            json!([
                {"addresses": ["192.0.2.10"], "targetRef": {"kind": "Pod", "namespace": "default", "name": "manual"}},
                {"addresses": ["192.0.2.11"]},
            ]),
        ),
        // Another name for a Service within the cluster, and one for something outside.
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "door", "namespace": "default"},
            "spec": {"type": "ExternalName", "externalName": "aliased.default.svc.cluster.local"}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "away", "namespace": "default"},
            "spec": {"type": "ExternalName", "externalName": "inner.example"}}),
    ]
}

fn slice(service: &str, endpoints: Value) -> Value {
    json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": format!("{service}-by-hand"), "namespace": "default",
            "labels": {"kubernetes.io/service-name": service}},
        "ports": [{"name": "", "port": 80}], "endpoints": endpoints})
}

fn openings() -> Vec<Value> {
    let to = |service: &str| json!({"service": {"name": service, "port": {"number": 80}}});
    let rule = |host: &str, service: &str| {
        json!({"host": host, "http": {"paths":
            [{"path": "/", "pathType": "Prefix", "backend": to(service)}]}})
    };
    vec![
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "front", "namespace": "default"},
            "spec": {"defaultBackend": to("rest"), "rules": [
                rule("web.example", "web"), rule("alias.example", "door"), rule("away.example", "away")]}}),
        json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
            "metadata": {"name": "gated", "namespace": "default"},
            "spec": {"parentRefs": [{"name": "public", "namespace": "infra"}],
                "hostnames": ["gated.example"], "rules": [{"backendRefs": [{"name": "gated", "port": 80}]}]}}),
        json!({"apiVersion": "route.openshift.io/v1", "kind": "Route",
            "metadata": {"name": "routed", "namespace": "default"},
            "spec": {"host": "routed.example", "to": {"kind": "Service", "name": "routed"}}}),
    ]
}

async fn ways_are_known_with_the_objects_that_prove_them(lab: &Lab) -> Result<()> {
    lab.until_public(&PUBLIC.map(|(pod, ..)| pod)).await?;
    // The address is given to the Service last.
    let public = until("the load balancer's address", async || {
        let public = lab.public().await?;
        let ways = public.get("default/balanced").map(|pod| pod.context.exposure.clone());
        Ok(ways.unwrap_or_default().iter().any(|way| !way.hosts.is_empty()).then_some(public))
    })
    .await?;
    for (pod, kind, host, outermost) in PUBLIC {
        let pod = public.get(pod).with_context(|| format!("{pod} is not public"))?;
        let [way] = pod.context.exposure.as_slice() else {
            anyhow::bail!("not one way: {:#?}", ways(pod));
        };
        let hosts: Vec<&str> = way.hosts.iter().map(String::as_str).collect();
        let expected: &[&str] = if host.is_empty() { &[] } else { &[host] };
        assert_eq!((way.kind.as_str(), hosts.as_slice()), (kind, expected), "{way:#?}");
        assert_eq!(way.through.first().map(String::as_str), Some(outermost), "{way:#?}");
        let service = format!("Service default/{}", pod.name);
        ensure!(way.through.contains(&service), "{way:#?}");
        // The innermost is what the controller made, or its owner by hand.
        let slice = way.through.last().context("no object proves it")?;
        ensure!(slice.starts_with(&format!("EndpointSlice default/{}-", pod.name)), "{way:#?}");
        let name = slice.trim_start_matches("EndpointSlice default/");
        lab.cluster.kubectl(&["get", "endpointslice", name])?;
    }
    let alias = public.get("default/aliased").context("no alias")?;
    let through = alias.context.exposure.first().context("no way")?.through.get(1).cloned();
    assert_eq!(through.as_deref(), Some("Service default/door"));
    let image = the_others_run_and_no_way_leads_to_them(lab).await?;
    // All run the same image, which is as public as they are.
    let context = lab.client.image(&image).await?.context.context("no context")?;
    assert_eq!(context.public_pods, PUBLIC.len() as u64);
    Ok(())
}

/// Returns the image of one of them.
async fn the_others_run_and_no_way_leads_to_them(lab: &Lab) -> Result<Digest> {
    let query = PodQuery { public: Some(false), ..PodQuery::default() };
    let pods = until("the other pods to run", async || {
        let pods = lab.client.pods(&query).await?.items;
        let runs = |pod: &Pod| pod.containers.iter().all(|container| container.image.is_some());
        Ok((pods.len() == 3 && pods.iter().all(runs)).then_some(pods))
    })
    .await?;
    let mut others: Vec<String> = pods.iter().map(|pod| format!("{}/{}", pod.namespace, pod.name)).collect();
    others.sort();
    assert_eq!(others, ["default/inner", "default/waiting", "shop/web"]);
    pods.first().and_then(|pod| pod.containers.first()?.image.clone()).context("no image")
}

async fn pod_becomes_public_once_it_is_ready(lab: &Lab) -> Result<()> {
    let open = json!({"conditions": [{"type": "shop.example/open", "status": "True"}]});
    lab.patch_status("pod", "waiting", open)?;
    let wanted: Vec<&str> = PUBLIC.iter().map(|(pod, ..)| *pod).chain(["default/waiting"]).collect();
    lab.until_public(&wanted).await.map(drop)
}

async fn removed_ways_lead_nowhere(lab: &Lab) -> Result<()> {
    let kubectl = |words: &[&str]| lab.cluster.kubectl(words).map(drop);
    // It leads somewhere else; it is gone; it is not open any more; nothing is behind it; not ready.
    kubectl(&["patch", "route", "routed", "--type=merge", "-p", r#"{"spec":{"to":{"name":"nobody"}}}"#])?;
    kubectl(&["delete", "ingress", "front"])?;
    kubectl(&["delete", "httproute", "gated"])?;
    kubectl(&["patch", "service", "port", "-p", r#"{"spec":{"type":"ClusterIP"}}"#])?;
    kubectl(&["label", "pod", "balanced", "app-"])?;
    let shut = json!({"conditions": [{"type": "shop.example/open", "status": "False"}]});
    lab.patch_status("pod", "waiting", shut)?;
    lab.until_public(&["default/manual"]).await?;
    kubectl(&["delete", "endpointslice", "manual-by-hand"])?;
    lab.until_public(&[]).await.map(drop)
}
