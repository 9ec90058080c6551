//! `perceptor advisories`: which are in force, look for newer ones, import files.

use super::WrongInput;
use super::remote::connect;
use crate::advisories::{days, import};
use crate::cli::{AdvisoriesCommand, ListFormat, RemoteArgs};
use crate::folder::data_folder;
use crate::output;
use anyhow::{Context, Result};
use api_vocab::Timestamp;
use api_wire::revision::AdvisorySet;
use std::io::Write;
use std::path::Path;

type Out<'a> = &'a mut (dyn Write + Send);

pub async fn run(command: AdvisoriesCommand, out: Out<'_>) -> Result<()> {
    match command {
        AdvisoriesCommand::Sync(remote) => sync(&remote, out).await,
        AdvisoriesCommand::Status(remote) => status(&remote, out).await,
        AdvisoriesCommand::Import { path, data } => keep(&path, &data_folder(data), out),
    }
}

async fn sync(remote: &RemoteArgs, out: Out<'_>) -> Result<()> {
    connect(remote)?.look_for_advisories().await?;
    writeln!(
        out,
        "the core looks for newer advisories now; `perceptor advisories status` says what is in force"
    )?;
    Ok(())
}

async fn status(remote: &RemoteArgs, out: Out<'_>) -> Result<()> {
    let revision = connect(remote)?.advisories().await?;
    if remote.output == ListFormat::Json {
        return Ok(output::json_line(out, &revision)?);
    }
    writeln!(out, "{}", line(&revision.set, Timestamp::now()))?;
    for count in &revision.ecosystems {
        writeln!(out, "{:>9}  {}", count.advisories, count.ecosystem)?;
    }
    Ok(())
}

/// A set of advisories in one line.
pub fn line(set: &AdvisorySet, now: Timestamp) -> String {
    let age = set.newest.map_or_else(|| "age unknown".to_owned(), |at| format!("newest {}", days(now, at)));
    let id: String = set.id.as_str().chars().take(12).collect();
    format!("{} advisories from {}, revision {id}, {age}", set.advisories, set.origin)
}

/// Build the index before the former one is touched: a broken feed replaces nothing.
fn keep(path: &Path, data: &Path, out: Out<'_>) -> Result<()> {
    let (builder, imported) = import(path).map_err(|error| WrongInput(format!("{error:#}")))?;
    std::fs::create_dir_all(data).with_context(|| format!("make data folder {}", data.display()))?;
    let target = data.join(core_server::advisories::INDEX);
    let index = builder.write(&target, Timestamp::now())?;
    writeln!(
        out,
        "read {} records ({} withdrawn, {} broken, {} for unknown ecosystems)",
        imported.records, imported.withdrawn, imported.broken, imported.unknown_ecosystems
    )?;
    for problem in &imported.problems {
        writeln!(out, "  {}: {}", problem.name, problem.reason)?;
    }
    writeln!(out, "{} in {}", crate::advisories::describe(&index, Timestamp::now()), target.display())?;
    Ok(())
}
