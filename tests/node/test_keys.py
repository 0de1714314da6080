"""Key files, passwords and the lock on a key."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from node.keys import address_in, create_keystore, import_key, load_keystore, read_password
from protocol.errors import ConfigInvalid

LIGHT = 1024  # scrypt's work factor: tests need not wait for an attacker
KEY = "0x" + "4c" * 32


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    import_key(tmp_path / "key.json", KEY, "secret", LIGHT)
    return tmp_path / "key.json"


@pytest.fixture(autouse=True)
def _no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SKEIN_PASSWORD", raising=False)


def test_a_key_comes_back_out_of_its_file(keystore: Path, tmp_path: Path) -> None:
    assert load_keystore(keystore, "secret").address == Account.from_key(KEY).address
    made = create_keystore(tmp_path / "new.json", "other", LIGHT)
    assert load_keystore(tmp_path / "new.json", "other").key == made.key
    assert json.loads(keystore.read_text())["version"] == 3


def test_a_key_file_names_its_address(keystore: Path, tmp_path: Path) -> None:
    assert address_in(keystore) == Account.from_key(KEY).address
    (tmp_path / "none.json").write_text("{}")
    with pytest.raises(ConfigInvalid, match="is not a key file"):
        address_in(tmp_path / "none.json")


def test_only_the_owner_can_read_a_new_file(keystore: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert stat.S_IMODE(keystore.stat().st_mode) == 0o600
    load_keystore(keystore, "secret")
    assert not caplog.records
    keystore.chmod(0o644)
    load_keystore(keystore, "secret")
    assert f"chmod 600 {keystore}" in caplog.text


def test_the_usual_work_factor_is_geths(tmp_path: Path) -> None:
    create_keystore(tmp_path / "key.json", "secret")
    assert json.loads((tmp_path / "key.json").read_text())["crypto"]["kdfparams"]["n"] == 262144


def test_nothing_is_overwritten(keystore: Path) -> None:
    before = keystore.read_text()
    with pytest.raises(ConfigInvalid, match="exists already"):
        create_keystore(keystore, "x", LIGHT)
    assert keystore.read_text() == before


def test_bad_wishes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="empty password"):
        create_keystore(tmp_path / "a", "", LIGHT)
    for text in ("0x12", "zz" * 32, ""):
        with pytest.raises(ConfigInvalid, match="not a private key") as error:
            import_key(tmp_path / "a", text, "secret", LIGHT)
        assert not text or text not in str(error.value)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(ConfigInvalid, match="cannot be written"):
        create_keystore(tmp_path / "file" / "key", "secret", LIGHT)


def damaged(keystore: Path, **changes: Any) -> Path:
    content = json.loads(keystore.read_text())
    content["crypto"].update(changes)
    keystore.write_text(json.dumps(content))
    return keystore


@pytest.mark.parametrize("content", ["", "{}", "[]", "7", '{"version": 3}', '{"version": 1, "crypto": {}}', "\xff"])
def test_other_files_are_no_key_files(tmp_path: Path, content: str) -> None:
    (tmp_path / "a").write_text(content, encoding="latin-1")
    with pytest.raises(ConfigInvalid, match=r"a is not a key file \(keystore v3\)"):
        load_keystore(tmp_path / "a", "secret")


def test_what_is_wrong_with_a_key_file_is_said(keystore: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="The password does not open"):
        load_keystore(keystore, "wrong")
    with pytest.raises(ConfigInvalid, match=r"There is no key file at .*skein account new"):
        load_keystore(tmp_path / "absent", "secret")
    with pytest.raises(ConfigInvalid, match="cannot be read: Is a directory"):
        load_keystore(tmp_path, "secret")
    with pytest.raises(ConfigInvalid, match="damaged key file"):
        load_keystore(damaged(keystore, kdf="none"), "secret")
    with pytest.raises(ConfigInvalid, match="damaged key file"):
        load_keystore(damaged(keystore, kdf="scrypt", kdfparams={}), "secret")


def test_passwords_come_from_a_file_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "password").write_text(" secret \r\n")
    monkeypatch.setenv("SKEIN_PASSWORD", "other")
    assert read_password(tmp_path / "password") == " secret "
    assert read_password(None) == "other"
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        read_password(tmp_path / "absent")


def test_without_a_terminal_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull) as nothing:  # noqa: PTH123
        monkeypatch.setattr("sys.stdin", nothing)
        with pytest.raises(ConfigInvalid, match="set SKEIN_PASSWORD, or give a file with --password-file"):
            read_password(None)
