//! Routes of readers: lists, single resources, SBOMs.

use crate::path::path;
use crate::{Client, ClientError};
use api_vocab::{Digest, ScannerName, SourceId};
use api_wire::finding::{Finding, FindingQuery};
use api_wire::image::{Image, ImageQuery};
use api_wire::package::{FleetPackage, ImagePackage, PackagePlace, PackageQuery};
use api_wire::page::Page;
use api_wire::pod::{Pod, PodQuery};
use api_wire::revision::Revision;
use api_wire::routes;
use api_wire::sbom::SbomFormat;
use api_wire::scanner::{Scanner, ScannerQuery};
use api_wire::source::{Source, SourceQuery};
use api_wire::summary::Summary;
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt, stream};
use reqwest::Method;

/// For each list: a method that gets one page, and one that walks all of them.
macro_rules! lists {
    ($($(#[$meta:meta])* $one:ident, $every:ident: $operation:literal, $route:expr, [$($part:ident: $kind:ty)?] $query:ident => $item:ty;)+) => {
        impl Client {
            $(
            $(#[$meta])*
            ///
            /// One page; the query's `cursor` says which.
            pub async fn $one(&self, $($part: &$kind,)? query: &$query) -> Result<Page<$item>, ClientError> {
                let path = path($route, &[$($part)?]);
                self.get($operation, path).query(query).json().await
            }

            $(#[$meta])*
            ///
            /// All of them, page after page.
            pub fn $every<'a>(
                &'a self,
                $($part: &'a $kind,)?
                query: $query,
            ) -> impl Stream<Item = Result<$item, ClientError>> + 'a {
                walk(query.cursor.clone(), move |cursor| {
                    let query = $query { cursor, ..query.clone() };
                    async move { self.$one($($part,)? &query).await }
                })
            }
            )+
        }
    };
}

lists! {
    /// Images.
    images, every_image: "list images", routes::IMAGES, [] ImageQuery => Image;
    /// Images that wait for a scan.
    queue, every_queued: "list images that wait", routes::QUEUE, [] ImageQuery => Image;
    /// Findings of one image.
    image_findings, every_image_finding: "list findings of an image", routes::IMAGE_FINDINGS, [image: Digest] FindingQuery => Finding;
    /// Packages of one image.
    image_packages, every_image_package: "list packages of an image", routes::IMAGE_PACKAGES, [image: Digest] PackageQuery => ImagePackage;
    /// Findings of the fleet.
    findings, every_finding: "list findings", routes::FINDINGS, [] FindingQuery => Finding;
    /// Packages of the fleet.
    packages, every_package: "list packages", routes::PACKAGES, [] PackageQuery => FleetPackage;
    /// Where packages run.
    package_places, every_package_place: "find where packages run", routes::PACKAGE_PLACES, [] PackageQuery => PackagePlace;
    /// Pods.
    pods, every_pod: "list pods", routes::PODS, [] PodQuery => Pod;
    /// Scanners.
    scanners, every_scanner: "list scanners", routes::SCANNERS, [] ScannerQuery => Scanner;
    /// Sources.
    sources, every_source: "list sources", routes::SOURCES, [] SourceQuery => Source;
}

/// The items of all pages, from `start` on. `get` is asked for a page at a time.
pub(crate) fn walk<T, F>(
    start: Option<String>,
    get: impl Fn(Option<String>) -> F,
) -> impl Stream<Item = Result<T, ClientError>>
where
    F: Future<Output = Result<Page<T>, ClientError>>,
{
    let pages = stream::try_unfold(Some(start), move |cursor| {
        let page = cursor.map(&get);
        async move {
            let Some(page) = page else { return Ok(None) };
            let page = page.await?;
            let next = page.next_cursor.map(Some);
            Ok::<_, ClientError>(Some((stream::iter(page.items.into_iter().map(Ok)), next)))
        }
    });
    pages.try_flatten()
}

impl Client {
    /// One image, by any of its digests.
    pub async fn image(&self, digest: &Digest) -> Result<Image, ClientError> {
        self.get("get an image", path(routes::IMAGE, &[digest])).json().await
    }

    /// Extract an image again.
    pub async fn rescan(&self, digest: &Digest) -> Result<Image, ClientError> {
        self.call("rescan an image", Method::POST, path(routes::IMAGE_RESCAN, &[digest])).json().await
    }

    /// An image's SBOM, as the document that other tools read.
    pub async fn sbom(&self, digest: &Digest, format: SbomFormat) -> Result<Bytes, ClientError> {
        let call = self.get("get an SBOM", path(routes::IMAGE_SBOM, &[digest]));
        Ok(call.query(&[("format", format)]).send().await?.body)
    }

    /// One source.
    pub async fn source(&self, source: &SourceId) -> Result<Source, ClientError> {
        self.get("get a source", path(routes::SOURCE, &[&source.kind(), &source.name()])).json().await
    }

    /// One scanner.
    pub async fn scanner(&self, name: &ScannerName) -> Result<Scanner, ClientError> {
        self.get("get a scanner", path(routes::SCANNER, &[name])).json().await
    }

    /// The fleet in numbers.
    pub async fn summary(&self) -> Result<Summary, ClientError> {
        self.get("get the summary", path(routes::SUMMARY, &[])).json().await
    }

    /// The advisory set in force.
    pub async fn advisories(&self) -> Result<Revision, ClientError> {
        self.get("get the advisories' revision", path(routes::ADVISORIES, &[])).json().await
    }

    /// Look for newer advisories now; gives the set that is in force until then.
    pub async fn look_for_advisories(&self) -> Result<Revision, ClientError> {
        self.call("look for newer advisories", Method::POST, path(routes::ADVISORIES, &[])).json().await
    }

    /// The API as the core describes it.
    pub async fn openapi(&self) -> Result<serde_json::Value, ClientError> {
        self.get("get the API's description", path(routes::OPENAPI, &[])).json().await
    }

    /// Whether the core is ready; if not, the refusal says why.
    pub async fn ready(&self) -> Result<(), ClientError> {
        self.get("ask whether the core is ready", "/readyz".to_owned()).done().await
    }
}
