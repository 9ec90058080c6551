//! The list of vulnerabilities in a summary: the worst first come in, until the size limit; the list
//! says so when something is missing. Pure.

use super::summary::{Condition, TRUNCATED, word};
use api_vocab::Severity;
use api_wire::finding::Finding;
use serde::{Deserialize, Serialize};

/// The most that a list may take, as JSON. The server refuses objects of more than 1.5 MiB.
pub const MAX_BYTES: usize = 512 << 10;
/// The longest text of one field.
const MAX_TEXT: usize = 256;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    #[serde(skip)]
    rank: u8,
    pkg_name: String,
    installed_version: String,
    #[serde(rename = "vulnerabilityID")]
    vulnerability_id: String,
    severity: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fixed_version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(default, rename = "primaryURL", skip_serializing_if = "Option::is_none")]
    primary_url: Option<String>,
}

/// A list that fills; findings come worst first.
#[derive(Debug, Default)]
pub struct Listing {
    listed: Vec<Listed>,
    bytes: usize,
    full: bool,
}

impl Listing {
    /// Take one in; false once there is no room, and more need not be asked for.
    pub fn push(&mut self, finding: &Finding) -> bool {
        if !self.full {
            let one = listed(finding);
            let size = serde_json::to_vec(&one).map_or(0, |text| text.len() + 1);
            self.full = self.bytes + size > MAX_BYTES;
            if !self.full {
                self.bytes += size;
                self.listed.push(one);
            }
        }
        !self.full
    }

    /// What is listed, in the operator's order, and the condition that says what is not. A severity
    /// is listed whole or not at all, but for the worst.
    pub fn finish(mut self) -> (Vec<Listed>, Option<Condition>) {
        let mut condition = None;
        if self.full {
            let last = self.listed.last().map(|one| one.rank);
            if self.listed.first().map(|one| one.rank) != last {
                self.listed.retain(|one| Some(one.rank) != last);
            }
            let message = match self.listed.last() {
                Some(one) => format!(
                    "Only the first {} are listed, down to {}: more do not fit into the object. The counts are whole.",
                    self.listed.len(),
                    one.severity
                ),
                None => "None is listed: they do not fit into the object. The counts are whole.".to_owned(),
            };
            condition = Some(Condition::holds(TRUNCATED, "TooLarge", message));
        }
        self.listed.sort();
        (self.listed, condition)
    }
}

fn listed(finding: &Finding) -> Listed {
    let it = &finding.vulnerability;
    Listed {
        rank: rank(it.severity),
        pkg_name: cut(&finding.package.name),
        installed_version: cut(&finding.package.version),
        vulnerability_id: cut(&it.id),
        severity: word(it.severity).to_owned(),
        fixed_version: it.fix.as_deref().map(cut),
        title: Some(cut(&it.summary)).filter(|title| !title.is_empty()),
        primary_url: url(&it.id),
    }
}

/// In the operator's order: nothing is negligible there.
fn rank(severity: Severity) -> u8 {
    match severity {
        Severity::Unknown => 0,
        Severity::Negligible | Severity::Low => 1,
        Severity::Medium => 2,
        Severity::High => 3,
        Severity::Critical => 4,
    }
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
}

/// Where people read of it, if the id may stand in an address.
fn url(id: &str) -> Option<String> {
    let plain = !id.is_empty()
        && id.len() <= 64
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    plain.then(|| format!("https://osv.dev/vulnerability/{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tell::stand::tests::hex;
    use serde_json::json;

    fn finding(id: &str, severity: &str, summary: &str) -> Finding {
        serde_json::from_value(json!({
            "id": id, "aliases": [], "severity": severity, "summary": summary, "fix": "2",
            "package": { "ecosystem": "npm", "name": "lodash", "version": "1" },
            "image": format!("sha256:{}", hex(1)), "references": [], "pods": 1,
        }))
        .unwrap()
    }

    #[test]
    fn list_is_in_the_operators_order_and_shape() {
        let mut listing = Listing::default();
        assert!(listing.push(&finding("CVE-2", "critical", "bad\u{1b}[2J")));
        assert!(listing.push(&finding("CVE-1", "low", "")));
        assert!(listing.push(&finding("../x", "low", "")));
        let (listed, condition) = listing.finish();
        assert_eq!(condition, None);
        assert_eq!(
            serde_json::to_value(listed).unwrap(),
            json!([
                { "pkgName": "lodash", "installedVersion": "1", "vulnerabilityID": "../x", "severity": "LOW", "fixedVersion": "2" },
                { "pkgName": "lodash", "installedVersion": "1", "vulnerabilityID": "CVE-1", "severity": "LOW",
                    "fixedVersion": "2", "primaryURL": "https://osv.dev/vulnerability/CVE-1" },
                { "pkgName": "lodash", "installedVersion": "1", "vulnerabilityID": "CVE-2", "severity": "CRITICAL",
                    "fixedVersion": "2", "title": "bad[2J", "primaryURL": "https://osv.dev/vulnerability/CVE-2" },
            ])
        );
    }

    #[test]
    fn list_too_long_loses_its_least_severity_and_says_so() {
        let mut listing = Listing::default();
        let (mut high, mut more) = (0, true);
        while more {
            more = listing.push(&finding("CVE-1", if high < 10 { "high" } else { "low" }, &"é".repeat(400)));
            high += 1;
        }
        let (listed, condition) = listing.finish();
        assert!(listed.len() == 10 && listed.iter().all(|one| one.severity == "HIGH"));
        assert!(condition.unwrap().message.contains("first 10 are listed, down to HIGH"));
    }

    #[test]
    fn list_of_one_severity_is_cut_within_it() {
        let mut listing = Listing::default();
        while listing.push(&finding("CVE-1", "critical", &"é".repeat(400))) {}
        let (listed, condition) = listing.finish();
        assert!(serde_json::to_vec(&listed).unwrap().len() <= MAX_BYTES && listed.len() > 500);
        assert!(condition.is_some());
    }
}
