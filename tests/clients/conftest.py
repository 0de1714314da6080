from collections.abc import Iterator
from pathlib import Path

import pytest
from network import Network
from world import World, open_world

from validator.sandbox import Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """Warm for all tests: loading the libraries takes seconds."""
    sandbox = Sandbox()
    yield sandbox
    sandbox.close()


@pytest.fixture
def world(network: Network, tmp_path: Path, sandbox: Sandbox) -> Iterator[World]:
    with open_world(network, tmp_path, sandbox) as world:
        yield world
