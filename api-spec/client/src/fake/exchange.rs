//! Just enough HTTP/1.1 to read what our own client sends, and to answer it.

use super::Request;
use std::io::{Error, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const MAX_HEAD: usize = 64 << 10;

/// The next request of the connection; none when it ended. `waiting` holds what was read ahead.
pub(super) async fn read_request(stream: &mut TcpStream, waiting: &mut Vec<u8>) -> Result<Option<Request>> {
    let Some(head) = read_head(stream, waiting).await? else { return Ok(None) };
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let (path, query) = {
        let target = words.next().unwrap_or_default();
        target.split_once('?').unwrap_or((target, ""))
    };
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut request =
        Request { method, path: path.to_owned(), query: query.to_owned(), headers, body: Vec::new() };
    request.body = read_body(stream, waiting, &request).await?;
    Ok(Some(request))
}

async fn read_head(stream: &mut TcpStream, waiting: &mut Vec<u8>) -> Result<Option<String>> {
    loop {
        if let Some(end) = find(waiting, b"\r\n\r\n") {
            let rest = waiting.split_off(end + 4);
            let head = std::mem::replace(waiting, rest);
            return Ok(Some(String::from_utf8_lossy(&head).into_owned()));
        }
        if waiting.len() > MAX_HEAD {
            return Err(Error::other("a head without end"));
        }
        if stream.read_buf(waiting).await? == 0 {
            return Ok(None);
        }
    }
}

async fn read_body(stream: &mut TcpStream, waiting: &mut Vec<u8>, request: &Request) -> Result<Vec<u8>> {
    if request.header("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
        return read_chunks(stream, waiting).await;
    }
    let length = request.header("content-length").map_or(Ok(0), str::parse).map_err(Error::other)?;
    take(stream, waiting, length).await
}

async fn read_chunks(stream: &mut TcpStream, waiting: &mut Vec<u8>) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = read_line(stream, waiting).await?;
        let size = usize::from_str_radix(size.trim(), 16).map_err(Error::other)?;
        body.extend(take(stream, waiting, size).await?);
        read_line(stream, waiting).await?;
        if size == 0 {
            return Ok(body);
        }
    }
}

async fn read_line(stream: &mut TcpStream, waiting: &mut Vec<u8>) -> Result<String> {
    loop {
        if let Some(end) = find(waiting, b"\r\n") {
            let rest = waiting.split_off(end + 2);
            let line = std::mem::replace(waiting, rest);
            return Ok(String::from_utf8_lossy(&line).into_owned());
        }
        more(stream, waiting).await?;
    }
}

async fn take(stream: &mut TcpStream, waiting: &mut Vec<u8>, length: usize) -> Result<Vec<u8>> {
    while waiting.len() < length {
        more(stream, waiting).await?;
    }
    let rest = waiting.split_off(length);
    Ok(std::mem::replace(waiting, rest))
}

async fn more(stream: &mut TcpStream, waiting: &mut Vec<u8>) -> Result<()> {
    match stream.read_buf(waiting).await? {
        0 => Err(Error::other("the connection ended within a request")),
        _ => Ok(()),
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Answer with a body of known length.
pub(super) async fn write_answer(
    stream: &mut TcpStream,
    status: u16,
    headers: &[(&'static str, String)],
    body: &[u8],
) -> Result<()> {
    let mut head = format!("HTTP/1.1 {status} Scripted\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if status != 204 {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    stream.flush().await
}
