//! Where Node finds a package: which paths are manifests of installed packages.

/// Folders inside a package whose `node_modules` are inputs of tests.
const TEST_FOLDERS: [&str; 8] =
    ["test", "tests", "__tests__", "fixture", "fixtures", "__fixtures__", "testdata", "test-fixtures"];

/// Whether `path` is the manifest of a package right below a `node_modules` (or in a store that a
/// package manager keeps there: `.pnpm`, `.store`, `.deno`).
pub(super) fn is_installed_manifest(path: &str) -> bool {
    let Some(folder) = path.strip_suffix("/package.json") else { return false };
    let Some((_, name)) = split_last_modules(folder) else { return false };
    is_package_folder(name) && !lies_in_tests(folder)
}

/// What precedes and follows the last `node_modules/`.
fn split_last_modules(folder: &str) -> Option<(&str, &str)> {
    match folder.rsplit_once("/node_modules/") {
        Some(split) => Some(split),
        None => folder.strip_prefix("node_modules/").map(|name| ("", name)),
    }
}

/// `x`, `@s/x`, or yarn's `.store/x-npm-1.0.0-0123/package`.
fn is_package_folder(name: &str) -> bool {
    let mut parts = name.split('/');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(name), None, ..) => !name.starts_with(['.', '@']),
        (Some(scope), Some(_), None, _) => scope.starts_with('@'),
        (Some(".store"), Some(_), Some("package"), None) => true,
        _ => false,
    }
}

/// Whether a folder of tests lies between the outermost `node_modules` and the innermost one.
/// A package that is itself called `test` lies right below one and is no such folder.
fn lies_in_tests(folder: &str) -> bool {
    let mut inside = false;
    let mut before = "";
    for part in folder.split('/') {
        let is_name = before == "node_modules" || before.starts_with('@');
        if inside && !is_name && TEST_FOLDERS.contains(&part) {
            return true;
        }
        inside |= part == "node_modules";
        before = part;
    }
    false
}
