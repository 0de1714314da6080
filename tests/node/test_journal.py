"""The journal file: what it keeps, for whom, and what it says when it cannot."""

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from network import Network

from node.intents import Sent, State
from node.journal import Journal
from protocol.errors import ConfigInvalid, ContractReverted, StorageFailed


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.db") as opened:
        yield opened


def sent(nonce: int) -> Sent:
    return Sent(f"0x{nonce:064x}", "0x02", {"nonce": nonce}, cancels=False, head=1)


def test_facts_are_kept_until_they_are_replaced_or_forgotten(journal: Journal) -> None:
    assert journal.recall("task:7") is None
    journal.remember("task:7", {"digest": "0x11", "entries": [[1, 2, -5]]})
    journal.remember("task:7", {"digest": "0x22", "entries": []})
    with Journal(journal.path) as reopened:
        assert reopened.recall("task:7") == {"digest": "0x22", "entries": []}
    journal.forget("task:7")
    assert journal.recall("task:7") is None


def test_nonces_go_on_from_the_chains_or_our_own(journal: Journal) -> None:
    first = journal.begin("a", "Arena", "0x", None, 5, sent)
    second = journal.begin("b", "Arena", "0x", None, 5, sent)
    assert (first.nonce, second.nonce) == (5, 6)
    journal.settle(second, State.DONE, final=True)
    journal.settle(first, State.DONE, final=True)
    assert journal.begin("c", "Arena", "0x", None, 9, sent).nonce == 9
    assert [intent.key for intent in journal.open_intents()] == ["c"]


def test_the_first_of_two_processes_wins(journal: Journal) -> None:
    first = journal.begin("a", "Arena", "0x01", None, 0, sent)
    assert journal.begin("a", "Arena", "0x02", None, 0, sent) == first
    after = journal.begin("a", "Arena", "0x02", first, 1, sent)
    assert (after.data, journal.newest("a"), journal.count("a")) == ("0x02", after, 2)


def test_nothing_is_recorded_when_signing_fails(journal: Journal) -> None:
    def fail(nonce: int) -> Sent:
        raise ValueError("no key")

    with pytest.raises(ValueError, match="no key"):
        journal.begin("a", "Arena", "0x", None, 0, fail)
    assert journal.newest("a") is None
    assert journal.begin("a", "Arena", "0x", None, 0, sent).nonce == 0


def test_refusals_are_kept(journal: Journal) -> None:
    intent = journal.begin("a", "Arena", "0x", None, 0, sent)
    told = {"error": "WrongPhase", "args": {"task_id": 1, "actual": 3}, "contract": "Arena"}
    journal.settle(intent, State.REFUSED, final=False, outcome={"refusal": told})
    refusal = journal.newest("a").refusal()
    assert isinstance(refusal, ContractReverted)
    assert (refusal.error, refusal.args_, refusal.contract) == ("WrongPhase", {"task_id": 1, "actual": 3}, "Arena")


def test_the_file_is_synced_at_every_commit(journal: Journal) -> None:
    assert journal._rows("PRAGMA journal_mode") == [("wal",)]
    assert journal._rows("PRAGMA synchronous") == [(2,)]


def test_a_journal_belongs_to_one_account_on_one_chain(network: Network, tmp_path: Path) -> None:
    with Journal.open(tmp_path, network.chain(1)) as mine:
        mine.remember("a", {})
        assert mine.folder.parent.parent == tmp_path
        assert mine.folder.name == network.accounts[1].address
    with Journal.open(tmp_path, network.chain(2)) as other:
        assert other.recall("a") is None
    mine.path.write_bytes(other.path.read_bytes())
    with pytest.raises(ConfigInvalid, match=f"belongs to {network.accounts[2].address}, not to"):
        Journal.open(tmp_path, network.chain(1))


def test_trouble_with_the_disk_is_told(tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_text("no database " * 100)
    with pytest.raises(StorageFailed, match=r"journal\.db cannot be used \(file is not a database\)"):
        Journal(tmp_path / "journal.db")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match="cannot be used"):
        Journal(tmp_path / "file" / "journal.db")


def test_whatever_is_damaged_is_told_in_a_sentence(tmp_path: Path) -> None:
    """Anywhere in the file: in its structure, in a text, in what stands in a text."""
    with Journal(tmp_path / "good.db") as good:
        for number in range(20):
            good.remember(f"fact:{number}", {"digest": "0x" + "11" * 32, "entries": [[1, 2, -5]] * 20})
            intent = good.begin(f"wish:{number}", "Arena", "0x" + "ab" * 300, None, 5, sent)
            good.settle(intent, State.DONE, final=False, outcome={"receipt": {"a": "b" * 200}})
        good._rows("PRAGMA wal_checkpoint(TRUNCATE)")
    whole, told = (tmp_path / "good.db").read_bytes(), 0
    for seed in range(150):
        dice, data = random.Random(seed), bytearray(whole)
        at = dice.randrange(len(data))
        data[at : at + 4] = dice.randbytes(len(data[at : at + 4]))
        path = tmp_path / f"{seed}.db"
        path.write_bytes(data)
        try:
            with Journal(path) as journal:
                read_everything(journal)
        except StorageFailed as error:
            assert "cannot be used" in str(error)
            told += 1
    assert told > 10


def read_everything(journal: Journal) -> None:
    for number in range(20):
        journal.recall(f"fact:{number}")
        journal.newest(f"wish:{number}")
    for intent in journal.open_intents():
        journal.sent(intent)
    journal.begin("another", "Arena", "0x", None, journal.next_nonce(), sent)


def test_a_full_disk_loses_nothing(journal: Journal) -> None:
    journal.remember("small", {"a": 1})
    pages = journal._rows("PRAGMA page_count")[0][0]
    journal._rows(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageFailed, match=r"\(database or disk is full\): nothing is sent without it"):
        journal.remember("large", {"a": "x" * 100_000})
    assert journal.recall("small") == {"a": 1}
    journal._rows(f"PRAGMA max_page_count = {pages + 1000}")
    journal.remember("large", {"a": "x" * 100_000})


def test_a_file_that_another_process_writes_is_waited_for(journal: Journal) -> None:
    with Journal(journal.path) as other:
        other._database.execute("PRAGMA busy_timeout = 50")
        with journal.writing(), pytest.raises(StorageFailed, match="locked"):
            other.remember("a", {})
        other.remember("a", {})


def test_the_version_of_sqlite_has_what_is_used() -> None:
    assert sqlite3.sqlite_version_info >= (3, 37), "STRICT tables and RETURNING"
