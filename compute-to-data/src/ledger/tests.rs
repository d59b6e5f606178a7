use std::{process::Command, sync::Barrier};

use super::*;

const POLICY: PrivacyPolicy =
    PrivacyPolicy { delta: 1e-5, epsilon_per_job: 3.0, epsilon_per_buyer: 6.0, epsilon_total: 12.0 };

fn asset(number: u64) -> AssetId {
    format!("eip155:31337/erc721:0x5FbDB2315678afecb367f032d93F642f64180aa3/{number}").parse().unwrap()
}

fn buyer(number: u8) -> Address {
    Address::repeat_byte(number)
}

/// A job of a buyer's on one data set; each number is another computation.
fn job(number: u64, buyer: Address, policy: PrivacyPolicy, curve: RenyiCurve) -> Spending {
    let name = B256::left_padding_from(&number.to_be_bytes());
    Spending { order: name, noise: name, buyer, assets: vec![(asset(1), Some(policy))], curve }
}

fn gaussian() -> RenyiCurve {
    RenyiCurve::gaussian(3.0)
}

/// A policy under which exactly `jobs` such curves fit.
fn room(jobs: u32, curve: &RenyiCurve) -> PrivacyPolicy {
    let mut sum = RenyiCurve::default();
    (0..jobs).for_each(|_| sum += curve);
    let fits = sum.epsilon(POLICY.delta) * (1.0 + 1e-12);
    PrivacyPolicy { epsilon_per_buyer: fits, epsilon_total: fits, ..POLICY }
}

fn lines(directory: &Path) -> Vec<String> {
    std::fs::read_to_string(directory.join(FILE)).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn what_was_spent_is_on_disk_and_counts_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let policy = room(2, &gaussian());
    let head = Ledger::open(directory.path()).unwrap().spend(&job(1, buyer(1), policy, gaussian()), 5).unwrap();
    let ledger = Ledger::open(directory.path()).unwrap();
    assert_eq!(ledger.spent().unwrap().1, head);
    let second = ledger.spend(&job(2, buyer(1), policy, gaussian()), 6).unwrap();
    assert_ne!(second, head);
    let refused = ledger.spend(&job(3, buyer(1), policy, gaussian()), 7).unwrap_err();
    assert!(refused.to_string().contains("does not suffice"), "{refused}");
    // Each line has the hash of the one before; the head is that of the last.
    let lines = lines(directory.path());
    assert_eq!(lines.len(), 2);
    let hash = |line: &str| B256::from_slice(&Sha256::digest(line));
    assert_eq!((hash(&lines[0]), hash(&lines[1])), (head, second));
    assert_eq!(serde_json::from_str::<Entry>(&lines[1]).unwrap().previous, head);
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(directory.path().join(FILE)).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_budget_of_a_buyer_is_apart_from_that_of_all() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(directory.path()).unwrap();
    let (one, three) = (room(1, &gaussian()), room(3, &gaussian()));
    let policy = PrivacyPolicy { epsilon_total: three.epsilon_total, ..one };
    ledger.spend(&job(1, buyer(1), policy, gaussian()), 1).unwrap();
    let own = ledger.spend(&job(2, buyer(1), policy, gaussian()), 1).unwrap_err().to_string();
    assert!(own.starts_with("your privacy budget"), "{own}");
    ledger.spend(&job(3, buyer(2), policy, gaussian()), 1).unwrap();
    ledger.spend(&job(4, buyer(3), policy, gaussian()), 1).unwrap();
    let all = ledger.spend(&job(5, buyer(4), policy, gaussian()), 1).unwrap_err().to_string();
    assert!(all.starts_with("the privacy budget"), "{all}");
    // Another data set has a budget of its own; one that asks for none is written down all the same.
    let mut other = job(6, buyer(4), policy, gaussian());
    other.assets = vec![(asset(2), Some(policy)), (asset(3), None)];
    ledger.spend(&other, 1).unwrap();
    let (spent, _) = ledger.spent().unwrap();
    let jobs = |asset, buyer| spent.iter().find(|s| s.asset == asset && s.buyer == buyer).map(|s| s.jobs);
    assert_eq!((jobs(asset(1), None), jobs(asset(1), Some(buyer(1)))), (Some(3), Some(1)));
    assert_eq!((jobs(asset(3), None), jobs(asset(1), Some(buyer(4)))), (Some(1), None));
}

#[test]
fn a_job_on_several_data_sets_spends_of_all_or_of_none() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(directory.path()).unwrap();
    let (one, two) = (room(1, &gaussian()), room(2, &gaussian()));
    ledger.spend(&job(1, buyer(1), one, gaussian()), 1).unwrap();
    let mut both = job(2, buyer(1), one, gaussian());
    both.assets = vec![(asset(2), Some(two)), (asset(1), Some(one))];
    ledger.spend(&both, 1).unwrap_err();
    assert_eq!(lines(directory.path()).len(), 1);
    both.assets = vec![(asset(2), Some(two))];
    ledger.spend(&both, 1).unwrap();
}

#[test]
fn the_same_computation_costs_once_however_often_it_is_run() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(directory.path()).unwrap();
    let policy = room(1, &gaussian());
    let head = ledger.spend(&job(1, buyer(1), policy, gaussian()), 1).unwrap();
    assert_eq!(ledger.spend(&job(1, buyer(1), policy, gaussian()), 2).unwrap(), head);
    let again = Ledger::open(directory.path()).unwrap();
    assert_eq!(again.spend(&job(1, buyer(1), policy, gaussian()), 3).unwrap(), head);
    assert_eq!(lines(directory.path()).len(), 1);
}

#[test]
fn a_thousand_concurrent_debits_for_a_hundred_units_give_a_hundred() {
    let directory = tempfile::tempdir().unwrap();
    let policy = room(100, &gaussian());
    // Runners of their own on one file, and threads of each.
    let ledgers: Vec<Ledger> = (0..4).map(|_| Ledger::open(directory.path()).unwrap()).collect();
    let (threads, each) = (20, 50);
    let start = Barrier::new(threads);
    let granted: usize = std::thread::scope(|scope| {
        let work = |thread: usize| {
            let (ledger, start) = (&ledgers[thread % ledgers.len()], &start);
            move || {
                start.wait();
                let numbers = (thread * each..(thread + 1) * each).map(|number| number as u64);
                numbers.filter(|number| ledger.spend(&job(*number, buyer(1), policy, gaussian()), 1).is_ok()).count()
            }
        };
        let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(work(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(granted, 100);
    assert_eq!(lines(directory.path()).len(), 100);
    let (spent, _) = Ledger::open(directory.path()).unwrap().spent().unwrap();
    let all = spent.iter().find(|spent| spent.buyer.is_none()).unwrap();
    assert!(all.jobs == 100 && all.curve.epsilon(policy.delta) <= policy.epsilon_total);
}

#[test]
fn a_ledger_that_somebody_changed_is_not_used() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE);
    let ledger = Ledger::open(directory.path()).unwrap();
    for number in 1..=3 {
        ledger.spend(&job(number, buyer(1), room(9, &gaussian()), gaussian()), 1).unwrap();
    }
    let sound = lines(directory.path());
    let broken = |lines: &[&str]| {
        std::fs::write(&path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        match Ledger::open(directory.path()) {
            Err(LedgerError::Broken { line }) => Some(line),
            Ok(_) => None,
            Err(other) => panic!("{other}"),
        }
    };
    let [a, b, c] = [&*sound[0], &*sound[1], &*sound[2]];
    assert_eq!(broken(&[a, c]), Some(2), "a line is missing");
    assert_eq!(broken(&[b, c]), Some(1), "the first is missing");
    assert_eq!(broken(&[a, c, b]), Some(2), "another order");
    assert_eq!(broken(&[a, b, b, c]), Some(3), "a line twice");
    assert_eq!(broken(&[a, &b.replace("\"at\":1", "\"at\":2"), c]), Some(3), "a line was changed");
    assert_eq!(broken(&[a, "{}", c]), Some(2), "no entry");
    assert_eq!(broken(&[a, b, c]), None);
    // Lines that are taken away while it is open.
    let ledger = Ledger::open(directory.path()).unwrap();
    std::fs::write(&path, format!("{a}\n")).unwrap();
    assert!(matches!(ledger.spend(&job(9, buyer(1), POLICY, gaussian()), 1), Err(LedgerError::Broken { .. })));
}

#[test]
fn a_line_that_was_cut_short_never_counted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE);
    let policy = room(2, &gaussian());
    Ledger::open(directory.path()).unwrap().spend(&job(1, buyer(1), policy, gaussian()), 1).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for cut in [1, 10, whole.len() - 1] {
        std::fs::write(&path, [&whole[..], &whole[..cut]].concat()).unwrap();
        let ledger = Ledger::open(directory.path()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), whole, "cut at {cut}");
        assert_eq!(ledger.spent().unwrap().0.len(), 2);
    }
    Ledger::open(directory.path()).unwrap().spend(&job(2, buyer(1), policy, gaussian()), 1).unwrap();
    assert_eq!(lines(directory.path()).len(), 2);
}

#[test]
fn what_is_infinite_is_written_and_read_as_such() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(directory.path()).unwrap();
    let mut values = gaussian().values().to_vec();
    *values.last_mut().unwrap() = f64::INFINITY;
    let curve = RenyiCurve::from_values(&values).unwrap();
    ledger.spend(&job(1, buyer(1), POLICY, curve.clone()), 1).unwrap();
    let (spent, _) = Ledger::open(directory.path()).unwrap().spent().unwrap();
    assert!(spent.iter().all(|spent| spent.curve == curve));
}

/// What a killed runner used of the data is at most what the ledger says: a child spends, then marks that it read the data, over
/// and over, and is killed at a random point. `ATOLL_KILLS` says how often; the long profile has 200.
#[test]
fn never_less_is_spent_than_used_whenever_a_runner_is_killed() {
    const CHILD: &str = "ATOLL_LEDGER_CHILD";
    let policy = PrivacyPolicy { epsilon_per_buyer: f64::MAX, epsilon_total: f64::MAX, ..POLICY };
    if let Some(directory) = std::env::var_os(CHILD) {
        let ledger = Ledger::open(Path::new(&directory)).unwrap();
        let mut used = OpenOptions::new().append(true).create(true).open(Path::new(&directory).join("used")).unwrap();
        let start = ledger.spent().unwrap().0.first().map_or(0, |spent| spent.jobs);
        for number in start.. {
            ledger.spend(&job(number, buyer(1), policy, RenyiCurve::gaussian(1e4)), 1).unwrap();
            used.write_all(b"x").unwrap();
        }
    }
    let kills: u64 = std::env::var("ATOLL_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(10);
    let directory = tempfile::tempdir().unwrap();
    let mut spent = 0;
    for kill in 0..kills {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "ledger::tests::never_less_is_spent_than_used_whenever_a_runner_is_killed"])
            .env(CHILD, directory.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // Any moment of a line's life: they last a few hundred microseconds.
        std::thread::sleep(std::time::Duration::from_micros(30_000 + 7_919 * kill % 15_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let used = std::fs::read(directory.path().join("used")).unwrap_or_default().len() as u64;
        let ledger = Ledger::open(directory.path()).unwrap();
        spent = ledger.spent().unwrap().0.first().map_or(0, |spent| spent.jobs);
        assert!(spent >= used, "after kill {kill}: {spent} spent, {used} used");
    }
    assert!(spent > 0, "nothing was ever spent");
}
