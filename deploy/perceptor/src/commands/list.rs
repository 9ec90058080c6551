//! Lists: what was asked for becomes a query, the answer a table or JSON lines.

use super::remote::connect;
use super::{advisories, image};
use crate::cli::{
    FindArgs, FindingColumn, FindingsArgs, Health, ImageColumn, ImagesArgs, ListFormat, PackageColumn,
    PackagesArgs, PodColumn, PodsArgs, RemoteArgs, ScannerColumn, ScannersArgs, SortOrder, SourceColumn,
    SourcesArgs,
};
use crate::output::{self, Row, Table};
use anyhow::Result;
use api_client::{Client, ClientError};
use api_vocab::{Digest, Timestamp};
use api_wire::finding::{FindingQuery, FindingSort};
use api_wire::image::{ImageQuery, ImageSort};
use api_wire::package::{PackageQuery, PackageSort};
use api_wire::page::Order;
use api_wire::pod::{PodQuery, PodSort};
use api_wire::scanner::{ScannerQuery, ScannerSort};
use api_wire::source::{SourceHealth, SourceQuery, SourceSort};
use api_wire::summary::Summary;
use futures_util::{Stream, TryStreamExt};
use std::io::{IsTerminal, Write};
use std::pin::pin;

/// Most items of a page.
const MAX_PAGE: u32 = 1_000;

type Out<'a> = &'a mut (dyn Write + Send);

pub async fn images(args: &ImagesArgs, out: Out<'_>) -> Result<()> {
    let query = ImageQuery {
        state: args.state.clone(),
        reference: args.reference.clone(),
        severity: text(args.severity.as_ref()),
        source: text(args.source.as_ref()),
        namespace: args.namespace.clone(),
        owner: text(args.owner.as_ref()),
        sort: args.sort.map(|column| match column {
            ImageColumn::Digest => ImageSort::Digest,
            ImageColumn::Severity => ImageSort::Severity,
            ImageColumn::Pods => ImageSort::Pods,
            ImageColumn::FirstSeen => ImageSort::FirstSeen,
        }),
        order: order(args.order),
        limit: page(&args.remote),
        ..ImageQuery::default()
    };
    let client = connect(&args.remote)?;
    print(&args.remote, client.every_image(query), out).await?;
    foot(&args.remote, &client, &[Foot::Advisories]).await
}

pub async fn pods(args: &PodsArgs, out: Out<'_>) -> Result<()> {
    let client = connect(&args.remote)?;
    let image = meant(&client, args.image.as_deref()).await?;
    let query = PodQuery {
        source: text(args.source.as_ref()),
        namespace: args.namespace.clone(),
        owner: text(args.owner.as_ref()),
        image: text(image.as_ref()),
        name_contains: args.name_contains.clone(),
        public: args.public,
        service_account: args.service_account.clone(),
        team: args.team.clone(),
        sort: args.sort.map(|column| match column {
            PodColumn::Key => PodSort::Key,
            PodColumn::StartedAt => PodSort::StartedAt,
        }),
        order: order(args.order),
        limit: page(&args.remote),
        ..PodQuery::default()
    };
    print(&args.remote, client.every_pod(query), out).await?;
    foot(&args.remote, &client, &[Foot::Advisories]).await
}

pub async fn findings(args: &FindingsArgs, out: Out<'_>) -> Result<()> {
    let query = FindingQuery {
        severity: text(args.severity.as_ref()),
        fixable: args.fixable,
        id: args.id.clone(),
        package: args.package.clone(),
        source: text(args.source.as_ref()),
        namespace: args.namespace.clone(),
        owner: text(args.owner.as_ref()),
        sort: args.sort.map(|column| match column {
            FindingColumn::Image => FindingSort::Image,
            FindingColumn::Severity => FindingSort::Severity,
            FindingColumn::Id => FindingSort::Id,
            FindingColumn::Package => FindingSort::Package,
        }),
        order: order(args.order),
        limit: page(&args.remote),
        ..FindingQuery::default()
    };
    let client = connect(&args.remote)?;
    match &meant(&client, args.image.as_deref()).await? {
        Some(image) => print(&args.remote, client.every_image_finding(image, query), out).await?,
        None => print(&args.remote, client.every_finding(query), out).await?,
    }
    foot(&args.remote, &client, &[Foot::Advisories, Foot::Gaps]).await
}

pub async fn packages(args: &PackagesArgs, out: Out<'_>) -> Result<()> {
    let query = PackageQuery {
        name: args.name.clone(),
        name_contains: args.name_contains.clone(),
        ecosystem: args.ecosystem.clone(),
        version: args.version.clone(),
        sort: args.sort.map(|column| match column {
            PackageColumn::Name => PackageSort::Name,
            PackageColumn::Images => PackageSort::Images,
            PackageColumn::Severity => PackageSort::Severity,
        }),
        order: order(args.order),
        limit: page(&args.remote),
        ..PackageQuery::default()
    };
    let client = connect(&args.remote)?;
    print(&args.remote, client.every_package(query), out).await?;
    foot(&args.remote, &client, &[Foot::Advisories, Foot::Gaps]).await
}

pub async fn places(args: &FindArgs, out: Out<'_>) -> Result<()> {
    let query = PackageQuery {
        name: Some(args.name.clone()),
        version: args.constraint.clone(),
        ecosystem: args.ecosystem.clone(),
        limit: page(&args.remote),
        ..PackageQuery::default()
    };
    let client = connect(&args.remote)?;
    print(&args.remote, client.every_package_place(query), out).await?;
    foot(&args.remote, &client, &[Foot::Gaps]).await
}

pub async fn sources(args: &SourcesArgs, out: Out<'_>) -> Result<()> {
    let query = SourceQuery {
        kind: text(args.kind.as_ref()),
        health: args.health.map(|health| match health {
            Health::Fresh => SourceHealth::Fresh,
            Health::Stale => SourceHealth::Stale,
        }),
        sort: args.sort.map(|column| match column {
            SourceColumn::Id => SourceSort::Id,
            SourceColumn::LastSeen => SourceSort::LastSeen,
            SourceColumn::Pods => SourceSort::Pods,
        }),
        order: order(args.order),
        limit: page(&args.remote),
        ..SourceQuery::default()
    };
    let client = connect(&args.remote)?;
    print(&args.remote, client.every_source(query), out).await
}

pub async fn scanners(args: &ScannersArgs, out: Out<'_>) -> Result<()> {
    let query = ScannerQuery {
        node: args.node.clone(),
        sort: args.sort.map(|column| match column {
            ScannerColumn::Name => ScannerSort::Name,
            ScannerColumn::LastSeen => ScannerSort::LastSeen,
        }),
        order: order(args.order),
        limit: page(&args.remote),
        ..ScannerQuery::default()
    };
    let client = connect(&args.remote)?;
    print(&args.remote, client.every_scanner(query), out).await
}

/// The image that a person means, if they name one.
async fn meant(client: &Client, text: Option<&str>) -> Result<Option<Digest>> {
    match text {
        Some(text) => Ok(Some(image::find(client, text).await?)),
        None => Ok(None),
    }
}

/// No more than is wanted, else pages as large as there are.
fn page(remote: &RemoteArgs) -> Option<u32> {
    let wanted = u32::try_from(remote.limit).unwrap_or(MAX_PAGE);
    Some(if wanted == 0 { MAX_PAGE } else { wanted.min(MAX_PAGE) })
}

fn text(value: Option<&impl ToString>) -> Option<String> {
    value.map(ToString::to_string)
}

fn order(order: Option<SortOrder>) -> Option<Order> {
    order.map(|order| match order {
        SortOrder::Asc => Order::Asc,
        SortOrder::Desc => Order::Desc,
    })
}

/// Print the items as they come (JSON), or aligned once they are all there.
async fn print<T: Row + serde::Serialize>(
    args: &RemoteArgs,
    items: impl Stream<Item = Result<T, ClientError>>,
    out: Out<'_>,
) -> Result<()> {
    let wide = args.output == ListFormat::Wide;
    let terminal = std::io::stdout().is_terminal();
    let mut table = Table::of::<T>(wide, output::has_colour());
    let mut items = pin!(items);
    let mut seen = 0;
    while let Some(item) = items.try_next().await? {
        match args.output {
            ListFormat::Json => output::json_line(out, &item)?,
            ListFormat::Table | ListFormat::Wide => table.push(item.cells(wide)),
        }
        seen += 1;
        if seen == args.limit {
            break;
        }
    }
    if args.output != ListFormat::Json {
        if seen == 0 {
            writeln!(std::io::stderr(), "nothing found")?;
        }
        // A pipe gets every character; a screen gets what fits.
        table.write(out, (terminal && !wide).then(output::screen_width))?;
    }
    Ok(())
}

/// What is said below a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Foot {
    /// Which advisories findings come from, and how old they are.
    Advisories,
    /// What is in no list because it is not known: nothing listed is not nothing there.
    Gaps,
}

/// Say it on standard error: whoever reads the table by program is not to stumble over it.
async fn foot(args: &RemoteArgs, client: &Client, feet: &[Foot]) -> Result<()> {
    if args.output == ListFormat::Json {
        return Ok(());
    }
    let summary = client.summary().await?;
    for foot in feet {
        match foot {
            Foot::Advisories => {
                let line = advisories::line(&summary.advisories.set, Timestamp::now());
                writeln!(std::io::stderr(), "advisories: {line}")?;
            }
            Foot::Gaps => gaps(&summary)
                .map_or(Ok(()), |gaps| writeln!(std::io::stderr(), "not all is known: {gaps}"))?,
        }
    }
    Ok(())
}

/// What is not known, in words; nothing if all is.
fn gaps(summary: &Summary) -> Option<String> {
    let images = &summary.images;
    let gaps = [
        (images.queued + images.leased + images.backoff, "images wait for a scan"),
        (images.unscannable, "images cannot be scanned (perceptor images --state unscannable -o wide)"),
        (images.partial, "images were read in part (perceptor images --state partial -o wide)"),
        (summary.unresolved_containers, "containers have no image yet"),
    ];
    let known = |(count, what): &(u64, &str)| (*count > 0).then(|| format!("{count} {what}"));
    let gaps: Vec<String> = gaps.iter().filter_map(known).collect();
    (!gaps.is_empty()).then(|| gaps.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn summary(queued: u64, backoff: u64, unscannable: u64) -> Summary {
        serde_json::from_value(json!({
            "sources": 1, "pods": 1, "unresolved_containers": 0, "packages": 1, "scanners": 1,
            "images": {"total": 9, "queued": queued, "leased": 0, "backoff": backoff, "complete": 9,
                "partial": 0, "unscannable": unscannable},
            "findings": {"critical": 0, "high": 0, "medium": 0, "low": 0, "negligible": 0, "unknown": 0,
                "fixable": 0},
            "advisories": {"id": "r", "origin": "builtin", "advisories": 1,
                "built_at": "2026-01-01T00:00:00Z", "ecosystems": []},
        }))
        .unwrap()
    }

    #[test]
    fn gaps_are_named_and_none_is_silence() {
        assert_eq!(gaps(&summary(0, 0, 0)), None);
        let said = gaps(&summary(1, 2, 3)).unwrap();
        assert!(said.starts_with("3 images wait for a scan, 3 images cannot be scanned"), "{said}");
    }
}
