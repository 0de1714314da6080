"""What a client must not forget: the transactions that it signed, and facts such as what a commitment hides.

An SQLite file in write-ahead mode, synced to the disk at every commit, one per account and network. A transaction
stands here, signed, before it is broadcast, so that after any crash it is known which nonce it holds and which bytes to
send again. Several processes of one account may use the file at once.

An *intent* is one wish to change the chain, named by a key. All its transactions have the same nonce (others only raise
the fee, or cancel it), hence at most one of them is ever mined.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self, TypeVar

from node.intents import Intent, Sent, State, read_intent, read_sent
from node.locks import network_of
from protocol.chain import Chain
from protocol.configuration import expanded
from protocol.errors import ConfigInvalid, StorageFailed

T = TypeVar("T")
_BROKEN = (sqlite3.Error, UnicodeDecodeError)  # of a damaged file even the error may be no text
_BEGINS = "key >= ? AND key < ?"  # by an index, unlike a comparison of the first characters
_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, payload TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS intents (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL,
  contract TEXT NOT NULL,
  data TEXT NOT NULL,
  nonce INTEGER NOT NULL,
  state TEXT NOT NULL,
  final INTEGER NOT NULL DEFAULT 0,
  abandoned INTEGER NOT NULL DEFAULT 0,
  outcome TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS intents_key ON intents (key);
CREATE INDEX IF NOT EXISTS intents_open ON intents (nonce) WHERE final = 0;
CREATE TABLE IF NOT EXISTS transactions (
  hash TEXT PRIMARY KEY,
  intent INTEGER NOT NULL REFERENCES intents,
  raw TEXT NOT NULL,
  fields TEXT NOT NULL,
  cancels INTEGER NOT NULL,
  head INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS transactions_intent ON transactions (intent);
"""


class Journal:
    """See the module. Every method is one transaction of the database; `StorageFailed` when the disk fails."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._database = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            with self.writing():
                for statement in _SCHEMA.split(";"):
                    self._database.execute(statement)
        except (OSError, *_BROKEN) as error:
            raise self._broken(error) from error

    @classmethod
    def open(cls, home: Path, chain: Chain) -> Self:
        """The journal of the chain's account under a home directory, in a folder of its network."""
        return cls.open_for(home, chain, chain.address)

    @classmethod
    def open_for(cls, home: Path, chain: Chain, address: str) -> Self:
        """The same for an account whose key is not at hand."""
        folder = expanded(home) / network_of(chain) / address
        journal = cls(folder / "journal.db")
        journal._claim(address)
        return journal

    def check(self) -> None:
        """StorageFailed if the file is damaged."""
        told = self._rows("PRAGMA quick_check")[0][0]
        if told != "ok":
            raise self._broken(sqlite3.DatabaseError(told))

    def _claim(self, address: str) -> None:
        with self.writing():
            self._database.execute("INSERT OR IGNORE INTO about VALUES ('address', ?)", (address,))
            (owner,) = self._database.execute("SELECT value FROM about WHERE name = 'address'").fetchone()
        if owner != address:
            self.close()
            raise ConfigInvalid(f"The journal {self.path} belongs to {owner}, not to {address}.")

    @property
    def folder(self) -> Path:
        """The directory of this account on this network; clients keep their work beside the journal."""
        return self.path.parent

    def close(self) -> None:
        """Close the file; everything is on disk already."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Everything inside happens or nothing does, and no other process writes meanwhile."""
        with self._lock:
            try:
                self._database.execute("BEGIN IMMEDIATE")
                try:
                    yield
                except BaseException:
                    with suppress(sqlite3.Error):  # a full disk has rolled back already
                        self._database.execute("ROLLBACK")
                    raise
                self._database.execute("COMMIT")
            except _BROKEN as error:
                raise self._broken(error) from error

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._read(lambda *row: row, query, *values)

    def _read(self, form: Callable[..., T], query: str, *values: Any) -> list[T]:
        """Each row as `form` reads its columns. Damage may as well be in a text as in the file's structure."""
        with self._lock:
            try:
                return [form(*row) for row in self._database.execute(query, values)]
            except (sqlite3.Error, ValueError) as error:
                raise self._broken(error) from error

    def _broken(self, error: Exception) -> StorageFailed:
        return StorageFailed(
            f"The journal {self.path} cannot be used ({error}): nothing is sent without it, so see to its disk first."
        )

    # --- facts

    def remember(self, key: str, payload: Mapping[str, Any]) -> None:
        """Keep a fact (JSON) under a key; the newest stays."""
        with self.writing():
            self._database.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, json.dumps(dict(payload))))

    def recall(self, key: str) -> dict[str, Any] | None:
        """The fact under a key."""
        found = self._read(json.loads, "SELECT payload FROM facts WHERE key = ?", key)
        return found[0] if found else None

    def facts(self, prefix: str) -> dict[str, dict[str, Any]]:
        """All facts whose keys begin so."""
        query = f"SELECT key, payload FROM facts WHERE {_BEGINS} ORDER BY key"
        return dict(self._read(lambda key, payload: (key, json.loads(payload)), query, *_bounds(prefix)))

    def forget(self, key: str) -> None:
        """Drop a fact."""
        with self.writing():
            self._database.execute("DELETE FROM facts WHERE key = ?", (key,))

    # --- what is over

    def has(self, prefix: str) -> bool:
        """Whether there is an intent whose key begins so."""
        return bool(self._rows(f"SELECT 1 FROM intents WHERE {_BEGINS} LIMIT 1", *_bounds(prefix)))

    def is_open(self, prefix: str) -> bool:
        """Whether one of them is not final."""
        query = f"SELECT 1 FROM intents WHERE final = 0 AND {_BEGINS} LIMIT 1"
        return bool(self._rows(query, *_bounds(prefix)))

    def drop(self, prefix: str, *facts: str) -> None:
        """Forget all that was kept under keys that begin so, and these facts. What is not final stays, and so does the
        highest nonce: by that the transactions of others are told from ours.
        """
        gone, bounds = f"final = 1 AND {_BEGINS} AND nonce < (SELECT max(nonce) FROM intents)", _bounds(prefix)
        with self.writing():
            chosen = f"SELECT id FROM intents WHERE {gone}"
            self._database.execute(f"DELETE FROM transactions WHERE intent IN ({chosen})", bounds)
            self._database.execute(f"DELETE FROM intents WHERE {gone}", bounds)
            self._database.execute(f"DELETE FROM facts WHERE {_BEGINS}", bounds)
            for fact in facts:
                self._database.execute("DELETE FROM facts WHERE key = ?", (fact,))

    # --- intents

    def newest(self, key: str) -> Intent | None:
        """The intent of that key; of several (the earlier ones took no effect) the last."""
        found = self._intents("WHERE key = ? ORDER BY id DESC LIMIT 1", key)
        return found[0] if found else None

    def count(self, key: str) -> int:
        """How many intents that key has had."""
        return int(self._rows("SELECT count(*) FROM intents WHERE key = ?", key)[0][0])

    def next_nonce(self) -> int:
        """The first nonce above all that this account ever took here; 0 before the first."""
        return int(self._rows("SELECT coalesce(max(nonce) + 1, 0) FROM intents")[0][0])

    def open_intents(self) -> list[Intent]:
        """All that are not final, in the order of their nonces."""
        return self._intents("WHERE final = 0 ORDER BY nonce, id")

    def _intents(self, condition: str, *values: Any) -> list[Intent]:
        columns = "id, key, contract, data, nonce, state, final, abandoned, outcome"
        return self._read(read_intent, f"SELECT {columns} FROM intents {condition}", *values)

    def sent(self, intent: Intent) -> list[Sent]:
        """The signed transactions of an intent, oldest first."""
        query = "SELECT hash, raw, fields, cancels, head FROM transactions WHERE intent = ? ORDER BY rowid"
        return self._read(read_sent, query, intent.id)

    def begin(
        self, key: str, contract: str, data: str, after: Intent | None, next_nonce: int, sign: Callable[[int], Sent]
    ) -> Intent:
        """Record a new intent with its first transaction: signed, on disk, not yet broadcast.

        Its nonce is `next_nonce`, the chain's, or higher where others of this journal are still to be mined. `after` is
        the intent that the key had so far; if another process was quicker, its new one is returned instead.
        """
        with self.writing():
            (newest,) = self._rows("SELECT max(id) FROM intents WHERE key = ?", key)[0]
            if newest == (after.id if after else None):
                (highest,) = self._rows("SELECT max(nonce) FROM intents WHERE final = 0")[0]
                nonce = next_nonce if highest is None else max(next_nonce, highest + 1)
                insert = "INSERT INTO intents (key, contract, data, nonce, state) VALUES (?, ?, ?, ?, ?) RETURNING id"
                ((newest,),) = self._rows(insert, key, contract, data, nonce, State.SIGNED)
                self._add(newest, sign(nonce))
        return self._intent(newest)

    def fill(self, nonce: int, sent: Sent) -> Intent:
        """Record a transaction that does nothing but use up a nonce."""
        with self.writing():
            insert = "INSERT INTO intents (key, contract, data, nonce, state, abandoned) VALUES (?, '', '', ?, ?, 1)"
            ((number,),) = self._rows(insert + " RETURNING id", f"gap:{nonce}", nonce, State.SIGNED)
            self._add(number, sent)
        return self._intent(number)

    def reread(self, intent: Intent) -> Intent:
        """The intent as it stands in the file now."""
        return self._intent(intent.id)

    def _intent(self, number: int) -> Intent:
        return self._intents("WHERE id = ?", number)[0]

    def replace(self, intent: Intent, sent: Sent) -> None:
        """Record one more transaction of an intent, before it is broadcast."""
        with self.writing():
            self._add(intent.id, sent)

    def _add(self, intent: int, sent: Sent) -> None:
        self._database.execute(
            "INSERT OR IGNORE INTO transactions VALUES (?, ?, ?, ?, ?, ?)",
            (sent.hash, intent, sent.raw, json.dumps(sent.fields), sent.cancels, sent.head),
        )

    def abandon(self, intent: Intent) -> None:
        """From now on only transactions that cancel it are broadcast."""
        with self.writing():
            self._database.execute("UPDATE intents SET abandoned = 1 WHERE id = ?", (intent.id,))

    def settle(self, intent: Intent, state: State, final: bool, outcome: Mapping[str, Any] | None = None) -> Intent:
        """Record what became of an intent. Returns it as it is now."""
        told = json.dumps(dict(outcome)) if outcome else None
        with self.writing():
            self._database.execute(
                "UPDATE intents SET state = ?, final = ?, outcome = ? WHERE id = ?", (state, final, told, intent.id)
            )
        return self._intent(intent.id)


def _bounds(prefix: str) -> tuple[str, str]:
    """What `_BEGINS` needs, for the keys that begin so."""
    return prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)
