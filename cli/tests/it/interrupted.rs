//! Uploads and downloads over a line that breaks.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use atoll_devnet::{Market, Options, server::unhurried};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A line to a server, which breaks a connection each time that so many bytes went over it, there or back.
#[derive(Default)]
struct Line {
    there: Mutex<Vec<u64>>,
    back: Mutex<Vec<u64>>,
    /// The answer to the next sign-in does not arrive.
    loses_sign_in: AtomicBool,
    /// Bytes that went over it to the server.
    sent: AtomicU64,
    /// And from it.
    received: AtomicU64,
}

/// True if a connection over which so much went breaks now.
fn breaks(at: &Mutex<Vec<u64>>, passed: u64) -> bool {
    let mut breaks = at.lock().unwrap();
    let now = breaks.last().is_some_and(|at| passed > *at);
    if now {
        breaks.pop();
    }
    now
}

impl Line {
    async fn carry(&self, mut client: TcpStream, server: &str) {
        let mut server = TcpStream::connect(server).await.unwrap();
        let (mut sent, mut received, mut there, mut back) = (0, 0, vec![0; 64 << 10], vec![0; 64 << 10]);
        let mut lost = false;
        loop {
            tokio::select! {
                read = client.read(&mut there) => {
                    let Ok(read @ 1..) = read else { return };
                    let signs_in = there[..read].starts_with(b"POST /v1/sessions ");
                    lost |= signs_in && self.loses_sign_in.swap(false, Ordering::Relaxed);
                    server.write_all(&there[..read]).await.unwrap();
                    self.sent.fetch_add(read as u64, Ordering::Relaxed);
                    sent += read as u64;
                    if breaks(&self.there, sent) {
                        return;
                    }
                }
                read = server.read(&mut back) => {
                    let Ok(read @ 1..) = read else { return };
                    if lost {
                        return;
                    }
                    self.received.fetch_add(read as u64, Ordering::Relaxed);
                    received += read as u64;
                    if client.write_all(&back[..read]).await.is_err() || breaks(&self.back, received) {
                        return;
                    }
                }
            }
        }
    }
}

/// A market whose server is reached over a line, with the line and its address. No runner is there yet.
async fn far_away(line: Line) -> (Market, Arc<Line>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server_arguments = [unhurried(), vec!["--public-url".into(), url.clone()]].concat();
    let market = Market::start(Options { runner: false, server_arguments, ..Options::default() }).await.unwrap();
    let line = Arc::new(line);
    let (carrying, server) = (Arc::clone(&line), market.server_url().strip_prefix("http://").unwrap().to_owned());
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let (line, server) = (Arc::clone(&carrying), server.clone());
            tokio::spawn(async move { line.carry(client, &server).await });
        }
    });
    (market, line, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_whose_answer_is_lost_is_begun_anew() {
    let (market, line, url) = far_away(Line { loses_sign_in: true.into(), ..Line::default() }).await;
    let jobs = market.buyer.at(&url).atoll(&["job", "list"]).await.unwrap();
    assert!(!line.loses_sign_in.load(Ordering::Relaxed), "no answer was lost");
    assert_eq!(jobs["jobs"], serde_json::json!([]), "{jobs}");
}

/// A table of more than 5 MB, and its length.
fn large_table(dir: &std::path::Path) -> (String, u64) {
    let path = dir.join("table.csv");
    let rows: String = (0..900_000).map(|row| format!("{}.5,{}\n", row % 997, ["a", "b"][row % 2])).collect();
    std::fs::write(&path, format!("weight,kind\n{rows}")).unwrap();
    let bytes = std::fs::metadata(&path).unwrap().len();
    assert!(bytes > 5 << 20);
    (path.to_string_lossy().into_owned(), bytes)
}

/// Publishes it over the line, with this for sale.
async fn publish(market: &Market, url: &str, path: &str, services: &[&str]) -> serde_json::Value {
    let token = market.test_dollar().to_string();
    let (wallet, key) = (market.provider.address().to_string(), market.provider.public_key().to_string());
    let mut arguments = vec!["publish", path, "--name", "Far away", "--license", "CC0-1.0"];
    arguments.extend(services);
    arguments.extend(["--payment-token", &token, "--provider-wallet", &wallet, "--provider-key", &key]);
    market.publisher.at(url).atoll(&arguments).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_where_the_line_broke() {
    let there = Mutex::new(vec![4_500_000, 1_000_000, 70_000]);
    let (market, line, url) = far_away(Line { there, ..Line::default() }).await;
    let dir = tempfile::tempdir().unwrap();
    let (path, bytes) = large_table(dir.path());
    let published = publish(&market, &url, &path, &["--price", "1"]).await;
    assert!(published["asset"].is_string(), "{published}");
    assert!(line.there.lock().unwrap().is_empty(), "the line did not break");
    // Nearly nothing went twice: the ciphertext is hardly longer than the table, and the rest are heads of requests.
    let sent = line.sent.load(Ordering::Relaxed);
    assert!((bytes..bytes + 200_000).contains(&sent), "{sent} bytes went over the line for a table of {bytes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_goes_on_where_the_line_broke_and_where_the_command_was_ended() {
    let (mut market, line, url) = far_away(Line::default()).await;
    let dir = tempfile::tempdir().unwrap();
    let (path, bytes) = large_table(dir.path());
    let published = publish(&market, &url, &path, &["--download", "1"]).await;
    market.provider = market.provider.at(&url);
    market.add_runner().await.unwrap();
    let buyer = market.buyer.at(&url);
    let out = dir.path().join("bought.csv").to_string_lossy().into_owned();
    let arguments = ["download", published["asset"].as_str().unwrap(), "--out", &out];

    // What an ended command leaves behind: the first part, here from a download of the whole.
    let first = dir.path().join("first.csv").to_string_lossy().into_owned();
    *line.back.lock().unwrap() = vec![3_000_000, 2_000_000, 70_000];
    let before = line.received.load(Ordering::Relaxed);
    let done = buyer.atoll(&["download", arguments[1], "--out", &first]).await.unwrap();
    assert!(line.back.lock().unwrap().is_empty(), "the line did not break");
    let received = line.received.load(Ordering::Relaxed) - before;
    // A break loses what was on its way: some buffers.
    assert!((bytes..bytes + 1_500_000).contains(&received), "{received} bytes came for a table of {bytes}");
    assert!(std::fs::read(&first).unwrap() == std::fs::read(&path).unwrap());

    // A part that is of something else is thrown away and told; the next try begins anew.
    let part = format!("{out}.part");
    std::fs::write(&part, vec![7; 4_000_000]).unwrap();
    let spoilt = crate::refused::refused(&buyer, &arguments).await;
    spoilt.says(7, &["not the content that was ordered"]);
    assert!(!std::path::Path::new(&part).exists() && !std::path::Path::new(&out).exists());

    // Ended in the middle, and started again: the rest is fetched, and nothing is paid twice.
    *line.back.lock().unwrap() = Vec::new();
    let mut ended = buyer.start(&arguments).unwrap();
    let began = std::time::Instant::now();
    while std::fs::metadata(&part).map_or(0, |data| data.len()) < 1_000_000 {
        assert!(began.elapsed().as_secs() < 60 && ended.status().is_none(), "{}", ended.last_words());
        std::thread::yield_now();
    }
    ended.kill();
    let kept = std::fs::metadata(&part).map_or(bytes, |data| data.len());
    let before = line.received.load(Ordering::Relaxed);
    let again = match std::path::Path::new(&out).exists() {
        true => done.clone(),
        false => buyer.atoll(&arguments).await.unwrap(),
    };
    assert_eq!((&again["download"], &again["sha256"]), (&done["download"], &done["sha256"]));
    let received = line.received.load(Ordering::Relaxed) - before;
    assert!(received < bytes - kept + 500_000, "{received} bytes came after {kept} of {bytes}");
    assert!(std::fs::read(&out).unwrap() == std::fs::read(&path).unwrap());
}
