//! Packages to match: named as in the advisories, and as in none of them.

use crate::advisories::{feeds, for_each_record};
use crate::random::Random;
use anyhow::{Context, Result};
use api_vocab::{Ecosystem, Package};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Versions that are taken of one package; advisories come in the order of their ids.
const VERSIONS: usize = 3;

/// Of an advisory, what names packages and versions.
#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    affected: Vec<Affected>,
}

#[derive(Deserialize)]
struct Affected {
    package: Option<Named>,
    #[serde(default)]
    ranges: Vec<Range>,
}

#[derive(Deserialize)]
struct Named {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
struct Range {
    #[serde(default)]
    events: Vec<BTreeMap<String, String>>,
}

/// `count` different packages: of each two one of a name that advisories have, at a version that
/// they speak of; in an order without order.
pub fn pool(folder: &Path, count: usize) -> Result<Vec<Package>> {
    let known = known(&feeds(folder))?;
    let ecosystems: Vec<Ecosystem> = known.iter().map(|package| package.ecosystem().clone()).collect();
    let mut random = Random(3);
    let mut pool = shuffled(known, &mut random);
    pool.truncate(count / 2);
    for n in pool.len()..count {
        let ecosystem = random.of(&ecosystems).cloned().context("no advisories to take names from")?;
        pool.push(Package::new(ecosystem, &format!("group:unknown{n}"), &format!("1.{n}"))?);
    }
    Ok(shuffled(pool, &mut random))
}

fn known(feeds: &Path) -> Result<Vec<Package>> {
    let mut versions: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for_each_record(feeds, &mut |_, json| {
        let Ok(record) = serde_json::from_slice::<Record>(json) else { return Ok(()) };
        for Affected { package, ranges } in record.affected {
            let Some(Named { ecosystem, name }) = package else { continue };
            let events = ranges.into_iter().flat_map(|range| range.events).flatten();
            let named = events.map(|(_, version)| version).filter(|version| version != "0");
            let taken = versions.entry((ecosystem, name)).or_default();
            for version in named {
                if !taken.contains(&version) {
                    taken.push(version);
                }
                // The latest are kept: what runs is seldom years old.
                if taken.len() > VERSIONS {
                    taken.remove(0);
                }
            }
        }
        Ok(())
    })?;
    let packages = versions.into_iter().flat_map(|((ecosystem, name), versions)| {
        let ecosystem = ecosystem.parse::<Ecosystem>().ok();
        versions.into_iter().filter_map(move |version| Package::new(ecosystem.clone()?, &name, &version).ok())
    });
    Ok(packages.collect())
}

fn shuffled(mut packages: Vec<Package>, random: &mut Random) -> Vec<Package> {
    for at in (1..packages.len()).rev() {
        packages.swap(at, random.below(at + 1));
    }
    packages
}
