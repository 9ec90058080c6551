//! Layers in one HTTP body: frames of one byte kind, four bytes length (big endian), payload.
//!
//! Kinds: `S` a layer starts (JSON [`LayerStart`]), `D` its next bytes, `E` it is complete, `F`
//! all wanted layers were sent, `X` the sender failed (JSON [`ErrorBody`]). A body that ends
//! without `F` or `X` was cut on the way.

use crate::error::ErrorBody;
use crate::fetcher::LayerStart;
use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The content type of such a body.
pub const CONTENT_TYPE: &str = "application/vnd.perceptor.layers.v1";

/// Bytes of kind and length.
const HEADER: usize = 5;
/// The largest payload: larger chunks of a layer are cut by the sender.
const MAX_PAYLOAD: usize = 1 << 20;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A layer starts.
    Start(LayerStart),
    /// Its next bytes.
    Chunk(Bytes),
    /// It is complete.
    End,
    /// All wanted layers were sent.
    Finished,
    /// The sender failed; nothing follows.
    Failed(ErrorBody),
}

/// Bytes that are not frames.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A kind that nobody sends.
    #[error("a layer stream holds a frame of unknown kind {0}")]
    UnknownKind(u8),
    /// A payload over the limit.
    #[error("a layer stream holds a frame of {0} bytes; the limit is {MAX_PAYLOAD}")]
    TooLong(usize),
    /// A payload that is not the JSON it ought to be.
    #[error("a layer stream holds a malformed frame: {0}")]
    Malformed(String),
}

impl Frame {
    /// The frame as bytes: kind, length, and for all but chunks the payload.
    pub fn render(&self) -> Bytes {
        let (kind, payload) = match self {
            Frame::Start(start) => (b'S', json(start)),
            Frame::Chunk(chunk) => (b'D', chunk.clone()),
            Frame::End => (b'E', Bytes::new()),
            Frame::Finished => (b'F', Bytes::new()),
            Frame::Failed(body) => (b'X', json(body)),
        };
        let mut bytes = BytesMut::with_capacity(HEADER + payload.len());
        for part in chunks(&payload) {
            bytes.put_u8(kind);
            bytes.put_u32(u32::try_from(part.len()).unwrap_or(0));
            bytes.put_slice(part);
        }
        bytes.freeze()
    }
}

/// A payload in parts of the largest size; an empty one is one empty part.
fn chunks(payload: &[u8]) -> impl Iterator<Item = &[u8]> {
    let empty: Option<&[u8]> = payload.is_empty().then_some(&[]);
    empty.into_iter().chain(payload.chunks(MAX_PAYLOAD))
}

fn json(shape: &impl serde::Serialize) -> Bytes {
    // Shapes of texts and numbers always serialise.
    serde_json::to_vec(shape).map(Bytes::from).unwrap_or_default()
}

/// Bytes to frames, however the bytes were cut on the way.
#[derive(Debug, Default)]
pub struct FrameParser {
    waiting: BytesMut,
}

impl FrameParser {
    /// The next bytes of the body.
    pub fn push(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// The next whole frame, if there is one yet.
    ///
    /// # Errors
    /// Bytes that are not frames; nothing after them can be read.
    pub fn parse_next(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some((kind, length)) = self.peek_header() else { return Ok(None) };
        if length > MAX_PAYLOAD {
            return Err(FrameError::TooLong(length));
        }
        if self.waiting.len() < HEADER + length {
            return Ok(None);
        }
        self.waiting.advance(HEADER);
        parse(kind, self.waiting.split_to(length).freeze()).map(Some)
    }

    fn peek_header(&self) -> Option<(u8, usize)> {
        let (kind, rest) = self.waiting.split_first()?;
        let length = u32::from_be_bytes(*rest.first_chunk::<4>()?);
        Some((*kind, usize::try_from(length).unwrap_or(usize::MAX)))
    }
}

fn parse(kind: u8, payload: Bytes) -> Result<Frame, FrameError> {
    let malformed = |error: serde_json::Error| FrameError::Malformed(error.to_string());
    match kind {
        b'S' => serde_json::from_slice(&payload).map(Frame::Start).map_err(malformed),
        b'D' => Ok(Frame::Chunk(payload)),
        b'E' => Ok(Frame::End),
        b'F' => Ok(Frame::Finished),
        b'X' => serde_json::from_slice(&payload).map(Frame::Failed).map_err(malformed),
        other => Err(FrameError::UnknownKind(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;
    use api_vocab::Digest;

    fn frames() -> Vec<Frame> {
        vec![
            Frame::Start(LayerStart { diff_id: Digest::sha256([7; 32]), size: 3, reconstructed: true }),
            Frame::Chunk(Bytes::from_static(b"abc")),
            Frame::Chunk(Bytes::new()),
            Frame::End,
            Frame::Finished,
            Frame::Failed(ErrorBody {
                code: ErrorCode::Unavailable,
                message: "the engine is gone".into(),
                request_id: String::new(),
            }),
        ]
    }

    fn parse_in_parts(bytes: &[u8], part: usize) -> Vec<Frame> {
        let mut parser = FrameParser::default();
        let mut parsed = Vec::new();
        for part in bytes.chunks(part) {
            parser.push(part);
            while let Some(frame) = parser.parse_next().unwrap() {
                parsed.push(frame);
            }
        }
        parsed
    }

    #[test]
    fn frames_cut_anywhere_round_trip() {
        let bytes: Vec<u8> = frames().iter().flat_map(|frame| frame.render().to_vec()).collect();
        for part in [1, 2, 5, 7, bytes.len()] {
            assert_eq!(parse_in_parts(&bytes, part), frames());
        }
    }

    #[test]
    fn chunk_over_the_limit_is_sent_in_parts() {
        let bytes = Frame::Chunk(vec![1; MAX_PAYLOAD + 1].into()).render();
        let lengths: Vec<usize> = parse_in_parts(&bytes, 4096)
            .into_iter()
            .map(|frame| match frame {
                Frame::Chunk(chunk) => chunk.len(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(lengths, [MAX_PAYLOAD, 1]);
    }

    #[test]
    fn frame_hostile_is_refused() {
        for (bytes, expected) in [
            (&b"Q\0\0\0\0"[..], FrameError::UnknownKind(b'Q')),
            (b"D\xff\xff\xff\xff", FrameError::TooLong(u32::MAX as usize)),
        ] {
            let mut parser = FrameParser::default();
            parser.push(bytes);
            assert_eq!(parser.parse_next(), Err(expected));
        }
        let mut parser = FrameParser::default();
        parser.push(b"S\0\0\0\x02{}");
        assert!(matches!(parser.parse_next(), Err(FrameError::Malformed(_))));
    }
}
