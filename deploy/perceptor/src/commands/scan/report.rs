//! What a scan found, in each form that it is printed in.

use super::target::ScannedTarget;
use crate::advisories;
use crate::output::{self, Cell, Row, Table, many, sarif};
use anyhow::Result;
use api_vocab::{InstalledPackage, Severity, Timestamp};
use api_wire::finding::Vulnerability;
use core_advisories::{Finding, Index};
use core_server::matcher::found_of;
use scanner_worker::convert::inventory_to_wire;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{IsTerminal, Write};

/// How many problems the table names.
const SHOWN_PROBLEMS: usize = 20;

/// The findings of one scan, the worst first.
pub struct Report<'a> {
    findings: Vec<(&'a InstalledPackage, Vulnerability)>,
    /// Advisories that could not be compared with a package's version.
    undecided: usize,
}

impl<'a> Report<'a> {
    /// Match what was found; the same package in two places is two findings.
    pub fn of(scanned: &'a ScannedTarget, index: &Index) -> Self {
        let mut found = HashMap::new();
        let mut findings = Vec::new();
        let mut undecided = 0;
        for installed in &scanned.inventory.packages {
            let matched =
                found.entry(&installed.package).or_insert_with(|| found_of(index, &installed.package));
            undecided += matched.undecided.len();
            findings.extend(matched.findings.iter().map(|finding| (installed, shape(finding))));
        }
        findings.sort_by(|(a, x), (b, y)| {
            (y.severity, &x.id, a.package.name()).cmp(&(x.severity, &y.id, b.package.name()))
        });
        Report { findings, undecided }
    }

    /// The worst severity there is.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|(_, vulnerability)| vulnerability.severity).max()
    }

    /// Why no findings do not mean none; nothing where they do.
    pub fn caution(&self, scanned: &ScannedTarget) -> Option<String> {
        let gaps = [
            (scanned.inventory.problems.len(), "could not be read", "part"),
            (self.undecided, "could not be compared with the version of a package", "advisory record"),
        ];
        let known = |(count, why, what): &(usize, &str, &str)| {
            (*count > 0).then(|| format!("{} {why}", many(*count, what)))
        };
        let gaps: Vec<String> = gaps.iter().filter_map(known).collect();
        (!gaps.is_empty()).then(|| gaps.join(", "))
    }

    /// For people.
    pub fn write_table(
        &self,
        target: &str,
        scanned: &ScannedTarget,
        index: &Index,
        now: Timestamp,
        out: &mut dyn Write,
    ) -> Result<()> {
        let inventory = &scanned.inventory;
        let distro = inventory.distro.as_ref().map(|d| d.pretty_name.clone().unwrap_or_else(|| d.id.clone()));
        let distro = distro.unwrap_or_else(|| "no distribution".to_owned());
        let (target, distro) = (output::plain(target), output::plain(&distro));
        writeln!(
            out,
            "{target}: {distro}, {}, {}",
            many(inventory.packages.len(), "package"),
            self.counts()
        )?;
        writeln!(out, "advisories: {}", advisories::describe(index, now))?;
        if !self.findings.is_empty() {
            let mut table = Table::of::<Line<'_>>(false, output::has_colour());
            self.findings.iter().for_each(|(package, found)| table.push(Line(package, found).cells(false)));
            writeln!(out)?;
            table.write(out, std::io::stdout().is_terminal().then(output::screen_width))?;
        }
        self.write_limits(scanned, out)
    }

    fn write_limits(&self, scanned: &ScannedTarget, out: &mut dyn Write) -> Result<()> {
        if self.undecided > 0 {
            writeln!(
                out,
                "\nundecided: {} advisories could not be compared with the version of a package that they name",
                self.undecided
            )?;
        }
        if scanned.inventory.is_partial() {
            let problems = &scanned.inventory.problems;
            writeln!(out, "\npartial: {} could not be read", many(problems.len(), "part"))?;
            for problem in problems.iter().take(SHOWN_PROBLEMS) {
                let (path, detail) = (output::plain(&problem.path), output::plain(&problem.detail));
                writeln!(out, "  {}  {path}  {detail}", problem.code)?;
            }
            if let Some(more @ 1..) = problems.len().checked_sub(SHOWN_PROBLEMS) {
                writeln!(out, "  … and {more} more: -o json names all")?;
            }
        }
        Ok(())
    }

    fn counts(&self) -> String {
        if self.findings.is_empty() {
            return "no findings".to_owned();
        }
        let count = |severity: Severity| self.findings.iter().filter(|(_, v)| v.severity == severity).count();
        let parts: Vec<String> = Severity::ALL
            .iter()
            .rev()
            .filter_map(|severity| Some((count(*severity), severity)).filter(|(n, _)| *n > 0))
            .map(|(n, severity)| format!("{n} {severity}"))
            .collect();
        format!("{} ({})", many(self.findings.len(), "finding"), parts.join(", "))
    }

    /// For programs.
    pub fn write_json(
        &self,
        target: &str,
        scanned: &ScannedTarget,
        index: &Index,
        out: &mut dyn Write,
    ) -> Result<()> {
        let findings: Vec<Value> = self
            .findings
            .iter()
            .map(|(installed, vulnerability)| {
                json!({
                    "vulnerability": vulnerability,
                    "ecosystem": installed.package.ecosystem(),
                    "package": installed.package.name(),
                    "version": installed.package.version(),
                    "path": &*installed.path,
                })
            })
            .collect();
        let document = json!({
            "target": target,
            "image": scanned.image.as_ref().map(|image| &image.identity),
            "advisories": {
                "revision": index.revision(),
                "origin": index.origin(),
                "advisories": index.advisories(),
                "newest": index.newest(),
            },
            "inventory": inventory_to_wire(&scanned.inventory),
            "findings": findings,
            "undecided": self.undecided,
        });
        Ok(output::json_document(out, &document)?)
    }

    /// For code-review tools.
    pub fn sarif(&self, target: &str) -> Value {
        let results: Vec<sarif::SarifResult<'_>> = self
            .findings
            .iter()
            .map(|(installed, vulnerability)| sarif::SarifResult {
                vulnerability,
                package: installed.package.name(),
                version: installed.package.version(),
                path: &installed.path,
            })
            .collect();
        sarif::render(target, &results)
    }
}

/// A row: where, what, how bad.
struct Line<'a>(&'a InstalledPackage, &'a Vulnerability);

impl Row for Line<'_> {
    fn heads(_: bool) -> Vec<&'static str> {
        vec!["SEVERITY", "ID", "PACKAGE", "INSTALLED", "FIX", "PATH"]
    }

    fn cells(&self, _: bool) -> Vec<Cell> {
        let Line(installed, vulnerability) = self;
        vec![
            Cell::severity(vulnerability.severity),
            Cell::text(&vulnerability.id),
            Cell::text(installed.package.name()),
            Cell::text(installed.package.version()),
            vulnerability.fix.as_ref().map_or_else(Cell::unknown, Cell::text),
            Cell::text(&installed.path),
        ]
    }
}

fn shape(finding: &Finding) -> Vulnerability {
    Vulnerability {
        id: finding.id.to_string(),
        aliases: finding.aliases.iter().map(ToString::to_string).collect(),
        severity: finding.severity,
        score: finding.score,
        fix: finding.fix.as_ref().map(ToString::to_string),
        summary: finding.summary.to_string(),
        published: finding.published,
    }
}
