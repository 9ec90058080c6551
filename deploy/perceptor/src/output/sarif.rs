//! SARIF 2.1.0 (OASIS): findings for code-review tools.

use api_vocab::Severity;
use api_wire::finding::Vulnerability;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One result: a vulnerability, the package that has it, the file that says so.
pub struct SarifResult<'a> {
    /// The vulnerability.
    pub vulnerability: &'a Vulnerability,
    /// The package's name.
    pub package: &'a str,
    /// Its version.
    pub version: &'a str,
    /// The file within the image.
    pub path: &'a str,
}

/// Write the SARIF document of one scanned `target`.
pub fn render(target: &str, results: &[SarifResult<'_>]) -> Value {
    let rules: BTreeMap<&str, Value> =
        results.iter().map(|r| (r.vulnerability.id.as_str(), rule(r.vulnerability))).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "perceptor",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.into_values().collect::<Vec<_>>(),
            }},
            "results": results.iter().map(|r| result(target, r)).collect::<Vec<_>>(),
        }],
    })
}

fn rule(vulnerability: &Vulnerability) -> Value {
    let summary = if vulnerability.summary.is_empty() { &vulnerability.id } else { &vulnerability.summary };
    json!({
        "id": vulnerability.id,
        "shortDescription": {"text": summary},
        "properties": {
            "security-severity": format!("{:.1}", score(vulnerability)),
            "aliases": vulnerability.aliases,
        },
    })
}

/// Consumers sort by a number; where nobody gave one, the middle of the severity's band.
fn score(vulnerability: &Vulnerability) -> f64 {
    vulnerability.score.unwrap_or(match vulnerability.severity {
        Severity::Critical => 9.5,
        Severity::High => 8.0,
        Severity::Medium => 5.5,
        Severity::Low => 2.0,
        Severity::Negligible | Severity::Unknown => 0.0,
    })
}

fn result(target: &str, result: &SarifResult<'_>) -> Value {
    let fix = match &result.vulnerability.fix {
        Some(fix) => format!("fixed in {fix}"),
        None => "no fix known".to_owned(),
    };
    json!({
        "ruleId": result.vulnerability.id,
        "level": level(result.vulnerability.severity),
        "message": {"text": format!("{} {} in {target}: {fix}", result.package, result.version)},
        "locations": [{
            "physicalLocation": {"artifactLocation": {"uri": uri(result.path)}},
            "logicalLocations": [{"name": result.package, "kind": "package"}],
        }],
    })
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Negligible | Severity::Unknown => "note",
    }
}

/// A relative URI reference (RFC 3986): what may not stand in a path is percent-encoded.
fn uri(path: &str) -> String {
    path.bytes().fold(String::new(), |mut uri, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(byte.into())
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
        uri
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sarif_of_a_finding_names_rule_level_and_file() {
        let vulnerability = Vulnerability {
            id: "CVE-2021-44228".into(),
            aliases: vec![],
            severity: Severity::Critical,
            score: Some(10.0),
            fix: Some("2.15.0".into()),
            summary: String::new(),
            published: None,
        };
        let result = SarifResult {
            vulnerability: &vulnerability,
            package: "log4j-core",
            version: "2.14.1",
            path: "app/a b.jar!/x",
        };
        let document = render("web.tar", &[result]);
        let run = &document["runs"][0];
        assert_eq!(run["tool"]["driver"]["rules"][0]["properties"]["security-severity"], "10.0");
        assert_eq!(run["results"][0]["level"], "error");
        assert_eq!(
            run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            "app/a%20b.jar%21/x"
        );
    }
}
