//! Tests of which ways lead to which pods.

use super::routes::{HttpRoute, OpenShiftRoute, Route};
use super::shapes::*;
use super::*;
use serde_json::{Value, json};

/// A cluster's objects, put in one by one.
#[derive(Default)]
struct Cluster(Ways);

impl Cluster {
    fn service(&mut self, value: Value) -> BTreeSet<Key> {
        let service: SlimService = serde_json::from_value(value).unwrap();
        self.0.set_service(&key_of(&service.metadata), Some(service.meaning()))
    }

    fn slice(&mut self, value: Value) -> BTreeSet<Key> {
        let slice: SlimSlice = serde_json::from_value(value).unwrap();
        self.0.set_slice(&key_of(&slice.metadata), Some(slice.meaning()))
    }

    fn ingress(&mut self, value: Value) -> BTreeSet<Key> {
        let ingress: SlimIngress = serde_json::from_value(value).unwrap();
        let id = OpeningId { kind: "Ingress", key: key_of(&ingress.metadata) };
        self.0.set_opening(&id, Some(ingress.meaning()))
    }

    fn route<R: Route>(&mut self, namespace: &str, name: &str, mut value: Value) -> BTreeSet<Key> {
        value["metadata"] = json!({"namespace": namespace, "name": name});
        let route: R = serde_json::from_value(value).unwrap();
        self.0.set_opening(&OpeningId { kind: R::KIND, key: key(namespace, name) }, route.meaning())
    }

    /// The ways to a pod, each as `kind hosts: objects`.
    fn ways(&self, pod: &str) -> Vec<String> {
        let told =
            |way: ExposurePath| format!("{} {}: {}", way.kind, way.hosts.join(","), way.through.join(" > "));
        self.0.of_pod(pod).into_iter().map(told).collect()
    }
}

fn service(name: &str, kind: &str) -> Value {
    json!({"metadata": {"namespace": "shop", "name": name}, "spec": {"type": kind}})
}

fn slice(namespace: &str, service: &str, pods: &[(&str, Option<bool>)]) -> Value {
    let endpoint = |(pod, ready): &(&str, Option<bool>)| json!({"conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": pod, "namespace": namespace}});
    json!({
        "metadata": {
            "namespace": namespace, "name": format!("{service}-x"),
            "labels": {"kubernetes.io/service-name": service},
        },
        "endpoints": pods.iter().map(endpoint).collect::<Vec<_>>(),
    })
}

fn ingress(host: Option<&str>, service: &str) -> Value {
    json!({
        "metadata": {"namespace": "shop", "name": "front"},
        "spec": {"rules": [{"host": host, "http": {"paths": [{"backend": {"service": {"name": service}}}]}}]},
    })
}

fn touched(pods: &[&str]) -> BTreeSet<Key> {
    pods.iter().map(|pod| Key::from(*pod)).collect()
}

#[test]
fn ingress_leads_over_its_service_to_ready_pods_only() {
    let mut cluster = Cluster::default();
    cluster.service(service("web", "ClusterIP"));
    cluster.slice(slice("shop", "web", &[("web-1", Some(true)), ("web-2", Some(false)), ("web-3", None)]));
    assert_eq!(cluster.ingress(ingress(Some("shop.example"), "web")), touched(&["shop/web-1", "shop/web-3"]));
    let way = "ingress shop.example: Ingress shop/front > Service shop/web > EndpointSlice shop/web-x";
    assert_eq!(cluster.ways("shop/web-1"), [way]);
    assert_eq!(cluster.ways("shop/web-2"), Vec::<String>::new());
    assert_eq!(cluster.ways("shop/web-3"), [way]);
}

#[test]
fn pod_of_the_same_name_elsewhere_is_not_exposed() {
    let mut cluster = Cluster::default();
    cluster.slice(slice("shop", "web", &[("web-1", None)]));
    cluster.slice(slice("dev", "web", &[("web-1", None)]));
    cluster.ingress(ingress(None, "web"));
    assert_eq!(cluster.ways("shop/web-1").len(), 1);
    assert!(cluster.ways("dev/web-1").is_empty());
}

#[test]
fn ingress_without_rules_or_paths_leads_to_its_default() {
    for (spec, hosts) in [
        (json!({"defaultBackend": {"service": {"name": "web"}}}), "*"),
        (
            json!({"defaultBackend": {"service": {"name": "web"}}, "rules": [{"host": "a.example"}]}),
            "*,a.example",
        ),
        (json!({"defaultBackend": {"service": {"name": "web"}}, "rules": null}), "*"),
    ] {
        let mut cluster = Cluster::default();
        cluster.slice(slice("shop", "web", &[("web-1", None)]));
        cluster.ingress(json!({"metadata": {"namespace": "shop", "name": "front"}, "spec": spec}));
        let ways = cluster.ways("shop/web-1");
        assert_eq!(
            ways,
            [format!("ingress {hosts}: Ingress shop/front > Service shop/web > EndpointSlice shop/web-x")]
        );
    }
}

#[test]
fn ingress_to_something_that_is_no_service_leads_nowhere() {
    let mut cluster = Cluster::default();
    cluster.slice(slice("shop", "web", &[("web-1", None)]));
    let bucket = json!({"resource": {"kind": "StorageBucket", "name": "web"}});
    for spec in [
        json!({"rules": [{"http": {"paths": [{"backend": bucket}]}}]}),
        json!({"defaultBackend": bucket}),
        json!({"rules": [{"host": "a.example"}]}),
        json!({}),
    ] {
        cluster.ingress(json!({"metadata": {"namespace": "shop", "name": "front"}, "spec": spec}));
        assert!(cluster.ways("shop/web-1").is_empty(), "{spec}");
    }
}

#[test]
fn service_open_by_itself_is_a_way() {
    for (spec, annotations, way) in [
        (
            json!({"type": "NodePort"}),
            json!({}),
            Some("node_port : Service shop/web > EndpointSlice shop/web-x"),
        ),
        (
            json!({"type": "LoadBalancer"}),
            json!({}),
            Some("load_balancer 203.0.113.7,lb.example: Service shop/web > EndpointSlice shop/web-x"),
        ),
        (json!({"type": "LoadBalancer"}), json!({"networking.gke.io/load-balancer-type": "Internal"}), None),
        (json!({"type": "ClusterIP"}), json!({}), None),
        (json!({}), json!(null), None),
    ] {
        let mut cluster = Cluster::default();
        cluster.slice(slice("shop", "web", &[("web-1", None)]));
        cluster.service(json!({
            "metadata": {"namespace": "shop", "name": "web", "annotations": annotations}, "spec": spec,
            "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.7"}, {"hostname": "lb.example"}]}},
        }));
        assert_eq!(cluster.ways("shop/web-1"), way.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn external_name_within_the_cluster_is_followed_and_others_are_not() {
    let external = |to: &str| json!({"metadata": {"namespace": "shop", "name": "alias"}, "spec": {"type": "ExternalName", "externalName": to}});
    let mut cluster = Cluster::default();
    cluster.slice(slice("db", "store", &[("db-0", None)]));
    cluster.ingress(ingress(Some("s.example"), "alias"));
    assert_eq!(cluster.service(external("store.db.svc.cluster.local.")), touched(&["db/db-0"]));
    let way = "ingress s.example: Ingress shop/front > Service shop/alias > Service db/store > EndpointSlice db/store-x";
    assert_eq!(cluster.ways("db/db-0"), [way]);
    assert_eq!(cluster.service(external("www.example.org")), touched(&["db/db-0"]));
    assert!(cluster.ways("db/db-0").is_empty());
    // Two names for each other end.
    cluster.service(external("alias.shop.svc"));
    assert!(cluster.ways("db/db-0").is_empty());
}

#[test]
fn slice_without_a_service_or_with_other_targets_leads_nowhere() {
    let mut cluster = Cluster::default();
    cluster.service(service("web", "NodePort"));
    let mut orphan = slice("shop", "web", &[("web-1", None)]);
    orphan["metadata"]["labels"] = json!({});
    cluster.slice(orphan);
    assert!(cluster.ways("shop/web-1").is_empty());
    // As made by hand for a service without selector: addresses only.
    cluster.slice(json!({
        "metadata": {"namespace": "shop", "name": "m", "labels": {"kubernetes.io/service-name": "web"}},
        "endpoints": [{"addresses": ["10.0.0.1"]}, {"targetRef": {"kind": "VirtualMachine", "name": "web-1"}}],
    }));
    assert!(cluster.ways("shop/web-1").is_empty());
}

#[test]
fn gateway_route_leads_in_where_a_gateway_takes_it() {
    let route = |status: Value, backend: Value| {
        json!({
            "spec": {
                "parentRefs": [{"name": "public", "namespace": "infra"}], "hostnames": ["g.example"],
                "rules": [{"backendRefs": [backend]}],
            },
            "status": status,
        })
    };
    let says = |kind: &str, status: &str| {
        json!({"parents": [{
            "parentRef": {"name": "public", "namespace": "infra"},
            "conditions": [{"type": kind, "status": status}],
        }]})
    };
    let mut cluster = Cluster::default();
    cluster.slice(slice("shop", "web", &[("web-1", None)]));
    let way = "gateway_route g.example: Gateway infra/public > HTTPRoute shop/r > Service shop/web > EndpointSlice shop/web-x";
    cluster.route::<HttpRoute>("shop", "r", route(says("Accepted", "True"), json!({"name": "web"})));
    assert_eq!(cluster.ways("shop/web-1"), [way]);
    cluster.route::<HttpRoute>("shop", "r", route(says("Accepted", "False"), json!({"name": "web"})));
    assert!(cluster.ways("shop/web-1").is_empty());
    let across = json!({"name": "web", "namespace": "shop"});
    cluster.route::<HttpRoute>("dev", "r", route(says("ResolvedRefs", "False"), across.clone()));
    assert!(cluster.ways("shop/web-1").is_empty());
    cluster.route::<HttpRoute>("dev", "r", route(says("ResolvedRefs", "True"), across));
    assert_eq!(cluster.ways("shop/web-1").len(), 1);
    let mut mesh = route(json!({}), json!({"name": "web"}));
    mesh["spec"]["parentRefs"] = json!([{"kind": "Service", "name": "web"}]);
    cluster.route::<HttpRoute>("dev", "r", json!({}));
    cluster.route::<HttpRoute>("shop", "r", mesh);
    assert!(cluster.ways("shop/web-1").is_empty());
}

#[test]
fn route_leads_in_unless_every_router_refuses_it() {
    let route = |admitted: &[&str]| {
        let routers =
            admitted.iter().map(|status| json!({"conditions": [{"type": "Admitted", "status": status}]}));
        json!({
            "spec": {
                "host": "r.example", "to": {"kind": "Service", "name": "web"},
                "alternateBackends": [{"kind": "Service", "name": "canary"}],
            },
            "status": {"ingress": routers.collect::<Vec<_>>()},
        })
    };
    let mut cluster = Cluster::default();
    cluster.slice(slice("shop", "web", &[("web-1", None)]));
    cluster.slice(slice("shop", "canary", &[("canary-1", None)]));
    for (admitted, ways) in [(&["True"][..], 1), (&[], 1), (&["False", "True"], 1), (&["False"], 0)] {
        cluster.route::<OpenShiftRoute>("shop", "r", route(admitted));
        assert_eq!(cluster.ways("shop/web-1").len(), ways, "{admitted:?}");
        assert_eq!(cluster.ways("shop/canary-1").len(), ways, "{admitted:?}");
    }
}

#[test]
fn change_touches_the_pods_whose_ways_it_changes() {
    let mut cluster = Cluster::default();
    cluster.slice(slice("shop", "web", &[("web-1", None), ("web-2", None)]));
    cluster.slice(slice("shop", "api", &[("api-1", None)]));
    assert_eq!(cluster.service(service("web", "NodePort")), touched(&["shop/web-1", "shop/web-2"]));
    assert_eq!(cluster.service(service("web", "NodePort")), touched(&[]));
    assert_eq!(
        cluster.slice(slice("shop", "web", &[("web-2", None), ("web-3", None)])),
        touched(&["shop/web-1", "shop/web-3"])
    );
    assert!(cluster.ways("shop/web-1").is_empty());
    cluster.ingress(ingress(None, "web"));
    assert_eq!(cluster.ingress(ingress(None, "api")), touched(&["shop/api-1", "shop/web-2", "shop/web-3"]));
    let id = OpeningId { kind: "Ingress", key: "shop/front".into() };
    assert_eq!(cluster.0.set_opening(&id, None), touched(&["shop/api-1"]));
    assert!(cluster.ways("shop/api-1").is_empty());
    for slice in ["shop/web-x", "shop/api-x"] {
        cluster.0.set_slice(&slice.into(), None);
    }
    cluster.0.set_service(&"shop/web".into(), None);
    assert!(cluster.0.is_empty());
    assert!(cluster.0.slices.is_empty() && cluster.0.openings_of_service.is_empty());
}

#[test]
fn object_hostile_is_bounded() {
    let mut cluster = Cluster::default();
    cluster.slice(slice("shop", "web", &[("web-1", None)]));
    let rules: Vec<Value> = (0..100)
        .map(|n| json!({"host": format!("h{n}.example"), "http": {"paths": [{"backend": {"service": {"name": "web"}}}]}}))
        .collect();
    for n in 0..40 {
        cluster.ingress(
            json!({"metadata": {"namespace": "shop", "name": format!("i{n}")}, "spec": {"rules": rules}}),
        );
    }
    let ways = cluster.0.of_pod("shop/web-1");
    assert_eq!(ways.len(), MAX_WAYS);
    assert!(ways.iter().all(|way| way.hosts.len() == MAX_HOSTS));
}
