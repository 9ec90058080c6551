//! A process of our own: started with its log in a file, killed when it goes out of scope.

use crate::parts::run;
use crate::until::until;
use anyhow::{Context, Result, anyhow, bail};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a process that was asked to end may take: longer than any of them lets work go on.
const FAREWELL: Duration = Duration::from_secs(120);

/// A running process.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Start `command`; what it prints is appended to `log`.
    ///
    /// # Errors
    /// When the log cannot be opened or the command cannot be started.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(log).context("open the log")?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("start {command:?}"))?;
        Ok(Process { child, log: log.to_path_buf() })
    }

    /// Ask until the answer is something; fail at once if the process ends, which is `name`.
    ///
    /// # Errors
    /// When it ends or does not answer in time; the error holds the end of its log.
    pub async fn answers<T>(
        &mut self,
        name: &str,
        mut ask: impl AsyncFnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let answer = until(name, async || match self.ended()? {
            Some(status) => Ok(Some(Err(anyhow!("{name} ended with {status}")))),
            None => Ok(ask().await?.map(Ok)),
        });
        let answer = answer.await.flatten();
        answer.with_context(|| last_lines(&self.log()))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and wait until it is gone.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        // An error here means that it has ended already.
        let _ = self.child.kill();
        Ok(self.child.wait()?)
    }

    /// `kill -TERM`, and wait until it is gone.
    ///
    /// # Errors
    /// When the signal cannot be sent, or it does not end: it is killed then.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        self.signal("TERM")?;
        let deadline = Instant::now() + FAREWELL;
        while Instant::now() < deadline {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.kill()?;
        bail!("asked to end, it went on for {FAREWELL:?}: {}", last_lines(&self.log()))
    }

    /// Hold it where it is.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn freeze(&self) -> Result<()> {
        self.signal("STOP")
    }

    /// Let it go on.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn thaw(&self) -> Result<()> {
        self.signal("CONT")
    }

    fn signal(&self, name: &str) -> Result<()> {
        run(Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string())).map(drop)
    }

    /// Its exit status, if it has ended.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// What it has printed so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// The end of a log.
pub(crate) fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines.iter().skip(lines.len().saturating_sub(20)).copied().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn process_that_ends_is_not_waited_for() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let mut ends = Command::new("sh");
        let mut process = Process::start(ends.args(["-c", "echo why; exit 3"]), &folder.path().join("log"))?;
        let error = process.answers("it", async || Ok(None::<()>)).await.unwrap_err();
        assert_eq!(format!("{error:#}"), "why: it ended with exit status: 3");
        Ok(())
    }
}
