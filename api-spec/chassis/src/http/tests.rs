//! Tests of the edge and the server, over a real socket.

use super::*;
use crate::door::Door;
use crate::health::Latch;
use crate::metrics::{self, HttpLatency};
use crate::shutdown::Shutdown;
use actix_web::{HttpResponse, web};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

struct TestServer {
    address: SocketAddr,
    latch: Latch,
    shutdown: Shutdown,
    served: Served,
}

impl TestServer {
    fn start(change: impl FnOnce(&mut HttpSettings)) -> Self {
        let mut settings =
            HttpSettings { listen: ([127, 0, 0, 1], 0).into(), workers: 1, ..HttpSettings::default() };
        change(&mut settings);
        let (listener, address) = bind(settings.listen).unwrap();
        let shutdown = Shutdown::new();
        let door = Door::of("test");
        let latch = door.readiness().latch("store", "opening");
        let listener = Listener::Tcp(listener);
        let served = door.serve_beside(listener, &settings, shutdown.clone(), routes).unwrap();
        TestServer { address, latch, shutdown, served }
    }

    async fn ask(&self, request: &str) -> String {
        let (address, request) = (self.address, request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
        tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        })
        .await
        .unwrap()
    }

    async fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nX-Request-Id: r-1\r\n\r\n")).await
    }

    async fn stop(self) {
        self.shutdown.begin();
        self.served.await.unwrap().unwrap();
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Number {
    number: u8,
}

fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/ok").route(web::get().to(async || HttpResponse::Ok().body("fine"))))
        .service(web::resource("/refuse").route(
            web::get().to(async || -> Result<HttpResponse, HttpError> { Err(HttpError::conflict("busy")) }),
        ))
        .service(web::resource("/bug").route(
            web::get().to(async || -> Result<HttpResponse, HttpError> { Err(HttpError::bug("secret path")) }),
        ))
        .service(
            web::resource("/panic").route(web::get().to(async || -> HttpResponse { panic!("secret text") })),
        )
        .service(
            web::resource("/never")
                .route(web::get().to(async || -> HttpResponse { std::future::pending().await })),
        )
        .service(web::resource("/stream").route(web::get().to(async |_: Unhurried| {
            tokio::task::yield_now().await;
            HttpResponse::Ok().body("at the end")
        })))
        .service(web::resource("/endless").route(web::get().to(async || {
            HttpResponse::Ok().streaming(futures_util::stream::pending::<std::io::Result<web::Bytes>>())
        })))
        .service(web::resource("/number").route(
            web::post().to(async |n: web::Json<Number>| HttpResponse::Ok().body(n.number.to_string())),
        ))
        .service(
            web::resource("/query")
                .route(web::get().to(async |n: Query<Number>| HttpResponse::Ok().body(n.number.to_string()))),
        );
}

#[track_caller]
fn check(answer: &str, status: u16, code: &str, message: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-type: application/json"), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["error"]["code"], code, "{body}");
    assert!(body["error"]["message"].as_str().unwrap().contains(message), "{body}");
    assert!(!body["error"]["request_id"].as_str().unwrap().is_empty(), "{body}");
}

#[tokio::test]
async fn answers_wrong_in_any_way_come_in_the_envelope() {
    let server = TestServer::start(|_| {});
    check(&server.get("/nowhere").await, 404, "not_found", "nothing at this path");
    check(&server.get("/number").await, 405, "method_not_allowed", "method");
    check(&server.get("/refuse").await, 409, "conflict", "busy");
    check(&server.get("/bug").await, 500, "bug", "internal error");
    check(&server.get("/panic").await, 500, "bug", "internal error");
    check(&server.get("/query?number=x").await, 400, "invalid", "the query: number: invalid digit");
    check(&server.get("/query?number=1&more=2").await, 400, "invalid", "unknown field `more`");
    server.stop().await;
}

#[tokio::test]
async fn head_is_answered_like_get_without_a_body() {
    let server = TestServer::start(|_| {});
    let head = async |path: &str| server.ask(&format!("HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    for (path, status, length) in [("/ok", 200, Some("4")), ("/endless", 200, None), ("/number", 405, None)] {
        let answer = head(path).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.ends_with("\r\n\r\n"),
            "{answer}"
        );
        assert!(length.is_none_or(|n| answer.contains(&format!("content-length: {n}\r\n"))), "{answer}");
    }
    assert!(server.get("/metrics").await.contains(r#"method="HEAD",route="/ok",status="200"} 1"#));
    server.stop().await;
}

#[test]
fn caller_without_a_token_learns_the_scheme() {
    let answer = HttpError::unauthenticated("no token").respond("r-1");
    assert_eq!(answer.headers().get("www-authenticate").unwrap(), "Bearer");
}

#[tokio::test]
async fn body_malformed_or_too_large_is_refused() {
    let server = TestServer::start(|settings| settings.max_body_bytes = 64);
    let post = |kind: &str, body: &str| {
        let len = body.len();
        format!(
            "POST /number HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {len}\r\n\r\n{body}"
        )
    };
    let json = "application/json";
    assert!(server.ask(&post(json, "{\"number\":7}")).await.ends_with("\r\n\r\n7"));
    check(&server.ask(&post(json, "{\"number\":700}")).await, 400, "invalid", "700");
    check(&server.ask(&post("text/plain", "{}")).await, 400, "invalid", "Content-Type: application/json");
    check(&server.ask(&post(json, &" ".repeat(65))).await, 413, "too_large", "65");
    server.stop().await;
}

#[tokio::test]
async fn request_id_of_the_client_comes_back_if_harmless() {
    let server = TestServer::start(|_| {});
    assert!(server.get("/ok").await.contains("x-request-id: r-1\r\n"));
    assert!(server.get("/nowhere").await.contains(r#""request_id":"r-1""#));
    let answer = server.ask("GET /ok HTTP/1.1\r\nHost: x\r\nX-Request-Id: <script>\r\n\r\n").await;
    assert!(!answer.contains("script"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn handler_that_never_answers_is_cut_off() {
    let server = TestServer::start(|settings| settings.request_timeout_seconds = 0);
    let answer = server.get("/never").await;
    check(&answer, 503, "unavailable", "too long");
    assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn handler_that_reads_a_stream_is_not_cut_off() {
    let server = TestServer::start(|settings| settings.request_timeout_seconds = 0);
    let answer = server.get("/stream").await;
    assert!(answer.ends_with("at the end"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn client_beyond_the_rate_limit_is_told_when_to_come_again() {
    let server =
        TestServer::start(|settings| (settings.requests_per_second, settings.request_burst) = (1, 1));
    assert!(server.get("/ok").await.ends_with("fine"));
    let answer = server.get("/ok").await;
    check(&answer, 429, "rate_limited", "too many");
    assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn requests_are_counted_under_their_pattern() {
    let server = TestServer::start(|_| {});
    server.get("/ok").await;
    server.get("/nowhere/1").await;
    let text = server.get("/metrics").await;
    assert!(text.contains(r#"method="GET",route="/ok",status="200"} 1"#), "{text}");
    assert!(text.contains(r#"route="unmatched",status="404"} 1"#), "{text}");
    server.stop().await;
}

/// GET /ok over TLS from a client that trusts only the certificate in `trusted`.
fn get_over_tls(address: SocketAddr, trusted: &std::path::Path) -> std::io::Result<String> {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(trusted).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, TcpStream::connect(address)?);
    stream.write_all(b"GET /ok HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let mut answer = vec![0; 4096];
    let mut length = 0;
    while !answer[..length].ends_with(b"fine") {
        match stream.read(&mut answer[length..])? {
            0 => break,
            read => length += read,
        }
    }
    Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
}

#[tokio::test]
async fn tls_is_served_and_its_certificate_exchanged_while_serving() {
    let testdata = |name: &str| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name);
    let dir = tempfile::tempdir().unwrap();
    let paths =
        crate::tls::TlsSettings { certificate: dir.path().join("cert.pem"), key: dir.path().join("key.pem") };
    let place = |stem: &str| {
        std::fs::copy(testdata(&format!("{stem}.cert.pem")), &paths.certificate).unwrap();
        std::fs::copy(testdata(&format!("{stem}.key.pem")), &paths.key).unwrap();
    };
    place("one");
    let certificate = crate::tls::Certificate::load(&paths).unwrap();
    let (listener, address) = bind(([127, 0, 0, 1], 0).into()).unwrap();
    let latency = HttpLatency::register(&mut metrics::registry("test"));
    let settings = HttpSettings { workers: 1, ..HttpSettings::default() };
    let listener = Listener::Tls(listener, Box::new(certificate.server_config()));
    let shutdown = Shutdown::new();
    let served = serve(listener, &settings, latency, shutdown.clone(), routes).unwrap();
    let get = async |trusted: &str| {
        let trusted = testdata(trusted);
        tokio::task::spawn_blocking(move || get_over_tls(address, &trusted)).await.unwrap()
    };
    assert!(get("one.cert.pem").await.unwrap().ends_with("fine"));
    assert!(get("two.cert.pem").await.is_err());
    place("two");
    certificate.reload().unwrap();
    assert!(get("two.cert.pem").await.unwrap().ends_with("fine"));
    assert!(get("one.cert.pem").await.is_err());
    shutdown.begin();
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn unix_socket_is_served_like_any_other() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let latency = HttpLatency::register(&mut metrics::registry("test"));
    let shutdown = Shutdown::new();
    let settings = HttpSettings { workers: 1, ..HttpSettings::default() };
    let served = serve(Listener::Unix(listener), &settings, latency, shutdown.clone(), routes).unwrap();
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = std::os::unix::net::UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(b"GET /ok HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    assert!(answer.await.unwrap().ends_with("fine"));
    shutdown.begin();
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn server_stopped_with_an_unused_connection_open_ends_at_once() {
    let server = TestServer::start(|settings| settings.drain_seconds = 60);
    let (address, begun) = (server.address, std::time::Instant::now());
    let kept = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /ok HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).unwrap();
        stream
    });
    let kept = kept.await.unwrap();
    server.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(30), "waited for a connection that nobody uses");
    drop(kept);
}

#[tokio::test]
async fn door_beside_an_api_tells_health_readiness_and_metrics() {
    let server = TestServer::start(|_| ());
    assert!(server.get("/healthz").await.starts_with("HTTP/1.1 200"));
    let closed = server.get("/readyz").await;
    assert!(closed.starts_with("HTTP/1.1 503") && closed.contains("opening"), "{closed}");
    server.latch.open();
    assert!(server.get("/readyz").await.starts_with("HTTP/1.1 200"));
    assert!(server.get("/metrics").await.contains("perceptor_test_http_request_seconds"));
    server.stop().await;
}
