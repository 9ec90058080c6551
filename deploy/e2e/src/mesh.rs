//! The mesh as processes: core, image-fetcher, scanners, Docker perceiver, each killable; in
//! `mesh/cluster.rs` what watches and reads a Kubernetes cluster.

pub mod cluster;

use crate::parts::run;
use crate::ports::free_port;
use crate::process::{Process, last_lines};
use anyhow::{Context, Result, bail};
use api_client::{Client, ClientSettings, Retry};
use api_vocab::Secret;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The source that the first engine is.
const LAB: &str = "lab";

/// The parts, by the name they were started under.
pub struct Mesh {
    folder: PathBuf,
    port: u16,
    /// Where the first perceiver shows its health.
    perceiver_port: u16,
    /// The engines' addresses by the names of the sources that they are.
    engines: BTreeMap<String, String>,
    /// Where perceivers and scanners find the core, if not where it is.
    detour: Option<String>,
    /// Variables of the environment by part.
    variables: BTreeMap<String, Vec<(String, String)>>,
    /// Where the core finds advisories; empty: those that are compiled in.
    advisories: String,
    parts: BTreeMap<String, Process>,
}

impl Mesh {
    /// A mesh for the engine at `engine` that keeps its files below `folder`; nothing is started.
    ///
    /// # Errors
    /// When the folder or the tokens cannot be made, or no port is free.
    pub fn new(folder: &Path, engine: &str) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mesh = Mesh {
            folder: folder.to_path_buf(),
            port: free_port()?,
            perceiver_port: free_port()?,
            engines: BTreeMap::from([(LAB.to_owned(), engine.to_owned())]),
            detour: None,
            variables: BTreeMap::new(),
            advisories: String::new(),
            parts: BTreeMap::new(),
        };
        let mut lines = String::new();
        for role in ["perceiver", "scanner", "reader", "admin"] {
            let printed = run(Command::new(binary("perceptor-core")?).args(["token", role, role]))?;
            let field = |name: &str| printed.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            let token = field("token:").context("no token was printed")?;
            std::fs::write(mesh.file(&format!("{role}.token")), token)?;
            lines.push_str(field("line:").context("no line was printed")?);
            lines.push('\n');
        }
        std::fs::write(mesh.file("tokens"), lines)?;
        Ok(mesh)
    }

    /// Watch another engine as well, as the source `name`; before anything is started.
    pub fn watch(&mut self, name: &str, engine: &str) {
        self.engines.insert(name.to_owned(), engine.to_owned());
    }

    /// Let a part that starts from now on find this variable in its environment: settings that its
    /// file does not have, or has otherwise.
    pub fn set(&mut self, part: &str, variable: &str, value: &str) {
        self.variables.entry(part.to_owned()).or_default().push((variable.to_owned(), value.to_owned()));
    }

    /// Let perceivers and scanners that start from now on find the core at `url`.
    pub fn reach_core_by(&mut self, url: &str) {
        self.detour = Some(url.to_owned());
    }

    /// Let the core find advisories in `folder`; before it is started.
    pub fn advise_from(&mut self, folder: &Path) {
        self.advisories = folder.display().to_string();
    }

    /// Start everything: one core, one fetcher, a perceiver for each engine, `scanners` scanners.
    ///
    /// # Errors
    /// When a part does not start.
    pub async fn start(&mut self, scanners: usize) -> Result<()> {
        self.start_core().await?;
        self.start_fetcher().await?;
        for name in self.engines.keys().cloned().collect::<Vec<_>>() {
            self.start_perceiver_of(&name)?;
        }
        (1..=scanners).try_for_each(|n| self.start_scanner(n))
    }

    /// Start the core and wait until it is ready.
    ///
    /// # Errors
    /// When it does not start, or ends at once.
    pub async fn start_core(&mut self) -> Result<()> {
        let config = format!(
            "data_dir = {:?}\ntoken_file = {:?}\n[http]\nlisten = \"127.0.0.1:{}\"\n\
             [advisories]\norigin = {:?}\n[scans]\nlease_seconds = 10\nbackoff_first_seconds = 1\n\
             backoff_longest_seconds = 2\nmax_attempts = 50\nretention_seconds = 3600\n\
             node_wait_seconds = 2\n",
            self.file("data"),
            self.file("tokens"),
            self.port,
            self.advisories
        );
        self.spawn("core", "perceptor-core", &config)?;
        let client = self.client("reader")?;
        self.await_part("core", async || Ok(client.ready().await.ok())).await
    }

    /// Start the image-fetcher and wait for its socket.
    ///
    /// # Errors
    /// When it does not start, or ends at once.
    pub async fn start_fetcher(&mut self) -> Result<()> {
        let engines: Vec<&String> = self.engines.values().collect();
        let stores = format!("engines = {engines:?}\n");
        self.spawn_fetcher("fetcher", &stores).await
    }

    /// Start the image-fetcher with no engine but with these archives, and wait for its socket.
    ///
    /// # Errors
    /// When it does not start, or ends at once.
    pub async fn start_fetcher_of(&mut self, archives: &[&Path]) -> Result<()> {
        self.spawn_fetcher("fetcher", &format!("archives = {archives:?}\n")).await
    }

    /// A fetcher of `stores`, which are lines of its settings; its socket is `<part>.sock`.
    async fn spawn_fetcher(&mut self, part: &str, stores: &str) -> Result<()> {
        let socket = self.file(&format!("{part}.sock"));
        self.spawn(part, "perceptor-image-fetcher", &format!("socket = {socket:?}\n{stores}"))?;
        self.await_part(part, async || Ok(std::os::unix::net::UnixStream::connect(&socket).ok().map(drop)))
            .await
    }

    /// Start the perceiver of the first engine.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_perceiver(&mut self) -> Result<()> {
        self.start_perceiver_of(LAB)
    }

    fn start_perceiver_of(&mut self, name: &str) -> Result<()> {
        let engine = self.engines.get(name).with_context(|| format!("no engine {name}"))?;
        let (part, port) = match name {
            LAB => ("perceiver".to_owned(), self.perceiver_port),
            _ => (format!("perceiver-{name}"), 0),
        };
        let config = format!(
            "[engine]\naddress = {engine:?}\nname = {name:?}\nresync_seconds = 5\n\
             [http]\nlisten = \"127.0.0.1:{port}\"\n{}",
            self.core_section("perceiver")
        );
        self.spawn(&part, "perceptor-perceiver-docker", &config)
    }

    /// Start scanner number `n`.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_scanner(&mut self, n: usize) -> Result<()> {
        self.spawn_scanner(&format!("scanner-{n}"), "fetcher", "")
    }

    /// A scanner that reads by the fetcher of that name, as a scanner of `node` unless that is empty.
    fn spawn_scanner(&mut self, part: &str, fetcher: &str, node: &str) -> Result<()> {
        let config = format!(
            "name = {part:?}\nfetcher = {:?}\nnode = {node:?}\n[http]\nlisten = \"127.0.0.1:0\"\n{}",
            self.file(&format!("{fetcher}.sock")),
            self.core_section("scanner")
        );
        self.spawn(part, "perceptor-scanner", &config)
    }

    /// `kill -9` of a part.
    ///
    /// # Errors
    /// When there is no such part.
    pub fn kill(&mut self, part: &str) -> Result<()> {
        self.parts.remove(part).with_context(|| format!("no part {part}"))?.kill()?;
        Ok(())
    }

    /// `kill -TERM` of a part, and wait until it is gone.
    ///
    /// # Errors
    /// When there is no such part.
    pub fn terminate(&mut self, part: &str) -> Result<()> {
        self.parts.remove(part).with_context(|| format!("no part {part}"))?.terminate()?;
        Ok(())
    }

    /// Hold a part where it is; it can be killed or let go on.
    ///
    /// # Errors
    /// When there is no such part.
    pub fn freeze(&self, part: &str) -> Result<()> {
        self.parts.get(part).with_context(|| format!("no part {part}"))?.freeze()
    }

    /// Let a part go on that was held.
    ///
    /// # Errors
    /// When there is no such part.
    pub fn thaw(&self, part: &str) -> Result<()> {
        self.parts.get(part).with_context(|| format!("no part {part}"))?.thaw()
    }

    /// What a part has logged.
    pub fn log(&self, part: &str) -> String {
        self.parts.get(part).map(Process::log).unwrap_or_default()
    }

    /// The ends of all logs, for an error.
    pub fn logs(&self) -> String {
        let log =
            |(part, process): (&String, &Process)| format!("--- {part}\n{}", last_lines(&process.log()));
        self.parts.iter().map(log).collect::<Vec<_>>().join("\n")
    }

    /// A client of the core with the token of `role`.
    ///
    /// # Errors
    /// When the token cannot be read.
    pub fn client(&self, role: &str) -> Result<Client> {
        let settings = ClientSettings {
            core: self.url(),
            token_file: Some(self.file(&format!("{role}.token"))),
            ..ClientSettings::default()
        };
        Ok(Client::new(&settings)?.with_retry(Retry::NEVER))
    }

    /// Where the core listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Where the first engine's perceiver shows its health.
    pub fn perceiver_door(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.perceiver_port))
    }

    /// The folder that the core keeps everything in.
    pub fn data(&self) -> PathBuf {
        self.file("data")
    }

    /// The core's address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The token of `role`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn token(&self, role: &str) -> Result<Secret> {
        Ok(Secret::new(std::fs::read_to_string(self.file(&format!("{role}.token")))?))
    }

    /// Run the `perceptor` command against the core as a reader; returns what it prints.
    ///
    /// # Errors
    /// When it fails.
    pub fn perceptor(&self, arguments: &[&str]) -> Result<String> {
        run(Command::new(binary("perceptor")?)
            .env("PERCEPTOR_CORE", self.url())
            .env("PERCEPTOR_TOKEN_FILE", self.file("reader.token"))
            .args(arguments))
    }

    fn core_section(&self, role: &str) -> String {
        let core = self.detour.clone().unwrap_or_else(|| self.url());
        format!("[core]\ncore = {core:?}\ntoken_file = {:?}\n", self.file(&format!("{role}.token")))
    }

    fn spawn(&mut self, part: &str, name: &str, config: &str) -> Result<()> {
        let file = self.file(&format!("{part}.toml"));
        std::fs::write(&file, config)?;
        let log = self.file(&format!("{part}.log"));
        let mut command = Command::new(binary(name)?);
        command.arg("--config").arg(file).envs(self.variables.get(part).cloned().unwrap_or_default());
        let process = Process::start(&mut command, &log)?;
        self.parts.insert(part.to_owned(), process);
        Ok(())
    }

    async fn await_part(&mut self, part: &str, answers: impl AsyncFn() -> Result<Option<()>>) -> Result<()> {
        let process = self.parts.get_mut(part).with_context(|| format!("no part {part}"))?;
        process.answers(part, answers).await
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// A binary of this workspace, beside the test that runs.
///
/// # Errors
/// When it is not built.
pub fn binary(name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.ancestors().nth(2).context("the test does not lie in a target folder")?;
    let path = folder.join(name);
    if !path.exists() {
        bail!("{} is not built; run the tests by `make test`", path.display());
    }
    Ok(path)
}
