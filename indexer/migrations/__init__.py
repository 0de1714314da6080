"""Migrations of the tables that are not derived, by Alembic; `db.prepare` runs them within its transaction.

To add one: change the table, write `versions/NNNN_what.py` with its `upgrade`, raise `SCHEMA` in `db.py`. The tests
compare what the migrations make with the tables, on SQLite and on PostgreSQL.
"""

from pathlib import Path

from alembic.config import Config
from sqlalchemy import Connection


def configuration(connection: Connection) -> Config:
    """Alembic's configuration for an open connection."""
    found = Config()
    found.set_main_option("script_location", str(Path(__file__).parent))
    found.attributes["connection"] = connection
    return found
