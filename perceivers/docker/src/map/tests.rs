//! Tests of the mapping, on what real engines answered and on what others document.

use super::*;
use api_vocab::ReportedImage;
use serde::de::DeserializeOwned;
use std::path::Path;

fn fixture<T: DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn details(name: &str) -> Details {
    Details::from(&fixture::<ContainerInspectResponse>(name))
}

fn named(containers: &[ContainerSummary], wanted: &str) -> ContainerSummary {
    containers.iter().find(|summary| name(summary) == Some(wanted)).unwrap().clone()
}

fn known(summary: &ContainerSummary) -> Known<'_> {
    Known { summary, details: None, image: None, node: "host-1", labels: &[] }
}

fn told(summary: &ContainerSummary) -> ObservedPod {
    pod(known(summary)).unwrap().unwrap()
}

#[test]
fn containers_of_a_docker_engine_become_pods_unless_ended() {
    let containers: Vec<ContainerSummary> = fixture("docker-20.10/containers.json");
    let mut pods: Vec<(String, PodPhase, Option<String>)> = containers
        .iter()
        .filter_map(|summary| pod(known(summary)).unwrap())
        .map(|pod| (pod.key, pod.phase, pod.owner))
        .collect();
    pods.sort();
    let expected = [
        ("/byid", PodPhase::Running, "container/byid"),
        ("/lone", PodPhase::Running, "container/lone"),
        ("/loop", PodPhase::Running, "container/loop"),
        ("/moved", PodPhase::Running, "container/moved"),
        ("/shop_db_1", PodPhase::Running, "compose/shop/db"),
        ("/shop_db_2", PodPhase::Running, "compose/shop/db"),
        ("/shop_web_1", PodPhase::Running, "compose/shop/web"),
        ("/still", PodPhase::Running, "container/still"),
        ("/waiting", PodPhase::Pending, "container/waiting"),
    ]
    .map(|(key, phase, owner)| (key.to_owned(), phase, Some(owner.to_owned())));
    assert_eq!(pods, expected);
}

#[test]
fn container_is_told_with_all_that_is_known() {
    let containers: Vec<ContainerSummary> = fixture("docker-20.10/containers.json");
    let summary = named(&containers, "lone");
    let details = details("docker-20.10/container-lone.json");
    let image = ImageNames { tags: vec![], digests: vec!["bb@sha256:00".into()] };
    let labels = ["team".to_owned(), "absent".to_owned()];
    let known = Known { details: Some(&details), image: Some(&image), labels: &labels, ..known(&summary) };
    let pod = pod(known).unwrap().unwrap();
    assert_eq!(pod.node.as_deref(), Some("host-1"));
    assert_eq!(Some(pod.uid), summary.id);
    assert_eq!(pod.labels, BTreeMap::from([("team".to_owned(), "red".to_owned())]));
    assert!(pod.started_at.unwrap() > "2026-11-21T00:00:00Z".parse().unwrap());
    let container = &pod.containers[0];
    assert_eq!((&*container.name, &*container.image), ("lone", "bb:1"));
    assert!(container.image_id.as_deref().unwrap().parse::<ReportedImage>().is_ok());
    assert_eq!(container.repo_digests, ["bb@sha256:00"]);
}

#[test]
fn reference_asked_for_is_kept_when_the_tag_has_moved_on() {
    let containers: Vec<ContainerSummary> = fixture("docker-20.10/containers.json");
    let summary = named(&containers, "moved");
    assert!(summary.image.as_deref().unwrap().starts_with("sha256:"));
    let details = details("docker-20.10/container-moved.json");
    let pod = pod(Known { details: Some(&details), ..known(&summary) }).unwrap().unwrap();
    assert_eq!(pod.containers[0].image, "bb:2");
    assert_eq!(pod.containers[0].image_id, summary.image_id);
}

#[test]
fn image_asked_for_by_id_is_told_by_its_name_if_it_has_one() {
    let containers: Vec<ContainerSummary> = fixture("docker-20.10/containers.json");
    let summary = named(&containers, "byid");
    let image = ImageNames::from(fixture::<ImageInspect>("docker-20.10/image-bb1.json"));
    let full = details("docker-20.10/container-byid.json");
    let short = Details { asked: summary.image_id.as_deref().map(|id| id[7..19].to_owned()), ..full.clone() };
    for details in [&full, &short] {
        let named = Known { details: Some(details), image: Some(&image), ..known(&summary) };
        assert_eq!(pod(named).unwrap().unwrap().containers[0].image, "bb:1");
        let nameless = Known { details: Some(details), ..known(&summary) };
        assert_eq!(Some(pod(nameless).unwrap().unwrap().containers[0].image.clone()), summary.image_id);
    }
}

#[test]
fn containers_of_podman_become_pods() {
    let containers: Vec<ContainerSummary> = fixture("podman-4.3/containers.json");
    let details = details("podman-4.3/container-web.json");
    let image = ImageNames::from(fixture::<ImageInspect>("podman-4.3/image-bb1.json"));
    let summary = named(&containers, "web");
    let known = Known { details: Some(&details), image: Some(&image), ..known(&summary) };
    let web = pod(known).unwrap().unwrap();
    assert_eq!((web.phase, web.owner.as_deref()), (PodPhase::Running, Some("compose/shop/web")));
    assert_eq!(web.containers[0].image, "localhost/bb:1");
    assert!(web.containers[0].image_id.as_deref().unwrap().parse::<ReportedImage>().is_ok());
    assert_eq!(told(&named(&containers, "waiting")).phase, PodPhase::Pending);
}

#[test]
fn containers_of_compose_v2_and_swarm_have_their_owners() {
    let containers: Vec<ContainerSummary> = fixture("documented/containers.json");
    let owners: Vec<_> = containers.iter().map(|summary| told(summary).owner.unwrap()).collect();
    assert_eq!(owners, ["compose/shop/web", "swarm/stack_api", "container/db"]);
    let linked = told(&containers[2]);
    assert_eq!(linked.key, "/db");
}

#[test]
fn image_without_names_has_none() {
    let answer = ImageInspect {
        repo_tags: Some(vec!["<none>:<none>".into()]),
        repo_digests: Some(vec!["<none>@<none>".into()]),
        ..ImageInspect::default()
    };
    assert_eq!(ImageNames::from(answer), ImageNames::default());
}

#[test]
fn container_that_never_started_has_no_start() {
    let state = bollard::models::ContainerState {
        started_at: Some("0001-01-01T00:00:00Z".into()),
        ..Default::default()
    };
    let answer = ContainerInspectResponse { state: Some(state), ..Default::default() };
    assert_eq!(Details::from(&answer), Details::default());
}

#[test]
fn container_odd_in_any_way_is_a_complaint() {
    let fine = ContainerSummary {
        id: Some("1".into()),
        names: Some(vec!["/a".into()]),
        state: Some(ContainerSummaryStateEnum::RUNNING),
        ..ContainerSummary::default()
    };
    assert!(pod(known(&fine)).unwrap().is_some());
    for odd in [
        ContainerSummary { id: None, ..fine.clone() },
        ContainerSummary { names: None, ..fine.clone() },
        ContainerSummary { names: Some(vec!["/".into(), "/a/b".into()]), ..fine.clone() },
        ContainerSummary { names: Some(vec!["/a\u{1b}".into()]), ..fine.clone() },
        ContainerSummary { names: Some(vec!["x".repeat(600)]), ..fine.clone() },
    ] {
        assert!(pod(known(&odd)).is_err());
    }
    assert_eq!(pod(known(&ContainerSummary { state: None, ..fine })).unwrap(), None);
}
