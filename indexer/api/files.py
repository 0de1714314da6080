"""The explorer's files: a few small ones, read once, served with what keeps a page from running what is not ours."""

import hashlib
from pathlib import Path

from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Scope

from indexer.api.errors import answer

FOLDER = Path(__file__).parents[1] / "explorer"
PREFIX = "/explorer/"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


class Files:
    """All files of the explorer, in memory."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._files: dict[str, tuple[bytes, dict[str, str]]] = {}
        for path in sorted(folder.rglob("*")):
            if path.suffix in _KINDS:
                body = path.read_bytes()
                tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
                headers = {**_HEADERS, "etag": tag, "content-type": _KINDS[path.suffix]}
                self._files[PREFIX + path.relative_to(folder).as_posix()] = body, headers
        self._files[PREFIX] = self._files[PREFIX + "index.html"]

    def response(self, scope: Scope) -> ASGIApp | None:
        """The answer to a request of the explorer's, None for one of the API."""
        path = scope["path"]
        if path in ("/", "/explorer"):
            return RedirectResponse(PREFIX)
        if path == "/docs":
            return RedirectResponse(f"{PREFIX}#/api")
        if not path.startswith(PREFIX):
            return None
        if path not in self._files:
            return answer(404, "not_found", f"There is no {path}.")
        body, headers = self._files[path]
        known = next((value for name, value in scope["headers"] if name == b"if-none-match"), b"").decode("latin-1")
        return Response(status_code=304, headers=headers) if headers["etag"] in known else Response(body, 200, headers)
