//! The command line: what a person may say, and what each word means.
//!
//! One file because it is one text: what `--help` says, from the first word to the last.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Finds out which container images run where, what is inside them, and which vulnerabilities
/// that means.
#[derive(Debug, Parser)]
#[command(
    name = "perceptor",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 done, 1 `scan --fail-on` found something, 2 wrong input, 3 something failed."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything in one process: core, perceivers, image-fetcher, scanners
    #[command(after_help = "Examples:
  perceptor up                             watch the engines of this host, or show the sample
  perceptor up --inventory shop.toml       scan the archives that a file lists, no engine needed
  perceptor up --data /var/lib/perceptor   keep what is known there
  perceptor up --json                      one JSON object a line instead of tables")]
    Up(UpArgs),
    /// Scan one image and print what is inside; no server needed
    #[command(after_help = "Examples:
  perceptor scan nginx:1.27                    an image of this host's engine
  perceptor scan nginx:1.27 --registry         the same, or from Docker Hub
  perceptor scan image.tar                     docker save, OCI archive
  perceptor scan ./layout                      OCI layout folder
  perceptor scan /srv/rootfs                   the root folder of a machine or container
  perceptor scan web.tar --fail-on high        exit code 1 on a high or critical finding
  perceptor scan web.tar -o cyclonedx > sbom.json")]
    Scan(ScanArgs),
    /// List images with their findings
    #[command(after_help = "Examples:
  perceptor images
  perceptor images --severity high --sort severity --order desc
  perceptor images --state unscannable -o wide")]
    Images(ImagesArgs),
    /// List pods (a lone container is a one-container pod)
    #[command(after_help = "Examples:
  perceptor pods --source docker/host-1
  perceptor pods --owner compose/shop/web -o json
  perceptor pods --sort started-at --order desc --limit 10")]
    Pods(PodsArgs),
    /// List findings: vulnerability × package × image
    #[command(after_help = "Examples:
  perceptor findings --severity critical --fixable true
  perceptor findings --id CVE-2021-44228
  perceptor findings --image nginx:1.27
  perceptor findings --owner compose/shop/web --sort severity --order desc")]
    Findings(FindingsArgs),
    /// List packages of all images
    #[command(after_help = "Examples:
  perceptor packages --name openssl
  perceptor packages --ecosystem PyPI --name-contains django
  perceptor packages --sort severity --order desc --limit 20")]
    Packages(PackagesArgs),
    /// Say where a package runs: images, pods, owners, sources
    #[command(after_help = "Examples:
  perceptor find log4j-core '<2.17.1'
  perceptor find openssl '>=3.0, <3.0.12' --ecosystem Debian:12
  perceptor find lodash")]
    Find(FindArgs),
    /// List sources: clusters, engines, hosts
    #[command(after_help = "Examples:
  perceptor sources
  perceptor sources --health stale -o json")]
    Sources(SourcesArgs),
    /// List scanners and their leases
    #[command(after_help = "Examples:
  perceptor scanners
  perceptor scanners --node worker-3 -o wide")]
    Scanners(ScannersArgs),
    /// Follow what changes, one line an event
    #[command(after_help = "Examples:
  perceptor events
  perceptor events --after 1200 -o json")]
    Events(EventsArgs),
    /// Wait until a pod is seen and its images are scanned
    #[command(after_help = "Examples:
  perceptor wait --pod shop/web-5f9c --source kubernetes/prod-eu
  perceptor wait --pod redis --timeout 60")]
    Wait(WaitArgs),
    /// Print the SBOM of an image
    #[command(after_help = "Examples:
  perceptor sbom nginx:1.27 > sbom.cdx.json
  perceptor sbom 4bcff63911fc --format spdx")]
    Sbom(SbomArgs),
    /// Advisories: which are in force, fetch newer ones, import files
    Advisories(AdvisoriesArgs),
    /// Make a bearer token: prints it once, and the line for the core's token file
    #[command(after_help = "Example:
  perceptor token reader grafana
  perceptor token perceiver prod-eu --source kubernetes/prod-eu")]
    Token(TokenArgs),
    /// Print a completion script for a shell
    #[command(after_help = "Example:
  perceptor completions bash > /etc/bash_completion.d/perceptor")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// `up`.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Folder for the database, the advisories and the sample
    #[arg(long, value_name = "DIR", env = "PERCEPTOR_DATA")]
    pub data: Option<PathBuf>,
    /// Address of the REST API
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3001")]
    pub listen: std::net::SocketAddr,
    /// A file that lists pods and their image archives, for hosts without an engine
    #[arg(long, value_name = "FILE")]
    pub inventory: Option<PathBuf>,
    /// Show the sample even where there is an engine
    #[arg(long, conflicts_with = "inventory")]
    pub sample: bool,
    /// How many images to scan at once
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub scans: u32,
    /// Folder or address with advisories, one folder or zip per ecosystem
    #[arg(long, value_name = "PATH|URL")]
    pub advisories: Option<String>,
    /// Never reach beyond this machine: use the advisories that are here
    #[arg(long, conflicts_with = "advisories")]
    pub offline: bool,
    /// Stop once every image is settled; exit code 0
    #[arg(long)]
    pub once: bool,
    /// What is logged on standard error: error, warn, info, or by module as core_server=debug
    #[arg(long, value_name = "LEVEL", env = "PERCEPTOR_LOG", default_value = "warn,core_server::app=error")]
    pub log: String,
    /// One JSON object a line on standard output
    #[arg(long)]
    pub json: bool,
}

/// `scan`.
#[derive(Debug, Args)]
pub struct ScanArgs {
    /// Archive, OCI layout, folder, or image reference
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = ScanFormat::Table)]
    pub output: ScanFormat,
    /// Exit code 1 if a finding is at least this severe
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<api_vocab::Severity>,
    /// Advisory index, folder or zip; the compiled-in set if absent and nothing was synced
    #[arg(long, value_name = "PATH")]
    pub advisories: Option<PathBuf>,
    /// Folder that `perceptor advisories sync` keeps the index in
    #[arg(long, value_name = "DIR", env = "PERCEPTOR_DATA")]
    pub data: Option<PathBuf>,
    /// How to ask a registry.
    #[command(flatten)]
    pub registry: RegistryArgs,
}

/// How to ask a registry.
#[derive(Debug, Clone, Default, Args)]
pub struct RegistryArgs {
    /// Ask the image's registry if no engine of this host has it
    #[arg(long)]
    pub registry: bool,
    /// Credentials for --registry, in the form of Docker's config.json; programs that it names are
    /// not run
    #[arg(long, value_name = "FILE", env = "PERCEPTOR_REGISTRY_CREDENTIALS")]
    pub credentials: Vec<PathBuf>,
    /// PEM file of the authorities that the registry's certificate may come from
    #[arg(long, value_name = "FILE", requires = "registry")]
    pub registry_ca: Option<PathBuf>,
    /// The registry speaks HTTP without TLS
    #[arg(long, requires = "registry")]
    pub plain_http: bool,
    /// The platform to choose, as linux/arm64; this machine's if absent
    #[arg(long, value_name = "PLATFORM")]
    pub platform: Option<api_vocab::Platform>,
}

/// Output formats of `scan`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScanFormat {
    /// For people.
    Table,
    /// Inventory and findings.
    Json,
    /// CycloneDX 1.6.
    Cyclonedx,
    /// SPDX 2.3.
    Spdx,
    /// SARIF 2.1.0.
    Sarif,
}

/// Where the core is, and how to print.
#[derive(Debug, Clone, Args)]
pub struct RemoteArgs {
    /// Address of the core
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:3001", env = "PERCEPTOR_CORE")]
    pub core: String,
    /// File that holds a bearer token
    #[arg(long, value_name = "FILE", env = "PERCEPTOR_TOKEN_FILE")]
    pub token_file: Option<PathBuf>,
    /// File with the certificate authority of the core
    #[arg(long, value_name = "FILE", env = "PERCEPTOR_CA_FILE")]
    pub ca_file: Option<PathBuf>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = ListFormat::Table)]
    pub output: ListFormat,
    /// Stop after so many items; 0 means all
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub limit: usize,
}

/// Output formats of lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// The columns that matter most.
    Table,
    /// One JSON object a line.
    Json,
    /// All columns.
    Wide,
}

/// A sort order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SortOrder {
    /// Smallest first.
    Asc,
    /// Largest first.
    Desc,
}

/// `images`.
#[derive(Debug, Args)]
pub struct ImagesArgs {
    /// The core.
    #[command(flatten)]
    pub remote: RemoteArgs,
    /// queued, leased, backoff, scanned, partial or unscannable
    #[arg(long)]
    pub state: Option<String>,
    /// Part of a reference
    #[arg(long)]
    pub reference: Option<String>,
    /// At least one finding of at least this severity
    #[arg(long)]
    pub severity: Option<api_vocab::Severity>,
    /// Run by this source
    #[arg(long)]
    pub source: Option<api_vocab::SourceId>,
    /// Run in this namespace
    #[arg(long)]
    pub namespace: Option<String>,
    /// Run by this owner, as compose/shop/web
    #[arg(long)]
    pub owner: Option<api_vocab::Owner>,
    /// What to sort by
    #[arg(long, value_enum)]
    pub sort: Option<ImageColumn>,
    /// Ascending or descending
    #[arg(long, value_enum)]
    pub order: Option<SortOrder>,
}

/// What images are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImageColumn {
    /// The key.
    Digest,
    /// The worst findings.
    Severity,
    /// Number of pods.
    Pods,
    /// First seen.
    FirstSeen,
}

/// `pods`.
#[derive(Debug, Args)]
pub struct PodsArgs {
    /// The core.
    #[command(flatten)]
    pub remote: RemoteArgs,
    /// The source, as docker/host-1
    #[arg(long)]
    pub source: Option<api_vocab::SourceId>,
    /// The namespace
    #[arg(long)]
    pub namespace: Option<String>,
    /// The owner, as compose/shop/web
    #[arg(long)]
    pub owner: Option<api_vocab::Owner>,
    /// An image it runs: a digest, how one begins, or a reference
    #[arg(long)]
    pub image: Option<String>,
    /// Part of the name
    #[arg(long)]
    pub name_contains: Option<String>,
    /// Only those that can be reached from outside (true), or not as far as is known (false)
    #[arg(long)]
    pub public: Option<bool>,
    /// The service account
    #[arg(long)]
    pub service_account: Option<String>,
    /// The team that is to be told
    #[arg(long)]
    pub team: Option<String>,
    /// What to sort by
    #[arg(long, value_enum)]
    pub sort: Option<PodColumn>,
    /// Ascending or descending
    #[arg(long, value_enum)]
    pub order: Option<SortOrder>,
}

/// What pods are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PodColumn {
    /// Source, namespace and name.
    Key,
    /// When they started.
    StartedAt,
}

/// `findings`.
#[derive(Debug, Args)]
pub struct FindingsArgs {
    /// The core.
    #[command(flatten)]
    pub remote: RemoteArgs,
    /// At least this severity
    #[arg(long)]
    pub severity: Option<api_vocab::Severity>,
    /// Only those with a fix (true) or without one (false)
    #[arg(long)]
    pub fixable: Option<bool>,
    /// Any id of the vulnerability
    #[arg(long)]
    pub id: Option<String>,
    /// The package's name
    #[arg(long)]
    pub package: Option<String>,
    /// Only in this image: a digest, how one begins, or a reference
    #[arg(long)]
    pub image: Option<String>,
    /// In images run by this source
    #[arg(long)]
    pub source: Option<api_vocab::SourceId>,
    /// In images run in this namespace
    #[arg(long)]
    pub namespace: Option<String>,
    /// In images run by this owner
    #[arg(long)]
    pub owner: Option<api_vocab::Owner>,
    /// What to sort by
    #[arg(long, value_enum)]
    pub sort: Option<FindingColumn>,
    /// Ascending or descending
    #[arg(long, value_enum)]
    pub order: Option<SortOrder>,
}

/// What findings are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FindingColumn {
    /// The image's key.
    Image,
    /// The severity.
    Severity,
    /// The vulnerability's id.
    Id,
    /// The package's name.
    Package,
}

/// `packages`.
#[derive(Debug, Args)]
pub struct PackagesArgs {
    /// The core.
    #[command(flatten)]
    pub remote: RemoteArgs,
    /// The exact name
    #[arg(long)]
    pub name: Option<String>,
    /// Part of the name
    #[arg(long)]
    pub name_contains: Option<String>,
    /// The ecosystem, as PyPI, Debian or Debian:12
    #[arg(long)]
    pub ecosystem: Option<String>,
    /// A version constraint, as '<2.17.1'
    #[arg(long)]
    pub version: Option<String>,
    /// What to sort by
    #[arg(long, value_enum)]
    pub sort: Option<PackageColumn>,
    /// Ascending or descending
    #[arg(long, value_enum)]
    pub order: Option<SortOrder>,
}

/// What packages are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PackageColumn {
    /// Name, then ecosystem and version.
    Name,
    /// Number of images that hold them.
    Images,
    /// The worst severity of their findings.
    Severity,
}

/// `find`.
#[derive(Debug, Args)]
pub struct FindArgs {
    /// The core.
    #[command(flatten)]
    pub remote: RemoteArgs,
    /// The package's name; a Maven artifact or source package counts as well
    pub name: String,
    /// A version constraint, as '<2.17.1' or '>=1.0, <2'
    pub constraint: Option<String>,
    /// The ecosystem, as PyPI, Debian or Debian:12
    #[arg(long)]
    pub ecosystem: Option<String>,
}

/// `sources`.
#[derive(Debug, Args)]
pub struct SourcesArgs {
    /// The core.
    #[command(flatten)]
    pub remote: RemoteArgs,
    /// The kind of platform, as docker
    #[arg(long)]
    pub kind: Option<api_vocab::SourceKind>,
    /// Only those that are heard often enough to be believed, or not
    #[arg(long, value_enum)]
    pub health: Option<Health>,
    /// What to sort by
    #[arg(long, value_enum)]
    pub sort: Option<SourceColumn>,
    /// Ascending or descending
    #[arg(long, value_enum)]
    pub order: Option<SortOrder>,
}

/// Whether a source is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Health {
    /// Heard lately.
    Fresh,
    /// Not heard for too long.
    Stale,
}

/// What sources are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SourceColumn {
    /// Kind and name.
    Id,
    /// When they were last heard.
    LastSeen,
    /// Number of pods.
    Pods,
}

/// `scanners`.
#[derive(Debug, Args)]
pub struct ScannersArgs {
    /// The core.
    #[command(flatten)]
    pub remote: RemoteArgs,
    /// The node whose store it reads
    #[arg(long)]
    pub node: Option<String>,
    /// What to sort by
    #[arg(long, value_enum)]
    pub sort: Option<ScannerColumn>,
    /// Ascending or descending
    #[arg(long, value_enum)]
    pub order: Option<SortOrder>,
}

/// What scanners are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScannerColumn {
    /// The name.
    Name,
    /// When they were last heard.
    LastSeen,
}

/// `events`.
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// The core.
    #[command(flatten)]
    pub remote: RemoteArgs,
    /// Only events after this id
    #[arg(long, value_name = "ID")]
    pub after: Option<u64>,
}

/// `wait`.
#[derive(Debug, Args)]
pub struct WaitArgs {
    /// The core.
    #[command(flatten)]
    pub remote: RemoteArgs,
    /// The pod, as shop/web-5f9c; its name alone is one in any namespace, or without one
    #[arg(long, value_name = "[NAMESPACE/]NAME")]
    pub pod: String,
    /// The source that it runs in
    #[arg(long)]
    pub source: Option<api_vocab::SourceId>,
    /// How long to wait, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub timeout: u64,
}

/// `sbom`.
#[derive(Debug, Args)]
pub struct SbomArgs {
    /// The core.
    #[command(flatten)]
    pub remote: RemoteArgs,
    /// Any digest of the image, how one begins, or a reference
    pub image: String,
    /// The document's format
    #[arg(long, value_enum, default_value_t = DocumentFormat::Cyclonedx)]
    pub format: DocumentFormat,
}

/// SBOM formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DocumentFormat {
    /// CycloneDX 1.6.
    Cyclonedx,
    /// SPDX 2.3.
    Spdx,
}

/// `advisories`.
#[derive(Debug, Args)]
pub struct AdvisoriesArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: AdvisoriesCommand,
}

/// What may be done with advisories.
#[derive(Debug, Subcommand)]
pub enum AdvisoriesCommand {
    /// Ask the core to look for newer advisories now
    #[command(after_help = "Example:
  perceptor advisories sync --core https://perceptor.example:3001 --token-file admin.token")]
    Sync(RemoteArgs),
    /// Say which advisories are in force, and how old they are
    #[command(after_help = "Example:
  perceptor advisories status")]
    Status(RemoteArgs),
    /// Build an index from OSV files, for `scan` and for a core's data folder
    #[command(after_help = "Examples:
  perceptor advisories import ./osv --data ~/.local/share/perceptor
  perceptor advisories import Debian.zip")]
    Import {
        /// Folder, zip, or folder of zips
        path: PathBuf,
        /// Where the index is kept
        #[arg(long, value_name = "DIR", env = "PERCEPTOR_DATA")]
        data: Option<PathBuf>,
    },
}

/// `token`.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// perceiver, scanner, reader or admin
    pub role: String,
    /// Who will use it, for the log
    pub name: String,
    /// A source that a perceiver speaks for, as kubernetes/prod-eu; without: for all. May be repeated
    #[arg(long, value_name = "SOURCE")]
    pub source: Vec<String>,
}

#[cfg(test)]
mod tests;
