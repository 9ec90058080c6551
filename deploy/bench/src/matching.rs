//! Matching a fleet's packages with all advisories, and again after some of these changed.

use crate::advisories::{self, indexes};
use crate::figures::Figure;
use crate::fleet::{self, Apply, IMAGES, Inventories, Observe, PACKAGES};
use anyhow::{Context, Result, ensure};
use api_vocab::{Package, Timestamp};
use core_advisories::Index;
use core_model::{Command, Model, PackageFindings, Settings};
use core_server::matcher::{Packages, find};
use std::path::Path;
use std::time::Instant;

/// Packages that make one command, as in the core.
const CHUNK: usize = 2_000;
/// Inventories that are matched as if nothing was shared.
const ALONE: usize = 200;

/// Both indexes.
pub fn prepare(folder: &Path) -> Result<()> {
    advisories::prepare_indexes(folder)
}

/// A whole fleet on one core; then what changed.
pub fn measure(folder: &Path) -> Result<Vec<Figure>> {
    let (before, after) = indexes(folder);
    let inventories = Inventories::new(folder)?;
    let index = Index::open(&before)?;
    let alone = alone(&index, &inventories);
    let mut model = Model::new(Settings::default());
    let observe = &mut |apply: Apply<'_>| fleet::observe(fleet::PODS, apply);
    fill(&mut model, &inventories, IMAGES, observe, &mut |_| Ok(()))?;
    drop(inventories);

    let start = Instant::now();
    let found = find(&index, &model.unmatched());
    let finding = start.elapsed();
    let count: usize = found.iter().map(|found| found.findings.len()).sum();
    bring_in(&mut model, &index, found, &mut |_| Ok(()))?;
    let all = start.elapsed();
    let of_images: u64 =
        model.snapshot().images.iter().filter_map(|image| Some(model.tally(&image.key)?.total())).sum();

    let start = Instant::now();
    let index = Index::open(&after)?;
    let touched = rematch(&mut model, &Index::open(&before)?, &index)?;
    let again = start.elapsed();
    let what = format!("{} {}", index.advisories(), advisories::kind());
    let different = model.next_package();
    Ok(vec![
        Figure::plain(
            format!("{IMAGES} × {PACKAGES} packages × {what} advisories"),
            all.as_secs_f64(),
            "s",
            "≤ 2",
        ),
        Figure::plain(
            format!("of which finding: {different} different, {count} findings"),
            finding.as_secs_f64(),
            "s",
            "-",
        ),
        Figure::plain("findings of all images together", of_images as f64, "", "-"),
        Figure::plain("one inventory alone, nothing shared", alone, "ms", "-"),
        Figure::plain(
            format!("1 % of advisories changed: {touched} packages again"),
            again.as_secs_f64(),
            "s",
            "-",
        ),
    ])
}

/// Have a model know the pods that `observe` tells of, their images and packages; `keep` is told of
/// all events.
pub fn fill(
    model: &mut Model,
    inventories: &Inventories,
    images: usize,
    observe: Observe<'_>,
    keep: &mut dyn FnMut(Vec<core_model::Event>) -> Result<()>,
) -> Result<()> {
    let now = Timestamp::now();
    let apply = &mut |command| {
        let applied = model.apply(command, now)?;
        keep(applied.events)?;
        Ok(applied.answer)
    };
    observe(apply)?;
    let scanned = fleet::scan(inventories, apply)?;
    ensure!(scanned == images, "{scanned} images instead of {images}");
    Ok(())
}

/// Bring an index into force, with what was found.
pub fn bring_in(
    model: &mut Model,
    index: &Index,
    found: Vec<PackageFindings>,
    keep: &mut dyn FnMut(Vec<core_model::Event>) -> Result<()>,
) -> Result<()> {
    let (now, revision) = (Timestamp::now(), index.revision().clone());
    let change =
        Command::ChangeRevision { revision: revision.clone(), below: u32::MAX, findings: Vec::new() };
    keep(model.apply(change, now)?.events)?;
    for findings in found.chunks(CHUNK) {
        let command = Command::Match { revision: revision.clone(), findings: findings.to_vec() };
        keep(model.apply(command, now)?.events)?;
    }
    Ok(())
}

/// Milliseconds that one inventory takes if no answer is remembered.
fn alone(index: &Index, inventories: &Inventories) -> f64 {
    let wanted: Vec<Vec<Package>> = (0..ALONE).map(|n| inventories.of(n)).collect();
    let start = Instant::now();
    let found: usize = wanted.iter().flatten().map(|package| index.find(package).findings.len()).sum();
    std::hint::black_box(found);
    start.elapsed().as_secs_f64() * 1_000.0 / ALONE as f64
}

/// What the core does when advisories changed.
fn rematch(model: &mut Model, before: &Index, after: &Index) -> Result<usize> {
    let changes = after.changes_since(before);
    let all = model.snapshot().packages;
    let below = model.next_package();
    let touched: Packages = all.into_iter().filter(|(_, package)| changes.touch(package)).collect();
    let findings = find(after, &touched);
    let revision = after.revision().clone();
    model.apply(Command::ChangeRevision { revision, below, findings }, Timestamp::now()).context("change")?;
    Ok(touched.len())
}
