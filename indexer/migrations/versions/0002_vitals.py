"""How the process that syncs is doing."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_INT64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_FIGURES = ("started_at", "looked_at", "head", "written_at", "reorgs", "replaced_blocks")


def upgrade() -> None:
    """One row, written anew once a second."""
    op.create_table(
        "vitals",
        sa.Column("id", _INT64, primary_key=True),
        *(sa.Column(name, _INT64, nullable=False) for name in _FIGURES),
        sa.Column("rpc_errors", sa.String, nullable=False),
        if_not_exists=True,
    )
