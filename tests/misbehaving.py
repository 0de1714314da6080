"""A provider in front of a real node that behaves as providers do: limits, outages, lags and nonsense; over HTTP, or
over websockets that break.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
from daemons import http
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

Answer = dict[str, Any]
# Called with each request and the node's answer to it; returns what the client gets, or an HTTP status instead.
Bend = Callable[[Answer, Answer], Answer | int]


@dataclass
class Provider:
    """Where it listens, how it bends answers, and what it was asked."""

    url: str = ""
    bend: Bend = lambda request, answer: answer
    asked: list[Answer] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    # Sent with every status that is not 200.
    more: dict[str, str] = field(default_factory=dict)

    def count(self, method: str) -> int:
        """How often a method was called."""
        return sum(request["method"] == method for request in self.asked)


def behind(node: str, blocks: int) -> Bend:
    """A node that has not heard of the newest blocks, and takes transactions all the same."""

    def ask(method: str, *params: Any) -> Any:
        body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        return orjson.loads(http().post(node, content=body, headers={"content-type": "application/json"}).content)

    def bend(request: Answer, answer: Answer) -> Answer:
        head = max(int(ask("eth_blockNumber")["result"], 16) - blocks, 0)
        method, params = request["method"], request.get("params", [])
        if method == "eth_blockNumber":
            return {**answer, "result": hex(head)}
        if method == "eth_getTransactionReceipt":
            known = answer.get("result") and int(answer["result"]["blockNumber"], 16) <= head
            return answer if known else {**answer, "result": None}
        if any(param in ("latest", "pending") for param in params):
            past = [hex(head) if param in ("latest", "pending") else param for param in params]
            return {**ask(method, *past), "id": request["id"]}
        return answer

    return bend


@contextmanager
def provider(node: str, bend: Bend | None = None) -> Iterator[Provider]:
    """A provider in front of the node."""
    state = Provider()
    if bend is not None:
        state.bend = bend

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            told = orjson.loads(http().post(node, content=body, headers={"content-type": "application/json"}).content)
            asked = orjson.loads(body)
            state.headers.append({name.lower(): value for name, value in self.headers.items()})
            pairs = list(zip(asked, told, strict=True)) if isinstance(asked, list) else [(asked, told)]
            state.asked += [request for request, _ in pairs]
            bent = [state.bend(request, answer) for request, answer in pairs]
            status = next((each for each in bent if isinstance(each, int)), 200)
            self.reply(status, b"busy" if status != 200 else orjson.dumps(bent if isinstance(asked, list) else bent[0]))

        def reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            for name, value in (state.more if status != 200 else {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def line(node: str, bend: Bend | None = None) -> Iterator[Provider]:
    """A websocket provider in front of the node (`ws://…`); a status instead of an answer breaks the connection."""
    state = Provider()
    if bend is not None:
        state.bend = bend

    def handle(client: ServerConnection) -> None:
        with connect(node, max_size=None) as upstream:
            asked: dict[Any, Answer] = {}
            threading.Thread(target=_forward, args=(client, upstream, asked, state), daemon=True).start()
            try:
                for message in upstream:
                    answer = orjson.loads(message)
                    request = asked.get(answer.get("id"))
                    bent = answer if request is None else state.bend(request, answer)
                    if isinstance(bent, int):
                        client.close()
                        return
                    client.send(bent if isinstance(bent, str) else orjson.dumps(bent).decode())
            except ConnectionClosed:
                return

    with serve(handle, "127.0.0.1", 0, max_size=None) as server:
        state.url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


def _forward(client: ServerConnection, upstream: Any, asked: dict[Any, Answer], state: Provider) -> None:
    """What the client sends goes to the node."""
    try:
        for message in client:
            request = orjson.loads(message)
            asked[request["id"]] = request
            state.asked.append(request)
            upstream.send(message)
    except ConnectionClosed:
        pass
    finally:
        upstream.close()
