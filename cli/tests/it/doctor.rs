//! `atoll doctor`: a sound market is found sound, and whatever is broken is named.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Output};

use alloy::primitives::{Address, B256, U256};
use atoll_devnet::{Actor, Market, Options, repository};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

/// Everything that the doctor found.
struct Diagnosis {
    code: i32,
    answer: Value,
}

impl Diagnosis {
    fn finding(&self, name: &str) -> Option<&Value> {
        self.answer["findings"].as_array().unwrap().iter().find(|finding| finding["name"] == name)
    }

    /// Asserts how one thing was found and what is said of it; what is not sound says what to do.
    #[track_caller]
    fn found(&self, name: &str, state: &str, parts: &[&str]) {
        let finding = self.finding(name).unwrap_or_else(|| panic!("no {name} in {}", self.answer));
        assert_eq!(finding["state"], state, "{finding}");
        assert_eq!(finding["mend"].is_null(), state == "ok", "{finding}");
        let said = format!("{} {}", finding["found"], finding["mend"]);
        for part in parts {
            assert!(said.contains(part), "`{part}` is not in {said}");
        }
    }

    /// Asserts that exactly these failed, that the exit code says so, and that the error names them.
    #[track_caller]
    fn fails(&self, names: &[&str]) {
        let findings = self.answer["findings"].as_array().unwrap();
        let failed: Vec<_> = findings.iter().filter(|finding| finding["state"] == "failed").collect();
        let failed: Vec<&str> = failed.iter().map(|finding| finding["name"].as_str().unwrap()).collect();
        assert_eq!(failed, names, "{}", self.answer);
        assert_eq!(self.code, if names.is_empty() { 0 } else { 9 }, "{}", self.answer);
        assert_eq!(self.answer["ok"], names.is_empty());
        for name in names {
            assert!(self.answer["error"].as_str().unwrap().contains(name), "{}", self.answer);
        }
    }
}

/// Where the doctor looks.
struct Place<'a> {
    home: &'a Path,
    server: &'a str,
    rpc: &'a str,
}

impl<'a> Place<'a> {
    fn of(actor: &'a Actor) -> Self {
        Self { home: actor.home(), server: actor.server_url(), rpc: actor.rpc_url() }
    }

    async fn output(&self, more: &[&str]) -> Output {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_atoll"));
        command.env_clear().arg("doctor").arg("--home").arg(self.home).args(more);
        command.args(["--server", self.server, "--rpc-url", self.rpc]);
        command.output().await.unwrap()
    }

    async fn doctor(&self, more: &[&str]) -> Diagnosis {
        let output = self.output(&[&["--json"], more].concat()).await;
        let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|bad| panic!("{bad}: {output:?}"));
        Diagnosis { code: output.status.code().unwrap(), answer }
    }
}

/// A file with the market's own deployment, changed.
fn deployment(market: &Market, change: impl FnOnce(&mut Value)) -> String {
    let text = fs::read(market.dir().join("deployment.json")).unwrap();
    let mut value: Value = serde_json::from_slice(&text).unwrap();
    change(&mut value);
    let path =
        market.buyer.home().join(format!("deployment-{}.json", fs::read_dir(market.buyer.home()).unwrap().count()));
    fs::write(&path, value.to_string()).unwrap();
    path.to_string_lossy().into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_market_is_found_sound() {
    let market = Market::start(Options::default()).await.unwrap();
    let buyer = Place::of(&market.buyer);
    let before = buyer.doctor(&[]).await;
    before.fails(&[]);
    before.found("registered-key", "warning", &["has no consumer key", "atoll register --purpose consumer"]);

    let registered = market.buyer.atoll(&["register"]).await.unwrap();
    assert_eq!(registered["key"], json!(market.buyer.public_key()));
    let own = deployment(&market, |_| {});
    for more in [&[][..], &["--deployment", &own]] {
        let sound = buyer.doctor(more).await;
        sound.fails(&[]);
        let names = [
            "home",
            "wallet-key",
            "identity-key",
            "server",
            "clock",
            "server-ready",
            "version",
            "deployment",
            "node",
            "chain",
            "contracts",
            "chain-clock",
            "index",
            "gas",
            "registered-key",
        ];
        let found: Vec<_> = sound.answer["findings"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
        assert_eq!(found, names);
        for name in names {
            sound.found(name, "ok", &[]);
        }
    }

    // The provider, whose runner is at work: its home tells that it is one.
    market.provider.atoll(&["register", "--purpose", "provider"]).await.unwrap();
    let trainer = repository::binary("atoll-trainer").unwrap().to_string_lossy().into_owned();
    let provider = Place::of(&market.provider).doctor(&["--deployment", &own, "--trainer", &trainer]).await;
    provider.fails(&[]);
    for (name, part) in [("sandbox", "landlock"), ("provider", "is online"), ("registered-key", "provider key")] {
        provider.found(name, "ok", &[part]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_keys_is_named() {
    let market = crate::refused::market_without_runner().await;
    let mut place = Place::of(&market.buyer);
    let nowhere = market.dir().join("nowhere");
    place.home = &nowhere;
    let diagnosis = place.doctor(&[]).await;
    diagnosis.fails(&["home"]);
    diagnosis.found("home", "failed", &["atoll keygen --home", &nowhere.to_string_lossy()]);

    let home = market.buyer.home();
    let (wallet, identity) = (home.join("wallet.key"), home.join("identity.key"));
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let place = Place::of(&market.buyer);
    mode(&wallet, 0o644);
    mode(home, 0o777);
    let diagnosis = place.doctor(&[]).await;
    diagnosis.fails(&["home", "wallet-key"]);
    diagnosis.found("wallet-key", "failed", &["mode 644", "chmod 600", &wallet.to_string_lossy()]);
    diagnosis.found("home", "failed", &["chmod 700"]);
    mode(&wallet, 0o600);
    mode(home, 0o700);

    let kept = fs::read(&identity).unwrap();
    fs::write(&identity, "c0ffee").unwrap();
    let diagnosis = place.doctor(&[]).await;
    diagnosis.fails(&["identity-key"]);
    diagnosis.found("identity-key", "failed", &["64 hex digits", "backup"]);
    assert!(!diagnosis.answer.to_string().contains("c0ffee"), "{}", diagnosis.answer);
    fs::remove_file(&identity).unwrap();
    let diagnosis = place.doctor(&[]).await;
    diagnosis.fails(&["identity-key"]);
    diagnosis.found("identity-key", "failed", &["there is no", "backup"]);
    fs::create_dir(&identity).unwrap();
    mode(&identity, 0o700);
    place.doctor(&[]).await.fails(&["identity-key"]);
    fs::remove_dir(&identity).unwrap();
    fs::write(&identity, kept).unwrap();
    mode(&identity, 0o600);
    place.doctor(&[]).await.fails(&[]);

    // Another identity than the one that others seal to.
    market.buyer.atoll(&["register"]).await.unwrap();
    fs::copy(market.publisher.home().join("identity.key"), &identity).unwrap();
    let diagnosis = place.doctor(&[]).await;
    diagnosis.found("registered-key", "warning", &[&market.buyer.public_key().to_string(), "opens nothing"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_server_node_and_contracts_is_named() {
    let mut market = crate::refused::market_without_runner().await;
    let closed = format!("http://{}", TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap());
    let own = deployment(&market, |_| {});
    let buyer = market.buyer.clone();
    let at = |server, rpc| Place { home: buyer.home(), server, rpc };
    let (server, rpc) = (buyer.server_url(), buyer.rpc_url());

    let diagnosis = at(&closed, rpc).doctor(&["--deployment", &own]).await;
    diagnosis.fails(&["server"]);
    diagnosis.found("server", "failed", &["no answer", "--server"]);
    // Without contracts to look for, the node is looked at all the same.
    let diagnosis = at(&closed, rpc).doctor(&[]).await;
    diagnosis.fails(&["server"]);
    diagnosis.found("node", "ok", &["chain 31337"]);
    at(&closed, &closed).doctor(&[]).await.fails(&["server", "node"]);
    let diagnosis = at("nonsense", "nonsense").doctor(&[]).await;
    diagnosis.fails(&["server", "node"]);
    diagnosis.found("server", "failed", &["not the address of a server"]);
    let diagnosis = at(server, &closed).doctor(&[]).await;
    diagnosis.fails(&["node"]);
    diagnosis.found("node", "failed", &["did not answer", "--rpc-url"]);

    let other = deployment(&market, |file| file["chain_id"] = json!(1));
    let diagnosis = at(server, rpc).doctor(&["--deployment", &other]).await;
    diagnosis.fails(&["deployment", "chain"]);
    diagnosis.found("chain", "failed", &["chain 31337", "chain 1"]);
    diagnosis.found("deployment", "failed", &["the chain id is 1 in the file", "do not pay"]);

    let nobody = Address::repeat_byte(7).to_string();
    let empty = deployment(&market, |file| file["market"] = json!(nobody));
    let diagnosis = at(server, rpc).doctor(&["--deployment", &empty]).await;
    diagnosis.fails(&["deployment", "contracts"]);
    diagnosis.found("contracts", "failed", &["no contract at", &nobody, "the market"]);
    // Contracts, and not the right ones.
    let replaced = deployment(&market, |file| file["code_hashes"]["orders"] = json!(B256::repeat_byte(7)));
    let diagnosis = at(server, rpc).doctor(&["--deployment", &replaced]).await;
    diagnosis.fails(&["contracts"]);
    diagnosis.found("contracts", "failed", &["the orders", "is not what the deployment file says", "another network"]);
    let run = ["provider", "run", "--deployment", &replaced];
    let refused = crate::refused::refused(&market.provider, &run).await;
    refused.says(4, &["the code at", "is not what the deployment file says", "--rpc-url"]);
    // A file of an older deploy script says nothing of the code.
    let old = deployment(&market, |file| drop(file["code_hashes"].take()));
    at(server, rpc).doctor(&["--deployment", &old]).await.fails(&[]);
    let swapped = deployment(&market, |file| {
        file["code_hashes"].take();
        let orders = file["orders"].take();
        file["orders"] = std::mem::replace(&mut file["market"], orders);
    });
    let diagnosis = at(server, rpc).doctor(&["--deployment", &swapped]).await;
    diagnosis.fails(&["deployment", "contracts"]);
    diagnosis.found("contracts", "failed", &["does not answer as the market", "does not answer as the orders"]);
    let torn = buyer.home().join("torn.json");
    fs::write(&torn, "{").unwrap();
    at(server, rpc).doctor(&["--deployment", &torn.to_string_lossy()]).await.fails(&["deployment"]);

    // The wallet is empty; then it is mended as told.
    market.chain.rpc.call("anvil_setBalance", json!([buyer.address(), "0x1"])).await.unwrap();
    let diagnosis = at(server, rpc).doctor(&[]).await;
    diagnosis.fails(&["gas"]);
    diagnosis.found("gas", "failed", &[&buyer.address().to_string(), "send"]);
    let ether = format!("{:#x}", U256::from(10).pow(U256::from(18)));
    market.chain.rpc.call("anvil_setBalance", json!([buyer.address(), ether])).await.unwrap();
    at(server, rpc).doctor(&[]).await.fails(&[]);

    // The chain's clock runs ahead.
    market.chain.rpc.call("evm_increaseTime", json!([900])).await.unwrap();
    market.chain.rpc.call("evm_mine", json!([])).await.unwrap();
    at(server, rpc).doctor(&[]).await.found("chain-clock", "warning", &["ahead of this machine"]);

    // People see the same as programs.
    let output = at(server, &closed).output(&[]).await;
    assert_eq!(output.status.code(), Some(9));
    let (text, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("FAILED   node") && text.contains("→ check --rpc-url"), "{text}");
    assert!(error.contains("error: one thing has to be mended: node"), "{error}");

    // The server can not follow the chain any more.
    market.chain.process().unwrap().kill();
    let start = std::time::Instant::now();
    loop {
        let diagnosis = at(server, rpc).doctor(&[]).await;
        diagnosis.found("node", "failed", &["did not answer"]);
        if diagnosis.finding("server-ready").is_some_and(|ready| ready["state"] == "failed") {
            diagnosis.fails(&["server-ready", "node"]);
            diagnosis.found("server-ready", "failed", &["does not follow the chain", "operator"]);
            return;
        }
        assert!(start.elapsed().as_secs() < 90, "the server still calls itself ready: {}", diagnosis.answer);
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    }
}

/// Answers as the server does, but for what `change` makes of head and body. Gives its origin.
async fn changed(server: &str, change: fn(String, String) -> (String, String)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let server = server.to_owned();
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let mut connection = BufReader::new(connection);
            let mut request = String::new();
            while !request.ends_with("\r\n\r\n") && connection.read_line(&mut request).await.unwrap() > 0 {}
            let told = reqwest::get(format!("{server}{}", request.split(' ').nth(1).unwrap())).await.unwrap();
            let status = told.status().as_u16();
            let date = told.headers()["date"].to_str().unwrap().to_owned();
            let (date, body) = change(date, told.text().await.unwrap());
            let head =
                format!("HTTP/1.1 {status} \r\ncontent-type: application/json\r\ndate: {date}\r\nconnection: close");
            let length = if status == 204 { String::new() } else { format!("\r\ncontent-length: {}", body.len()) };
            connection.write_all(format!("{head}{length}\r\n\r\n{body}").as_bytes()).await.unwrap();
        }
    });
    origin
}

#[tokio::test(flavor = "multi_thread")]
async fn another_time_another_version_and_an_index_behind_are_named() {
    let market = crate::refused::market_without_runner().await;
    let late = changed(market.server_url(), |_, body| ("Sun, 06 Nov 1994 08:49:37 GMT".to_owned(), body)).await;
    let place = |server| Place { server, ..Place::of(&market.buyer) };
    let diagnosis = place(&late).doctor(&[]).await;
    diagnosis.fails(&["clock"]);
    diagnosis.found("clock", "failed", &["ahead of the server", "set the clock"]);

    let newer = changed(market.server_url(), |date, body| {
        (date, body.replace("\"version\":\"0.1.0\"", "\"version\":\"9.9.9\""))
    })
    .await;
    let diagnosis = place(&newer).doctor(&[]).await;
    diagnosis.fails(&[]);
    diagnosis.found("version", "warning", &["the server is 9.9.9", env!("CARGO_PKG_VERSION"), "install"]);

    market.chain.rpc.call("anvil_mine", json!(["0x14"])).await.unwrap();
    let behind = changed(market.server_url(), |date, body| match body.split_once("\"indexed_block\":") {
        Some((before, _)) => (date, format!("{before}\"indexed_block\":1}}")),
        None => (date, body),
    })
    .await;
    let diagnosis = place(&behind).doctor(&[]).await;
    diagnosis.found("index", "warning", &["has read 1 blocks of", "operator"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_provider_lacks_is_named() {
    let mut market = Market::start(Options::default()).await.unwrap();
    let own = deployment(&market, |_| {});
    let trainer = repository::binary("atoll-trainer").unwrap().to_string_lossy().into_owned();
    let publisher = Place::of(&market.publisher);
    let diagnosis = publisher.doctor(&["--provider", "--trainer", &trainer]).await;
    diagnosis.fails(&["deployment"]);
    diagnosis.found("deployment", "failed", &["--deployment FILE", "insists"]);
    diagnosis.found("provider", "warning", &["has never seen", "atoll provider run"]);
    diagnosis.found("registered-key", "warning", &["has no provider key", "--purpose provider"]);

    // A program that is no trainer, and none at all.
    for (bad, part) in [("/bin/true", "worker"), ("/nowhere/atoll-trainer", "/nowhere/atoll-trainer")] {
        let diagnosis = publisher.doctor(&["--provider", "--deployment", &own, "--trainer", bad]).await;
        diagnosis.fails(&["sandbox"]);
        diagnosis.found("sandbox", "failed", &[part]);
    }

    // The running provider has another key than this home.
    let (home, kept) = (market.provider.home().to_owned(), market.dir().join("kept.key"));
    fs::rename(home.join("identity.key"), &kept).unwrap();
    fs::copy(market.publisher.home().join("identity.key"), home.join("identity.key")).unwrap();
    let provider = market.provider.clone();
    let look = async || Place::of(&provider).doctor(&["--deployment", &own, "--trainer", &trainer]).await;
    let diagnosis = look().await;
    diagnosis.fails(&["provider"]);
    diagnosis.found("provider", "failed", &[&provider.public_key().to_string(), "not with this home's"]);
    fs::rename(&kept, home.join("identity.key")).unwrap();

    market.runners[0].kill();
    let start = std::time::Instant::now();
    loop {
        let diagnosis = look().await;
        diagnosis.fails(&[]);
        if diagnosis.finding("provider").is_some_and(|finding| finding["state"] == "warning") {
            return diagnosis.found("provider", "warning", &["was last seen at", "atoll provider run"]);
        }
        assert!(start.elapsed().as_secs() < 120, "{}", diagnosis.answer);
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    }
}
