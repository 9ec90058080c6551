//! A door before the API server that gives Images the names they have on OpenShift.
//!
//! An Image is named `sha256:…`. OpenShift's own API server takes that; for a kind that was defined, a
//! plain one takes no colon. So they are stored as `sha256-…`, and what goes through this door sees and
//! says colons. Nothing else is changed: rights, watches and fields are the real server's.

use anyhow::{Context, Result};
use futures_util::TryStreamExt;
use reqwest::{Certificate, Client, Method};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

const IMAGES: &str = "/apis/image.openshift.io/v1/images";
const OUTSIDE: &str = "sha256:";
const INSIDE: &str = "sha256-";

/// An open door; dropped, it is closed.
pub struct Door {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The API server behind the door.
struct Behind {
    client: Client,
    url: String,
}

/// One request, as it came.
struct Request {
    method: Method,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Door {
    /// A door before the server at `url`, for which the authority in a file vouches.
    ///
    /// # Errors
    /// When the authority cannot be read, or no port is free.
    pub async fn open(url: &str, authority: &Path) -> Result<Self> {
        let authorities = Certificate::from_pem_bundle(&std::fs::read(authority)?)?;
        let client = Client::builder().tls_certs_only(authorities).no_proxy().build()?;
        let behind = Arc::new(Behind { client, url: url.to_owned() });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            let mut visits = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let behind = Arc::clone(&behind);
                // A visit that fails is a connection that was cut, as its caller sees.
                visits.spawn(async move { behind.visit(stream).await.unwrap_or_default() });
            }
        });
        Ok(Door { address, task })
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Behind {
    async fn visit(&self, stream: TcpStream) -> Result<()> {
        let mut stream = BufReader::new(stream);
        while let Some(request) = read(&mut stream).await? {
            self.pass(request, stream.get_mut()).await?;
        }
        Ok(())
    }

    async fn pass(&self, request: Request, back: &mut TcpStream) -> Result<()> {
        let Request { method, target, headers, body } = request;
        let of_images = target.starts_with(IMAGES);
        let target = target.replace("sha256%3A", OUTSIDE);
        let (target, body) = match of_images {
            true => (target.replace(OUTSIDE, INSIDE), named(&body, OUTSIDE, INSIDE)),
            false => (target, body),
        };
        let mut call = self.client.request(method, format!("{}{target}", self.url)).body(body);
        for (name, value) in headers {
            call = call.header(name, value);
        }
        let answer = call.send().await?;
        let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or("application/json");
        let head = format!(
            "HTTP/1.1 {} X\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n",
            answer.status().as_u16()
        );
        back.write_all(head.as_bytes()).await?;
        let mut waiting = Vec::new();
        let mut parts = answer.bytes_stream();
        while let Some(part) = parts.try_next().await? {
            waiting.extend_from_slice(&part);
            // A name may lie across two parts, but not across two lines.
            if let Some(end) = waiting.iter().rposition(|byte| *byte == b'\n') {
                let lines: Vec<u8> = waiting.drain(..=end).collect();
                write(back, &lines, of_images).await?;
            }
        }
        write(back, &waiting, of_images).await?;
        back.write_all(b"0\r\n\r\n").await?;
        Ok(())
    }
}

async fn write(back: &mut TcpStream, lines: &[u8], of_images: bool) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let lines = if of_images { named(lines, INSIDE, OUTSIDE) } else { lines.to_vec() };
    back.write_all(format!("{:x}\r\n", lines.len()).as_bytes()).await?;
    back.write_all(&lines).await?;
    back.write_all(b"\r\n").await?;
    Ok(())
}

/// The same JSON, objects named otherwise.
fn named(json: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(json);
    text.replace(&format!("\"name\":\"{from}"), &format!("\"name\":\"{to}")).into_bytes()
}

/// The next request, if another comes.
async fn read(stream: &mut BufReader<TcpStream>) -> Result<Option<Request>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let method = words.next().context("no method")?.parse()?;
    let target = words.next().context("no target")?.to_owned();
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse()?,
            "host" | "connection" | "accept-encoding" => {}
            name => headers.push((name.to_owned(), value.to_owned())),
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some(Request { method, target, headers, body }))
}
