//! Advisory feeds: bringing `<base>/<ecosystem>/all.zip` within reach, resumably.

use api_vocab::Family;
use futures_util::StreamExt;
use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, IF_NONE_MATCH, IF_RANGE, RANGE};
use reqwest::{Response, StatusCode};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::fs;
use tokio::io::AsyncWriteExt;

/// Where feeds come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A folder in the bucket's layout.
    Folder(PathBuf),
    /// The same behind HTTP.
    Http(reqwest::Url),
}

/// A feed that could not be brought.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The place is not one.
    #[error("{0:?} is no place for advisories; expected http://, https://, file:// or a folder")]
    Place(String),
    /// Nothing can be asked over the network at all.
    #[error(
        "no client for advisories; where the system has no certificate authorities, install ca-certificates"
    )]
    Client {
        /// Why not.
        #[source]
        cause: reqwest::Error,
    },
    /// The network or the other end failed.
    #[error("could not fetch advisories from {url}")]
    Fetch {
        /// What was asked for.
        url: String,
        /// Why it failed.
        #[source]
        cause: reqwest::Error,
    },
    /// The other end answered with something else.
    #[error("{url} answered {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// What came.
        status: u16,
    },
    /// More than allowed.
    #[error("{url} is larger than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// What is allowed.
        limit: u64,
    },
    /// Fewer bytes than announced came.
    #[error("{url} ended early, at byte {at}; the next attempt resumes there")]
    Cut {
        /// What was asked for.
        url: String,
        /// Where it ended.
        at: u64,
    },
    /// The disk failed.
    #[error("could not keep advisories at {path}")]
    Disk {
        /// Where.
        path: PathBuf,
        /// Why it failed.
        #[source]
        cause: io::Error,
    },
}

/// What came of asking for a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feed {
    /// The origin has none for this ecosystem.
    Absent,
    /// The kept one is what the origin has.
    Unchanged(PathBuf),
    /// A whole new one that nobody has read yet; keep it with [`Feeds::keep`] once it proved good.
    New(PathBuf),
}

/// Feeds of one origin, kept in one folder.
pub struct Feeds {
    origin: Origin,
    folder: PathBuf,
    client: reqwest::Client,
    limit: u64,
}

impl std::str::FromStr for Origin {
    type Err = FeedError;

    fn from_str(text: &str) -> Result<Self, FeedError> {
        let refused = || FeedError::Place(text.chars().take(200).collect());
        if let Some(path) = text.strip_prefix("file://") {
            return Ok(Origin::Folder(PathBuf::from(path)));
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            let mut url: reqwest::Url = text.parse().map_err(|_| refused())?;
            if !url.path().ends_with('/') {
                url.set_path(&format!("{}/", url.path()));
            }
            return Ok(Origin::Http(url));
        }
        if text.is_empty() || text.contains("://") { Err(refused()) } else { Ok(Origin::Folder(text.into())) }
    }
}

impl Feeds {
    /// Feeds of `origin`, kept in `folder`, each of at most `limit` bytes.
    pub fn new(origin: Origin, folder: PathBuf, limit: u64) -> Result<Self, FeedError> {
        let mut client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(Duration::from_secs(60));
        let is_secure = matches!(&origin, Origin::Http(url) if url.scheme() == "https");
        if !is_secure {
            client = client.tls_certs_only([]);
        }
        let client = client.build().map_err(|cause| FeedError::Client { cause })?;
        Ok(Feeds { origin, folder, client, limit })
    }

    /// Where these feeds come from, as people write it.
    pub fn origin(&self) -> String {
        match &self.origin {
            Origin::Folder(path) => format!("file://{}", path.display()),
            Origin::Http(url) => url.as_str().trim_end_matches('/').to_owned(),
        }
    }

    /// Bring the feed of `family` within reach.
    pub async fn fetch(&self, family: Family) -> Result<Feed, FeedError> {
        match &self.origin {
            Origin::Folder(folder) => {
                let path = folder.join(family.as_str()).join("all.zip");
                Ok(if fs::try_exists(&path).await.unwrap_or(false) { Feed::New(path) } else { Feed::Absent })
            }
            Origin::Http(base) => self.download(base, family).await,
        }
    }

    /// Let a fetched feed that proved good take the place of the kept one.
    pub async fn keep(&self, family: Family) -> Result<PathBuf, FeedError> {
        let kept = self.kept(family);
        let fresh = with_suffix(&kept, ".new");
        if matches!(self.origin, Origin::Http(_)) {
            rename(&with_suffix(&fresh, ".etag"), &with_suffix(&kept, ".etag")).await?;
            rename(&fresh, &kept).await?;
        }
        Ok(kept)
    }

    /// Where the good feed of `family` is kept.
    pub fn kept(&self, family: Family) -> PathBuf {
        match &self.origin {
            Origin::Folder(folder) => folder.join(family.as_str()).join("all.zip"),
            Origin::Http(_) => self.folder.join(format!("{}.zip", family.as_str().replace(' ', "_"))),
        }
    }

    async fn download(&self, base: &reqwest::Url, family: Family) -> Result<Feed, FeedError> {
        let mut url = base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend([family.as_str(), "all.zip"]);
        }
        fs::create_dir_all(&self.folder).await.map_err(|cause| disk(&self.folder, cause))?;
        let kept = self.kept(family);
        let part = Part::find(with_suffix(&kept, ".part")).await;
        let response = self.ask(&url, &kept, &part).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(Feed::Absent),
            StatusCode::NOT_MODIFIED => Ok(Feed::Unchanged(kept)),
            StatusCode::OK => self.store(&url, response, Part { len: 0, ..part }, &kept).await,
            StatusCode::PARTIAL_CONTENT if starts_at(response.headers(), part.len) => {
                self.store(&url, response, part, &kept).await
            }
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                part.forget().await;
                Err(FeedError::Status { url: url.into(), status: response.status().as_u16() })
            }
            other => Err(FeedError::Status { url: url.into(), status: other.as_u16() }),
        }
    }

    async fn ask(&self, url: &reqwest::Url, kept: &Path, part: &Part) -> Result<Response, FeedError> {
        let mut request = self.client.get(url.clone());
        if let (Some(etag), true) = (&part.etag, part.len > 0) {
            request = request.header(RANGE, format!("bytes={}-", part.len)).header(IF_RANGE, etag);
        } else if fs::try_exists(kept).await.unwrap_or(false)
            && let Ok(etag) = fs::read_to_string(with_suffix(kept, ".etag")).await
        {
            request = request.header(IF_NONE_MATCH, etag);
        }
        request.send().await.map_err(|cause| FeedError::Fetch { url: url.to_string(), cause })
    }

    /// Write the body behind what the part holds already; a whole one becomes `.new`.
    async fn store(
        &self,
        url: &reqwest::Url,
        response: Response,
        part: Part,
        kept: &Path,
    ) -> Result<Feed, FeedError> {
        let etag =
            response.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).unwrap_or_default().to_owned();
        let total = response.content_length().map(|rest| rest + part.len);
        let too_large = || FeedError::TooLarge { url: url.to_string(), limit: self.limit };
        if total.is_some_and(|total| total > self.limit) {
            return Err(too_large());
        }
        let mut file = part.open(&etag).await?;
        let mut at = part.len;
        let mut body = response.bytes_stream();
        while let Some(chunk) = body.next().await {
            let Ok(chunk) = chunk else {
                let _ = file.flush().await;
                return Err(FeedError::Cut { url: url.to_string(), at });
            };
            at += chunk.len() as u64;
            if at > self.limit {
                part.forget().await;
                return Err(too_large());
            }
            file.write_all(&chunk).await.map_err(|cause| disk(&part.path, cause))?;
        }
        file.sync_all().await.map_err(|cause| disk(&part.path, cause))?;
        if total.is_some_and(|total| total != at) {
            return Err(FeedError::Cut { url: url.to_string(), at });
        }
        let fresh = with_suffix(kept, ".new");
        write(&with_suffix(&fresh, ".etag"), &etag).await?;
        rename(&part.path, &fresh).await?;
        Ok(Feed::New(fresh))
    }
}

/// A download that has begun.
struct Part {
    path: PathBuf,
    len: u64,
    etag: Option<String>,
}

impl Part {
    async fn find(path: PathBuf) -> Part {
        let len = fs::metadata(&path).await.map_or(0, |metadata| metadata.len());
        let etag = fs::read_to_string(with_suffix(&path, ".etag")).await.ok();
        // A weak tag cannot resume: it promises no equal bytes.
        let etag = etag.filter(|etag| !etag.is_empty() && !etag.starts_with("W/"));
        Part { path, len, etag }
    }

    async fn open(&self, etag: &str) -> Result<fs::File, FeedError> {
        write(&with_suffix(&self.path, ".etag"), etag).await?;
        let mut options = fs::OpenOptions::new();
        let options = options.create(true).write(true);
        let options = if self.len == 0 { options.truncate(true) } else { options.append(true) };
        options.open(&self.path).await.map_err(|cause| disk(&self.path, cause))
    }

    async fn forget(&self) {
        let _ = fs::remove_file(&self.path).await;
        let _ = fs::remove_file(with_suffix(&self.path, ".etag")).await;
    }
}

fn starts_at(headers: &HeaderMap, at: u64) -> bool {
    let range = headers.get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    range.and_then(|range| range.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()) == Some(at)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn disk(path: &Path, cause: io::Error) -> FeedError {
    FeedError::Disk { path: path.to_owned(), cause }
}

async fn write(path: &Path, text: &str) -> Result<(), FeedError> {
    fs::write(path, text).await.map_err(|cause| disk(path, cause))
}

async fn rename(from: &Path, to: &Path) -> Result<(), FeedError> {
    fs::rename(from, to).await.map_err(|cause| disk(to, cause))
}
