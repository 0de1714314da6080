"""IpfsStore against a real daemon that speaks Kubo's RPC."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from daemons import ipfs
from samples import FILES, LIMITS, write_files

from protocol.artifacts import manifest_cid, manifest_of
from protocol.errors import ArtifactError, ArtifactMissing, DigestMismatch
from protocol.store import DirectoryStore, IpfsStore, Limits, StoreChain

LARGE = {"folder/slices.bin": bytes(range(255)) * 70_000}  # read from the daemon in three requests


@pytest.fixture(scope="module")
def address():
    with ipfs() as multiaddr:
        yield multiaddr


@pytest.fixture
def store(address):
    return IpfsStore(address, timeout=2)


@pytest.fixture
def source(source):
    return write_files(source, LARGE)


def rpc(address, command, argument):
    host, port = address.split("/")[2::2]
    return httpx.post(f"http://{host}:{port}/api/v0/{command}", params={"arg": argument})


def test_what_is_put_is_got_and_pinned(store, address, source, tmp_path):
    manifest = manifest_of(source)
    digest = store.put(source)
    assert digest == manifest.digest == store.put(source)
    got = store.get(digest, tmp_path / "got", LIMITS)
    assert {path: (got / path).read_bytes() for path in FILES | LARGE} == FILES | LARGE
    assert store.has(digest)
    for cid in (manifest_cid(digest), *(file.cid for file in manifest.files)):
        assert '"recursive"' in rpc(address, "pin/ls", cid).text


def test_anyone_finds_the_manifest_under_the_digest_on_chain(store, address, source):
    digest = store.put(source)
    assert rpc(address, "cat", manifest_cid(digest)).content == manifest_of(source).to_bytes()
    assert rpc(address, "block/get", manifest_cid(digest)).content == manifest_of(source).to_bytes()


def test_what_nobody_has_is_missing_in_time(store, tmp_path):
    (tmp_path / "unknown").mkdir()
    (tmp_path / "unknown" / "a").write_bytes(b"never published")
    digest = manifest_of(tmp_path / "unknown").digest
    with pytest.raises(ArtifactMissing, match="ipfs:/ip4"):
        store.get(digest, tmp_path / "got", LIMITS)
    assert not store.has(digest)


def test_limits_hold(store, source, tmp_path):
    digest = store.put(source)
    with pytest.raises(ArtifactError, match="are allowed here"):
        store.get(digest, tmp_path / "got", Limits(max_bytes=manifest_of(source).size - 1))
    assert not (tmp_path / "got").exists()


def test_what_a_directory_lacks_comes_from_the_daemon(store, source, tmp_path):
    chain = StoreChain([DirectoryStore(tmp_path / "local"), store])
    digest = store.put(source)
    assert manifest_of(chain.get(digest, tmp_path / "got", LIMITS)).digest == digest


@pytest.fixture
def impostor():
    """Answers every request with the same bytes."""

    class Handler(BaseHTTPRequestHandler):
        answer = b""

        def do_POST(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.answer)))
            self.end_headers()
            self.wfile.write(self.answer)
            self.close_connection = True  # it does not read what is sent

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield Handler, IpfsStore(f"/ip4/127.0.0.1/tcp/{server.server_port}")
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("answer", [b"no", b"{}", b"[]", b'{"Hash": "QmOther", "Name": "a"}', b"null"])
def test_a_daemon_that_lies_is_found_out(impostor, source, tmp_path, answer):
    handler, store = impostor
    handler.answer = answer
    with pytest.raises(DigestMismatch, match="that are not it"):
        store.get(manifest_of(source).digest, tmp_path / "got", LIMITS)
    with pytest.raises((ArtifactMissing, DigestMismatch), match="ipfs:/ip4"):
        store.put(source)
