"""Files and directories that appear whole or not at all, whatever is killed when."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from protocol.errors import ConfigInvalid, StorageFailed


@contextmanager
def local_storage(doing: str) -> Iterator[None]:
    """Turn errors of this machine's file system into StorageFailed; `doing` begins the sentence ("Storing x")."""
    try:
        yield
    except OSError as error:
        raise StorageFailed(f"{doing} failed: {error.strerror or error}; free space or mend it, then retry.") from error


@contextmanager
def staged_file(directory: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """A new file in `directory` to write and then `promote`; gone at the end if it was not promoted."""
    directory.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=directory)
    os.fchmod(descriptor, 0o644)  # all that goes through here is public
    path = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file, path
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def staged_directory(target: Path) -> Iterator[Path]:
    """An empty directory beside `target` to fill and then `promote`; gone at the end if it was not promoted.

    One process at a time per target: others wait, then find what the first has made. What a killed process left behind
    is cleared away.
    """
    stage = target.parent / f".{target.name}.part"
    lock = _lock(stage)
    try:
        for left in stage.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        yield stage
    finally:
        _discard(stage, lock)
        os.close(lock)


def promote(stage: Path, target: Path) -> None:
    """Make a staged file or directory durable and give it its name in one step.

    An empty directory may stand at the target of a directory; a file takes the place of a file.
    """
    for folder, _, names in os.walk(stage):
        for name in names:
            sync(Path(folder, name))
        sync(Path(folder))
    if stage.is_file():
        sync(stage)
    if not target.parent.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        sync(target.parent.parent)
    stage.rename(target)
    sync(target.parent)


def write_file(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole, or as it was before. What a kill left half-written is used up again."""
    stage = path.with_name(f".{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        stage.write_bytes(data)
        promote(stage, path)
    finally:
        stage.unlink(missing_ok=True)


def require_space(directory: Path, size: int) -> None:
    """StorageFailed if `size` bytes do not fit on the disk of `directory`."""
    free = shutil.disk_usage(directory).free
    if size > free:
        raise StorageFailed(f"{directory} has {free:,} bytes free and {size:,} are needed; free some, then retry.")


def require_free_place(target: Path) -> None:
    """ConfigInvalid if something stands at `target` that a new directory would replace."""
    if target.is_symlink() or target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise ConfigInvalid(f"{target} is there already and holds something else; name a free place.")


def sync(path: Path) -> None:
    """Flush a file or directory to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lock(stage: Path) -> int:
    """Lock the directory itself: a lock file would stay behind, or be removed under another's feet."""
    while True:
        try:
            stage.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(stage, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        except FileExistsError:  # it was there, and another has promoted it before mkdir could look at it
            if stage.is_symlink() or stage.is_file():
                raise
            continue
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is_same(stage, descriptor):
            return descriptor
        os.close(descriptor)


def _discard(stage: Path, lock: int) -> None:
    if _is_same(stage, lock):
        shutil.rmtree(stage, ignore_errors=True)


def _is_same(stage: Path, lock: int) -> bool:
    """Whether `stage` is still the directory that was locked, not yet promoted or removed."""
    try:
        return os.path.samestat(stage.stat(), os.fstat(lock))
    except FileNotFoundError:
        return False
