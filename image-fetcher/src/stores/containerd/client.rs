//! The calls to containerd: all of them read.

use super::messages::{
    AskContent, ContentPart, Image, KnownContent, ListImages, ListedImages, Nothing, ReadContent, Version,
};
use crate::error::ReadError;
use api_vocab::Digest;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use prost::Message;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tonic::client::Grpc;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

/// How long containerd may take for an answer, and to begin or go on with a blob.
const ANSWER: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(5);
/// A list of 10,000 images has about 5 MB.
const MAX_MESSAGE: usize = 32 << 20;

const LIST_IMAGES: &str = "/containerd.services.images.v1.Images/List";
const CONTENT_INFO: &str = "/containerd.services.content.v1.Content/Info";
const READ_CONTENT: &str = "/containerd.services.content.v1.Content/Read";
const VERSION: &str = "/containerd.services.version.v1.Version/Version";

/// A containerd behind its socket; clones share the connection, which is made when it is needed.
#[derive(Debug, Clone)]
pub(super) struct Client {
    socket: PathBuf,
    channel: Channel,
}

/// One namespace of a containerd.
#[derive(Debug, Clone)]
pub(super) struct Namespace {
    client: Client,
    header: MetadataValue<Ascii>,
}

impl Client {
    /// The containerd that listens, or will listen, on `socket`.
    ///
    /// # Errors
    /// The path cannot be one of a socket.
    pub(super) fn new(socket: &Path) -> Result<Self, ReadError> {
        let address = format!("unix://{}", socket.display());
        let endpoint = Endpoint::from_shared(address)
            .map_err(|error| ReadError::malformed("containerd's socket", error))?;
        let channel = endpoint.connect_timeout(CONNECT).connect_lazy();
        Ok(Client { socket: socket.to_owned(), channel })
    }

    /// One of its namespaces.
    ///
    /// # Errors
    /// The name cannot be one.
    pub(super) fn namespace(&self, name: &str) -> Result<Namespace, ReadError> {
        let header: MetadataValue<Ascii> =
            name.parse().map_err(|error| ReadError::malformed("containerd's namespace", error))?;
        Ok(Namespace { client: self.clone(), header })
    }

    /// What version answers.
    pub(super) async fn version(&self) -> Result<String, ReadError> {
        let answer: Version = self.ask(VERSION, Request::new(Nothing {}), "say its version").await?;
        Ok(answer.version)
    }

    async fn ask<Q, A>(&self, call: &str, question: Request<Q>, what: &str) -> Result<A, ReadError>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let asked = async {
            let mut grpc = self.ready().await?;
            let codec: ProstCodec<Q, A> = ProstCodec::default();
            let call = call.parse().map_err(|_| Status::internal("no such call"))?;
            Ok(grpc.unary(question, call, codec).await?.into_inner())
        };
        in_time(asked).await.map_err(|status| self.failed(what, status))
    }

    async fn ready(&self) -> Result<Grpc<Channel>, Status> {
        let mut grpc = Grpc::new(self.channel.clone()).max_decoding_message_size(MAX_MESSAGE);
        grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
        Ok(grpc)
    }

    /// A refused call as our error. Of a containerd that cannot be reached, its socket says why.
    fn failed(&self, what: &str, status: Status) -> ReadError {
        let unreachable = || std::os::unix::net::UnixStream::connect(&self.socket).err();
        let operation = format!("{what} ({})", self.socket.display());
        match status.code() {
            Code::NotFound => ReadError::NotFound(operation),
            Code::Unavailable | Code::Unknown => match unreachable() {
                Some(source) => {
                    let operation = advice(&self.socket, source.kind());
                    ReadError::Unreachable { operation, source }
                }
                None => ReadError::Containerd { operation, source: Box::new(status) },
            },
            _ => ReadError::Containerd { operation, source: Box::new(status) },
        }
    }
}

/// What was tried, and what an operator may do about it.
fn advice(socket: &Path, kind: io::ErrorKind) -> String {
    let socket = socket.display();
    match kind {
        io::ErrorKind::PermissionDenied => format!(
            "connect to containerd's socket {socket}; run the image-fetcher as root or in the socket's group"
        ),
        io::ErrorKind::NotFound => {
            format!(
                "connect to containerd's socket {socket}; is it there, and mounted into the image-fetcher?"
            )
        }
        _ => format!("connect to containerd's socket {socket}; does containerd run?"),
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
    let outcome = tokio::time::timeout(ANSWER, work).await;
    outcome.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in 60 s")))
}

impl Namespace {
    /// All its images.
    pub(super) async fn images(&self) -> Result<Vec<Image>, ReadError> {
        let question = self.request(ListImages::default());
        let answer: ListedImages = self.client.ask(LIST_IMAGES, question, "list images").await?;
        Ok(answer.images)
    }

    /// The size of a blob; `None` if it is not there.
    pub(super) async fn size_of(&self, digest: &Digest) -> Result<Option<u64>, ReadError> {
        let question = self.request(AskContent { digest: digest.to_string() });
        let answer: Result<KnownContent, _> = self.client.ask(CONTENT_INFO, question, "find a blob").await;
        match answer {
            Ok(known) => Ok(known.content.and_then(|content| u64::try_from(content.size).ok())),
            Err(ReadError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A blob's bytes as they come, not verified yet.
    pub(super) async fn read(
        &self,
        digest: &Digest,
    ) -> Result<BoxStream<'static, io::Result<Bytes>>, ReadError> {
        let question = self.request(ReadContent { digest: digest.to_string(), offset: 0, size: 0 });
        let asked = async {
            let mut grpc = self.client.ready().await?;
            let codec: ProstCodec<ReadContent, ContentPart> = ProstCodec::default();
            let call = READ_CONTENT.parse().map_err(|_| Status::internal("no such call"))?;
            Ok(grpc.server_streaming(question, call, codec).await?.into_inner())
        };
        let what = format!("read blob {digest}");
        let parts = in_time(asked).await.map_err(|status| self.client.failed(&what, status))?;
        Ok(in_order(parts).boxed())
    }

    fn request<Q>(&self, question: Q) -> Request<Q> {
        let mut request = Request::new(question);
        request.metadata_mut().insert("containerd-namespace", self.header.clone());
        request
    }
}

/// The bytes of parts that follow each other without gaps, each in time.
fn in_order(
    parts: impl Stream<Item = Result<ContentPart, Status>> + Send + 'static,
) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold((parts.boxed(), 0_i64), |(mut parts, at)| async move {
        let next = tokio::time::timeout(ANSWER, parts.next()).await;
        let next = next.unwrap_or_else(|_| Some(Err(Status::deadline_exceeded("no bytes in 60 s"))))?;
        let (item, at) = match next {
            Ok(part) if part.offset == at => {
                let length = i64::try_from(part.data.len()).unwrap_or(i64::MAX);
                (Ok(part.data), at.saturating_add(length))
            }
            Ok(_) => (Err(io::Error::other("parts out of order")), at),
            Err(status) => (Err(io::Error::other(status)), at),
        };
        Some((item, (parts, at)))
    })
}
