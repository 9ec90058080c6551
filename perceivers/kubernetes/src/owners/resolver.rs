//! Resolves controllers into workloads: each is read once however many pods ask, what was found is
//! kept, and all is read again by the clock, since annotations change.

use super::climb::{Climb, Known, Workload, climb};
use super::reader::{ReadError, Reader, listed};
use crate::intern::Interner;
use crate::record::Controller;
use api_chassis::shutdown::Shutdown;
use api_vocab::Uid;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How long one that could not be read rests before it is tried again.
const REST: Duration = Duration::from_secs(15);
/// Nobody asks for so long: what was listed is not needed any more.
const QUIET: Duration = Duration::from_secs(2);
/// What was listed so long ago is listed again.
const FRESH: Duration = Duration::from_secs(60);

/// What the resolver is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Which workload stands above this controller?
    Who(Arc<Controller>),
    /// These are all that matter; read them again.
    Again(Vec<Arc<Controller>>),
}

/// Answers, in batches; one that changes is answered again.
pub type Resolvers = Vec<(Arc<Controller>, Arc<Workload>)>;

/// Group and version, and kind.
type Kind = (Arc<str>, Arc<str>);

/// Resolves controllers into workloads.
pub struct Resolver {
    reader: Arc<dyn Reader>,
    /// Read in this round.
    known: HashMap<Arc<Controller>, Known>,
    /// All of some kinds, by id: while pods are listed, questions come for minutes without an end,
    /// and what is above them is to be listed once.
    listed: HashMap<Kind, HashMap<Uid, Known>>,
    /// The first of them.
    listed_at: Option<Instant>,
    /// What was told of each that was asked about.
    told: HashMap<Arc<Controller>, Arc<Workload>>,
    workloads: Interner<Workload>,
    /// Asked about, and not answered to the end.
    open: BTreeSet<Arc<Controller>>,
    /// Could not be read in this round.
    failed: HashSet<Arc<Controller>>,
    said: HashSet<String>,
}

impl Resolver {
    /// A resolver that reads by `reader`.
    pub fn new(reader: Arc<dyn Reader>) -> Self {
        Resolver {
            reader,
            known: HashMap::new(),
            listed: HashMap::new(),
            listed_at: None,
            told: HashMap::new(),
            workloads: Interner::default(),
            open: BTreeSet::new(),
            failed: HashSet::new(),
            said: HashSet::new(),
        }
    }

    /// Answer until nobody asks any more, or shutdown.
    pub async fn run(
        mut self,
        mut questions: mpsc::UnboundedReceiver<Question>,
        answers: mpsc::Sender<Resolvers>,
        shutdown: Shutdown,
    ) {
        let working = async {
            loop {
                tokio::select! {
                    question = questions.recv() => {
                        let Some(question) = question else { return };
                        self.take(question);
                    }
                    () = after(QUIET, !self.listed.is_empty()) => {
                        self.forget();
                        continue;
                    }
                    () = after(REST, !self.open.is_empty()) => {}
                }
                while let Ok(question) = questions.try_recv() {
                    self.take(question);
                }
                let found = self.work().await;
                if !found.is_empty() && answers.send(found).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = working => {}
            () = shutdown.begun() => {}
        }
    }

    fn take(&mut self, question: Question) {
        match question {
            Question::Who(controller) => drop(self.open.insert(controller)),
            Question::Again(all) => {
                self.forget();
                // Kept until read again: a server that does not answer makes nobody forget.
                self.open.extend(all);
                self.told.retain(|controller, _| self.open.contains(controller));
                self.workloads.sweep();
            }
        }
    }

    /// What was listed is read again when somebody asks: there is as much of it as there are workloads.
    fn forget(&mut self) {
        self.listed = HashMap::new();
        self.listed_at = None;
        self.told.shrink_to_fit();
    }

    /// What is known of a controller.
    fn known(&self, controller: &Controller) -> Option<&Known> {
        let listed = || listed(self.listed.get(&kind(controller))?, controller);
        self.known.get(controller).or_else(listed)
    }

    /// One round: read until every open one is answered as far as it can be.
    async fn work(&mut self) -> Resolvers {
        self.failed.clear();
        if self.listed_at.is_some_and(|at| at.elapsed() > FRESH) {
            self.forget();
        }
        loop {
            let needed = self.needed();
            if needed.is_empty() {
                let found = self.answer();
                self.known = HashMap::new();
                return found;
            }
            for (kind, wanted) in needed {
                let read = self.reader.read(wanted.clone()).await;
                self.known.extend(read.found);
                if !read.listed.is_empty() {
                    self.listed.insert(kind, read.listed);
                    self.listed_at.get_or_insert_with(Instant::now);
                }
                let failed: Vec<_> = wanted.into_iter().filter(|one| self.known(one).is_none()).collect();
                self.failed.extend(failed);
                self.note(read.error);
            }
        }
    }

    /// What must be read next, by kind.
    fn needed(&self) -> HashMap<Kind, Vec<Arc<Controller>>> {
        let mut needed: HashMap<_, HashSet<Arc<Controller>>> = HashMap::new();
        for first in &self.open {
            if let Climb::Needs(next, _) = climb(first, |controller| self.known(controller))
                && !self.failed.contains(&next)
            {
                needed.entry(kind(&next)).or_default().insert(next);
            }
        }
        needed.into_iter().map(|(kind, wanted)| (kind, wanted.into_iter().collect())).collect()
    }

    /// Answer every open one; those whose top is not known stay open.
    fn answer(&mut self) -> Resolvers {
        let mut found = Vec::new();
        for first in std::mem::take(&mut self.open) {
            let (workload, done) = match climb(&first, |controller| self.known(controller)) {
                Climb::Done(workload) => (self.workloads.share(workload), true),
                // What can no longer be read is what it was.
                Climb::Ends(last) => (self.known_better(&first, last), true),
                Climb::Needs(_, last) => (self.known_better(&first, last), false),
            };
            if !done {
                self.open.insert(Arc::clone(&first));
            }
            if self.told.get(&first) != Some(&workload) {
                self.told.insert(Arc::clone(&first), Arc::clone(&workload));
                found.push((first, workload));
            }
        }
        found
    }

    /// What was told of it stays; else `last`.
    fn known_better(&mut self, first: &Arc<Controller>, last: Workload) -> Arc<Workload> {
        match self.told.get(first) {
            Some(told) => Arc::clone(told),
            None => self.workloads.share(last),
        }
    }

    /// Each complaint once; one that was healed may come again.
    fn note(&mut self, error: Option<ReadError>) {
        match error {
            None => {}
            Some(error @ ReadError::Forbidden { .. }) if self.said.insert(error.to_string()) => {
                tracing::warn!(%error, "owners above are not seen");
            }
            Some(error) => tracing::debug!(%error, "owner not read; will keep trying"),
        }
    }
}

fn kind(controller: &Controller) -> Kind {
    (Arc::clone(&controller.api_version), Arc::clone(&controller.kind))
}

/// Ends after `time` if it is to, else never.
async fn after(time: Duration, ends: bool) {
    if ends { tokio::time::sleep(time).await } else { std::future::pending().await }
}

#[cfg(test)]
mod tests;
