"""RPC endpoints as users write them and as they may be told; apart from `protocol.rpc`, which loads web3."""

from urllib.parse import urlsplit

from protocol.errors import ConfigInvalid


def told(url: str) -> str:
    """The endpoint without its path and password, which often hold an access key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")


def check_url(url: str, what: str = "an RPC endpoint", such: str = "http://127.0.0.1:8545") -> None:
    """Raise ConfigInvalid unless `url` is an HTTP address; `what` it should be, and `such` an example, are told."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ConfigInvalid(f"{url!r} is not {what}: give a URL like {such}.")
