"""What the routes of all areas have in common."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute

from indexer.api.errors import invalid
from indexer.api.snapshot import Reading


class StrictRoute(APIRoute):
    """A route that refuses parameters it does not know: a filter with a typing error must not be ignored."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with the check before it."""
        handle = super().get_route_handler()
        known = {parameter.alias for parameter in self.dependant.query_params}

        async def checked(request: Request) -> Response:
            query = request.scope["query_string"]
            if query:
                _check([name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)], known)
            return await handle(request)

        return checked


def _check(names: list[str], known: set[str]) -> None:
    for name in names:
        if name not in known:
            offered = f"this route takes {', '.join(sorted(known))}" if known else "this route takes none"
            raise invalid(f"{name[:100]!r} is not a parameter: {offered}.")
        if names.count(name) > 1:
            raise invalid(f"{name} is given more than once.")


def area(name: str) -> APIRouter:
    """The router of an area."""
    return APIRouter(tags=[name], route_class=StrictRoute)


async def _reading(request: Request) -> Reading:
    found: Reading = request.app.state.reading
    return found


Read = Annotated[Reading, Depends(_reading)]
