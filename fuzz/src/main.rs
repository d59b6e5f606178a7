//! LLVM's libFuzzer over one of the targets, which `ATOLL_FUZZ_TARGET` names. `cargo dev fuzz` builds and starts it.
#![no_main]

use std::sync::OnceLock;

use atoll_fuzz::{Target, target};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Address space for the fuzzer, its corpus and a target. Who asks for much because bytes say so gets nothing, and aborts.
const MEMORY: u64 = 2 << 30;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    static CHOSEN: OnceLock<Target> = OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| {
        let maximum = getrlimit(Resource::As).maximum;
        setrlimit(Resource::As, Rlimit { current: Some(MEMORY), maximum }).expect("a limit can be lowered");
        let name = std::env::var("ATOLL_FUZZ_TARGET").expect("ATOLL_FUZZ_TARGET names the target");
        target(&name).expect("ATOLL_FUZZ_TARGET is one of the targets")
    });
    chosen(bytes);
});
