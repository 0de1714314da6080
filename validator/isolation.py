"""What confines an evaluation: resource limits, namespaces and a system call filter, each where the system has it.

No participant's code ever runs here, only tensors are read; this is for the day when a parser has a hole.

limits      always: processor time, memory, file size, open files, processes, no core dump
namespaces  Linux that lets us: own user, network (empty), process and IPC namespaces
landlock    Linux since 5.13: reads libraries and the inputs, writes the output folder; no key file is within reach
seccomp     Linux with libseccomp: no sockets, no new processes or programs, no tracing, no mounting
audit       elsewhere: Python's own audit hook refuses sockets and processes; stops accidents, not an attacker
"""

import ctypes
import os
import resource
import signal
import struct
import sys
import sysconfig
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

try:  # now, while other programs can still be run: it asks the linker where libseccomp is
    import pyseccomp
except (ImportError, RuntimeError, OSError):
    pyseccomp = None

_CLONE_NEWUSER, _CLONE_NEWNET, _CLONE_NEWPID, _CLONE_NEWIPC = 0x10000000, 0x40000000, 0x20000000, 0x08000000
_CLONE_THREAD = 0x00010000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_EPERM, _ENOSYS = 1, 38
# Landlock has the same call numbers everywhere. Rights by bit: execute, write, read, list, then removing and making.
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT, _LANDLOCK_VERSION = 444, 445, 446, 1
_MAY_EXECUTE, _MAY_WRITE, _MAY_READ, _MAY_LIST, _MAY_TRUNCATE = 1, 2, 4, 8, 1 << 14
_MAY_ARRANGE = 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8  # remove and make plain files and folders
_EVERY_RIGHT = (1 << 13) - 1  # of the first version of Landlock
_FORBIDDEN_CALLS = (
    *("socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "sendto", "sendmsg", "sendmmsg"),
    *("fork", "vfork", "execve", "execveat", "kill", "tkill", "pidfd_open", "pidfd_send_signal", "pidfd_getfd"),
    *("ptrace", "process_vm_readv", "process_vm_writev", "io_uring_setup", "userfaultfd", "perf_event_open", "bpf"),
    *("unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "open_by_handle_at", "move_mount", "fsopen"),
    *("keyctl", "add_key", "request_key", "init_module", "finit_module", "delete_module", "kexec_load"),
)
_FORBIDDEN_EVENTS = ("socket.", "subprocess.", "os.fork", "os.exec", "os.posix_spawn", "os.system", "os.kill")


EXIT_SLOW = int(signal.SIGXCPU)  # exit code of a process whose processor time is over


@dataclass(frozen=True)
class Limits:
    """What one evaluation may use: processor seconds, bytes of memory beyond the start, bytes per written file."""

    cpu_seconds: int
    memory_bytes: int
    file_bytes: int


def die_with_parent() -> None:
    """Ask for SIGKILL when the parent ends; where the system cannot, the parent's own time limit has to do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def enter_namespaces() -> bool:
    """Move this process (network, IPC) and its next child (process ids) into namespaces of their own."""
    if sys.platform != "linux":
        return False
    user, group = os.geteuid(), os.getegid()
    flags = _CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWPID | _CLONE_NEWIPC
    if ctypes.CDLL(None, use_errno=True).unshare(flags) != 0:
        return False
    # Files made here must belong to somebody outside: we stay the user that we were, and nobody else exists.
    with suppress(OSError):
        Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    return True


def fork_first() -> int:
    """As `os.fork`, but the child is the first process of a process namespace of its own, and all in it ends with it.

    Only for who has entered namespaces before, and is itself the first process there.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWPID) != 0:
        raise OSError(ctypes.get_errno(), "a process namespace was refused")
    child = os.fork()
    if child:
        own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        back = libc.setns(own, _CLONE_NEWPID)
        os.close(own)
        if back != 0:
            sys.exit("Further children would share the namespace of this one.")
    return child


def limit(limits: Limits) -> bool:
    """Set the resource limits of this process; memory counts from what it has mapped now."""
    for kind, value in (
        (resource.RLIMIT_AS, _mapped_bytes() + limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):  # a limit that this system does not have
            resource.setrlimit(kind, (value, value))
    # The soft limit sends SIGXCPU, as nothing else does: that is how the cause is known. By itself it would not end the
    # first process of a namespace, and a handler of Python's would wait for the arithmetic.
    libc = ctypes.CDLL(None)
    libc.signal.argtypes, libc.signal.restype = [ctypes.c_int, ctypes.c_void_p], ctypes.c_void_p
    libc.signal(EXIT_SLOW, ctypes.cast(libc._exit, ctypes.c_void_p))
    spent = int(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]))
    resource.setrlimit(resource.RLIMIT_CPU, (spent + limits.cpu_seconds, spent + limits.cpu_seconds + 5))
    return True


def restrict_files(readable: Iterable[Path], writable: Path) -> bool:
    """Leave only these folders and those of `library_folders` within reach, for good; False without Landlock."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_LANDLOCK_CREATE, None, 0, _LANDLOCK_VERSION)
    if version < 1:
        return False
    handled = _EVERY_RIGHT | (_MAY_TRUNCATE if version >= 3 else 0)
    attributes = struct.pack("=Q", handled)
    rules = libc.syscall(_LANDLOCK_CREATE, attributes, len(attributes), 0)
    allowed = [(folder, _MAY_EXECUTE | _MAY_READ | _MAY_LIST) for folder in (*library_folders(), *readable)]
    allowed.append((writable, handled & (_MAY_WRITE | _MAY_READ | _MAY_LIST | _MAY_ARRANGE | _MAY_TRUNCATE)))
    allowed.append((Path(os.devnull), _MAY_READ | _MAY_WRITE))
    for path, rights in allowed:
        with suppress(FileNotFoundError):
            _allow(libc, rules, path, rights)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    done: int = libc.syscall(_LANDLOCK_RESTRICT, rules, 0)
    os.close(rules)
    return done == 0


def filter_calls() -> bool:
    """Install the system call filter for good; False where the system has none."""
    if pyseccomp is None:
        return False
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    for call in _FORBIDDEN_CALLS:
        with suppress(OSError):  # a call that this architecture does not have
            rules.add_rule(pyseccomp.ERRNO(_EPERM), call)
    # Threads are fine, processes are not. clone3 hides its flags from filters; without it libc falls back to clone.
    rules.add_rule(pyseccomp.ERRNO(_EPERM), "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _CLONE_THREAD, 0))
    rules.add_rule(pyseccomp.ERRNO(_ENOSYS), "clone3")
    try:
        rules.load()
    except OSError:
        return False
    return True


def audit() -> bool:
    """Refuse sockets and processes from Python code; the weakest layer, for systems with no other."""

    def refuse(event: str, _: object) -> None:
        if event.startswith(_FORBIDDEN_EVENTS):
            raise PermissionError(f"{event} is not allowed in an evaluation")

    sys.addaudithook(refuse)
    return True


def _allow(libc: ctypes.CDLL, rules: int, path: Path, rights: int) -> None:
    if not path.is_dir():
        rights &= ~(_MAY_LIST | _MAY_ARRANGE)
    handle = os.open(path, getattr(os, "O_PATH", 0) | os.O_CLOEXEC)
    try:
        if libc.syscall(_LANDLOCK_ADD, rules, 1, struct.pack("=Qi", rights, handle), 0) != 0:
            raise OSError(ctypes.get_errno(), "a Landlock rule was refused", str(path))
    finally:
        os.close(handle)


@cache
def library_folders() -> tuple[Path, ...]:
    """Where Python and the libraries that it has loaded live; they may load more of themselves when first used.

    Found once, before the evaluations are forked, and without what lies in another: a rule costs time.
    """
    system = ("/usr", "/lib", "/lib64", "/dev/urandom", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system")
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    named = [
        *map(Path, system),
        *map(Path, sysconfig.get_paths().values()),
        *(Path(file).parent for file in files if file),
    ]
    found = {path.resolve() for path in named if path.exists()}
    return (Path("/proc/self"), *sorted(path for path in found if found.isdisjoint(path.parents)))


def _mapped_bytes() -> int:
    """Address space in use; 0 where the system does not tell, which makes the memory limit stricter, never looser."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return 0
    return pages * resource.getpagesize()
