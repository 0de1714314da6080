"""The indexer's API, as the demonstration reads it: every answer says for which block it holds."""

from collections.abc import Iterator
from typing import Any

import httpx

from protocol.errors import ProtocolError


class ApiFailed(ProtocolError):
    """The API did not give what it should."""


class Api:
    """Reads of one API."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=10)

    def get(self, path: str, **query: Any) -> Any:
        """The whole answer: {"block", "block_hash", "data", …}."""
        try:
            answer = self._client.get(path, params={key: value for key, value in query.items() if value is not None})
        except httpx.HTTPError as error:
            raise ApiFailed(f"The API at {self.url} does not answer {path}: {type(error).__name__}.") from error
        if not answer.is_success:
            raise ApiFailed(f"The API answers {path} with {answer.status_code}: {answer.text[:200]}")
        return answer.json()

    def one(self, path: str, **query: Any) -> dict[str, Any]:
        """The data of an answer with one thing."""
        data: dict[str, Any] = self.get(path, **query)["data"]
        return data

    def all(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """All things of a list, page by page."""
        cursor = None
        while True:
            page = self.get(path, cursor=cursor, limit=200, **query)
            yield from page["data"]
            cursor = page["next"]
            if cursor is None:
                return

    def close(self) -> None:
        """End its connections."""
        self._client.close()

    def block(self) -> int:
        """The block that is indexed."""
        return int(self.get("/status")["block"])
