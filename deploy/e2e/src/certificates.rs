//! A certificate authority of our own, one certificate for 127.0.0.1 and the address and
//! name that pods know the API server by, and a key that signs tokens.

use crate::parts::run;
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Without it, OpenSSL's own settings would make every certificate an authority.
const SETTINGS: &str = "\
[req]
distinguished_name = name
prompt = no
[name]
CN = perceptor-e2e
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1, IP:10.96.0.1, DNS:localhost, DNS:kubernetes.default.svc
";

/// Where the files are.
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// Make them in `folder`.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn make(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let made = Certificates { folder: folder.to_path_buf() };
        let settings = made.file("openssl.cnf");
        std::fs::write(&settings, SETTINGS)?;
        let certificate = |kind: &str| {
            let mut command = Command::new("openssl");
            command.args(["req", "-x509", "-nodes", "-days", "2"]);
            command.args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-extensions", kind]);
            command.arg("-config").arg(&settings);
            command.arg("-keyout").arg(made.file(&format!("{kind}.key")));
            command.arg("-out").arg(made.file(&format!("{kind}.crt")));
            command
        };
        run(&mut certificate("authority"))?;
        let mut server = certificate("server");
        // A subject of its own: one equal to its issuer's would look self-signed.
        server.args(["-subj", "/CN=localhost"]);
        run(server.arg("-CA").arg(made.authority()).arg("-CAkey").arg(made.file("authority.key")))?;
        let mut tokens = Command::new("openssl");
        tokens.args(["genpkey", "-quiet", "-algorithm", "RSA", "-out"]);
        run(tokens.arg(made.token_key()))?;
        Ok(made)
    }

    /// The authority's certificate.
    pub fn authority(&self) -> PathBuf {
        self.file("authority.crt")
    }

    /// The certificate for 127.0.0.1.
    pub fn server(&self) -> PathBuf {
        self.file("server.crt")
    }

    /// Its key.
    pub fn server_key(&self) -> PathBuf {
        self.file("server.key")
    }

    /// The key that signs service-account tokens.
    pub fn token_key(&self) -> PathBuf {
        self.file("tokens.key")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}
