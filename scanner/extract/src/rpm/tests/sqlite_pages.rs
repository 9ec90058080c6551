//! Databases that SQLite itself wrote, and hostile ones made of them.

use super::{PATH, has};
use crate::rpm::{Rpm, sqlite};
use crate::testing::extract;
use api_vocab::ProblemCode::{Malformed, Truncated};
use proptest::prelude::*;
use rusqlite::Connection;

const TABLE: &str = "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)";

/// The file of a database that these statements make.
fn database(page_size: u32, statements: &str, blobs: &[Vec<u8>]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(&format!("PRAGMA page_size = {page_size}; {statements}")).unwrap();
    for blob in blobs {
        connection.execute("INSERT INTO Packages (blob) VALUES (?1)", [blob]).unwrap();
    }
    connection.close().unwrap();
    std::fs::read(&path).unwrap()
}

fn read(bytes: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    let mut rows = Ok(Vec::new());
    sqlite::read(bytes, &mut |row| match (row, &mut rows) {
        (Ok(row), Ok(rows)) => rows.push(row.to_vec()),
        (Err(fault), Ok(_)) => rows = Err(fault.detail),
        (_, Err(_)) => {}
    });
    rows
}

#[test]
fn table_behind_many_others_is_found() {
    let others: String =
        (0..300).map(|n| format!("CREATE TABLE t{n} (a); CREATE INDEX i{n} ON t{n} (a);")).collect();
    let bytes = database(512, &format!("{others}{TABLE}"), &[b"x".to_vec()]);
    assert_eq!(read(&bytes), Ok(vec![b"x".to_vec()]));
}

#[test]
fn table_absent_is_malformed() {
    assert_eq!(read(&database(4096, "CREATE TABLE other (a)", &[])), Err("no table Packages"));
}

#[test]
fn view_of_that_name_is_not_evaluated() {
    let view = "CREATE VIEW Packages AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                SELECT i, zeroblob(1000000) FROM n";
    assert_eq!(read(&database(4096, view, &[])), Err("no table Packages"));
}

#[test]
fn rows_of_other_types_are_malformed() {
    let statements =
        "CREATE TABLE Packages (a, b); INSERT INTO Packages VALUES (1, 'text'), (2, NULL), (3, 4)";
    assert_eq!(read(&database(4096, statements, &[])), Err("row without a blob"));
}

#[test]
fn pages_linked_in_a_circle_end() {
    let blobs: Vec<Vec<u8>> = (0..50).map(|n| vec![n; 3000]).collect();
    let mut bytes = database(1024, TABLE, &blobs);
    let pages = bytes.len() / 1024;
    for page in 1..pages {
        // Overflow pages start with the number of the next one.
        if bytes[page * 1024] == 0 {
            bytes[page * 1024..page * 1024 + 4]
                .copy_from_slice(&u32::try_from(page + 1).unwrap().to_be_bytes());
        }
    }
    let extracted = extract(&Rpm, PATH, &bytes);
    assert!(has(&extracted, Malformed));
}

#[test]
fn pages_of_more_cells_than_fit_are_malformed() {
    let blobs: Vec<Vec<u8>> = (0..50).map(|n| vec![n; 300]).collect();
    let mut bytes = database(512, TABLE, &blobs);
    let leaves: Vec<usize> = (512..bytes.len()).step_by(512).filter(|at| bytes[*at] == 0x0d).collect();
    for leaf in leaves {
        bytes[leaf + 3..leaf + 5].fill(0xff);
    }
    assert_eq!(read(&bytes), Err("SQLite page that is none of a table"));
}

#[test]
fn database_that_ends_early_is_truncated() {
    let bytes = database(1024, TABLE, &[vec![7; 9000]]);
    assert!(has(&extract(&Rpm, PATH, &bytes[..bytes.len() - 1024]), Truncated));
    assert!(has(&extract(&Rpm, PATH, &bytes[..bytes.len() - 1]), Truncated));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rows_are_those_that_sqlite_wrote(
        page_size in prop::sample::select(vec![512_u32, 1024, 4096, 65536]),
        wal: bool,
        lengths in proptest::collection::vec(0..6000_usize, 0..60),
    ) {
        let mode = if wal { "PRAGMA journal_mode = wal;" } else { "" };
        let blobs: Vec<Vec<u8>> = lengths.iter().enumerate().map(|(n, len)| vec![n as u8; *len]).collect();
        let bytes = database(page_size, &format!("{mode}{TABLE}"), &blobs);
        prop_assert_eq!(read(&bytes), Ok(blobs));
    }
}
