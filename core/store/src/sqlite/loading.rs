//! Rows as records.

use super::signed;
use crate::rows::{
    self, FindingRow, ImageRow, Known, NoticeRow, PackageRow, PodRow, ScanRow, ScannerRow, SourceRow,
};
use crate::{Notices, StoreError};
use api_vocab::{Digest, ExtractorSet, SourceId};
use core_model::{Finding, Matched, PackageId, Snapshot};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, Transaction};
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

/// All that is kept, as of one moment.
pub(super) fn load(connection: &mut Connection) -> Result<Snapshot, StoreError> {
    let from = connection.transaction().map_err(StoreError::read("the store"))?;
    let mut snapshot = Snapshot {
        last_event: meta::<i64>(&from, "last_event")?.unwrap_or_default().unsigned_abs(),
        next_package: meta(&from, "next_package")?.unwrap_or_default(),
        revision: meta::<String>(&from, "revision")?.map(|text| parse("meta", &text)).transpose()?,
        extractor_set: meta::<String>(&from, "extractor_set")?
            .map(|text| parse("meta", &text))
            .transpose()?,
        ..Snapshot::default()
    };
    let mut known = Known::default();
    load_names(&from, &mut snapshot)?;
    load_content(&from, &mut snapshot, &mut known)?;
    load_images(&from, &mut snapshot, &mut known)?;
    load_pods(&from, &mut snapshot, &mut known)?;
    Ok(snapshot)
}

fn parse<T: FromStr<Err: std::fmt::Display>>(what: &'static str, text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|error| rows::wrong(what, error))
}

fn meta<T: rusqlite::types::FromSql>(from: &Connection, name: &str) -> Result<Option<T>, StoreError> {
    let sql = "SELECT value FROM meta WHERE name = ?1";
    from.query_row(sql, [name], |row| row.get(0)).optional().map_err(StoreError::read("meta"))
}

/// Call `take` with each row.
fn each(
    from: &Connection,
    what: &'static str,
    sql: &str,
    mut take: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut query = from.prepare(sql).map_err(StoreError::read(what))?;
    let mut found = query.query([]).map_err(StoreError::read(what))?;
    while let Some(row) = found.next().map_err(StoreError::read(what))? {
        take(row)?;
    }
    Ok(())
}

fn text<'a>(what: &'static str, row: &'a Row<'_>, column: usize) -> Result<&'a str, StoreError> {
    let value = row.get_ref(column).map_err(StoreError::read(what))?;
    value.as_str().map_err(|error| rows::wrong(what, error))
}

fn body<'a>(what: &'static str, row: &'a Row<'_>, column: usize) -> Result<&'a [u8], StoreError> {
    match row.get_ref(column).map_err(StoreError::read(what))? {
        ValueRef::Blob(bytes) | ValueRef::Text(bytes) => Ok(bytes),
        _ => Err(rows::wrong(what, "the body is no text")),
    }
}

fn number(what: &'static str, row: &Row<'_>) -> Result<PackageId, StoreError> {
    row.get(0).map(PackageId::new).map_err(StoreError::read(what))
}

fn load_names(from: &Transaction<'_>, snapshot: &mut Snapshot) -> Result<(), StoreError> {
    each(from, "sources", "SELECT id, body FROM sources", |row| {
        let read: SourceRow = rows::read("sources", body("sources", row, 1)?)?;
        let id = parse("sources", text("sources", row, 0)?)?;
        snapshot.sources.push(Arc::new(read.source(id)));
        Ok(())
    })?;
    each(from, "scanners", "SELECT name, body FROM scanners", |row| {
        let read: ScannerRow = rows::read("scanners", body("scanners", row, 1)?)?;
        let name = parse("scanners", text("scanners", row, 0)?)?;
        snapshot.scanners.push(Arc::new(read.scanner(name)));
        Ok(())
    })?;
    snapshot.sources.sort_by(|one, other| one.id.cmp(&other.id));
    snapshot.scanners.sort_by(|one, other| one.registration.name.cmp(&other.registration.name));
    Ok(())
}

fn load_content(
    from: &Transaction<'_>,
    snapshot: &mut Snapshot,
    known: &mut Known,
) -> Result<(), StoreError> {
    each(from, "packages", "SELECT id, body FROM packages ORDER BY id", |row| {
        let read: PackageRow<'_> = rows::read("packages", body("packages", row, 1)?)?;
        snapshot.packages.push((number("packages", row)?, Arc::new(read.package()?)));
        Ok(())
    })?;
    each(from, "findings", "SELECT package, body, undecided FROM findings ORDER BY package", |row| {
        let read: Vec<FindingRow> = rows::read("findings", body("findings", row, 1)?)?;
        let findings: Arc<[Finding]> = read.into_iter().map(|row| row.finding(known)).collect();
        let undecided = row.get(2).map_err(StoreError::read("findings"))?;
        snapshot.findings.push((number("findings", row)?, Matched { findings, undecided }));
        Ok(())
    })?;
    let mut layers: BTreeMap<Arc<Digest>, Vec<Arc<ExtractorSet>>> = BTreeMap::new();
    each(from, "layers", "SELECT diff_id, extractor_set FROM layers", |row| {
        let diff_id = known.digest(parse("layers", text("layers", row, 0)?)?);
        let set: ExtractorSet = parse("layers", text("layers", row, 1)?)?;
        layers.entry(diff_id).or_default().push(known.shared.extractor_set(&set));
        Ok(())
    })?;
    layers.values_mut().for_each(|sets| sets.sort_unstable());
    snapshot.layers = layers.into_iter().collect();
    Ok(())
}

fn load_images(from: &Transaction<'_>, snapshot: &mut Snapshot, known: &mut Known) -> Result<(), StoreError> {
    let sql = "SELECT key, images.body, scans.body FROM images LEFT JOIN scans ON image = key";
    each(from, "images", sql, |row| {
        let read: ImageRow = rows::read("images", body("images", row, 1)?)?;
        let scan = match row.get_ref(2).map_err(StoreError::read("scans"))? {
            ValueRef::Null => None,
            _ => Some(rows::read::<ScanRow<'_>>("scans", body("scans", row, 2)?)?),
        };
        let scan = scan.map(|scan| scan.scan(known));
        let key = parse("images", text("images", row, 0)?)?;
        snapshot.images.push(Arc::new(read.image(key, scan, known)));
        Ok(())
    })?;
    snapshot.images.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(())
}

fn load_pods(from: &Transaction<'_>, snapshot: &mut Snapshot, known: &mut Known) -> Result<(), StoreError> {
    each(from, "pods", "SELECT source, key, body FROM pods ORDER BY source, key", |row| {
        let id: SourceId = parse("pods", text("pods", row, 0)?)?;
        let id = known.shared.source(&id);
        let read: PodRow<'_> = rows::read("pods", body("pods", row, 2)?)?;
        let key = parse("pods", text("pods", row, 1)?)?;
        snapshot.pods.push(Arc::new(read.pod(id, key, known)?));
        Ok(())
    })?;
    snapshot.pods.sort_by(|one, other| one.id.cmp(&other.id));
    each(from, "listings", "SELECT source, digest FROM listings", |row| {
        let source: SourceId = parse("listings", text("listings", row, 0)?)?;
        let digest: Digest = parse("listings", text("listings", row, 1)?)?;
        snapshot.listings.push((known.shared.source(&source), digest));
        Ok(())
    })?;
    snapshot.listings.sort_unstable();
    Ok(())
}

/// A stretch of the event stream.
pub(super) fn notices_after(
    connection: &mut Connection,
    id: u64,
    limit: usize,
) -> Result<Notices, StoreError> {
    let what = "notices";
    let from = connection.transaction().map_err(StoreError::read(what))?;
    let forgotten = meta::<i64>(&from, "forgotten")?.unwrap_or_default().unsigned_abs();
    let mut notices = Vec::new();
    // Rows are in the order of both columns: begin at the last that begins at or before `id`.
    let sql = "SELECT body FROM notices
        WHERE first >= ifnull((SELECT max(first) FROM notices WHERE first <= ?1), 0) ORDER BY first";
    let mut query = from.prepare_cached(sql).map_err(StoreError::read(what))?;
    let mut found = query.query([signed(id)]).map_err(StoreError::read(what))?;
    while notices.len() < limit {
        let Some(row) = found.next().map_err(StoreError::read(what))? else { break };
        let list: Vec<NoticeRow<'_>> = rows::read(what, body(what, row, 0)?)?;
        for notice in list {
            let notice = notice.notice()?;
            if notice.id > id && notices.len() < limit {
                notices.push(notice);
            }
        }
    }
    Ok(Notices { gap: id < forgotten, notices })
}
