//! Encryption of a file, whole processes from file to file on two cores: ours (`protocol/examples/envelope-file.rs`), `age`,
//! and how fast openssl's cipher alone is on the same cores.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use atoll_devnet::{Error, repository};

use super::{
    Row,
    api::{median, release},
};
use crate::show::{Step, line};

/// How often each is measured; the figure is the median.
const ROUNDS: usize = 5;
/// Length of the file that is measured, and of the one whose memory is compared with it.
const BYTES: u64 = 1 << 30;
const SMALL_BYTES: u64 = 64 << 20;
/// What has to be free where the files are: the data, both ciphertexts, and what one of them becomes.
const ROOM: u64 = 4 * BYTES + (64 << 20);
/// How many times faster than age, and which share of openssl's rate ours has to be.
const TIMES_AGE: f64 = 3.0;
const OF_OPENSSL: f64 = 0.5;
/// KiB that one run may need more than another of the same work.
const JITTER: f64 = 512.0;

const UNIT: &str = "MiB per second";

pub(super) async fn run() -> Result<Vec<Row>, Error> {
    release::ensure().await?;
    tokio::task::spawn_blocking(measure).await.map_err(|failed| Error::Unexpected(failed.to_string()))?
}

fn measure() -> Result<Vec<Row>, Error> {
    let step = Step::begin("bench envelope");
    step.at("a file");
    let files = Files::create(repository::binary("examples")?.join("envelope-file"))?;
    let age = Age::find(&files)?;
    let openssl = found("openssl", "version");
    if age.is_none() {
        line(
            "`age` was not found and is left out; install it to be compared with (Debian and Ubuntu: `apt install age`)",
        );
    }
    if openssl.is_none() {
        line("`openssl` was not found and is left out; install it to be compared with");
    }

    // Ours, age, openssl; of each, encryption and decryption.
    let mut rates: [[Vec<f64>; 2]; 3] = Default::default();
    let mut peak = 0.0;
    for round in 0..ROUNDS {
        // None is always the first or after the same other.
        for subject in (0..rates.len()).map(|n| (n + round) % 3) {
            step.at(format!("round {} of {ROUNDS}: {}", round + 1, ["ours", "age", "openssl"][subject]));
            let both = match (subject, &age) {
                (0, _) => files.ours(&mut peak)?,
                (1, Some(age)) => age.rates(&files)?,
                (2, _) if openssl.is_some() => [openssl_rate(false)?, openssl_rate(true)?],
                _ => continue,
            };
            line(format!(
                "{:>8}  encrypts {:.0}, decrypts {:.0} {UNIT}",
                ["ours", "age", "openssl"][subject],
                both[0],
                both[1]
            ));
            for (way, rate) in both.into_iter().enumerate() {
                rates[subject][way].push(rate);
            }
        }
    }
    step.at("without files, and files alone");
    let (mut in_memory, mut copies): ([Vec<f64>; 2], Vec<f64>) = Default::default();
    for _ in 0..ROUNDS {
        for (way, rate) in files.in_memory()?.into_iter().enumerate() {
            in_memory[way].push(rate);
        }
        let mut copy = Command::new("cp");
        copies.push(files.rate("opened", copy.arg(files.path("plain")).arg(files.path("opened")), "cp")?.0);
    }
    let aside = Aside { in_memory: in_memory.map(median), copy: median(copies) };
    let mut small_peak = 0.0;
    files.small(&mut small_peak)?;
    step.done(&[
        ("files in", files.dir.path().display().to_string()),
        ("load", fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned()),
        ("age", age.map_or("none".into(), |age| age.version)),
        ("openssl", openssl.unwrap_or("none".into())),
    ]);
    let [ours, age, openssl] = rates.map(|both| both.map(|rates| (!rates.is_empty()).then(|| median(rates))));
    Ok(rows(ours.map(|rate| rate.unwrap_or(f64::NAN)), age, openssl, &aside, [peak, small_peak]))
}

/// What says where the time goes.
struct Aside {
    /// Encryption of what is in memory; decryption of a file of which nothing is written.
    in_memory: [f64; 2],
    /// `cp` of the file.
    copy: f64,
}

fn rows(ours: [f64; 2], age: [Option<f64>; 2], openssl: [Option<f64>; 2], aside: &Aside, peaks: [f64; 2]) -> Vec<Row> {
    let row = |work: &str, ours: f64, peer: &str, theirs: Option<f64>, times: Option<f64>| Row {
        work: work.into(),
        ours: ours.round(),
        peer: peer.into(),
        theirs: theirs.map(f64::round),
        unit: UNIT.into(),
        ratio: theirs.map(|theirs| (ours / theirs * 1000.0).round() / 1000.0),
        goal: theirs.zip(times).map(|(theirs, times)| (theirs * times).round()),
    };
    let speed = "openssl speed -evp aes-256-gcm -multi 2, 16 KiB at a time, in memory";
    let mut rows = Vec::new();
    for (way, work) in
        ["encrypting 1 GiB from file to file", "decrypting 1 GiB from file to file"].into_iter().enumerate()
    {
        rows.push(row(work, ours[way], "age", age[way], Some(TIMES_AGE)));
        rows.push(row(work, ours[way], speed, openssl[way], Some(OF_OPENSSL)));
    }
    rows.push(row("encrypting 1 GiB without files", aside.in_memory[0], speed, openssl[0], Some(OF_OPENSSL)));
    rows.push(row("decrypting 1 GiB, writing nothing", aside.in_memory[1], speed, openssl[1], Some(OF_OPENSSL)));
    rows.push(row("encrypting 1 GiB from file to file", ours[0], "cp of the same file", Some(aside.copy), None));
    rows.push(Row {
        work: "peak memory, 1 GiB encrypted and decrypted".into(),
        ours: peaks[0],
        peer: "the same of 64 MiB".into(),
        theirs: Some(peaks[1]),
        unit: "KiB".into(),
        ratio: Some((peaks[1] / peaks[0] * 1000.0).round() / 1000.0),
        goal: Some(peaks[1] + JITTER),
    });
    rows
}

/// Runs a program to its end; what it said.
fn finished(command: &mut Command, name: &str) -> Result<String, Error> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| Error::Spawn { program: name.into(), source })?;
    if !output.status.success() {
        let log = "see above".into();
        return Err(Error::Failed { command: name.into(), status: output.status.to_string(), log });
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The first line of what a program says of its version; none if it is not there.
fn found(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).stdin(Stdio::null()).output().ok()?;
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}

/// The files, and our program.
struct Files {
    dir: tempfile::TempDir,
    program: PathBuf,
}

impl Files {
    /// Data of both lengths that no cipher makes shorter, in memory if there is room.
    fn create(program: PathBuf) -> Result<Self, Error> {
        let shared = Path::new("/dev/shm");
        let base =
            if room(shared).is_some_and(|bytes| bytes >= ROOM) { shared.to_owned() } else { std::env::temp_dir() };
        let unwritten =
            |e| Error::Unexpected(format!("the files could not be written in {} ({e}): set TMPDIR", base.display()));
        let dir = tempfile::Builder::new().prefix("atoll-bench-").tempdir_in(&base).map_err(unwritten)?;
        for (name, bytes) in [("plain", BYTES), ("small", SMALL_BYTES)] {
            let written = File::open("/dev/urandom").and_then(|random| {
                let mut file = File::create(dir.path().join(name))?;
                io::copy(&mut random.take(bytes), &mut file)
            });
            written.map_err(unwritten)?;
        }
        Ok(Self { dir, program })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// MiB per second of a program that makes one file of another. A file of that name is removed first, so that what it
    /// held is not part of the time.
    fn rate(&self, made: &str, command: &mut Command, name: &str) -> Result<(f64, String), Error> {
        drop(fs::remove_file(self.path(made)));
        let started = Instant::now();
        let said = finished(command, name)?;
        Ok((BYTES as f64 / f64::from(1 << 20) / started.elapsed().as_secs_f64(), said))
    }

    fn way(&self, way: &str, from: &str, to: &str, peak: &mut f64) -> Result<f64, Error> {
        let mut command = Command::new(&self.program);
        command.arg(way).arg(self.path(from)).arg(self.path(to));
        let (rate, said) = self.rate(to, &mut command, "envelope-file")?;
        let kib: f64 = said.parse().map_err(|_| Error::Unexpected(format!("`{said}` is no number of KiB")))?;
        *peak = kib.max(*peak);
        Ok(rate)
    }

    fn ours(&self, peak: &mut f64) -> Result<[f64; 2], Error> {
        let encrypts = self.way("encrypt", "plain", "sealed-by-us", peak)?;
        let decrypts = self.way("decrypt", "sealed-by-us", "opened", peak)?;
        self.assert_opened("plain")?;
        Ok([encrypts, decrypts])
    }

    fn small(&self, peak: &mut f64) -> Result<(), Error> {
        self.way("encrypt", "small", "sealed", peak)?;
        self.way("decrypt", "sealed", "opened", peak)?;
        self.assert_opened("small")
    }

    /// The cipher on both cores, the start of the program included.
    fn in_memory(&self) -> Result<[f64; 2], Error> {
        let rate = |arguments: [&OsStr; 2]| -> Result<f64, Error> {
            Ok(self.rate("none", Command::new(&self.program).args(arguments), "envelope-file")?.0)
        };
        let zeros = format!("zero:{BYTES}");
        let sealed = self.path("sealed-by-us");
        Ok([rate(["encrypt".as_ref(), zeros.as_ref()])?, rate(["decrypt".as_ref(), sealed.as_ref()])?])
    }

    /// What was decrypted is what was encrypted.
    fn assert_opened(&self, name: &str) -> Result<(), Error> {
        let same = || -> io::Result<bool> {
            let (mut one, mut other) = (File::open(self.path(name))?, File::open(self.path("opened"))?);
            if one.metadata()?.len() != other.metadata()?.len() {
                return Ok(false);
            }
            let (mut a, mut b) = (vec![0; 1 << 20], vec![0; 1 << 20]);
            loop {
                let count = one.read(&mut a)?;
                other.read_exact(&mut b[..count])?;
                if count == 0 || a[..count] != b[..count] {
                    return Ok(count == 0);
                }
            }
        };
        match same().map_err(|e| Error::Unexpected(format!("the files could not be compared: {e}")))? {
            true => Ok(()),
            false => Err(Error::Unexpected("what was decrypted is not what was encrypted".into())),
        }
    }
}

/// Bytes that are free in a file system.
fn room(path: &Path) -> Option<u64> {
    let output = Command::new("df").args(["--output=avail", "--block-size=1"]).arg(path).output().ok()?;
    String::from_utf8_lossy(&output.stdout).lines().last()?.trim().parse().ok()
}

/// `age` with a new X25519 key.
struct Age {
    version: String,
    key: PathBuf,
    recipient: String,
}

impl Age {
    fn find(files: &Files) -> Result<Option<Self>, Error> {
        let Some(version) = found("age", "--version") else { return Ok(None) };
        let key = files.path("age-key");
        finished(Command::new("age-keygen").arg("-o").arg(&key), "age-keygen")?;
        let recipient = finished(Command::new("age-keygen").arg("-y").arg(&key), "age-keygen")?;
        Ok(Some(Self { version, key, recipient }))
    }

    fn rates(&self, files: &Files) -> Result<[f64; 2], Error> {
        let mut encrypt = Command::new("age");
        encrypt.args(["--recipient", &self.recipient, "--output"]).arg(files.path("sealed")).arg(files.path("plain"));
        let mut decrypt = Command::new("age");
        decrypt.args(["--decrypt", "--identity"]).arg(&self.key);
        decrypt.arg("--output").arg(files.path("opened")).arg(files.path("sealed"));
        let encrypts = files.rate("sealed", &mut encrypt, "age --recipient")?.0;
        let decrypts = files.rate("opened", &mut decrypt, "age --decrypt")?.0;
        files.assert_opened("plain")?;
        Ok([encrypts, decrypts])
    }
}

/// MiB per second of openssl's cipher on two cores, in pieces as long as a chunk.
fn openssl_rate(decrypt: bool) -> Result<f64, Error> {
    let mut command = Command::new("openssl");
    command.args(["speed", "-mr", "-seconds", "2", "-bytes", "16384", "-multi", "2", "-evp", "aes-256-gcm"]);
    if decrypt {
        command.arg("-decrypt");
    }
    let said = finished(command.stderr(Stdio::null()), "openssl speed")?;
    let bytes = bytes_per_second(&said).ok_or_else(|| Error::Unexpected(format!("openssl speed says {said}")))?;
    Ok(bytes / f64::from(1 << 20))
}

/// The sum in the last line of `openssl speed -mr`, like `+F:25:AES-256-GCM:8589934592.00`.
fn bytes_per_second(said: &str) -> Option<f64> {
    said.lines().rev().find(|line| line.starts_with("+F:"))?.rsplit(':').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_goal_is_missed_on_its_own_side() {
        let missed = |ours, age, openssl, peaks| {
            let all = rows([ours; 2], [age; 2], [openssl; 2], &Aside { in_memory: [ours; 2], copy: 1e6 }, peaks);
            all.iter().map(Row::is_missed).collect::<Vec<_>>()
        };
        assert_eq!(missed(301.0, Some(100.0), Some(600.0), [900.0, 400.0]), [false; 8]);
        let all_but_the_copy = [true, true, true, true, true, true, false, true];
        assert_eq!(missed(299.0, Some(100.0), Some(600.0), [913.0, 400.0]), all_but_the_copy);
        assert_eq!(missed(1.0, None, None, [900.0, 400.0]), [false; 8]);
    }
}
