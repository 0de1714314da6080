"""What people type wrong, and files that are not what they should be: a sentence and an exit code, for each that once
ended in a stack trace, a crash or a wait."""

from pathlib import Path

import pytest
from network import Network
from operators import operator_shell
from shell import Shell, ends_with

from protocol.errors import ContractReverted

DEEP = b"[" * 100_000
SOMEBODY = "0x" + "11" * 20
KEYSTORE = b"""{"version": 3, "address": "%s", "crypto": {"cipher": "aes-128-ctr", "cipherparams": {"iv": "00"},
"ciphertext": "00", "kdf": "pbkdf2", "mac": "00",
"kdfparams": {"c": 99999999999, "dklen": 32, "prf": "hmac-sha256", "salt": "00"}}}""" % (b"11" * 20)


@pytest.fixture
def operator(module_network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SKEIN_CONFIG", "")  # put back at the end: --config sets it
    return operator_shell(module_network, tmp_path, monkeypatch, 2)


@pytest.mark.parametrize(
    ("line", "content"),
    [
        ("task list --deployment FILE", b"\x80\xff" * 100),
        ("task list --deployment FILE", DEEP),
        ("stake deposit 1 -a FILE", DEEP),
        ("stake deposit 1 -a FILE", KEYSTORE),
        ("trainer status --keystore FILE", DEEP),
        ("--config FILE task list", b"a = " + DEEP[:20_000]),
        ("task create FILE.json", DEEP),
        ("task create FILE.toml", b"a = " + DEEP[:20_000]),
        ("task create FILE.yaml", DEEP[:5_000]),
        ("task create FILE.yaml", b"title: !!timestamp abc"),
        ("account new a --home FILE", b""),
        ("account new a --password-file FILE", b"\xff"),
    ],
)
def test_files_that_are_something_else(operator: Shell, tmp_path: Path, line: str, content: bytes) -> None:
    words = line.replace("FILE", str(tmp_path / "file")).split()
    for word in words:
        if word.startswith(str(tmp_path)):
            Path(word).write_bytes(content)
    assert ends_with(words) == 3


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (2, f"account send {SOMEBODY} {10**60}"),
        (2, f"stake deposit {'9' * 5000}"),
        (2, "stake commission 1e1"),
        (2, "stake commission 5.00000000000000001"),
        (2, "simulate --seed -1"),
        (3, f"account send {SOMEBODY} 0"),
        (3, f"account send {SOMEBODY} 99999999999"),
        (3, f"stake delegate {SOMEBODY} 1"),
        (3, "stake withdraw -- -1"),
        (3, f"stake withdraw {2**256}"),
        (3, "account list --home ~nobody-has-this-name"),
        (3, "kind base . --store dir:~nobody-has-this-name"),
        (3, "kind base . --store gateway:http://["),
        (3, "kind check :"),
        (3, "kind example protocol.tasks.base:Task new"),
        (3, "trainer run --once --max-fee-gwei inf"),
        (3, "trainer run --once --learning-rate nan"),
        (3, "trainer run --once --epochs 0"),
        (3, "trainer run --once --device gpu"),
        (7, "gov show 99"),
        (7, "gov vote 99 for"),
    ],
)
def test_words_that_cannot_be(operator: Shell, code: int, line: str) -> None:
    assert ends_with(line.split()) == code


def test_a_key_that_is_no_text(operator: Shell) -> None:
    assert ends_with(["account", "import", "a"], stdin=b"\x80\xff\n") == 3


def test_contracts_that_stand_in_for_one_another(operator: Shell, tmp_path: Path) -> None:
    addresses = [each.address for each in operator.network.deployment.contracts.values()]
    text = operator.network.deployment_path.read_text()
    for at, address in enumerate(addresses):
        text = text.replace(address, f"<{(at + 1) % len(addresses)}>")
    for at, address in enumerate(addresses):
        text = text.replace(f"<{at}>", address)
    (tmp_path / "d.json").write_text(text)
    with pytest.raises(ContractReverted, match=r"is the deployment file this network's\?"):
        operator.run("task", "list", "--deployment", str(tmp_path / "d.json"))
