"""One client per account on a machine; and what an account's other programs send is noticed."""

import logging
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from network import Network

from node.journal import Journal
from node.locks import is_locked, lock_account
from node.sender import Sender
from protocol.chain import Chain
from protocol.errors import ConfigInvalid, StorageFailed

_FORK = multiprocessing.get_context("fork")
NOBODY = "0x00000000000000000000000000000000000000AA"


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this user's locks are."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "skein" / "locks"


def _hold(chain: Chain, home: Path, held: Any) -> None:
    with lock_account(chain, chain.address, home):
        held.set()
        signal.pause()


@contextmanager
def client(chain: Chain, home: Path) -> Iterator[Any]:
    """A process that holds the account of the chain."""
    held = _FORK.Event()
    process = _FORK.Process(target=_hold, args=(chain, home, held))
    process.start()
    assert held.wait(60)
    yield process
    process.kill()
    process.join()


def test_copies_of_a_key_cannot_run_at_once(module_network: Network, locks: Path, tmp_path: Path) -> None:
    chain = module_network.chain(1)
    with client(chain, tmp_path / "one") as first:
        refused = rf"Another client \(process {first.pid}\) runs with the key of {chain.address} on this network"
        with pytest.raises(ConfigInvalid, match=refused), lock_account(chain, chain.address, tmp_path / "two"):
            pass
        assert is_locked(chain, chain.address, tmp_path / "two")
        with lock_account(module_network.chain(2), module_network.accounts[2].address, tmp_path / "two"):
            pass  # another account
    with lock_account(chain, chain.address, tmp_path / "two"):  # it went with its holder, killed as that was
        pass
    assert list(locks.iterdir()) == []  # and leaves nothing behind


def test_who_runs_on_another_machine_is_named_with_it(module_network: Network, locks: Path, tmp_path: Path) -> None:
    chain = module_network.chain(1)
    with client(chain, tmp_path):
        (lock,) = locks.iterdir()
        for text, told in (("77 elsewhere", r" \(process 77 on elsewhere\) runs"), ("", "client runs")):
            lock.write_text(text)
            with pytest.raises(ConfigInvalid, match=told), lock_account(chain, chain.address, tmp_path):
                pass


def test_two_networks_are_two_locks(module_network: Network, locks: Path, tmp_path: Path) -> None:
    here, account = module_network.deployment, module_network.accounts[1]
    later = {name: replace(each, first_block=each.first_block + 1) for name, each in here.contracts.items()}
    chains = [Chain(module_network.rpc_url, there, account) for there in (here, replace(here, contracts=later))]
    with (
        lock_account(chains[0], account.address, tmp_path),
        lock_account(chains[1], account.address, tmp_path),
    ):
        assert len(list(locks.iterdir())) == 2


def test_a_file_in_the_way_has_a_stand_in(module_network: Network, locks: Path, tmp_path: Path) -> None:
    locks.parent.mkdir(parents=True)
    locks.write_text("")
    assert_stands_in(module_network.chain(1), tmp_path)


def assert_stands_in(chain: Chain, tmp_path: Path) -> None:
    with client(chain, tmp_path / "home"):
        assert is_locked(chain, chain.address, tmp_path / "home")
        assert not is_locked(chain, chain.address, tmp_path / "other")
        (tmp_path / "bad").write_text("")
        with pytest.raises(StorageFailed, match="The lock of this account cannot be written"):
            is_locked(chain, chain.address, tmp_path / "bad")


# --- clients on other machines


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "node.others"]


def transfer(sender: Sender, key: str) -> None:
    sender.send(key, "SkeinToken", "transfer", NOBODY, 1)


def test_transactions_of_others_are_noticed_once(
    network: Network, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    chain = network.chain(1)
    chain.send("SkeinToken", "transfer", NOBODY, 1)  # before this client's time
    first = chain.nonce()

    def life(work: Callable[[Sender], None]) -> None:
        with Journal.open(tmp_path, chain) as journal:
            sender = Sender(chain, journal, confirmations=3)
            sender.resume()
            work(sender)
            network.mine()
            sender.resume()

    life(lambda sender: transfer(sender, "ours"))
    life(lambda sender: transfer(sender, "ours too"))
    assert told(caplog) == []
    life(lambda sender: network.chain(1).send("SkeinToken", "transfer", NOBODY, 1))
    assert len(told(caplog)) == 1
    assert told(caplog)[0].startswith(f"Transaction {first + 2} of {chain.address} was not sent by this client")
    life(lambda sender: [network.chain(1).send("SkeinToken", "transfer", NOBODY, 1) for _ in range(3)] and None)
    life(lambda sender: transfer(sender, "ours at last"))
    assert len(told(caplog)) == 2 and f"Transactions {first + 3} to {first + 5} of" in told(caplog)[1]


def test_who_shares_an_account_is_not_warned(
    network: Network, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    chain = network.chain(1)
    with Journal.open(tmp_path, chain) as journal:
        for sender in (Sender(chain, journal, alone=False), Sender(chain, journal)):
            sender.resume()
            network.chain(1).send("SkeinToken", "transfer", NOBODY, 1)
            sender.resume()
    assert len(told(caplog)) == 1  # the other one's
