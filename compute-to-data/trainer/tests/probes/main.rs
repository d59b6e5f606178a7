//! Escapes that a worker could try, each tried for real: under the whole seal it fails; without a seal, where trying it
//! does no harm, it does something else, which shows that the attempt is one; and without any one layer it still fails,
//! or `docs/sandbox.md` says which layer alone stands against it. As root and as an unprivileged user.

#![allow(unsafe_code)] // Limits and a leaked descriptor are put in place between fork and exec.

mod attempts;
mod matrix;
mod scene;

use std::process::{Command, Stdio};

use scene::{Outcome::Worked, Scene, Seal, users};

#[test]
fn every_escape_fails_in_the_seal_and_is_an_escape_without_it() {
    let scene = Scene::new("escapes");
    for user in users() {
        for &(what, in_seal, harmless) in attempts::all() {
            assert_eq!(scene.attempt(user, Seal::Whole, what), in_seal, "{what} as {user:?}, sealed");
            if harmless {
                let bare = scene.attempt(user, Seal::None, what);
                // An unprivileged user can not do some of these anyway; root can show them.
                let shown = bare != in_seal || user.is_some();
                assert!(shown, "{what} as {user:?} comes to {bare:?} without a seal too, so it shows nothing");
            }
        }
        scene.tidy();
    }
}

#[test]
fn what_training_needs_still_works() {
    let scene = Scene::new("training");
    for user in users() {
        for what in ["thread", "memory"] {
            assert_eq!(scene.attempt(user, Seal::Whole, what), Worked, "{what} as {user:?}");
        }
    }
}

/// The second image does nothing if it is not started by the relay.
#[test]
fn the_workers_argument_is_not_to_be_given_by_hand() {
    let output = Command::new(env!("CARGO_BIN_EXE_atoll-trainer"))
        .arg(atoll_trainer::seal::WORKER_ARGUMENT)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("not to be given by hand"), "{text}");
}

/// Without the runner's limits a worker does not start.
#[test]
fn a_worker_without_limits_from_its_runner_refuses() {
    let output = Command::new(env!("CARGO_BIN_EXE_atoll-trainer")).stdin(Stdio::null()).env_clear().output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("seal: limits: have "), "{text}");
}
