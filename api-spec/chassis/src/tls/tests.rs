//! Tests of certificates from files.

use super::*;

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

fn copied(dir: &tempfile::TempDir, stem: &str) -> TlsSettings {
    let settings = TlsSettings { certificate: dir.path().join("cert.pem"), key: dir.path().join("key.pem") };
    std::fs::copy(testdata(&format!("{stem}.cert.pem")), &settings.certificate).unwrap();
    std::fs::copy(testdata(&format!("{stem}.key.pem")), &settings.key).unwrap();
    settings
}

fn first(certificate: &Certificate) -> CertificateDer<'static> {
    certificate.current.0.load().cert.first().cloned().unwrap()
}

#[test]
fn certificate_replaced_is_served_after_reload() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = Certificate::load(&copied(&dir, "one")).unwrap();
    let _ = certificate.server_config();
    let before = first(&certificate);
    copied(&dir, "two");
    certificate.reload().unwrap();
    assert_ne!(first(&certificate), before);
}

#[test]
fn certificate_broken_leaves_the_former_in_force() {
    let dir = tempfile::tempdir().unwrap();
    let settings = copied(&dir, "one");
    let certificate = Certificate::load(&settings).unwrap();
    let before = first(&certificate);
    std::fs::write(&settings.certificate, "nonsense").unwrap();
    assert!(matches!(certificate.reload(), Err(TlsError::Pem { .. })));
    assert_eq!(first(&certificate), before);
}

#[test]
fn key_of_another_certificate_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let settings = copied(&dir, "one");
    std::fs::copy(testdata("two.key.pem"), &settings.key).unwrap();
    assert!(matches!(Certificate::load(&settings), Err(TlsError::Unusable { .. })));
}
