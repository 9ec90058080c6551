//! The cluster's objects, as the API server writes them.

use super::layout::{
    self, CRON_JOBS, DAEMONS, DEPLOYMENTS, Kind, NODES, PODS, Place, REVISIONS, SETS, TEAMS, job, letters,
    namespace, place, replica_set, uid,
};
use super::nodes::{node_name, node_rest};
use super::template::Template;
use anyhow::Result;
use std::fmt::Write;

/// One in so many deployments has no Service.
const UNSERVED: usize = 4;
/// One in so many of those that have one is open to the outside by an Ingress.
const OPEN: usize = 5;
/// One in so many has a load balancer.
const BALANCED: usize = 50;

const POD: [&str; 20] = [
    "type",
    "name",
    "owner_name",
    "namespace",
    "uid",
    "version",
    "app",
    "hash",
    "ip",
    "owners",
    "init",
    "image",
    "sidecar",
    "account",
    "node",
    "phase",
    "host_ip",
    "init_status",
    "image_id",
    "sidecar_status",
];
const OBJECT: [&str; 9] = ["type", "name", "namespace", "uid", "version", "labels", "app", "owners", "rest"];

/// A kind of objects: where they are listed, how many there are.
pub struct Collection {
    /// Path of the list over all namespaces.
    pub path: &'static str,
    /// As `Pod`.
    pub kind: &'static str,
    /// Group and version.
    pub version: &'static str,
    /// How many there are.
    pub count: usize,
    render: fn(&Objects, usize, &str, &mut String),
}

impl Collection {
    /// The same with metadata and nothing else.
    pub fn metadata_only(&self) -> Collection {
        Collection { kind: "PartialObjectMetadata", version: "meta.k8s.io/v1", ..*self }
    }
}

/// Every kind that the cluster serves.
pub const COLLECTIONS: &[Collection] = &[
    collection("/api/v1/pods", "Pod", "v1", PODS, Objects::pod_in_order),
    collection("/api/v1/namespaces", "Namespace", "v1", TEAMS + 2, Objects::namespace),
    collection("/api/v1/nodes", "Node", "v1", NODES, Objects::node),
    collection(
        "/api/v1/serviceaccounts",
        "ServiceAccount",
        "v1",
        TEAMS + 2 + layout::WORKLOADS / 3,
        Objects::account,
    ),
    collection("/api/v1/services", "Service", "v1", DEPLOYMENTS + SETS, Objects::service),
    collection(
        "/apis/discovery.k8s.io/v1/endpointslices",
        "EndpointSlice",
        "discovery.k8s.io/v1",
        DEPLOYMENTS + SETS,
        Objects::slice,
    ),
    collection(
        "/apis/networking.k8s.io/v1/ingresses",
        "Ingress",
        "networking.k8s.io/v1",
        DEPLOYMENTS,
        Objects::ingress,
    ),
    collection("/apis/apps/v1/deployments", "Deployment", "apps/v1", DEPLOYMENTS, Objects::deployment),
    collection(
        "/apis/apps/v1/replicasets",
        "ReplicaSet",
        "apps/v1",
        DEPLOYMENTS * REVISIONS,
        Objects::replica_set,
    ),
    collection("/apis/apps/v1/statefulsets", "StatefulSet", "apps/v1", SETS, Objects::set),
    collection("/apis/apps/v1/daemonsets", "DaemonSet", "apps/v1", DAEMONS, Objects::daemon),
    collection("/apis/batch/v1/jobs", "Job", "batch/v1", CRON_JOBS * 3, Objects::job),
    collection("/apis/batch/v1/cronjobs", "CronJob", "batch/v1", CRON_JOBS, Objects::cron_job),
];

const fn collection(
    path: &'static str,
    kind: &'static str,
    version: &'static str,
    count: usize,
    render: fn(&Objects, usize, &str, &mut String),
) -> Collection {
    Collection { path, kind, version, count, render }
}

/// Writes the objects.
pub struct Objects {
    pod: Template,
    object: Template,
    /// Pods in the order of a list: by namespace and name.
    order: Vec<u32>,
}

/// The first version of all; objects that never changed have it.
pub const FIRST_VERSION: u64 = 1_000_000;

impl Objects {
    /// All objects of the cluster.
    pub fn new() -> Result<Self> {
        let mut order: Vec<u32> = (0..u32::try_from(PODS)?).collect();
        order.sort_by_cached_key(|n| {
            let n = *n as usize;
            (place(n).namespace(), place(n).name(n))
        });
        let pod = Template::new(include_str!("pod.json"), &POD)?;
        Ok(Objects { pod, object: Template::new(include_str!("object.json"), &OBJECT)?, order })
    }

    /// Writes object `n` of `collection`; nothing where there is none. `of_type` is true for those
    /// that say by themselves what they are.
    pub fn render(&self, collection: &Collection, n: usize, of_type: bool, out: &mut String) {
        let Collection { kind, version, .. } = collection;
        let said =
            if of_type { format!(r#""kind":"{kind}","apiVersion":"{version}","#) } else { String::new() };
        (collection.render)(self, n, &said, out);
    }

    fn pod_in_order(&self, n: usize, said: &str, out: &mut String) {
        if let Some(n) = self.order.get(n) {
            self.pod(*n as usize, FIRST_VERSION, said, out);
        }
    }

    /// Writes pod `n`.
    pub fn pod(&self, n: usize, version: u64, said: &str, out: &mut String) {
        let place = place(n);
        let (name, namespace, app) = (place.name(n), place.namespace(), place.app());
        let (repository, digest) = place.image();
        let (image, image_id) = (format!("{repository}:1.4.2"), format!("{repository}@{digest}"));
        let node = place.node(n);
        let ip = format!("10.{}.{}.{}", 64 + (n >> 16), n >> 8 & 255, n & 255);
        let host_ip = format!("10.1.{}.{}", node >> 8, node & 255);
        let owners = owners(place);
        let owner = place.controller().map(|(_, _, name)| name).unwrap_or_default();
        let [init, sidecar, init_status, sidecar_status] =
            if place.has_sidecar() { sidecar() } else { Default::default() };
        let phase = if place.kind == Kind::CronJob { "Succeeded" } else { "Running" };
        let (uid, hash) = (uid(0, n), letters(place.of as u64, 10));
        let (version, account) = (version.to_string(), place.account());
        let node = node_name(node);
        let values = [
            said,
            &name,
            &owner,
            &namespace,
            &uid,
            &version,
            &app,
            &hash,
            &ip,
            &owners,
            &init,
            &image,
            &sidecar,
            &account,
            &node,
            phase,
            &host_ip,
            &init_status,
            &image_id,
            &sidecar_status,
        ];
        self.pod.render(&values, out);
    }

    fn object(&self, of: Object<'_>, said: &str, out: &mut String) {
        let Object { id: (kind, n), namespace, name, app, labels, owners, rest } = of;
        let (uid, version) = (uid(kind, n), FIRST_VERSION.to_string());
        self.object.render(&[said, name, namespace, &uid, &version, labels, app, owners, rest], out);
    }

    fn namespace(&self, n: usize, said: &str, out: &mut String) {
        let name = namespace(n);
        let labels = format!(r#""kubernetes.io/metadata.name":"{name}","#);
        self.object(
            Object { id: (1, n), name: &name, app: &name, labels: &labels, ..Object::default() },
            said,
            out,
        );
    }

    fn node(&self, n: usize, said: &str, out: &mut String) {
        let (name, rest) = (node_name(n), node_rest(n));
        let node = Object { id: (NODE, n), name: &name, app: "node", rest: &rest, ..Object::default() };
        self.object(node, said, out);
    }

    fn account(&self, n: usize, said: &str, out: &mut String) {
        let (namespace, name) = match n.checked_sub(TEAMS + 2) {
            None => (namespace(n), "default".to_owned()),
            Some(n) => {
                let place = of_workload(n * 3);
                (place.namespace(), place.account())
            }
        };
        let rest = format!(r#","imagePullSecrets":[{{"name":"registry-{namespace}"}}]"#);
        let rest = if name == "default" { rest.as_str() } else { "" };
        self.object(
            Object { id: (2, n), namespace: &namespace, name: &name, app: &name, rest, ..Object::default() },
            said,
            out,
        );
    }

    fn service(&self, n: usize, said: &str, out: &mut String) {
        let Some(place) = served(n) else { return };
        let (namespace, app) = (place.namespace(), place.app());
        let kind = if place.of.is_multiple_of(BALANCED) { "LoadBalancer" } else { "ClusterIP" };
        let addresses = r#"{"ingress":[{"ip":"198.51.100.7"}]}"#;
        let addresses = if kind == "LoadBalancer" { addresses } else { "{}" };
        let rest = format!(
            r#","spec":{{"ports":[{{"name":"http","protocol":"TCP","port":80,"targetPort":"http"}}],"selector":{{"app.kubernetes.io/name":"{app}"}},"clusterIP":"10.96.{}.{}","type":"{kind}","sessionAffinity":"None","ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack","internalTrafficPolicy":"Cluster"}},"status":{{"loadBalancer":{addresses}}}"#,
            n >> 8 & 255,
            n & 255
        );
        self.object(
            Object {
                id: (3, n),
                namespace: &namespace,
                name: &app,
                app: &app,
                rest: &rest,
                ..Object::default()
            },
            said,
            out,
        );
    }

    fn slice(&self, n: usize, said: &str, out: &mut String) {
        let Some(place) = served(n) else { return };
        let (namespace, app) = (place.namespace(), place.app());
        let name = format!("{app}-{}", letters(n as u64, 5));
        let labels = format!(
            r#""kubernetes.io/service-name":"{app}","endpointslice.kubernetes.io/managed-by":"endpointslice-controller.k8s.io","#
        );
        let pods = match place.kind {
            Kind::Set => layout::pods_of_set(place.of),
            _ => layout::pods_of_deployment(place.of),
        };
        let mut rest = String::from(r#","addressType":"IPv4","endpoints":["#);
        for (at, pod) in pods.enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let (name, uid, node) = (layout::place(pod).name(pod), uid(0, pod), pod % NODES);
            // Writing into a text cannot fail.
            let _ = write!(
                rest,
                r#"{comma}{{"addresses":["10.64.{}.{}"],"conditions":{{"ready":true,"serving":true,"terminating":false}},"nodeName":"ip-10-1-{}-{}.eu-central-1.compute.internal","targetRef":{{"kind":"Pod","namespace":"{namespace}","name":"{name}","uid":"{uid}"}},"zone":"eu-central-1b"}}"#,
                pod >> 8 & 255,
                pod & 255,
                node >> 8,
                node & 255
            );
        }
        rest.push_str(r#"],"ports":[{"name":"http","port":8080,"protocol":"TCP"}]"#);
        self.object(
            Object {
                id: (4, n),
                namespace: &namespace,
                name: &name,
                app: &app,
                labels: &labels,
                rest: &rest,
                ..Object::default()
            },
            said,
            out,
        );
    }

    fn ingress(&self, n: usize, said: &str, out: &mut String) {
        let Some(place) = served(n).filter(|place| place.of.is_multiple_of(OPEN)) else { return };
        let (namespace, app) = (place.namespace(), place.app());
        let rest = format!(
            r#","spec":{{"ingressClassName":"nginx","tls":[{{"hosts":["{app}.example.com"],"secretName":"{app}-tls"}}],"rules":[{{"host":"{app}.example.com","http":{{"paths":[{{"path":"/","pathType":"Prefix","backend":{{"service":{{"name":"{app}","port":{{"name":"http"}}}}}}}}]}}}}]}},"status":{{"loadBalancer":{{"ingress":[{{"ip":"198.51.100.7"}}]}}}}"#
        );
        self.object(
            Object {
                id: (5, n),
                namespace: &namespace,
                name: &app,
                app: &app,
                rest: &rest,
                ..Object::default()
            },
            said,
            out,
        );
    }

    fn deployment(&self, n: usize, said: &str, out: &mut String) {
        self.top(Place { kind: Kind::Deployment, of: n, at: 0 }, said, out);
    }

    fn set(&self, n: usize, said: &str, out: &mut String) {
        self.top(Place { kind: Kind::Set, of: n, at: 0 }, said, out);
    }

    fn daemon(&self, n: usize, said: &str, out: &mut String) {
        self.top(Place { kind: Kind::Daemon, of: n, at: 0 }, said, out);
    }

    fn cron_job(&self, n: usize, said: &str, out: &mut String) {
        self.top(Place { kind: Kind::CronJob, of: n, at: 0 }, said, out);
    }

    fn top(&self, place: Place, said: &str, out: &mut String) {
        let (namespace, app) = (place.namespace(), place.app());
        let id = (TOP, place.workload());
        self.object(
            Object { id, namespace: &namespace, name: &app, app: &app, ..Object::default() },
            said,
            out,
        );
    }

    fn replica_set(&self, n: usize, said: &str, out: &mut String) {
        let place = Place { kind: Kind::Deployment, of: n / REVISIONS, at: 0 };
        let (namespace, app) = (place.namespace(), place.app());
        let (name, owners) = (
            replica_set(place.of, n % REVISIONS),
            owner("apps/v1", "Deployment", &app, &uid(TOP, place.workload())),
        );
        self.object(
            Object {
                id: (REPLICA_SET, n),
                namespace: &namespace,
                name: &name,
                app: &app,
                owners: &owners,
                ..Object::default()
            },
            said,
            out,
        );
    }

    fn job(&self, n: usize, said: &str, out: &mut String) {
        let place = Place { kind: Kind::CronJob, of: n / 3, at: n % 3 };
        let (namespace, app) = (place.namespace(), place.app());
        let (name, owners) =
            (job(place.of, place.at), owner("batch/v1", "CronJob", &app, &uid(TOP, place.workload())));
        self.object(
            Object {
                id: (JOB, n),
                namespace: &namespace,
                name: &name,
                app: &app,
                owners: &owners,
                ..Object::default()
            },
            said,
            out,
        );
    }
}

/// Ids of the objects that own pods, so that those can name them.
const TOP: u64 = 6;
const REPLICA_SET: u64 = 7;
const JOB: u64 = 8;
const NODE: u64 = 9;

/// What the template of an object is told.
#[derive(Clone, Copy, Default)]
struct Object<'a> {
    id: (u64, usize),
    namespace: &'a str,
    name: &'a str,
    app: &'a str,
    labels: &'a str,
    owners: &'a str,
    rest: &'a str,
}

/// The workload that has this number among all.
fn of_workload(n: usize) -> Place {
    let (kind, of) = match n {
        n if n < DAEMONS => (Kind::Daemon, n),
        n if n < DAEMONS + SETS => (Kind::Set, n - DAEMONS),
        n if n < DAEMONS + SETS + DEPLOYMENTS => (Kind::Deployment, n - DAEMONS - SETS),
        n => (Kind::CronJob, n - DAEMONS - SETS - DEPLOYMENTS),
    };
    Place { kind, of, at: 0 }
}

/// The workload behind Service `n`: a deployment, then the stateful sets; not every one has one.
fn served(n: usize) -> Option<Place> {
    match n.checked_sub(DEPLOYMENTS) {
        None => Some(Place { kind: Kind::Deployment, of: n, at: 0 }).filter(|_| n % UNSERVED != UNSERVED - 1),
        Some(of) => Some(Place { kind: Kind::Set, of, at: 0 }),
    }
}

fn owners(place: Place) -> String {
    let id = match place.kind {
        Kind::Daemon | Kind::Set => uid(TOP, place.workload()),
        Kind::Deployment => uid(REPLICA_SET, place.of * REVISIONS + REVISIONS - 1),
        Kind::CronJob => uid(JOB, place.of * 3 + place.at),
        Kind::Node => return String::new(),
    };
    place.controller().map_or_else(String::new, |(version, kind, name)| owner(version, kind, &name, &id))
}

fn owner(version: &str, kind: &str, name: &str, uid: &str) -> String {
    format!(
        r#""ownerReferences":[{{"apiVersion":"{version}","kind":"{kind}","name":"{name}","uid":"{uid}","controller":true,"blockOwnerDeletion":true}}],"#
    )
}

/// What a service mesh adds to a pod: an init container, a sidecar, and how they are.
fn sidecar() -> [String; 4] {
    let (repository, digest) = layout::image(0);
    let (image, image_id) = (format!("{repository}:1.24.1"), format!("{repository}@{digest}"));
    let spec = |name: &str, arguments: &str| {
        format!(
            r#"{{"name":"{name}","image":"{image}","args":[{arguments}],"env":[{{"name":"POD_NAMESPACE","valueFrom":{{"fieldRef":{{"apiVersion":"v1","fieldPath":"metadata.namespace"}}}}}},{{"name":"ISTIO_META_MESH_ID","value":"cluster.local"}},{{"name":"TRUST_DOMAIN","value":"cluster.local"}}],"resources":{{"limits":{{"cpu":"2","memory":"1Gi"}},"requests":{{"cpu":"10m","memory":"40Mi"}}}},"volumeMounts":[{{"name":"config","mountPath":"/etc/istio/config"}}],"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent","securityContext":{{"capabilities":{{"drop":["ALL"]}},"privileged":false,"runAsUser":1337,"runAsGroup":1337,"runAsNonRoot":true,"readOnlyRootFilesystem":true,"allowPrivilegeEscalation":false}}}}"#
        )
    };
    let status = |name: &str, state: &str| {
        format!(
            r#"{{"name":"{name}","state":{state},"lastState":{{}},"ready":true,"restartCount":0,"image":"{image}","imageID":"{image_id}","containerID":"containerd://0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"}}"#
        )
    };
    let ended = r#"{"terminated":{"exitCode":0,"reason":"Completed","startedAt":"2026-11-02T07:41:14Z","finishedAt":"2026-11-02T07:41:15Z"}}"#;
    [
        format!(
            r#""initContainers":[{}],"#,
            spec("istio-init", r#""istio-iptables","-p","15001","-z","15006","-u","1337""#)
        ),
        format!(
            ",{}",
            spec("istio-proxy", r#""proxy","sidecar","--domain","$(POD_NAMESPACE).svc.cluster.local""#)
        ),
        format!(r#""initContainerStatuses":[{}],"#, status("istio-init", ended)),
        format!(",{}", status("istio-proxy", r#"{"running":{"startedAt":"2026-11-02T07:41:20Z"}}"#)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn every_object_is_json_and_pods_are_as_large_as_pods_are() {
        let objects = Objects::new().unwrap();
        for collection in COLLECTIONS {
            let mut rendered = 0;
            for n in (0..collection.count).step_by(37) {
                let mut text = String::new();
                objects.render(collection, n, true, &mut text);
                if text.is_empty() {
                    continue;
                }
                let object: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
                assert_eq!(object["kind"], collection.kind);
                assert!(object["metadata"]["name"].is_string());
                if collection.kind == "Pod" {
                    assert!((4 << 10..10 << 10).contains(&text.len()), "{}", text.len());
                }
                rendered += 1;
            }
            assert!(rendered > 0, "{}", collection.kind);
        }
    }
}
