//! What the core knows and how it decides: the join of pods, images and scans as a pure state
//! machine.
//!
//! # The API in one page
//!
//! ```text
//! Model::apply(&mut self, Command, now: Timestamp) -> Result<Applied { answer, events }, Refusal>
//! Model::new(Settings)    Model::restore(Settings, Snapshot)    Model::snapshot() -> Snapshot
//! View::of(&Snapshot)     View::fold(&self, &Event)             View: all that readers ask
//! ```
//!
//! * **One writer.** One thread owns the [`Model`] and hands it [`Command`]s one by one. A command
//!   is applied whole, answered by an [`Answer`] and [`Event`]s; or it is refused by a [`Refusal`]
//!   and nothing has changed.
//! * **Order: apply → append → publish.** Events go to the store; once they are durable they are
//!   folded into the [`View`], sent to the event stream ([`Event::notice`]), and only then is the
//!   caller answered. If the store fails, whoever waits is told to retry, and the writer replaces
//!   its model by `Model::restore(settings, store.load()?)`. The view never saw what was lost.
//!   Inventories go to the store with the events of their report, in one batch; not before, for
//!   the report may be refused.
//! * **Readers** use the [`View`]: concurrent maps of the same `Arc` records, so reading costs no
//!   copy and never waits for a decision. Lists come in pages: `…_after(key, limit)` in the order
//!   of keys, where the cursor is the last key of the page before; a page is a moment's truth, and
//!   an entry that stays is never skipped nor shown twice.
//! * **Events carry complete new records.** A store keeps them as rows; [`Snapshot`] is all rows.
//!   Event ids ascend without gaps over the life of the store.
//!
//! # The life of an image
//!
//! | from | what happens | to |
//! |---|---|---|
//! | – | a pod refers to the digest, or a source lists it | Queued |
//! | Queued | [`Command::Lease`] | Leased |
//! | Leased | [`Command::Renew`] | Leased, later until |
//! | Leased | [`Command::Report`] | Scanned |
//! | Leased | transient [`Command::Fail`], or [`Command::Sweep`] after until | Backoff; attempts spent: Unscannable |
//! | Leased | permanent [`Command::Fail`] | Unscannable |
//! | Leased | [`Command::Fail`] because it is not within the scanner's reach | Queued for others; if none is left: Unscannable where that is final, Backoff otherwise |
//! | Backoff | [`Command::Sweep`] when due, or [`Command::Rescan`] | Queued |
//! | Scanned | [`Command::Rescan`], [`Command::WantExtractors`] | Queued; the last scan stays visible |
//! | Unscannable | [`Command::Rescan`], or a source or reference appears that is new to it | Queued |
//! | any but Leased | [`Command::Sweep`], nothing refers to it for the retention time | retired |
//!
//! Which image a scanner gets: the one that has waited longest, where an image that the scanner's
//! node runs or holds, that is running at all, or that a person asked for counts as having waited
//! longer ([`Settings`]); so nothing starves. A scanner that names sources or platforms gets only
//! images of these.
//!
//! Of images that other nodes run it gets what its [`Reach`] allows: one that reaches a registry
//! gets those of no node at once, those of nodes without a scanner after [`Settings::node_wait`],
//! and any of which an attempt has failed; those of a node with a scanner are kept for that. An
//! image that is not within a scanner's reach is offered to others at once: to a few nodes that run
//! it, and to whoever reaches a registry. That is one attempt, however many are asked; only once
//! nobody is left it has failed. Each question looks at the heads of a few lines, at what the
//! scanner's node runs, and at what it says to hold: never at all that wait.
//!
//! # Findings
//!
//! Findings hang on unique packages ([`PackageId`]). [`Answer::Reported`], [`Answer::Unmatched`]
//! and [`Model::unmatched`] name packages to match; [`Command::Match`] brings their findings. New
//! advisories come by [`Command::ChangeRevision`]. Each image keeps a [`Tally`]; an event says
//! what appeared and disappeared per image. A restart announces nothing again.
//!
//! # Refuses
//!
//! I/O, clocks, threads, async, randomness (ids come with commands; jitter is derived from the
//! digest), and serialisation: how records look on disk or on the wire is others' promise.

mod answer;
mod command;
mod context;
mod event;
mod finding;
mod identity;
mod image;
mod images;
mod layers;
mod lease;
mod life;
mod listed;
mod listings;
mod matching;
mod misses;
mod model;
mod named;
mod names;
mod nodes;
mod observe;
mod ordered;
mod package_ids;
mod packages;
mod pod;
mod pods;
mod postings;
mod queue;
mod refusal;
mod report;
mod restore;
mod scanner;
mod settings;
mod shared;
mod snapshot;
mod source;
mod sweep;
mod totals;
mod verdict;
mod view;

#[cfg(test)]
mod tests;

pub use answer::{Answer, Applied, Grant, LayerAnswer, ObservationRefusal, Observed, PullSecret};
pub use command::{
    Command, Failure, FailureKind, Identity, Observation, ObservedContainer, ObservedImage, ObservedPod,
    Report,
};
pub use context::{ExposurePath, PodContext, Privileges, WorkloadSettings};
pub use event::{Change, Event, MAX_MENTIONS, Mention, News, Notice};
pub use finding::{BySeverity, Finding, Matched, PackageFindings, PackageId, Tally, Vulnerability};
pub use image::{Image, MAX_PROBLEMS, MAX_REFERENCES, Scan, Stage, State, UnknownStage};
pub use misses::Miss;
pub use model::Model;
pub use named::Named;
pub use package_ids::PackageIds;
pub use pod::{Container, Pod, PodId};
pub use refusal::Refusal;
pub use scanner::{Reach, Registration, Scanner};
pub use settings::Settings;
pub use shared::Shared;
pub use snapshot::Snapshot;
pub use source::{Source, SourceHealth};
pub use totals::Totals;
pub use verdict::Thresholds;
pub use view::{FleetPackage, View};
