//! The chart's scanners that read from a registry, scaled 1 → 5 → 2 while images wait: the first by
//! `helm upgrade`, the second by `kubectl scale`, as operators do.

use crate::{Lab, is_known, say};
use anyhow::{Result, ensure};
use api_client::Client;
use api_vocab::Digest;
use api_wire::image::Image;
use api_wire::scanner::{Scanner, ScannerQuery};
use e2e::fleet::{each_was_scanned_once, events, packages_image, push};
use e2e::rights::NAMESPACE;
use e2e::until::until;
use std::time::Instant;

/// How many images there are before, and how many come once there are five scanners.
const FEW: usize = 1;
const MANY: usize = 12;
/// How many packages each has: reading them takes a moment.
const PACKAGES: usize = 1500;
const SCANNERS: &str = "perceptor-scanner-registry";

pub async fn scanners_scaled_while_images_wait_lose_and_double_none(
    lab: &Lab,
    client: &Client,
    began: Instant,
) -> Result<()> {
    let images = push_images(lab)?;
    let (few, many) = images.split_at(FEW);
    run(lab, few).await?;
    scanned(client, few).await?;
    say(began, "one scanner has read from the registry");
    lab.upgrade(&["--reuse-values", "--set=scanner.fromRegistry.replicas=5"])?;
    at_work(client, 5).await?;
    run(lab, many).await?;
    let working = several_hold_leases(client).await?;
    lab.cluster.kubectl(&["scale", "deployment", SCANNERS, "--replicas=2", "-n", NAMESPACE])?;
    say(began, &format!("{working} of five scanners had work when three were told to end"));
    let known = scanned(client, &images).await?;
    say(began, "every image is scanned");
    only_two_are_left(lab).await?;
    let told = events(client, &lab.cluster).await?;
    each_was_scanned_once(&told, &known)
}

/// Images in the registry, each with the name that a kubelet would give it.
fn push_images(lab: &Lab) -> Result<Vec<(String, Digest)>> {
    let seen = lab.registry.host_for_pods(lab.network.gateway());
    let push_one = |number: usize| {
        let name = format!("image{number}");
        let archive = packages_image(&name, PACKAGES, lab.folder.path())?;
        let (id, digest) = push(&lab.registry, &archive, &format!("fleet/{name}:1"), "--format=oci")?;
        std::fs::remove_file(archive.path())?;
        Ok((id.replace(&lab.registry.host(), &seen), digest))
    };
    (0..FEW + MANY).map(push_one).collect()
}

/// A pod for each of these images, of no node.
async fn run(lab: &Lab, images: &[(String, Digest)]) -> Result<()> {
    for (id, digest) in images {
        let name = format!("fleet-{}", digest.short());
        lab.cluster.pretend_pod("default", &name, id, id).await?;
    }
    Ok(())
}

/// These images, once all are scanned.
async fn scanned(client: &Client, images: &[(String, Digest)]) -> Result<Vec<Image>> {
    until("the scans of the fleet's images", async || {
        let mut known = Vec::new();
        for (_, digest) in images {
            let image = client.image(digest).await?;
            if !is_known(&image) {
                return Ok(None);
            }
            assert_eq!(image.fetched_from.as_deref(), Some("registry"));
            ensure!(image.packages == Some(PACKAGES as u64), "{image:?}");
            known.push(image);
        }
        Ok(Some(known))
    })
    .await
}

/// Wait until so many of them have said that they are there.
async fn at_work(client: &Client, wanted: usize) -> Result<()> {
    until("the scanners to be registered", async || Ok((ours(client).await?.len() == wanted).then_some(())))
        .await
}

async fn ours(client: &Client) -> Result<Vec<Scanner>> {
    let mut scanners = client.scanners(&ScannerQuery::default()).await?.items;
    scanners.retain(|scanner| scanner.name.to_string().starts_with(SCANNERS));
    Ok(scanners)
}

/// How many scanners have work, once it is more than two.
async fn several_hold_leases(client: &Client) -> Result<usize> {
    until("work for more than two scanners", async || {
        let working = ours(client).await?.iter().filter(|scanner| scanner.leases > 0).count();
        Ok((working > 2).then_some(working))
    })
    .await
}

async fn only_two_are_left(lab: &Lab) -> Result<()> {
    let label = "-lapp.kubernetes.io/component=scanner-registry";
    until("three scanners to be gone", async || {
        let pods = lab.cluster.kubectl(&["get", "pods", label, "-n", NAMESPACE, "-o=name"])?;
        Ok((pods.lines().count() == 2).then_some(()))
    })
    .await
}
