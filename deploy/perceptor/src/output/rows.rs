//! Which columns each resource has.

use super::{Cell, Row};
use api_vocab::{Digest, ImageRef, Severity};
use api_wire::finding::{Finding, Vulnerability};
use api_wire::image::{Image, ImageState};
use api_wire::package::{FleetPackage, PackagePlace};
use api_wire::pod::Pod;
use api_wire::scanner::Scanner;
use api_wire::source::{Source, SourceHealth};
use api_wire::summary::SeverityCounts;

/// The four that people look at, how many can be mended, and how many advisories are undecided.
fn counts(counts: Option<&SeverityCounts>) -> [Cell; 6] {
    match counts {
        None => std::array::from_fn(|_| Cell::unknown_number()),
        Some(c) => [
            Cell::count(c.critical, Severity::Critical),
            Cell::count(c.high, Severity::High),
            Cell::count(c.medium, Severity::Medium),
            Cell::count(c.low, Severity::Low),
            Cell::count(c.fixable, Severity::Unknown),
            Cell::count(c.undecided, Severity::Unknown),
        ],
    }
}

/// The first reference as people write it, else the digest.
fn familiar(references: &[String], digest: &Digest) -> String {
    let Some(first) = references.first() else { return digest.short() };
    first.parse::<ImageRef>().map_or_else(|_| first.clone(), |reference| reference.familiar())
}

fn name_of(image: &Image) -> String {
    let name = familiar(&image.references, &image.digest);
    let more = image.references.len().saturating_sub(1);
    if more == 0 { name } else { format!("{name} (+{more})") }
}

/// The state's word, as the API filters by it, and why where there is a reason.
pub fn state(state: &ImageState) -> (&'static str, String) {
    match state {
        ImageState::Queued { .. } => ("queued", String::new()),
        ImageState::Leased { scanner, .. } => ("leased", format!("by {scanner}")),
        ImageState::Backoff { attempt, reason, .. } => ("backoff", format!("attempt {attempt}: {reason}")),
        ImageState::Scanned { partial: false, .. } => ("scanned", String::new()),
        ImageState::Scanned { partial: true, problems } => {
            let first =
                problems.first().map(|p| format!("{} {}: {}", p.code, p.path, p.detail)).unwrap_or_default();
            ("partial", first)
        }
        ImageState::Unscannable { reason, .. } => ("unscannable", reason.clone()),
    }
}

impl Row for Image {
    fn heads(wide: bool) -> Vec<&'static str> {
        let mut heads = vec!["IMAGE", "PODS", "CRIT", "HIGH", "MED", "LOW", "FIXABLE", "UNDECIDED", "STATE"];
        if wide {
            heads.extend(["PACKAGES", "DISTRO", "PLATFORM", "REASON", "DIGEST"]);
        }
        heads
    }

    fn cells(&self, wide: bool) -> Vec<Cell> {
        let (word, reason) = state(&self.state);
        let mut cells = vec![Cell::text(name_of(self)), Cell::number(self.pods)];
        cells.extend(counts(self.findings.as_ref()));
        cells.push(Cell::text(word));
        if wide {
            cells.push(self.packages.map_or_else(Cell::unknown, Cell::number));
            let distro = self.distro.as_ref().map(|d| d.pretty_name.as_ref().unwrap_or(&d.id));
            cells.push(distro.map_or_else(Cell::unknown, Cell::text));
            cells.push(self.platform.as_ref().map_or_else(Cell::unknown, |p| Cell::text(p.to_string())));
            cells.push(Cell::text(reason));
            cells.push(Cell::text(self.digest.to_string()));
        }
        cells
    }
}

impl Row for Pod {
    fn heads(wide: bool) -> Vec<&'static str> {
        let mut heads =
            vec!["SOURCE", "POD", "OWNER", "PHASE", "CRIT", "HIGH", "MED", "LOW", "FIXABLE", "UNDECIDED"];
        if wide {
            heads.extend(["NODE", "PUBLIC", "ACCOUNT", "TEAM", "IMAGES", "UID"]);
        }
        heads
    }

    fn cells(&self, wide: bool) -> Vec<Cell> {
        let name = if self.namespace.is_empty() {
            self.name.clone()
        } else {
            format!("{}/{}", self.namespace, self.name)
        };
        let mut cells = vec![
            Cell::text(self.source.to_string()),
            Cell::text(name),
            self.owner.as_ref().map_or_else(Cell::unknown, |owner| Cell::text(owner.as_str())),
            Cell::text(self.phase.as_str()),
        ];
        cells.extend(counts(self.findings.as_ref()));
        if wide {
            let images: Vec<String> =
                self.containers.iter().map(|c| format!("{} ({})", c.reference, c.state)).collect();
            cells.push(self.node.as_ref().map_or_else(Cell::unknown, Cell::text));
            let hosts: Vec<&str> =
                self.context.exposure.iter().flat_map(|path| path.hosts.iter().map(String::as_str)).collect();
            let public = if hosts.is_empty() { "yes".to_owned() } else { hosts.join(", ") };
            let public = if self.context.exposure.is_empty() { Cell::unknown() } else { Cell::text(public) };
            cells.push(public);
            cells.push(self.context.service_account.as_ref().map_or_else(Cell::unknown, Cell::text));
            cells.push(self.context.settings.team.as_ref().map_or_else(Cell::unknown, Cell::text));
            cells.push(Cell::text(images.join(", ")));
            cells.push(Cell::text(&self.uid));
        }
        cells
    }
}

impl Row for Finding {
    fn heads(wide: bool) -> Vec<&'static str> {
        let mut heads = vec!["SEVERITY", "ID", "PACKAGE", "INSTALLED", "FIX", "IMAGE", "PODS"];
        if wide {
            heads.extend(["SCORE", "ECOSYSTEM", "ALIASES", "SUMMARY", "DIGEST"]);
        }
        heads
    }

    fn cells(&self, wide: bool) -> Vec<Cell> {
        let v = &self.vulnerability;
        let mut cells = vec![
            Cell::severity(v.severity),
            Cell::text(&v.id),
            Cell::text(&self.package.name),
            Cell::text(&self.package.version),
            v.fix.as_ref().map_or_else(Cell::unknown, Cell::text),
            Cell::text(familiar(&self.references, &self.image)),
            Cell::number(self.pods),
        ];
        if wide {
            cells.extend(more(v));
            cells.insert(8, Cell::text(self.package.ecosystem.to_string()));
            cells.push(Cell::text(self.image.to_string()));
        }
        cells
    }
}

fn more(v: &Vulnerability) -> [Cell; 3] {
    [
        v.score.map_or_else(Cell::unknown, |score| Cell::text(format!("{score:.1}"))),
        Cell::text(v.aliases.join(" ")),
        Cell::text(&v.summary),
    ]
}

impl Row for FleetPackage {
    fn heads(wide: bool) -> Vec<&'static str> {
        let mut heads = vec!["ECOSYSTEM", "PACKAGE", "VERSION", "IMAGES", "FINDINGS", "WORST", "UNDECIDED"];
        if wide {
            heads.extend(["ARCH", "SOURCE", "OWNED BY"]);
        }
        heads
    }

    fn cells(&self, wide: bool) -> Vec<Cell> {
        let p = &self.package;
        let mut cells = vec![
            Cell::text(p.ecosystem.to_string()),
            Cell::text(&p.name),
            Cell::text(&p.version),
            Cell::number(self.images),
            Cell::count(self.findings, self.worst.unwrap_or(Severity::Unknown)),
            self.worst.map_or_else(Cell::unknown, Cell::severity),
            Cell::count(self.undecided, Severity::Unknown),
        ];
        if wide {
            cells.push(p.architecture.as_ref().map_or_else(Cell::unknown, Cell::text));
            cells.push(p.source_name.as_ref().map_or_else(Cell::unknown, Cell::text));
            cells.push(p.owned_by.as_ref().map_or_else(Cell::unknown, Cell::text));
        }
        cells
    }
}

impl Row for PackagePlace {
    fn heads(wide: bool) -> Vec<&'static str> {
        let mut heads = vec!["PACKAGE", "VERSION", "IMAGE", "PODS", "OWNERS", "SOURCES"];
        if wide {
            heads.extend(["ECOSYSTEM", "POD NAMES", "DIGEST"]);
        }
        heads
    }

    fn cells(&self, wide: bool) -> Vec<Cell> {
        let sources: Vec<String> = self.sources.iter().map(ToString::to_string).collect();
        let version = &self.package.version;
        let version = if self.undecided { format!("{version} (undecided)") } else { version.clone() };
        let mut cells = vec![
            Cell::text(&self.package.name),
            Cell::text(version),
            Cell::text(familiar(&self.references, &self.image)),
            Cell::number(self.pods),
            Cell::text(self.owners.join(", ")),
            Cell::text(sources.join(", ")),
        ];
        if wide {
            cells.push(Cell::text(self.package.ecosystem.to_string()));
            cells.push(Cell::text(self.pod_names.join(", ")));
            cells.push(Cell::text(self.image.to_string()));
        }
        cells
    }
}

impl Row for Source {
    fn heads(_: bool) -> Vec<&'static str> {
        vec!["SOURCE", "HEALTH", "PODS", "LAST SEEN", "LAST FULL STATE"]
    }

    fn cells(&self, _: bool) -> Vec<Cell> {
        let health = match self.health {
            SourceHealth::Fresh => "fresh",
            SourceHealth::Stale => "stale",
        };
        vec![
            Cell::text(self.id.to_string()),
            Cell::text(health),
            Cell::number(self.pods),
            Cell::text(self.last_seen.to_string()),
            self.last_full_state.map_or_else(Cell::unknown, |at| Cell::text(at.to_string())),
        ]
    }
}

impl Row for Scanner {
    fn heads(wide: bool) -> Vec<&'static str> {
        let mut heads = vec!["SCANNER", "NODE", "LEASES", "MAX", "LAST SEEN", "VERSION"];
        if wide {
            heads.extend(["EXTRACTOR SET", "SOURCES", "REACHES"]);
        }
        heads
    }

    fn cells(&self, wide: bool) -> Vec<Cell> {
        let registration = &self.registration;
        let mut cells = vec![
            Cell::text(self.name.as_str()),
            registration.node.as_ref().map_or_else(Cell::unknown, Cell::text),
            Cell::number(u64::from(self.leases)),
            Cell::number(u64::from(registration.max_leases)),
            Cell::text(self.last_seen.to_string()),
            Cell::text(&registration.version),
        ];
        if wide {
            let sources: Vec<String> = registration.sources.iter().map(ToString::to_string).collect();
            let reaches = match registration.registry {
                None => "its sources",
                Some(true) => "its node, registries",
                Some(false) => "its node",
            };
            cells.push(Cell::text(registration.extractor_set.as_str()));
            cells.push(Cell::text(sources.join(", ")));
            cells.push(Cell::text(reaches));
        }
        cells
    }
}
