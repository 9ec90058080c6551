//! Names that stand for the absence of something (OCI image specification, "Layers: whiteouts").

const PREFIX: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";
const METADATA: &str = ".wh..wh.";

/// What an entry's name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The name itself.
    Itself,
    /// The absence of the name after the prefix.
    Whiteout,
    /// The absence of all that lay in the folder.
    Opaque,
    /// Nothing: AUFS's own.
    Metadata,
    /// The absence of something that has no name.
    Nonsense,
}

/// What `path` means.
pub(crate) fn meaning(path: &str) -> Meaning {
    let (_, base) = split(path);
    if base == OPAQUE {
        return Meaning::Opaque;
    }
    if path.starts_with(METADATA) || base.starts_with(METADATA) {
        return Meaning::Metadata;
    }
    match base.strip_prefix(PREFIX) {
        None => Meaning::Itself,
        Some("" | "." | "..") => Meaning::Nonsense,
        Some(_) => Meaning::Whiteout,
    }
}

/// Writes the path that the whiteout at `path` removes.
pub(crate) fn removed(path: &str, out: &mut String) {
    let (dir, base) = split(path);
    out.clear();
    if !dir.is_empty() {
        out.push_str(dir);
        out.push('/');
    }
    out.push_str(base.strip_prefix(PREFIX).unwrap_or(base));
}

/// Folder and last name.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_with_prefix_is_a_whiteout() {
        for (path, wanted) in [
            ("a/b", Meaning::Itself),
            ("a/.wh", Meaning::Itself),
            ("a.wh.b", Meaning::Itself),
            (".wh.a", Meaning::Whiteout),
            ("x/.wh.a", Meaning::Whiteout),
            ("x/.wh.....", Meaning::Whiteout),
            ("x/.wh..wh..opq", Meaning::Opaque),
            (".wh..wh..opq", Meaning::Opaque),
            (".wh..wh.plnk", Meaning::Metadata),
            (".wh..wh.plnk/12.34", Meaning::Metadata),
            ("x/.wh..wh.orph", Meaning::Metadata),
            ("x/.wh.", Meaning::Nonsense),
            ("x/.wh..", Meaning::Nonsense),
            ("x/.wh...", Meaning::Nonsense),
        ] {
            assert_eq!(meaning(path), wanted, "{path}");
        }
    }

    #[test]
    fn whiteout_removes_its_neighbour() {
        let mut out = String::new();
        removed("x/y/.wh.a", &mut out);
        assert_eq!(out, "x/y/a");
        removed(".wh.a", &mut out);
        assert_eq!(out, "a");
    }
}
