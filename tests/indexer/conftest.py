"""An index beside the chain of `network.py`, and one that saw everything that can happen."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from browser import WIDE, Browser, Visitor, running_browser, visiting
from indexing import Indexed, serving
from life import Life, whole
from network import Network, running_network
from postgres import Postgres, postgres

from indexer.api.app import Options


@pytest.fixture
def indexed(network: Network, tmp_path: Path) -> Iterator[Indexed]:
    """An empty index of this test's own chain."""
    with Indexed(network, tmp_path / "index.db") as running:
        yield running


@pytest.fixture
def life(network: Network) -> Life:
    """This test's own chain, to be acted on."""
    return Life(network)


@pytest.fixture(scope="session")
def lived(network_state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Indexed]:
    """An index of a chain on which every event occurred; only to be read."""
    with (
        running_network(network_state) as network,
        Indexed(network, tmp_path_factory.mktemp("lived") / "index.db") as running,
    ):
        whole(Life(network))
        network.mine(100)  # so that most of it is final
        running.sync()
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser, without pages."""
    with running_browser() as running:
        yield running


@pytest.fixture(scope="module")
def api(lived: Indexed) -> Iterator[httpx.Client]:
    """The API over an index of everything."""
    with serving(lived.url, Options(deadline=60)) as client:  # whatever else the machine does
        yield client


@pytest.fixture
def visitor(browser: Browser, api: httpx.Client) -> Iterator[Visitor]:
    """Who looks at it in that browser."""
    with visiting(browser, str(api.base_url), **WIDE) as found:
        yield found


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[Network], dict[str, list[tuple[object, ...]]]]:
    """The tables of a new index of the same chain."""

    def tables(network: Network) -> dict[str, list[tuple[object, ...]]]:
        path = tmp_path / "fresh.db"
        path.unlink(missing_ok=True)
        with Indexed(network, path) as other:
            other.sync()
            return other.tables()

    return tables


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """A PostgreSQL server, for databases of its own for each test."""
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/index.db"
    server: Postgres = request.getfixturevalue("server")
    return server.database()
