"""The way from a question to the route that answers it, without what FastAPI has on the way for others.

Our routes read only the address of a GET. Layers, scopes and stacks of a general way take as long as most answers.
"""

from fastapi import FastAPI, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from indexer.api.errors import ApiError, failed
from indexer.api.routing import StrictRoute
from indexer.api.snapshot import Reading


class Shortcut:
    """An app in front of FastAPI's, which gets whatever a route does not answer by itself."""

    def __init__(self, app: FastAPI, reading: Reading) -> None:
        self._app = app
        self._reading = reading
        self._routes = [route for route in app.router.routes if isinstance(route, Route)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        response = await self._response(scope) if scope["method"] == "GET" else None
        await (response or self._app)(scope, receive, send)

    async def _response(self, scope: Scope) -> Response | None:
        path = scope["path"]
        for route in self._routes:
            if (found := route.path_regex.match(path)) is None:
                continue
            if not isinstance(route, StrictRoute) or route.respond is None or "GET" not in (route.methods or ()):
                return None
            scope["route"] = route
            try:
                return await route.respond(self._reading, path, found.groupdict(), scope["query_string"])
            except ApiError as error:
                return error.response()
            except Exception as error:
                return failed(path, error)
        return None
