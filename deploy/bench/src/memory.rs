//! Memory of an idle core and of one that knows a large fleet, and the time to load that at start.

use crate::advisories::{indexes, prepare_indexes};
use crate::figures::{Figure, resident_mib};
use crate::fleet::{self, IMAGES, Inventories, Observe, PACKAGES, PODS};
use crate::ingest::{block_on, start};
use crate::matching::{bring_in, fill};
use anyhow::Result;
use api_vocab::{SourceId, Timestamp};
use core_advisories::Index;
use core_model::{Command, Event, Model, Settings, View};
use core_server::advisories::INDEX;
use core_server::matcher::find;
use core_store::{Batch, Options, SqliteStore, Store};
use std::path::Path;
use std::time::Instant;

/// The data folder of the core that knows a large fleet.
pub const LOADED: &str = "loaded";
/// Events that are kept at once.
const KEPT: usize = 10_000;

/// A data folder as a core leaves it behind that knows a large fleet, matched.
pub fn prepare_loaded(folder: &Path) -> Result<()> {
    prepare_folder(folder, LOADED, &mut |apply| fleet::observe_surrounded(PODS, apply))
}

/// A data folder as a core leaves it behind that knows a fleet's images, matched, and no pods.
pub fn prepare_images(folder: &Path, name: &str) -> Result<()> {
    if folder.join(name).exists() {
        return Ok(());
    }
    let source: SourceId = "docker/seed".parse()?;
    prepare_folder(folder, name, &mut |apply| fleet::observe_images(&source, apply))?;
    let store = SqliteStore::open(&folder.join(name).join("perceptor.db"), Options::default())?;
    let mut model = Model::restore(Settings::default(), store.load()?);
    let forgotten = model.apply(Command::ForgetSource { source }, Timestamp::now())?;
    store.append(Batch::of(forgotten.events))?;
    Ok(())
}

fn prepare_folder(folder: &Path, name: &str, observe: Observe<'_>) -> Result<()> {
    prepare_indexes(folder)?;
    let data = folder.join(name);
    if data.exists() {
        return Ok(());
    }
    std::fs::create_dir(&data)?;
    std::fs::copy(indexes(folder).0, data.join(INDEX))?;
    let store = SqliteStore::open(&data.join("perceptor.db"), Options::default())?;
    let (mut waiting, mut model) = (Vec::<Event>::new(), Model::new(Settings::default()));
    let keep = &mut |events: Vec<Event>| {
        waiting.extend(events);
        if waiting.len() >= KEPT {
            store.append(Batch::of(std::mem::take(&mut waiting)))?;
        }
        Ok(())
    };
    fill(&mut model, &Inventories::new(folder)?, IMAGES, observe, keep)?;
    let index = Index::open(&indexes(folder).0)?;
    let found = find(&index, &model.unmatched());
    bring_in(&mut model, &index, found, keep)?;
    store.append(Batch::of(waiting))?;
    Ok(())
}

/// A whole core that knows nothing.
pub fn measure_idle(folder: &Path) -> Result<Vec<Figure>> {
    block_on(async {
        let core = start(folder, "idle").await?;
        core.core().matcher.settle().await;
        let resident = resident_mib();
        core.stop().await?;
        Ok(vec![Figure::plain("a core that knows nothing: resident", resident, "MiB", "-")])
    })
}

/// Model and view, loaded from the store.
pub fn measure_loaded(folder: &Path) -> Result<Vec<Figure>> {
    let path = folder.join(LOADED).join("perceptor.db");
    let before = resident_mib();
    let start = Instant::now();
    let store = SqliteStore::open(&path, Options::default())?;
    let snapshot = store.load()?;
    let read = start.elapsed();
    let model = Model::restore(Settings::default(), snapshot);
    let view = View::of(&model.snapshot());
    let loaded = start.elapsed();
    let resident = resident_mib() - before;
    let findings = view.totals().findings.total();
    let size = std::fs::metadata(&path)?.len() as f64 / f64::from(1 << 20);
    let what = format!("{PODS} pods with contexts, {IMAGES} × {PACKAGES} packages");
    std::hint::black_box(&model);
    Ok(vec![
        Figure::plain(format!("{what}: model and view"), resident, "MiB", "≤ 256"),
        Figure::plain("store to model and view", loaded.as_secs_f64(), "s", "-"),
        Figure::plain("of which reading SQLite", read.as_secs_f64(), "s", "-"),
        Figure::plain(format!("the file; {findings} findings"), size, "MiB", "-"),
    ])
}

/// A whole core on the same data folder.
pub fn measure_core(folder: &Path) -> Result<Vec<Figure>> {
    block_on(async {
        let begun = Instant::now();
        let core = start(folder, LOADED).await?;
        let listening = begun.elapsed();
        let early = resident_mib();
        core.core().matcher.settle().await;
        let settled = begun.elapsed();
        let resident = resident_mib();
        core.stop().await?;
        Ok(vec![
            Figure::plain("the same, whole core: start to listening", listening.as_secs_f64(), "s", "-"),
            Figure::plain("resident when it listens", early, "MiB", "-"),
            Figure::plain("everything matched again after the start", settled.as_secs_f64(), "s", "-"),
            Figure::plain("resident after that, advisories mapped", resident, "MiB", "-"),
        ])
    })
}
