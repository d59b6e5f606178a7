//! What a terminal shows: bars on long work, and completions in a shell.

use std::{
    fs::File,
    io::{Read, Write},
    path::Path,
    process::{Command, Stdio},
};

use atoll_devnet::{Actor, Market, Options, sample};
use rustix::{
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::refused::text;

/// A command of somebody, without its output.
fn command(actor: &Actor, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_atoll"));
    command.env_clear().env("TERM", "xterm").args(arguments).arg("--home").arg(actor.home());
    command.args(["--server", actor.server_url(), "--rpc-url", actor.rpc_url()]).stdin(Stdio::null());
    command
}

/// Runs a command whose stderr is a terminal; gives what it wrote there and to stdout.
fn on_a_terminal(mut command: Command) -> (String, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    tcsetwinsize(&master, Winsize { ws_row: 40, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = File::options().read(true).write(true).open(Path::new(name.to_str().unwrap())).unwrap();
    let child = command.stdout(Stdio::piped()).stderr(slave).spawn().unwrap();
    // The last handle of the slave: the master's end is told once the program has ended.
    drop(command);
    let reader = std::thread::spawn(move || {
        let (mut master, mut seen, mut buffer) = (File::from(master), Vec::new(), [0; 4096]);
        while let Ok(read @ 1..) = master.read(&mut buffer) {
            seen.extend_from_slice(&buffer[..read]);
        }
        String::from_utf8_lossy(&seen).into_owned()
    });
    let output = child.wait_with_output().unwrap();
    let seen = reader.join().unwrap();
    assert!(output.status.success(), "{seen}");
    (seen, String::from_utf8(output.stdout).unwrap())
}

/// Runs a command whose stderr is a file.
fn without_a_terminal(mut command: Command) -> (String, String) {
    let output = command.output().unwrap();
    let seen = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{seen}");
    (seen, String::from_utf8(output.stdout).unwrap())
}

const DRAWING: [char; 2] = ['\u{1b}', '█'];

#[tokio::test(flavor = "multi_thread")]
async fn bars_are_shown_on_a_terminal_and_nowhere_else() {
    let market = Market::start(Options::default()).await.unwrap();
    let (table, columns) = (sample::table(), atoll_devnet::repository::root().join("data/demo/columns.json"));
    let (table, columns, token) =
        (table.to_string_lossy(), columns.to_string_lossy(), market.test_dollar().to_string());
    let (wallet, key) = (market.provider.address().to_string(), market.provider.public_key().to_string());
    let publish = [
        "publish",
        &table,
        "--columns",
        &columns,
        "--name",
        "Bars",
        "--license",
        "CC0-1.0",
        "--exact",
        "--price",
        "1",
        "--download",
        "2",
        "--payment-token",
        &token,
        "--provider-wallet",
        &wallet,
        "--provider-key",
        &key,
    ];
    let bars = ["checking", "encrypting", "uploading", "indexing"];

    let (seen, said) = on_a_terminal(command(&market.publisher, &publish));
    for bar in bars {
        assert!(seen.contains(bar) && seen.contains(DRAWING), "no bar `{bar}` in {seen}");
    }
    assert!(said.contains("datatoken") && !said.contains(DRAWING), "{said}");

    let (seen, _) = without_a_terminal(command(&market.publisher, &publish));
    assert!(!seen.contains(DRAWING) && !bars.iter().any(|bar| seen.contains(bar)), "{seen}");
    let (seen, said) = on_a_terminal(command(&market.publisher, &[&publish[..], &["--json"]].concat()));
    assert!(!seen.contains(DRAWING) && !bars.iter().any(|bar| seen.contains(bar)), "{seen}");
    let published: serde_json::Value = serde_json::from_str(&said).unwrap();

    let asset = text(&published, "asset");
    let out = market.buyer.home().join("table.csv");
    let download = ["download", asset, "--out", &out.to_string_lossy()];
    let (seen, _) = on_a_terminal(command(&market.buyer, &download));
    for bar in ["waiting", "downloading", "decrypting"] {
        assert!(seen.contains(bar), "no bar `{bar}` in {seen}");
    }
    assert_eq!(std::fs::read(&out).unwrap(), std::fs::read(sample::table()).unwrap());

    let spec = sample::spec(&market.buyer, asset, |_| {}).unwrap();
    let (_, submitted) = sample::order(&market.buyer, asset, &spec).await.unwrap();
    let (seen, said) = on_a_terminal(command(&market.buyer, &["job", "watch", text(&submitted, "job")]));
    assert!(seen.contains("epochs") && seen.contains(DRAWING), "{seen}");
    assert!(said.contains("completed"), "{said}");
}

/// What bash offers where the last of these words is typed.
fn offered(script: &str, words: &[&str]) -> Vec<String> {
    let program = r#"
        eval "$(cat)"
        complete -p atoll >&2
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        function=$(complete -p atoll | sed 's/.*-F \([^ ]*\).*/\1/')
        "$function" atoll "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", program, "bash"]).args(words);
    // The script is longer than an argument may be.
    let mut bash = bash.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = bash.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_options_and_values() {
    let atoll = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_atoll")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let script = atoll(&["completions", "bash"]);
    assert_eq!(offered(&script, &["atoll", "pub"]), ["publish"]);
    assert_eq!(offered(&script, &["atoll", "job", "su"]), ["submit"]);
    assert_eq!(offered(&script, &["atoll", "order", "cancel", "--ho"]), ["--home"]);
    assert_eq!(offered(&script, &["atoll", "completions", "fi"]), ["fish"]);
    assert_eq!(offered(&script, &["atoll", "nonsense"]), [""; 1]);

    // The other shells' are at least theirs, and name every command.
    for (shell, mark) in [("zsh", "#compdef atoll"), ("fish", "complete -c atoll")] {
        let script = atoll(&["completions", shell]);
        assert!(script.contains(mark), "{shell}");
        for command in ["publish", "doctor", "rewrap", "submit"] {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
    let answer: serde_json::Value = serde_json::from_str(&atoll(&["completions", "bash", "--json"])).unwrap();
    assert!(text(&answer, "script") == script, "the script in JSON is another one");
}
