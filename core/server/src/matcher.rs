//! The matcher: packages × advisories, off the writer's thread; what it finds goes in as a command.

use crate::advisories::Advisories;
use crate::engine::{Engine, EngineError};
use crate::metrics::CoreMetrics;
use api_chassis::shutdown::Shutdown;
use api_vocab::{Family, Package};
use core_advisories::{Found, Index};
use core_model::{Answer, Command, Finding, PackageFindings, PackageId, Refusal, View, Vulnerability};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Packages that make one command.
const CHUNK: usize = 2_000;
/// Changed packages up to which a revision comes into force together with its findings.
const AT_ONCE: usize = 5_000;

/// How long the matcher waits before it tries again what broke off.
const PAUSE: Duration = Duration::from_secs(1);

/// Packages with their numbers.
pub type Packages = Vec<(PackageId, Arc<Package>)>;

enum Job {
    Packages(Packages),
    Revision(Index, oneshot::Sender<()>),
    Everything,
    Settle(oneshot::Sender<()>),
}

/// Has packages matched; clones are the same matcher.
#[derive(Clone)]
pub struct Matcher {
    jobs: mpsc::UnboundedSender<Job>,
    rematching: watch::Receiver<bool>,
}

impl Matcher {
    /// A matcher, and the part of it that works.
    pub fn new(
        engine: Engine,
        view: Arc<View>,
        advisories: Advisories,
        metrics: CoreMetrics,
    ) -> (Self, Matching) {
        let (jobs, queue) = mpsc::unbounded_channel();
        let own = jobs.downgrade();
        let (rematches, rematching) = watch::channel(false);
        let matching = Matching { queue, jobs: own, rematches, engine, view, advisories, metrics };
        (Matcher { jobs, rematching }, matching)
    }

    /// Have these packages matched against the advisories in force.
    pub fn match_packages(&self, packages: Packages) {
        if !packages.is_empty() {
            let _ = self.jobs.send(Job::Packages(packages));
        }
    }

    /// Have all packages matched: after a restart.
    pub fn match_everything(&self) {
        let _ = self.jobs.send(Job::Everything);
    }

    /// Whether other advisories are coming into force, piece by piece: findings of the same image
    /// may change again and again until they are.
    pub fn rematching(&self) -> watch::Receiver<bool> {
        self.rematching.clone()
    }

    /// Bring other advisories into force; returns when all that they change is known.
    pub async fn bring_into_force(&self, index: Index) {
        let (done, wait) = oneshot::channel();
        if self.jobs.send(Job::Revision(index, done)).is_ok() {
            let _ = wait.await;
        }
    }
}

impl Matcher {
    /// Wait until all that was asked before is done.
    pub async fn settle(&self) {
        let (done, wait) = oneshot::channel();
        if self.jobs.send(Job::Settle(done)).is_ok() {
            let _ = wait.await;
        }
    }
}

/// The part of a matcher that works, one job after the other.
pub struct Matching {
    queue: mpsc::UnboundedReceiver<Job>,
    jobs: mpsc::WeakUnboundedSender<Job>,
    rematches: watch::Sender<bool>,
    engine: Engine,
    view: Arc<View>,
    advisories: Advisories,
    metrics: CoreMetrics,
}

impl Matching {
    /// Work until `shutdown` begins, every handle is gone, or the engine stops. What is not
    /// matched by then is matched at the next start.
    pub async fn run(mut self, shutdown: Shutdown) {
        loop {
            let job = tokio::select! {
                job = self.queue.recv() => job,
                () = shutdown.begun() => None,
            };
            let Some(job) = job else { return };
            self.rematches.send_replace(matches!(job, Job::Everything | Job::Revision(..)));
            let outcome = match job {
                Job::Packages(packages) => self.packages(packages).await,
                Job::Everything => self.everything().await,
                Job::Settle(done) => {
                    let _ = done.send(());
                    Ok(())
                }
                Job::Revision(index, done) => {
                    let outcome = self.revision(index).await;
                    let _ = done.send(());
                    outcome
                }
            };
            self.rematches.send_replace(false);
            if self.queue.is_empty() {
                self.advisories.index().rest();
            }
            if let Err(error) = outcome {
                tracing::warn!(%error, "matching broke off");
                if error == EngineError::Stopped {
                    return;
                }
                tokio::time::sleep(PAUSE).await;
                self.again();
            }
        }
    }

    /// Whatever was lost is found again by matching everything once more.
    fn again(&self) {
        if let Some(jobs) = self.jobs.upgrade() {
            let _ = jobs.send(Job::Everything);
        }
    }

    async fn packages(&self, packages: Packages) -> Result<(), EngineError> {
        self.note_families(&packages);
        for chunk in packages.chunks(CHUNK) {
            let index = self.advisories.index();
            let revision = index.revision().clone();
            let findings = self.find(index, chunk.to_vec()).await;
            match self.engine.apply(Command::Match { revision, findings }).await {
                // Only this task changes the revision; a stale one means that the model was
                // restored, and everything is matched again then.
                Ok(_) | Err(EngineError::Refused(Refusal::StaleRevision { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// All packages once more; the model keeps what has not changed.
    async fn everything(&self) -> Result<(), EngineError> {
        let revision = self.advisories.index().revision().clone();
        let command = Command::ChangeRevision { revision, below: u32::MAX, findings: Vec::new() };
        self.engine.apply(command).await?;
        self.packages(self.listed(|_| true)).await
    }

    async fn revision(&self, index: Index) -> Result<(), EngineError> {
        let changes = index.changes_since(&self.advisories.index());
        let all = self.listed(|_| true);
        let below = all.last().map_or(0, |(id, _)| id.number().saturating_add(1));
        let touched: Packages = all.into_iter().filter(|(_, package)| changes.touch(package)).collect();
        let revision = index.revision().clone();
        self.advisories.put(index.clone());
        let at_once = touched.len() <= AT_ONCE;
        let findings = if at_once { self.find(index, touched.clone()).await } else { Vec::new() };
        let command = Command::ChangeRevision { revision: revision.clone(), below, findings };
        let answer = self.engine.apply(command).await?;
        tracing::info!(%revision, packages = touched.len(), "advisories in force");
        if !at_once {
            self.packages(touched).await?;
        }
        match answer {
            Answer::Unmatched(packages) => self.packages(packages).await,
            _ => Err(EngineError::Mismatched("a revision")),
        }
    }

    async fn find(&self, index: Index, packages: Packages) -> Vec<PackageFindings> {
        self.metrics.matched(packages.len());
        let found = tokio::task::spawn_blocking(move || find(&index, &packages)).await;
        found.unwrap_or_default()
    }

    fn listed(&self, wanted: impl Fn(&core_model::FleetPackage) -> bool) -> Packages {
        let mut packages = Vec::new();
        let mut after = None;
        loop {
            let page = self.view.packages_after(after, 4_096);
            let Some(last) = page.last() else { return packages };
            after = Some(last.id);
            packages.extend(page.into_iter().filter(&wanted).map(|package| (package.id, package.package)));
        }
    }

    fn note_families(&self, packages: &Packages) {
        let families: BTreeSet<Family> =
            packages.iter().map(|(_, package)| package.ecosystem().family()).collect();
        self.advisories.note_families(families);
    }
}

/// What is wrong with each of these packages, as the model takes it.
pub fn find(index: &Index, packages: &Packages) -> Vec<PackageFindings> {
    find_by(Index::find, index, packages)
}

/// What is wrong with a package, by [`Index::find`].
pub fn found_of(index: &Index, package: &Package) -> Found {
    guarded(Index::find, index, package)
}

fn find_by(matching: MatchOne, index: &Index, packages: &Packages) -> Vec<PackageFindings> {
    let findings_of = |(id, package): &(PackageId, Arc<Package>)| {
        let found = guarded(matching, index, package);
        PackageFindings {
            package: *id,
            undecided: u32::try_from(found.undecided.len()).unwrap_or(u32::MAX),
            findings: found.findings.into_iter().map(finding).collect(),
        }
    };
    packages.iter().map(findings_of).collect()
}

/// How one package is matched.
type MatchOne = fn(&Index, &Package) -> Found;

/// A package that matching breaks on is undecided: whatever names it is to be looked at by a
/// person, and the other packages are matched.
fn guarded(matching: MatchOne, index: &Index, package: &Package) -> Found {
    // An index is read only: nothing is left half-changed.
    catch_unwind(AssertUnwindSafe(|| matching(index, package))).unwrap_or_else(|_| {
        let (ecosystem, name, version) = (package.ecosystem(), package.name(), package.version());
        tracing::error!(%ecosystem, package = name, version, "matching broke on a package");
        Found { findings: Vec::new(), undecided: index.naming(package) }
    })
}

fn finding(found: core_advisories::Finding) -> Finding {
    Finding {
        vulnerability: Arc::new(Vulnerability {
            id: found.id.into(),
            aliases: found.aliases,
            severity: found.severity,
            score: found.score,
            summary: found.summary,
            url: found.url,
            published: found.published,
        }),
        fix: found.fix.map(Into::into),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api_vocab::Ecosystem;
    use core_advisories::{Imported, IndexBuilder};
    use serde_json::json;

    fn npm(name: &str) -> Package {
        Package::new("npm".parse::<Ecosystem>().unwrap(), name, "1.0.0").unwrap()
    }

    fn index() -> Index {
        let mut builder = IndexBuilder::new("test");
        for (id, name) in [("A-1", "a"), ("B-1", "b"), ("B-2", "b"), ("C-1", "c")] {
            let record = json!({"id": id, "modified": "2026-01-01T00:00:00Z", "affected": [
                {"package": {"ecosystem": "npm", "name": name},
                "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}]}]}]});
            builder.import_record(id, record.to_string().as_bytes(), &mut Imported::default());
        }
        builder.build(api_vocab::Timestamp::from_millis(0)).unwrap()
    }

    #[test]
    fn package_that_matching_breaks_on_is_undecided_and_the_others_are_matched() {
        let breaks_on_b: MatchOne = |index, package| match package.name() {
            "b" => panic!("a comparison that breaks"),
            _ => index.find(package),
        };
        let packages: Packages =
            (0..).map(PackageId::new).zip(["a", "b", "c"].map(|n| Arc::new(npm(n)))).collect();
        let found = find_by(breaks_on_b, &index(), &packages);
        let counts: Vec<_> = found.iter().map(|one| (one.findings.len(), one.undecided)).collect();
        assert_eq!(counts, [(1, 0), (0, 2), (1, 0)]);
        let named = guarded(breaks_on_b, &index(), &npm("b")).undecided;
        assert_eq!(named, ["B-1".into(), "B-2".into()] as [Box<str>; 2]);
    }
}
