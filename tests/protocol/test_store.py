import multiprocessing
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from samples import FILES, LIMITS

from protocol.artifacts import digest_of, manifest_cid, manifest_for, manifest_of
from protocol.errors import (
    ArtifactError,
    ArtifactMissing,
    ConfigInvalid,
    DigestMismatch,
    StorageFailed,
    StoreUnreachable,
)
from protocol.store import DirectoryStore, GatewayStore, IpfsStore, Limits, StoreChain, open_store


def contents(directory):
    return {
        path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def blob(store, cid):
    (path,) = store.root.glob(f"*/{cid}")
    return path


def test_what_is_put_is_got(store, source, tmp_path):
    digest = store.put(source)
    assert digest == manifest_of(source).digest
    got = store.get(digest, tmp_path / "a" / "b", LIMITS)
    assert contents(got) == FILES | {"manifest.json": manifest_of(source).to_bytes()}
    assert store.put(got) == digest
    assert store.has(digest)


def test_nothing_temporary_stays(store, source, tmp_path):
    store.get(store.put(source), tmp_path / "got", LIMITS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["got", "source", "store"]
    assert list((store.root / "tmp").iterdir()) == []


def test_what_is_not_there_is_missing(store, source, tmp_path):
    digest = manifest_of(source).digest
    with pytest.raises(StoreUnreachable, match="is not there: make the folder, or mount it"):
        store.get(digest, tmp_path / "got", LIMITS)
    store.root.mkdir()
    with pytest.raises(ArtifactMissing, match="does not have") as caught:
        StoreChain([DirectoryStore(tmp_path / "unmounted"), store]).get(digest, tmp_path / "got", LIMITS)
    assert type(caught.value) is ArtifactMissing
    assert not store.has(digest)
    assert not (tmp_path / "got").exists()


def test_a_file_that_is_not_there_is_missing(store, source, tmp_path):
    digest = store.put(source)
    blob(store, manifest_of(source).files[0].cid).unlink()
    with pytest.raises(ArtifactMissing):
        store.get(digest, tmp_path / "got", LIMITS)
    assert not (tmp_path / "got").exists()


def damage(store, source, which, change):
    """Change what the store keeps of the file `which`, or of the manifest; returns the artifact's digest."""
    digest = store.put(source)
    cids = {file.path: file.cid for file in manifest_of(source).files} | {"manifest": manifest_cid(digest)}
    path = blob(store, cids[which])
    path.write_bytes(change(path.read_bytes()))
    return digest


@pytest.mark.parametrize("which", ["manifest", "small.txt", "folder/exact.bin", "folder/large.bin"])
@pytest.mark.parametrize("change", [lambda data: data[:-1] + b"\0", lambda data: data[:-1]], ids=["flip", "cut"])
def test_every_damaged_byte_is_noticed(store, source, tmp_path, which, change):
    digest = damage(store, source, which, change)
    with pytest.raises(DigestMismatch, match="that are not it"):
        store.get(digest, tmp_path / "got", LIMITS)
    assert not (tmp_path / "got").exists()
    store.put(source)
    assert store.get(digest, tmp_path / "got", LIMITS).exists()


@pytest.mark.parametrize("which", ["empty", "small.txt", "folder/exact.bin", "folder/large.bin"])
def test_no_more_is_read_than_the_manifest_says(store, source, tmp_path, which):
    digest = damage(store, source, which, lambda data: data + b"\0")
    assert manifest_of(store.get(digest, tmp_path / "got", LIMITS)).digest == digest


def test_limits_are_checked_before_files_are_fetched(store, source, tmp_path):
    digest = store.put(source)
    for file in manifest_of(source).files:
        blob(store, file.cid).unlink(missing_ok=True)
    for limits in (Limits(max_bytes=manifest_of(source).size - 1), Limits(max_bytes=10**9, max_files=3)):
        with pytest.raises(ArtifactError, match=r"1,542,150 bytes in 4 files; at most .* are allowed here") as caught:
            store.get(digest, tmp_path / "got", limits)
        assert type(caught.value) is ArtifactError


def test_a_block_that_is_no_manifest_is_refused(store, tmp_path):
    data = b'{"files":[]}'
    path = store.root / manifest_cid(digest_of(data))[-2:] / manifest_cid(digest_of(data))
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    with pytest.raises(ArtifactError, match="is not valid"):
        store.get(digest_of(data), tmp_path / "got", LIMITS)


def test_a_second_get_verifies_and_mends_what_is_there(store, source, tmp_path, caplog):
    digest = store.put(source)
    got = store.get(digest, tmp_path / "got", LIMITS)
    before = (got / "small.txt").stat().st_ino
    store.get(digest, got, LIMITS)
    assert (got / "small.txt").stat().st_ino == before
    (got / "small.txt").write_bytes(b"hullo\n")
    (got / "extra").write_bytes(b"")
    store.get(digest, got, LIMITS)
    assert contents(got) == FILES | {"manifest.json": manifest_of(source).to_bytes()}
    assert "damaged" in caplog.text


def test_foreign_directories_are_never_replaced(store, source, tmp_path):
    digest = store.put(source)
    (tmp_path / "mine").mkdir()
    assert store.get(digest, tmp_path / "mine", LIMITS)  # an empty one may be filled
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("no copy")
    with pytest.raises(ConfigInvalid, match="holds something else"):
        store.get(digest, other, LIMITS)
    assert (other / "thesis.txt").read_text() == "no copy"
    (tmp_path / "file").touch()
    with pytest.raises(ConfigInvalid, match="holds something else"):
        store.get(digest, tmp_path / "file", LIMITS)


def test_more_than_the_disk_holds_is_refused_at_once(store, tmp_path):
    large = 2**43
    cid = "bafybeifwp2ckiq7kaefcrxkcalv6bs5x7e7ozrigy4ypvcqwetgnxfb2hi"
    manifest = manifest_for((f"f{n}", large, cid) for n in range(100))
    place = store.root / manifest_cid(manifest.digest)[-2:] / manifest_cid(manifest.digest)
    place.parent.mkdir(parents=True)
    place.write_bytes(manifest.to_bytes())
    with pytest.raises(StorageFailed, match="bytes free and 879,609,302,220,800 are needed") as caught:
        store.get(manifest.digest, tmp_path / "got", Limits(max_bytes=2**60))
    assert caught.value.retryable


def _put_with_small_files_only(root, source, queue):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        DirectoryStore(root).put(source)
    except StorageFailed as error:
        queue.put(str(error))


def test_a_write_that_fails_is_told_and_leaves_nothing(store, source):
    context = multiprocessing.get_context("spawn")
    queue = context.SimpleQueue()
    process = context.Process(target=_put_with_small_files_only, args=(store.root, source, queue))
    process.start()
    assert "failed: File too large; free space or mend it" in queue.get()
    process.join()
    assert not store.has(manifest_of(source).digest)
    assert list((store.root / "tmp").iterdir()) == []


def test_many_processes_may_put_and_get_at_once(store, source, tmp_path):
    script = (
        "import sys; from pathlib import Path; from protocol.store import DirectoryStore, Limits\n"
        "store = DirectoryStore(Path(sys.argv[1])); digest = store.put(Path(sys.argv[2]))\n"
        "store.get(digest, Path(sys.argv[3]), Limits(max_bytes=10**9))"
    )
    got = tmp_path / "got"
    command = [sys.executable, "-c", script, str(store.root), str(source), str(got)]
    processes = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert manifest_of(got) == manifest_of(source)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["got", "source", "store"]


def test_what_a_killed_process_left_is_cleared_away(store, source, tmp_path):
    script = (
        "import os, sys; from pathlib import Path; from protocol.staging import staged_directory\n"
        "with staged_directory(Path(sys.argv[1])) as stage:\n"
        "    (stage / 'small.txt').write_bytes(b'half'); (stage / 'd').mkdir(); os.kill(os.getpid(), 9)"
    )
    got = tmp_path / "got"
    assert subprocess.run([sys.executable, "-c", script, str(got)], check=False).returncode == -signal.SIGKILL
    assert (tmp_path / ".got.part" / "small.txt").exists()
    store.get(store.put(source), got, LIMITS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["got", "source", "store"]
    assert manifest_of(got) == manifest_of(source)


def test_old_temporary_files_are_swept(store, source):
    store.put(source)
    (store.root / "tmp" / "new").touch()
    (store.root / "tmp" / "old").touch()
    os.utime(store.root / "tmp" / "old", (0, 0))
    store.put(source)
    assert [path.name for path in (store.root / "tmp").iterdir()] == ["new"]


def test_a_chain_writes_to_its_first_store(store, source, tmp_path):
    digest = open_store(f"dir:{tmp_path / 'first'}, dir:{store.root}").put(source)
    assert DirectoryStore(tmp_path / "first").has(digest)
    assert not store.has(digest)


def test_settings_name_stores():
    chain = open_store("dir:~/x,ipfs:/ip4/127.0.0.1/tcp/5001,gateway:https://ipfs.io")
    assert [type(store) for store in chain.stores] == [DirectoryStore, IpfsStore, GatewayStore]
    assert chain.stores[0].root == Path.home() / "x"


@pytest.mark.parametrize("setting", ["", "dir", "dir:", "/tmp/x", "s3:bucket", "ipfs:localhost:5001", "ipfs:/ip4/1",
                                     "ipfs:/ip4/127.0.0.1/tcp/5001/x", "gateway:ipfs.io", "gateway:ftp://x",
                                     "dir:/a,,dir:/b"])  # fmt: skip
def test_settings_that_name_none(setting):
    with pytest.raises(ConfigInvalid, match="is not a"):
        open_store(setting)


def test_no_daemon_is_told_in_one_sentence(source, tmp_path):
    store = IpfsStore("/ip4/127.0.0.1/tcp/1")
    with pytest.raises(
        StoreUnreachable, match=r"ipfs:/ip4/127.0.0.1/tcp/1: cannot be reached: see whether the daemon runs\.$"
    ):
        store.get(manifest_of(source).digest, tmp_path / "got", LIMITS)
    with pytest.raises(StoreUnreachable, match="cannot be reached"):
        store.put(source)
