"""The benchmark runs, and what it measures is right: its events fit the ABI, and all of them are indexed."""

import re
import subprocess
import sys


def test_catching_up_is_measured() -> None:
    command = [sys.executable, "-m", "benchmarks.indexer", "catchup", "--events", "300", "--per-block", "50"]
    said = subprocess.run([*command, "--runs", "1"], check=True, capture_output=True, text=True).stdout
    assert re.search(r"300 events: +[\d,]+ events/s +[\d.]+ µs CPU/event +\d+ MB memory +[\d.]+ MB database", said)
    assert "start of Python" in said
