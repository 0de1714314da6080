"""The derived tables anew, while readers go on with the old ones.

SQLite's readers see nothing of a transaction until it is committed. PostgreSQL's would wait for whoever drops a table
until the end of that transaction; so there, the new tables grow in a schema of their own and take the places of the
old ones at the very end. Where the user may not make schemas, the tables are made in place, and readers wait.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from indexer.connections import Connection
from indexer.db import make, make_indexes
from indexer.layout import layouts

logger = logging.getLogger(__name__)

_SCHEMA = "skein_rebuild"
# So long whoever reads is kept waiting for one that reads for long, before it may go on for so long.
_LOCK_SECONDS = 2
_LOCK_NOT_AVAILABLE = "55P03"


@contextmanager
def anew(connection: Connection) -> Iterator[None]:
    """Empty derived tables of the present version, whatever version was there; in the end with all their indexes."""
    if connection.dialect.name == "sqlite" or not _may_make_schemas(connection):
        for layout in layouts("derived"):
            connection.exec_driver_sql(f'DROP TABLE IF EXISTS "{layout.name}"')
        _make(connection)
        yield
        make_indexes(connection, layouts("derived"))
        return
    (home,) = connection.exec_driver_sql("SELECT quote_ident(current_schema())").one()
    for sql in (f"DROP SCHEMA IF EXISTS {_SCHEMA} CASCADE", f"CREATE SCHEMA {_SCHEMA}"):
        connection.exec_driver_sql(sql)
    connection.exec_driver_sql(f"SET LOCAL search_path TO {_SCHEMA}, {home}")
    _make(connection)
    yield
    make_indexes(connection, layouts("derived"))
    _lock_out_readers(connection, home)
    for layout in layouts("derived"):
        connection.exec_driver_sql(f'DROP TABLE IF EXISTS {home}."{layout.name}"')
        connection.exec_driver_sql(f'ALTER TABLE {_SCHEMA}."{layout.name}" SET SCHEMA {home}')
    connection.exec_driver_sql(f"SET LOCAL search_path TO {home}")
    connection.exec_driver_sql(f"DROP SCHEMA {_SCHEMA}")


def _may_make_schemas(connection: Connection) -> bool:
    sql = "SELECT has_database_privilege(current_database(), 'CREATE')"
    (may,) = connection.exec_driver_sql(sql).one()
    if not may:
        logger.warning("Readers wait until the tables are made anew: the database's user may not make a schema in it")
    return bool(may)


def _make(connection: Connection) -> None:
    """The tables, in the first schema of the path; rows come faster without the indexes."""
    make(connection, layouts("derived"), with_indexes=False)


def _lock_out_readers(connection: Connection, home: str) -> None:
    """Every reader looks at the checkpoint first: once it is ours, none holds, or waits for, any other table.

    One that reads for long, such as an audit, is waited for, while the others may go on in between.
    """
    while True:
        connection.exec_driver_sql("SAVEPOINT readers")
        try:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
            connection.exec_driver_sql(f"LOCK TABLE {home}.checkpoint IN ACCESS EXCLUSIVE MODE")
            return
        except Exception as error:
            if getattr(getattr(error, "orig", None), "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT readers")
        logger.info("Waiting for somebody who reads the old tables")
        time.sleep(_LOCK_SECONDS)
