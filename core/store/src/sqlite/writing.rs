//! Events as rows.

use super::group::Packed;
use super::signed;
use crate::rows::{
    self, FindingRow, ImageRow, NoticeRow, PackageRow, PodRow, ScanRow, ScannerRow, SourceRow,
};
use crate::{Blob, StoreError};
use core_model::{Change, Notice};
use rusqlite::{Connection, ToSql};

/// Notices in one row.
const NOTICES_PER_ROW: usize = 512;

/// Write a batch's events and blobs.
pub(super) fn keep(to: &Connection, packed: &Packed) -> Result<(), StoreError> {
    for event in packed.events.iter() {
        change(to, &event.change)?;
    }
    packed.blobs.iter().try_for_each(|blob| keep_blob(to, blob))
}

fn execute(to: &Connection, sql: &str, values: &[&dyn ToSql]) -> Result<(), StoreError> {
    let done = to.prepare_cached(sql).and_then(|mut statement| statement.execute(values));
    done.map(drop).map_err(StoreError::write)
}

fn change(to: &Connection, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::SourceChanged(source) => {
            let row = rows::write("sources", &SourceRow::of(source))?;
            execute(to, "REPLACE INTO sources VALUES (?1, ?2)", &[&source.id.to_string(), &row])
        }
        Change::SourceForgotten(id) => execute(to, "DELETE FROM sources WHERE id = ?1", &[&id.to_string()]),
        Change::ScannerChanged(scanner) => {
            let row = rows::write("scanners", &ScannerRow::of(scanner))?;
            let name = scanner.registration.name.as_str();
            execute(to, "REPLACE INTO scanners VALUES (?1, ?2)", &[&name, &row])
        }
        Change::ScannerForgotten(name) => {
            execute(to, "DELETE FROM scanners WHERE name = ?1", &[&name.as_str()])
        }
        Change::PodPresent(pod) => {
            let row = rows::write("pods", &PodRow::of(pod))?;
            let id = &pod.id;
            let values: [&dyn ToSql; 3] = [&id.source.to_string(), &id.key.as_str(), &row];
            let sql = "INSERT INTO pods (source, key, body) VALUES (?1, ?2, ?3)
                ON CONFLICT (source, key) DO UPDATE SET body = excluded.body";
            execute(to, sql, &values)
        }
        Change::PodGone(pod) => {
            let values: [&dyn ToSql; 2] = [&pod.id.source.to_string(), &pod.id.key.as_str()];
            execute(to, "DELETE FROM pods WHERE source = ?1 AND key = ?2", &values)
        }
        Change::ImageListed { source, digest } => {
            let values: [&dyn ToSql; 2] = [&source.to_string(), &digest.to_string()];
            execute(to, "REPLACE INTO listings VALUES (?1, ?2)", &values)
        }
        Change::ImageUnlisted { source, digest } => {
            let values: [&dyn ToSql; 2] = [&source.to_string(), &digest.to_string()];
            execute(to, "DELETE FROM listings WHERE source = ?1 AND digest = ?2", &values)
        }
        Change::ImageChanged { image, .. } => {
            let row = rows::write("images", &ImageRow::of(image))?;
            rows::digest_text(&image.key, |key| {
                execute(to, "REPLACE INTO images VALUES (?1, ?2)", &[&key, &row])
            })
        }
        Change::ImageScanned { image, scan } => {
            let row = rows::write("scans", &ScanRow::of(scan))?;
            execute(to, "REPLACE INTO scans VALUES (?1, ?2)", &[&image.to_string(), &row])
        }
        Change::ImageMerged { alias: gone, .. } | Change::ImageRetired { image: gone } => {
            let key = gone.to_string();
            execute(to, "DELETE FROM images WHERE key = ?1", &[&key])?;
            execute(to, "DELETE FROM scans WHERE image = ?1", &[&key])?;
            execute(to, "DELETE FROM inventories WHERE image = ?1", &[&key])
        }
        Change::RevisionChanged(revision) => keep_meta(to, "revision", &revision.as_str()),
        Change::ExtractorsWanted(set) => keep_meta(to, "extractor_set", &set.as_str()),
        Change::FindingsChanged { .. } => Ok(()),
        Change::PackagesAdded(_)
        | Change::PackagesForgotten(_)
        | Change::PackagesMatched(_)
        | Change::LayerKnown { .. }
        | Change::LayerForgotten { .. } => change_content(to, change),
    }
}

/// Changes of packages and layers.
fn change_content(to: &Connection, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::PackagesAdded(added) => {
            for (id, package) in added {
                let row = rows::write("packages", &PackageRow::of(package))?;
                execute(to, "REPLACE INTO packages VALUES (?1, ?2)", &[&id.number(), &row])?;
            }
            let next = added.iter().map(|(id, _)| id.number() + 1).max().unwrap_or_default();
            keep_meta(to, "next_package", &next)
        }
        Change::PackagesForgotten(ids) => ids.iter().try_for_each(|id| {
            execute(to, "DELETE FROM packages WHERE id = ?1", &[&id.number()])?;
            execute(to, "DELETE FROM findings WHERE package = ?1", &[&id.number()])
        }),
        Change::PackagesMatched(matched) => matched.iter().try_for_each(|(id, matched)| {
            let findings: Vec<FindingRow> = matched.findings.iter().map(FindingRow::of).collect();
            let row = rows::write("findings", &findings)?;
            let sql = "REPLACE INTO findings (package, body, undecided) VALUES (?1, ?2, ?3)";
            execute(to, sql, &[&id.number(), &row, &matched.undecided])
        }),
        Change::LayerKnown { diff_id, extractor_set } => {
            let values: [&dyn ToSql; 2] = [&diff_id.to_string(), &extractor_set.as_str()];
            execute(to, "REPLACE INTO layers VALUES (?1, ?2)", &values)
        }
        Change::LayerForgotten { diff_id, extractor_set } => {
            let values: [&dyn ToSql; 2] = [&diff_id.to_string(), &extractor_set.as_str()];
            execute(to, "DELETE FROM layers WHERE diff_id = ?1 AND extractor_set = ?2", &values)?;
            execute(to, "DELETE FROM layer_bodies WHERE diff_id = ?1 AND extractor_set = ?2", &values)
        }
        _ => Ok(()),
    }
}

fn keep_meta(to: &Connection, name: &str, value: &dyn ToSql) -> Result<(), StoreError> {
    execute(to, "REPLACE INTO meta VALUES (?1, ?2)", &[&name, value])
}

/// Write something, and take it away again: so little that a quota lets it through, because what
/// comes next may be what makes room.
pub(super) fn try_out(to: &Connection) -> Result<(), StoreError> {
    keep_meta(to, "trial", &true)?;
    execute(to, "DELETE FROM meta WHERE name = 'trial'", &[])
}

fn keep_blob(to: &Connection, blob: &Blob) -> Result<(), StoreError> {
    match blob {
        Blob::Inventory { image, bytes } => {
            execute(to, "REPLACE INTO inventories VALUES (?1, ?2)", &[&image.to_string(), bytes])
        }
        Blob::Layer { diff_id, extractor_set, bytes } => {
            let values: [&dyn ToSql; 3] = [&diff_id.to_string(), &extractor_set.as_str(), bytes];
            execute(to, "REPLACE INTO layer_bodies VALUES (?1, ?2, ?3)", &values)
        }
    }
}

/// Write the notices of all batches of a commit: few large rows are cheaper than many small ones.
pub(super) fn tell<'a>(to: &Connection, notices: impl Iterator<Item = &'a Notice>) -> Result<(), StoreError> {
    let notices: Vec<&Notice> = notices.collect();
    for chunk in notices.chunks(NOTICES_PER_ROW) {
        let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else { continue };
        let list: Vec<NoticeRow<'_>> = chunk.iter().map(|notice| NoticeRow::of(notice)).collect();
        let row = rows::write("notices", &list)?;
        execute(
            to,
            "REPLACE INTO notices VALUES (?1, ?2, ?3)",
            &[&signed(first.id), &signed(last.id), &row],
        )?;
    }
    Ok(())
}

/// Say which event is the last, and forget notices that are too old.
pub(super) fn close(to: &Connection, last: u64, window: u64) -> Result<(), StoreError> {
    keep_meta(to, "last_event", &signed(last))?;
    let Some(oldest) = last.checked_sub(window) else { return Ok(()) };
    // A row begins where the one before has ended: all before the last that begins in time may go.
    let sql = "SELECT max(first) FROM notices WHERE first <= ?1";
    let kept: Option<i64> = to
        .prepare_cached(sql)
        .and_then(|mut query| query.query_row([signed(oldest)], |row| row.get(0)))
        .map_err(StoreError::write)?;
    let Some(kept) = kept else { return Ok(()) };
    let forgotten = to
        .prepare_cached("DELETE FROM notices WHERE first < ?1")
        .and_then(|mut statement| statement.execute([kept]))
        .map_err(StoreError::write)?;
    if forgotten == 0 { Ok(()) } else { keep_meta(to, "forgotten", &(kept - 1)) }
}
