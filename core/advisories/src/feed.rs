//! Where records come from: files, zips and folders, read within limits.
//!
//! A record that cannot be read is one problem; a feed that is damaged is refused as a whole.

use crate::index::IndexBuilder;
use std::fs::{self, File};
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

/// Larger records are refused.
const MAX_RECORD: u64 = 16 << 20;
/// More records, or bytes of them, are refused.
const MAX_RECORDS: usize = 4_000_000;
const MAX_BYTES: u64 = 32 << 30;
/// As many problems are kept as a person reads; all are counted.
const KEPT_PROBLEMS: usize = 50;

/// Records are inflated by the batch. Inflating one and keeping what it says in turn would leave
/// holes in memory, of the size of the inflater's window, after each.
#[derive(Default)]
struct Batch {
    json: Vec<u8>,
    /// Names, and where each record ends.
    ends: Vec<(String, usize)>,
}

const FULL_BATCH: usize = 4 << 20;

/// A record that could not be read, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("advisory {name}: {reason}")]
pub struct RecordError {
    /// The file's name.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A feed that could not be read to its end, and must not be believed.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The disk failed, or there is no such file.
    #[error("could not read advisories from {path}")]
    Read {
        /// What was read.
        path: PathBuf,
        /// Why it failed.
        #[source]
        cause: std::io::Error,
    },
    /// Not a zip, or a damaged one.
    #[error("{path} is not a whole zip of advisories")]
    Zip {
        /// What was read.
        path: PathBuf,
        /// Why it failed.
        #[source]
        cause: zip::result::ZipError,
    },
    /// More than we read.
    #[error("{path} holds more than {MAX_RECORDS} advisories or {MAX_BYTES} bytes of them")]
    TooLarge {
        /// What was read.
        path: PathBuf,
    },
    /// Neither a record, a zip, nor a folder that holds any.
    #[error("{path} holds no advisories; expected .json or .zip files, or <ecosystem>/all.zip")]
    Nothing {
        /// What was read.
        path: PathBuf,
    },
}

/// What came of reading feeds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Imported {
    /// Records read, withdrawn ones included.
    pub records: u64,
    /// Records that were withdrawn.
    pub withdrawn: u64,
    /// Packages of ecosystems that we do not know, passed over.
    pub unknown_ecosystems: u64,
    /// Records that could not be read, or not all of them.
    pub broken: u64,
    /// The first of those.
    pub problems: Vec<RecordError>,
}

impl Imported {
    /// Count `other` in.
    pub fn add(&mut self, other: Imported) {
        self.records += other.records;
        self.withdrawn += other.withdrawn;
        self.unknown_ecosystems += other.unknown_ecosystems;
        self.broken += other.broken;
        let room = KEPT_PROBLEMS.saturating_sub(self.problems.len());
        self.problems.extend(other.problems.into_iter().take(room));
    }

    pub(crate) fn complain(&mut self, name: &str, reason: String) {
        self.broken += 1;
        if self.problems.len() < KEPT_PROBLEMS {
            let cut = |text: &str| text.chars().take(200).flat_map(char::escape_debug).collect();
            self.problems.push(RecordError { name: cut(name), reason: cut(&reason) });
        }
    }
}

impl Batch {
    /// Read a record to its end where that is near: only there the zip's checksum is compared.
    fn read(&mut self, name: String, entry: &mut impl Read) -> std::io::Result<u64> {
        let read = entry.take(MAX_RECORD + 1).read_to_end(&mut self.json)?;
        self.ends.push((name, self.json.len()));
        Ok(read as u64)
    }

    fn import(&mut self, builder: &mut IndexBuilder, imported: &mut Imported) {
        let mut rest = self.json.as_slice();
        let mut start = 0;
        for (name, end) in &self.ends {
            let (json, after) = rest.split_at_checked(end - start).unwrap_or((rest, &[]));
            builder.import_bounded(name, json, imported);
            (rest, start) = (after, *end);
        }
        self.json.clear();
        self.ends.clear();
    }
}

impl IndexBuilder {
    /// Read a record, a zip of records, or a folder: of records, of zips, or with a folder for each
    /// ecosystem that holds either (as `Debian/all.zip`).
    pub fn import_path(&mut self, path: &Path) -> Result<Imported, FeedError> {
        let failed = |cause| FeedError::Read { path: path.to_owned(), cause };
        let imported = if fs::metadata(path).map_err(failed)?.is_dir() {
            self.import_folder(path, 2)?
        } else {
            self.import_file(path)?
        };
        if imported.records == 0 && imported.broken == 0 {
            return Err(FeedError::Nothing { path: path.to_owned() });
        }
        Ok(imported)
    }

    /// Read a zip of records; `path` is what it is called in complaints.
    pub fn import_zip<R: Read + Seek>(&mut self, path: &Path, zip: R) -> Result<Imported, FeedError> {
        let damaged = |cause| FeedError::Zip { path: path.to_owned(), cause };
        let unread = |cause| FeedError::Read { path: path.to_owned(), cause };
        let mut archive = zip::ZipArchive::new(zip).map_err(damaged)?;
        let (mut imported, mut batch, mut total) = (Imported::default(), Batch::default(), 0);
        for at in 0..archive.len() {
            let mut entry = archive.by_index(at).map_err(damaged)?;
            let name = entry.name().map(|name| name.into_owned()).map_err(damaged)?;
            if !name.ends_with(".json") {
                continue;
            }
            total += batch.read(name, &mut entry).map_err(unread)?;
            if at >= MAX_RECORDS || total > MAX_BYTES {
                return Err(FeedError::TooLarge { path: path.to_owned() });
            }
            if batch.json.len() >= FULL_BATCH {
                batch.import(self, &mut imported);
            }
        }
        batch.import(self, &mut imported);
        Ok(imported)
    }

    fn import_folder(&mut self, folder: &Path, depth: u32) -> Result<Imported, FeedError> {
        let failed = |cause| FeedError::Read { path: folder.to_owned(), cause };
        let mut paths = fs::read_dir(folder)
            .and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>())
            .map_err(failed)?;
        paths.sort();
        let mut imported = Imported::default();
        for path in paths {
            if path.is_dir() {
                if depth > 1 {
                    imported.add(self.import_folder(&path, depth - 1)?);
                }
            } else if path.extension().is_some_and(|e| e == "json" || e == "zip") {
                imported.add(self.import_file(&path)?);
            }
        }
        Ok(imported)
    }

    fn import_file(&mut self, path: &Path) -> Result<Imported, FeedError> {
        let failed = |cause| FeedError::Read { path: path.to_owned(), cause };
        let file = File::open(path).map_err(failed)?;
        if path.extension().is_some_and(|e| e == "zip") {
            return self.import_zip(path, BufReader::new(file));
        }
        let mut json = Vec::new();
        file.take(MAX_RECORD + 1).read_to_end(&mut json).map_err(failed)?;
        let mut imported = Imported::default();
        self.import_bounded(&path.display().to_string(), &json, &mut imported);
        Ok(imported)
    }

    fn import_bounded(&mut self, name: &str, json: &[u8], imported: &mut Imported) {
        if json.len() as u64 > MAX_RECORD {
            imported.complain(name, format!("it is larger than {MAX_RECORD} bytes"));
        } else {
            self.import_record(name, json, imported);
        }
    }
}
