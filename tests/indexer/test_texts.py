"""Whatever bytes somebody calls a text: the index goes on, says that it was none, and counts it."""

import pytest
from indexing import Indexed, serving
from life import Life
from network import Network

from benchmarks.indexer.emitter import emitter_code
from indexer import db
from indexer.index import Index
from indexer.projections.texts import word_text
from indexer.rows import Rows
from indexer.tables import Ballot, Proposal, Totals
from protocol.events import topic

BAD = b"ja \xff\xfe \xed\xa0\x80 \0 \xf0\x9f\xa7\xb6"
SHOWN = "ja \ufffd\ufffd \ufffd\ufffd\ufffd \ufffd \U0001f9f6"


def words(*values: int | bytes) -> bytes:
    """The head and the tail of arguments of which the bytes are texts."""
    head, tail = b"", b""
    for value in values:
        if isinstance(value, bytes):
            head += (32 * len(values) + len(tail)).to_bytes(32)
            tail += len(value).to_bytes(32) + value + bytes(-len(value) % 32)
        else:
            head += value.to_bytes(32)
    return head + tail


def proposed(description: bytes) -> bytes:
    """The data of ProposalCreated, with four lists that are empty: each is a length of zero, as a text of none is."""
    return words(1, 0xBEEF, b"", b"", b"", b"", 10, 20, description)


def log(network: Network, name: str, indexed: list[int], data: bytes) -> None:
    """Have the governor's place say it, as any contract could."""
    address = network.deployment.address(name.split(".")[0])
    network.rpc("anvil_setCode", address, emitter_code())
    topics = b"".join([bytes.fromhex(topic(name)[2:]), *(value.to_bytes(32) for value in indexed)])
    record = bytes([1 + len(indexed)]) + len(data).to_bytes(2) + topics + data
    sender = network.accounts[18].address
    network.rpc("eth_sendTransaction", {"from": sender, "to": address, "data": "0x" + record.hex(), "gas": hex(10**6)})
    network.mine()


def test_texts_that_are_none_stop_nothing(network: Network, database: str) -> None:
    log(network, "SkeinGovernor.ProposalCreated", [], proposed(BAD))
    for voter, reason in enumerate((BAD, "schön".encode(), b"plain"), 1):
        log(network, "SkeinGovernor.VoteCast", [voter], words(1, 1, 7, reason))
    Life(network).send(2, "SkeinToken", "transfer", network.accounts[3].address, 1)
    with Indexed(network, database) as indexed:
        indexed.sync()
        assert indexed.one(Proposal).description == SHOWN
        assert [row.reason for row in indexed.rows(Ballot)] == [SHOWN, "schön", "plain"]
        assert indexed.one(Totals).mended_texts == 2
        before = indexed.tables()
        indexed.index.rebuild()
        assert indexed.tables() == before
        with serving(database) as api:
            assert {row["reason"] for row in api.get("/ballots").json()["data"]} == {SHOWN, "schön", "plain"}
            said = api.get("/events", params={"name": "SkeinGovernor.VoteCast"}).json()["data"][-1]["args"]["reason"]
            assert said == SHOWN.replace(" \ufffd ", " \0 "), "an event is shown as it is, as far as JSON has words"
            assert "skein_indexer_mended_texts_total 2.0" in api.get("/metrics").text


@pytest.mark.parametrize(
    ("word", "text", "mended"),
    [
        (b"silent", "silent", 0),
        (b"", "", 0),
        ("schön".encode(), "schön", 0),
        (b"a\xff\xffb", "a\ufffd\ufffdb", 1),
        (b"a\0b\x07", "a\ufffdb\ufffd", 1),
        (32 * b"\xff", 32 * "\ufffd", 1),
    ],
)
def test_words_are_texts_too(network: Network, database: str, word: bytes, text: str, mended: int) -> None:
    engine = db.open_engine(database)
    Index(engine, network.deployment).close()
    with engine.begin() as connection:
        rows = Rows(connection)
        assert word_text(rows, "0x" + word.ljust(32, b"\0").hex()) == text
        assert rows.ensure(Totals, 1).mended_texts == mended
    engine.dispose()
