//! What is decoded of the objects that lead to pods, and what it means for exposure.
//!
//! Sources: Service v1, EndpointSlice discovery.k8s.io/v1, Ingress networking.k8s.io/v1, routes of
//! gateway.networking.k8s.io (spec "HTTPRoute"), Route route.openshift.io/v1.

use super::{Key, Opening, Service, Slice};
use crate::slim::{metadata, or_default};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The label of an EndpointSlice that names its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Annotations with which clouds are asked for a load balancer that only their own network reaches.
const INTERNAL: [(&str, &str); 5] = [
    ("networking.gke.io/load-balancer-type", "internal"),
    ("cloud.google.com/load-balancer-type", "internal"),
    ("service.beta.kubernetes.io/aws-load-balancer-internal", "true"),
    ("service.beta.kubernetes.io/aws-load-balancer-scheme", "internal"),
    ("service.beta.kubernetes.io/azure-load-balancer-internal", "true"),
];

/// `namespace/name`.
pub fn key(namespace: &str, name: &str) -> Key {
    format!("{namespace}/{name}").into()
}

/// The key of an object.
pub fn key_of(meta: &ObjectMeta) -> Key {
    key(namespace_of(meta), meta.name.as_deref().unwrap_or_default())
}

fn namespace_of(meta: &ObjectMeta) -> &str {
    meta.namespace.as_deref().unwrap_or_default()
}

/// A Service.
#[derive(Debug, Clone, Deserialize, kube::Resource)]
#[resource(inherit = k8s_openapi::api::core::v1::Service)]
pub struct SlimService {
    /// Name, annotations.
    #[serde(deserialize_with = "metadata")]
    pub metadata: ObjectMeta,
    /// What was asked for.
    #[serde(default, deserialize_with = "or_default")]
    pub spec: ServiceSpec,
    /// What is.
    #[serde(default, deserialize_with = "or_default")]
    pub status: ServiceStatus,
}

/// What was asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServiceSpec {
    /// As `ClusterIP`.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: String,
    /// Another name, for those of type ExternalName.
    #[serde(deserialize_with = "or_default")]
    pub external_name: String,
}

/// What is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServiceStatus {
    /// Of those of type LoadBalancer.
    #[serde(deserialize_with = "or_default")]
    pub load_balancer: LoadBalancer,
}

/// A load balancer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct LoadBalancer {
    /// Its addresses.
    #[serde(deserialize_with = "or_default")]
    pub ingress: Vec<Address>,
}

/// An address.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Address {
    /// As a number.
    pub ip: Option<String>,
    /// As a name.
    pub hostname: Option<String>,
}

impl SlimService {
    /// What it means.
    pub fn meaning(&self) -> Service {
        let open = match self.spec.kind.as_str() {
            "LoadBalancer" if !self.is_internal() => Some(("load_balancer", self.addresses())),
            "NodePort" => Some(("node_port", BTreeSet::new())),
            _ => None,
        };
        let external = (self.spec.kind == "ExternalName").then_some(self.spec.external_name.as_str());
        Service { open, alias_of: external.and_then(cluster_name) }
    }

    fn is_internal(&self) -> bool {
        let annotations = self.metadata.annotations.iter().flatten();
        let says = |(key, value): (&String, &String)| {
            INTERNAL.iter().any(|(k, v)| key == k && value.eq_ignore_ascii_case(v))
        };
        annotations.into_iter().any(says)
    }

    fn addresses(&self) -> BTreeSet<String> {
        let each = self.status.load_balancer.ingress.iter();
        each.filter_map(|address| address.hostname.clone().or_else(|| address.ip.clone())).collect()
    }
}

/// The Service of a name within the cluster: `web.shop.svc`, `web.shop.svc.cluster.local.`.
fn cluster_name(name: &str) -> Option<Key> {
    let mut parts = name.trim_end_matches('.').split('.');
    let (service, namespace, svc) = (parts.next()?, parts.next()?, parts.next()?);
    (svc == "svc" && !service.is_empty() && !namespace.is_empty()).then(|| key(namespace, service))
}

/// An EndpointSlice.
#[derive(Debug, Clone, Deserialize, kube::Resource)]
#[resource(inherit = k8s_openapi::api::discovery::v1::EndpointSlice)]
pub struct SlimSlice {
    /// Name, labels.
    #[serde(deserialize_with = "metadata")]
    pub metadata: ObjectMeta,
    /// What stands behind the Service.
    #[serde(default, deserialize_with = "or_default")]
    pub endpoints: Vec<Endpoint>,
}

/// One thing behind a Service.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Endpoint {
    /// How it is.
    #[serde(deserialize_with = "or_default")]
    pub conditions: Conditions,
    /// What it is.
    pub target_ref: Option<Target>,
}

/// How an endpoint is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Conditions {
    /// Takes requests; not knowing counts as yes (EndpointSlice, "Ready").
    pub ready: Option<bool>,
}

/// A reference to an object.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Target {
    /// As `Pod`.
    pub kind: Option<String>,
    /// Its namespace, where it is not the referrer's.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl SlimSlice {
    /// What it means: its Service, and the pods that are ready.
    pub fn meaning(&self) -> Slice {
        let namespace = namespace_of(&self.metadata);
        let service = self.metadata.labels.as_ref().and_then(|labels| labels.get(SERVICE_NAME));
        let ready = self.endpoints.iter().filter(|endpoint| endpoint.conditions.ready != Some(false));
        let pods = ready.filter_map(|endpoint| endpoint.target_ref.as_ref());
        let pods = pods.filter(|target| target.kind.as_deref() == Some("Pod"));
        Slice {
            service: service.map(|name| key(namespace, name)),
            pods: pods.map(|pod| key(pod.namespace.as_deref().unwrap_or(namespace), &pod.name)).collect(),
        }
    }
}

/// An Ingress.
#[derive(Debug, Clone, Deserialize, kube::Resource)]
#[resource(inherit = k8s_openapi::api::networking::v1::Ingress)]
pub struct SlimIngress {
    /// Name.
    #[serde(deserialize_with = "metadata")]
    pub metadata: ObjectMeta,
    /// What was asked for.
    #[serde(default, deserialize_with = "or_default")]
    pub spec: IngressSpec,
}

/// What was asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IngressSpec {
    /// For what no rule takes.
    pub default_backend: Option<IngressBackend>,
    /// By host.
    #[serde(deserialize_with = "or_default")]
    pub rules: Vec<IngressRule>,
}

/// Where one host leads.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct IngressRule {
    /// The host; any if absent.
    pub host: Option<String>,
    /// By path; to the default if absent.
    pub http: Option<IngressPaths>,
}

/// By path.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct IngressPaths {
    /// The paths.
    #[serde(deserialize_with = "or_default")]
    pub paths: Vec<IngressPath>,
}

/// Where one path leads.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct IngressPath {
    /// There.
    #[serde(deserialize_with = "or_default")]
    pub backend: IngressBackend,
}

/// A Service, or something that is none.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct IngressBackend {
    /// The Service.
    pub service: Option<Target>,
}

impl SlimIngress {
    /// What it means.
    pub fn meaning(&self) -> Opening {
        let namespace = namespace_of(&self.metadata);
        let mut backends: BTreeMap<Key, BTreeSet<String>> = BTreeMap::new();
        let mut lead = |host: &str, backend: &IngressBackend| {
            if let Some(service) = &backend.service {
                backends.entry(key(namespace, &service.name)).or_default().insert(host.to_owned());
            }
        };
        for rule in &self.spec.rules {
            let host = rule.host.as_deref().filter(|host| !host.is_empty()).unwrap_or("*");
            match &rule.http {
                Some(http) => http.paths.iter().for_each(|path| lead(host, &path.backend)),
                None => self.spec.default_backend.iter().for_each(|backend| lead(host, backend)),
            }
        }
        // Without a rule for every host, all others go to the default.
        self.spec.default_backend.iter().for_each(|backend| lead("*", backend));
        Opening { way: "ingress", before: Vec::new(), backends }
    }
}

/// What was asked for of a gateway.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GatewaySpec {
    /// Gateways that it belongs to.
    #[serde(deserialize_with = "or_default")]
    pub parent_refs: Vec<Target>,
    /// Hosts.
    #[serde(deserialize_with = "or_default")]
    pub hostnames: Vec<String>,
    /// Where it leads.
    #[serde(deserialize_with = "or_default")]
    pub rules: Vec<GatewayRule>,
}

/// Where a route leads.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GatewayRule {
    /// There.
    #[serde(deserialize_with = "or_default")]
    pub backend_refs: Vec<Target>,
}

/// What gateways say of a route.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct GatewayStatus {
    /// Each.
    #[serde(deserialize_with = "or_default")]
    pub parents: Vec<GatewayParent>,
}

/// What one gateway says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GatewayParent {
    /// Which.
    pub parent_ref: Target,
    /// What.
    #[serde(deserialize_with = "or_default")]
    pub conditions: Vec<Condition>,
}

/// One condition of an object.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Condition {
    /// As `Accepted`.
    #[serde(rename = "type")]
    pub kind: String,
    /// As `False`.
    pub status: String,
}

fn denies(conditions: &[Condition], kind: &str) -> bool {
    conditions.iter().any(|condition| condition.kind == kind && condition.status == "False")
}

/// What a route means; nothing if no gateway takes it.
pub fn gateway_meaning(spec: &GatewaySpec, status: &GatewayStatus, namespace: &str) -> Option<Opening> {
    let refused: BTreeSet<Key> = status.parents_that_deny("Accepted", namespace);
    let gateways: BTreeSet<Key> =
        spec.parent_refs.iter().filter_map(|parent| gateway(parent, namespace)).collect();
    let before: Vec<String> =
        gateways.difference(&refused).map(|gateway| format!("Gateway {gateway}")).collect();
    if before.is_empty() {
        return None;
    }
    // A reference into another namespace counts unless a gateway refuses it (ReferenceGrant).
    let refuses = !status.parents_that_deny("ResolvedRefs", namespace).is_empty();
    let hosts: BTreeSet<String> = match spec.hostnames.as_slice() {
        [] => BTreeSet::from(["*".to_owned()]),
        names => names.iter().cloned().collect(),
    };
    let services = spec.rules.iter().flat_map(|rule| &rule.backend_refs);
    let services = services.filter(|target| target.kind.as_deref().unwrap_or("Service") == "Service");
    let services = services.map(|target| (target.namespace.as_deref().unwrap_or(namespace), &target.name));
    let services = services.filter(|(of, _)| *of == namespace || !refuses);
    let backends = services.map(|(of, name)| (key(of, name), hosts.clone())).collect();
    Some(Opening { way: "gateway_route", before, backends })
}

impl GatewayStatus {
    fn parents_that_deny(&self, kind: &str, namespace: &str) -> BTreeSet<Key> {
        let parents = self.parents.iter().filter(|parent| denies(&parent.conditions, kind));
        parents.filter_map(|parent| gateway(&parent.parent_ref, namespace)).collect()
    }
}

/// The Gateway that a reference names; routes of a service mesh name Services instead.
fn gateway(parent: &Target, namespace: &str) -> Option<Key> {
    let is_gateway = parent.kind.as_deref().unwrap_or("Gateway") == "Gateway";
    is_gateway.then(|| key(parent.namespace.as_deref().unwrap_or(namespace), &parent.name))
}

/// What was asked for of OpenShift's routers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RouteSpec {
    /// The host.
    #[serde(deserialize_with = "or_default")]
    pub host: String,
    /// Where it leads.
    #[serde(deserialize_with = "or_default")]
    pub to: Target,
    /// Where else.
    #[serde(deserialize_with = "or_default")]
    pub alternate_backends: Vec<Target>,
}

/// What routers say of a Route.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RouteStatus {
    /// Each.
    #[serde(deserialize_with = "or_default")]
    pub ingress: Vec<RouteIngress>,
}

/// What one router says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct RouteIngress {
    /// What.
    #[serde(deserialize_with = "or_default")]
    pub conditions: Vec<Condition>,
}

/// What a Route means; nothing if every router refuses it.
pub fn route_meaning(spec: &RouteSpec, status: &RouteStatus, namespace: &str) -> Option<Opening> {
    let routers = &status.ingress;
    if !routers.is_empty() && routers.iter().all(|router| denies(&router.conditions, "Admitted")) {
        return None;
    }
    let host = if spec.host.is_empty() { "*" } else { &spec.host };
    let targets = std::iter::once(&spec.to).chain(&spec.alternate_backends);
    let services = targets.filter(|to| !to.name.is_empty());
    let backends = services.map(|to| (key(namespace, &to.name), BTreeSet::from([host.to_owned()])));
    Some(Opening { way: "route", before: Vec::new(), backends: backends.collect() })
}
