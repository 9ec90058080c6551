//! Which paths may be programs or shared objects, by name alone.

/// Endings of files that are never linked programs, in order. Anything else may be one, as programs
/// have no ending (`kubectl`), `.so`, `.exe`, `.bin`, `.node`, or a version (`libfoo.so.1`, `app-1.2`).
#[rustfmt::skip]
const OTHER_ENDINGS: [&str; 147] = [
    "a", "afm", "apk", "avi", "awk", "bak", "bash", "bat", "bmp", "bz2", "c", "cc", "cer", "cfg", "cjs",
    "class", "cmake", "cnf", "conf", "cpp", "crl", "crt", "cs", "css", "csv", "cts", "d", "dat", "db",
    "deb", "dtd", "ear", "egg-info", "el", "elc", "eot", "eps", "fish", "gif", "gir", "gmo", "go", "gpg",
    "gz", "h", "hpi", "hpp", "htm", "html", "ico", "idx", "inc", "ini", "ipynb", "jar", "java", "jmod",
    "jpeg", "jpg", "jpi", "js", "json", "jsx", "key", "ko", "kt", "la", "less", "list", "lock", "log",
    "lua", "lz4", "m4", "map", "md", "md5sums", "mjs", "mo", "mod", "mp3", "mp4", "mts", "o", "obj",
    "ogg", "otf", "pack", "pak", "par", "patch", "pc", "pdf", "pem", "php", "pl", "plist", "pm", "png",
    "po", "pod", "pot", "properties", "ps", "pub", "py", "pyc", "pyi", "pyo", "rb", "rlib", "rpm", "rs",
    "rst", "sar", "sass", "scss", "sh", "sig", "sqlite", "sum", "svg", "tar", "tcl", "tgz", "tmpl",
    "toml", "ts", "tsx", "ttf", "txt", "typelib", "vim", "war", "wav", "webp", "whl", "woff", "woff2",
    "xml", "xsd", "xsl", "xz", "yaml", "yml", "zip", "zst",
];

/// Files without an ending that other extractors read.
const OTHER_NAMES: [&str; 3] = ["METADATA", "PKG-INFO", "os-release"];

/// Folders whose files are read by people or by programs, never run.
const OTHER_FOLDERS: [&str; 22] = [
    "usr/share/doc/",
    "usr/share/fonts/",
    "usr/share/i18n/",
    "usr/share/icons/",
    "usr/share/info/",
    "usr/share/licenses/",
    "usr/share/locale/",
    "usr/share/man/",
    "usr/share/perl/",
    "usr/share/terminfo/",
    "usr/share/zoneinfo/",
    "usr/include/",
    "usr/lib/debug/",
    "usr/lib/locale/",
    "var/lib/dpkg/",
    "var/lib/apt/",
    "lib/apk/db/",
    "usr/lib/apk/db/",
    "usr/lib/sysimage/rpm/",
    "usr/share/rpm/",
    "var/lib/rpm/",
    "var/lib/rpmmanifest/",
];

/// Whether the file at `path` is worth a look at its first bytes.
pub(super) fn may_be_binary(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    !name.is_empty()
        && !OTHER_NAMES.contains(&name)
        && !has_other_ending(name)
        && !OTHER_FOLDERS.iter().any(|folder| path.starts_with(folder))
}

fn has_other_ending(name: &str) -> bool {
    let Some((stem, ending)) = name.rsplit_once('.') else { return false };
    !stem.is_empty() && OTHER_ENDINGS.binary_search(&ending.to_ascii_lowercase().as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_in_order() {
        assert!(OTHER_ENDINGS.is_sorted());
    }
}
