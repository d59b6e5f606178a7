//! A worker that misbehaves, for the tests of the runner's side of the jail. Never part of a build that is shipped.
//!
//! Its file name says how it seals itself: `unsealed` not at all, `without-LAYER` without that layer, anything else
//! like the trainer. The job's context says what it does after that.

use std::{
    io::{self, Write},
    net::TcpStream,
    time::Duration,
};

use atoll_protocol::{
    failure::FailureCode,
    report::Progress,
    worker::{ToRunner, ToWorker},
};
use atoll_trainer::seal;

fn main() {
    let name = std::env::current_exe().expect("a name");
    let name = name.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    if name == "silent" {
        std::thread::sleep(Duration::from_secs(3600));
    }
    if name != "unsealed"
        && let Err(error) = enter(name.strip_prefix("without-").unwrap_or_default())
    {
        eprintln!("{error}");
        std::process::exit(1);
    }
    let mut out = io::stdout().lock();
    ToRunner::Sealed.write(&mut out).expect("the runner listens");
    let mut input = io::stdin().lock();
    let Ok(ToWorker::Job(job)) = ToWorker::read(&mut input) else { return };
    while let Ok(frame) = ToWorker::read(&mut input) {
        if matches!(frame, ToWorker::End) {
            break;
        }
    }
    let progress = |epoch| Progress {
        epoch,
        epochs: job.spec.model().map_or(0, |spec| spec.training.epochs),
        loss: Some(1.0),
        test_metric: None,
    };
    match std::str::from_utf8(&job.context).expect("text") {
        "exit" => {}
        "spin" => loop {
            std::hint::spin_loop();
        },
        "abort" => std::process::abort(),
        "panic" => panic!("row 7 was 4242"),
        "overflow" => {
            println!("{}", deeper(&[1; 1024], 0));
        }
        "hog" => {
            let mut kept = Vec::new();
            loop {
                kept.push(vec![1_u8; 16 << 20]);
            }
        }
        "threads" => {
            for _ in 0..1000 {
                let _ = std::thread::Builder::new().stack_size(16 << 10).spawn(|| {
                    loop {
                        std::thread::park();
                    }
                });
            }
            loop {
                std::hint::spin_loop();
            }
        }
        "network" => drop(TcpStream::connect("127.0.0.1:1")),
        "shout" => loop {
            let _ = io::stderr().write_all(&[b'x'; 4096]);
        },
        "flood" => loop {
            ToRunner::Progress(progress(1)).write(&mut out).expect("the runner listens");
        },
        "huge" => {
            out.write_all(&[19, 255, 255, 255, 255]).expect("the runner listens");
            out.flush().expect("the runner listens");
            std::thread::sleep(Duration::from_secs(3600));
        }
        "garbage" => {
            out.write_all(b"hello, I am not a frame at all").expect("the runner listens");
        }
        "talk" => {
            let reason = "row 7 was 4242".to_owned();
            ToRunner::Failure(FailureCode::Refused { reason }).write(&mut out).expect("the runner listens");
        }
        "report" => {
            ToRunner::Progress(progress(1)).write(&mut out).expect("the runner listens");
            ToRunner::Failure(FailureCode::Diverged).write(&mut out).expect("the runner listens");
        }
        other => panic!("no behaviour of this name: {other}"),
    }
}

/// The trainer's own sequence, with one layer left out.
fn enter(without: &str) -> Result<(), seal::SealError> {
    if std::env::args().nth(1).as_deref() != Some(seal::WORKER_ARGUMENT) {
        seal::identity::become_nobody()?;
        seal::namespaces::unshare(seal::namespaces::ALL)?;
        match seal::namespaces::run_worker()? {}
    }
    type Step = fn() -> Result<(), seal::SealError>;
    let steps: [(&str, Step); 6] = [
        ("descriptors", seal::descriptors::close_rest),
        ("limits", seal::limits::apply),
        ("root", seal::root::empty),
        ("capabilities", seal::capabilities::drop_all),
        ("landlock", seal::restrictions::apply),
        ("seccomp", seal::syscalls::apply),
    ];
    steps.iter().filter(|(name, _)| *name != without).try_for_each(|(_, step)| step())?;
    Ok(())
}

/// Recursion that no optimiser takes away.
fn deeper(bytes: &[u8; 1024], depth: u64) -> u64 {
    let mut copy = *bytes;
    copy[(depth % 1024) as usize] = depth as u8;
    if depth == u64::MAX { copy[0].into() } else { deeper(&copy, depth + 1) + u64::from(copy[1]) }
}
