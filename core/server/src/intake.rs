//! Intake: a source's full state, taken line by line as it arrives.

use crate::convert::observation::{key_from, line_from, outcome_to};
use crate::engine::{Begun, Engine, EngineError};
use actix_web::web::{Bytes, BytesMut, Payload};
use api_chassis::http::HttpError;
use api_vocab::{Digest, SourceId};
use api_wire::observation::{ObservationOutcome, RefusedObservation};
use core_model::{Answer, Command, Named, Observation};
use futures_util::StreamExt;
use std::collections::VecDeque;
use std::time::Duration;

/// Longest line.
const MAX_LINE: usize = 1 << 20;
/// Longest silence in the middle of a stream.
const SILENCE: Duration = Duration::from_secs(30);
/// Pods that make one command.
const BATCH: usize = 1_000;
/// Commands of one full state that wait for the disk at a time: the next is read meanwhile.
const AHEAD: usize = 2;
/// Most refusals that an answer names.
const MAX_REFUSED: usize = 100;

/// The lines of a body, empty ones left out.
pub struct Lines {
    body: Payload,
    begun: BytesMut,
    ended: bool,
}

impl Lines {
    /// The lines of `body`.
    pub fn of(body: Payload) -> Self {
        Lines { body, begun: BytesMut::new(), ended: false }
    }

    /// The next line; none after the last one.
    pub async fn next(&mut self) -> Result<Option<Bytes>, HttpError> {
        loop {
            if let Some(end) = self.begun.iter().position(|byte| *byte == b'\n') {
                let line = self.begun.split_to(end + 1).freeze();
                let line = line.slice(..end);
                if line.iter().any(|byte| !byte.is_ascii_whitespace()) {
                    return Ok(Some(line));
                }
            } else if self.ended {
                let last = self.begun.split().freeze();
                return Ok(Some(last).filter(|line| line.iter().any(|byte| !byte.is_ascii_whitespace())));
            } else {
                self.more().await?;
            }
        }
    }

    async fn more(&mut self) -> Result<(), HttpError> {
        if self.begun.len() > MAX_LINE {
            return Err(HttpError::too_large(format!("a line is longer than {MAX_LINE} bytes")));
        }
        let chunk = tokio::time::timeout(SILENCE, self.body.next()).await.map_err(|_| {
            HttpError::invalid(format!("nothing came for {} seconds; send all again", SILENCE.as_secs()))
        })?;
        match chunk {
            Some(Ok(bytes)) => self.begun.extend_from_slice(&bytes),
            Some(Err(error)) => {
                return Err(HttpError::invalid(format!("the stream broke: {error}; send all again")));
            }
            None => self.ended = true,
        }
        Ok(())
    }
}

/// A full state that is arriving.
pub struct FullState {
    engine: Engine,
    source: SourceId,
    /// Those that wait to be taken, with their lines.
    batch: (Vec<u64>, Vec<Observation>),
    /// Batches with their lines that are being made durable while others are read.
    begun: VecDeque<(Vec<u64>, Begun)>,
    /// Everything the stream named, taken or not.
    named: Named,
    listed: Vec<Digest>,
    /// Whether a line named nobody knows what.
    unreadable: bool,
    line: u64,
    outcome: ObservationOutcome,
}

impl FullState {
    /// Begin a full state of `source`.
    pub fn begin(engine: Engine, source: SourceId) -> Self {
        FullState {
            engine,
            source,
            batch: Default::default(),
            begun: VecDeque::new(),
            named: Named::default(),
            listed: Vec::new(),
            unreadable: false,
            line: 0,
            outcome: ObservationOutcome::default(),
        }
    }

    /// Take the next line.
    pub async fn take(&mut self, text: &[u8]) -> Result<(), EngineError> {
        let line = self.line;
        self.line += 1;
        match line_from(text) {
            Ok(seen) => {
                match &seen {
                    Observation::PodPresent(pod) => self.named.push(&pod.key),
                    Observation::ImagePresent(image) => self.listed.push(image.digest.clone()),
                    Observation::PodGone(_) | Observation::ImageGone(_) => {}
                }
                self.batch.0.push(line);
                self.batch.1.push(seen);
                if self.batch.1.len() >= BATCH { self.flush().await } else { Ok(()) }
            }
            Err(message) => {
                match key_from(text) {
                    Some(key) => self.named.push(&key),
                    None => self.unreadable = true,
                }
                self.refuse([RefusedObservation { index: line, message }].into_iter(), 1);
                Ok(())
            }
        }
    }

    /// The stream ended well: what it did not name is gone.
    ///
    /// A line of which not even the key could be read may have named any pod: then nothing is gone.
    /// A pod that was refused is there nonetheless.
    pub async fn end(mut self) -> Result<ObservationOutcome, EngineError> {
        self.flush().await?;
        while self.settle().await? {}
        if !self.unreadable {
            let command =
                Command::ObserveRest { source: self.source, named: self.named, images: self.listed };
            self.engine.apply(command).await?;
        }
        Ok(self.outcome)
    }

    async fn flush(&mut self) -> Result<(), EngineError> {
        let (lines, observations) = std::mem::take(&mut self.batch);
        if observations.is_empty() {
            return Ok(());
        }
        while self.begun.len() >= AHEAD {
            self.settle().await?;
        }
        let command = Command::Observe { source: self.source.clone(), observations };
        let begun = self.engine.begin(command, None).await?;
        self.begun.push_back((lines, begun));
        Ok(())
    }

    /// Wait for the first batch that was begun; false if there is none.
    async fn settle(&mut self) -> Result<bool, EngineError> {
        let Some((lines, begun)) = self.begun.pop_front() else { return Ok(false) };
        match begun.answer().await? {
            Answer::Observed(observed) => {
                let taken = outcome_to(&observed, &lines, Vec::new());
                self.outcome.accepted += taken.accepted;
                self.refuse(taken.refused.into_iter(), taken.refused_total);
                Ok(true)
            }
            _ => Err(EngineError::Mismatched("observations")),
        }
    }

    fn refuse(&mut self, refused: impl Iterator<Item = RefusedObservation>, count: u64) {
        let room = MAX_REFUSED.saturating_sub(self.outcome.refused.len());
        self.outcome.refused.extend(refused.take(room));
        self.outcome.refused_total += count;
    }
}
