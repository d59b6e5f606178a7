//! A worker that tries to break out, for the tests of the seal. Never part of a build that is shipped.
//!
//! `probe` seals itself like the trainer; `probe --bare` does not. Lines on standard input: `seal` puts the seal on, and then
//! every line names one attempt, which is answered with `ok` (it worked) or `errno N`. An attempt that kills the process
//! answers with its end. `probe --without LAYER`, with `without LAYER` as the first line, leaves a layer out.

#![allow(unsafe_code)] // The whole point: raw system calls that a worker should not be able to make.

#[cfg(target_arch = "x86_64")]
use std::arch::asm;
use std::{
    ffi::CString,
    io::{self, BufRead, Write},
    ptr,
};

use atoll_trainer::seal;

type Step = fn() -> Result<(), seal::SealError>;

/// The steps of the second image, in their order, by the layer that leaves each out.
const STEPS: [(&str, Step); 7] = [
    ("pid namespace", seal::namespaces::demand_first),
    ("descriptors", seal::descriptors::close_rest),
    ("limits", seal::limits::apply),
    ("mount namespace and root", seal::root::empty),
    ("capabilities", seal::capabilities::drop_all),
    ("landlock", seal::restrictions::apply),
    ("seccomp", seal::syscalls::apply),
];

/// The namespaces that can be left out, by the layer's name.
const NAMESPACES: [(&str, i32); 6] = [
    ("pid namespace", libc::CLONE_NEWPID),
    ("net namespace", libc::CLONE_NEWNET),
    ("ipc namespace", libc::CLONE_NEWIPC),
    ("uts namespace", libc::CLONE_NEWUTS),
    ("cgroup namespace", libc::CLONE_NEWCGROUP),
    ("mount namespace and root", libc::CLONE_NEWNS),
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (first, second) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    let sealed_image = first == seal::WORKER_ARGUMENT;
    if first != "--bare" && !sealed_image {
        let Err(error) = relay(&second);
        eprintln!("{error}");
        std::process::exit(1);
    }
    let mut without = String::new();
    for line in io::stdin().lock().lines() {
        let line = line.expect("a line");
        if let Some(layer) = line.strip_prefix("without ") {
            layer.clone_into(&mut without);
        } else if line == "seal" {
            let mut steps = STEPS.iter().filter(|(layer, _)| sealed_image && *layer != without);
            if let Err(error) = steps.try_for_each(|(_, step)| step()) {
                eprintln!("{error}");
                std::process::exit(1);
            }
            answer("sealed");
        } else {
            match attempt(&line) {
                Ok(()) => answer("ok"),
                Err(error) => answer(&format!("errno {}", error.raw_os_error().unwrap_or(-1))),
            }
        }
    }
}

/// The first image: the trainer's own steps, but for one layer.
fn relay(without: &str) -> Result<std::convert::Infallible, seal::SealError> {
    if without != "identity" {
        seal::identity::become_nobody()?;
    }
    let kept = NAMESPACES.iter().find(|(layer, _)| *layer == without).map_or(0, |(_, kind)| *kind);
    seal::namespaces::unshare(seal::namespaces::ALL & !kept)?;
    seal::namespaces::run_worker()
}

fn answer(text: &str) {
    // One write: a sealed process has no other way to speak.
    let _ = io::stdout().lock().write_all(format!("{text}\n").as_bytes());
}

fn done(result: i64) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// A system call by number, with up to five arguments.
fn call(number: i64, arguments: &[u64]) -> io::Result<()> {
    let argument = |place: usize| arguments.get(place).copied().unwrap_or(0);
    // SAFETY: the attempts pass numbers, or addresses of memory that lives through the call.
    done(unsafe { libc::syscall(number, argument(0), argument(1), argument(2), argument(3), argument(4)) })
}

fn socket(family: i32, kind: i32, protocol: i32) -> io::Result<()> {
    call(libc::SYS_socket, &[family as u64, kind as u64, protocol as u64])
}

fn child(result: i64) -> io::Result<()> {
    if result == 0 {
        // SAFETY: the child of a fork that should not have worked ends at once.
        unsafe { libc::_exit(0) };
    }
    done(result)
}

fn map(protection: i32) -> io::Result<u64> {
    // SAFETY: a new mapping at an address of the kernel's choice.
    let address = unsafe { libc::mmap(ptr::null_mut(), 4096, protection, libc::MAP_PRIVATE | libc::MAP_ANON, -1, 0) };
    if address == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(address as u64) }
}

fn attempt(what: &str) -> io::Result<()> {
    let (name, argument) = what.split_once(' ').unwrap_or((what, ""));
    let read_write = libc::PROT_READ | libc::PROT_WRITE;
    let executable = (libc::PROT_READ | libc::PROT_EXEC) as u64;
    let path = CString::new(argument).expect("no zero byte");
    match name {
        "read" => std::fs::read(argument).map(drop),
        "list" => match std::fs::read_dir(argument)?.count() {
            0 => Err(io::Error::from_raw_os_error(libc::ENOENT)),
            _ => Ok(()),
        },
        "write" => std::fs::write(argument, "x"),
        "mkdir" => std::fs::create_dir(argument),
        "symlink" => std::os::unix::fs::symlink("/etc", argument),
        // An empty root can be entered; there has to be something in it.
        "chdir" => std::env::set_current_dir(argument).and_then(|()| std::fs::metadata("etc")).map(drop),
        // SAFETY: the path ends with zero.
        "mknod" => done(unsafe { libc::mknod(path.as_ptr(), libc::S_IFCHR | 0o600, libc::makedev(1, 5)) }.into()),
        "tcp" => std::net::TcpStream::connect("127.0.0.1:1").map(drop).or_else(|e| {
            // Refused means that a network answered.
            if e.raw_os_error() == Some(libc::ECONNREFUSED) { Ok(()) } else { Err(e) }
        }),
        "unix" => socket(libc::AF_UNIX, libc::SOCK_STREAM, 0),
        "raw" => socket(libc::AF_PACKET, libc::SOCK_RAW, 0),
        "netlink" => socket(libc::AF_NETLINK, libc::SOCK_RAW, 0),
        "vsock" => socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0),
        "socketpair" => {
            let mut pair = [0_i32; 2];
            call(libc::SYS_socketpair, &[libc::AF_UNIX as u64, libc::SOCK_STREAM as u64, 0, pair.as_mut_ptr() as u64])
        }
        "execve" => {
            let program = c"/proc/self/exe".as_ptr() as u64;
            let arguments = [program, c"--bare".as_ptr() as u64, 0];
            call(libc::SYS_execve, &[program, arguments.as_ptr() as u64, 0])
        }
        "execveat" => {
            let program = c"/bin/true".as_ptr() as u64;
            let arguments = [program, 0];
            call(libc::SYS_execveat, &[libc::AT_FDCWD as u64, program, arguments.as_ptr() as u64, 0, 0])
        }
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the child ends at once.
        "fork" => child(unsafe { libc::syscall(libc::SYS_fork) }),
        "clone-user" => {
            // SAFETY: like a fork, the child ends at once.
            child(unsafe { libc::syscall(libc::SYS_clone, libc::CLONE_NEWUSER | libc::SIGCHLD, 0, 0, 0, 0) })
        }
        "clone3" => {
            let mut arguments = [0_u64; 11];
            arguments[4] = libc::SIGCHLD as u64;
            // SAFETY: 88 bytes of clone_args(2); like a fork, the child ends at once.
            child(unsafe { libc::syscall(libc::SYS_clone3, arguments.as_mut_ptr(), 88) })
        }
        "thread" => std::thread::Builder::new().spawn(|| 7)?.join().map(drop).map_err(|_| io::Error::other("panic")),
        "threads" => {
            // Each waits for ever; the limit ends the attempt.
            for _ in 0..300 {
                std::thread::Builder::new().stack_size(16 << 10).spawn(|| {
                    loop {
                        std::thread::park()
                    }
                })?;
            }
            Ok(())
        }
        "unshare" => call(libc::SYS_unshare, &[libc::CLONE_NEWNS as u64]),
        "setns" => call(libc::SYS_setns, &[0, libc::CLONE_NEWNET as u64]),
        "mount" => {
            let (none, kind) = (c"none".as_ptr() as u64, c"tmpfs".as_ptr() as u64);
            call(libc::SYS_mount, &[none, c"/tmp".as_ptr() as u64, kind, 0, 0])
        }
        "umount" => call(libc::SYS_umount2, &[c"/".as_ptr() as u64, libc::MNT_DETACH as u64]),
        "chroot" => call(libc::SYS_chroot, &[c"/".as_ptr() as u64]),
        "pivot-root" => call(libc::SYS_pivot_root, &[c"/".as_ptr() as u64, c"/".as_ptr() as u64]),
        "ptrace" => call(libc::SYS_ptrace, &[libc::PTRACE_TRACEME as u64]),
        "process-vm-readv" => {
            let (from, mut to) = ([7_u8; 8], [0_u8; 8]);
            let local = [to.as_mut_ptr() as u64, 8];
            let remote = [from.as_ptr() as u64, 8];
            // SAFETY: one vector of 8 bytes on each side, both in this process.
            done(unsafe {
                libc::syscall(libc::SYS_process_vm_readv, libc::getpid(), local.as_ptr(), 1, remote.as_ptr(), 1, 0)
            })
        }
        "bpf" => call(libc::SYS_bpf, &[0, [0_u64; 16].as_ptr() as u64, 128]),
        "io-uring" => call(libc::SYS_io_uring_setup, &[8, [0_u64; 32].as_mut_ptr() as u64]),
        "userfaultfd" => call(libc::SYS_userfaultfd, &[1]),
        "perf-event" => {
            let mut attributes = [0_u64; 16];
            attributes[0] = 128 << 32 | 1;
            call(libc::SYS_perf_event_open, &[attributes.as_ptr() as u64, 0, u64::MAX, u64::MAX, 0])
        }
        "keyctl" => call(libc::SYS_keyctl, &[0, -3_i64 as u64, 1]),
        "open-by-handle" => call(libc::SYS_open_by_handle_at, &[0, [8_u32, 1, 0, 0].as_ptr() as u64, 0]),
        "kexec" => call(libc::SYS_kexec_load, &[0, u64::MAX, 0, 0]),
        "map-executable" => map(read_write | libc::PROT_EXEC).map(drop),
        "make-executable" => call(libc::SYS_mprotect, &[map(read_write)?, 4096, executable]),
        "pkey-executable" => call(libc::SYS_pkey_mprotect, &[map(read_write)?, 4096, executable, u64::MAX]),
        "memory" => map(read_write).map(drop),
        #[cfg(target_arch = "x86_64")]
        "int-80" => {
            let result: i64;
            // SAFETY: 20 is getpid in the 32-bit table; rbx is not touched.
            unsafe {
                asm!("int 0x80", inlateout("rax") 20_i64 => result, out("r8") _, out("r9") _, out("r10") _, out("r11") _)
            };
            if result > 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(-result as i32)) }
        }
        "x32" => call(0x4000_0000 | libc::SYS_getppid, &[]),
        "getppid" => call(libc::SYS_getppid, &[]),
        "kill-1" => call(libc::SYS_kill, &[1, 0]),
        "kill-all" => call(libc::SYS_kill, &[-1_i64 as u64, 0]),
        // SAFETY: reads a number.
        "tgkill" => call(libc::SYS_tgkill, &[std::process::id().into(), unsafe { libc::gettid() } as u64, 0]),
        "pidfd" => call(libc::SYS_pidfd_open, &[std::process::id().into(), 0]),
        "raise-limit" => {
            let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            // SAFETY: writes one limit, then reads one.
            unsafe {
                libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
                limit.rlim_cur = limit.rlim_max;
                done(libc::setrlimit(libc::RLIMIT_NOFILE, &limit).into())
            }
        }
        "setuid" => call(libc::SYS_setuid, &[0]),
        "memfd" => call(libc::SYS_memfd_create, &[c"x".as_ptr() as u64, 0]),
        "shm" => call(libc::SYS_shmget, &[0, 4096, (libc::IPC_CREAT | 0o600) as u64]),
        "mq" => {
            call(libc::SYS_mq_open, &[c"atoll-probe".as_ptr() as u64, (libc::O_CREAT | libc::O_RDWR) as u64, 0o600, 0])
        }
        "personality" => call(libc::SYS_personality, &[0x0040_0000]),
        "set-clock" => {
            let now = [0_u64; 2];
            call(libc::SYS_clock_settime, &[0, now.as_ptr() as u64])
        }
        "reboot" => call(libc::SYS_reboot, &[0xfee1_dead, 0x2812_1969, 0x0123_4567, 0]),
        "hostname" => call(libc::SYS_sethostname, &[c"x".as_ptr() as u64, 1]),
        "seccomp" => call(libc::SYS_seccomp, &[1, 0, 0]),
        "environment" => match std::env::vars_os().count() {
            0 => Err(io::Error::from_raw_os_error(libc::ENOENT)),
            _ => Ok(()),
        },
        "descriptor" => {
            let mut byte = [0_u8];
            // SAFETY: one byte of memory; nothing is read if the descriptor is closed.
            (3..64)
                .map(|fd| done(unsafe { libc::read(fd, byte.as_mut_ptr().cast(), 0) } as i64))
                .find(Result::is_ok)
                .unwrap_or_else(|| Err(io::Error::from_raw_os_error(libc::EBADF)))
        }
        "hog" => {
            let mut kept = Vec::new();
            for _ in 0..8 {
                let mut part: Vec<u8> = Vec::new();
                part.try_reserve_exact(64 << 20).map_err(|_| io::Error::from_raw_os_error(libc::ENOMEM))?;
                // One byte of each page is enough to have it, and takes little of the processor time that is limited too.
                part.spare_capacity_mut().iter_mut().step_by(4096).for_each(|byte| {
                    byte.write(1);
                });
                kept.push(part);
            }
            Ok(())
        }
        "spin" => {
            let start = std::time::Instant::now();
            let mut number = 1_u64;
            while start.elapsed() < std::time::Duration::from_secs(4) {
                number = std::hint::black_box(number.rotate_left(1));
            }
            Ok(())
        }
        "stack-overflow" => {
            deeper(&[7; 4096]);
            Ok(())
        }
        _ => panic!("no attempt of this name: {what}"),
    }
}

/// Calls itself until there is no stack left.
fn deeper(before: &[u8; 4096]) -> u8 {
    let mut here = *before;
    here[0] = here[0].wrapping_add(1);
    if std::hint::black_box(&here)[1] == 7 { deeper(&here).wrapping_add(here[0]) } else { 0 }
}
