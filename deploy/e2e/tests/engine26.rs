//! Docker 26 with Compose v2, with both of its image stores, beside Docker 20.10: the same images,
//! under three names, have one inventory.

use anyhow::{Context, Result, ensure};
use api_client::Client;
use api_vocab::Digest;
use api_wire::finding::FindingQuery;
use api_wire::pod::{Pod, PodQuery};
use e2e::engine::{Engine, ImageStore};
use e2e::inventory::{node_packages, npm_packages, packages_of};
use e2e::lab::{IMAGES, project, short_folder};
use e2e::mesh::Mesh;
use e2e::parts;
use std::collections::{BTreeMap, BTreeSet};

const PARTS: &[&str] =
    &["dockerd", "docker", "docker-compose", "unshare", "nsenter", "debootstrap", "rpm", "npm", "pip3"];
const TEST: &str = "compose_v2_project_on_either_image_store_shares_its_inventories_with_docker_20";

#[tokio::test(flavor = "multi_thread")]
async fn compose_v2_project_on_either_image_store_shares_its_inventories_with_docker_20() -> Result<()> {
    if !parts::has(TEST, PARTS) {
        return Ok(());
    }
    let (trees, folder) = (parts::trees()?, short_folder()?);
    let old = Engine::start(&folder.path().join("old")).await?;
    for reference in IMAGES {
        let tree = reference.trim_start_matches("shop/").trim_end_matches(":1");
        old.import(&trees.join(tree), reference)?;
    }
    let mut mesh = Mesh::new(&folder.path().join("mesh"), &old.host())?;
    let mut engines = vec![old];
    for (name, store) in [("classic", ImageStore::Classic), ("containerd", ImageStore::Containerd)] {
        let engine = Engine::start_current(&folder.path().join(name), store).await?;
        mesh.watch(name, &engine.host());
        engines.push(engine);
    }
    for (engine, place) in engines.iter().zip(["old", "classic", "containerd"]) {
        if let (Some(first), true) = (engines.first(), place != "old") {
            IMAGES.iter().try_for_each(|reference| first.copy(reference, engine))?;
        }
        project(&folder.path().join(place), engine)?;
    }
    ids_are_manifests_in_containerd_only(&engines)?;

    mesh.start(2).await?;
    let images = mesh.settled(9).await?;
    let client = mesh.client("reader")?;
    let pods = client.pods(&PodQuery::default()).await?.items;
    owners_are_compose_services_of_every_engine(&pods)?;
    ensure!(images.len() == 3, "three images under three engines: {images:#?}");
    each_service_runs_one_image(&pods)?;
    inventory_and_findings_are_there(&client, &pods, &trees).await
}

/// What this test is about: engines that name the same image differently.
fn ids_are_manifests_in_containerd_only(engines: &[Engine]) -> Result<()> {
    let ids: Vec<String> = engines
        .iter()
        .map(|engine| engine.docker(&["image", "inspect", "--format", "{{.Id}}", "shop/api:1"]))
        .collect::<Result<_>>()?;
    let [old, classic, containerd] = ids.as_slice() else { anyhow::bail!("three engines") };
    ensure!(old == classic && old != containerd, "{ids:?}");
    Ok(())
}

fn owners_are_compose_services_of_every_engine(pods: &[Pod]) -> Result<()> {
    let owned: BTreeSet<(String, String)> = pods
        .iter()
        .filter_map(|pod| Some((pod.source.to_string(), pod.owner.as_ref()?.to_string())))
        .collect();
    let expected = ["lab", "classic", "containerd"].into_iter().flat_map(|source| {
        ["api", "search", "web"]
            .map(|service| (format!("docker/{source}"), format!("compose/shop/{service}")))
    });
    ensure!(owned == expected.collect(), "{owned:?}");
    Ok(())
}

fn each_service_runs_one_image(pods: &[Pod]) -> Result<()> {
    let mut images: BTreeMap<String, BTreeSet<Digest>> = BTreeMap::new();
    for pod in pods {
        for container in &pod.containers {
            let image = container.image.clone().context("an unresolved container")?;
            images.entry(container.reference.clone()).or_default().insert(image);
        }
    }
    ensure!(images.len() == 3 && images.values().all(|digests| digests.len() == 1), "{images:#?}");
    Ok(())
}

async fn inventory_and_findings_are_there(
    client: &Client,
    pods: &[Pod],
    trees: &std::path::Path,
) -> Result<()> {
    let api = pods.iter().flat_map(|pod| &pod.containers).find(|c| c.reference == "shop/api:1");
    let image = api.and_then(|container| container.image.as_ref()).context("shop/api:1 does not run")?;
    ensure!(node_packages(&packages_of(client, image).await?) == npm_packages(trees)?);
    let query = FindingQuery { package: Some("lodash".to_owned()), ..FindingQuery::default() };
    let findings = client.findings(&query).await?.items;
    ensure!(findings.first().is_some_and(|finding| finding.pods == 3), "{findings:#?}");
    Ok(())
}
