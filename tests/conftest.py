"""Markers that all suites share, and the chain of `network.py`; other fixtures live beside the tests that use them."""

import pytest

pytest_plugins = ("network",)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes more than five seconds")
