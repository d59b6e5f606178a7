//! `cargo dev test`: every check there is, in an order in which the first to fail says most.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use atoll_devnet::{Error, Market, Options, process::running_with, python, repository, sample, tools};
use serde_json::Value;
use tokio::process::Command;

use crate::{
    bench::gas,
    queries,
    show::{colour, line},
    soak,
};

/// What came of each step.
struct Report {
    only: Option<String>,
    steps: Vec<(String, Result<(), String>, Duration)>,
}

/// Runs all, or those whose name holds a text; true if all of them passed.
pub(crate) async fn run(only: Option<String>) -> Result<bool, Error> {
    let start = Instant::now();
    let before = ours();
    let root = repository::root();
    let contracts = root.join("contracts");
    let mut report = Report { only, steps: Vec::new() };

    report.step("tools from npm", packages()).await;
    report.step("cargo fmt", cargo(&["fmt", "--all", "--check"])).await;
    let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    report.step("cargo clippy", cargo(&clippy)).await;
    report.step("forge fmt", forge(&contracts, &["fmt", "--check"], &[])).await;
    // Folders of its own: lint leaves artifacts without code, which `forge test` would take for up to date.
    let apart = [("FOUNDRY_OUT", "out/lint"), ("FOUNDRY_CACHE_PATH", "cache/lint")];
    report.step("forge lint", forge(&contracts, &["lint", "--deny", "warnings"], &apart)).await;
    report.step("forge build", forge(&contracts, &["build"], &[])).await;
    report.step("exported ABIs", node(&contracts, &["export-abi.js", "--check"])).await;
    report.step("forge test", forge(&contracts, &["test"], &[])).await;
    let ship = [("FOUNDRY_PROFILE", "ship")];
    report.step("forge build of what is deployed", forge(&contracts, &["build", "src", "script"], &ship)).await;
    let shipped = [("SHIPPED_BYTECODE", "true")];
    report.step("forge test of what is deployed", forge(&contracts, &["test"], &shipped)).await;
    report.step("gas of the contracts", gas::check()).await;
    report.step("programs", built()).await;
    report.step("queries against a live schema", queries::check()).await;
    report.step("cargo test", cargo(&["test", "--workspace", "--no-fail-fast"])).await;
    report.step("schemathesis", soak::api::test()).await;
    report.step("page", page()).await;
    report.step("README names its commands", readme(root.join("README.md"))).await;
    report.step("cargo dev demo --json", demo()).await;
    report.step("nothing left running", nothing_left(before)).await;

    Ok(report.finish(start.elapsed()))
}

impl Report {
    async fn step(&mut self, name: &str, work: impl Future<Output = Result<(), String>>) {
        if self.only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            return;
        }
        line(format!("\n{} {name}", colour(36, "▶")));
        let start = Instant::now();
        let outcome = work.await;
        let took = start.elapsed();
        match &outcome {
            Ok(()) => {
                line(format!("{} {name}  {}", colour(32, "✓"), colour(2, format!("{:.1} s", took.as_secs_f64()))))
            }
            Err(why) => line(format!("{} {name}: {why}", colour(31, "✗"))),
        }
        self.steps.push((name.to_owned(), outcome, took));
    }

    fn finish(self, took: Duration) -> bool {
        let failed = self.steps.iter().filter(|(_, outcome, _)| outcome.is_err()).count();
        println!();
        for (name, outcome, took) in &self.steps {
            let seconds = took.as_secs_f64();
            match outcome {
                Ok(()) => println!("ok      {seconds:>7.1} s  {name}"),
                Err(why) => println!("FAILED  {seconds:>7.1} s  {name}: {why}"),
            }
        }
        println!("        {:>7.1} s  in all", took.as_secs_f64());
        println!("{} passed, {failed} failed", self.steps.len() - failed);
        failed == 0 && !self.steps.is_empty()
    }
}

/// Runs a command with its output shown; stops it if this is dropped.
pub(crate) async fn shown(mut command: Command) -> Result<(), String> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let mut child =
        command.stdin(Stdio::null()).kill_on_drop(true).spawn().map_err(|error| format!("{name}: {error}"))?;
    match child.wait().await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{status}, see above")),
        Err(error) => Err(error.to_string()),
    }
}

async fn packages() -> Result<(), String> {
    for folder in tools::FOLDERS {
        let ready = tokio::task::spawn_blocking(move || tools::packages(folder)).await;
        ready.map_err(|failed| failed.to_string())?.map_err(|error| error.to_string())?;
    }
    Ok(())
}

async fn built() -> Result<(), String> {
    let built = tokio::task::spawn_blocking(|| tools::build(true)).await;
    built.map_err(|failed| failed.to_string())?.map_err(|error| error.to_string())
}

async fn cargo(arguments: &[&str]) -> Result<(), String> {
    cargo_with(arguments, &[]).await
}

/// Cargo, building where the running program was built, with settings for what it starts.
pub(crate) async fn cargo_with(arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    let mut command = Command::from(tools::cargo());
    command.args(arguments).envs(environment.iter().copied());
    if arguments.first() == Some(&"test") {
        // A test that starts a market starts six programs: a few at a time are enough for any machine.
        let threads = std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 4));
        command.env("RUST_TEST_THREADS", threads.to_string());
    }
    if let Some(target) = repository::binaries().ok().as_deref().and_then(std::path::Path::parent)
        && arguments.first() != Some(&"fmt")
    {
        command.env("CARGO_TARGET_DIR", target);
    }
    shown(command).await
}

async fn forge(contracts: &std::path::Path, arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    let mut command = Command::new(tools::foundry("forge").map_err(|error| error.to_string())?);
    command.args(arguments).envs(environment.iter().copied()).current_dir(contracts);
    shown(command).await
}

async fn node(contracts: &std::path::Path, arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new("node");
    command.args(arguments).current_dir(contracts);
    shown(command).await
}

/// The page's own tests, and then the page in a real browser at a market of its own.
async fn page() -> Result<(), String> {
    let web = repository::root().join("web");
    for folder in ["web", "web/e2e"] {
        let ready = tokio::task::spawn_blocking(move || tools::packages(folder)).await;
        ready.map_err(|failed| failed.to_string())?.map_err(|error| error.to_string())?;
    }
    npm(&web, &["test"], &[]).await?;
    let python = tokio::task::spawn_blocking(|| python::environment("model"))
        .await
        .map_err(|failed| failed.to_string())?
        .map_err(|error| error.to_string())?;
    let python = python.display().to_string();
    let market =
        Market::start(Options { page: true, ..Options::default() }).await.map_err(|error| error.to_string())?;
    sample::publish_shown(&market).await.map_err(|error| error.to_string())?;
    let member_list = market.deployment().member_list.to_string();
    let around = [
        ("ATOLL_SERVER", market.server_url()),
        ("ETH_RPC_URL", market.rpc_url()),
        ("ATOLL_MEMBER_LIST", &member_list),
        ("PYTHON", &python),
        ("LAST_RUN", "1"),
    ];
    npm(&web, &["run", "e2e"], &around).await
}

async fn npm(web: &std::path::Path, arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    let mut command = Command::new("npm");
    command.args(arguments).envs(environment.iter().copied()).current_dir(web);
    shown(command).await
}

async fn readme(file: PathBuf) -> Result<(), String> {
    let text = std::fs::read_to_string(&file).map_err(|error| format!("README.md: {error}"))?;
    for command in ["cargo dev demo", "cargo dev test"] {
        if !text.contains(command) {
            return Err(format!("README.md does not name `{command}`"));
        }
    }
    Ok(())
}

/// Runs the demo as a user would, and reads its last line.
async fn demo() -> Result<(), String> {
    // By its name: a test run may have built the running program anew, and the old file is gone then.
    let program = repository::binary("dev").map_err(|error| error.to_string())?;
    let child = Command::new(program)
        .args(["demo", "--json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| error.to_string())?;
    let output = child.wait_with_output().await.map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().ok_or("it printed nothing, see above")?;
    let value: Value =
        serde_json::from_str(last).map_err(|error| format!("its last line is no JSON ({error}): {last}"))?;
    line(format!("  {value}"));
    let accurate = value["test_accuracy"].as_f64().is_some_and(|accuracy| accuracy >= 0.95);
    let named = ["asset", "order", "job"].iter().all(|name| value[name].as_str().is_some_and(|text| !text.is_empty()));
    let good = accurate
        && named
        && value["receipt_verified"] == true
        && value["settled"] == true
        && value["cells_seen_outside_worker"] == 0
        && value["seconds"]["total"].is_number();
    if good && output.status.success() { Ok(()) } else { Err(format!("{}: {value}", output.status)) }
}

/// Processes of the market's programs.
fn ours() -> BTreeSet<(u32, String)> {
    let binaries = repository::binaries().map(|dir| dir.display().to_string()).unwrap_or_default();
    let programs = ["atoll-server", "atoll ", "atoll-trainer"].map(|name| format!("{binaries}/{name}"));
    let others = ["@foundry-rs/anvil".to_owned(), "/var/tmp/atoll-".to_owned(), "atoll-guard".to_owned()];
    programs.iter().chain(&others).flat_map(|text| running_with(text)).collect()
}

async fn nothing_left(before: BTreeSet<(u32, String)>) -> Result<(), String> {
    let start = Instant::now();
    loop {
        let left: Vec<_> = ours().difference(&before).map(|(pid, line)| format!("{pid} {line}")).collect();
        if left.is_empty() {
            return Ok(());
        }
        if start.elapsed() > Duration::from_secs(15) {
            return Err(left.join("; "));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
