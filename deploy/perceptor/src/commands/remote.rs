//! Asking a core: the connection, the event stream, documents.

use super::{image, logs_to_stderr};
use crate::cli::{DocumentFormat, EventsArgs, ListFormat, RemoteArgs, SbomArgs};
use crate::output;
use anyhow::{Context, Result};
use api_client::{Client, ClientSettings};
use api_wire::event::{Change, Event};
use api_wire::sbom::SbomFormat;
use futures_util::TryStreamExt;
use std::io::Write;
use std::pin::pin;

/// A client of the core that the command line names.
pub fn connect(args: &RemoteArgs) -> Result<Client> {
    let settings = ClientSettings {
        core: args.core.clone(),
        token_file: args.token_file.clone(),
        ca_file: args.ca_file.clone(),
        ..ClientSettings::default()
    };
    Ok(Client::new(&settings)?)
}

pub async fn events(args: &EventsArgs, out: &mut (dyn Write + Send)) -> Result<()> {
    let client = connect(&args.remote)?;
    logs_to_stderr("warn")?;
    // The stream outlives a core that goes away; one that was never there is to be complained of.
    client.summary().await?;
    let mut events = pin!(client.events(args.after));
    let mut seen = 0;
    while let Some(event) = events.try_next().await? {
        match args.remote.output {
            ListFormat::Json => output::json_line(out, &event)?,
            ListFormat::Table | ListFormat::Wide => writeln!(out, "{}", line(&event))?,
        }
        out.flush()?;
        seen += 1;
        if seen == args.remote.limit {
            break;
        }
    }
    Ok(())
}

/// An event as one line for people.
pub fn line(event: &Event) -> String {
    let what = match &event.change {
        Change::PodPresent { source, pod } => format!("pod {pod} is on {source}"),
        Change::PodGone { source, pod } => format!("pod {pod} is gone from {source}"),
        Change::ImageState { image, state, reason } => {
            let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("image {} is {state}{reason}", image.short())
        }
        Change::ImageMerged { image, alias } => {
            format!("image {} is the same as {}", alias.short(), image.short())
        }
        Change::ImageRetired { image } => format!("image {} is forgotten", image.short()),
        Change::ImageListed { source, image } => format!("image {} is listed by {source}", image.short()),
        Change::ImageUnlisted { source, image } => {
            format!("image {} is listed no longer by {source}", image.short())
        }
        Change::FindingsChanged { image, appeared, disappeared }
            if appeared.is_empty() && disappeared.is_empty() =>
        {
            format!("findings of {} are known anew", image.short())
        }
        Change::FindingsChanged { image, appeared, disappeared } => {
            let ids = |mentions: &[api_wire::event::FindingMention], sign: char| {
                let ids: Vec<String> = mentions.iter().take(5).map(|m| format!("{sign}{}", m.id)).collect();
                let more = mentions.len().saturating_sub(5);
                if more == 0 { ids.join(" ") } else { format!("{} {sign}{more} more", ids.join(" ")) }
            };
            format!("findings of {}: {} {}", image.short(), ids(appeared, '+'), ids(disappeared, '-'))
        }
        Change::RevisionChanged { revision } => format!("advisories are at revision {revision}"),
    };
    format!("{:>6}  {}  {}", event.id, event.at, output::plain(&what).trim_end())
}

pub async fn sbom(args: &SbomArgs, out: &mut (dyn Write + Send)) -> Result<()> {
    let format = match args.format {
        DocumentFormat::Cyclonedx => SbomFormat::Cyclonedx,
        DocumentFormat::Spdx => SbomFormat::Spdx,
    };
    let client = connect(&args.remote)?;
    let document = client.sbom(&image::find(&client, &args.image).await?, format).await?;
    let document = serde_json::from_slice(&document).context("the core's SBOM is not JSON")?;
    Ok(output::json_document(out, &document)?)
}
