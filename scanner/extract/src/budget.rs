//! Reading one file within its limit.

use crate::extractor::OpenFile;
use api_vocab::{Problem, ProblemCode};
use std::io::{self, Read};

/// A file that states a size is trusted with this much memory before its bytes have arrived.
const TRUSTED: u64 = 1 << 20;

/// Reads the whole of `file`, at most `max` bytes.
pub(crate) fn read_all(file: &mut OpenFile<'_>, max: u64) -> Result<Vec<u8>, Problem> {
    if file.size > max {
        return Err(too_large(file.path, max));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(file.size.min(TRUSTED)).unwrap_or(0));
    let read = (&mut *file.content).take(max.saturating_add(1)).read_to_end(&mut bytes);
    let read = read.map_err(|error| problem_of(file.path, &error))?;
    if u64::try_from(read).is_ok_and(|read| read > max) {
        return Err(too_large(file.path, max));
    }
    Ok(bytes)
}

fn too_large(path: &str, max: u64) -> Problem {
    Problem::new(ProblemCode::TooLarge, path, format!("larger than {max} bytes"))
}

/// What an error of reading says about the file at `path`.
pub(crate) fn problem_of(path: &str, error: &io::Error) -> Problem {
    let code = match error.kind() {
        io::ErrorKind::UnexpectedEof => ProblemCode::Truncated,
        io::ErrorKind::TimedOut => ProblemCode::TimeExceeded,
        io::ErrorKind::FileTooLarge | io::ErrorKind::QuotaExceeded => ProblemCode::TooLarge,
        io::ErrorKind::Unsupported => ProblemCode::Unsupported,
        _ => ProblemCode::Malformed,
    };
    Problem::new(code, path, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Failing(io::ErrorKind);

    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
    }

    fn read(content: &mut dyn Read, size: u64, max: u64) -> Result<Vec<u8>, ProblemCode> {
        let mut file = OpenFile { path: "a", size, executable: false, content };
        read_all(&mut file, max).map_err(|problem| problem.code)
    }

    #[test]
    fn file_at_its_limit_is_read() {
        assert_eq!(read(&mut &b"abc"[..], 3, 3), Ok(b"abc".to_vec()));
    }

    #[test]
    fn file_over_its_limit_is_too_large() {
        assert_eq!(read(&mut &b"abcd"[..], 4, 3), Err(ProblemCode::TooLarge));
        assert_eq!(read(&mut io::repeat(0), 0, 3), Err(ProblemCode::TooLarge));
    }

    #[test]
    fn file_that_fails_names_the_reason() {
        let code = |kind| read(&mut Failing(kind), 0, 9);
        assert_eq!(code(io::ErrorKind::UnexpectedEof), Err(ProblemCode::Truncated));
        assert_eq!(code(io::ErrorKind::TimedOut), Err(ProblemCode::TimeExceeded));
    }
}
