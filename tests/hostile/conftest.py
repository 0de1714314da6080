from collections.abc import Iterator

import pytest

from validator.sandbox import Sandbox


@pytest.fixture(scope="package")
def sandbox() -> Iterator[Sandbox]:
    """One for all that is hostile: it must go on whatever it was given."""
    sandbox = Sandbox()
    yield sandbox
    sandbox.close()
