"""How far the index is, what the last blocks changed, and what the chain said."""

from typing import Any, ClassVar

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field, SQLModel

from indexer.tables.columns import int64, primary
from indexer.types import INT64, Address, Digest


class Checkpoint(SQLModel, table=True):
    """How far the index is; one row, written in the same transaction as all that it covers."""

    id: int = primary(INT64, default=1)
    version: int = int64()
    # The deployment that is indexed, as the JSON of its file: readers of the database need nothing else.
    deployment: str
    number: int = int64()
    hash: Digest
    timestamp: int = int64()
    # No block up to here will change any more.
    final: int = int64()
    # Blocks above this can be undone by the journal.
    journal_floor: int = int64()


class RecentBlock(SQLModel, table=True):
    """The hash of every block that is not final yet: where a reorg is found."""

    __tablename__: ClassVar[Any] = "recent_block"

    number: int = primary(INT64)
    hash: Digest


class Journal(SQLModel, table=True):
    """What a block that is not final changed: the old image of each row, as JSON."""

    number: int = primary(INT64)
    changes: bytes = Field(sa_type=LargeBinary)


class Vitals(SQLModel, table=True):
    """How the process that syncs is doing; one row, written about once a second, outside the blocks' transactions.

    Counts begin with the process. Times are those of its machine, in seconds.
    """

    id: int = primary(INT64, default=1)
    started_at: int = int64()
    # When it last looked at the chain and got an answer; 0: never. The chain's newest block, then.
    looked_at: int = int64(default=0)
    head: int = int64(default=0)
    # When this row was written.
    written_at: int = int64()
    reorgs: int = int64(default=0)
    replaced_blocks: int = int64(default=0)
    # Failed requests per endpoint, in the order of the settings, as a JSON list.
    rpc_errors: str = "[]"


# --- the raw store


class Block(SQLModel, table=True):
    """A block with at least one log of ours."""

    number: int = primary(INT64)
    hash: Digest
    timestamp: int = int64()


class Log(SQLModel, table=True):
    """A log of one of our contracts as the chain has it; `data` and the topics are plain bytes."""

    __table_args__ = (Index("log_topic0", "topic0", "position"), Index("log_topic1", "topic1", "position"))

    position: int = primary(INT64)
    address: Address
    topic0: bytes | None = Field(default=None, sa_type=LargeBinary)
    topic1: bytes | None = Field(default=None, sa_type=LargeBinary)
    topic2: bytes | None = Field(default=None, sa_type=LargeBinary)
    topic3: bytes | None = Field(default=None, sa_type=LargeBinary)
    data: bytes = Field(sa_type=LargeBinary)
    transaction_hash: bytes = Field(sa_type=LargeBinary)
    transaction_index: int = int64()
