//! What is attempted, and what it comes to under the whole seal.

use crate::scene::{
    DENIED, KILLED, Outcome,
    Outcome::{Ended, Failed},
};

/// An attempt, what it comes to under the whole seal, and whether it does no harm to try it without any.
pub(crate) type Attempt = (&'static str, Outcome, bool);

/// On the machine's files. `{here}` is a directory that every user may enter.
pub(crate) const FILES: &[Attempt] = &[
    ("read /etc/passwd", DENIED, true),
    ("read {here}/identity.key", DENIED, true),
    ("read /proc/1/environ", DENIED, true),
    ("read /proc/self/status", DENIED, true),
    ("list /", DENIED, true),
    ("list ..", DENIED, true),
    ("chdir ..", DENIED, true),
    ("write {here}/new", DENIED, true),
    ("mkdir {here}/new-directory", DENIED, true),
    ("symlink {here}/new-link", DENIED, true),
    ("mknod {here}/new-device", DENIED, true),
    ("read /dev/mem", DENIED, false),
    ("read /sys/kernel/notes", DENIED, true),
    ("write /dev/shm/atoll-probe", DENIED, false),
    ("list /proc", DENIED, true),
    ("list /dev", DENIED, true),
    ("write /x", DENIED, false),
    ("mkdir /x", DENIED, false),
    ("symlink /x", DENIED, false),
    ("mknod /x", DENIED, false),
];

/// On everything else: network, processes, kernel, memory, limits.
pub(crate) const OTHERS: &[Attempt] = &[
    ("tcp", KILLED, true),
    ("unix", KILLED, true),
    ("raw", KILLED, true),
    ("netlink", KILLED, true),
    ("vsock", KILLED, true),
    ("socketpair", KILLED, true),
    ("execve", KILLED, true),
    ("execveat", KILLED, true),
    ("fork", KILLED, true),
    ("clone-user", DENIED, true),
    ("clone3", Failed(libc::ENOSYS), true),
    ("unshare", KILLED, true),
    ("setns", KILLED, true),
    ("mount", KILLED, false),
    ("umount", KILLED, false),
    ("chroot", KILLED, true),
    ("pivot-root", KILLED, false),
    ("ptrace", KILLED, false),
    ("process-vm-readv", KILLED, true),
    ("bpf", KILLED, true),
    ("io-uring", KILLED, true),
    ("userfaultfd", KILLED, true),
    ("perf-event", KILLED, true),
    ("keyctl", KILLED, true),
    ("open-by-handle", KILLED, true),
    ("kexec", KILLED, false),
    ("map-executable", DENIED, true),
    ("make-executable", DENIED, true),
    ("pkey-executable", KILLED, true),
    ("int-80", KILLED, true),
    ("x32", DENIED, true),
    ("getppid", DENIED, true),
    ("kill-1", DENIED, true),
    ("kill-all", DENIED, true),
    ("tgkill", DENIED, true),
    ("pidfd", KILLED, true),
    ("raise-limit", DENIED, true),
    ("setuid", KILLED, true),
    ("memfd", DENIED, true),
    ("shm", DENIED, false),
    ("mq", DENIED, false),
    ("personality", KILLED, true),
    ("set-clock", KILLED, false),
    ("reboot", KILLED, false),
    ("hostname", KILLED, false),
    ("seccomp", DENIED, true),
    ("environment", Failed(libc::ENOENT), true),
    ("descriptor", Failed(libc::EBADF), true),
    ("threads", Failed(libc::EAGAIN), false),
    ("hog", Failed(libc::ENOMEM), false),
    // The kernel ends what uses its processor time up, and what runs over its stack.
    ("spin", Ended(128 + libc::SIGKILL), false),
    ("stack-overflow", Ended(128 + libc::SIGSEGV), false),
];

/// All that this processor has a way to try.
pub(crate) fn all() -> impl Iterator<Item = &'static Attempt> {
    FILES
        .iter()
        .chain(OTHERS)
        .filter(|(what, ..)| cfg!(target_arch = "x86_64") || !["fork", "int-80", "x32"].contains(what))
}
