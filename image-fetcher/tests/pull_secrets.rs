//! Pull secrets of a cluster, on a scripted API server: read where that is allowed, never elsewhere.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // Tests.

mod built;
mod scripted;

use api_vocab::ImageRef;
use api_wire::lease::PullSecretRef;
use base64::Engine;
use image_fetcher::secrets::cluster::{PullSecretSettings, PullSecrets};
use image_fetcher::secrets::{Credential, Credentials};
use scripted::*;
use serde_json::json;

fn kubeconfig(server: &Server) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "k", "cluster": {"server": format!("http://{}", server.host)}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
    });
    std::fs::write(file.path(), config.to_string()).unwrap();
    file
}

fn secret(kind: &str, key: &str, config: &serde_json::Value) -> Answer {
    let content = base64::engine::general_purpose::STANDARD.encode(config.to_string());
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"},
        "type": kind, "data": {key: content},
    });
    Answer::new(200, secret.to_string()).with("content-type", "application/json")
}

fn status(code: u16) -> Answer {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "x", "message": "no", "code": code,
    });
    Answer::new(code, status.to_string()).with("content-type", "application/json")
}

/// An API server with secrets in `shop`; those of `closed` may not be read.
async fn api_server() -> Server {
    Server::start(|seen| match seen.path.split('?').next().unwrap() {
        "/api/v1/namespaces/shop/secrets/new" => {
            let entry = json!({"auths": {
                "r.example:5000": {"username": "u", "password": "p:q"},
                "r.example/team": {"username": "team", "password": "t"},
            }});
            secret("kubernetes.io/dockerconfigjson", ".dockerconfigjson", &entry)
        }
        "/api/v1/namespaces/shop/secrets/old" => {
            let entry = json!({"r.example:5000": {"username": "old", "password": "o"}});
            secret("kubernetes.io/dockercfg", ".dockercfg", &entry)
        }
        path if path.starts_with("/api/v1/namespaces/closed/") => status(403),
        _ => status(404),
    })
    .await
}

fn at(namespace: &str, name: &str) -> PullSecretRef {
    let source = "kubernetes/here".parse().unwrap();
    PullSecretRef { source, namespace: namespace.to_owned(), name: name.to_owned() }
}

#[tokio::test]
async fn secrets_of_this_cluster_are_read_and_others_passed_over() {
    let server = api_server().await;
    let kubeconfig = kubeconfig(&server);
    let settings = PullSecretSettings {
        source: Some("kubernetes/here".parse().unwrap()),
        kubeconfig: Some(kubeconfig.path().to_owned()),
    };
    let credentials = Credentials::new(Vec::new(), PullSecrets::new(&settings));
    let elsewhere = PullSecretRef { source: "kubernetes/there".parse().unwrap(), ..at("shop", "elsewhere") };
    let named = [
        at("closed", "one"),
        at("closed", "two"),
        at("shop", "none"),
        at("shop", "../../../nodes"),
        elsewhere,
        at("shop", "new"),
        at("shop", "old"),
    ];
    let image: ImageRef = "r.example:5000/a:1".parse().unwrap();
    for _ in 0..2 {
        let found = credentials.find(&image, &named).await;
        let shown = found.iter().map(|credential| match credential {
            Credential::Password { username, password } => format!("{username}/{}", password.reveal()),
            other => panic!("{other:?}"),
        });
        assert_eq!(shown.collect::<Vec<_>>(), ["u/p:q", "old/o"]);
    }
    let team: ImageRef = "r.example/team/a:1".parse().unwrap();
    assert_eq!(credentials.find(&team, &named).await.len(), 1);
    let paths = server.paths();
    assert_eq!(paths.len(), 5, "each is read once: {paths:?}");
    assert!(paths.iter().all(|path| !path.contains("nodes") && !path.contains("elsewhere")), "{paths:?}");
    assert!(!format!("{:?}", credentials.find(&image, &named).await).contains("p:q"));
}

#[tokio::test]
async fn secrets_without_a_source_are_not_read() {
    assert!(PullSecrets::new(&PullSecretSettings::default()).is_none());
}
