//! The parts that are measured, each a process of its own: this binary again, in a role.
//!
//! A role says on its standard output when it is ready, and ends when its standard input does: no
//! part outlives the measurement, however that ends.

use crate::figures::Process;
use crate::ingest::{block_on, start};
use anyhow::{Context, Result, bail};
use api_chassis::memory::Arenas;
use api_chassis::shutdown::Shutdown;
use clap::Parser;
use perceiver_kubernetes::{app, config::Flags};
use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The argument that begins a role.
pub const ROLE: &str = "--role";
/// The core, on the data folder named next.
const CORE: &str = "core";
/// The Kubernetes perceiver: the flags that it is to have follow.
const PERCEIVER: &str = "perceiver";

/// A part that runs.
pub struct Part {
    child: Child,
    /// What it said when it was ready.
    pub said: String,
}

impl Part {
    /// A core on what lies in a folder.
    pub async fn core(folder: &Path, name: &str) -> Result<Self> {
        let folder = folder.to_str().context("a folder whose name is text")?;
        Part::start(&[CORE, folder, name], &[]).await
    }

    /// A Kubernetes perceiver with these flags.
    pub async fn perceiver(flags: &[&str], environment: &[(&str, String)]) -> Result<Self> {
        Part::start(&[&[PERCEIVER], flags].concat(), environment).await
    }

    async fn start(role: &[&str], environment: &[(&str, String)]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(ROLE).args(role).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        command.envs(environment.iter().map(|(name, value)| (*name, value)));
        let mut child = command.spawn().context("start a part")?;
        let mut lines = BufReader::new(child.stdout.take().context("a part without output")?).lines();
        let said = lines.next_line().await?.context("a part ended before it was ready")?;
        // What else it says goes to whoever reads it: nobody.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Part { child, said })
    }

    /// The process.
    pub fn process(&self) -> Process {
        Process::of(self.child.id().unwrap_or_default())
    }

    /// Have it end.
    pub async fn end(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait().await?;
        if !status.success() {
            bail!("a part ended badly: {status}");
        }
        Ok(())
    }
}

/// As many as the program has that is played: a perceiver one, what has a core in it a few.
pub fn arenas(arguments: &[&str]) -> Arenas {
    match arguments {
        [ROLE, PERCEIVER, ..] => Arenas::One,
        _ => Arenas::Few,
    }
}

/// Play a role until standard input ends.
pub fn play(role: &[&str]) -> Result<()> {
    match role {
        [CORE, folder, name] => block_on(core(Path::new(folder), name)),
        [PERCEIVER, flags @ ..] => block_on(perceiver(flags)),
        other => bail!("no role {other:?}"),
    }
}

async fn core(folder: &Path, name: &str) -> Result<()> {
    let core = start(folder, name).await?;
    core.core().matcher.settle().await;
    println!("{}", core.url());
    told_to_end().await;
    core.stop().await?;
    Ok(())
}

async fn perceiver(flags: &[&str]) -> Result<()> {
    let flags = Flags::try_parse_from([&[PERCEIVER], flags].concat())?;
    let settings = flags.settings()?;
    println!("ready");
    let shutdown = Shutdown::new();
    let ending = shutdown.clone();
    tokio::spawn(async move {
        told_to_end().await;
        ending.begin();
    });
    app::run(&flags, settings, shutdown).await
}

async fn told_to_end() {
    // An error is an end as well.
    let _ = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await;
}
