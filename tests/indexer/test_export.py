"""Lists as files: the same rows, all of them, and nothing in them that a spreadsheet would run."""

import csv
import io

import httpx
import orjson
import pytest
from indexing import Indexed, serving

from indexer.api import pages
from indexer.api.export import Table

LISTS = ["/tasks", "/events", "/events?contract=Arena", "/accounts?order=address", "/slashes?reason=silent", "/payouts",
         "/operators", "/tasks/1/scores", "/tasks/1/leaderboard", "/history", "/contracts", "/withdrawals"]  # fmt: skip


def rows(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text)))


def told(value: object) -> str:
    """A value as a cell."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode()
    return "" if value is None else str(value)


@pytest.mark.parametrize("path", LISTS)
def test_a_file_has_the_rows_of_all_pages(lived: Indexed, path: str) -> None:
    with serving(lived.url) as client:
        sign = "&" if "?" in path else "?"
        answer = client.get(f"{path}{sign}format=csv")
        expected, cursor = [], ""
        while cursor is not None:
            page = client.get(path + (f"{sign}cursor={cursor}" if cursor else "")).json()
            expected += page["data"]
            cursor = page["next"]
        assert rows(answer) == [{name: told(value) for name, value in row.items()} for row in expected]
        assert (answer.headers["x-block"], answer.headers["x-block-hash"]) == (str(page["block"]), page["block_hash"])
        assert (
            f"{path.split('?')[0][1:].replace('/', '-')}-{page['block']}.csv" in answer.headers["content-disposition"]
        )


def test_what_does_not_fit_one_file_is_in_the_next(lived: Indexed, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(lived.url) as client:
        whole = rows(client.get("/events?format=csv"))
        monkeypatch.setattr(pages, "MAX_ROWS", 100)
        found, path = [], "/events?format=csv&order=-position"
        while path:
            answer = client.get(path)
            found += rows(answer)
            path = answer.links["next"]["url"] if "next" in answer.links else ""
        assert found == whole and len(whole) > 300
        assert len(rows(client.get("/events?format=csv&limit=3"))) == 3
        assert rows(client.get("/tasks?format=csv&creator=0x" + "42" * 20)) == []


def test_only_lists_are_files(lived: Indexed) -> None:
    with serving(lived.url) as client:
        assert client.get("/status?format=csv").status_code == 422
        assert client.get("/tasks/1?format=csv").status_code == 422
        assert client.get("/tasks?format=xlsx").status_code == 422
        assert client.get("/tasks?format=csv&limit=" + 5000 * "9").status_code == 422
        assert client.get("/tasks?format=json").json()["data"]


def test_no_cell_is_a_formula() -> None:
    class Block:
        number, hash = 1, "0x1"

    table = Table("x", ["a", "b"], "/x?format=csv", None)
    evil = [{"a": '=HYPERLINK("http://evil")', "b": "+1"}, {"a": "@SUM(A1)", "b": "-1"}, {"a": "\tx", "b": -1}]
    found = list(csv.reader(io.StringIO(bytes(table.response(evil, None, Block, {}).body).decode())))[1:]
    assert found == [['\'=HYPERLINK("http://evil")', "'+1"], ["'@SUM(A1)", "'-1"], ["'\tx", "-1"]]
