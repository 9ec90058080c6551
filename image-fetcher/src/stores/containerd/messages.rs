//! The messages of containerd's API that are needed, with the fields that are needed; numbers and
//! types as in its `containerd.services.{images,content,version}.v1`.

use prost::Message;

/// A registry's pointer to content.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Descriptor {
    #[prost(string, tag = "1")]
    pub(super) media_type: String,
    #[prost(string, tag = "2")]
    pub(super) digest: String,
    #[prost(int64, tag = "3")]
    pub(super) size: i64,
}

/// A name, and what it stands for.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Image {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "3")]
    pub(super) target: Option<Descriptor>,
}

/// Asks for all images of a namespace.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct ListImages {
    #[prost(string, repeated, tag = "1")]
    pub(super) filters: Vec<String>,
}

/// All images of a namespace.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct ListedImages {
    #[prost(message, repeated, tag = "1")]
    pub(super) images: Vec<Image>,
}

/// Asks for what is known of a blob.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct AskContent {
    #[prost(string, tag = "1")]
    pub(super) digest: String,
}

/// What is known of a blob.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct KnownContent {
    #[prost(message, optional, tag = "1")]
    pub(super) content: Option<Content>,
}

/// A blob.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Content {
    #[prost(string, tag = "1")]
    pub(super) digest: String,
    #[prost(int64, tag = "2")]
    pub(super) size: i64,
}

/// Asks for a blob's bytes.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct ReadContent {
    #[prost(string, tag = "1")]
    pub(super) digest: String,
    #[prost(int64, tag = "2")]
    pub(super) offset: i64,
    /// How many; 0 means all.
    #[prost(int64, tag = "3")]
    pub(super) size: i64,
}

/// Some of a blob's bytes.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct ContentPart {
    #[prost(int64, tag = "1")]
    pub(super) offset: i64,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) data: bytes::Bytes,
}

/// Asks nothing.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct Nothing {}

/// What answers.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct Version {
    #[prost(string, tag = "1")]
    pub(super) version: String,
}
