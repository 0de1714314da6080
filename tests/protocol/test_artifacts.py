import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import write_files

from protocol.artifacts import (
    CHUNK_BYTES,
    FileHasher,
    artifact_paths,
    digest_bytes,
    file_cid,
    manifest_cid,
    manifest_for,
    manifest_of,
    parse_manifest,
)
from protocol.documents import canonical_json
from protocol.errors import ArtifactError

# `ipfs add --cid-version=1` of kubo: an empty file, "hello\n", and 262,145 bytes "a" (two chunks under a dag-pb node)
EMPTY = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
HELLO = "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am"
TWO_CHUNKS = "bafybeifwp2ckiq7kaefcrxkcalv6bs5x7e7ozrigy4ypvcqwetgnxfb2hi"

names = st.from_regex(r"\A[A-Za-z0-9_+-]{1,8}\Z")
paths = st.lists(names, min_size=1, max_size=3).map("/".join)


def entry(path="a", size=0, cid=EMPTY):
    return {"path": path, "size": size, "cid": cid}


def spelled(*files, version=1):
    return canonical_json({"files": list(files), "version": version})


@pytest.mark.parametrize(
    ("data", "cid"),
    [(b"", EMPTY), (b"hello\n", HELLO), (b"a" * (CHUNK_BYTES + 1), TWO_CHUNKS)],
    ids=["0", "6", "2^18+1"],
)
def test_file_cids_are_those_of_ipfs(tmp_path, data, cid):
    file = write_files(tmp_path, {"f": data}) / "f"
    assert file_cid(file) == (cid, len(data))


@given(st.lists(st.binary(max_size=100_000), max_size=5))
def test_the_cid_does_not_depend_on_how_the_bytes_arrive(pieces):
    hasher, at_once = FileHasher(), FileHasher()
    for piece in pieces:
        hasher.update(piece)
    at_once.update(b"".join(pieces))
    assert hasher.cid() == at_once.cid()


def test_the_digest_on_chain_is_the_cid_of_the_manifest(tmp_path):
    manifest = manifest_of(write_files(tmp_path, {"b/c": b"hello\n", "a": b""}))
    data = manifest.to_bytes()
    assert json.loads(data) == {"version": 1, "files": [entry("a"), entry("b/c", 6, HELLO)]}
    assert manifest.digest == "0x" + hashlib.sha256(data).hexdigest()
    file = write_files(tmp_path / "out", {"manifest": data}) / "manifest"
    assert file_cid(file)[0] == manifest_cid(manifest.digest)
    assert manifest_cid(manifest.digest).startswith("bafkrei")


@given(st.dictionaries(paths, st.binary(max_size=50), min_size=1, max_size=8))
def test_what_can_be_written_is_read_back_or_refused_on_both_sides(files):
    entries = []
    for path, data in files.items():
        hasher = FileHasher()
        hasher.update(data)
        entries.append((path, len(data), hasher.cid()))
    try:
        manifest = manifest_for(entries)
    except ArtifactError as error:
        assert "both a file and a directory" in str(error) or "reserved" in str(error)
        return
    assert parse_manifest(manifest.to_bytes()) == manifest
    assert manifest == manifest_for(reversed(entries))
    assert manifest.size == sum(map(len, files.values()))


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".", "a\\b", "a b", "c:x", "é", "a\n", "a\0", "\u202ea",
     "manifest.json", "Manifest.JSON", "manifest.json/x", "x" * 256],
)  # fmt: skip
def test_paths_that_are_refused(path):
    with pytest.raises(ArtifactError, match=r"files\.0\.path"):
        parse_manifest(spelled(entry(path)))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "Invalid JSON"),
        (b"\xff", "Invalid JSON"),
        (b"[" * 100_000, "recursion limit exceeded"),
        (b"{}", "files: Field required"),
        (b"[]", "should be an object"),
        (b'{"files":[],"version":1}', "at least 1 item"),
        (spelled(entry()).replace(b":0", b": 0"), "canonical"),
        (spelled(entry()).replace(b":0", b":-0"), "canonical"),
        (spelled(entry()).replace(b'"a"', b'"\\u0061"'), "canonical"),
        (spelled(entry()).replace(b'{"files"', b'{"version":1,"files"'), "canonical"),
        (spelled(entry()).replace(b',"version":1', b""), "canonical"),
        (spelled(entry()) + b"\n", "canonical"),
        (spelled(entry(), version=2), "version"),
        (spelled(entry(), version=True), "canonical"),
        (spelled(entry() | {"mode": 7}), r"files\.0\.mode: Extra"),
        (spelled(entry(size="0")), r"files\.0\.size"),
        (spelled(entry(size=-1)), r"files\.0\.size"),
        (spelled(entry(size=2**62)), r"files\.0\.size"),
        (b'{"files":[{"cid":"x","path":"a","size":1.0}],"version":1}', "float 1.0"),
        (b'{"files":[{"cid":"x","path":"a","size":NaN}],"version":1}', "float NaN"),
        (b'{"files":[{"cid":"x","path":"a","size":' + b"1" * 5000 + b'}],"version":1}', "not valid"),
        (spelled(entry(cid="x")), "cannot be the CID"),
        (spelled(entry(cid="é" * 59)), "cannot be the CID"),
        (spelled(entry(cid=EMPTY.upper())), "cannot be the CID"),
        (spelled(entry(cid=EMPTY[:-1] + "v")), "cannot be the CID"),  # the unused bits of the last letter
        (spelled(entry(cid=TWO_CHUNKS)), "cannot be the CID of a file of 0 bytes"),
        (spelled(entry(size=CHUNK_BYTES + 1)), "cannot be the CID"),
        (spelled(entry("b"), entry("a")), "not sorted"),
        (spelled(entry("a"), entry("a")), "twice"),
        (spelled(entry("A"), entry("a")), "twice"),
        (spelled(entry("a"), entry("a/b")), "both a file and a directory"),
        (spelled(*(entry(f"{n:05}") for n in range(3000))), "limit is 262144"),
    ],
)
def test_manifests_that_are_refused(data, reason):
    with pytest.raises(ArtifactError, match=reason):
        parse_manifest(data)


def test_deep_nesting_ends_no_process():
    """Libraries raise Python's recursion limit; its JSON decoder would then run out of stack."""
    script = (
        "import sys; sys.setrecursionlimit(10**7); from protocol.artifacts import parse_manifest\n"
        "try: parse_manifest(b'[' * 262_144)\n"
        "except Exception as error: sys.exit('recursion limit exceeded' not in str(error))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_too_many_files_to_list(tmp_path):
    with pytest.raises(ArtifactError, match="pack them together"):
        manifest_for((f"{n:05}", 0, EMPTY) for n in range(3000))


def test_directories_that_are_refused(tmp_path):
    with pytest.raises(ArtifactError, match="is not a directory"):
        manifest_of(tmp_path / "none")
    with pytest.raises(ArtifactError, match="has no files"):
        manifest_of(tmp_path)
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(ArtifactError, match="link is not a plain file"):
        manifest_of(tmp_path)
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("/etc", target_is_directory=True)
    with pytest.raises(ArtifactError, match="link is not a plain file"):
        manifest_of(tmp_path)
    (tmp_path / "link").unlink()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ArtifactError, match="pipe is not a plain file"):
        manifest_of(tmp_path)
    (tmp_path / "pipe").unlink()
    write_files(tmp_path, {"a b": b""})
    with pytest.raises(ArtifactError, match=r"'a b' is not a relative path .* rename it"):
        manifest_of(tmp_path)


def test_a_folder_that_cannot_be_read_is_not_left_out():
    script = (
        "import os, sys; from pathlib import Path; from protocol.artifacts import manifest_of\n"
        "if os.geteuid() == 0: os.seteuid(65534)  # nothing is forbidden to root\n"
        "try: manifest_of(Path(sys.argv[1]))\n"
        "except PermissionError: sys.exit(7)"
    )
    with tempfile.TemporaryDirectory() as name:
        directory = write_files(Path(name), {"a": b"", "b/c": b""})
        directory.chmod(0o755)
        (directory / "b").chmod(0)
        assert subprocess.run([sys.executable, "-c", script, name], check=False).returncode == 7
        (directory / "b").chmod(0o755)


def test_a_manifest_in_the_directory_must_be_its_own(tmp_path):
    manifest = manifest_of(write_files(tmp_path, {"a": b"1"}))
    write_files(tmp_path, {"manifest.json": manifest.to_bytes()})
    assert (manifest_of(tmp_path), artifact_paths(tmp_path)) == (manifest, ["a"])
    write_files(tmp_path, {"a": b"2"})
    with pytest.raises(ArtifactError, match="does not describe its directory"):
        manifest_of(tmp_path)


@pytest.mark.parametrize("digest", ["", "0x", "0x" + "A" * 64, "0x" + "a" * 63, "0x" + "a" * 64 + "\n", "a" * 66])
def test_digests_are_spelled_in_one_way(digest):
    with pytest.raises(ArtifactError, match="is not a digest"):
        digest_bytes(digest)
