//! `perceptor scan`: one image or folder, no server.

mod report;
mod target;

use super::{Outcome, WrongInput};
use crate::cli::{ScanArgs, ScanFormat};
use crate::folder::data_folder;
use crate::progress::Progress;
use crate::{advisories, output};
use anyhow::Result;
use api_vocab::Timestamp;
use api_wire::sbom::{self, SbomFormat, Subject};
use report::Report;
use std::io::Write;
use target::Target;

pub async fn run(args: ScanArgs, out: &mut (dyn Write + Send)) -> Result<Outcome> {
    let target = Target::of(&args.target, &args.registry)?;
    let index = match &args.advisories {
        Some(path) => advisories::open(path).map_err(|error| WrongInput(format!("{error:#}")))?,
        None => advisories::open_kept(&data_folder(args.data.clone()))?,
    };
    let progress = Progress::on_terminal();
    let scanned = target.scan(&progress).await;
    progress.clear();
    let scanned = scanned?;
    let now = Timestamp::now();
    let report = Report::of(&scanned, &index);
    let subject =
        Subject { digest: scanned.digest(), name: &args.target, inventory: &scanned.inventory, created: now };
    match args.output {
        ScanFormat::Table => report.write_table(&args.target, &scanned, &index, now, out)?,
        ScanFormat::Json => report.write_json(&args.target, &scanned, &index, out)?,
        ScanFormat::Cyclonedx => output::json_document(out, &sbom::render(&subject, SbomFormat::Cyclonedx))?,
        ScanFormat::Spdx => output::json_document(out, &sbom::render(&subject, SbomFormat::Spdx))?,
        ScanFormat::Sarif => output::json_document(out, &report.sarif(&args.target))?,
    }
    if args.output != ScanFormat::Table
        && let Some(gaps) = report.caution(&scanned)
    {
        writeln!(std::io::stderr(), "perceptor: not all is known: {gaps}")?;
    }
    let found = args.fail_on.is_some_and(|threshold| report.worst().is_some_and(|worst| worst >= threshold));
    Ok(if found { Outcome::Found } else { Outcome::Done })
}
