"""The explorer at its limits: sponsors, what strangers write, numbers and lists of any size, and an empty network."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from browser import PHONE, WIDE, Browser, Visitor, visiting
from indexing import Indexed, serving
from life import CREATOR, Life, stake
from samples import CANCER, sample_spec

from indexer.api.app import Options
from indexer.units import pad
from protocol.specs import write_spec
from protocol.store import DirectoryStore

HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>alert(1)</script>{{7*7}}${7*7}"
TOKEN = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
MOST = 2**256 - 1
AMOUNTS = (
    ("account", "balance"), ("account", "earned"), ("task", "bounty"), ("pool", "stake"), ("totals", "staked"),
    ("totals", "bounties"), ("federation", "pool"), ("slash", "assets"), ("payout", "assets"), ("submission", "reward"),
    ("emission_account", "drawn"),
)  # fmt: skip
LISTS = (
    "", "tasks", "federations", "accounts", "operators", "vaults", "network", "emission", "governance", "payouts",
    "slashes", "appeals", "sponsorships", "events",
)  # fmt: skip


@pytest.fixture(scope="module")
def extreme(lived: Indexed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The same index with rows that no contract of ours would make, as a hostile chain might."""
    path = tmp_path_factory.mktemp("extreme") / "index.db"
    with closing(sqlite3.connect(lived.path)) as source, closing(sqlite3.connect(path)) as copy:
        source.backup(copy)
        for table, column in AMOUNTS:
            copy.execute(f"UPDATE {table} SET {column} = ?", (pad(MOST),))
        copy.execute("UPDATE proposal SET description = ?", (20_000 * "W",))
        given = [(1, TOKEN, f"0x{at:040x}", pad(MOST), pad(0)) for at in range(1, 61)]
        copy.executemany(
            "INSERT INTO sponsorship (task_id, token, sponsor, assets, refunded) VALUES (?,?,?,?,?)", given
        )
        names = "address, balance, earned, slashed, tasks_created, submissions, validations, memberships"
        people = [(f"0x{at:040x}", pad(at), pad(0), pad(0), 0, 0, 0, 0) for at in range(1, 10_001)]
        copy.executemany(f"INSERT INTO account ({names}) VALUES (?,?,?,?,?,?,?,?)", people)
        copy.commit()
    with serving(f"sqlite:///{path}") as client:
        yield client


def rows(api: httpx.Client, path: str) -> Any:
    return api.get(path).json()["data"]


def skein(wei: str) -> str:
    """As the explorer shows an amount."""
    whole, rest = divmod(int(wei), 10**18)
    return f"{whole:,}.{rest // 10**16:02d}"


def test_sponsors_are_shown_with_who_was_paid(visitor: Visitor, api: httpx.Client) -> None:
    paid = next(row for row in rows(api, "/sponsored") if row["submission_id"])
    given = rows(api, f"/sponsorships?task_id={paid['task_id']}")
    visitor.go(f"tasks/{paid['task_id']}")
    shown = visitor.page.locator("section:has(h2:text-is('Sponsors')) tbody tr").all_inner_texts()
    assert len(shown) == len(given) > 1
    assert all(any(skein(row["assets"]) in line for line in shown) for row in given)
    assert f"model {paid['submission_id']}" in visitor.text("section:has(h2:text-is('Paid by sponsors'))")
    visitor.go("tasks")
    visitor.page.get_by_role("link", name="Sponsorships").click()
    visitor.settled()
    assert visitor.page.locator("section:has(h2:text-is('Given')) tbody tr").count() == len(rows(api, "/sponsorships"))
    visitor.page.get_by_label("Who was paid").fill(paid["operator"])
    visitor.page.keyboard.press("Enter")
    visitor.page.wait_for_url(f"**operator={paid['operator']}")
    visitor.settled()
    mine = rows(api, f"/sponsored?operator={paid['operator']}")
    assert visitor.page.locator("section:has(h2:text-is('Paid')) tbody tr").count() == len(mine) > 0
    visitor.go(f"accounts/{given[0]['sponsor']}")
    assert skein(given[0]["assets"]) in visitor.text("section:has(h2:text-is('Sponsors'))")


@pytest.mark.parametrize("device", [WIDE, PHONE], ids=["wide-light", "phone-dark"])
def test_numbers_and_texts_of_any_size_fit_the_page(
    browser: Browser, extreme: httpx.Client, device: dict[str, Any]
) -> None:
    (proposal, *_), (pool, *_) = rows(extreme, "/proposals"), rows(extreme, "/operators")
    ones = ("tasks/1", f"governance/{proposal['id']}", f"operators/{pool['operator']}", f"accounts/{pool['operator']}")
    with visiting(browser, str(extreme.base_url), **device) as visitor:
        for path in (*LISTS, *ones, "federations/1", "federations/1/rounds/1"):
            visitor.go(path)
            assert not visitor.too_wide(), path
            assert not re.search(r"NaN|undefined|\[object", visitor.text()), path
        visitor.go("sponsorships?sponsor=0x" + 39 * "0" + "1")
        sum_ = visitor.page.locator("section:has(h2:text-is('Given')) tbody .number").first
        assert sum_.inner_text() == "1.157e77" and sum_.get_attribute("title") == f"{MOST:,}"


def test_a_list_of_ten_thousand_is_shown_bit_by_bit(browser: Browser, extreme: httpx.Client) -> None:
    with visiting(browser, str(extreme.base_url), **PHONE) as visitor:
        visitor.go("accounts")
        lines = visitor.page.locator("tbody tr")
        assert lines.count() == 50
        visitor.page.get_by_role("button", name="Show more").focus()
        visitor.page.keyboard.press("Enter")
        visitor.page.locator("tbody tr:nth-child(100)").wait_for()
        with visitor.page.expect_download() as download:
            visitor.page.get_by_role("link", name="CSV").click()
        assert len(Path(download.value.path()).read_text().splitlines()) == 5_001


@pytest.mark.parametrize("device", [WIDE, PHONE], ids=["wide-light", "phone-dark"])
def test_a_network_in_which_nothing_happened(browser: Browser, indexed: Indexed, device: dict[str, Any]) -> None:
    indexed.sync()
    with serving(indexed.url) as client, visiting(browser, str(client.base_url), **device) as visitor:
        for path in LISTS:
            visitor.go(path)
            assert not visitor.too_wide(), path
            assert not re.search(r"NaN|undefined|Infinity|\[object|did not work", visitor.text()), path


def test_what_strangers_write_is_shown_and_never_run(
    browser: Browser, life: Life, indexed: Indexed, tmp_path: Path
) -> None:
    store = DirectoryStore(tmp_path / "store")
    evil = sample_spec(title=HOSTILE, description=f"{HOSTILE}\njavascript:alert(1)")
    stake(life)
    for number, spec in enumerate((evil, CANCER)):
        life.create(CREATOR, spec_digest=store.put(write_spec(spec, tmp_path / str(number))))
    indexed.sync()
    options = Options(store=store)
    with serving(indexed.url, options) as client, visiting(browser, str(client.base_url), **WIDE) as visitor:
        for path in ("", "tasks"):
            visitor.go(path)
            visitor.page.locator("tbody .title", has_text=CANCER.title).wait_for()
            assert HOSTILE in visitor.page.locator("tbody .title").all_inner_texts()
        visitor.go("tasks/1")
        assert visitor.text("h1") == HOSTILE and "javascript:alert(1)" in visitor.text(".prose")
        assert visitor.page.title().startswith(HOSTILE[:20])
        assert visitor.page.locator("main img, main script").count() == 0
        visitor.go(f"tasks?creator={HOSTILE}")
        assert "creator cannot be" in visitor.text(".notice")
        visitor.go(f"accounts/{HOSTILE.replace('/', '')}")
        assert visitor.page.locator("main img, main script").count() == 0
