//! Our own binaries as container images, by `deploy/images/build.sh` on a real engine: nothing is pulled,
//! the base is what they need of a system, made of what this machine has.

use crate::engine::Engine;
use crate::mesh::binary;
use crate::parts::{command, run};
use crate::registry::Registry;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The authorities that the system trusts: programs look for them, whoever they speak to.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
const BASE: &str = "e2e/base:1";

/// Every binary that is shipped.
pub const PROGRAMS: [&str; 7] = [
    "perceptor",
    "perceptor-core",
    "perceptor-image-fetcher",
    "perceptor-perceiver-docker",
    "perceptor-perceiver-kubernetes",
    "perceptor-perceiver-openshift",
    "perceptor-scanner",
];

/// The images of our programs in an engine and a registry.
pub struct Images {
    /// In front of each name.
    pub prefix: String,
    /// Values for the chart: names and digests.
    pub values: PathBuf,
}

impl Images {
    /// Build them on `engine` and push them to `registry`, as docs/install.md says; files are below
    /// `folder`.
    ///
    /// # Errors
    /// When a binary is not built, or a real part fails.
    pub fn make(engine: &Engine, registry: &Registry, folder: &Path) -> Result<Self> {
        let (base, programs) = (folder.join("base"), folder.join("programs"));
        make_base(&base)?;
        engine.import(&base, BASE)?;
        std::fs::create_dir_all(&programs)?;
        for name in PROGRAMS {
            // Symbols for debugging would be most of it.
            run(command("strip")?.arg("-o").arg(programs.join(name)).arg(binary(name)?))?;
        }
        let (prefix, logged_in) = (format!("{}/perceptor", registry.host()), folder.join("docker"));
        std::fs::create_dir_all(&logged_in)?;
        std::fs::copy(registry.authfile(), logged_in.join("config.json"))?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("images").join("build.sh");
        let made = folder.join("made");
        run(Command::new(script)
            .envs([("DOCKER_HOST", engine.host().as_str()), ("BASE", BASE), ("PUSH", &prefix)])
            .envs([("BINARIES", &programs), ("DOCKER_CONFIG", &logged_in), ("CARGO_TARGET_DIR", &made)])
            .env("DOCKER_BUILDKIT", "0"))?;
        std::fs::remove_dir_all(&programs)?;
        Ok(Images { prefix, values: made.join("images.yaml") })
    }
}

/// What every one of our programs needs of a system, as a file tree.
fn make_base(tree: &Path) -> Result<()> {
    for name in PROGRAMS {
        for library in libraries(&binary(name)?)? {
            copy(&library, tree)?;
        }
    }
    copy(Path::new(AUTHORITIES), tree)?;
    std::fs::write(tree.join("etc/passwd"), "nonroot:x:65532:65532::/:/sbin/nologin\n")?;
    std::fs::write(tree.join("etc/nsswitch.conf"), "hosts: files dns\n")?;
    std::fs::create_dir_all(tree.join("tmp"))?;
    Ok(())
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
