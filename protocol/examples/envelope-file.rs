//! Encrypts or decrypts a file on every core, as `atoll` does: what `cargo dev bench envelope` measures. The key is no
//! secret. The answer is one line: the most memory that it had, in KiB.
//!
//! Usage: `envelope-file encrypt|decrypt FROM TO`; without TO, what comes out is dropped. FROM may be `zero:BYTES`.

use std::{
    env,
    error::Error,
    fs::{self, File},
    io::{self, Read, Write},
    thread,
};

use atoll_protocol::envelope::{ContentKey, content};
use zeroize::Zeroizing;

const CONTEXT: &[u8] = b"bench";

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (&[way, from], to) = words.split_first_chunk().ok_or("usage: envelope-file encrypt|decrypt FROM [TO]")?;
    let from: Box<dyn Read + Send> = match from.strip_prefix("zero:") {
        Some(bytes) => Box::new(io::repeat(0).take(bytes.parse()?)),
        None => Box::new(File::open(from)?),
    };
    let to: Box<dyn Write + Send> = match to.first() {
        Some(path) => Box::new(File::create(path)?),
        None => Box::new(io::sink()),
    };
    let threads = thread::available_parallelism()?.get();
    let key = ContentKey::from_bytes(Zeroizing::new([7; 32]));
    match way {
        "encrypt" => content::encrypt_on(threads, &key, CONTEXT, from, to)?,
        "decrypt" => content::decrypt_on(threads, &key, CONTEXT, from, to)?,
        other => return Err(format!("`{other}` is neither encrypt nor decrypt").into()),
    };
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("this system does not tell it")?;
    println!("{}", peak.trim().trim_end_matches(" kB"));
    Ok(())
}
