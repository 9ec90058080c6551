//! Ways into a cluster: as the administrator, as a service account, by kubectl and Helm.

use crate::cluster::Cluster;
use crate::parts::{command, run};
use crate::registry::Registry;
use anyhow::{Context, Result};
use api_vocab::Secret;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// How long a token is good for: longer than any test.
const LIFE_SECONDS: i64 = 3600;

impl Cluster {
    /// A client that may do everything.
    ///
    /// # Errors
    /// When the kubeconfig file is not there.
    pub async fn client(&self) -> Result<Client> {
        Ok(Client::try_from(self.config().await?)?)
    }

    /// A client that may do what a service account may do, by impersonation: it needs no token.
    ///
    /// # Errors
    /// As [`Cluster::client`].
    pub async fn client_as(&self, namespace: &str, account: &str) -> Result<Client> {
        let mut config = self.config().await?;
        config.auth_info.impersonate = Some(format!("system:serviceaccount:{namespace}:{account}"));
        config.auth_info.impersonate_groups = Some(vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
            "system:authenticated".to_owned(),
        ]);
        Ok(Client::try_from(config)?)
    }

    /// A token of a service account, as a pod of it would have.
    ///
    /// # Errors
    /// When there is no such account.
    pub async fn token(&self, namespace: &str, account: &str) -> Result<Secret> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client().await?, namespace);
        let wish = TokenRequest {
            spec: TokenRequestSpec { expiration_seconds: Some(LIFE_SECONDS), ..TokenRequestSpec::default() },
            ..TokenRequest::default()
        };
        let granted = accounts.create_token_request(account, &PostParams::default(), &wish).await?;
        Ok(Secret::new(granted.status.context("no token was granted")?.token))
    }

    /// A kubeconfig file for a process that is a service account.
    ///
    /// # Errors
    /// As [`Cluster::token`].
    pub async fn kubeconfig_of(&self, namespace: &str, account: &str) -> Result<PathBuf> {
        self.kubeconfig(&format!("{namespace}-{account}"), &self.token(namespace, account).await?)
    }

    /// The same, for one that reaches the cluster by another address, as by a [`Door`].
    ///
    /// [`Door`]: crate::openshift::Door
    ///
    /// # Errors
    /// As [`Cluster::token`].
    pub async fn kubeconfig_by(&self, url: &str, namespace: &str, account: &str) -> Result<PathBuf> {
        let token = self.token(namespace, account).await?;
        self.write_kubeconfig(url, &format!("{namespace}-{account}-door"), &token)
    }

    /// Write a kubeconfig file with a token.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn kubeconfig(&self, name: &str, token: &Secret) -> Result<PathBuf> {
        self.write_kubeconfig(&self.url(), name, token)
    }

    fn write_kubeconfig(&self, url: &str, name: &str, token: &Secret) -> Result<PathBuf> {
        let content = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "e2e", "cluster": {
                "server": url,
                "certificate-authority": self.certificates.authority(),
            }}],
            "users": [{"name": name, "user": {"token": token.reveal()}}],
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": name}}],
            "current-context": "e2e",
        });
        let file = self.kubeconfig_file(name);
        std::fs::write(&file, content.to_string())?;
        Ok(file)
    }

    /// Where the kubeconfig file of `name` is.
    pub fn kubeconfig_file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.kubeconfig"))
    }

    /// Run kubectl as the administrator; returns what it prints.
    ///
    /// # Errors
    /// When it fails.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        run(command("kubectl")?.env("KUBECONFIG", self.kubeconfig_file("admin")).args(arguments))
    }

    /// Apply manifests, YAML or JSON, as the administrator.
    ///
    /// # Errors
    /// When the API server refuses one.
    pub fn apply(&self, manifests: &str) -> Result<String> {
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(manifests.as_bytes())?;
        let path = file.path().to_string_lossy();
        self.kubectl(&["apply", "--server-side", "-f", &path])
    }

    /// Let pods of a namespace pull from a registry by a secret of that name.
    ///
    /// # Errors
    /// When the API server refuses it.
    pub fn pull_secret(&self, namespace: &str, name: &str, registry: &Registry) -> Result<()> {
        self.pull_secret_for(namespace, name, registry, &registry.host())
    }

    /// The same, for a registry that is reached as `host`.
    ///
    /// # Errors
    /// As [`Cluster::pull_secret`].
    pub fn pull_secret_for(
        &self,
        namespace: &str,
        name: &str,
        registry: &Registry,
        host: &str,
    ) -> Result<()> {
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace},
            "type": "kubernetes.io/dockerconfigjson",
            "stringData": {".dockerconfigjson": registry.docker_config(host).to_string()},
        });
        self.apply(&secret.to_string()).map(drop)
    }

    /// Run Helm as the administrator, with files of its own; returns what it prints.
    ///
    /// # Errors
    /// When it fails.
    pub fn helm(&self, arguments: &[&str]) -> Result<String> {
        let mut helm = command("helm")?;
        helm.env("KUBECONFIG", self.kubeconfig_file("admin"));
        for (variable, folder) in
            [("HELM_CACHE_HOME", "cache"), ("HELM_CONFIG_HOME", "config"), ("HELM_DATA_HOME", "data")]
        {
            helm.env(variable, self.folder.join("helm").join(folder));
        }
        run(helm.args(arguments))
    }

    async fn config(&self) -> Result<Config> {
        let kubeconfig = Kubeconfig::read_from(self.kubeconfig_file("admin"))?;
        Ok(Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?)
    }
}
