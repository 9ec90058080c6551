//! A database of rpm and the log beside it, over layers: what counts is what SQLite would read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests end where they go wrong")]

#[path = "../../rootfs/tests/archive/mod.rs"]
mod archive;

use api_vocab::ProblemCode::{self, LinkUnresolved, Unsupported};
use archive::Archive;
use rusqlite::Connection;
use scanner_extract::{LayerInventory, extract_layer, registry, stack};
use scanner_rootfs::Budget;
use std::time::Duration;

const DATABASE: &str = "usr/lib/sysimage/rpm/rpmdb.sqlite";
const LOG: &str = "usr/lib/sysimage/rpm/rpmdb.sqlite-wal";
const RPMDB: &[u8] = include_bytes!("../src/rpm/testdata/sqlite/rpmdb.sqlite");

/// The database, and a log in which only its last package is left.
fn database_and_log() -> (Vec<u8>, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rpmdb.sqlite");
    std::fs::write(&path, RPMDB).unwrap();
    let connection = Connection::open(&path).unwrap();
    let statements = "PRAGMA journal_mode = wal; PRAGMA wal_checkpoint(TRUNCATE);
        DELETE FROM Packages WHERE hnum NOT IN (SELECT hnum FROM Packages ORDER BY hnum DESC LIMIT 1)";
    connection.execute_batch(statements).unwrap();
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    (read("rpmdb.sqlite"), read("rpmdb.sqlite-wal"))
}

fn layer(archive: Archive) -> LayerInventory {
    extract_layer(&archive.end()[..], &registry::all(), &Budget::default(), &|| Duration::ZERO)
}

/// How many packages, and the problems.
fn check(layers: Vec<Archive>) -> (usize, Vec<ProblemCode>) {
    let os = Archive::new().file("etc/os-release", b"ID=rocky\nVERSION_ID=9.3\n");
    let layers: Vec<LayerInventory> = std::iter::once(os).chain(layers).map(layer).collect();
    let inventory = stack(&layers);
    (inventory.packages.len(), inventory.problems.iter().map(|problem| problem.code).collect())
}

fn all() -> usize {
    let (count, problems) = check(vec![Archive::new().file(DATABASE, RPMDB)]);
    assert!(count > 1 && problems.is_empty());
    count
}

#[test]
fn log_beside_its_database_counts_in_either_order() {
    let (database, log) = database_and_log();
    let one = |archive: Archive| archive.file("other", b"x");
    let first = one(Archive::new().file(DATABASE, &database)).file(LOG, &log);
    let last = one(Archive::new().file(LOG, &log)).file(DATABASE, &database);
    assert_eq!(check(vec![first]), (1, vec![]));
    assert_eq!(check(vec![last]), (1, vec![]));
    assert_eq!(check(vec![Archive::new().file(DATABASE, &database)]), (all(), vec![]));
}

#[test]
fn log_empty_or_of_no_transaction_says_nothing() {
    let (database, log) = database_and_log();
    for log in [&b""[..], &log[..32], &log[..600]] {
        let archive = Archive::new().file(DATABASE, &database).file(LOG, log);
        assert_eq!(check(vec![archive]), (all(), vec![]));
    }
}

#[test]
fn log_in_another_layer_than_its_database_is_told() {
    let (database, log) = database_and_log();
    let base = || Archive::new().file(DATABASE, &database);
    let both = || base().file(LOG, &log);
    let above = check(vec![base(), Archive::new().file(LOG, &log)]);
    assert_eq!(above, (all(), vec![Unsupported]));
    // The lower log would be read into a database that it was not written for.
    assert_eq!(check(vec![both(), base()]), (all(), vec![Unsupported]));
}

#[test]
fn log_removed_or_replaced_above_leaves_its_database() {
    let (database, log) = database_and_log();
    let both = || Archive::new().file(DATABASE, &database).file(LOG, &log);
    let removed = Archive::new().file("usr/lib/sysimage/rpm/.wh.rpmdb.sqlite-wal", b"");
    assert_eq!(check(vec![both(), removed]), (all(), vec![]));
    assert_eq!(check(vec![both(), Archive::new().file(LOG, b"")]), (all(), vec![]));
    let folder = Archive::new().file("usr/lib/sysimage/.wh.rpm", b"");
    assert_eq!(check(vec![both(), folder]), (0, vec![]));
    let replaced = Archive::new().file(LOG, b"").file(DATABASE, RPMDB);
    assert_eq!(check(vec![both(), replaced]), (all(), vec![]));
    assert_eq!(check(vec![both(), both()]), (1, vec![]));
}

#[test]
fn log_through_a_link_is_told() {
    let (database, _) = database_and_log();
    let archive = Archive::new().file(DATABASE, &database).hard_link(LOG, "tmp/elsewhere");
    assert_eq!(check(vec![archive]), (all(), vec![LinkUnresolved]));
}
