"""What programs say on standard error: a log, one line per thing that happened; at the end, why they failed."""

import json
import logging
import sys
from datetime import UTC, datetime

_TEXT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
# Chatty below WARNING, and what they say is ours to say: requests, connections, retries.
_LIBRARIES = ("web3", "urllib3", "httpx", "httpcore", "ipfshttpclient", "uvicorn.access")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC, ISO 8601), level, logger, message, and whatever `extra` carried."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure_logging(level: str = "INFO", json: bool = False) -> None:
    """Send the log to standard error. Called once, by a program's `cli.py`; calling again replaces the set-up.

    `level` is a standard name (DEBUG, INFO, WARNING, ERROR); anything else raises ValueError.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if json else logging.Formatter(_TEXT))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    quiet = logging.getLogger().level > logging.DEBUG
    for library in _LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING if quiet else logging.NOTSET)


def tell_error(code: int, text: str) -> None:
    """Say why a command fails: a sentence, or, where its command line has `--json`, an object."""
    as_json = {"error": {"code": code, "message": text}}
    print(json.dumps(as_json) if wants_json() else f"Error: {text}", file=sys.stderr)


def wants_json() -> bool:
    """Whether the command line asks for JSON."""
    return "--json" in sys.argv[1:]
