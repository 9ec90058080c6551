//! Our own binaries as container images, as `deploy/images/Dockerfile` makes them: a base with the C
//! library and certificates, and the program.

use crate::images::Archive;
use crate::mesh::binary;
use crate::parts::{command, run};
use anyhow::{Context, Result};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The authorities that the system trusts: programs look for them, whoever they speak to.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The base: what every one of our programs needs of a system.
pub struct Foundation {
    tree: PathBuf,
}

impl Foundation {
    /// Make it at `tree`, for these binaries.
    ///
    /// # Errors
    /// When one of them is not built.
    pub fn make(tree: &Path, binaries: &[&str]) -> Result<Self> {
        for name in binaries {
            for library in libraries(&binary(name)?)? {
                copy(&library, tree)?;
            }
        }
        copy(Path::new(AUTHORITIES), tree)?;
        std::fs::write(tree.join("etc/passwd"), "nonroot:x:65532:65532::/:/sbin/nologin\n")?;
        std::fs::write(tree.join("etc/nsswitch.conf"), "hosts: files dns\n")?;
        std::fs::create_dir_all(tree.join("tmp"))?;
        Ok(Foundation { tree: tree.to_path_buf() })
    }

    /// An image of a binary in `folder`, called `reference`.
    ///
    /// # Errors
    /// When the binary is not built or tar fails.
    pub fn image(&self, name: &str, reference: &str, folder: &Path) -> Result<Archive> {
        let tree = tempfile::tempdir_in(folder)?;
        // Symbols for debugging would be most of it.
        let program = tree.path().join("perceptor");
        run(command("strip")?.arg("-o").arg(&program).arg(binary(name)?))?;
        let runs = json!({"Entrypoint": ["/perceptor"], "User": "65532:65532"});
        Archive::running(reference, &[&self.tree, tree.path()], &runs, folder)
    }
}

/// The shared libraries of a program, its loader included.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let printed = run(command("ldd")?.arg(program))?;
    let words = printed.lines().filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    Ok(words.map(PathBuf::from).collect())
}

/// Copy a file into a tree, to the place that it has on this machine.
fn copy(file: &Path, tree: &Path) -> Result<()> {
    let to = tree.join(file.strip_prefix("/")?);
    std::fs::create_dir_all(to.parent().context("a file lies in a folder")?)?;
    std::fs::copy(file, to).map(drop).with_context(|| format!("copy {}", file.display()))
}
