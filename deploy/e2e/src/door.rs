//! What a process shows of itself to whoever asks: health, readiness, metrics.

use anyhow::{Context, Result};
use api_vocab::Secret;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A process's answer, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Ask the process at `address` for `path`.
///
/// # Errors
/// When it does not answer, or not in HTTP.
pub async fn ask(address: SocketAddr, path: &str) -> Result<Answer> {
    exchange(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")).await
}

/// Ask as the one with this token, for an answer that may be streamed: HTTP 1.0 knows no chunks.
///
/// # Errors
/// When it does not answer, or not in HTTP.
pub async fn ask_as(token: &Secret, address: SocketAddr, path: &str) -> Result<Answer> {
    let token = token.reveal();
    exchange(address, &format!("GET {path} HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n")).await
}

/// Ask for an answer that may be streamed.
///
/// # Errors
/// When it does not answer, or not in HTTP.
pub async fn ask_for_all(address: SocketAddr, path: &str) -> Result<Answer> {
    exchange(address, &format!("GET {path} HTTP/1.0\r\n\r\n")).await
}

async fn exchange(address: SocketAddr, request: &str) -> Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let (head, body) = text.split_once("\r\n\r\n").context("no HTTP answer")?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok(Answer { status, body: body.to_owned() })
}
