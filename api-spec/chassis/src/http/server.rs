//! The server: sockets, limits, extractors, and a graceful end.

use super::flight::Flight;
use super::{Edge, HttpError, RateLimit, edge};
use crate::metrics::HttpLatency;
use crate::shutdown::{Shutdown, drain};
use actix_web::error::{JsonPayloadError, PathError};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use serde::{Deserialize, Serialize};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::time::Duration;

/// How a server listens, and what it bears.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// Address and port, as `127.0.0.1:3001`; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Threads that serve; 0: one per core.
    pub workers: usize,
    /// Largest body of a request, in bytes.
    pub max_body_bytes: usize,
    /// How long a handler may take to begin its answer.
    pub request_timeout_seconds: u64,
    /// Connections at once.
    pub max_connections: usize,
    /// Requests a second of one client; 0: no limit.
    pub requests_per_second: u32,
    /// Requests of one client at once.
    pub request_burst: u32,
    /// How long requests may go on after shutdown has begun.
    pub drain_seconds: u64,
}

impl Default for HttpSettings {
    fn default() -> Self {
        HttpSettings {
            listen: SocketAddr::from(([127, 0, 0, 1], 3001)),
            workers: 0,
            max_body_bytes: 16 << 20,
            request_timeout_seconds: 120,
            max_connections: 8_192,
            requests_per_second: 2_000,
            request_burst: 4_000,
            drain_seconds: 10,
        }
    }
}

/// A socket that listens.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// TCP under TLS.
    Tls(TcpListener, Box<rustls::ServerConfig>),
    /// A unix socket.
    Unix(UnixListener),
}

/// Listen on `address`; gives the address with its real port.
pub fn bind(address: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
    let failed = |e: std::io::Error| std::io::Error::new(e.kind(), format!("listen on {address}: {e}"));
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// A server that serves; ends when its shutdown begins and its requests are done.
pub type Served = tokio::task::JoinHandle<std::io::Result<()>>;

/// Serve `routes` behind the edge, until `shutdown` begins.
///
/// `routes` is called once per worker thread. Declare each path with `web::resource`, so that a
/// wrong method is answered with 405.
pub fn serve<R>(
    listener: Listener,
    settings: &HttpSettings,
    latency: HttpLatency,
    shutdown: Shutdown,
    routes: R,
) -> std::io::Result<Served>
where
    R: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    let edge_settings = web::Data::new(Edge {
        latency,
        rate_limit: RateLimit::new(settings.requests_per_second, settings.request_burst),
        timeout: Duration::from_secs(settings.request_timeout_seconds),
    });
    let max_body = settings.max_body_bytes;
    let flight = Flight::default();
    let counted = web::Data::new(flight.clone());
    let server = HttpServer::new(move || {
        App::new()
            .app_data(edge_settings.clone())
            .app_data(counted.clone())
            .configure(extractors(max_body))
            .wrap(from_fn(edge))
            .configure(routes.clone())
    })
    .disable_signals()
    .workers(workers(settings.workers))
    .max_connections(settings.max_connections)
    .client_request_timeout(Duration::from_secs(10));
    let server = match listener {
        Listener::Tcp(tcp) => server.listen(tcp)?,
        Listener::Tls(tcp, tls) => server.listen_rustls_0_23(tcp, *tls)?,
        Listener::Unix(unix) => server.listen_uds(unix)?,
    }
    .run();
    let handle = server.handle();
    let deadline = Duration::from_secs(settings.drain_seconds);
    tokio::spawn(async move {
        shutdown.begun().await;
        handle.pause().await;
        drain(flight.over(), deadline).await;
        // Connections that nobody uses would hold up a stop that waits for them.
        handle.stop(false).await;
    });
    Ok(tokio::spawn(server))
}

fn workers(asked: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if asked == 0 { cores } else { asked }
}

/// Extractors whose refusals are in our words, with bodies of at most `max_body` bytes.
pub fn extractors(max_body: usize) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        config
            .app_data(web::PayloadConfig::new(max_body))
            .app_data(web::JsonConfig::default().limit(max_body).error_handler(|e, _| json_error(&e).into()))
            .app_data(web::PathConfig::default().error_handler(|e, _| path_error(&e).into()));
    }
}

fn json_error(error: &JsonPayloadError) -> HttpError {
    match error {
        JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => {
            HttpError::too_large(error.to_string())
        }
        JsonPayloadError::ContentType => {
            HttpError::invalid("expected a JSON body with the header Content-Type: application/json")
        }
        JsonPayloadError::Deserialize(reason) => HttpError::invalid(format!("the JSON body: {reason}")),
        other => HttpError::invalid(format!("the body could not be read: {other}")),
    }
}

fn path_error(error: &PathError) -> HttpError {
    // Without the library's own words before it.
    let text = error.to_string();
    HttpError::invalid(format!(
        "the path: {}",
        text.strip_prefix("Path deserialize error: ").unwrap_or(&text)
    ))
}
