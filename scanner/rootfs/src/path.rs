//! Names of entries, normalised to `a/b/c`.

use crate::budget::Budget;
use api_vocab::ProblemCode;

/// What was noticed about a name that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Every reader resolves it alike.
    Normal,
    /// It had to be cleaned of `..`, `.` or `//`.
    Cleaned,
}

/// A name that is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: ProblemCode,
    pub(crate) reason: &'static str,
}

const fn refused(code: ProblemCode, reason: &'static str) -> Refused {
    Refused { code, reason }
}

/// Writes the normal form of `raw` to `out`; the root is empty.
///
/// One leading `/` or `./` and one trailing `/` are ordinary: every runtime unpacks beneath the
/// image's root.
pub(crate) fn normalise(raw: &[u8], out: &mut String, budget: &Budget) -> Result<Form, Refused> {
    out.clear();
    if raw.is_empty() {
        return Err(refused(ProblemCode::AmbiguousArchive, "an entry without a name"));
    }
    if raw.len() > budget.path {
        return Err(refused(ProblemCode::PathTooLong, "the name is too long"));
    }
    let Ok(text) = std::str::from_utf8(raw) else {
        return Err(refused(ProblemCode::Malformed, "the name is not UTF-8"));
    };
    if text.contains('\0') {
        return Err(refused(ProblemCode::AmbiguousArchive, "the name contains NUL"));
    }
    let text = text.strip_prefix("./").or_else(|| text.strip_prefix('/')).unwrap_or(text);
    let text = text.strip_suffix('/').unwrap_or(text);
    if text.is_empty() || text == "." {
        return Ok(Form::Normal);
    }
    clean(text, out, budget.depth)
}

fn clean(text: &str, out: &mut String, max_depth: usize) -> Result<Form, Refused> {
    let mut form = Form::Normal;
    let mut depth = 0_usize;
    for part in text.split('/') {
        match part {
            "" | "." => form = Form::Cleaned,
            ".." => {
                form = Form::Cleaned;
                depth = depth
                    .checked_sub(1)
                    .ok_or(refused(ProblemCode::AmbiguousArchive, "the name leaves the root"))?;
                out.truncate(out.rfind('/').unwrap_or(0));
            }
            _ => {
                depth += 1;
                if depth > max_depth {
                    return Err(refused(ProblemCode::PathTooLong, "the name has too many folders"));
                }
                if !out.is_empty() {
                    out.push('/');
                }
                out.push_str(part);
            }
        }
    }
    Ok(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(raw: &[u8]) -> Result<(String, Form), ProblemCode> {
        let mut out = "old".to_owned();
        let budget = Budget { path: 40, depth: 4, ..Budget::default() };
        normalise(raw, &mut out, &budget).map(|form| (out, form)).map_err(|refused| refused.code)
    }

    #[test]
    fn name_ordinary_is_normal() {
        for (raw, path) in [
            ("a/b", "a/b"),
            ("./a/b", "a/b"),
            ("/a/b", "a/b"),
            ("a/b/", "a/b"),
            ("./", ""),
            ("/", ""),
            (".", ""),
            ("...", "..."),
            ("é/.wh.x", "é/.wh.x"),
        ] {
            assert_eq!(normal(raw.as_bytes()), Ok((path.to_owned(), Form::Normal)), "{raw}");
        }
    }

    #[test]
    fn name_with_detours_is_cleaned() {
        for (raw, path) in [
            ("a//b", "a/b"),
            ("a/./b", "a/b"),
            ("a/../b", "b"),
            ("a/b/../../c", "c"),
            ("//a", "a"),
            ("././a", "a"),
            ("a//", "a"),
        ] {
            assert_eq!(normal(raw.as_bytes()), Ok((path.to_owned(), Form::Cleaned)), "{raw}");
        }
    }

    #[test]
    fn name_hostile_is_refused() {
        for (raw, code) in [
            (&b""[..], ProblemCode::AmbiguousArchive),
            (b"../a", ProblemCode::AmbiguousArchive),
            (b"..", ProblemCode::AmbiguousArchive),
            (b"a/../../b", ProblemCode::AmbiguousArchive),
            (b"a\0b", ProblemCode::AmbiguousArchive),
            (b"a\xff", ProblemCode::Malformed),
            (b"a/b/c/d/e", ProblemCode::PathTooLong),
            (b"0123456789012345678901234567890123456789x", ProblemCode::PathTooLong),
        ] {
            assert_eq!(normal(raw), Err(code), "{raw:?}");
        }
    }
}
