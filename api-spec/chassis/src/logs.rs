//! Logs: structured lines, as JSON or for people, in which foreign text cannot do harm.

use serde::{Deserialize, Serialize};
use std::io::{IsTerminal, Write};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// What is logged, and how it looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// Level, or levels by module: `info`, `warn,core_server=debug`.
    pub level: String,
    /// `json`, `human`, or `auto`: for people on a terminal, else JSON.
    pub format: LogFormat,
}

impl Default for LogSettings {
    fn default() -> Self {
        LogSettings { level: "info".to_owned(), format: LogFormat::Auto }
    }
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// `human` on a terminal, else `json`.
    Auto,
    /// One JSON object a line.
    Json,
    /// One readable line.
    Human,
}

/// Logs could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// The level is not one.
    #[error("log level {level:?}: {reason}; expected as info, or warn,core_server=debug")]
    Level {
        /// What was given.
        level: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Somebody was first.
    #[error("logs are already set up")]
    AlreadySetUp,
}

/// Set up the process's logs, on standard error.
pub fn init(settings: &LogSettings) -> Result<(), LogsError> {
    init_with(settings, |line| std::io::stderr().lock().write_all(line))
}

/// The same, with each line handed to `write`: for who draws on standard error as well.
pub fn init_with(
    settings: &LogSettings,
    write: impl Fn(&[u8]) -> std::io::Result<()> + Send + Sync + 'static,
) -> Result<(), LogsError> {
    let filter = EnvFilter::try_new(&settings.level)
        .map_err(|e| LogsError::Level { level: settings.level.clone(), reason: e.to_string() })?;
    let json = match settings.format {
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Json => true,
        LogFormat::Human => false,
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(Safe(write));
    let outcome =
        if json { lines.json().flatten_event(true).try_init() } else { lines.with_target(false).try_init() };
    outcome.map_err(|_| LogsError::AlreadySetUp)
}

/// Where lines go, behind [`escape_line`].
struct Safe<W>(W);

impl<'a, W: Fn(&[u8]) -> std::io::Result<()> + 'a> MakeWriter<'a> for Safe<W> {
    type Writer = Safe<&'a W>;

    fn make_writer(&'a self) -> Safe<&'a W> {
        Safe(&self.0)
    }
}

impl<W: Fn(&[u8]) -> std::io::Result<()>> Write for Safe<&W> {
    /// `tracing-subscriber` hands over one whole event a call.
    fn write(&mut self, event: &[u8]) -> std::io::Result<usize> {
        (self.0)(escape_line(event).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

/// One line, in which nothing steers a terminal, begins another line or turns text around.
///
/// Escapes are written as JSON writes them, so a JSON line stays one.
fn escape_line(event: &[u8]) -> String {
    let text = String::from_utf8_lossy(event);
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let mut escaped = String::with_capacity(line.len() + 1);
    for c in line.chars() {
        if is_steering(c) {
            escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    escaped.push('\n');
    escaped
}

/// Whether `c` steers a terminal, begins a line or turns text around, instead of being shown.
pub fn is_steering(c: char) -> bool {
    let turns =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_with_terminal_sequences_is_escaped() {
        assert_eq!(
            escape_line("pod \u{1b}[2J\u{9b}31m\nforged line \u{202e}txt\n".as_bytes()),
            "pod \\u001b[2J\\u009b31m\\u000aforged line \\u202etxt\n"
        );
        assert_eq!(escape_line(b"plain \xff"), "plain \u{fffd}\n");
    }

    #[test]
    fn level_that_is_none_is_refused() {
        let settings = LogSettings { level: "core=loud".into(), ..LogSettings::default() };
        assert!(matches!(init(&settings), Err(LogsError::Level { .. })));
    }
}
