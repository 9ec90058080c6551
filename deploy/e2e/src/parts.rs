//! Which real parts this machine has: a test without its part says so by name, and in CI fails.

use anyhow::{Context, Result, bail};
use api_vocab::Secret;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;
use tempfile::NamedTempFile;

/// A command that takes longer hangs.
const LONGEST: Duration = Duration::from_secs(600);

/// A cluster with nodes, and the chart's rights in it.
pub const KUBERNETES: &[&str] = &[
    "kube-apiserver",
    "etcd",
    "kubelet",
    "kubectl",
    "helm",
    "containerd",
    "ctr",
    "runc",
    "openssl",
    "busybox",
];

/// A registry with a password, and what pushes to it.
pub const REGISTRY: &[&str] = &["docker-registry", "htpasswd", "skopeo"];

/// What the trees with real packages were built with.
pub const TREES: &[&str] = &["debootstrap", "rpm", "npm"];

/// Whether `test` can run: all `commands` are there and we are root.
///
/// # Panics
/// In CI, where a missing part is a failure.
#[allow(clippy::panic, clippy::print_stderr)]
pub fn has(test: &str, commands: &[&str]) -> bool {
    let missing: Vec<&str> = commands.iter().copied().filter(|command| find(command).is_none()).collect();
    let root = is_root();
    if missing.is_empty() && root {
        return true;
    }
    let why = if root { format!("missing {}", missing.join(", ")) } else { "not root".to_owned() };
    assert!(std::env::var_os("CI").is_none(), "{test} cannot run: {why}");
    eprintln!("LEFT OUT {test}: {why}; `make setup` as root installs what is missing");
    false
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Where a command is: what we built ourselves first, the system folders included.
pub fn find(command: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin", "/sbin"]).map(PathBuf::from);
    built()
        .into_iter()
        .chain(folders)
        .map(|folder| folder.join(command))
        .find(|candidate| candidate.is_file())
}

/// The folder with Kubernetes, etcd and Helm that `deploy/e2e/kubernetes.sh` built.
fn built() -> Option<PathBuf> {
    newest("kubernetes-", |path| path.join("helm").exists() && path.extension() != Some("new".as_ref()))
}

/// The newest folder of our cache whose name begins with `prefix` and that is `whole`.
fn newest(prefix: &str, whole: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    std::fs::read_dir(cache().ok()?.join("perceptor/e2e"))
        .ok()?
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
        .map(|entry| entry.path())
        .filter(|path| whole(path))
        .max_by_key(|path| path.metadata().and_then(|found| found.modified()).ok())
}

fn cache() -> Result<PathBuf> {
    Ok(match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cache"),
    })
}

/// A command that can be run, ready to be given arguments.
///
/// # Errors
/// When it is not on this machine.
pub fn command(name: &str) -> Result<Command> {
    let found = find(name).with_context(|| format!("no {name} on this machine; run `make setup` as root"))?;
    Ok(Command::new(found))
}

/// A text that nobody can guess.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn random_text() -> Result<Secret> {
    let mut bytes = [0_u8; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}

/// Unmount everything at or beneath `folder`, whoever mounted it.
pub fn unmount_beneath(folder: &Path) {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    let ours: Vec<&str> = points.filter(|point| Path::new(point).starts_with(folder)).collect();
    // The last mounted lies on top.
    for point in ours.into_iter().rev() {
        let _ = run(Command::new("umount").args(["--lazy", point]));
    }
}

/// The folder of trees with real package metadata that `deploy/e2e/setup.sh` built.
///
/// # Errors
/// When it was not built.
pub fn trees() -> Result<PathBuf> {
    newest("trees-", |path| path.join("complete").exists())
        .context("the trees are not built; run `make setup` as root")
}

/// The file tree with Docker 26 and Compose v2 that `deploy/e2e/setup.sh` built.
///
/// # Errors
/// When it was not built.
pub fn engine_tree() -> Result<PathBuf> {
    let built = newest("engine26-", |path| path.join("complete").exists());
    Ok(built.context("Docker 26 is not built; run `make setup` as root")?.join("tree"))
}

/// The folder of Python packages with the reference readers of SBOM documents that
/// `deploy/e2e/setup.sh` fetched.
///
/// # Errors
/// When they were not fetched.
pub fn readers() -> Result<PathBuf> {
    let fetched = newest("readers-", |path| path.join("complete").exists());
    Ok(fetched.context("the readers of SBOMs are not there; run `make setup` as root")?.join("python"))
}

/// A script of this crate.
///
/// # Errors
/// When there is none of that name.
pub fn script(name: &str) -> Result<PathBuf> {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name).canonicalize().with_context(|| format!("find {name}"))
}

/// A file tree as a tar archive, which is gone with the answer.
///
/// # Errors
/// When tar fails.
pub fn archive(tree: &Path) -> Result<NamedTempFile> {
    let archive = NamedTempFile::new()?;
    run(Command::new("tar").arg("-C").arg(tree).arg("-cf").arg(archive.path()).arg("."))?;
    Ok(archive)
}

/// Run a command to its end and return what it printed.
///
/// # Errors
/// When it cannot be started, fails or hangs; the error holds what it printed.
pub fn run(command: &mut Command) -> Result<String> {
    let output = output(command).with_context(|| format!("start {command:?}"))?;
    if !output.status.success() {
        bail!(
            "{command:?} failed: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What a command prints; one that hangs is killed.
fn output(command: &mut Command) -> std::io::Result<Output> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (id, (done, is_done)) = (child.id().to_string(), channel::<()>());
    let watch = std::thread::spawn(move || {
        if is_done.recv_timeout(LONGEST) == Err(RecvTimeoutError::Timeout) {
            let _ = Command::new("kill").args(["-KILL", &id]).status();
        }
    });
    let output = child.wait_with_output();
    drop(done);
    let _ = watch.join();
    output
}
