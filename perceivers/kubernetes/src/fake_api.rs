//! A scripted API server in this process, for the tests of watch, owners and lease: lists in pages,
//! watches from a version, and fails as it is told.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "it serves tests: what goes wrong in it fails the test"
)]

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How the server treats a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// 403.
    Forbidden,
    /// 429.
    Busy,
    /// 422 to streaming lists: it knows only pages.
    Paged,
}

#[derive(Default)]
struct State {
    /// By path of the object.
    objects: BTreeMap<String, Value>,
    /// Everything that happened: version, path of the object, event.
    log: Vec<(u64, String, Value)>,
    version: u64,
    /// Watches from before this are answered with 410.
    oldest: u64,
    moods: BTreeMap<String, Mood>,
    asked: Vec<String>,
}

/// Clones are the same server.
#[derive(Clone)]
pub struct FakeApi {
    state: Arc<Mutex<State>>,
    address: SocketAddr,
    /// Wakes watches; the number is that of the last cut.
    wake: watch::Sender<u64>,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
    /// Holds its port while it is dead.
    grave: Arc<Mutex<Option<TcpSocket>>>,
}

const PODS: &str = "/api/v1/pods";
const LIST_ENDS: &str = "k8s.io/initial-events-end";

impl FakeApi {
    /// Start one on a free port, without any object.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (state, task) = (Arc::new(Mutex::new(State { version: 10, ..State::default() })), Arc::default());
        let api = FakeApi { state, address, wake: watch::Sender::new(0), task, grave: Arc::default() };
        api.serve_on(listener);
        api
    }

    fn serve_on(&self, listener: TcpListener) {
        let api = self.clone();
        let task = tokio::spawn(async move {
            let mut tasks = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let api = api.clone();
                tasks.spawn(async move { api.serve(stream).await });
            }
        });
        *self.task.lock().unwrap() = Some(task);
    }

    /// Die: cut every connection, refuse new ones.
    pub async fn kill(&self) {
        let task = self.task.lock().unwrap().take().unwrap();
        task.abort();
        let _ = task.await;
        // Nobody answers, and no connection of anyone's can take the port meanwhile.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(self.address).unwrap();
        *self.grave.lock().unwrap() = Some(socket);
    }

    /// Live again, at the same address.
    pub async fn revive(&self) {
        let socket = self.grave.lock().unwrap().take().unwrap();
        self.serve_on(socket.listen(1024).unwrap());
    }

    /// A client of it that does not repeat calls.
    pub fn client(&self) -> kube::Client {
        api_chassis::tls::install_crypto();
        let mut config = kube::Config::new(format!("http://{}", self.address).parse().unwrap());
        config.default_retry = false;
        kube::Client::try_from(config).unwrap()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn nudge(&self) {
        self.wake.send_modify(|_| {});
    }

    /// Put an object; `path` is of the collection.
    pub fn put(&self, collection: &str, mut object: Value) {
        {
            let mut state = self.state();
            state.version += 1;
            let version = state.version;
            object["metadata"]["resourceVersion"] = json!(version.to_string());
            let path = object_path(collection, &object);
            let known = state.objects.insert(path.clone(), object.clone()).is_some();
            let event = json!({ "type": if known { "MODIFIED" } else { "ADDED" }, "object": object });
            state.log.push((version, path, event));
        }
        self.nudge();
    }

    /// Delete the object at `path`, which is there; what the server answers to that.
    pub fn delete(&self, path: &str) -> Value {
        {
            let mut state = self.state();
            state.version += 1;
            let version = state.version;
            let mut object = state.objects.remove(path).unwrap();
            object["metadata"]["resourceVersion"] = json!(version.to_string());
            state.log.push((version, path.to_owned(), json!({ "type": "DELETED", "object": object })));
        }
        self.nudge();
        json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success" })
    }

    /// The object at `path`.
    pub fn object(&self, path: &str) -> Option<Value> {
        self.state().objects.get(path).cloned()
    }

    /// Forget an object without a word, as while nobody watches.
    pub fn forget(&self, path: &str) {
        self.state().objects.remove(path).unwrap();
    }

    /// How `path` is treated from now on.
    pub fn mood(&self, path: &str, mood: Option<Mood>) {
        match mood {
            Some(mood) => drop(self.state().moods.insert(path.to_owned(), mood)),
            None => drop(self.state().moods.remove(path)),
        }
    }

    /// Remember nothing of what happened so far, and cut every watch.
    pub fn expire(&self) {
        {
            let mut state = self.state();
            state.version += 1;
            state.oldest = state.version;
        }
        self.cut();
    }

    /// Cut every watch.
    pub fn cut(&self) {
        self.wake.send_modify(|cuts| *cuts += 1);
    }

    /// How many requests had this in their path and query.
    pub fn asked(&self, part: &str) -> usize {
        self.state().asked.iter().filter(|asked| asked.contains(part)).count()
    }

    /// Wait until the server was asked so; false if it takes too long.
    pub async fn until(&self, done: impl Fn(&FakeApi) -> bool) -> bool {
        let mut wake = self.wake.subscribe();
        let waiting = async {
            while !done(self) {
                wake.changed().await.unwrap();
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), waiting).await.is_ok()
    }

    async fn serve(&self, mut stream: TcpStream) {
        while let Some((method, target, body)) = read_request(&mut stream).await {
            self.state().asked.push(format!("{method} {target}"));
            let (path, query) = target.split_once('?').unwrap_or((&target, ""));
            let query: BTreeMap<&str, &str> =
                query.split('&').filter_map(|pair| pair.split_once('=')).collect();
            self.nudge();
            let mood = self.state().moods.get(path).copied();
            let refusal = match mood {
                Some(Mood::Forbidden) => Some(403),
                Some(Mood::Busy) => Some(429),
                Some(Mood::Paged) if query.contains_key("sendInitialEvents") => Some(422),
                _ => None,
            };
            let (status, answer) = match refusal {
                Some(code) => (code, failure(code)),
                None if query.contains_key("watch") => {
                    return self.watch(stream, path, &query).await;
                }
                None => self.answer(&method, path, &query, &body),
            };
            let (body, length) = (answer.to_string(), answer.to_string().len());
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
            );
            if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
                return;
            }
        }
    }

    fn answer(&self, method: &str, path: &str, query: &BTreeMap<&str, &str>, body: &[u8]) -> (u16, Value) {
        match method {
            "PUT" | "POST" => return self.write(method, path, body),
            "PATCH" => return self.apply(path, query, body),
            "DELETE" => {
                let there = self.object(path).is_some();
                return if there { (200, self.delete(path)) } else { (404, failure(404)) };
            }
            _ => {}
        }
        let state = self.state();
        if let Some(object) = state.objects.get(path) {
            return (200, object.clone());
        }
        if !query.contains_key("limit") {
            return (404, failure(404));
        }
        let listed: Vec<&Value> =
            state.objects.iter().filter(|(at, _)| within(path, at)).map(|(_, o)| o).collect();
        let limit = query.get("limit").and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX);
        let from: usize = query.get("continue").and_then(|from| from.parse().ok()).unwrap_or(0);
        let page: Vec<&Value> = listed.iter().skip(from).take(limit).copied().collect();
        let next = from + page.len();
        let next = if next < listed.len() { next.to_string() } else { String::new() };
        let meta = json!({ "resourceVersion": state.version.to_string(), "continue": next });
        (200, json!({ "kind": "List", "apiVersion": "v1", "metadata": meta, "items": page }))
    }

    /// Replace or create, refusing a version that is not the current one.
    fn write(&self, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
        let object: Value = serde_json::from_slice(body).unwrap();
        let (collection, at) = match method {
            "PUT" => (path.rsplit_once('/').unwrap().0.to_owned(), path.to_owned()),
            _ => (path.to_owned(), object_path(path, &object)),
        };
        let current = self.object(&at).map(|known| known["metadata"]["resourceVersion"].clone());
        if current.is_some() != (method == "PUT")
            || current.is_some_and(|version| version != object["metadata"]["resourceVersion"])
        {
            return (409, failure(409));
        }
        self.put(&collection, object);
        (200, self.object(&at).unwrap())
    }

    /// Server-side apply of labels and annotations: what a manager applied before and does not now is
    /// gone, what another one owns is a conflict, and what changes nothing is no new version.
    fn apply(&self, path: &str, query: &BTreeMap<&str, &str>, body: &[u8]) -> (u16, Value) {
        let wanted: Value = serde_json::from_slice(body).unwrap();
        if !wanted["metadata"]["uid"].is_string() {
            return self.apply_whole(path, &wanted);
        }
        let Some(before) = self.object(path) else { return (404, failure(404)) };
        if wanted["metadata"]["uid"] != before["metadata"]["uid"] {
            return (409, failure(409));
        }
        let manager = query.get("fieldManager").copied().unwrap_or_default();
        let mut after = before.clone();
        let mut managers = before["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
        let mine = managers.iter().position(|of| of["manager"] == manager);
        let mine = mine.map(|at| managers.remove(at)).unwrap_or_default();
        let mut fields = json!({});
        for part in ["labels", "annotations"] {
            let field = format!("f:{part}");
            let owned =
                |of: &Value, name: &str| !of["fieldsV1"]["f:metadata"][&field][format!("f:{name}")].is_null();
            let mut entries = before["metadata"][part].as_object().cloned().unwrap_or_default();
            entries.retain(|name, _| !owned(&mine, name));
            for (name, value) in wanted["metadata"][part].as_object().into_iter().flatten() {
                let others = managers.iter().any(|of| owned(of, name));
                if others && entries.get(name) != Some(value) && query.get("force") != Some(&"true") {
                    return (409, failure(409));
                }
                entries.insert(name.clone(), value.clone());
                fields["f:metadata"][&field][format!("f:{name}")] = json!({});
            }
            after["metadata"][part] = entries.into();
        }
        managers.push(json!({ "manager": manager, "operation": "Apply", "fieldsV1": fields }));
        after["metadata"]["managedFields"] = managers.into();
        if after != before {
            self.put(path.rsplit_once('/').unwrap().0, after);
        }
        (200, self.object(path).unwrap())
    }

    /// Server-side apply of an object that nobody else writes: what is sent is all that it has.
    fn apply_whole(&self, path: &str, fields: &Value) -> (u16, Value) {
        let at = path.strip_suffix("/status").unwrap_or(path);
        let fresh = || json!({ "metadata": { "uid": at, "generation": 1 } });
        let mut object = self.object(at).unwrap_or_else(fresh);
        for (name, value) in fields.as_object().unwrap() {
            if name != "metadata" {
                object[name] = value.clone();
            }
        }
        for (name, value) in fields["metadata"].as_object().unwrap() {
            object["metadata"][name] = value.clone();
        }
        self.put(at.rsplit_once('/').unwrap().0, object);
        (200, self.object(at).unwrap())
    }

    async fn watch(&self, mut stream: TcpStream, path: &str, query: &BTreeMap<&str, &str>) {
        let mut wake = self.wake.subscribe();
        let cuts = *wake.borrow();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        if stream.write_all(head.as_bytes()).await.is_err() {
            return;
        }
        let mut from: u64 = query.get("resourceVersion").and_then(|v| v.parse().ok()).unwrap_or(0);
        if query.contains_key("sendInitialEvents") {
            let (events, version) = self.initial(path);
            for event in events {
                let _ = stream.write_all(chunk(&event).as_bytes()).await;
            }
            from = version;
        } else if from < self.state().oldest {
            let event = json!({ "type": "ERROR", "object": failure(410) });
            let _ = stream.write_all(chunk(&event).as_bytes()).await;
            return;
        }
        loop {
            let events: Vec<Value> = {
                let (state, since) = (self.state(), from);
                from = state.version;
                let news = state.log.iter().filter(|(version, at, _)| *version > since && within(path, at));
                news.map(|(_, _, event)| event.clone()).collect()
            };
            for event in events {
                if stream.write_all(chunk(&event).as_bytes()).await.is_err() {
                    return;
                }
            }
            if wake.changed().await.is_err() || *wake.borrow_and_update() != cuts {
                return;
            }
        }
    }

    fn initial(&self, path: &str) -> (Vec<Value>, u64) {
        let state = self.state();
        let objects = state.objects.iter().filter(|(at, _)| within(path, at));
        let mut events: Vec<Value> =
            objects.map(|(_, object)| json!({ "type": "ADDED", "object": object })).collect();
        let meta =
            json!({ "resourceVersion": state.version.to_string(), "annotations": { LIST_ENDS: "true" } });
        let mark = json!({ "kind": "X", "apiVersion": "v1", "metadata": meta });
        events.push(json!({ "type": "BOOKMARK", "object": mark }));
        (events, state.version)
    }
}

/// A pod as a cluster shows it, on its own or of a controller.
pub fn pod(key: &str, controller: Option<(&str, &str, &str)>) -> Value {
    let (namespace, name) = key.split_once('/').unwrap();
    let owners: Vec<Value> = controller
        .map(|(version, kind, name)| json!({ "apiVersion": version, "kind": kind, "name": name, "uid": name, "controller": true }))
        .into_iter()
        .collect();
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name, "namespace": namespace, "uid": key, "ownerReferences": owners },
        "spec": { "containers": [{ "name": "c", "image": "nginx:1" }] },
        "status": { "phase": "Running" },
    })
}

impl FakeApi {
    /// A pod runs; `key` is `namespace/name`, the controller a version, a kind and a name.
    pub fn run(&self, key: &str, controller: Option<(&str, &str, &str)>) {
        self.put(PODS, pod(key, controller));
    }

    /// It does no more.
    pub fn stop(&self, key: &str) {
        let (namespace, name) = key.split_once('/').unwrap();
        self.delete(&format!("/api/v1/namespaces/{namespace}/pods/{name}"));
    }
}

/// `/api/v1/namespaces/ns/pods/name`, whichever form of the collection's path was used.
fn object_path(collection: &str, object: &Value) -> String {
    let name = object["metadata"]["name"].as_str().unwrap();
    let (base, plural) = collection.rsplit_once('/').unwrap();
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) if !base.contains("/namespaces/") => {
            format!("{base}/namespaces/{namespace}/{plural}/{name}")
        }
        _ => format!("{collection}/{name}"),
    }
}

/// Whether the object at `at` is of the collection `path`, of one namespace or of all.
fn within(path: &str, at: &str) -> bool {
    let Some((holder, _)) = at.rsplit_once('/') else { return false };
    if holder == path {
        return true;
    }
    let (Some((base, plural)), Some((space, of))) = (path.rsplit_once('/'), holder.rsplit_once('/')) else {
        return false;
    };
    plural == of && space.strip_prefix(base).is_some_and(|rest| rest.starts_with("/namespaces/"))
}

fn failure(code: u16) -> Value {
    let reason = match code {
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        _ => "TooManyRequests",
    };
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "scripted", "reason": reason, "code": code })
}

fn chunk(event: &Value) -> String {
    let text = format!("{event}\n");
    format!("{:x}\r\n{text}\r\n", text.len())
}

async fn read_request(stream: &mut TcpStream) -> Option<(String, String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await.unwrap_or(0) == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    let mut words = head.split(' ');
    Some((words.next()?.to_owned(), words.next()?.to_owned(), body))
}
