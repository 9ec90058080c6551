//! Requests that are being answered: counted from their arrival to the last byte of their answer.

use actix_web::body::{BodySize, BoxBody, MessageBody};
use bytes::Bytes;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;

/// What a socket is given to take the last bytes of the last answer.
const FLUSH: Duration = Duration::from_millis(50);

/// Counts requests; clones count the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Flight(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    flying: AtomicUsize,
    landed: Notify,
}

/// One request; it has landed when this is dropped.
#[derive(Debug)]
pub(super) struct Flying(Arc<Inner>);

impl Flight {
    /// One more.
    pub(super) fn start(&self) -> Flying {
        self.0.flying.fetch_add(1, Ordering::SeqCst);
        Flying(Arc::clone(&self.0))
    }

    /// Wait until there are none.
    pub(super) async fn over(&self) {
        loop {
            let mut landed = std::pin::pin!(self.0.landed.notified());
            landed.as_mut().enable();
            if self.0.flying.load(Ordering::SeqCst) == 0 {
                break;
            }
            landed.await;
        }
        tokio::time::sleep(FLUSH).await;
    }
}

impl Drop for Flying {
    fn drop(&mut self) {
        self.0.flying.fetch_sub(1, Ordering::SeqCst);
        self.0.landed.notify_waiters();
    }
}

impl Flying {
    /// Go on until `body` has been sent or given up.
    pub(super) fn until_sent(self, body: BoxBody) -> BoxBody {
        BoxBody::new(Tracked { body, _flying: self })
    }
}

/// A body that lands its request.
struct Tracked {
    body: BoxBody,
    _flying: Flying,
}

impl MessageBody for Tracked {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
