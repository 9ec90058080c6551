//! Asking a running fetcher whether it is well: what a probe runs where there is no shell.

use anyhow::{Context, bail};
use api_wire::fetcher::{FetcherHealth, HEALTH};
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const MAX_ANSWER: u64 = 1 << 20;

/// Whether the fetcher behind `socket` answers, and the stores of this node answer it.
///
/// # Errors
/// It does not, or one of them does not; a registry may be away for reasons of its own.
pub async fn check(socket: &Path) -> anyhow::Result<()> {
    let health = ask(socket).await.with_context(|| format!("ask the fetcher at {}", socket.display()))?;
    match health.stores.iter().find(|store| !store.reachable && store.kind != "registry") {
        Some(store) => bail!("{} does not answer: {}", store.kind, store.reason.as_deref().unwrap_or("?")),
        None => Ok(()),
    }
}

async fn ask(socket: &Path) -> anyhow::Result<FetcherHealth> {
    let mut stream = UnixStream::connect(socket).await?;
    let request = format!("GET {HEALTH} HTTP/1.1\r\nHost: image-fetcher\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.take(MAX_ANSWER).read_to_string(&mut answer).await?;
    parse(&answer)
}

/// The body of an answer that is not sent in chunks.
fn parse(answer: &str) -> anyhow::Result<FetcherHealth> {
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer was cut")?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    if status != "200" {
        bail!("it answered {status}");
    }
    serde_json::from_str(body).context("cannot understand the answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_cut_or_refused_is_a_complaint() {
        let good = "HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{\"stores\":[]}";
        assert_eq!(parse(good).unwrap(), FetcherHealth::default());
        for bad in
            ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 503 No\r\n\r\n{\"stores\":[]}", "HTTP/1.1 200 OK\r\n\r\n{"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
