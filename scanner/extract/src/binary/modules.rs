//! Go's list of modules, as the linker writes it: one tab-separated line each.

use api_vocab::{Ecosystem, Family, Package, PackageError};

/// More than any program has.
const MAX_MODULES: usize = 50_000;

/// The packages named by a module list: the main module where it has a version, and what was
/// linked with it. Where a module was replaced, the replacement is what was built; replaced by a
/// folder, or without a version, it cannot be compared with anything and is left out.
pub(super) fn packages(list: &str) -> Vec<Result<Package, PackageError>> {
    let mut modules: Vec<(&str, &str)> = Vec::new();
    for line in list.lines() {
        let mut fields = line.split('\t');
        let kind = fields.next().unwrap_or_default();
        let (path, version) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        match kind {
            "mod" | "dep" if modules.len() < MAX_MODULES => modules.push((path, version)),
            "=>" => {
                if let Some(last) = modules.last_mut() {
                    *last = (path, version);
                }
            }
            _ => {}
        }
    }
    modules
        .into_iter()
        .filter(|(_, version)| !matches!(*version, "" | "(devel)"))
        .map(|(path, version)| Package::new(Ecosystem::of(Family::Go), path, version))
        .collect()
}

/// The standard library of the toolchain that calls itself `go1.22rc1`, with the version as Go's
/// vulnerability database writes it: `1.22.0-rc.1`. A toolchain between releases has none.
pub(super) fn standard_library(toolchain: &str) -> Option<Result<Package, PackageError>> {
    let version = semver(toolchain)?;
    Some(Package::new(Ecosystem::of(Family::Go), "stdlib", &version))
}

/// `go1.22.3 X:boringcrypto` is `1.22.3`; `go1.22rc1` is `1.22.0-rc.1`; `go1.20` is `1.20.0`.
fn semver(toolchain: &str) -> Option<String> {
    let word = toolchain.strip_prefix("go")?.split(' ').next()?;
    let (major, rest) = number(word)?;
    let (minor, rest) = number(rest.strip_prefix('.')?)?;
    let (patch, rest) = rest.strip_prefix('.').and_then(number).unwrap_or(("0", rest));
    let before = ["rc", "beta"].into_iter().find_map(|kind| {
        let (count, _) = number(rest.strip_prefix(kind)?)?;
        Some(format!("-{kind}.{count}"))
    });
    Some(format!("{major}.{minor}.{patch}{}", before.unwrap_or_default()))
}

/// The digits that `text` begins with, and what follows.
fn number(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(digits, _)| (1..=9).contains(&digits.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toolchain_name_becomes_a_version() {
        for (toolchain, version) in [
            ("go1.22.3", Some("1.22.3")),
            ("go1.20", Some("1.20.0")),
            ("go1.22rc1", Some("1.22.0-rc.1")),
            ("go1.18beta2", Some("1.18.0-beta.2")),
            ("go1.16.6b7", Some("1.16.6")),
            ("go1.21.1 X:boringcrypto", Some("1.21.1")),
            ("go1.23.4-custom", Some("1.23.4")),
            ("devel go1.24-0123456 Mon", None),
            ("go", None),
            ("go1", None),
            ("go1.", None),
            ("go9999999999.1", None),
            ("", None),
        ] {
            assert_eq!(semver(toolchain).as_deref(), version, "{toolchain}");
        }
    }

    #[test]
    fn modules_replaced_are_what_was_built() {
        let list = "path\tx\nmod\texample.com/x\t(devel)\t\ndep\ta.b/c\tv1.0.0\th1:=\n\
            dep\td.e/f\tv1.0.0\n=>\tg.h/f\tv2.0.0\th1:=\ndep\ti.j/k\tv1.0.0\n=>\t./k\t\t\nbuild\tCGO\t0\n";
        let found: Vec<String> = packages(list)
            .into_iter()
            .map(|p| p.unwrap())
            .map(|p| format!("{}@{}", p.name(), p.version()))
            .collect();
        assert_eq!(found, ["a.b/c@v1.0.0", "g.h/f@v2.0.0"]);
    }
}
