"""The command line in this process, with accounts and a network."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import Result
from network import Network
from typer.testing import CliRunner

from skein.cli import app

PASSWORD = "correct horse"


@dataclass(frozen=True)
class Shell:
    """Runs `skein …`; accounts of the network are there as "a1", "a2", …."""

    network: Network
    home: Path

    def run(self, *words: str, code: int = 0, stdin: str | None = None) -> Result:
        """Run a command line and insist on its exit code; known errors are raised, as `run_cli` gets them."""
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        try:
            result = CliRunner().invoke(app, list(words), input=stdin, catch_exceptions=False)
        finally:  # the program's own would write to an output that is closed
            root.handlers[:] = handlers
            root.setLevel(level)
        assert result.exit_code == code, result.output
        return result

    def json(self, *words: str, stdin: str | None = None) -> Any:
        """What a command prints with --json."""
        return json.loads(self.run(*words, "--json", stdin=stdin).stdout)

    def address(self, account: int) -> str:
        return str(self.network.accounts[account].address)
