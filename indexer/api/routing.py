"""What the routes of all areas have in common.

A route is a plain function (not `async`). It is tried at once; what turns out to take long gets a thread of its own,
beside others:

    router = area("vaults")

    @router.get("/vaults", response_model=many(VAULT.model))
    def vaults(read: Read, cursor: Cursor = None, limit: Limit = 50) -> Response:
        with read.snapshot() as at:
            return VAULTS.page(at, {}, "-assets", cursor, limit)

A file in `routes/` is found by itself. Lists can be had as CSV without further words.
"""

from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractContextManager
from inspect import iscoroutinefunction, signature
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_dependant
from fastapi.routing import APIRoute

from indexer.api.errors import ERRORS, ApiError, invalid, invalid_parameters
from indexer.api.export import MAX_ROWS, Table
from indexer.api.snapshot import Reading, Snapshot

FORMAT = Query(description=f"`csv`: a file for spreadsheets, of up to {MAX_ROWS:,} rows unless `limit` says otherwise")


async def _format(format: Annotated[Literal["json", "csv"], FORMAT] = "json") -> None:
    """A parameter of all lists; `StrictRoute` acts on it."""


class StrictRoute(APIRoute):
    """A route that refuses parameters it does not know: a filter with a typing error must not be ignored."""

    # The answer to a GET of this address, its parts and its query; none for a route that must see the whole request.
    respond: Callable[[Reading, str, Mapping[str, str], bytes], Coroutine[Any, Any, Response]] | None = None

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """A list (its model has `next`) also takes `format`."""
        self.columns = _columns(options.get("response_model"))
        if self.columns:
            options["dependencies"] = [*(options.get("dependencies") or []), Depends(_format)]
            csv = {"content": {"text/csv": {"schema": {"type": "string"}}}}
            options["responses"] = {**(options.get("responses") or {}), 200: csv}
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with the check before it."""
        tried = "read" in signature(self.endpoint).parameters and not iscoroutinefunction(self.endpoint)
        if tried:
            self.dependant.call = _tried(self.endpoint)
        handle = super().get_route_handler()
        known = {parameter.alias for parameter in get_flat_dependant(self.dependant).query_params}
        parameters = _Parameters(self.dependant)

        def asked(path: str, query: bytes) -> tuple[dict[str, str], Table | None]:
            given = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
            _check([name for name, _ in given], known)
            is_file = self.columns and ("format", "csv") in given
            return dict(given), self._table(path, dict(given)) if is_file else None

        async def respond(reading: Reading, path: str, parts: Mapping[str, str], query: bytes) -> Response:
            given, table = asked(path, query) if query else ({}, None)
            values = parameters.values(parts, given)
            found: Response = await self.dependant.call(read=Asked(reading, table), **values)  # type: ignore[misc]
            return found

        async def checked(request: Request) -> Response:
            if query := request.scope["query_string"]:
                _, request.state.table = asked(request.url.path, query)
            return await handle(request)

        self.respond = respond if tried and self.dependant.request_param_name is None else None
        return checked

    def _table(self, path: str, given: dict[str, str]) -> Table:
        limit = given.get("limit", "")
        rest = urlencode({name: value for name, value in given.items() if name != "cursor"})
        name = "-".join(part for part in path.split("/") if part)
        return Table(name, self.columns, f"{path}?{rest}", int(limit) if limit.isdecimal() and len(limit) < 5 else None)


def _columns(model: Any) -> list[str]:
    """The fields of a list's rows; none when the answer is not a list."""
    fields = getattr(model, "model_fields", {})
    if "next" not in fields:
        return []
    (row,) = fields["data"].annotation.__args__
    return list(row.model_fields)


def _check(names: list[str], known: set[str]) -> None:
    for name in names:
        if name not in known:
            offered = f"this route takes {', '.join(sorted(known))}" if known else "this route takes none"
            raise invalid(f"{name[:100]!r} is not a parameter: {offered}.")
        if names.count(name) > 1:
            raise invalid(f"{name} is given more than once.")


class _Parameters:
    """What a route takes from an address, read as FastAPI reads it, and only what is given.

    FastAPI walks through all that a route could take, and what that depends on: as long as most answers take.
    """

    def __init__(self, dependant: Dependant) -> None:
        self._names = {each.alias: each.name for each in (*dependant.path_params, *dependant.query_params)}
        needed = {each.alias for each in dependant.query_params if each.field_info.is_required()}
        self._needed = needed
        self._defaults = {each.name: each.get_default() for each in dependant.query_params if each.alias not in needed}
        flat = get_flat_dependant(dependant)
        self._path = {each.alias: each for each in flat.path_params}
        self._query = {each.alias: each for each in flat.query_params}

    def values(self, path: Mapping[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
        """By the names of the function's parameters. Raises `ApiError` for what cannot be understood."""
        if missing := self._needed - query.keys():
            raise invalid_parameters([{"loc": sorted(missing), "msg": "Field required", "input": None}])
        found = dict(self._defaults)
        for place, given, fields in (("path", path, self._path), ("query", query, self._query)):
            for alias, text in given.items():
                value, problems = fields[alias].validate(text, loc=(place, alias))
                if problems:
                    raise invalid_parameters(problems)
                if alias in self._names:
                    found[self._names[alias]] = value
        return found


def area(name: str) -> APIRouter:
    """The router of an area."""
    return APIRouter(tags=[name], route_class=StrictRoute, responses=ERRORS)


class Asked:
    """Reading, for one request."""

    def __init__(self, reading: Reading, table: Table | None, quick: bool = False) -> None:
        """`quick`: whether it must be quick, or end as `too_slow`."""
        self._reading = reading
        self._table = table
        self._quick = quick

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """The index as it is now, whatever is written meanwhile."""
        return self._reading.snapshot(self._table, self._quick)

    def quickly(self) -> "Asked | None":
        """The same in a hurry; None where it is no use: a file is long, and to a server it is a journey."""
        return Asked(self._reading, None, True) if self._table is None and self._reading.is_local else None


def _tried(endpoint: Callable[..., Response]) -> Callable[..., Coroutine[Any, Any, Response]]:
    """At once, if that is quick; else in a thread, where it may take its time.

    Threads of one Python wait for one another: going to one and back takes longer than most searches.
    """

    async def answered(read: Asked, **values: Any) -> Response:
        if quick := read.quickly():
            try:
                return endpoint(read=quick, **values)
            except ApiError as error:
                if error.code != "too_slow":
                    raise
        return await run_in_threadpool(endpoint, read=read, **values)

    return answered


async def _asked(request: Request) -> Asked:
    return Asked(request.app.state.reading, getattr(request.state, "table", None))


Read = Annotated[Asked, Depends(_asked)]
