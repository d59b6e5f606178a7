//! A thousand numbers that are nowhere else, planted in a data set: whatever becomes of the jobs on it, none of them is seen
//! outside the worker.

use std::{
    fs,
    io::{Read, Seek, SeekFrom},
    path::Path,
    time::{Duration, Instant},
};

use atoll_devnet::{
    Actor, Error, Market, Options,
    actor::field,
    process::{self, descendants},
    sample,
    scan::{Found, Needles},
};
use serde_json::{Value, json};

const CANARIES: usize = 1_000;

/// A table of canaries, and which half of the numbers each is from.
fn table() -> String {
    let mut state = 0x243f_6a88_85a3_08d3_u64;
    let mut csv = "canary,half\n".to_owned();
    for _ in 0..CANARIES {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let canary = (state >> 11) as f64 / (1_u64 << 53) as f64;
        csv.push_str(&format!("{canary:.15},{}\n", if canary < 0.5 { "low" } else { "high" }));
    }
    csv
}

fn spec(asset: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut spec = json!({
        "version": 1, "task": "binary_classification",
        "data": {"asset": asset, "features": ["canary"], "target": "half"},
        "layers": [{"kind": "linear", "units": 2}], "loss": "cross_entropy",
        "optimizer": {"kind": "adam", "learning_rate": 0.05}, "training": {"epochs": 30, "batch_size": 32, "seed": 1},
        "split": {"test_fraction": 0.25, "seed": 1}, "limits": {"max_seconds": 120, "max_memory_mib": 256},
    });
    change(&mut spec);
    spec
}

/// A job that goes on for long.
fn long(spec: &mut Value) {
    spec["layers"] = json!([{"kind": "linear", "units": 256}, {"kind": "relu"}, {"kind": "linear", "units": 2}]);
    spec["training"] = json!({"epochs": 5_000, "batch_size": 16, "seed": 2});
}

async fn submit(buyer: &Actor, asset: &str, name: &str, change: impl FnOnce(&mut Value)) -> String {
    let file = buyer.home().join(format!("{name}.json"));
    fs::write(&file, spec(asset, change).to_string()).unwrap();
    field(&sample::order(buyer, asset, &file).await.unwrap().1, "job").unwrap()
}

/// Waits for a job's end, whichever it is; gives all that was said.
async fn ended(buyer: &Actor, job: &str) -> String {
    let mut said = String::new();
    match buyer.follow(&["job", "watch", job], |event| said.push_str(&event.to_string())).await {
        Ok(end) => said.push_str(&end.to_string()),
        Err(Error::Atoll { message, .. }) => said.push_str(&message),
        Err(other) => panic!("{other}"),
    }
    said
}

/// Waits until a job trains.
async fn trains(buyer: &Actor, job: &str) {
    let mut watch = buyer.start(&["job", "watch", job]).unwrap();
    let epoch = |line: &str| serde_json::from_str::<Value>(line).ok()?["progress"]["epoch"].as_u64();
    watch.ready(Duration::from_secs(60), epoch).await.unwrap();
}

/// What a process holds in memory that it can write.
fn look_in_memory(pid: u32, name: &str, needles: &Needles, found: &mut Found) -> u64 {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut memory = fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut seen = 0;
    for line in maps.lines().filter(|line| line.contains(" rw") && !line.contains("[vvar")) {
        let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        let (start, end) = (u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
        let mut piece = vec![0; usize::try_from(end - start).unwrap().min(64 << 20)];
        // A mapping may have gone meanwhile.
        if memory.seek(SeekFrom::Start(start)).is_ok() && memory.read_exact(&mut piece).is_ok() {
            needles.look(name, &piece, found);
            seen += piece.len() as u64;
        }
    }
    seen
}

/// Core files, wherever this machine's kernel would write them; a piped one has no file.
fn cores() -> Vec<std::path::PathBuf> {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    let pattern = Path::new(pattern.trim());
    let here = std::env::current_dir().unwrap();
    let dir = if pattern.is_absolute() { pattern.parent().unwrap() } else { &here };
    let named = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with("core");
    fs::read_dir(dir).into_iter().flatten().flatten().filter(named).map(|entry| entry.path()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_canaries_none_is_seen_outside_the_worker() {
    let before = cores();
    let mut market =
        Market::start(Options { lease: Some(Duration::from_secs(3)), ..Options::default() }).await.unwrap();
    // The publisher's own files are elsewhere.
    let own = tempfile::tempdir().unwrap();
    let (table_file, columns) = (own.path().join("canaries.csv"), own.path().join("columns.json"));
    let csv = table();
    fs::write(&table_file, &csv).unwrap();
    let declared = json!([
        {"name": "canary", "type": {"kind": "number", "min": 0.0, "max": 1.0}},
        {"name": "half", "type": {"kind": "category", "values": ["low", "high"]}},
    ]);
    fs::write(&columns, declared.to_string()).unwrap();
    let (wallet, key) = (market.provider.address().to_string(), market.provider.public_key().to_string());
    let token = market.test_dollar().to_string();
    let published = market
        .publisher
        .atoll(&[
            "publish",
            &table_file.to_string_lossy(),
            "--columns",
            &columns.to_string_lossy(),
            "--name",
            "Canaries",
            "--license",
            "CC0-1.0",
            "--exact",
            "--price",
            "1",
            "--payment-token",
            &token,
            "--provider-wallet",
            &wallet,
            "--provider-key",
            &key,
        ])
        .await
        .unwrap();
    let asset: String = field(&published, "asset").unwrap();
    let needles = Needles::of_table(&csv, "");
    assert_eq!(needles.len(), CANARIES);
    let mut found = Found::default();
    let mut said = String::new();

    // One that ends well, and is opened.
    let job = submit(&market.buyer, &asset, "completed", |_| {}).await;
    said += &ended(&market.buyer, &job).await;
    let result = market.buyer.home().join("result");
    said += &market.buyer.atoll(&["job", "fetch", &job, "--out", &result.to_string_lossy()]).await.unwrap().to_string();
    assert!(said.contains("completed") && said.contains("accuracy"), "{said}");
    // One that fails in the middle.
    let job = submit(&market.buyer, &asset, "failed", |spec| {
        spec["task"] = json!("regression");
        spec["loss"] = json!("mean_squared_error");
        spec["data"] = json!({"asset": asset, "features": ["half"], "target": "canary"});
        spec["layers"] = json!([{"kind": "linear", "units": 1}]);
        spec["optimizer"] = json!({"kind": "sgd", "learning_rate": 100.0});
    })
    .await;
    let failed = ended(&market.buyer, &job).await;
    assert!(failed.contains("diverged"), "{failed}");
    said += &failed;
    // One whose worker crashes as it would with a bug, twice; what other processes hold meanwhile is looked at.
    let job = submit(&market.buyer, &asset, "crashed", long).await;
    trains(&market.buyer, &job).await;
    let runner = market.runners[0].process().pid();
    let mut memory = look_in_memory(runner, "the runner's memory", &needles, &mut found);
    memory += look_in_memory(market.server.process().pid(), "the server's memory", &needles, &mut found);
    assert!(memory > 1 << 20, "no memory was looked at");
    let until = Instant::now() + Duration::from_secs(60);
    for signal in ["ABRT", "KILL"] {
        // The relay, and then a worker: as the first process of its namespace it takes no other signal from outside.
        let workers = loop {
            match descendants(runner) {
                both if both.len() == 2 => break both,
                _ => assert!(Instant::now() < until, "there is no worker"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        // Until it has the data.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let victim = if signal == "ABRT" { workers[0] } else { workers[1] };
        std::process::Command::new("kill").args(["-s", signal, &victim.to_string()]).status().unwrap();
        while descendants(runner).iter().any(|pid| workers.contains(pid)) {
            assert!(Instant::now() < until, "the worker lives on");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let crashed = ended(&market.buyer, &job).await;
    assert!(crashed.contains("without an answer"), "{crashed}");
    said += &crashed;
    // One that is cancelled, and one whose runner dies with it.
    let job = submit(&market.buyer, &asset, "cancelled", long).await;
    trains(&market.buyer, &job).await;
    market.buyer.atoll(&["job", "cancel", &job]).await.unwrap();
    said += &ended(&market.buyer, &job).await;
    let job = submit(&market.buyer, &asset, "orphaned", long).await;
    trains(&market.buyer, &job).await;
    process::kill(market.runners[0].process().pid());
    tokio::time::sleep(Duration::from_millis(500)).await;

    // Everything that the API says of it, and everything that anybody wrote.
    needles.look("what the command line said", said.as_bytes(), &mut found);
    let id = asset.rsplit('/').next().unwrap();
    let paths = ["", "/history", "/statistics"].map(|part| format!("/v1/assets/{id}{part}"));
    for path in paths.iter().map(String::as_str).chain(["/v1/assets", "/v1/market"]) {
        let body = reqwest::get(format!("{}{path}", market.server_url())).await.unwrap().bytes().await.unwrap();
        needles.look(path, &body, &mut found);
    }
    needles.look_in_database(&market.database_url(), &mut found).await.unwrap();
    needles.look_at_chain(&market, &mut found).await.unwrap();
    market.checkpoint().await.unwrap();
    needles.look_below(market.dir(), &[], &mut found).unwrap();
    for core in cores().into_iter().filter(|core| !before.contains(core)) {
        needles.look(&core.to_string_lossy(), &fs::read(&core).unwrap_or_default(), &mut found);
    }
    assert!(found.bytes > 10 << 20, "hardly anything was looked at: {} bytes", found.bytes);
    assert!(found.cells.is_empty(), "{:?}", found.cells);

    // And the search sees what it looks for: in the publisher's file each one, in a file of the market a planted one.
    let mut control = Found::default();
    needles.look_below(own.path(), &[], &mut control).unwrap();
    assert_eq!(control.cells.len(), CANARIES);
    fs::write(market.dir().join("planted"), csv.lines().nth(500).unwrap()).unwrap();
    needles.look_below(market.dir(), &[], &mut found).unwrap();
    assert_eq!(found.cells.len(), 1);
}
