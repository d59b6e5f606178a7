//! Features of the kernel that a provider's machine may lack, each taken away in turn: nothing is run without it, and it is
//! said which.

#![allow(unsafe_code)] // A filter can be put on a program only between fork and exec.

use std::{collections::BTreeMap, io, path::Path, process::Output};

use atoll_devnet::{Market, Options, repository, sample};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Is, SeccompCondition as Condition,
    SeccompFilter, SeccompRule,
};
use serde_json::Value;

use crate::refused::text;

/// What a kernel lacks, how it shows, and what is said of it.
struct Lack {
    name: &'static str,
    call: libc::c_long,
    /// Only with such an argument: its place and what it has to be.
    argument: Option<(u8, Is, u64)>,
    said: &'static str,
}

fn call(name: &'static str, call: libc::c_long, said: &'static str) -> Lack {
    Lack { name, call, argument: None, said }
}

fn namespace(name: &'static str, kind: libc::c_int) -> Lack {
    let kind = kind as u64;
    Lack { name, call: libc::SYS_unshare, argument: Some((0, Is::MaskedEq(kind), kind)), said: "namespaces" }
}

fn control(name: &'static str, option: libc::c_int, said: &'static str) -> Lack {
    Lack { name, call: libc::SYS_prctl, argument: Some((0, Is::Eq, option as u64)), said }
}

fn lacks() -> Vec<Lack> {
    vec![
        namespace("user namespaces", libc::CLONE_NEWUSER),
        namespace("mount namespaces", libc::CLONE_NEWNS),
        namespace("pid namespaces", libc::CLONE_NEWPID),
        namespace("network namespaces", libc::CLONE_NEWNET),
        namespace("ipc namespaces", libc::CLONE_NEWIPC),
        namespace("uts namespaces", libc::CLONE_NEWUTS),
        namespace("cgroup namespaces", libc::CLONE_NEWCGROUP),
        call("mount", libc::SYS_mount, "root"),
        call("pivot_root", libc::SYS_pivot_root, "root"),
        call("landlock rule sets", libc::SYS_landlock_create_ruleset, "landlock"),
        call("landlock for oneself", libc::SYS_landlock_restrict_self, "landlock"),
        call("seccomp", libc::SYS_seccomp, "seccomp"),
        call("capset", libc::SYS_capset, "capabilities"),
        control("a bounding set", libc::PR_CAPBSET_DROP, "capabilities"),
        control("securebits", libc::PR_SET_SECUREBITS, "capabilities"),
        control("ambient capabilities", libc::PR_CAP_AMBIENT, "capabilities"),
        control("no_new_privs", libc::PR_SET_NO_NEW_PRIVS, "identity"),
        control("death with the parent", libc::PR_SET_PDEATHSIG, "could not be started"),
        call("close_range", libc::SYS_close_range, "could not be started"),
        call("limits of resources", libc::SYS_prlimit64, "could not be started"),
        call("pidfds", libc::SYS_pidfd_open, "could not be started"),
        call("signals by pidfd", libc::SYS_pidfd_send_signal, "could not be started"),
    ]
}

/// The filter that answers as a kernel without it does.
fn filter(lack: &Lack) -> BpfProgram {
    let rules = lack.argument.iter().map(|(place, is, value)| {
        let condition = Condition::new(*place, Length::Qword, is.clone(), *value).unwrap();
        SeccompRule::new(vec![condition]).unwrap()
    });
    let rules = BTreeMap::from([(lack.call, rules.collect())]);
    let missing = SeccompAction::Errno(libc::ENOSYS as u32);
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    SeccompFilter::new(rules, SeccompAction::Allow, missing, architecture).unwrap().try_into().unwrap()
}

async fn without(lack: Option<&Lack>, market: &Market, arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_atoll"));
    command.args(arguments).args(["--server", market.server_url(), "--rpc-url", market.rpc_url(), "--home"]);
    command.arg(market.provider.home()).kill_on_drop(true);
    if let Some(filter) = lack.map(filter) {
        // SAFETY: between fork and exec, it makes two system calls on memory that was filled before.
        unsafe {
            command.pre_exec(move || {
                seccompiler::apply_filter(&filter).map_err(|_| io::Error::from_raw_os_error(libc::EPERM))
            });
        }
    }
    command.output().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_one_feature_of_the_kernel_no_job_runs_and_it_is_said_which() {
    let mut market = Market::start(Options { runner: false, ..Options::default() }).await.unwrap();
    let published = sample::publish(&market).await.unwrap();
    let spec =
        sample::spec(&market.buyer, text(&published, "asset"), |spec| spec["training"]["epochs"] = 3.into()).unwrap();
    let file = spec.to_string_lossy();
    let arguments = ["buy", text(&published, "asset"), "--spec", &file, "--even-if-offline"];
    let bought = market.buyer.atoll(&arguments).await.unwrap();
    let submitted = market.buyer.atoll(&["job", "submit", "--order", text(&bought, "order"), "--spec", &file]).await;
    let job = text(&submitted.unwrap(), "job").to_owned();

    let trainer = repository::binary("atoll-trainer").unwrap();
    let deployment = market.dir().join("deployment.json");
    let parts = |path: &Path| path.to_string_lossy().into_owned();
    let (trainer, deployment) = (parts(&trainer), parts(&deployment));
    let doctor = ["doctor", "--json", "--provider", "--trainer", &trainer, "--deployment", &deployment];
    let run = ["provider", "run", "--json", "--trainer", &trainer, "--deployment", &deployment];
    let sandbox = |output: &Output| -> Value {
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        let findings = answer["findings"].as_array().unwrap();
        findings.iter().find(|finding| finding["name"] == "sandbox").unwrap().clone()
    };
    let whole = sandbox(&without(None, &market, &doctor).await);
    assert_eq!(whole["state"], "ok", "{whole}");
    for lack in lacks() {
        let name = lack.name;
        let found = sandbox(&without(Some(&lack), &market, &doctor).await);
        assert_eq!(found["state"], "failed", "{name}: {found}");
        assert!(found["found"].as_str().unwrap().contains(lack.said), "{name}: {found}");
        let refused = without(Some(&lack), &market, &run).await;
        assert_eq!(refused.status.code(), Some(8), "{name}: {refused:?}");
        let said = [refused.stdout, refused.stderr].concat();
        assert!(String::from_utf8_lossy(&said).contains(lack.said), "{name}: {}", String::from_utf8_lossy(&said));
    }
    let jobs = market.buyer.atoll(&["job", "list"]).await.unwrap();
    assert_eq!((text(&jobs["jobs"][0], "id"), text(&jobs["jobs"][0], "status")), (job.as_str(), "queued"));
    assert_eq!(jobs["jobs"][0]["attempts"].as_u64().unwrap_or(0), 0, "{jobs}");
    // The same machine with everything.
    market.add_runner().await.unwrap();
    let ended = market.buyer.atoll(&["job", "watch", &job]).await.unwrap();
    assert_eq!(ended["status"], "completed");
}
