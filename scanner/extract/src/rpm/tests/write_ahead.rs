//! Logs that SQLite itself left beside a database, whole and spoiled, against what SQLite reads.

use crate::rpm::{LARGEST, sqlite, wal::Log};
use proptest::prelude::*;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

const SETUP: &str = "PRAGMA journal_mode = wal; PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = off;
    PRAGMA cache_size = 5; PRAGMA cache_spill = 5;
    CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL);";

/// What is done to a database.
#[derive(Debug, Clone)]
enum Step {
    Insert(Vec<u8>),
    Delete(i64),
    Replace(i64, Vec<u8>),
    /// Ends a transaction, and begins the next one.
    Commit,
    Rollback,
    /// Moves what the log has into the database; the log is then written from its start.
    Checkpoint,
    Vacuum,
}

fn step() -> impl Strategy<Value = Step> {
    let blob = || (any::<u8>(), 0..9000_usize).prop_map(|(byte, len)| vec![byte; len]);
    prop_oneof![
        6 => blob().prop_map(Step::Insert),
        2 => (1..20_i64).prop_map(Step::Delete),
        2 => ((1..20_i64), blob()).prop_map(|(row, blob)| Step::Replace(row, blob)),
        4 => Just(Step::Commit),
        1 => Just(Step::Rollback),
        1 => Just(Step::Checkpoint),
        1 => Just(Step::Vacuum),
    ]
}

/// The database and its log as a killed process leaves them.
fn left_behind(page_size: u32, steps: &[Step]) -> (Vec<u8>, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let connection = Connection::open(&path).unwrap();
    let run = |statement: &str| connection.execute_batch(statement).unwrap();
    run(&format!("PRAGMA page_size = {page_size}; {SETUP} BEGIN"));
    for step in steps {
        match step {
            Step::Insert(blob) => {
                connection.execute("INSERT INTO Packages (blob) VALUES (?1)", [blob]).unwrap();
            }
            Step::Delete(row) => {
                connection.execute("DELETE FROM Packages WHERE hnum = ?1", [row]).unwrap();
            }
            Step::Replace(row, blob) => {
                let values = rusqlite::params![row, blob];
                connection.execute("UPDATE Packages SET blob = ?2 WHERE hnum = ?1", values).unwrap();
            }
            Step::Commit => run("COMMIT; BEGIN"),
            Step::Rollback => run("ROLLBACK; BEGIN"),
            Step::Checkpoint => run("COMMIT; PRAGMA wal_checkpoint(RESTART); BEGIN"),
            Step::Vacuum => run("COMMIT; VACUUM; BEGIN"),
        }
    }
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    (read("db"), read("db-wal"))
}

/// What SQLite reads of the two, if it does.
fn native(database: &[u8], log: &[u8]) -> Option<Vec<Vec<u8>>> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("db"), database).unwrap();
    std::fs::write(folder.path().join("db-wal"), log).unwrap();
    rows_of(&folder.path().join("db")).ok()
}

fn rows_of(path: &Path) -> rusqlite::Result<Vec<Vec<u8>>> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mut statement = connection.prepare("SELECT blob FROM Packages ORDER BY hnum")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// What we read.
fn own(database: &[u8], log: &[u8]) -> Result<Vec<Vec<u8>>, &'static str> {
    let mut merged = database.to_vec();
    if let Some(log) = Log::parse(log).map_err(|fault| fault.detail)? {
        log.apply(&mut merged).map_err(|fault| fault.detail)?;
    }
    let mut rows = Ok(Vec::new());
    sqlite::read(&merged, &mut |row| match (row, &mut rows) {
        (Ok(row), Ok(rows)) => rows.push(row.to_vec()),
        (Err(fault), Ok(_)) => rows = Err(fault.detail),
        (_, Err(_)) => {}
    });
    rows
}

fn a_log() -> (Vec<u8>, Vec<u8>) {
    let blob = |byte: u8| Step::Insert(vec![byte; 3000]);
    left_behind(1024, &[blob(1), Step::Commit, blob(2), Step::Commit, blob(3)])
}

#[test]
fn transaction_not_ended_does_not_count() {
    let (database, log) = a_log();
    let rows = vec![vec![1; 3000], vec![2; 3000]];
    assert_eq!((own(&database, &log), native(&database, &log)), (Ok(rows.clone()), Some(rows)));
}

#[test]
fn log_cut_anywhere_says_what_sqlite_says() {
    let (database, log) = a_log();
    for length in (0..=log.len()).step_by(263) {
        let (own, native) = (own(&database, &log[..length]), native(&database, &log[..length]));
        assert_eq!(own.ok(), native, "cut at {length} of {}", log.len());
    }
}

#[test]
fn log_of_other_pages_or_with_pages_missing_is_refused() {
    let (database, log) = a_log();
    let (other, _) = left_behind(4096, &[Step::Insert(vec![1; 9]), Step::Checkpoint]);
    assert_eq!(own(&other, &log), Err("a log with pages of another size than its database"));
    let log = Log::parse(&log).unwrap().unwrap();
    assert!(log.apply(&mut Vec::new()).is_err());
    assert!(log.apply(&mut database.clone()).is_ok());
}

/// The last frame claims a database of as many pages as there are numbers.
#[test]
fn log_that_claims_a_database_without_end_costs_nothing() {
    let (mut database, _) = a_log();
    let mut log = vec![0; 32 + 24 + 1024];
    log[..4].copy_from_slice(&0x377f_0683_u32.to_be_bytes());
    log[4..8].copy_from_slice(&3_007_000_u32.to_be_bytes());
    log[8..12].copy_from_slice(&1024_u32.to_be_bytes());
    log[32..36].copy_from_slice(&1_000_000_u32.to_be_bytes());
    log[36..40].copy_from_slice(&1_000_000_u32.to_be_bytes());
    let sums = sums(&log[..24], (0, 0));
    log[24..28].copy_from_slice(&sums.0.to_be_bytes());
    log[28..32].copy_from_slice(&sums.1.to_be_bytes());
    let sums = self::sums(&log[56..], self::sums(&log[32..40], sums));
    log[48..52].copy_from_slice(&sums.0.to_be_bytes());
    log[52..56].copy_from_slice(&sums.1.to_be_bytes());
    let parsed = Log::parse(&log).unwrap().unwrap();
    let before = database.len();
    assert_eq!(
        parsed.apply(&mut database).map_err(|fault| fault.code),
        Err(api_vocab::ProblemCode::TooLarge)
    );
    assert_eq!(database.len(), before);
    const { assert!(1_000_000 * 1024 > LARGEST) };
}

fn sums(bytes: &[u8], (mut first, mut second): (u32, u32)) -> (u32, u32) {
    for pair in bytes.chunks_exact(8) {
        let word = |at: usize| u32::from_be_bytes(pair[at..at + 4].try_into().unwrap());
        first = first.wrapping_add(word(0)).wrapping_add(second);
        second = second.wrapping_add(word(4)).wrapping_add(first);
    }
    (first, second)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rows_with_a_log_are_those_that_sqlite_reads(
        page_size in prop::sample::select(vec![512_u32, 1024, 4096, 65536]),
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let (database, log) = left_behind(page_size, &steps);
        // SQLite forgets the log of a database that is empty.
        if !database.is_empty() {
            prop_assert_eq!(own(&database, &log).ok(), native(&database, &log));
        }
    }

    #[test]
    fn log_mutated_is_read_as_sqlite_does_or_refused(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        in_headers: bool,
    ) {
        let (database, mut log) = a_log();
        for (at, byte) in changes {
            let at = if in_headers { at.index(56) } else { at.index(log.len()) };
            log[at] = byte;
        }
        if let (Ok(own), Some(native)) = (own(&database, &log), native(&database, &log)) {
            prop_assert_eq!(own, native);
        }
    }
}
