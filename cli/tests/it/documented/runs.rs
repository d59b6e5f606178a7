//! What is really run for each documented command.

use std::{collections::BTreeMap, process::Stdio, time::Duration};

use atoll_devnet::{Actor, Market, Options, repository, sample};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use super::words;

/// A documented command, and what is run for it, in order: `WHO: WORDS`, with `{names}` filled in, and after `=>` the
/// fields of the answer that are kept under a name. Every option of the documented command has to be in one of them.
type Row = (&'static str, &'static [&'static str]);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // docs/cli.md
    ("atoll doctor [--deployment FILE]", &["buyer: doctor", "buyer: doctor --deployment {deployment}"]),
    ("atoll doctor --provider --deployment FILE [--trainer FILE]", &["provider: doctor --provider --deployment {deployment} --trainer {trainer}"]),
    ("atoll completions bash", &["buyer: completions bash"]),
    ("atoll completions zsh", &["buyer: completions zsh"]),
    ("atoll completions fish", &["buyer: completions fish"]),
    ("atoll keygen [--import-wallet FILE|-]", &["buyer: keygen --home {dir}/new", "buyer: keygen --home {dir}/imported --import-wallet {dir}/new/wallet.key"]),
    ("atoll register [--purpose consumer]", &["buyer: register", "provider: register --purpose provider"]),
    ("atoll publish table.csv --name \"…\" --license CC-BY-4.0 --price 5 --payment-token 0x… [--provider-wallet 0x… --provider-key 0x…] [--columns columns.json] [--description \"…\"]", &[
        "publisher: publish {table} --name \"To be given away\" --license CC-BY-4.0 --price 5 --payment-token {token} => second=asset",
        "publisher: publish {table} --name \"To be sold\" --license CC-BY-4.0 --price 5 --payment-token {token} --provider-wallet {provider} --provider-key {provider_key} --columns {columns} --description \"Tumours\" --sample-rows 6 --target diagnosis => asset=asset",
    ]),
    ("atoll rewrap ASSET --provider-wallet 0x… --provider-key 0x… [--out FILE]", &[
        "publisher: rewrap {asset} --provider-wallet {publisher} --provider-key {publisher_key}",
        "publisher: rewrap {asset} --provider-wallet {provider} --provider-key {provider_key} --out {dir}/rewrapped.json",
    ]),
    ("atoll rewrap ASSET --document FILE", &["publisher: rewrap {asset} --document {dir}/rewrapped.json"]),
    ("atoll sale show ASSET [--service 0]", &["buyer: sale show {asset} --service 0"]),
    ("atoll sale price ASSET 7.5 [--payment-token 0x…]", &["publisher: sale price {asset} 7.5 --payment-token {token}"]),
    ("atoll sale pause ASSET", &["publisher: sale pause {asset}"]),
    ("atoll sale resume ASSET", &["publisher: sale resume {asset}"]),
    ("atoll sale gate ASSET 0x…", &["publisher: sale gate {asset} {member_list}"]),
    ("atoll sale gate ASSET --none", &["publisher: sale gate {asset} --none"]),
    ("atoll sale members ASSET --add 0x… [--remove 0x…] [--list 0x…]", &["publisher: sale members {asset} --add {buyer} --remove {provider} --list {member_list}"]),
    ("atoll sale free ASSET [--per-wallet 2] [--total 100]", &["publisher: sale free {asset} --per-wallet 2 --total 100", "publisher: sale free {asset}"]),
    ("atoll sale referral ASSET 250", &["publisher: sale referral {asset} 250"]),
    ("atoll asset show ASSET [--out document.json]", &["buyer: asset show {asset}", "publisher: asset show {asset} --out {dir}/document.json"]),
    ("atoll asset metadata ASSET --document document.json", &["publisher: asset metadata {asset} --document {dir}/document.json"]),
    ("atoll asset add-service ASSET --download 20 --payment-token 0x… [--price 5] [--download-valid-for 7d]", &["publisher: asset add-service {asset} --download 20 --payment-token {token} --price 5 --download-valid-for 7d"]),
    ("atoll asset state ASSET unlisted", &["publisher: asset state {asset} unlisted", "publisher: asset state {asset} active"]),
    ("atoll asset transfer ASSET --to 0x…", &["publisher: asset transfer {second} --to {buyer}"]),
    ("atoll algorithm publish job.json --name \"…\" --license MIT --price 1 --payment-token 0x… --provider 0x… [--description \"…\"]", &[
        "buyer: algorithm publish {spec} --name \"Small net\" --license MIT --price 1 --payment-token {token} --provider {provider} --description \"One layer\" => algorithm=asset",
    ]),
    ("atoll algorithm offer ALGORITHM --provider 0x… --price 1 --payment-token 0x…", &["buyer: algorithm offer {algorithm} --provider {buyer} --price 1 --payment-token {token}"]),
    ("atoll algorithm show ALGORITHM", &["publisher: algorithm show {algorithm}"]),
    ("atoll algorithm apply ALGORITHM --spec job.json --out mine.json", &["buyer: algorithm apply {algorithm} --spec {spec} --out {dir}/mine.json"]),
    ("atoll earnings [--withdraw] [--token 0x…]", &["publisher: earnings", "publisher: earnings --withdraw --token {token}"]),
    ("atoll search [WORDS] [--publisher 0x…] [--payment-token 0x…] [--max-price 5] [--limit 20]", &["buyer: search", "buyer: search to be sold --publisher {publisher} --payment-token {token} --max-price 8 --limit 1"]),
    ("atoll job preview --spec job.json", &["buyer: job preview --spec {spec}"]),
    ("atoll job try --spec job.json [--out FILE]", &["buyer: job try --spec {spec} --out {dir}/tried.safetensors"]),
    ("atoll job list [--limit 20]", &["buyer: job list --limit 20"]),
    ("atoll asset history ASSET [--limit 20]", &["buyer: asset history {asset} --limit 2"]),
    ("atoll asset statistics ASSET", &["buyer: asset statistics {asset}"]),
    ("atoll provider status [0x…]", &["provider: provider status", "buyer: provider status {provider}"]),
    ("atoll buy ASSET --spec job.json [--max-price 5] [--deadline 2h]", &["buyer: buy {asset} --spec {spec} --max-price 8 --deadline 2h => order=order"]),
    ("atoll job submit --order 0x… --spec job.json", &["buyer: job submit --order {order} --spec {spec} => job=job trained=job"]),
    ("atoll job watch JOB", &["buyer: job watch {job}"]),
    ("atoll job fetch JOB --out DIR", &["buyer: job fetch {job} --out {dir}/result"]),
    ("atoll job start --spec job.json --model FILE --out FILE", &["buyer: job start --spec {spec} --model {dir}/result/model.safetensors --out {dir}/further.json"]),
    ("atoll model predict --model DIR --out FILE TABLE", &["buyer: model predict --model {dir}/result --out {dir}/predictions.csv {table}"]),
    ("atoll receipt verify JOB [--model FILE]", &["buyer: receipt verify {job} --model {dir}/result/model.safetensors", "buyer: receipt verify {dir}/result/receipt.json"]),
    ("atoll receipt replay JOB [--trainer FILE]", &["provider: receipt replay {trained} --trainer {trainer}"]),
    ("atoll receipt reveal JOB --auditor KEY --out FILE", &["provider: receipt reveal {trained} --auditor {publisher_key} --out {dir}/seed.json"]),
    ("atoll receipt audit FILE [--data TABLE]", &["publisher: receipt audit {dir}/seed.json", "publisher: receipt audit {dir}/seed.json --data {table} --trainer {trainer}"]),
    ("atoll job cancel JOB", &[
        "runner: stop",
        "buyer: buy {asset} --spec {spec} --even-if-offline => order=order",
        "buyer: job submit --order {order} --spec {spec} => job=job",
        "buyer: job cancel {job}",
    ]),
    ("atoll order list [--status open]", &["buyer: order list", "buyer: order list --status open"]),
    ("atoll order return ORDER", &["buyer: buy {asset} --spec {spec} --even-if-offline --deadline 1m => order=order", "chain: later", "buyer: order return {order}", "runner: start"]),
    ("atoll download ASSET --out FILE [--max-price 20] [--deadline 2h] [--with-datatoken] [--again]", &[
        "buyer: download {asset} --out {dir}/first.csv --max-price 20 --deadline 2h",
        "buyer: buy {asset} --hold --download",
        "buyer: download {asset} --out {dir}/second.csv --again --with-datatoken",
    ]),
    ("atoll provider run --deployment FILE [--trainer FILE] [--scratch DIR]", &["runner: stop", "provider: provider run --deployment {deployment} --trainer {trainer} --scratch {dir}/scratch"]),
    ("atoll order cancel ORDER", &["buyer: buy {asset} --spec {spec} --even-if-offline => order=order", "provider: order cancel {order}"]),
    // docs/operations.md
    ("atoll-server migrate", &["server: migrate"]),
    ("atoll-server serve --deployment contracts/deployments/1.json --storage /srv/atoll --public-url https://market.example", &[
        "server: serve --deployment {deployment} --storage {dir}/stored --public-url https://market.example --listen 127.0.0.1:0 --metrics-listen 127.0.0.1:0",
    ]),
];

/// Somebody who does everything that is documented, in a market.
pub(super) struct Reader {
    market: Market,
    names: BTreeMap<String, String>,
    done: Vec<&'static str>,
}

impl Reader {
    pub(super) async fn new() -> Self {
        let market = Market::start(Options::default()).await.unwrap();
        let trainer = repository::binary("atoll-trainer").unwrap();
        let dir = market.dir().join("reader");
        std::fs::create_dir(&dir).unwrap();
        let columns = repository::root().join("data/demo/columns.json");
        let names = [
            ("dir", dir.to_string_lossy().into_owned()),
            ("deployment", market.dir().join("deployment.json").to_string_lossy().into_owned()),
            ("trainer", trainer.to_string_lossy().into_owned()),
            ("table", sample::table().to_string_lossy().into_owned()),
            ("columns", columns.to_string_lossy().into_owned()),
            ("token", market.test_dollar().to_string()),
            ("member_list", market.deployment().member_list.to_string()),
            ("publisher", market.publisher.address().to_string()),
            ("publisher_key", market.publisher.public_key().to_string()),
            ("provider", market.provider.address().to_string()),
            ("provider_key", market.provider.public_key().to_string()),
            ("buyer", market.buyer.address().to_string()),
        ];
        let names = names.map(|(name, value)| (name.to_owned(), value)).into();
        Self { market, names, done: Vec::new() }
    }

    /// Runs what stands for a documented command.
    pub(super) async fn execute(&mut self, document: &str, line: &str) {
        let row = ROWS.iter().find(|(documented, _)| *documented == line);
        let (documented, runs) =
            row.unwrap_or_else(|| panic!("{document}: this test does not know `{line}`; add it to its rows"));
        let options = line.split(|c: char| c.is_whitespace() || "[]".contains(c)).filter(|word| word.starts_with("--"));
        for option in options {
            let named = runs.iter().any(|run| run.split_whitespace().any(|word| word == option));
            assert!(named, "{document}: nothing is run with {option} of `{line}`");
        }
        for run in *runs {
            let (who, rest) = run.split_once(": ").unwrap();
            let (words, kept) = rest.split_once(" => ").unwrap_or((rest, ""));
            let words = self.filled(words);
            let answer = match who {
                "runner" => {
                    match words[0].as_str() {
                        "stop" => self.market.runners[0].kill(),
                        _ => self.market.runners[0].restart().await.unwrap(),
                    }
                    continue;
                }
                "chain" => {
                    self.market.chain.rpc.call("evm_increaseTime", json!([100])).await.unwrap();
                    self.market.chain.rpc.call("evm_mine", json!([])).await.unwrap();
                    continue;
                }
                "server" => self.server(&words).await,
                who => self.atoll(who, &words).await,
            };
            for pair in kept.split_whitespace() {
                let (name, field) = pair.split_once('=').unwrap();
                let value = answer[field].as_str().unwrap_or_else(|| panic!("no {field} in {answer}")).to_owned();
                if name == "asset" {
                    // A data set is sold for private trainings unless the publisher says otherwise.
                    let private = |spec: &mut Value| {
                        spec["privacy"] = json!({"noise_multiplier": 10.0, "clipping_norm": 1.0});
                    };
                    let spec = sample::spec(&self.market.buyer, &value, private).unwrap();
                    self.names.insert("spec".into(), spec.to_string_lossy().into_owned());
                }
                self.names.insert(name.into(), value);
            }
        }
        self.done.push(documented);
    }

    /// Asserts that every row is of a command that is still documented.
    pub(super) fn knows_nothing_else(&self) {
        let gone: Vec<_> = ROWS.iter().map(|(line, _)| line).filter(|line| !self.done.contains(line)).collect();
        assert!(gone.is_empty(), "no document shows {gone:?} any more; take them out of the rows");
    }

    /// The words of a command, with names filled in; what is in quotes is one word.
    fn filled(&self, text: &str) -> Vec<String> {
        let fill = |word: &str| {
            let fill = |word: String, (name, value): (&String, &String)| word.replace(&format!("{{{name}}}"), value);
            let word = self.names.iter().fold(word.to_owned(), fill);
            assert!(!word.contains(['{', '}']), "there is no {word} yet");
            word
        };
        words(text).map(fill).collect()
    }

    /// Runs a command of somebody to its end, or, if it is to run for ever, until it is ready. Gives its last object.
    async fn atoll(&self, who: &str, words: &[String]) -> Value {
        let actor: &Actor = match who {
            "publisher" => &self.market.publisher,
            "provider" => &self.market.provider,
            "buyer" => &self.market.buyer,
            _ => panic!("there is no {who}"),
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_atoll"));
        command.args(words).args(["--json", "--server", actor.server_url(), "--rpc-url", actor.rpc_url()]);
        if !words.iter().any(|word| word == "--home") {
            command.arg("--home").arg(actor.home());
        }
        if words.starts_with(&["provider".to_owned(), "run".to_owned()]) {
            return serde_json::from_str(&until_ready(command, |line| line.contains("\"provider\"")).await).unwrap();
        }
        let output = command.stdin(Stdio::null()).output().await.unwrap();
        assert!(output.status.success(), "`atoll {}`: {output:?}", words.join(" "));
        let said = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(said.lines().last().unwrap()).unwrap()
    }

    async fn server(&self, words: &[String]) -> Value {
        let mut command = Command::new(repository::binary("atoll-server").unwrap());
        command.args(words).env("DATABASE_URL", self.market.database_url()).env("ETH_RPC_URL", self.market.rpc_url());
        if words[0] == "serve" {
            std::fs::create_dir(format!("{}/stored", self.names["dir"])).unwrap();
            until_ready(command, |line| line.starts_with("listening on ")).await;
        } else {
            let output = command.output().await.unwrap();
            assert!(output.status.success(), "{output:?}");
        }
        Value::Null
    }
}

/// Starts a program that runs for ever, waits for the line that says that it is ready, and ends it as a supervisor would.
async fn until_ready(mut command: Command, ready: impl Fn(&str) -> bool) -> String {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let found = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let line = lines.next_line().await.unwrap().expect("it ended before it was ready");
            if ready(&line) {
                return line;
            }
        }
    });
    let found = found.await.expect("it is not ready after a minute");
    let id = rustix::process::Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    let status = child.wait().await.unwrap();
    assert!(status.success(), "asked to stop, it ended with {status}");
    found
}
