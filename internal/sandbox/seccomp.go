package sandbox

import "strings"

// A SyscallRule allows one system call, if all of Args match. Several rules for
// one call are alternatives.
type SyscallRule struct {
	Name string
	Args []SyscallArg
}

// A SyscallArg matches if (argument & Mask) == Value.
type SyscallArg struct {
	Index uint
	Mask  uint64
	Value uint64
}

const everyBit = ^uint64(0)

// namespaceFlags are the CLONE_NEW* bits that clone takes: cgroup, mount, UTS,
// IPC, user, PID and network namespaces.
const namespaceFlags = 0x7e020000

// Calls that Python programs may need, grouped by topic. Backends omit those that
// the kernel or architecture lacks.
const allowed = `
read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek sendfile splice tee vmsplice copy_file_range
open openat openat2 creat close close_range dup dup2 dup3 fcntl flock ioctl pipe pipe2
stat fstat lstat newfstatat statx access faccessat faccessat2 statfs fstatfs getcwd chdir fchdir umask
getdents getdents64 readlink readlinkat mkdir mkdirat rmdir rename renameat renameat2 link linkat unlink unlinkat symlink symlinkat mknod mknodat
chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat truncate ftruncate fallocate
getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
fsync fdatasync sync_file_range readahead fadvise64 inotify_init inotify_init1 inotify_add_watch inotify_rm_watch
poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2
eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_settime timerfd_gettime memfd_create
mmap mprotect munmap brk mremap msync mincore madvise mlock mlock2 munlock mlockall munlockall membarrier
pkey_alloc pkey_free pkey_mprotect get_mempolicy
fork vfork execve execveat exit exit_group wait4 waitid kill tkill tgkill pidfd_open pidfd_send_signal
getpid getppid gettid getpgrp getpgid setpgid getsid setsid
getuid geteuid getgid getegid getresuid getresgid getgroups capget
setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups
prctl arch_prctl seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self
set_tid_address set_robust_list get_robust_list rseq futex futex_waitv futex_wake futex_wait futex_requeue restart_syscall
sched_yield sched_getaffinity sched_setaffinity sched_getparam sched_setparam sched_getscheduler sched_setscheduler sched_getattr sched_setattr
sched_get_priority_max sched_get_priority_min sched_rr_get_interval getpriority setpriority getcpu
getrlimit setrlimit getrusage times sysinfo uname
time gettimeofday clock_gettime clock_getres clock_nanosleep nanosleep alarm pause getitimer setitimer
timer_create timer_settime timer_gettime timer_getoverrun timer_delete getrandom
rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_tgsigqueueinfo rt_sigsuspend sigaltstack
shmget shmat shmdt shmctl semget semop semtimedop semctl msgget msgsnd msgrcv msgctl
mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr
socketpair bind listen connect accept accept4 shutdown getsockname getpeername getsockopt setsockopt
sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg
`

// Calls that fail with EPERM. Unlisted calls fail with ENOSYS if the backend
// supports that, so that libraries fall back.
const refused = `
ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd
keyctl add_key request_key bpf perf_event_open userfaultfd fanotify_init fanotify_mark
io_uring_setup io_uring_enter io_uring_register io_setup io_submit io_destroy
unshare setns mount umount2 pivot_root chroot move_mount mount_setattr open_tree fsopen fsconfig fsmount fspick
open_by_handle_at name_to_handle_at quotactl quotactl_fd swapon swapoff acct sync syncfs
reboot kexec_load kexec_file_load init_module finit_module delete_module syslog
clock_settime settimeofday adjtimex clock_adjtime sethostname setdomainname vhangup
iopl ioperm modify_ldt capset mbind set_mempolicy migrate_pages move_pages memfd_secret lookup_dcookie
`

// Calls that must appear unimplemented: clone3 passes its flags in memory, where
// filters cannot see them, and the C library falls back to clone only on ENOSYS.
const absent = `clone3`

// AllowedSyscalls returns the calls that the code in a sandbox may make.
func AllowedSyscalls() []SyscallRule {
	var rules []SyscallRule
	for _, name := range strings.Fields(allowed) {
		rules = append(rules, SyscallRule{Name: name})
	}
	only := func(name string, args ...SyscallArg) { rules = append(rules, SyscallRule{name, args}) }
	only("clone", SyscallArg{0, namespaceFlags, 0})
	// A process may change its own limits, but not its supervisor's.
	only("prlimit64", SyscallArg{0, everyBit, 0})
	// Unix, IPv4, IPv6, and netlink's routing family, which getaddrinfo queries; not
	// vsock, packet, Bluetooth, the kernel's crypto API and so on.
	only("socket", SyscallArg{0, everyBit, 1})
	only("socket", SyscallArg{0, everyBit, 2})
	only("socket", SyscallArg{0, everyBit, 10})
	only("socket", SyscallArg{0, everyBit, 16}, SyscallArg{2, everyBit, 0})
	// Query, default, and no address randomisation (debuggers and some tests).
	only("personality", SyscallArg{0, everyBit, 0xffffffff})
	only("personality", SyscallArg{0, everyBit, 0})
	only("personality", SyscallArg{0, everyBit, 0x40000})
	return rules
}

// RefusedSyscalls returns the calls that fail with EPERM.
func RefusedSyscalls() []string { return strings.Fields(refused) }

// AbsentSyscalls returns the calls that fail with ENOSYS.
func AbsentSyscalls() []string { return strings.Fields(absent) }
