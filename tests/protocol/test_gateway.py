"""GatewayStore against a real HTTP server, and what a chain of stores makes of it."""

import logging
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from samples import LIMITS

from protocol.artifacts import manifest_cid, manifest_for, manifest_of
from protocol.errors import ArtifactMissing, ConfigInvalid, DigestMismatch, StoreUnreachable
from protocol.store import DirectoryStore, GatewayStore, StoreChain


class Gateway(BaseHTTPRequestHandler):
    """Serves /ipfs/<cid> out of `pages`: bytes, or a function that does what it likes with the request."""

    pages: ClassVar[dict] = {}

    def do_GET(self):
        page = self.pages.get(self.path.split("?")[0])
        if callable(page):
            page(self)
        elif page is None:
            self.send_error(404)
        else:
            self.answer(page)

    def answer(self, body, length=None, **headers):
        self.send_response(200)
        for name, value in {"Content-Length": str(length or len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def gateway(source):
    manifest = manifest_of(source)
    pages = {f"/ipfs/{file.cid}": (source / file.path).read_bytes() for file in manifest.files}
    pages[f"/ipfs/{manifest_cid(manifest.digest)}"] = manifest.to_bytes()
    handler = type("Handler", (Gateway,), {"pages": pages})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    server.pages, server.manifest, server.url = pages, manifest, f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def largest(gateway):
    return "/ipfs/" + max(gateway.manifest.files, key=lambda file: file.size).cid


def test_gateways_are_read(gateway, tmp_path):
    store = GatewayStore(gateway.url + "/")
    got = store.get(gateway.manifest.digest, tmp_path / "got", LIMITS)
    assert manifest_of(got) == gateway.manifest
    assert store.has(gateway.manifest.digest)
    gateway.pages.pop(largest(gateway))
    assert not store.has(gateway.manifest.digest)
    with pytest.raises(ArtifactMissing, match="answers 404"):
        store.get(gateway.manifest.digest, tmp_path / "again", LIMITS)
    with pytest.raises(ConfigInvalid, match="read-only"):
        store.put(got)


def endless(request):
    request.answer(b"", length=10**12)
    try:
        while True:
            request.wfile.write(b"\0" * 65536)
    except OSError:
        request.close_connection = True


@pytest.mark.parametrize(
    ("lie", "error", "reason"),
    [
        (b"other bytes", DigestMismatch, "are not it"),
        (lambda request: request.answer(b"\0" * 1_280_000), DigestMismatch, "are not it"),
        (endless, DigestMismatch, "gave more than 1,280,000 bytes"),
        (lambda request: request.answer(b"\0" * 1000, length=1_280_000), ArtifactMissing, "cannot be read"),
        (lambda request: request.answer(b"\x1f\x8b", Content_Encoding="gzip"), DigestMismatch, "are not it"),
        (lambda request: request.wfile.write(b"no HTTP\r\n\r\n"), ArtifactMissing, "cannot be read"),
        (lambda request: request.send_error(503), StoreUnreachable, "answers 503"),
    ],
    ids=["other", "same size", "endless", "broken off", "compressed", "not HTTP", "overloaded"],
)
def test_what_a_gateway_may_do_wrong(gateway, tmp_path, lie, error, reason):
    gateway.pages[largest(gateway)] = lie
    with pytest.raises(error, match=reason):
        GatewayStore(gateway.url).get(gateway.manifest.digest, tmp_path / "got", LIMITS)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_a_lying_manifest_is_noticed(gateway, tmp_path):
    gateway.pages[f"/ipfs/{manifest_cid(gateway.manifest.digest)}"] = manifest_for(
        [("small.txt", 6, "bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am")]
    ).to_bytes()
    with pytest.raises(DigestMismatch):
        GatewayStore(gateway.url).get(gateway.manifest.digest, tmp_path / "got", LIMITS)


def test_a_silent_gateway_is_given_up(gateway, tmp_path):
    gateway.pages[largest(gateway)] = lambda request: time.sleep(1)
    with pytest.raises(ArtifactMissing, match="timed out"):
        GatewayStore(gateway.url, timeout=0.2).get(gateway.manifest.digest, tmp_path / "got", LIMITS)


def test_a_crawling_gateway_is_given_up(gateway, tmp_path):
    def crawl(request):
        request.answer(b"", length=6)
        for letter in b"hello\n":
            request.wfile.write(bytes([letter]))
            time.sleep(0.15)

    (small,) = [file.cid for file in gateway.manifest.files if file.size == 6]
    gateway.pages["/ipfs/" + small] = crawl
    with pytest.raises(ArtifactMissing, match="too slowly"):
        GatewayStore(gateway.url, timeout=0.4).get(gateway.manifest.digest, tmp_path / "got", LIMITS)


def test_a_chain_falls_through_to_whoever_has_the_right_bytes(gateway, store, tmp_path, caplog):
    gateway.pages[largest(gateway)] = b"a lie"
    liar = GatewayStore(gateway.url)
    empty = DirectoryStore(tmp_path / "empty")
    chain = StoreChain([empty, liar, store])
    with pytest.raises(ArtifactMissing) as caught:
        chain.get(gateway.manifest.digest, tmp_path / "got", LIMITS)
    assert all(name in str(caught.value) for name in (empty.name, liar.name, store.name))
    store.put(tmp_path / "source")
    assert chain.has(gateway.manifest.digest)
    caplog.clear()
    got = chain.get(gateway.manifest.digest, tmp_path / "got", LIMITS)
    assert manifest_of(got) == gateway.manifest
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert liar.name in record.getMessage()


def test_a_chain_of_liars_is_a_mismatch(gateway, tmp_path):
    gateway.pages[largest(gateway)] = b"a lie"
    chain = StoreChain([GatewayStore(gateway.url), GatewayStore(gateway.url)])
    with pytest.raises(DigestMismatch):
        chain.get(gateway.manifest.digest, tmp_path / "got", LIMITS)
