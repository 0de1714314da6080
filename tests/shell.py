"""The command line in this process, with accounts and a network."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import Result
from network import Network
from typer.testing import CliRunner

from node.output import exit_code
from protocol.errors import ProtocolError
from skein.cli import app

PASSWORD = "correct horse"


def _invoke(words: Sequence[str], stdin: str | bytes | None, catch_exceptions: bool) -> Result:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        return CliRunner().invoke(app, list(words), input=stdin, catch_exceptions=catch_exceptions)
    finally:  # the program's own would write to an output that is closed
        root.handlers[:] = handlers
        root.setLevel(level)


def ends_with(words: Sequence[str], stdin: bytes | None = None) -> int:
    """The exit code of a command line, by the rules of `node.output.run_cli`; any error is one that is foreseen."""
    result = _invoke(words, stdin, catch_exceptions=True)
    if result.exception is None or isinstance(result.exception, SystemExit):
        return result.exit_code
    assert isinstance(result.exception, ProtocolError), (words, repr(result.exception))
    assert len(str(result.exception)) > 20
    return exit_code(result.exception)


@dataclass(frozen=True)
class Shell:
    """Runs `skein …`; accounts of the network are there as "a1", "a2", …."""

    network: Network
    home: Path

    def run(self, *words: str, code: int = 0, stdin: str | None = None) -> Result:
        """Run a command line and insist on its exit code; known errors are raised, as `run_cli` gets them."""
        result = _invoke(words, stdin, catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    def json(self, *words: str, stdin: str | None = None) -> Any:
        """What a command prints with --json."""
        return json.loads(self.run(*words, "--json", stdin=stdin).stdout)

    def address(self, account: int) -> str:
        return str(self.network.accounts[account].address)
