//! Thousands of clients that only hold sockets, beside honest ones: the honest ones must not notice, and the slow ones
//! must lose their sockets.
//!
//! The server has its own default limits. Every client has one of the loopback's addresses, of which Linux has sixteen
//! million, so that the limits by address hold as they would with clients of many machines.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use atoll_devnet::{Error, Market, Options, actor::field, sample};
use reqwest::Client;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout},
};

use super::{Check, Outcome};
use crate::show::Step;

/// Sockets that are held slowly at every moment.
const SLOW: usize = 5000;
/// Addresses that they come from: so many that the limits by address, of connections and of sign-ins, refuse none of them.
const SLOW_ADDRESSES: usize = 1000;
/// Honest requests per second.
const HONEST_PER_SECOND: u32 = 500;
/// Addresses that they come from.
const HONEST_ADDRESSES: usize = 10;
/// A slow socket has to be closed within so long.
const CLOSED_WITHIN: Duration = Duration::from_secs(6);
/// The honest ones' 99th percentile may be so long.
const ANSWERED_WITHIN: Duration = Duration::from_millis(100);
/// How long the first slow sockets take to be opened, all in all.
const OPENED_OVER: Duration = Duration::from_secs(3);

/// Ways to be slow.
#[derive(Clone, Copy)]
enum Way {
    Silent,
    HalfHead,
    DrippingHead,
    DrippingBody,
}

impl Way {
    const ALL: [Self; 4] = [Self::Silent, Self::HalfHead, Self::DrippingHead, Self::DrippingBody];

    fn begin(self) -> &'static str {
        match self {
            Self::Silent => "",
            Self::HalfHead => "GET /v1/market HTTP/1.1\r\nHost: a\r\nX-",
            Self::DrippingHead => "GET /v1/market HTTP/1.1\r\nHost: a\r\nX-Slow: ",
            Self::DrippingBody => {
                "POST /v1/sessions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n{"
            }
        }
    }

    fn drips(self) -> bool {
        matches!(self, Self::DrippingHead | Self::DrippingBody)
    }
}

/// What the slow ones saw.
#[derive(Default)]
struct Slow {
    lives: Mutex<Vec<Duration>>,
    refused: AtomicUsize,
    now: AtomicUsize,
}

/// Runs for so many seconds.
pub(super) async fn run(seconds: u32, options: Options, step: &Step) -> Result<Outcome, Error> {
    allow_files(SLOW + 4096)?;
    let options = Options { runner: false, server_arguments: Vec::new(), ..options };
    let market = Market::start(options).await?;
    let published = sample::publish(&market).await?;
    let asset: String = field(&published, "asset")?;
    let address: SocketAddr = market
        .server_url()
        .strip_prefix("http://")
        .and_then(|address| address.parse().ok())
        .ok_or_else(|| Error::Unexpected("the server's address is odd".into()))?;
    let end = Instant::now() + OPENED_OVER + Duration::from_secs(seconds.into());

    let slow = Arc::new(Slow::default());
    let mut holders = JoinSet::new();
    for n in 0..SLOW {
        let from = nth_address(1, n % SLOW_ADDRESSES);
        // Each address is slow in all ways.
        let way = Way::ALL[(n + n / SLOW_ADDRESSES) % Way::ALL.len()];
        let begin = OPENED_OVER.mul_f64(n as f64 / SLOW as f64);
        let slow = Arc::clone(&slow);
        holders.spawn(async move {
            sleep(begin).await;
            while Instant::now() < end {
                hold(way, from, address, &slow).await;
            }
        });
    }
    sleep(OPENED_OVER).await;
    let honest = honest(market.server_url(), &asset, end, &slow, step).await?;
    step.at("waiting for the last slow sockets".to_owned());
    while holders.join_next().await.is_some() {}
    Ok(judge(honest, &slow))
}

/// One of the loopback's addresses, `127.GROUP.x.x`; each of a group's first 65,000 is another.
fn nth_address(group: u8, n: usize) -> IpAddr {
    let [.., high, low] = (n + 1).to_be_bytes();
    Ipv4Addr::new(127, group, high, low).into()
}

fn allow_files(files: usize) -> Result<(), Error> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let files = files as u64;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= files) {
        return Ok(());
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(files), maximum: limit.maximum })
        .map_err(|_| Error::Unexpected(format!("this system does not allow {files} open files; raise `ulimit -Hn`")))
}

/// Holds a socket as long as the server lets it.
async fn hold(way: Way, from: IpAddr, to: SocketAddr, slow: &Slow) {
    let connected = async {
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        socket.connect(to).await
    };
    let Ok(mut socket) = connected.await else {
        slow.refused.fetch_add(1, Ordering::Relaxed);
        return sleep(Duration::from_millis(200)).await;
    };
    let start = Instant::now();
    slow.now.fetch_add(1, Ordering::Relaxed);
    let answer = until_closed(way, &mut socket).await;
    slow.now.fetch_sub(1, Ordering::Relaxed);
    // Refused because there are too many, and not for being slow.
    if answer.starts_with(b"HTTP/1.1 429") || answer.starts_with(b"HTTP/1.1 503") {
        slow.refused.fetch_add(1, Ordering::Relaxed);
        return sleep(Duration::from_millis(200)).await;
    }
    slow.lives.lock().unwrap_or_else(PoisonError::into_inner).push(start.elapsed());
}

/// What the server said before it closed the socket; ends also if it does not for long.
async fn until_closed(way: Way, socket: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    if socket.write_all(way.begin().as_bytes()).await.is_err() {
        return answer;
    }
    let mut drip = interval(Duration::from_secs(1));
    drip.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let closed = async {
        loop {
            tokio::select! {
                read = socket.read_buf(&mut answer) => if read.unwrap_or(0) == 0 { return },
                _ = drip.tick() => if way.drips() && socket.write_all(b"x").await.is_err() { return },
            }
        }
    };
    let _ = timeout(3 * CLOSED_WITHIN, closed).await;
    answer
}

/// What the honest ones saw: how long each answer took since its request was due, none for a failure.
struct Honest {
    answers: Vec<Option<Duration>>,
    slow_at_least: usize,
}

/// Asks at fixed times, whether or not earlier answers are there: a server that stalls is not asked less.
async fn honest(base: &str, asset: &str, end: Instant, slow: &Slow, step: &Step) -> Result<Honest, Error> {
    let clients: Vec<Client> = (0..HONEST_ADDRESSES)
        .map(|n| Client::builder().local_address(nth_address(2, n)).timeout(Duration::from_secs(10)).build())
        .collect::<Result<_, _>>()
        .map_err(|error| Error::Unexpected(error.to_string()))?;
    let asset = asset.rsplit('/').next().unwrap_or(asset);
    let urls = [format!("{base}/v1/assets/{asset}"), format!("{base}/v1/market"), format!("{base}/v1/assets")];
    let start = Instant::now();
    let (mut answers, mut pending) = (Vec::new(), JoinSet::new());
    let mut slow_at_least = usize::MAX;
    for n in 0u32.. {
        let due = start + Duration::from_secs(1) * n / HONEST_PER_SECOND;
        if due >= end {
            break;
        }
        sleep_until(due).await;
        let client = clients[n as usize % clients.len()].clone();
        let url = urls[n as usize % urls.len()].clone();
        pending.spawn(async move {
            let answer = client.get(url).send().await.ok().filter(|answer| answer.status().is_success())?;
            answer.bytes().await.ok()?;
            Some(due.elapsed())
        });
        while let Some(done) = pending.try_join_next() {
            answers.push(done.ok().flatten());
        }
        if n % HONEST_PER_SECOND == 0 {
            let now = slow.now.load(Ordering::Relaxed);
            slow_at_least = slow_at_least.min(now);
            step.at(format!("{now} slow sockets, {} honest answers", answers.len()));
        }
    }
    while let Some(done) = pending.join_next().await {
        answers.push(done.ok().flatten());
    }
    Ok(Honest { answers, slow_at_least })
}

fn judge(honest: Honest, slow: &Slow) -> Outcome {
    let lives = slow.lives.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let counted = |name: &str, all: usize, good: usize| {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Check { name: name.into(), runs: count(all), failures: count(all - good) }
    };
    let in_time = lives.iter().filter(|life| **life <= CLOSED_WITHIN).count();
    let closed = counted("slow socket is closed within 6 s", lives.len(), in_time);
    let good = honest.answers.iter().flatten().count();
    let answered = counted("honest request is answered", honest.answers.len(), good);
    let (lives, answers) = (Sorted::new(lives), Sorted::new(honest.answers.into_iter().flatten().collect()));
    let quick = usize::from(answers.quantile(0.99) <= ANSWERED_WITHIN);
    let quick = counted("99 % of honest answers come within 100 ms", 1, quick);
    let held =
        counted("9 of 10 slow sockets are open at every second", 1, usize::from(honest.slow_at_least >= SLOW * 9 / 10));
    let millis = |time: Duration| time.as_secs_f64() * 1000.0;
    let figures = vec![
        ("honest_p50_ms", millis(answers.quantile(0.5))),
        ("honest_p99_ms", millis(answers.quantile(0.99))),
        ("honest_max_ms", millis(answers.quantile(1.0))),
        ("slow_held_at_least", honest.slow_at_least as f64),
        ("slow_closed", lives.0.len() as f64),
        ("slow_life_p50_ms", millis(lives.quantile(0.5))),
        ("slow_life_max_ms", millis(lives.quantile(1.0))),
        ("slow_refused", slow.refused.load(Ordering::Relaxed) as f64),
    ];
    Outcome { checks: vec![answered, quick, held, closed], figures }
}

struct Sorted(Vec<Duration>);

impl Sorted {
    fn new(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        Self(all)
    }

    /// The smallest that at least this share is not above; very long if there is none.
    fn quantile(&self, share: f64) -> Duration {
        let rank = (self.0.len() as f64 * share).ceil() as usize;
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let sorted = Sorted::new((1..=200).rev().map(Duration::from_millis).collect());
        let quantile = |share| sorted.quantile(share).as_millis();
        assert_eq!((quantile(0.5), quantile(0.99), quantile(1.0), quantile(0.0)), (100, 198, 200, 1));
        assert_eq!(Sorted::new(Vec::new()).quantile(0.5), Duration::MAX);
    }
}
