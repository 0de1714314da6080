from collections.abc import Iterator
from pathlib import Path

import pytest
from network import Network
from world import World, open_world


@pytest.fixture
def world(network: Network, tmp_path: Path) -> Iterator[World]:
    with open_world(network, tmp_path) as world:
        yield world
