"""The lock that keeps two clients from one account: they would take each other's transaction numbers.

It goes by the address and the network, not by the key file: two copies of a file are one account. It lies where every
client of this user looks, whatever its `--home`, and ends with its process, however that ends.
"""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from protocol.chain import Chain
from protocol.configuration import expanded
from protocol.errors import ConfigInvalid, StorageFailed


def network_of(chain: Chain) -> str:
    """A name for the network: its chain's id, and the block that deployed the contracts.

    A local chain that was started anew is another one, though its id and the contracts' addresses are the same.
    """
    first = chain.block(chain.deployment.first_block)
    return f"{chain.deployment.chain_id}-{first.hash[2:14]}"


@contextmanager
def lock_account(chain: Chain, address: str, home: Path) -> Iterator[None]:
    """Hold an account on its network while a client runs; ConfigInvalid names the process that holds it already.

    `home`: where the lock lies if this user's folder for such things cannot be written (`$XDG_STATE_HOME`, else
    `~/.local/state`). StorageFailed if that cannot be written either.
    """
    name = f"{network_of(chain)}-{address}.lock"
    path, lock = _open(name, home)
    try:
        if not _is_taken(lock):
            raise ConfigInvalid(
                f"Another client{_holder(lock)} runs with the key of {address} on this network: stop it, or give this "
                "one a key of its own."
            )
        _sign(lock)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(lock)


def is_locked(chain: Chain, address: str, home: Path) -> bool:
    """Whether a client of the account runs."""
    try:
        with lock_account(chain, address, home):
            return False
    except ConfigInvalid:
        return True


def _open(name: str, home: Path) -> tuple[Path, int]:
    why = ""
    for folder in _folders(home):
        path = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return path, _open_lasting(path)
        except OSError as error:
            why = why or f"{path}: {error.strerror}"
    raise StorageFailed(f"The lock of this account cannot be written ({why}).")


def _folders(home: Path) -> Iterator[Path]:
    with suppress(ConfigInvalid):  # a user without a home
        state = os.environ.get("XDG_STATE_HOME", "")
        yield (Path(state) if Path(state).is_absolute() else expanded("~/.local/state")) / "skein" / "locks"
    yield expanded(home) / "locks"


def _open_lasting(path: Path) -> int:
    """The file, locked if nobody else holds it: one that its last holder has not removed meanwhile."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with suppress(FileNotFoundError):
            if os.path.samestat(path.stat(), os.fstat(lock)):
                return lock
        os.close(lock)


def _is_taken(lock: int) -> bool:
    """Whether it is ours; asking again changes nothing."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sign(lock: int) -> None:
    """Write who holds it; on a full disk the lock holds all the same."""
    with suppress(OSError):
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()} {socket.gethostname()}".encode(), 0)


def _holder(lock: int) -> str:
    number, _, machine = os.pread(lock, 256, 0).decode(errors="replace").partition(" ")
    if not number.isdecimal():
        return ""
    return f" (process {number})" if machine == socket.gethostname() else f" (process {number} on {machine})"
