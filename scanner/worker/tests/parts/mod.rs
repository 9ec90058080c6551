//! A core and a source of images, both scripted, and a scanner between them.

#![allow(dead_code)] // Each test file uses some of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests.

use api_chassis::shutdown::Shutdown;
use api_client::fake::{Answer, FakeCore, Request};
use api_vocab::{Algorithm, Digest};
use api_wire::error::ErrorCode;
use api_wire::fetcher::{
    FetchableLayer, FetcherHealth, Holds, LayerStart, ResolveRequest, ResolvedImage, StoreHealth,
};
use api_wire::image_source::{ByteStream, FetchError, ImageSource, LayerEvent, LayerStream};
use api_wire::layer::LayerInventory;
use api_wire::lease::{ImageIdentity, LayerAnswer, LayerQuestion, Lease, LeaseRenewal};
use api_wire::scanner::ScannerRegistration;
use bytes::Bytes;
use futures_util::future::{BoxFuture, ready};
use futures_util::{FutureExt, StreamExt, stream};
use scanner_engines::{Engine, Native};
use scanner_worker::{Memory, Patience, Pressure, Scanner, ScannerMetrics, ScannerParts, Silent};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub fn sha256(bytes: &[u8]) -> Digest {
    Digest::of(Algorithm::Sha256, bytes)
}

/// A layer of one file.
pub fn a_layer(path: &str, content: &str) -> Bytes {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, path, content.as_bytes()).unwrap();
    builder.into_inner().unwrap().into()
}

/// A Debian with one package in its upper layer.
pub fn debian() -> Vec<Bytes> {
    let status = "Package: openssl\nStatus: install ok installed\nVersion: 3.0.1-1\nArchitecture: amd64\n\n";
    vec![a_layer("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"), a_layer("var/lib/dpkg/status", status)]
}

/// How reading layers goes, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// As it should.
    Well,
    /// The wire is cut within the first layer.
    Cut,
    /// The first layer begins and does not go on until [`FakeSource::go_on`].
    Stall,
    /// The first layer has no end.
    Endless,
    /// The bytes are not those of the diff-id.
    Wrong,
    /// The same, and said so.
    Reconstructed,
}

/// A source with one image; clones are the same source.
#[derive(Clone, Default)]
pub struct FakeSource(Arc<Inner>);

#[derive(Default)]
struct Inner {
    layers: Mutex<Vec<Bytes>>,
    os: Mutex<Option<&'static str>>,
    failure: Mutex<Option<ErrorCode>>,
    health: Mutex<FetcherHealth>,
    readings: Mutex<VecDeque<Reading>>,
    opened: Mutex<Vec<Vec<Digest>>>,
    released: Mutex<Vec<String>>,
    news: Notify,
    stalled: Notify,
}

impl FakeSource {
    pub fn of(layers: Vec<Bytes>) -> Self {
        let source = FakeSource::default();
        *source.0.layers.lock().unwrap() = layers;
        source
    }

    pub fn with_os(self, os: &'static str) -> Self {
        *self.0.os.lock().unwrap() = Some(os);
        self
    }

    pub fn reading(self, readings: &[Reading]) -> Self {
        self.0.readings.lock().unwrap().extend(readings);
        self
    }

    /// Every question is answered by this failure, until `None`.
    pub fn fail(&self, failure: Option<ErrorCode>) {
        *self.0.failure.lock().unwrap() = failure;
    }

    /// It has a registry, which answers or not.
    pub fn registry(&self, reachable: bool) {
        let store = StoreHealth { kind: "registry".into(), source: None, reachable, reason: None };
        *self.0.health.lock().unwrap() = FetcherHealth { stores: vec![store] };
    }

    /// Let a stalled reading go on.
    pub fn go_on(&self) {
        self.0.stalled.notify_one();
    }

    /// Which layers were wanted, each time.
    pub fn opened(&self) -> Vec<Vec<Digest>> {
        self.0.opened.lock().unwrap().clone()
    }

    pub fn released(&self) -> usize {
        self.0.released.lock().unwrap().len()
    }

    pub fn digests(&self) -> Vec<Digest> {
        self.0.layers.lock().unwrap().iter().map(|layer| sha256(layer)).collect()
    }

    /// Wait until layers were opened `times` times.
    pub async fn until_opened(&self, times: usize) {
        let waiting = async {
            loop {
                let news = self.0.news.notified();
                if self.0.opened.lock().unwrap().len() >= times {
                    return;
                }
                news.await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap();
    }

    fn check(&self) -> Result<(), FetchError> {
        match *self.0.failure.lock().unwrap() {
            Some(code) => Err(FetchError::new(code, "told to fail")),
            None => Ok(()),
        }
    }

    fn events(&self, wanted: &[Digest]) -> LayerStream {
        let reading = self.0.readings.lock().unwrap().pop_front().unwrap_or(Reading::Well);
        let layers = self.0.layers.lock().unwrap().clone();
        let mut events = Vec::new();
        let reconstructed = reading == Reading::Reconstructed;
        for diff_id in wanted {
            let layer = layers.iter().find(|layer| sha256(layer) == *diff_id).unwrap();
            let size = layer.len() as u64;
            events.push(Ok(LayerEvent::Start(LayerStart { diff_id: diff_id.clone(), size, reconstructed })));
            let other = matches!(reading, Reading::Wrong | Reading::Reconstructed);
            let chunk = if other { a_layer("x", "other") } else { layer.clone() };
            events.push(Ok(LayerEvent::Chunk(chunk)));
            events.push(Ok(LayerEvent::End));
        }
        match reading {
            Reading::Well | Reading::Wrong | Reading::Reconstructed => stream::iter(events).boxed(),
            Reading::Endless => {
                let chunk = Bytes::from(vec![0; 128 << 10]);
                let more = stream::repeat_with(move || Ok(LayerEvent::Chunk(chunk.clone())));
                stream::iter(events.into_iter().take(2)).chain(more).boxed()
            }
            Reading::Cut => stream::iter(events.into_iter().take(2)).boxed(),
            Reading::Stall => {
                let rest = events.split_off(2);
                let source = self.clone();
                let pause = async move {
                    source.0.stalled.notified().await;
                    stream::iter(rest)
                };
                stream::iter(events).chain(pause.flatten_stream()).boxed()
            }
        }
    }
}

impl ImageSource for FakeSource {
    fn resolve<'a>(&'a self, _: &'a ResolveRequest) -> BoxFuture<'a, Result<ResolvedImage, FetchError>> {
        let platform = format!("{}/amd64", self.0.os.lock().unwrap().unwrap_or("linux")).parse().ok();
        let layer = |diff_id| FetchableLayer { diff_id, digest: None, size: None };
        let image = ResolvedImage {
            handle: "cafe".into(),
            identity: ImageIdentity { platform, ..ImageIdentity::default() },
            layers: self.digests().into_iter().map(layer).collect(),
            fetched_from: "fake".into(),
            references: Vec::new(),
        };
        ready(self.check().map(|()| image)).boxed()
    }

    fn open_layers<'a>(
        &'a self,
        _: &'a str,
        wanted: &'a [Digest],
    ) -> BoxFuture<'a, Result<LayerStream, FetchError>> {
        self.0.opened.lock().unwrap().push(wanted.to_vec());
        self.0.news.notify_waiters();
        ready(self.check().map(|()| self.events(wanted))).boxed()
    }

    fn open_archive<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<ByteStream, FetchError>> {
        ready(Err(FetchError::new(ErrorCode::Unprocessable, "no archive"))).boxed()
    }

    fn release<'a>(&'a self, handle: &'a str) -> BoxFuture<'a, ()> {
        self.0.released.lock().unwrap().push(handle.to_owned());
        ready(()).boxed()
    }

    fn holds(&self) -> BoxFuture<'_, Result<Holds, FetchError>> {
        ready(self.check().map(|()| Holds { digests: self.digests() })).boxed()
    }

    fn health(&self) -> BoxFuture<'_, FetcherHealth> {
        ready(self.0.health.lock().unwrap().clone()).boxed()
    }
}

/// What a core knows that has one image to scan, again and again.
#[derive(Default)]
pub struct CoreState {
    /// Leases still to grant.
    pub to_grant: usize,
    /// How long each lasts.
    pub lasts: u32,
    /// Layers it has.
    pub known: HashMap<Digest, LayerInventory>,
    /// Layers that another scanner has in hand, and how often that is said.
    pub busy: HashMap<Digest, u32>,
    /// Answers given before all others: the request's line contains this text.
    pub first: Vec<(&'static str, Answer)>,
    granted: u128,
}

impl CoreState {
    pub fn granting(leases: usize) -> Self {
        CoreState { to_grant: leases, lasts: 60, ..CoreState::default() }
    }

    /// Answer as a core would.
    pub fn answer(&mut self, request: &Request) -> Answer {
        let line = request.line();
        if let Some(at) = self.first.iter().position(|(text, _)| line.contains(text)) {
            return self.first.remove(at).1;
        }
        let last = line.rsplit('/').next().unwrap().to_owned();
        match (request.method.as_str(), last.as_str()) {
            ("PUT", _) | ("POST", "report" | "failure") => Answer::empty(204),
            ("POST", "leases") => self.grant(),
            ("POST", "renew") => {
                Answer::json(200, &LeaseRenewal { expires_at: now(), expires_in_seconds: self.lasts })
            }
            ("POST", "layers") => Answer::json(200, &self.sort(&request.json().unwrap())),
            ("GET", _) => {
                let known = self.known.iter().find(|(diff_id, _)| line.contains(&diff_id.hex()));
                known.map_or(Answer::refusal(404, "not_found", "no such layer"), |(_, layer)| {
                    Answer::json(200, layer)
                })
            }
            _ => panic!("{line}"),
        }
    }

    fn grant(&mut self) -> Answer {
        if self.to_grant == 0 {
            return Answer::empty(204);
        }
        self.to_grant -= 1;
        self.granted += 1;
        let lease = Lease {
            id: api_vocab::LeaseId::from_bits(self.granted),
            image: sha256(b"image"),
            aliases: Vec::new(),
            references: vec!["a/b:1".into()],
            sources: Vec::new(),
            platform: None,
            runs_on: None,
            pull_secrets: Vec::new(),
            attempt: 1,
            expires_at: now(),
            expires_in_seconds: self.lasts,
        };
        Answer::json(200, &lease)
    }

    fn sort(&mut self, question: &LayerQuestion) -> LayerAnswer {
        let mut answer = LayerAnswer::default();
        for layer in &question.layers {
            let list = match self.busy.get_mut(layer).filter(|left| **left > 0) {
                Some(left) => {
                    *left -= 1;
                    &mut answer.busy
                }
                None if self.known.contains_key(layer) => &mut answer.known,
                None => &mut answer.unknown,
            };
            if !list.contains(layer) {
                list.push(layer.clone());
            }
        }
        answer
    }
}

fn now() -> api_vocab::Timestamp {
    api_vocab::Timestamp::from_millis(0)
}

/// A scanner at work.
pub struct Running {
    pub core: FakeCore,
    pub state: Arc<Mutex<CoreState>>,
    pub source: FakeSource,
    pub shutdown: Shutdown,
    pub ended: JoinHandle<()>,
}

/// How a scanner is set up.
pub struct Setup {
    pub source: FakeSource,
    pub core: CoreState,
    pub engine: Arc<dyn Engine>,
    pub drain: Duration,
    /// Begin with the wire to the core cut.
    pub is_cut: bool,
    pub pressure: Pressure,
}

impl Setup {
    pub fn of(source: FakeSource, core: CoreState) -> Self {
        let engine: Arc<dyn Engine> = Arc::new(Native::default());
        let pressure = Pressure::ignored();
        Setup { source, core, engine, drain: Duration::from_secs(20), is_cut: false, pressure }
    }

    pub async fn start(self) -> Running {
        let state = Arc::new(Mutex::new(self.core));
        let scripted = Arc::clone(&state);
        let core = FakeCore::start(move |request| scripted.lock().unwrap().answer(request)).await.unwrap();
        if self.is_cut {
            core.cut();
        }
        let parts = ScannerParts {
            client: core.client().unwrap(),
            source: Arc::new(self.source.clone()),
            registration: registration(&*self.engine),
            engine: self.engine,
            observer: Arc::new(Silent),
            memory: Memory::of_mib(192),
            pressure: self.pressure,
            metrics: ScannerMetrics::default(),
            patience: patience(),
            name: "scanner-1".parse().unwrap(),
            drain: self.drain,
        };
        let shutdown = Shutdown::new();
        let ended = tokio::spawn(Scanner::new(parts).run(shutdown.clone()));
        Running { core, state, source: self.source, shutdown, ended }
    }
}

fn registration(engine: &dyn Engine) -> ScannerRegistration {
    ScannerRegistration {
        version: "1".into(),
        extractor_set: engine.extractor_set(),
        node: None,
        sources: Vec::new(),
        platforms: Vec::new(),
        max_leases: 1,
        registry: None,
    }
}

fn patience() -> Patience {
    let short = Duration::from_millis(2);
    Patience {
        first: short,
        longest: short,
        busy_wait: short,
        busy_rounds: 3,
        pressure_wait: short,
        ..Patience::default()
    }
}

impl Running {
    /// Wait for `times` requests whose line ends like this; the last of them.
    pub async fn until(&self, end: &str, times: usize) -> Request {
        let matching = |asked: &[Request]| -> Vec<Request> {
            asked.iter().filter(|request| request.line().ends_with(end)).cloned().collect()
        };
        let lines = || self.core.asked().iter().map(Request::line).collect::<Vec<_>>();
        assert!(self.core.until(|asked| matching(asked).len() >= times).await, "{end}: {:#?}", lines());
        matching(&self.core.asked()).pop().unwrap()
    }

    pub fn count(&self, part: &str) -> usize {
        self.core.asked().iter().filter(|request| request.line().contains(part)).count()
    }

    /// Shut down, and wait for the end.
    pub async fn stop(self) {
        self.shutdown.begin();
        tokio::time::timeout(Duration::from_secs(60), self.ended).await.unwrap().unwrap();
    }
}
