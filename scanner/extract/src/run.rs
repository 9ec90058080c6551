//! Runs one extractor on one file: timed, and so that its crash is a problem of that file only.

use crate::budget::{problem_of, read_all};
use crate::extractor::{Extracted, Extractor, OpenFile};
use api_vocab::{Problem, ProblemCode};
use scanner_rootfs::Clock;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// A file that two extractors want is held in memory; larger ones are refused.
const SHARED: u64 = 32 << 20;

/// What one file may cost.
#[derive(Clone, Copy)]
pub(crate) struct Limits<'c> {
    pub(crate) file_time: Duration,
    pub(crate) file: u64,
    pub(crate) clock: Clock<'c>,
}

/// What is known of a file before it is read.
#[derive(Clone, Copy)]
pub(crate) struct File<'a> {
    pub(crate) path: &'a str,
    pub(crate) size: u64,
    pub(crate) executable: bool,
}

/// What `extractor` makes of a file.
pub(crate) fn extract(
    extractor: &dyn Extractor,
    file: File<'_>,
    content: &mut dyn Read,
    limits: Limits<'_>,
) -> Extracted {
    guarded(extractor.name(), file, content, limits, |file| extractor.extract(file))
}

/// What `extractor` makes of a database and its log.
pub(crate) fn extract_pair(
    extractor: &dyn Extractor,
    base: Vec<u8>,
    log: File<'_>,
    content: &mut dyn Read,
    limits: Limits<'_>,
) -> Extracted {
    guarded(extractor.name(), log, content, limits, |log| extractor.extract_pair(base, log))
}

fn guarded(
    extractor: &str,
    file: File<'_>,
    content: &mut dyn Read,
    limits: Limits<'_>,
    extract: impl FnOnce(&mut OpenFile<'_>) -> Extracted,
) -> Extracted {
    let File { path, size, executable } = file;
    let deadline = (limits.clock)().saturating_add(limits.file_time);
    let mut content = Timed { content, deadline, clock: limits.clock };
    let result = catch_unwind(AssertUnwindSafe(|| {
        extract(&mut OpenFile { path, size, executable, content: &mut content })
    }));
    let Ok(mut extracted) = result else {
        let detail = format!("the extractor {extractor} crashed");
        return Extracted::failed(Problem::new(ProblemCode::ExtractorCrashed, path, detail));
    };
    let timed_out = |problem: &Problem| problem.code == ProblemCode::TimeExceeded;
    if (limits.clock)() > deadline && !extracted.problems.iter().any(timed_out) {
        extracted.problems.push(problem_of(path, &content.error()));
    }
    extracted
}

/// The content of a file that more than one extractor wants.
pub(crate) fn read_shared(
    file: File<'_>,
    content: &mut dyn Read,
    limits: Limits<'_>,
) -> Result<Vec<u8>, Problem> {
    let File { path, size, executable } = file;
    let max = SHARED.min(limits.file);
    read_all(&mut OpenFile { path, size, executable, content }, max)
}

/// The content of a file that is held, which is no larger than it says.
pub(crate) fn read_whole(file: File<'_>, content: &mut dyn Read) -> Result<Vec<u8>, Problem> {
    let File { path, size, executable } = file;
    read_all(&mut OpenFile { path, size, executable, content }, size)
}

/// A reader that fails once its time is over.
struct Timed<'a, 'c> {
    content: &'a mut dyn Read,
    deadline: Duration,
    clock: Clock<'c>,
}

impl Timed<'_, '_> {
    fn error(&self) -> io::Error {
        io::Error::new(io::ErrorKind::TimedOut, "takes longer than a file may")
    }
}

impl Read for Timed<'_, '_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if (self.clock)() > self.deadline {
            return Err(self.error());
        }
        self.content.read(out)
    }
}
