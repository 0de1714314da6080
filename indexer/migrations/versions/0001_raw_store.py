"""The raw store, the checkpoint, and what undoes blocks. Databases from before migrations have these already."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _int64(name: str, primary_key: bool = False) -> "sa.Column[int]":
    return sa.Column(name, _INT64, nullable=False, primary_key=primary_key)


def upgrade() -> None:
    """Make what is missing."""
    op.create_table(
        "checkpoint",
        _int64("id", primary_key=True),
        _int64("version"),
        sa.Column("deployment", sa.String, nullable=False),
        _int64("number"),
        sa.Column("hash", sa.String, nullable=False),
        *map(_int64, ("timestamp", "final", "journal_floor")),
        if_not_exists=True,
    )
    op.create_table(
        "recent_block",
        _int64("number", primary_key=True),
        sa.Column("hash", sa.String, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "journal",
        _int64("number", primary_key=True),
        sa.Column("changes", sa.LargeBinary, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "block",
        _int64("number", primary_key=True),
        sa.Column("hash", sa.String, nullable=False),
        _int64("timestamp"),
        if_not_exists=True,
    )
    op.create_table(
        "log",
        _int64("position", primary_key=True),
        sa.Column("address", sa.String, nullable=False),
        *(sa.Column(f"topic{at}", sa.LargeBinary) for at in range(4)),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("transaction_hash", sa.LargeBinary, nullable=False),
        _int64("transaction_index"),
        if_not_exists=True,
    )
    for topic in ("topic0", "topic1"):
        op.create_index(f"log_{topic}", "log", [topic, "position"], if_not_exists=True)
