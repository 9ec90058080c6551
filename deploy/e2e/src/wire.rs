//! A wire to a process that can be cut: at once, in the middle of what is sent, before an answer.

use anyhow::Result;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Forwards connections to one address, while it is whole.
pub struct Wire {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
    task: JoinHandle<()>,
}

/// What the wire lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Everything.
    Whole,
    /// This many more bytes of requests; then nothing at all.
    Requests(usize),
    /// Requests; the first byte of an answer cuts it.
    NoAnswer,
    /// Nothing: connections that are there break, new ones break at once.
    Cut,
}

impl Wire {
    /// A wire from a new port of this machine to `target`.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn to(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(watch::Sender::new(State::Whole));
        let task = tokio::spawn(accept(listener, target, Arc::clone(&state)));
        Ok(Wire { address, state, task })
    }

    /// Its near end.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its near end, as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Cut it.
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    /// Cut it once `bytes` more of requests have passed: in the middle of one.
    pub fn cut_within_request(&self, bytes: usize) {
        self.state.send_replace(State::Requests(bytes));
    }

    /// Cut it when the next answer begins: the request was heard, and nobody learns of it.
    pub fn cut_before_answer(&self) {
        self.state.send_replace(State::NoAnswer);
    }

    /// Wait until it is cut.
    pub async fn is_cut(&self) {
        // The sender is ours: it cannot go away meanwhile.
        let _ = self.state.subscribe().wait_for(|state| *state == State::Cut).await;
    }

    /// Make it whole.
    pub fn mend(&self) {
        self.state.send_replace(State::Whole);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.cut();
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, state: Arc<watch::Sender<State>>) {
    while let Ok((near, _)) = listener.accept().await {
        tokio::spawn(carry(near, target, Arc::clone(&state)));
    }
}

/// Carry one connection until either end closes it or the wire is cut.
async fn carry(near: TcpStream, target: SocketAddr, state: Arc<watch::Sender<State>>) {
    let mut cut = state.subscribe();
    let both = async {
        let Ok(far) = TcpStream::connect(target).await else { return };
        let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
        tokio::join!(
            pump(near_read, far_write, |count| pass_request(&state, count)),
            pump(far_read, near_write, |count| pass_answer(&state, count)),
        );
    };
    tokio::select! {
        () = both => {}
        _ = cut.wait_for(|state| *state == State::Cut) => {}
    }
}

/// Copy until the end, or until no more may pass.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, pass: impl Fn(usize) -> usize) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let passing = pass(count);
        let sent = to.write_all(buffer.get(..passing).unwrap_or_default()).await;
        if sent.is_err() || passing < count {
            break;
        }
    }
}

/// How many of `count` bytes of a request may pass; what is one too many cuts the wire.
fn pass_request(state: &watch::Sender<State>, count: usize) -> usize {
    let mut passing = count;
    state.send_if_modified(|state| match *state {
        State::Requests(left) => {
            passing = left.min(count);
            *state = if left < count { State::Cut } else { State::Requests(left - count) };
            true
        }
        _ => false,
    });
    passing
}

/// How many of `count` bytes of an answer may pass.
fn pass_answer(state: &watch::Sender<State>, count: usize) -> usize {
    let was_cut = state.send_if_modified(|state| {
        let cuts = *state == State::NoAnswer;
        if cuts {
            *state = State::Cut;
        }
        cuts
    });
    if was_cut { 0 } else { count }
}
