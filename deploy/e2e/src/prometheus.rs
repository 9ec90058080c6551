//! A real Prometheus: what it reads of our parts, and what it says to an expression.

use crate::door;
use crate::parts::command;
use crate::ports::free_port;
use crate::process::Process;
use crate::until::until;
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;

/// A running Prometheus.
pub struct Prometheus {
    process: Process,
    address: SocketAddr,
}

impl Prometheus {
    /// Start one that keeps its files in `folder`, reads `scrapes` (as in its configuration) every
    /// second and evaluates the rules in the file at `rules`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(folder: &Path, scrapes: &Value, rules: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        // JSON is YAML too.
        let config = json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [rules],
            "scrape_configs": scrapes,
        });
        let file = folder.join("prometheus.json");
        std::fs::write(&file, config.to_string())?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let mut prometheus = command("prometheus")?;
        prometheus
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"));
        let process = Process::start(&mut prometheus, &folder.join("log"))?;
        Ok(Prometheus { process, address })
    }

    /// Wait until it has read `count` targets well, and evaluated all rules well.
    ///
    /// # Errors
    /// When that does not happen in time; the error says what it complains about.
    pub async fn is_content(&self, count: usize) -> Result<()> {
        let content = until("Prometheus to be content", async || {
            let targets = list(&self.ask("/api/v1/targets").await?, "/activeTargets");
            if let Some(target) = targets.iter().find(|target| field(target, "health") != "up") {
                bail!("{}: {}", field(target, "scrapeUrl"), field(target, "lastError"));
            }
            let groups = list(&self.ask("/api/v1/rules").await?, "/groups");
            for rule in groups.iter().flat_map(|group| list(group, "/rules")) {
                ensure!(field(&rule, "health") == "ok", "{rule}");
            }
            Ok((targets.len() == count && !groups.is_empty()).then_some(()))
        });
        content.await.with_context(|| self.process.log())
    }

    /// How many series answer an expression.
    ///
    /// # Errors
    /// When it does not take the expression.
    pub async fn answers(&self, expression: &str) -> Result<usize> {
        let encoded: String = expression.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let answer = self.ask(&format!("/api/v1/query?query={encoded}")).await;
        let answer = answer.with_context(|| expression.to_owned())?;
        Ok(list(&answer, "/result").len())
    }

    async fn ask(&self, path: &str) -> Result<Value> {
        let answer = door::ask_for_all(self.address, path).await?;
        let told: Value = serde_json::from_str(&answer.body).with_context(|| answer.body.clone())?;
        ensure!(field(&told, "status") == "success", "{told}");
        Ok(told.get("data").cloned().unwrap_or_default())
    }
}

fn list(value: &Value, at: &str) -> Vec<Value> {
    value.pointer(at).and_then(Value::as_array).cloned().unwrap_or_default()
}

fn field<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
