//! seccomp: a short list of system calls, and nothing that makes memory executable or starts a process.
//!
//! Three filters, of which the kernel takes the strictest answer: calls that only an attack makes kill the process;
//! `clone3`, whose flags a filter can not see, does not exist (so that libc falls back to `clone`, whose flags it can);
//! anything else that is not on the list fails with `EPERM`. A call of another architecture or of x32 is on no list.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::{Layer, SealError};

const LAYER: Layer = Layer::Seccomp;

/// Calls that are allowed whatever their arguments: memory, the three pipes, threads, clocks, randomness, the end.
const ALLOWED: &[libc::c_long] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_close,
    libc::SYS_ppoll,
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getrusage,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // Overruled by the filter that says it does not exist.
    libc::SYS_clone3,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
];

/// Calls that no part of training makes: the first one ends the process.
const DEADLY: &[libc::c_long] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kcmp,
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_bpf,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_userfaultfd,
    libc::SYS_perf_event_open,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_capset,
    libc::SYS_personality,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_pkey_mprotect,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
];

/// Flags that make a `clone` a thread of this process.
const THREAD: u64 = (libc::CLONE_THREAD | libc::CLONE_SIGHAND | libc::CLONE_VM) as u64;
/// Flags that a thread does not need and an escape might.
const NOT_A_THREAD: u64 = (libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_VFORK
    | libc::CLONE_PARENT
    | libc::CLONE_PTRACE
    | libc::CLONE_UNTRACED) as u64;

/// Installs the filters in every thread.
pub fn apply() -> Result<(), SealError> {
    let compiled = (|| {
        Ok::<_, seccompiler::BackendError>([
            program(always(DEADLY), SeccompAction::Allow, SeccompAction::KillProcess)?,
            program(always(&[libc::SYS_clone3]), SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32))?,
            // Last: it does not allow to install another.
            program(allowed()?, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow)?,
        ])
    })()
    .map_err(|e| LAYER.missing("compile the filters", e.to_string()))?;
    compiled.iter().try_for_each(|filter| {
        seccompiler::apply_filter_all_threads(filter).map_err(|e| LAYER.missing("install the filters", e.to_string()))
    })
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn always(calls: &[libc::c_long]) -> Rules {
    calls.iter().map(|&call| (call, Vec::new())).collect()
}

fn allowed() -> Result<Rules, seccompiler::BackendError> {
    let mut rules = always(ALLOWED);
    let mut when = |call: libc::c_long, conditions: &[(u8, SeccompCmpOp, u64)]| {
        let conditions = conditions
            .iter()
            .map(|(argument, is, value)| SeccompCondition::new(*argument, SeccompCmpArgLen::Qword, is.clone(), *value))
            .collect::<Result<Vec<_>, _>>()?;
        rules.entry(call).or_default().push(SeccompRule::new(conditions)?);
        Ok::<_, seccompiler::BackendError>(())
    };
    let executable = libc::PROT_EXEC as u64;
    when(libc::SYS_mmap, &[(2, SeccompCmpOp::MaskedEq(executable), 0)])?;
    when(libc::SYS_mprotect, &[(2, SeccompCmpOp::MaskedEq(executable), 0)])?;
    when(libc::SYS_clone, &[(0, SeccompCmpOp::MaskedEq(THREAD | NOT_A_THREAD), THREAD)])?;
    when(libc::SYS_prctl, &[(0, SeccompCmpOp::Eq, libc::PR_SET_NAME as u64)])?;
    // Reading its own limits only: libc asks for the size of a stack.
    when(libc::SYS_prlimit64, &[(0, SeccompCmpOp::Eq, 0), (2, SeccompCmpOp::Eq, 0)])?;
    Ok(rules)
}

fn program(
    rules: Rules,
    otherwise: SeccompAction,
    matched: SeccompAction,
) -> Result<BpfProgram, seccompiler::BackendError> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, otherwise, matched, architecture)?.try_into()
}
