"""Key files (keystore v3) and their passwords."""

import getpass
import json
import logging
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from eth_utils.address import to_checksum_address

from protocol.configuration import expanded
from protocol.documents import parse_json
from protocol.errors import ConfigInvalid

if TYPE_CHECKING:  # it takes a second to import, and most commands need no key
    from eth_account.signers.local import LocalAccount

logger = logging.getLogger(__name__)

# scrypt's work factor: a second and 256 MB to try one password, as geth does it.
_WORK = 262144


def load_keystore(path: Path, password: str) -> "LocalAccount":
    """The account in a key file; `ConfigInvalid` says whether file or password is at fault."""
    from eth_account import Account

    content = _read(path)
    try:
        keystore = parse_json(content)
        if keystore.get("version") != 3 or "crypto" not in {name.lower() for name in keystore}:
            raise ValueError("not version 3")
    except (ValueError, AttributeError) as error:
        raise ConfigInvalid(f"{path} is not a key file (keystore v3).") from error
    try:
        account: LocalAccount = Account.from_key(Account.decrypt(keystore, password))
    except ValueError as error:
        if "MAC" in str(error):
            raise ConfigInvalid(f"The password does not open {path}.") from error
        raise ConfigInvalid(f"{path} is a damaged key file ({error}).") from error
    except (KeyError, TypeError, OverflowError) as error:
        raise ConfigInvalid(f"{path} is a damaged key file ({error}).") from error
    _warn_if_open(path)
    return account


def address_in(path: Path) -> str:
    """The address that a key file names; needs no password. `ConfigInvalid` if it is no key file or names none."""
    try:
        return str(to_checksum_address("0x" + str(parse_json(_read(path))["address"]).removeprefix("0x")))
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigInvalid(f"{path} is not a key file (keystore v3) that names its address.") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigInvalid(
            f"There is no key file at {path}: make one with `skein account new NAME`, or set SKEIN_KEYSTORE."
        ) from error
    except OSError as error:
        raise ConfigInvalid(f"The key file {path} cannot be read: {error.strerror}.") from error


def _warn_if_open(path: Path) -> None:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        logger.warning("Others may read the key file %s: close it with `chmod 600 %s`", path, path)


def create_keystore(path: Path, password: str, work: int = _WORK) -> "LocalAccount":
    """A new key in a new key file that only its owner can read. Never overwrites one."""
    from eth_account import Account

    account: LocalAccount = Account.create()
    _write(path, account, password, work)
    return account


def require_key(private_key: str) -> "LocalAccount":
    """The account of a private key; ConfigInvalid if it is none."""
    from eth_account import Account

    try:
        account: LocalAccount = Account.from_key(private_key)
    except (ValueError, TypeError) as error:  # its text would show the key
        raise ConfigInvalid("That is not a private key: give 64 hexadecimal digits.") from error
    return account


def import_key(path: Path, private_key: str, password: str, work: int = _WORK) -> "LocalAccount":
    """A key that exists already (64 hexadecimal digits) in a new key file."""
    account = require_key(private_key)
    _write(path, account, password, work)
    return account


def _write(path: Path, account: "LocalAccount", password: str, work: int) -> None:
    if not password:
        raise ConfigInvalid("An empty password protects nothing: choose another.")
    content = json.dumps(account.encrypt(password, kdf="scrypt", iterations=work))
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError as error:
        if error.filename != str(path):
            raise ConfigInvalid(f"The key file {path} cannot be written: {error.filename} is no directory.") from error
        raise ConfigInvalid(f"{path} exists already; keys are never overwritten.") from error
    except OSError as error:
        raise ConfigInvalid(f"The key file {path} cannot be written: {error.strerror}.") from error


def read_password(password_file: Path | None, confirm: bool = False) -> str:
    """The password: from the file, else from SKEIN_PASSWORD, else asked for (twice with `confirm`, for a new key)."""
    if password_file is not None:
        try:
            return expanded(password_file).read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            raise ConfigInvalid(f"The password file {password_file} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise ConfigInvalid(f"The password file {password_file} is not text in UTF-8.") from error
    if password := os.environ.get("SKEIN_PASSWORD"):
        return password
    if not sys.stdin.isatty():
        raise ConfigInvalid("A password is needed: set SKEIN_PASSWORD, or give a file with --password-file.")
    password = getpass.getpass("Password: ")
    if confirm and getpass.getpass("The same once more: ") != password:
        raise ConfigInvalid("The two passwords differ.")
    return password
