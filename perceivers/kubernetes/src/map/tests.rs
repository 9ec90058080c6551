//! Tests of the translation, on pods as the API documents them.

use super::*;
use crate::asks::{IGNORE_UNFIXED, SCAN};
use api_vocab::Timestamp;
use serde_json::{Value, json};

const HEX: &str = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

fn mapped(pod: Value) -> Mapped {
    let chosen = Chosen {
        labels: vec![WildMatch::new("app*"), WildMatch::new("team")],
        annotations: vec![WildMatch::new("note")],
    };
    super::pod(&serde_json::from_value(pod).unwrap(), &chosen, &mut Shelf::default()).unwrap()
}

fn with(spec: Value, status: Value) -> Pod {
    mapped(
        json!({ "metadata": { "name": "p", "namespace": "n", "uid": "u" }, "spec": spec, "status": status }),
    )
    .pod
}

#[test]
fn pod_of_a_deployment_is_kept_with_all_that_is_asked_of_it() {
    let file = include_str!("../../testdata/documented/pod-deployment.json");
    let Mapped { pod, complaints } = mapped(serde_json::from_str(file).unwrap());
    assert!(complaints.is_empty());
    assert_eq!((pod.namespace(), pod.name()), ("shop", "web-5d78c9869d-x7k2p"));
    assert_eq!(pod.node.as_deref().map(|node| &**node), Some("node-3"));
    assert_eq!(Timestamp::from(pod.started_at.unwrap()).to_string(), "2026-11-20T08:15:02.000Z");
    let controller = pod.controller.as_ref().unwrap();
    assert_eq!((&*controller.kind, &*controller.name), ("ReplicaSet", "web-5d78c9869d"));
    let around = &pod.surroundings;
    assert_eq!(around.account.as_deref(), Some("web"));
    assert_eq!(
        around.labels.iter().map(|(name, _)| &**name).collect::<Vec<_>>(),
        ["app.kubernetes.io/name", "team"]
    );
    assert_eq!(*around.annotations, [("note".into(), "kept".into())]);
    assert_eq!(*around.pull_secrets, ["registry-a".into(), "registry-b".into()]);
    assert_eq!(around.asks.ignore_unfixed, Some(true));
    let names: Vec<_> = pod.containers.iter().map(|c| (&*c.name, c.kind)).collect();
    assert_eq!(
        names,
        [
            ("migrate", ContainerKind::Init),
            ("web", ContainerKind::Regular),
            ("sidecar", ContainerKind::Regular),
            ("debugger", ContainerKind::Ephemeral)
        ]
    );
    assert_eq!(pod.containers[1].privileges.capabilities, ["NET_ADMIN", "SYS_TIME"]);
    assert!(pod.containers[2].image_id.is_none(), "the sidecar is still pulled");
    assert_eq!(pod.containers[3].image, "docker.io/library/busybox:1.36".into());
}

#[test]
fn what_a_pod_keeps_to_itself_is_not_kept() {
    let hush = json!([{ "name": "HUSH_NAME", "value": "hush" }]);
    let container = |name: &str| {
        json!({
            "name": name, "image": "nginx:1", "env": hush, "command": ["hush"], "args": ["--password=hush"],
            "envFrom": [{ "secretRef": { "name": "hush" } }],
            "livenessProbe": { "exec": { "command": ["hush"] } },
            "volumeMounts": [{ "name": "hush", "mountPath": "/hush" }],
        })
    };
    let mapped = mapped(json!({
        "metadata": {
            "name": "p", "namespace": "n", "uid": "u", "labels": { "other": "hush" },
            "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "hush", "note": "kept" },
            "managedFields": [{ "manager": "hush" }],
        },
        "spec": {
            "containers": [container("c")],
            "initContainers": [container("i")],
            "ephemeralContainers": [container("e")],
            "volumes": [{ "name": "hush", "secret": { "secretName": "hush" } }],
        },
        "status": { "message": "hush" },
    }));
    let kept = format!("{:?}", mapped.pod).to_lowercase();
    assert!(kept.contains("nginx:1") && kept.contains("\"kept\""), "{kept}");
    assert!(!kept.contains("hush"), "{kept}");
}

#[test]
fn image_id_of_each_form_is_passed_on_as_reported() {
    for form in [
        format!("docker.io/library/nginx@sha256:{HEX}"),
        format!("sha256:{HEX}"),
        HEX.to_owned(),
        format!("docker-pullable://nginx@sha256:{HEX}"),
        format!("docker://sha256:{HEX}"),
        "garbage".to_owned(),
    ] {
        let pod = with(
            json!({ "containers": [{ "name": "c", "image": "nginx:1" }] }),
            json!({ "containerStatuses": [{ "name": "c", "image": "nginx:2", "imageID": form }] }),
        );
        assert_eq!(pod.containers[0].image_id.as_deref(), Some(&*form));
        assert_eq!(&*pod.containers[0].image, "nginx:1", "the reference that was asked for");
    }
}

#[test]
fn container_not_yet_resolved_has_no_image_id() {
    for status in [
        json!({}),
        json!({ "containerStatuses": null }),
        json!({ "containerStatuses": [{ "name": "c", "imageID": "" }] }),
        json!({ "containerStatuses": [{ "name": "other", "imageID": "x" }] }),
        json!({ "initContainerStatuses": [{ "name": "c", "imageID": "x" }] }),
    ] {
        let pod = with(json!({ "containers": [{ "name": "c", "image": "i" }] }), status.clone());
        assert_eq!(pod.containers[0].image_id, None, "{status}");
    }
}

#[test]
fn phase_of_each_word_is_known_and_a_foreign_one_runs() {
    for (word, phase) in [
        ("Pending", PodPhase::Pending),
        ("", PodPhase::Pending),
        ("Running", PodPhase::Running),
        ("Unknown", PodPhase::Running),
        ("Succeeded", PodPhase::Succeeded),
        ("Failed", PodPhase::Failed),
    ] {
        assert_eq!(with(json!({}), json!({ "phase": word })).phase, phase);
    }
}

#[test]
fn privileges_of_the_container_win_over_the_pods() {
    for (pod, container, privileged, root) in [
        (json!({}), json!({}), false, None),
        (json!({}), json!({ "privileged": true }), true, None),
        (json!({ "runAsUser": 0 }), json!({}), false, Some(true)),
        (json!({ "runAsUser": 0 }), json!({ "runAsUser": 1000 }), false, Some(false)),
        (json!({ "runAsNonRoot": true }), json!({}), false, Some(false)),
        (json!({ "runAsNonRoot": true }), json!({ "runAsNonRoot": false }), false, None),
        (json!({}), json!({ "runAsUser": 0 }), false, Some(true)),
        (json!(null), json!(null), false, None),
    ] {
        let spec =
            json!({ "securityContext": pod, "containers": [{ "name": "c", "securityContext": container }] });
        let kept = with(spec.clone(), json!({}));
        let privileges = &kept.containers[0].privileges;
        assert_eq!((privileges.privileged, privileges.root), (privileged, root), "{spec}");
    }
}

#[test]
fn capability_is_called_one_way() {
    let context =
        json!({ "capabilities": { "add": ["CAP_NET_ADMIN", "net_admin", "SYS_PTRACE"], "drop": ["ALL"] } });
    let pod = with(json!({ "containers": [{ "name": "c", "securityContext": context }] }), json!({}));
    assert_eq!(pod.containers[0].privileges.capabilities, ["NET_ADMIN", "SYS_PTRACE"]);
}

#[test]
fn node_namespaces_that_are_shared_are_named() {
    let pod = with(json!({ "hostNetwork": true, "hostIPC": true, "hostPID": null }), json!({}));
    assert_eq!(*pod.surroundings.host_namespaces, ["network", "ipc"]);
}

#[test]
fn static_pod_is_a_workload_of_its_own() {
    let node = json!([{ "apiVersion": "v1", "kind": "Node", "name": "n1", "uid": "x", "controller": true }]);
    let mut pod = json!({ "metadata": { "name": "etcd-n1", "namespace": "kube-system", "ownerReferences": node,
        "annotations": { MIRROR: "abc" } } });
    assert_eq!(mapped(pod.clone()).pod.controller, None);
    pod["metadata"]["annotations"] = json!({});
    assert_eq!(&*mapped(pod).pod.controller.unwrap().kind, "Node");
}

#[test]
fn owner_that_does_not_control_is_none() {
    let owners = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "x" }]);
    let pod = mapped(json!({ "metadata": { "name": "p", "namespace": "n", "ownerReferences": owners } }));
    assert_eq!(pod.pod.controller, None);
}

#[test]
fn annotation_without_meaning_is_complained_about_and_the_pod_is_kept() {
    let annotations = json!({ SCAN: "maybe", IGNORE_UNFIXED: "true" });
    let seen = mapped(json!({ "metadata": { "name": "p", "namespace": "n", "annotations": annotations } }));
    assert_eq!(seen.complaints.len(), 1);
    assert_eq!(seen.pod.surroundings.asks.ignore_unfixed, Some(true));
}

#[test]
fn pod_whose_name_is_none_is_refused() {
    for (namespace, name) in [("n", ""), ("n", "a/b"), ("n", "a\u{1b}[2J")] {
        let pod = json!({ "metadata": { "namespace": namespace, "name": name } });
        let seen = serde_json::from_value(pod).unwrap();
        let error = super::pod(&seen, &Chosen::default(), &mut Shelf::default()).unwrap_err();
        assert!(!error.key.contains('\u{1b}'));
    }
}

#[test]
fn pods_of_one_workload_share_what_they_have_in_common() {
    let mut shelf = Shelf::default();
    let file = include_str!("../../testdata/documented/pod-deployment.json");
    let mut seen: SlimPod = serde_json::from_str(file).unwrap();
    let one = super::pod(&seen, &Chosen::default(), &mut shelf).unwrap().pod;
    seen.metadata.name = Some("web-2".into());
    let two = super::pod(&seen, &Chosen::default(), &mut shelf).unwrap().pod;
    assert!(Arc::ptr_eq(&one.containers, &two.containers));
    assert!(Arc::ptr_eq(&one.surroundings, &two.surroundings));
    assert!(Arc::ptr_eq(one.controller.as_ref().unwrap(), two.controller.as_ref().unwrap()));
    drop((one, two));
    shelf.sweep();
    assert!(shelf.texts.is_empty() && shelf.controllers.is_empty());
}
