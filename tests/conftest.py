"""Markers that all suites share, and the chain of `network.py`; other fixtures live beside the tests that use them."""

import os
import tempfile

import pytest
from hypothesis import settings

os.environ["SKEIN_CONFIG"] = ""  # not the settings file of whoever runs the tests
pytest_plugins = ("network",)


def pytest_configure(config: pytest.Config) -> None:
    # the chains of several workers are the same, so each has its own clients
    state = tempfile.TemporaryDirectory(prefix="skein-state-")
    os.environ["XDG_STATE_HOME"] = state.name
    config.add_cleanup(state.cleanup)
    config.addinivalue_line("markers", "slow: takes more than five seconds")
    config.addinivalue_line("markers", "deep: takes minutes; only `scripts/test deep` runs it")
    # how long an example takes says more about the machine than about the code
    settings.register_profile("skein", deadline=None)
    settings.load_profile("skein")
