//! What a person sees of `perceptor up`: plain lines, JSON lines, or a table that lives.

use super::mesh::Mesh;
use super::places::Places;
use crate::commands::{advisories, remote};
use crate::output::{self, Row, Table};
use crate::progress::Progress;
use anyhow::Result;
use api_chassis::shutdown::Shutdown;
use api_client::Client;
use api_vocab::Timestamp;
use api_wire::event::{Change, Event};
use api_wire::image::{Image, ImageQuery, ImageSort};
use api_wire::page::Order;
use api_wire::summary::Summary;
use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// How often the living table is drawn, and how often is asked whether all is settled.
const GLANCE: Duration = Duration::from_millis(500);
/// How many images the table shows.
const SHOWN: u32 = 40;

/// Where everything is shown.
pub struct Screen<'o> {
    out: &'o mut (dyn Write + Send),
    look: Look,
    progress: Arc<Progress>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Plain,
    Json,
    Living,
}

/// What is known at one moment.
struct Glance {
    summary: Summary,
    images: Vec<Image>,
}

impl<'o> Screen<'o> {
    /// A living table on a terminal, else plain lines; JSON lines if asked for.
    pub fn new(json: bool, out: &'o mut (dyn Write + Send)) -> Self {
        let terminal = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
        let look = match (json, terminal) {
            (true, _) => Look::Json,
            (false, true) => Look::Living,
            (false, false) => Look::Plain,
        };
        let progress = if look == Look::Living { Progress::on_terminal() } else { Progress::hidden() };
        Screen { out, look, progress: Arc::new(progress) }
    }

    /// Draws what the scanner reads.
    pub const fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// Say what there is to watch.
    pub fn say_places(&mut self, places: &Places) -> Result<()> {
        if self.look == Look::Json {
            return Ok(());
        }
        for candidate in &places.candidates {
            writeln!(self.out, "{:<18} {}: {}", candidate.origin, candidate.endpoint, candidate.state)?;
        }
        if places.is_sample {
            writeln!(
                self.out,
                "no container engine answers; showing the sample (--inventory FILE shows yours)"
            )?;
        } else if let Some((file, inventory)) = &places.inventory {
            writeln!(self.out, "{:<18} {}: {} pods", "inventory", file.display(), inventory.pods.len())?;
        }
        Ok(())
    }

    /// Say where the API is.
    pub fn say_ready(&mut self, mesh: &Mesh, data: &Path) -> Result<()> {
        if self.look != Look::Json {
            writeln!(self.out, "{:<18} {}/docs, data in {}", "REST API", mesh.url(), data.display())?;
        }
        Ok(self.out.flush()?)
    }

    /// Say that it ends.
    pub fn say_stopping(&mut self) -> Result<()> {
        self.progress.clear();
        if self.look != Look::Json {
            writeln!(self.out, "stopping: scans are finished or given back")?;
        }
        Ok(())
    }

    /// Show what happens, until `shutdown` begins, or with `once` until every image is settled.
    pub async fn follow(&mut self, mesh: &Mesh, once: bool, shutdown: &Shutdown) -> Result<()> {
        let client = mesh.client();
        let mut events = pin!(client.events(Some(mesh.before())));
        let mut glances = tokio::time::interval(GLANCE);
        let living = self.living();
        let mut shown = None;
        loop {
            tokio::select! {
                () = shutdown.begun() => return Ok(()),
                Some(event) = events.next() => self.show_event(&event?)?,
                _ = glances.tick() => {
                    let glance = look(client).await?;
                    let table = glance.table(living.is_some())?;
                    if let Some(bar) = &living {
                        bar.set_message(table);
                    } else if glance.is_settled() && shown.as_ref() != Some(&table) {
                        self.show_settled(&glance, &table)?;
                        shown = Some(table);
                    }
                    if once && glance.is_settled() {
                        return self.show_last(&glance, living.as_ref());
                    }
                }
            }
        }
    }

    fn living(&self) -> Option<ProgressBar> {
        let bar =
            (self.look == Look::Living).then(|| self.progress.bars().add(ProgressBar::new_spinner()))?;
        // The template is ours and has no mistake; without one the bar shows its default.
        Some(ProgressStyle::with_template("{msg}").map_or(bar.clone(), |style| bar.with_style(style)))
    }

    fn show_event(&mut self, event: &Event) -> Result<()> {
        match self.look {
            Look::Json => output::json_line(self.out, event)?,
            // Findings are in the table that follows.
            Look::Plain if !matches!(event.change, Change::FindingsChanged { .. }) => {
                writeln!(self.out, "{}", remote::line(event))?;
            }
            Look::Plain | Look::Living => {}
        }
        Ok(self.out.flush()?)
    }

    fn show_settled(&mut self, glance: &Glance, table: &str) -> Result<()> {
        match self.look {
            Look::Json => output::json_line(self.out, &glance.summary)?,
            Look::Plain | Look::Living => writeln!(self.out, "\n{table}")?,
        }
        Ok(self.out.flush()?)
    }

    fn show_last(&mut self, glance: &Glance, living: Option<&ProgressBar>) -> Result<()> {
        if let Some(bar) = living {
            bar.finish_and_clear();
            writeln!(self.out, "{}", glance.table(true)?)?;
        }
        Ok(())
    }
}

async fn look(client: &Client) -> Result<Glance> {
    let query = ImageQuery {
        sort: Some(ImageSort::Severity),
        order: Some(Order::Desc),
        limit: Some(SHOWN),
        ..ImageQuery::default()
    };
    Ok(Glance { images: client.images(&query).await?.items, summary: client.summary().await? })
}

impl Glance {
    /// Whether something runs and every image of it has come to rest, matched.
    fn is_settled(&self) -> bool {
        let images = &self.summary.images;
        let resting = images.queued + images.leased + images.backoff == 0;
        let matched = |image: &Image| image.packages.is_none() || image.findings.is_some();
        images.total > 0 && resting && self.images.iter().all(matched)
    }

    fn table(&self, terminal: bool) -> Result<String> {
        let mut table = Table::of::<Image>(false, terminal);
        self.images.iter().for_each(|image| table.push(image.cells(false)));
        let mut text = Vec::new();
        table.write(&mut text, terminal.then(output::screen_width))?;
        let more = self.summary.images.total.saturating_sub(self.images.len() as u64);
        if more > 0 {
            writeln!(text, "… and {more} more images: perceptor images")?;
        }
        writeln!(text, "{}", self.line())?;
        write!(text, "advisories: {}", advisories::line(&self.summary.advisories, Timestamp::now()))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn line(&self) -> String {
        let (images, findings) = (&self.summary.images, &self.summary.findings);
        let waiting = images.queued + images.leased + images.backoff;
        let scanned = images.complete + images.partial;
        format!(
            "{} pods, {} images ({scanned} scanned, {waiting} to go, {} partial, {} unscannable), {} packages; \
             {} critical, {} high, {} fixable, {} undecided",
            self.summary.pods,
            images.total,
            images.partial,
            images.unscannable,
            self.summary.packages,
            findings.critical,
            findings.high,
            findings.fixable,
            findings.undecided
        )
    }
}
