//! A scripted engine on a real unix socket, for the tests of the watch.

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

type Act = Box<dyn FnOnce(&FakeEngine) + Send>;

#[derive(Default)]
struct State {
    containers: Vec<Value>,
    asked: Vec<String>,
    told: Vec<String>,
    on_list: Option<Act>,
}

/// Answers as an engine does; clones are the same engine.
#[derive(Clone)]
pub(crate) struct FakeEngine {
    path: PathBuf,
    state: Arc<Mutex<State>>,
    events: broadcast::Sender<String>,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl FakeEngine {
    /// An engine whose socket will be at `path`; see [`FakeEngine::start`].
    pub(crate) fn at(path: &Path) -> Self {
        FakeEngine {
            path: path.to_owned(),
            state: Arc::default(),
            events: broadcast::Sender::new(64),
            task: Arc::default(),
        }
    }

    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.path.display())
    }

    /// Listen; what runs is what ran before.
    pub(crate) fn start(&self) {
        let listener = UnixListener::bind(&self.path).unwrap();
        let engine = self.clone();
        let task = tokio::spawn(async move {
            let mut tasks = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let engine = engine.clone();
                tasks.spawn(async move { engine.serve(stream).await });
            }
        });
        *self.task.lock().unwrap() = Some(task);
    }

    /// Die: cut every connection, take the socket away.
    pub(crate) async fn kill(&self) {
        let task = self.task.lock().unwrap().take().unwrap();
        task.abort();
        let _ = task.await;
        std::fs::remove_file(&self.path).unwrap();
    }

    pub(crate) fn run(&self, id: &str, name: &str) {
        self.add(json!({
            "Id": id, "Names": [format!("/{name}")], "Image": "bb:1",
            "ImageID": format!("sha256:{}", "ab".repeat(32)), "State": "running", "Labels": {},
        }));
        self.tell("container", "start", id);
    }

    pub(crate) fn add(&self, container: Value) {
        self.state.lock().unwrap().containers.push(container);
    }

    pub(crate) fn remove(&self, id: &str) {
        self.state.lock().unwrap().containers.retain(|container| container["Id"] != id);
        self.tell("container", "destroy", id);
    }

    pub(crate) fn tell(&self, kind: &str, action: &str, id: &str) {
        let event = json!({ "Type": kind, "Action": action, "Actor": { "ID": id, "Attributes": {} } });
        let mut state = self.state.lock().unwrap();
        state.told.push(event.to_string());
        // Nobody may be following; a real engine does not mind either.
        let _ = self.events.send(event.to_string());
    }

    /// Do something right after the next list was made up and before it is sent.
    pub(crate) fn on_list(&self, act: impl FnOnce(&FakeEngine) + Send + 'static) {
        self.state.lock().unwrap().on_list = Some(Box::new(act));
    }

    /// How many times a path with this in it was asked for.
    pub(crate) fn asked(&self, part: &str) -> usize {
        self.state.lock().unwrap().asked.iter().filter(|path| path.contains(part)).count()
    }

    async fn serve(&self, mut stream: UnixStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let head = String::from_utf8(head).unwrap();
        let path = head.split(' ').nth(1).unwrap().to_owned();
        self.state.lock().unwrap().asked.push(path.clone());
        if path.contains("/events") {
            return self.stream_events(stream, path.contains("since=")).await;
        }
        let body = self.answer(&path).to_string();
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        let _ = stream.write_all(answer.as_bytes()).await;
    }

    fn answer(&self, path: &str) -> Value {
        if path.contains("/containers/json") {
            let (listed, act) = {
                let mut state = self.state.lock().unwrap();
                (state.containers.clone(), state.on_list.take())
            };
            if let Some(act) = act {
                act(self);
            }
            let wanted = |container: &Value| {
                !path.contains("%22id%22") || path.contains(container["Id"].as_str().unwrap())
            };
            return listed.into_iter().filter(wanted).collect();
        }
        match path {
            path if path.contains("/version") => json!({ "ApiVersion": "1.41", "Version": "20.10.24" }),
            path if path.contains("/info") => {
                json!({ "Name": "host-1", "SystemTime": "2026-11-21T07:16:00.5Z" })
            }
            path if path.contains("/images/") => json!({ "RepoTags": ["bb:1"], "RepoDigests": [] }),
            _ => json!({ "Config": { "Image": "bb:1" }, "State": { "StartedAt": "2026-11-21T07:16:00Z" } }),
        }
    }

    /// As real engines do, tell first what happened since the time asked for: here, everything.
    async fn stream_events(&self, mut stream: UnixStream, since: bool) {
        let (told, mut events) = {
            let state = self.state.lock().unwrap();
            (state.told.clone(), self.events.subscribe())
        };
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut sent = stream.write_all(head.as_bytes()).await;
        for event in told.iter().filter(|_| since) {
            sent = sent.and(stream.write_all(chunk(event).as_bytes()).await);
        }
        while let (Ok(()), Ok(event)) = (&sent, events.recv().await) {
            sent = stream.write_all(chunk(&event).as_bytes()).await;
        }
    }
}

fn chunk(event: &str) -> String {
    format!("{:x}\r\n{event}\n\r\n", event.len() + 1)
}
