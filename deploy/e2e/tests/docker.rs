//! The main job on a real Docker engine: from a running container to its vulnerabilities.

use anyhow::{Context, Result};
use api_client::Client;
use api_vocab::Digest;
use api_wire::finding::FindingQuery;
use api_wire::image::ImageQuery;
use api_wire::pod::PodQuery;
use e2e::door;
use e2e::inventory::{by, dpkg_packages, image_of, node_packages, npm_packages, packages_of};
use e2e::lab::{Lab, expected};
use e2e::parts;
use e2e::until::until;
use futures_util::TryStreamExt;
use std::collections::BTreeSet;

const PARTS: &[&str] = &["dockerd", "docker", "docker-compose", "debootstrap", "rpm", "npm", "pip3"];

#[tokio::test(flavor = "multi_thread")]
async fn compose_project_is_perceived_scanned_matched_and_followed() -> Result<()> {
    if !parts::has("compose_project_is_perceived_scanned_matched_and_followed", PARTS) {
        return Ok(());
    }
    let mut lab = Lab::start().await?;
    lab.mesh.start(2).await?;
    let images = lab.mesh.settled(3).await?;
    assert_eq!(images.len(), 3);
    perceiver_shows_how_it_goes(&mut lab).await?;
    let client = lab.mesh.client("reader")?;

    owners_are_compose_services(&client).await?;
    inventories_equal_the_package_managers(&lab, &client).await?;
    findings_name_package_and_fix(&lab, &client).await?;
    each_image_was_extracted_once(&client).await?;
    new_version_has_new_findings(&lab, &client).await?;
    stopped_container_is_gone(&lab, &client).await
}

/// Ready and counting while the engine runs; not ready, and why, while it does not.
async fn perceiver_shows_how_it_goes(lab: &mut Lab) -> Result<()> {
    let door = lab.mesh.perceiver_door();
    assert_eq!(door::ask(door, "/readyz").await?.status, 200);
    lab.engine.kill()?;
    until("the perceiver to say that its engine is gone", async || {
        let answer = door::ask(door, "/readyz").await?;
        Ok((answer.status == 503 && answer.body.contains("platform")).then_some(()))
    })
    .await?;
    lab.engine.restart().await?;
    until("the perceiver to be ready again", async || {
        Ok((door::ask(door, "/readyz").await?.status == 200).then_some(()))
    })
    .await?;
    let metrics = door::ask(door, "/metrics").await?.body;
    for line in ["perceptor_perceiver_pods 3", "perceptor_perceiver_outages_total{of=\"platform\"} 1"] {
        assert!(metrics.contains(line), "{line} is not in:\n{metrics}");
    }
    Ok(())
}

async fn owners_are_compose_services(client: &Client) -> Result<()> {
    let pods = client.pods(&PodQuery::default()).await?.items;
    let owners: BTreeSet<String> =
        pods.iter().filter_map(|pod| Some(pod.owner.as_ref()?.to_string())).collect();
    assert_eq!(owners, ["api", "search", "web"].map(|name| format!("compose/shop/{name}")).into());
    Ok(())
}

async fn inventories_equal_the_package_managers(lab: &Lab, client: &Client) -> Result<()> {
    let web = packages_of(client, &image_of(client, "shop/web").await?.digest).await?;
    let expected_dpkg = expected(&lab.trees, "web.dpkg")?;
    assert_eq!(dpkg_packages(&web), expected_dpkg.lines().map(str::to_owned).collect());

    let pip: Vec<serde_json::Value> = serde_json::from_str(&expected(&lab.trees, "web.pip.json")?)?;
    let normal = |name: &str| name.to_lowercase().replace(['_', '.'], "-");
    let listed = pip.iter().map(|p| {
        format!("{} {}", normal(p["name"].as_str().unwrap_or("")), p["version"].as_str().unwrap_or(""))
    });
    let found = by(&web, "python")
        .filter(|p| p.path.starts_with("opt/shop/"))
        .map(|p| format!("{} {}", p.package.name, p.package.version));
    assert_eq!(found.collect::<BTreeSet<_>>(), listed.collect());

    let api = packages_of(client, &image_of(client, "shop/api").await?.digest).await?;
    assert_eq!(node_packages(&api), npm_packages(&lab.trees)?);

    let search = packages_of(client, &image_of(client, "shop/search").await?.digest).await?;
    let found = by(&search, "rpm").map(|p| {
        format!(
            "{} {} {}",
            p.package.name,
            p.package.version,
            p.package.architecture.as_deref().unwrap_or("-")
        )
    });
    assert_eq!(
        found.collect::<BTreeSet<_>>(),
        expected(&lab.trees, "search.rpm")?.lines().map(str::to_owned).collect()
    );
    Ok(())
}

async fn findings_name_package_and_fix(lab: &Lab, client: &Client) -> Result<()> {
    let query = FindingQuery { package: Some("lodash".to_owned()), ..FindingQuery::default() };
    let findings = client.findings(&query).await?.items;
    let finding = findings.first().context("no finding for lodash 4.17.15")?;
    assert!(finding.vulnerability.fix.is_some(), "{finding:?}");
    assert_eq!(finding.pods, 1);

    let table = lab.mesh.perceptor(&["find", "lodash", "<4.17.21"])?;
    assert!(table.contains("compose/shop/api"), "{table}");
    let sbom = lab.mesh.perceptor(&["sbom", &finding.image.to_string()])?;
    assert!(sbom.contains("pkg:npm/lodash@4.17.15"), "{sbom}");
    Ok(())
}

/// Two scanners at work: the event stream shows one lease for each image.
async fn each_image_was_extracted_once(client: &Client) -> Result<()> {
    for image in client.images(&ImageQuery::default()).await?.items {
        assert_eq!(leases_of(client, &image.digest).await?, 1, "{}", image.digest);
    }
    Ok(())
}

async fn leases_of(client: &Client, image: &Digest) -> Result<usize> {
    use api_wire::event::Change;
    let mut events = std::pin::pin!(client.events(Some(0)));
    let mut leases = 0;
    // The stream goes on for ever; the image's first findings come after its scan.
    while let Some(event) = events.try_next().await? {
        match event.change {
            Change::ImageState { image: of, state, .. } if of == *image && state == "leased" => leases += 1,
            Change::ImageState { image: of, state, .. } if of == *image && state == "scanned" => break,
            _ => {}
        }
    }
    Ok(leases)
}

async fn new_version_has_new_findings(lab: &Lab, client: &Client) -> Result<()> {
    let metadata = "Metadata-Version: 2.1\nName: urllib3\nVersion: 1.26.15\n";
    lab.upgrade_web(2, &[("opt/more/urllib3-1.26.15.dist-info/METADATA", metadata)])?;
    let id = until("the finding of the new version", async || {
        let query = FindingQuery {
            package: Some("urllib3".to_owned()),
            owner: Some("compose/shop/web".to_owned()),
            ..FindingQuery::default()
        };
        let findings = client.findings(&query).await?.items;
        Ok(findings.first().map(|finding| finding.vulnerability.id.clone()))
    })
    .await?;
    assert!(id.starts_with("CVE-"), "{id}");
    Ok(())
}

async fn stopped_container_is_gone(lab: &Lab, client: &Client) -> Result<()> {
    lab.compose(&["stop", "-t", "0", "search"])?;
    until("the pod of search to be gone", async || {
        let query = PodQuery { owner: Some("compose/shop/search".to_owned()), ..PodQuery::default() };
        Ok(client.pods(&query).await?.items.is_empty().then_some(()))
    })
    .await
}
