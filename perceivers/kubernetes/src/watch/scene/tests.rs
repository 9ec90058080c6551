//! Tests of what the core is told, by what is heard.

use super::*;
use crate::asks::{IGNORE_UNFIXED, SCAN};
use serde_json::{Value, json};

fn pod(key: &str, controller: Option<&str>, annotations: Value) -> SlimPod {
    let (namespace, name) = key.split_once('/').unwrap();
    let owners: Vec<Value> = controller
        .map(|name| json!({ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name, "uid": name, "controller": true }))
        .into_iter()
        .collect();
    let pod = json!({
        "metadata": { "name": name, "namespace": namespace, "uid": key, "ownerReferences": owners, "annotations": annotations },
        "spec": { "serviceAccountName": "default", "containers": [{ "name": "c", "image": "nginx:1" }] },
        "status": { "phase": "Running" },
    });
    serde_json::from_value(pod).unwrap()
}

fn space(name: &str, labels: Value, annotations: Value) -> SlimNamespace {
    let space = json!({ "metadata": { "name": name, "labels": labels, "annotations": annotations } });
    serde_json::from_value(space).unwrap()
}

fn account(key: &str, secrets: &[&str]) -> SlimAccount {
    let (namespace, name) = key.split_once('/').unwrap();
    let secrets: Vec<Value> = secrets.iter().map(|name| json!({ "name": name })).collect();
    let account =
        json!({ "metadata": { "name": name, "namespace": namespace }, "imagePullSecrets": secrets });
    serde_json::from_value(account).unwrap()
}

/// What the core would know, folded from the news.
struct Stage {
    scene: Scene,
    told: BTreeMap<String, Told>,
    asked: Vec<Arc<Controller>>,
    complaints: usize,
}

impl Stage {
    /// Everything is listed: `shop` with two pods of one set and a lone one, `kube-system` with one.
    fn set(settings: &WatchSettings) -> Self {
        let mut stage = Stage::empty(settings);
        stage.list_spaces(vec![
            space("shop", json!({ "env": "prod" }), json!({})),
            space("kube-system", json!({}), json!({})),
        ]);
        stage.list_accounts(vec![account("shop/default", &["registry"])]);
        stage.list_pods(vec![
            pod("shop/web-1", Some("web"), json!({})),
            pod("shop/web-2", Some("web"), json!({})),
            pod("shop/lone", None, json!({})),
            pod("kube-system/dns", None, json!({})),
        ]);
        stage
    }

    fn empty(settings: &WatchSettings) -> Self {
        let (told, asked) = (BTreeMap::new(), Vec::new());
        let mut stage = Stage { scene: Scene::new(settings), told, asked, complaints: 0 };
        stage.scene.hear_services(&Heard::Complete);
        stage.scene.hear_slices(&Heard::Complete);
        stage.scene.hear_ingresses(&Heard::Complete);
        stage.scene.hear_nodes(&Heard::Complete);
        stage
    }

    fn nodes(&mut self, heard: &Heard<SlimNode>) {
        self.scene.hear_nodes(heard);
        self.fold();
    }

    /// What the core is told the pod's node is.
    fn platform(&self, pod: &str) -> Option<String> {
        self.told[pod].platform.as_ref().map(ToString::to_string)
    }

    fn pods(&mut self, heard: Heard<SlimPod>) {
        self.scene.hear_pods(heard);
        self.fold();
    }

    fn list_pods(&mut self, pods: Vec<SlimPod>) {
        self.pods(Heard::Begins);
        pods.into_iter().for_each(|pod| self.pods(Heard::Listed(pod)));
        self.pods(Heard::Complete);
    }

    fn spaces(&mut self, heard: Heard<SlimNamespace>) {
        self.scene.hear_namespaces(heard);
        self.fold();
    }

    fn list_spaces(&mut self, spaces: Vec<SlimNamespace>) {
        self.spaces(Heard::Begins);
        spaces.into_iter().for_each(|space| self.spaces(Heard::Listed(space)));
        self.spaces(Heard::Complete);
    }

    fn accounts(&mut self, heard: Heard<SlimAccount>) {
        self.scene.hear_accounts(heard);
        self.fold();
    }

    fn list_accounts(&mut self, accounts: Vec<SlimAccount>) {
        self.accounts(Heard::Begins);
        accounts.into_iter().for_each(|account| self.accounts(Heard::Listed(account)));
        self.accounts(Heard::Complete);
    }

    fn own(&mut self, owner: &str, asks: Asks) {
        let found = self.asked.iter().map(|controller| {
            (
                Arc::clone(controller),
                Arc::new(Workload { owner: owner.into(), asks: asks.clone(), top: None, marks: None }),
            )
        });
        let found = found.collect();
        self.scene.hear_owners(found);
        self.fold();
    }

    fn fold(&mut self) {
        for news in self.scene.take_news() {
            match news {
                News::Bears(..) | News::WorkloadBears(..) => {}
                News::See(told) => drop(self.told.insert(told.pod.key.to_string(), told)),
                News::Lose(key) => assert!(self.told.remove(&*key).is_some(), "{key} was never told"),
                News::Who(controller) => self.asked.push(controller),
                News::Complain(_) => self.complaints += 1,
            }
        }
    }

    fn keys(&self) -> Vec<&str> {
        self.told.keys().map(String::as_str).collect()
    }
}

fn settings(change: impl FnOnce(&mut WatchSettings)) -> WatchSettings {
    let mut settings = WatchSettings::default();
    change(&mut settings);
    settings
}

#[test]
fn nothing_is_told_before_every_list_is_complete() {
    let mut stage = Stage::empty(&WatchSettings::default());
    stage.list_pods(vec![pod("shop/lone", None, json!({}))]);
    stage.list_accounts(Vec::new());
    stage.spaces(Heard::Begins);
    stage.spaces(Heard::Listed(space("shop", json!({}), json!({}))));
    assert!(stage.keys().is_empty() && !stage.scene.is_whole());
    stage.spaces(Heard::Complete);
    assert_eq!(stage.keys(), ["shop/lone"]);
    assert!(stage.scene.is_whole());
}

#[test]
fn pod_is_judged_as_it_is_listed_once_all_around_it_is_known() {
    let mut stage = Stage::empty(&WatchSettings::default());
    stage.list_spaces(vec![space("shop", json!({}), json!({}))]);
    stage.pods(Heard::Begins);
    stage.pods(Heard::Listed(pod("shop/one", None, json!({}))));
    assert!(stage.keys().is_empty());
    stage.list_accounts(Vec::new());
    stage.pods(Heard::Listed(pod("shop/two", None, json!({}))));
    assert_eq!(stage.keys(), ["shop/one", "shop/two"]);
    assert!(!stage.scene.is_whole(), "there may be more of them");
    stage.pods(Heard::Complete);
    assert!(stage.scene.is_whole());
}

#[test]
fn pods_wait_for_their_owner_which_is_asked_for_once() {
    let mut stage = Stage::set(&WatchSettings::default());
    assert_eq!(stage.keys(), ["kube-system/dns", "shop/lone"]);
    assert!(!stage.scene.is_whole());
    assert_eq!(stage.asked.len(), 1);
    stage.own("deployment/web", Asks::default());
    assert_eq!(stage.keys(), ["kube-system/dns", "shop/lone", "shop/web-1", "shop/web-2"]);
    assert_eq!(&*stage.told["shop/web-1"].workload.owner, "deployment/web");
    assert_eq!(&*stage.told["shop/lone"].workload.owner, "pod/lone");
    assert!(stage.scene.is_whole());
    stage.pods(Heard::Applied(pod("shop/web-3", Some("web"), json!({}))));
    assert_eq!((stage.asked.len(), &*stage.told["shop/web-3"].workload.owner), (1, "deployment/web"));
}

#[test]
fn owner_found_to_be_another_one_is_told_for_all_its_pods() {
    let mut stage = Stage::set(&WatchSettings::default());
    stage.own("replicaset/web", Asks::default());
    stage.own("deployment/web", Asks::default());
    assert_eq!(&*stage.told["shop/web-2"].workload.owner, "deployment/web");
}

#[test]
fn list_made_again_takes_away_what_it_does_not_name_and_nothing_before_it_is_complete() {
    let mut stage = Stage::set(&WatchSettings::default());
    stage.own("deployment/web", Asks::default());
    stage.pods(Heard::Begins);
    stage.pods(Heard::Listed(pod("shop/web-1", Some("web"), json!({}))));
    stage.pods(Heard::Lost { forbidden: true });
    assert_eq!(stage.keys().len(), 4, "a list that is cut takes nothing away");
    stage.list_pods(vec![pod("shop/web-1", Some("web"), json!({})), pod("shop/new", None, json!({}))]);
    assert_eq!(stage.keys(), ["shop/new", "shop/web-1"]);
    stage.pods(Heard::Gone(pod("shop/new", None, json!({}))));
    assert_eq!(stage.keys(), ["shop/web-1"]);
}

#[test]
fn patterns_and_selectors_changed_at_run_time_make_pods_come_and_go() {
    let mut stage = Stage::set(&WatchSettings::default());
    stage.own("deployment/web", Asks::default());
    for (change, expected) in [
        (settings(|s| s.exclude_namespaces = vec!["kube-*".into()]), 3),
        (settings(|s| s.namespaces = vec!["kube-*".into()]), 1),
        (settings(|s| s.namespace_selector = "env=prod".into()), 3),
        (settings(|s| s.namespace_selector = "env=dev".into()), 0),
        (WatchSettings::default(), 4),
    ] {
        stage.scene.configure(&change);
        stage.fold();
        assert_eq!(stage.keys().len(), expected, "{change:?}");
    }
}

#[test]
fn namespace_whose_labels_change_comes_and_goes_with_its_pods() {
    let mut stage = Stage::set(&settings(|s| s.namespace_selector = "env=prod".into()));
    stage.own("deployment/web", Asks::default());
    assert_eq!(stage.keys().len(), 3);
    stage.spaces(Heard::Applied(space("shop", json!({ "env": "dev" }), json!({}))));
    assert!(stage.keys().is_empty());
    stage.spaces(Heard::Applied(space("kube-system", json!({ "env": "prod" }), json!({}))));
    assert_eq!(stage.keys(), ["kube-system/dns"]);
}

#[test]
fn opt_out_on_pod_owner_or_namespace_hides_and_the_inner_one_wins() {
    let mut stage = Stage::set(&WatchSettings::default());
    stage.own("deployment/web", Asks { scan: Some(false), ..Asks::default() });
    assert_eq!(stage.keys(), ["kube-system/dns", "shop/lone"]);
    stage.own("deployment/web", Asks::default());
    stage.spaces(Heard::Applied(space("shop", json!({}), json!({ SCAN: "false" }))));
    assert_eq!(stage.keys(), ["kube-system/dns"]);
    stage.pods(Heard::Applied(pod("shop/lone", None, json!({ SCAN: "true" }))));
    assert_eq!(stage.keys(), ["kube-system/dns", "shop/lone"]);
    stage.pods(Heard::Applied(pod("shop/lone", None, json!({ SCAN: "false" }))));
    assert_eq!(stage.keys(), ["kube-system/dns"]);
}

#[test]
fn settings_of_the_namespace_hold_where_nothing_nearer_says_otherwise() {
    let mut stage = Stage::set(&WatchSettings::default());
    stage.spaces(Heard::Applied(space("shop", json!({}), json!({ IGNORE_UNFIXED: "true" }))));
    assert!(stage.told["shop/lone"].context.settings.ignore_unfixed);
    stage.pods(Heard::Applied(pod("shop/lone", None, json!({ IGNORE_UNFIXED: "false" }))));
    assert!(!stage.told["shop/lone"].context.settings.ignore_unfixed);
}

#[test]
fn pull_secrets_of_the_service_account_are_the_pods_too() {
    let mut stage = Stage::set(&WatchSettings::default());
    let secrets = |stage: &Stage| stage.told["shop/lone"].context.pull_secrets.clone();
    assert_eq!(secrets(&stage), ["registry"]);
    assert!(stage.told["kube-system/dns"].context.pull_secrets.is_empty(), "another namespace's account");
    stage.accounts(Heard::Applied(account("shop/default", &["b", "a"])));
    assert_eq!(secrets(&stage), ["a", "b"]);
    stage.list_accounts(Vec::new());
    assert!(secrets(&stage).is_empty());
}

#[test]
fn namespaces_that_may_not_be_listed_are_done_without() {
    let mut stage = Stage::empty(&settings(|s| s.exclude_namespaces = vec!["kube-*".into()]));
    stage.list_pods(vec![pod("shop/lone", None, json!({})), pod("kube-x/p", None, json!({}))]);
    stage.accounts(Heard::Lost { forbidden: true });
    stage.spaces(Heard::Lost { forbidden: false });
    assert!(stage.keys().is_empty(), "it may come back");
    stage.spaces(Heard::Lost { forbidden: true });
    assert_eq!(stage.keys(), ["shop/lone"]);
}

#[test]
fn permission_taken_away_later_makes_nobody_forget() {
    let mut stage = Stage::set(&settings(|s| s.namespace_selector = "env=prod".into()));
    stage.own("deployment/web", Asks::default());
    stage.spaces(Heard::Begins);
    stage.spaces(Heard::Lost { forbidden: true });
    stage.pods(Heard::Applied(pod("shop/lone-2", None, json!({}))));
    assert_eq!(stage.keys().len(), 4);
}

#[test]
fn pod_of_a_namespace_not_heard_of_yet_waits_for_it() {
    let mut stage = Stage::set(&settings(|s| s.namespace_selector = "env".into()));
    stage.pods(Heard::Applied(pod("fresh/p", None, json!({}))));
    assert!(!stage.keys().contains(&"fresh/p"));
    stage.spaces(Heard::Applied(space("fresh", json!({ "env": "x" }), json!({}))));
    assert!(stage.keys().contains(&"fresh/p"));
}

#[test]
fn exposure_is_told_for_the_pods_it_touches() {
    let mut stage = Stage::set(&WatchSettings::default());
    let slice = json!({
        "metadata": {"namespace": "shop", "name": "s", "labels": {"kubernetes.io/service-name": "web"}},
        "endpoints": [{"targetRef": {"kind": "Pod", "name": "lone"}}],
    });
    stage.scene.hear_slices(&Heard::Applied(serde_json::from_value(slice).unwrap()));
    assert!(stage.scene.take_news().is_empty() || stage.told["shop/lone"].context.exposure.is_empty());
    let service = json!({"metadata": {"namespace": "shop", "name": "web"}, "spec": {"type": "NodePort"}});
    let service: SlimService = serde_json::from_value(service).unwrap();
    stage.scene.hear_services(&Heard::Begins);
    stage.scene.hear_services(&Heard::Listed(service));
    let touched: Vec<Told> = stage
        .scene
        .take_news()
        .into_iter()
        .filter_map(|news| if let News::See(told) = news { Some(told) } else { None })
        .collect();
    assert_eq!(touched.len(), 1);
    assert_eq!(touched[0].context.exposure[0].kind, "node_port");
    stage.scene.hear_services(&Heard::Begins);
    stage.scene.hear_services(&Heard::Complete);
    stage.fold();
    assert!(stage.told["shop/lone"].context.exposure.is_empty());
}

#[test]
fn pods_do_not_wait_for_what_may_not_be_seen() {
    let mut stage =
        Stage { scene: Scene::new(&WatchSettings::default()), ..Stage::empty(&WatchSettings::default()) };
    stage.list_spaces(vec![space("shop", json!({}), json!({}))]);
    stage.list_accounts(Vec::new());
    stage.list_pods(vec![pod("shop/lone", None, json!({}))]);
    stage.scene.hear_services(&Heard::Complete);
    stage.scene.hear_slices(&Heard::Lost { forbidden: true });
    stage.fold();
    assert!(stage.keys().is_empty());
    stage.scene.hear_ingresses(&Heard::Lost { forbidden: false });
    stage.fold();
    assert!(stage.keys().is_empty());
    stage.nodes(&Heard::Lost { forbidden: true });
    assert_eq!(stage.keys(), ["shop/lone"]);
    assert!(stage.scene.is_whole());
}

#[test]
fn complaint_is_made_once() {
    let mut stage = Stage::set(&WatchSettings::default());
    for _ in 0..3 {
        stage.pods(Heard::Applied(pod("shop/odd", None, json!({ SCAN: "perhaps" }))));
        stage.pods(Heard::Gone(pod("shop/odd", None, json!({}))));
    }
    assert_eq!(stage.complaints, 1);
}

#[test]
fn pod_that_changes_is_told_again_and_one_that_does_not_is_not() {
    let mut stage = Stage::set(&WatchSettings::default());
    stage.scene.hear_pods(Heard::Applied(pod("shop/lone", None, json!({}))));
    assert!(stage.scene.take_news().is_empty());
    let mut moved = pod("shop/lone", None, json!({}));
    moved.spec.containers[0].image = "nginx:2".into();
    stage.pods(Heard::Applied(moved));
    assert_eq!(&*stage.told["shop/lone"].pod.containers[0].image, "nginx:2");
}

fn node(name: &str, architecture: &str) -> SlimNode {
    let info = json!({ "operatingSystem": "linux", "architecture": architecture });
    serde_json::from_value(json!({ "metadata": { "name": name }, "status": { "nodeInfo": info } })).unwrap()
}

fn pod_at(key: &str, node: &str) -> SlimPod {
    let mut pod = pod(key, None, json!({}));
    pod.spec.node_name = Some(node.to_owned());
    pod
}

#[test]
fn pod_is_told_with_what_its_node_is_and_again_when_that_is_learnt() {
    let mut stage = Stage::set(&WatchSettings::default());
    stage.nodes(&Heard::Applied(node("arm-1", "arm64")));
    stage.list_pods(vec![
        pod_at("shop/here", "arm-1"),
        pod_at("shop/there", "new-1"),
        pod("shop/lone", None, json!({})),
    ]);
    let platforms = |stage: &Stage| ["shop/here", "shop/there", "shop/lone"].map(|pod| stage.platform(pod));
    assert_eq!(platforms(&stage), [Some("linux/arm64".to_owned()), None, None]);
    stage.nodes(&Heard::Applied(node("new-1", "amd64")));
    let learnt = [Some("linux/arm64".to_owned()), Some("linux/amd64".to_owned()), None];
    assert_eq!(platforms(&stage), learnt);
    stage.told.clear();
    stage.nodes(&Heard::Applied(node("new-1", "amd64")));
    stage.nodes(&Heard::Gone(node("arm-1", "arm64")));
    assert!(stage.told.is_empty(), "a node's heartbeat and its end are no news of its pods");
}
