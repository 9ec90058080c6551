//! Lists: what was asked for becomes a query, the answer a table or JSON lines.

use super::remote::connect;
use crate::cli::{
    FindArgs, FindingColumn, FindingsArgs, ImageColumn, ImagesArgs, ListFormat, PackagesArgs, PodsArgs,
    RemoteArgs, SortOrder,
};
use crate::output::{self, Row, Table};
use anyhow::Result;
use api_client::ClientError;
use api_wire::finding::{FindingQuery, FindingSort};
use api_wire::image::{ImageQuery, ImageSort};
use api_wire::package::PackageQuery;
use api_wire::page::Order;
use api_wire::pod::PodQuery;
use api_wire::scanner::ScannerQuery;
use api_wire::source::SourceQuery;
use futures_util::{Stream, TryStreamExt};
use std::io::{IsTerminal, Write};
use std::pin::pin;

type Out<'a> = &'a mut (dyn Write + Send);

pub async fn images(args: &ImagesArgs, out: Out<'_>) -> Result<()> {
    let query = ImageQuery {
        state: args.state.clone(),
        reference: args.reference.clone(),
        severity: text(args.severity.as_ref()),
        source: text(args.source.as_ref()),
        namespace: args.namespace.clone(),
        sort: args.sort.map(|column| match column {
            ImageColumn::Digest => ImageSort::Digest,
            ImageColumn::Severity => ImageSort::Severity,
            ImageColumn::Pods => ImageSort::Pods,
            ImageColumn::FirstSeen => ImageSort::FirstSeen,
        }),
        order: order(args.order),
        ..ImageQuery::default()
    };
    let client = connect(&args.remote)?;
    print(&args.remote, client.every_image(query), out).await
}

pub async fn pods(args: &PodsArgs, out: Out<'_>) -> Result<()> {
    let query = PodQuery {
        source: text(args.source.as_ref()),
        namespace: args.namespace.clone(),
        owner: text(args.owner.as_ref()),
        image: text(args.image.as_ref()),
        name_contains: args.name_contains.clone(),
        public: args.public,
        service_account: args.service_account.clone(),
        team: args.team.clone(),
        ..PodQuery::default()
    };
    let client = connect(&args.remote)?;
    print(&args.remote, client.every_pod(query), out).await
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
        ..FindingQuery::default()
    };
    let client = connect(&args.remote)?;
    match &args.image {
        Some(image) => print(&args.remote, client.every_image_finding(image, query), out).await,
        None => print(&args.remote, client.every_finding(query), out).await,
    }
}

pub async fn packages(args: &PackagesArgs, out: Out<'_>) -> Result<()> {
    let query = PackageQuery {
        name: args.name.clone(),
        name_contains: args.name_contains.clone(),
        ecosystem: args.ecosystem.clone(),
        version: args.version.clone(),
        ..PackageQuery::default()
    };
    let client = connect(&args.remote)?;
    print(&args.remote, client.every_package(query), out).await
}

pub async fn places(args: &FindArgs, out: Out<'_>) -> Result<()> {
    let query = PackageQuery {
        name: Some(args.name.clone()),
        version: args.constraint.clone(),
        ecosystem: args.ecosystem.clone(),
        ..PackageQuery::default()
    };
    let client = connect(&args.remote)?;
    print(&args.remote, client.every_package_place(query), out).await
}

pub async fn sources(args: &RemoteArgs, out: Out<'_>) -> Result<()> {
    let client = connect(args)?;
    print(args, client.every_source(SourceQuery::default()), out).await
}

pub async fn scanners(args: &RemoteArgs, out: Out<'_>) -> Result<()> {
    let client = connect(args)?;
    print(args, client.every_scanner(ScannerQuery::default()), out).await
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
    let mut table = Table::of::<T>(wide, terminal);
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
        // A pipe gets every character; a screen gets what fits.
        table.write(out, (terminal && !wide).then(output::screen_width))?;
    }
    Ok(())
}
