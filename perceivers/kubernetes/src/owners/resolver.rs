//! Resolves controllers into workloads: each is read once however many pods ask, what was found is
//! kept, and all is read again by the clock, since annotations change.

use super::climb::{Climb, Known, Workload, climb};
use super::reader::{ReadError, Reader};
use crate::record::Controller;
use api_chassis::shutdown::Shutdown;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long one that could not be read rests before it is tried again.
const REST: Duration = Duration::from_secs(15);

/// What the resolver is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Which workload stands above this controller?
    Who(Arc<Controller>),
    /// These are all that matter; read them again.
    Again(Vec<Arc<Controller>>),
}

/// Answers, in batches; one that changes is answered again.
pub type Resolvers = Vec<(Arc<Controller>, Workload)>;

/// Group and version, and kind.
type Kind = (Arc<str>, Arc<str>);

/// Resolves controllers into workloads.
pub struct Resolver {
    reader: Arc<dyn Reader>,
    /// Read in this round.
    known: HashMap<Arc<Controller>, Known>,
    /// What was told of each that was asked about.
    told: HashMap<Arc<Controller>, Workload>,
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
            told: HashMap::new(),
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
                let rest = async {
                    if self.open.is_empty() {
                        std::future::pending().await
                    } else {
                        tokio::time::sleep(REST).await
                    }
                };
                tokio::select! {
                    question = questions.recv() => {
                        let Some(question) = question else { return };
                        self.take(question);
                    }
                    () = rest => {}
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
                // Kept until read again: a server that does not answer makes nobody forget.
                self.open.extend(all);
                self.told.retain(|controller, _| self.open.contains(controller));
            }
        }
    }

    /// One round: read until every open one is answered as far as it can be.
    async fn work(&mut self) -> Resolvers {
        self.failed.clear();
        loop {
            let needed = self.needed();
            if needed.is_empty() {
                let found = self.answer();
                // Read again when somebody asks: there are as many as there are workloads.
                self.known = HashMap::new();
                return found;
            }
            for (_, wanted) in needed {
                let (found, error) = self.reader.read(wanted.clone()).await;
                self.known.extend(found);
                self.failed.extend(wanted.into_iter().filter(|one| !self.known.contains_key(one)));
                self.note(error);
            }
        }
    }

    /// What must be read next, by kind.
    fn needed(&self) -> HashMap<Kind, Vec<Arc<Controller>>> {
        let mut needed: HashMap<_, HashSet<Arc<Controller>>> = HashMap::new();
        for first in &self.open {
            if let Climb::Needs(next, _) = climb(first, |controller| self.known.get(controller))
                && !self.failed.contains(&next)
            {
                let kind = (Arc::clone(&next.api_version), Arc::clone(&next.kind));
                needed.entry(kind).or_default().insert(next);
            }
        }
        needed.into_iter().map(|(kind, wanted)| (kind, wanted.into_iter().collect())).collect()
    }

    /// Answer every open one; those whose top is not known stay open.
    fn answer(&mut self) -> Resolvers {
        let mut found = Vec::new();
        for first in std::mem::take(&mut self.open) {
            let workload = match climb(&first, |controller| self.known.get(controller)) {
                Climb::Done(workload) => workload,
                // What can no longer be read is what it was.
                Climb::Ends(last) => self.told.get(&first).cloned().unwrap_or(last),
                Climb::Needs(_, last) => {
                    self.open.insert(Arc::clone(&first));
                    // What was known better stays.
                    self.told.get(&first).cloned().unwrap_or(last)
                }
            };
            if self.told.get(&first) != Some(&workload) {
                self.told.insert(Arc::clone(&first), workload.clone());
                found.push((first, workload));
            }
        }
        found
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

#[cfg(test)]
mod tests;
