//! A TCP proxy that lets a request through and no answer back.

use std::sync::Arc;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Mutex,
};

/// When the connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Once the server has answered: whatever it did is done, and nobody hears of it.
    AfterTheAnswer,
    /// Once the server has the whole request: it may do it, or give up in the middle.
    AfterTheRequest,
}

/// The answer that a client did not get.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Swallowed {
    pub(crate) status: u16,
    /// JSON, or null.
    pub(crate) body: Value,
}

/// A proxy for one request.
pub(crate) struct Proxy {
    pub(crate) url: String,
    swallowed: Arc<Mutex<Option<Swallowed>>>,
    done: tokio::task::JoinHandle<()>,
}

/// Reads a message until its body, if it has one, is complete.
async fn message(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            if bytes.len() >= end + 4 + length.unwrap_or(0) {
                return bytes;
            }
        }
        let read = stream.read_buf(&mut bytes).await.unwrap();
        assert!(read > 0, "the message ended early: {}", String::from_utf8_lossy(&bytes));
    }
}

fn parsed(answer: &[u8]) -> Swallowed {
    let text = String::from_utf8_lossy(answer);
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status line");
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Swallowed { status, body: serde_json::from_str(body).unwrap_or_default() }
}

impl Proxy {
    /// In front of a server.
    pub(crate) async fn before(server: &str, cut: Cut) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let target = server.strip_prefix("http://").unwrap().to_owned();
        let swallowed = Arc::new(Mutex::new(None));
        let kept = Arc::clone(&swallowed);
        let done = tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            let request = message(&mut client).await;
            let mut server = TcpStream::connect(target).await.unwrap();
            server.write_all(&request).await.unwrap();
            if cut == Cut::AfterTheAnswer {
                let answer = message(&mut server).await;
                *kept.lock().await = Some(parsed(&answer));
            }
        });
        Self { url, swallowed, done }
    }

    /// The answer that was swallowed, if the server gave one in time.
    pub(crate) async fn swallowed(self) -> Option<Swallowed> {
        self.done.await.unwrap();
        self.swallowed.lock().await.take()
    }
}
