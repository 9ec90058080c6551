//! An answer without end: lines that a test says while its subject listens.

use serde::Serialize;
use std::io::Result;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::watch;

/// Lines for whoever listens; clones are the same feed. Each answer begins with its first line.
#[derive(Debug, Clone, Default)]
pub struct Feed(watch::Sender<Said>);

#[derive(Debug, Default)]
struct Said {
    bytes: Vec<u8>,
    ended: bool,
}

impl Feed {
    /// Say one more line.
    pub fn say(&self, line: &impl Serialize) {
        let mut bytes = serde_json::to_vec(line).unwrap_or_default();
        bytes.push(b'\n');
        self.say_raw(&bytes);
    }

    /// Say these bytes, whole lines or not.
    pub fn say_raw(&self, bytes: &[u8]) {
        self.0.send_modify(|said| said.bytes.extend_from_slice(bytes));
    }

    /// Say no more: every answer ends well.
    pub fn end(&self) {
        self.0.send_modify(|said| said.ended = true);
    }

    pub(super) async fn write(&self, stream: &mut TcpStream) -> Result<()> {
        let head = "HTTP/1.1 200 Scripted\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await?;
        let mut more = self.0.subscribe();
        let mut written = 0;
        loop {
            let (chunk, ended) = {
                let said = more.borrow_and_update();
                (said.bytes.get(written..).unwrap_or_default().to_vec(), said.ended)
            };
            if !chunk.is_empty() {
                written += chunk.len();
                stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes()).await?;
                stream.write_all(&chunk).await?;
                stream.write_all(b"\r\n").await?;
            } else if ended {
                return stream.write_all(b"0\r\n\r\n").await;
            } else if more.changed().await.is_err() {
                return Ok(());
            }
        }
    }
}
