//! Tests of settings from layers.

use super::*;
use api_vocab::Secret;
use serde::Deserialize;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    data_dir: String,
    attempts: u32,
    names: Vec<String>,
    http: Http,
    largest: u64,
    tls: Option<Tls>,
    #[serde(serialize_with = "hidden")]
    password: Secret,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Http {
    listen: String,
    fast: bool,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tls {
    key: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            data_dir: "/var/lib".into(),
            attempts: 3,
            names: vec!["a".into()],
            http: Http { listen: "mine".into(), fast: true },
            largest: u64::MAX,
            tls: None,
            password: Secret::new("hunter2"),
        }
    }
}

fn a_file(extension: &str, text: &str) -> tempfile::TempPath {
    let file = tempfile::Builder::new().suffix(extension).tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file.into_temp_path()
}

fn variables(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect()
}

fn load(file: Option<&Path>, env: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let mut layers = Layers::of("core").file(file.map(Path::to_owned)).environment(variables(env));
    for (key, text) in flags {
        layers = layers.flag(key, Some(text));
    }
    layers.load()
}

#[test]
fn layers_each_win_over_the_one_beneath() {
    let file = a_file(".toml", "attempts = 4\ndata_dir = '/f'\n[http]\nlisten = 'file'\n");
    let env = [("PERCEPTOR_CORE_HTTP__LISTEN", "env"), ("PERCEPTOR_CORE_DATA_DIR", "0123")];
    let settings = load(Some(&file), &env, &[("http.listen", "flag")]).unwrap();
    assert_eq!((settings.attempts, &*settings.data_dir, &*settings.http.listen), (4, "0123", "flag"));
    assert_eq!(settings.names, ["a"]);
    assert_eq!(load(None, &[], &[]).unwrap(), Settings::default());
}

#[test]
fn section_set_in_part_keeps_the_services_own_defaults() {
    let file = a_file(".yaml", "http: {fast: false}\n");
    for settings in [
        load(Some(&file), &[], &[]),
        load(None, &[("PERCEPTOR_CORE_HTTP__FAST", "false")], &[]),
        load(None, &[], &[("http.fast", "false")]),
    ] {
        assert_eq!(settings.unwrap().http, Http { listen: "mine".into(), fast: false });
    }
}

#[test]
fn environment_fills_lists_booleans_numbers_and_absent_sections() {
    let env = [
        ("PERCEPTOR_CORE_NAMES", "x, y,"),
        ("PERCEPTOR_CORE_HTTP__FAST", "true"),
        ("PERCEPTOR_CORE_ATTEMPTS", "7"),
        ("PERCEPTOR_CORE_TLS__KEY", "k"),
        ("PERCEPTOR_SCANNER_ATTEMPTS", "9"),
        ("PATH", "/bin"),
    ];
    let settings = load(None, &env, &[]).unwrap();
    assert_eq!(settings.names, ["x", "y"]);
    assert_eq!((settings.http.fast, settings.attempts), (true, 7));
    assert_eq!(settings.tls, Some(Tls { key: "k".into() }));
}

#[test]
fn file_in_each_format_says_the_same() {
    for (extension, text) in [
        (".toml", "names = ['x']\n[http]\nfast = true"),
        (".yaml", "names: [x]\nhttp:\n  fast: true\n"),
        (".json", r#"{"names":["x"],"http":{"fast":true}}"#),
    ] {
        let settings = load(Some(&a_file(extension, text)), &[], &[]).unwrap();
        assert!(settings.http.fast && settings.names == ["x"], "{extension}");
    }
}

#[track_caller]
fn refused(outcome: Result<Settings, ConfigError>, expected: &[&str]) {
    let text = outcome.unwrap_err().to_string();
    for part in expected {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn key_unknown_is_named_with_its_place_and_the_nearest_right_one() {
    let file = a_file(".toml", "[http]\nlisen = 'x'\n");
    let place = file.display().to_string();
    refused(load(Some(&file), &[], &[]), &["http.lisen", &place, "did you mean http.listen?"]);
    let env = [("PERCEPTOR_CORE_ATEMPTS", "1")];
    refused(load(None, &env, &[]), &["PERCEPTOR_CORE_ATEMPTS", "did you mean attempts?"]);
    refused(load(None, &[], &[("listen", "x")]), &["flag --listen", "did you mean http.listen?"]);
    let env = [("PERCEPTOR_CORE_TLS__KY", "1")];
    refused(load(None, &env, &[]), &["ky", "key"]);
}

#[test]
fn key_in_capitals_is_unknown() {
    refused(
        load(Some(&a_file(".toml", "[Http]\nlisten = 'x'\n")), &[], &[]),
        &["Http.listen", "http.listen"],
    );
}

#[test]
fn value_of_the_wrong_kind_is_named_with_its_key_and_place() {
    refused(
        load(None, &[("PERCEPTOR_CORE_ATTEMPTS", "many")], &[]),
        &["attempts", "PERCEPTOR_CORE_ATTEMPTS"],
    );
}

#[test]
fn file_that_is_none_is_refused() {
    refused(load(Some(&a_file(".toml", "a = [")), &[], &[]), &["settings in"]);
    refused(load(Some(&a_file(".ini", "")), &[], &[]), &[".toml, .yaml or .json"]);
    refused(load(Some(Path::new("/nowhere/x.toml")), &[], &[]), &["read settings from /nowhere/x.toml"]);
}

#[test]
fn variables_that_kubernetes_sets_for_a_service_are_no_settings() {
    let env = [
        ("PERCEPTOR_CORE_PORT", "tcp://10.0.0.1:3001"),
        ("PERCEPTOR_CORE_SERVICE_HOST", "10.0.0.1"),
        ("PERCEPTOR_CORE_SERVICE_PORT", "3001"),
        ("PERCEPTOR_CORE_SERVICE_PORT_HTTP", "3001"),
        ("PERCEPTOR_CORE_PORT_3001_TCP", "tcp://10.0.0.1:3001"),
        ("PERCEPTOR_CORE_PORT_3001_TCP_ADDR", "10.0.0.1"),
    ];
    assert_eq!(load(None, &env, &[]).unwrap(), Settings::default());
}

#[test]
fn settings_printed_hide_secrets_and_can_be_read_again() {
    let text = render(&Settings::default()).unwrap();
    assert!(!text.contains("hunter2") && text.contains("\"password\": \"***\""), "{text}");
    let again = load(Some(&a_file(".json", &text)), &[], &[]).unwrap();
    assert_eq!(again.data_dir, "/var/lib");
}
