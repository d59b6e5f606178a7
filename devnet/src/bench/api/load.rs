//! Load for an HTTP server: connections that are kept, each with one request at a time. Only whole answers count, and one
//! that is not as expected ends the measurement.

use std::{io, net::SocketAddr};

use atoll_devnet::Error;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::Instant,
};

use super::{CONNECTIONS, LENGTH, WARM_UP};

/// A first answer's body.
pub(super) async fn body(address: SocketAddr, path: &str) -> Result<Vec<u8>, Error> {
    let mut connection = Connection::open(address, path).await.map_err(broken)?;
    let length = connection.ask().await.map_err(broken)?;
    Ok(connection.read.split_off(connection.read.len() - length))
}

/// Answers per second, each with a body of so many bytes.
pub(super) async fn rate(address: SocketAddr, path: &str, length: usize) -> Result<f64, Error> {
    let path = path.to_owned();
    // A thread of its own with nothing else to do: handing tasks from one to another would cost more than they do.
    let measured = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(all(address, &path, length))
    });
    let answers = measured.await.map_err(|failed| Error::Unexpected(failed.to_string()))?.map_err(broken)?;
    Ok(answers as f64 / LENGTH.as_secs_f64())
}

fn broken(error: io::Error) -> Error {
    Error::Unexpected(format!("the server's answer is not as it should be: {error}"))
}

async fn all(address: SocketAddr, path: &str, length: usize) -> io::Result<u64> {
    let begin = Instant::now() + WARM_UP;
    let end = begin + LENGTH;
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let mut connection = Connection::open(address, path).await?;
        connections.spawn(async move {
            let mut answers = 0u64;
            loop {
                let found = connection.ask().await?;
                if found != length {
                    return Err(odd(format!("a body of {found} bytes instead of {length}")));
                }
                let now = Instant::now();
                if now >= end {
                    return Ok(answers);
                }
                answers += u64::from(now >= begin);
            }
        });
    }
    let mut answers = 0;
    while let Some(of_one) = connections.join_next().await {
        answers += of_one.map_err(io::Error::other)??;
    }
    Ok(answers)
}

struct Connection {
    socket: TcpStream,
    request: String,
    /// The last answer.
    read: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr, path: &str) -> io::Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: application/json\r\n\r\n");
        Ok(Self { socket, request, read: Vec::with_capacity(64 << 10) })
    }

    /// Asks once; gives the length of the answer's body, which is then the end of what was read.
    async fn ask(&mut self) -> io::Result<usize> {
        self.socket.write_all(self.request.as_bytes()).await?;
        self.read.clear();
        let (head, length) = loop {
            self.more().await?;
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break (end + 4, length(&self.read[..end])?);
            }
        };
        while self.read.len() < head + length {
            self.more().await?;
        }
        if self.read.len() > head + length {
            return Err(odd("more than was asked for".into()));
        }
        Ok(length)
    }

    async fn more(&mut self) -> io::Result<()> {
        match self.socket.read_buf(&mut self.read).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// The body's length, as the head of a good answer says.
fn length(head: &[u8]) -> io::Result<usize> {
    let head = std::str::from_utf8(head).map_err(io::Error::other)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default();
    if !status.starts_with("HTTP/1.1 200") {
        return Err(odd(format!("`{status}`")));
    }
    let mut fields = lines.filter_map(|line| line.split_once(':'));
    let length = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    length.and_then(|(_, value)| value.trim().parse().ok()).ok_or_else(|| odd("no length".into()))
}

fn odd(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_good_answer_with_a_length_counts() {
        assert_eq!(length(b"HTTP/1.1 200 OK\r\netag: a\r\nContent-Length: 17").unwrap(), 17);
        for head in [&b"HTTP/1.1 429 Too Many Requests\r\ncontent-length: 1"[..], b"HTTP/1.1 200 OK", b"\xff", b""] {
            assert!(length(head).is_err());
        }
    }

    /// A server that answers every connection with these pieces and closes it.
    async fn answered(pieces: &'static [&'static str]) -> io::Result<usize> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            assert!(socket.read(&mut request).await.unwrap() > 0);
            for piece in pieces {
                socket.write_all(piece.as_bytes()).await.unwrap();
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        });
        Connection::open(address, "/").await?.ask().await
    }

    #[tokio::test]
    async fn an_answer_is_read_to_its_end() {
        const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n";
        assert_eq!(answered(&["HTTP/1.1 200 OK\r\ncontent-le", "ngth: 4\r\n\r\nab", "cd"]).await.unwrap(), 4);
        assert_eq!(answered(&[HEAD, "abc"]).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(answered(&[HEAD, "abcde"]).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
