"""The API as an ASGI app: limits, answers kept per block, routes, one error shape, and the explorer's files."""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, FastAPI
from sqlalchemy import Engine
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Receive, Scope, Send

from indexer.api import errors, routes
from indexer.api.cache import BlockCache
from indexer.api.description import describe
from indexer.api.files import PREFIX, Files
from indexer.api.gate import Gate, Purse
from indexer.api.live import Hub
from indexer.api.metrics import Meter
from indexer.api.shortcut import Shortcut
from indexer.api.snapshot import DEADLINE_SECONDS, Reading
from indexer.api.specs import Specs
from protocol.store import ArtifactStore

# Questions whose answers belong to more than one block, or to none.
_UNCACHED = ("/live", "/readyz", "/specs/")
_EXPOSED = ["etag", "link", "retry-after", "x-block", "x-block-hash"]


@dataclass(frozen=True, slots=True)
class Options:
    """What an operator may want otherwise; see `IndexerSettings`."""

    rate_limit: float = 0.0
    cors_origins: Sequence[str] = ("*",)
    deadline: float = DEADLINE_SECONDS
    # Where specifications of tasks are looked for; none: nowhere.
    store: ArtifactStore | None = None


def areas() -> list[APIRouter]:
    """The routers of all files in `routes`, in the order of their names."""
    names = sorted(module.name for module in pkgutil.iter_modules(routes.__path__))
    return [importlib.import_module(f"{routes.__name__}.{name}").router for name in names]


class Api:
    """The whole of it."""

    def __init__(self, engine: Engine, options: Options) -> None:
        reading = Reading(engine, options.deadline)
        self._hub = Hub(reading)
        self._meter = Meter(reading)
        self._app = FastAPI(title="Skein indexer", version="1", docs_url=None, redoc_url=None)
        self._specs = Specs(options.store)
        self._files = Files()
        self._app.state.reading, self._app.state.hub, self._app.state.specs = reading, self._hub, self._specs
        errors.install(self._app)
        for router in areas():  # an included router would look for its route, and make what handles it, each time
            self._app.router.routes += router.routes
        describe(self._app)
        self._cached = BlockCache(Shortcut(self._app, reading), reading)
        gate = Gate(self._inner, Purse(options.rate_limit), self._meter)
        self._outer = CORSMiddleware(
            gate, allow_origins=list(options.cors_origins), allow_methods=["GET", "POST"], expose_headers=_EXPOSED,
            allow_headers=["content-type", "if-match", "if-none-match", "last-event-id"],
        )  # fmt: skip

    def end_when(self, ending: Callable[[], bool]) -> None:
        """End live connections when the server says that it is about to stop."""
        self._hub.ending = ending

    def close(self) -> None:
        """End live connections, so that the server can stop."""
        self._hub.close()
        self._specs.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self._outer(scope, receive, send)

    async def _inner(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, reads = scope["path"], scope["method"] in ("GET", "HEAD")
        if path == "/metrics" and reads:
            scope["route_path"] = path
            return await self._meter.response()(scope, receive, send)
        if reads and (file := self._files.response(scope)) is not None:
            scope["route_path"] = PREFIX
            return await file(scope, receive, send)
        if path.startswith(_UNCACHED):
            scope["route_path"] = "/" + path.split("/")[1]
            return await self._app(scope, receive, send)
        return await self._cached(scope, receive, send)


def create_app(engine: Engine, options: Options | None = None) -> Api:
    """The app over a database that was opened read-only."""
    return Api(engine, options or Options())
