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
use api_wire::source::SourceQuery;
use api_wire::summary::Summary;
use futures_util::{StreamExt, TryStreamExt};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// How often the living table is drawn, and how often is asked whether all is settled.
const GLANCE: Duration = Duration::from_millis(500);
/// How many images the table shows, where the screen has room.
const SHOWN: u32 = 40;
/// Lines that a living table needs besides its images: the head, the sums, the advisories, and the
/// bars of layers that are being read.
const BESIDES: u32 = 10;

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
    /// Whether a source has told everything since this run began.
    heard: bool,
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
            let why = if places.candidates.is_empty() { "" } else { "no container engine answers; " };
            writeln!(self.out, "{why}showing the sample (--inventory FILE shows yours)")?;
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
        let begun = mesh.begun();
        let mut events = pin!(client.events(Some(mesh.before())));
        let mut glances = tokio::time::interval(GLANCE);
        let living = self.living();
        let (mut shown, mut last) = (None, None);
        loop {
            tokio::select! {
                () = shutdown.begun() => return last.map_or(Ok(()), |last| self.show_last(&last, living.as_ref())),
                Some(event) = events.next() => self.show_event(&event?)?,
                _ = glances.tick() => {
                    let rows = if living.is_some() { rows(output::screen_height()) } else { SHOWN };
                    let glance = look(client, rows, begun).await?;
                    let table = glance.table(living.is_some())?;
                    if let Some(bar) = &living {
                        bar.set_message(table);
                    } else if shown.as_ref() != Some(&table) && glance.is_settled(client).await? {
                        self.show_settled(&glance, &table)?;
                        shown = Some(table);
                    }
                    if once && glance.is_settled(client).await? {
                        return self.show_last(&glance, living.as_ref());
                    }
                    last = Some(glance);
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

/// How many images a screen of so many lines has room for: what does not fit cannot be redrawn.
fn rows(height: Option<usize>) -> u32 {
    let height = height.and_then(|lines| u32::try_from(lines).ok());
    height.map_or(SHOWN, |lines| lines.saturating_sub(BESIDES).clamp(1, SHOWN))
}

async fn look(client: &Client, rows: u32, begun: Timestamp) -> Result<Glance> {
    let query = ImageQuery {
        sort: Some(ImageSort::Severity),
        order: Some(Order::Desc),
        limit: Some(rows),
        ..ImageQuery::default()
    };
    let sources = client.sources(&SourceQuery::default()).await?.items;
    let heard = sources.iter().any(|source| source.last_full_state.is_some_and(|at| at >= begun));
    Ok(Glance { heard, images: client.images(&query).await?.items, summary: client.summary().await? })
}

fn is_matched(image: &Image) -> bool {
    image.packages.is_none() || image.findings.is_some()
}

fn number(count: u64, what: &str) -> String {
    output::many(usize::try_from(count).unwrap_or(usize::MAX), what)
}

impl Glance {
    /// Whether what runs is told, and every image of it has come to rest, matched.
    async fn is_settled(&self, client: &Client) -> Result<bool> {
        let images = &self.summary.images;
        // On a host where nothing runs, that is settled once it was told.
        let told = self.heard || images.total > 0;
        let resting = images.queued + images.leased + images.backoff == 0;
        if !told || !resting || !self.images.iter().all(is_matched) {
            return Ok(false);
        }
        if images.total <= self.images.len() as u64 {
            return Ok(true);
        }
        // The worst are shown; those that nobody has judged yet are at the other end.
        let query = ImageQuery { limit: Some(1_000), ..ImageQuery::default() };
        let all: Vec<Image> = client.every_image(query).try_collect().await?;
        Ok(all.iter().all(is_matched))
    }

    fn table(&self, terminal: bool) -> Result<String> {
        let mut table = Table::of::<Image>(false, terminal && output::has_colour());
        self.images.iter().for_each(|image| table.push(image.cells(false)));
        let mut text = Vec::new();
        table.write(&mut text, terminal.then(output::screen_width))?;
        let more = self.summary.images.total.saturating_sub(self.images.len() as u64);
        if more > 0 {
            writeln!(text, "… and {more} more images: perceptor images")?;
        }
        writeln!(text, "{}", self.line())?;
        write!(text, "advisories: {}", advisories::line(&self.summary.advisories.set, Timestamp::now()))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn line(&self) -> String {
        let (images, findings) = (&self.summary.images, &self.summary.findings);
        let waiting = images.queued + images.leased + images.backoff;
        let scanned = images.complete + images.partial;
        let unresolved = match self.summary.unresolved_containers {
            0 => String::new(),
            count => format!("; {} without an image yet", number(count, "container")),
        };
        format!(
            "{}, {} ({scanned} scanned, {waiting} to go, {} partial, {} unscannable), {}; \
             {} critical, {} high, {} fixable, {} undecided{unresolved}",
            number(self.summary.pods, "pod"),
            number(images.total, "image"),
            images.partial,
            images.unscannable,
            number(self.summary.packages, "package"),
            findings.critical,
            findings.high,
            findings.fixable,
            findings.undecided
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn living_table_is_no_higher_than_the_screen() {
        for (height, shown) in [(None, 40), (Some(8), 1), (Some(24), 14), (Some(200), 40)] {
            assert_eq!(rows(height), shown, "{height:?}");
        }
    }
}
