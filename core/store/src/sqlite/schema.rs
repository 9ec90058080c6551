//! The file's schema, and how an older one becomes it.

use super::{Options, open_error};
use crate::StoreError;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// Each brings the schema one version further; never change one that was released.
///
/// Large bodies lie in tables with a row number, in the order of arrival, and not in the order of
/// their keys: a batch then touches few pages.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE sources (id TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE scanners (name TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE pods (
        row INTEGER PRIMARY KEY, source TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL,
        UNIQUE (source, key)
    );
    CREATE TABLE images (key TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE scans (image TEXT PRIMARY KEY, body BLOB NOT NULL);
    CREATE TABLE packages (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
    CREATE TABLE findings (package INTEGER PRIMARY KEY, body BLOB NOT NULL);
    CREATE TABLE layers (
        diff_id TEXT NOT NULL, extractor_set TEXT NOT NULL, PRIMARY KEY (diff_id, extractor_set)
    ) WITHOUT ROWID;
    CREATE TABLE inventories (image TEXT PRIMARY KEY, body BLOB NOT NULL);
    CREATE TABLE layer_bodies (
        diff_id TEXT NOT NULL, extractor_set TEXT NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (diff_id, extractor_set)
    );
    CREATE TABLE notices (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, body BLOB NOT NULL);
",
    "
    ALTER TABLE findings ADD COLUMN undecided INTEGER NOT NULL DEFAULT 0;
",
    "
    CREATE TABLE listings (
        source TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (source, digest)
    ) WITHOUT ROWID;
",
];

/// The connection that writes, on a file that is up to date.
pub(super) fn open(path: &Path, options: &Options) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path).map_err(open_error(path))?;
    set_up(&connection, options).map_err(open_error(path))?;
    migrate(path, &mut connection)?;
    Ok(connection)
}

/// A connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(open_error(path))?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.busy_timeout(std::time::Duration::from_secs(10)).map_err(open_error(path))?;
    Ok(connection)
}

fn set_up(connection: &Connection, options: &Options) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 16_000)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    connection.pragma_update(None, "cache_size", -8_192)?;
    connection.busy_timeout(std::time::Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(64);
    if let Some(quota) = options.quota {
        let page: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let pages = quota / u64::from(page.max(1));
        connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
    }
    Ok(())
}

fn migrate(path: &Path, connection: &mut Connection) -> Result<(), StoreError> {
    let found = version(connection).map_err(open_error(path))?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(StoreError::NewerSchema { path: path.to_owned(), found, known });
    }
    for (sql, version) in MIGRATIONS.iter().zip(1_i64..) {
        if version > found {
            step(connection, sql, version).map_err(open_error(path))?;
        }
    }
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

fn step(connection: &mut Connection, sql: &str, version: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(sql)?;
    transaction.pragma_update(None, "user_version", version)?;
    transaction.commit()
}
