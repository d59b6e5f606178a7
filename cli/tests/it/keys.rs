//! Keys and options: what needs no market.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

fn atoll(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_atoll"));
    command.args(arguments).args(["--json", "--home"]).arg(home).env_clear().stdin(Stdio::null());
    command
}

fn answer(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

#[test]
fn keygen_writes_private_files_and_never_twice() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let first = atoll(&home, &["keygen"]).output().unwrap();
    assert!(first.status.success(), "{first:?}");
    let address = answer(&first)["address"].as_str().unwrap().to_owned();
    let secret = fs::read_to_string(home.join("wallet.key")).unwrap();
    assert_eq!((secret.trim().len(), &secret[..2]), (66, "0x"));
    for name in ["wallet.key", "identity.key"] {
        assert_eq!(fs::metadata(home.join(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    for stream in [&first.stdout, &first.stderr] {
        assert!(!String::from_utf8_lossy(stream).contains(secret.trim().trim_start_matches("0x")), "a key was printed");
    }

    let second = atoll(&home, &["keygen"]).output().unwrap();
    assert_eq!(second.status.code(), Some(3));
    assert!(answer(&second)["error"].as_str().unwrap().contains("not overwritten"));
    assert_eq!(fs::read_to_string(home.join("wallet.key")).unwrap(), secret, "{address}");
}

#[test]
fn a_wallet_is_imported_from_a_private_file_or_stdin() {
    let dir = tempfile::tempdir().unwrap();
    let key = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
    let expected = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

    let mut command = atoll(&dir.path().join("stdin"), &["keygen", "--import-wallet", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(key.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(answer(&output)["address"].as_str().unwrap().to_lowercase(), expected.to_lowercase());

    let file = dir.path().join("key");
    fs::write(&file, key).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let import = ["keygen", "--import-wallet", file.to_str().unwrap()];
    let exposed = atoll(&dir.path().join("exposed"), &import).output().unwrap();
    assert_eq!(exposed.status.code(), Some(3));
    assert!(answer(&exposed)["error"].as_str().unwrap().contains("chmod 600"), "{exposed:?}");
    assert!(!dir.path().join("exposed").exists());

    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let imported = atoll(&dir.path().join("file"), &import).output().unwrap();
    assert_eq!(answer(&imported)["address"].as_str().unwrap().to_lowercase(), expected.to_lowercase());
}

#[test]
fn what_is_missing_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let unknown = atoll(dir.path(), &["search"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    assert!(answer(&unknown)["error"].as_str().unwrap().contains("--server"));

    let away = atoll(dir.path(), &["search", "--server", "http://127.0.0.1:1"]).output().unwrap();
    assert_eq!(away.status.code(), Some(4));
    assert!(answer(&away)["error"].as_str().unwrap().contains("check the address"));

    let keyless = atoll(dir.path(), &["order", "list", "--server", "http://127.0.0.1:1"]).output().unwrap();
    assert_eq!(keyless.status.code(), Some(3));
    assert!(answer(&keyless)["error"].as_str().unwrap().contains("atoll keygen"));
}
