"""Exactly once: transactions through the journal, while chain, node and other programs do their worst."""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from network import Network

from node.intents import State
from node.journal import Journal
from node.sender import JournalConflict, Sender
from protocol.chain import Chain
from protocol.errors import ChainUnavailable, ContractReverted
from protocol.rpc import Rpc
from protocol.transactions import Receipt
from skein.processes import until

NOBODY = "0x00000000000000000000000000000000000000AA"


@pytest.fixture
def chain(network: Network) -> Chain:
    return network.chain(1, timeout=10)


@pytest.fixture
def journal(tmp_path: Path, chain: Chain) -> Iterator[Journal]:
    with Journal.open(tmp_path, chain) as opened:
        yield opened


@pytest.fixture
def reopened(journal: Journal) -> Iterator[Journal]:
    """The same file, as another process or a later one has it."""
    with Journal(journal.path) as opened:
        yield opened


@pytest.fixture
def sender(chain: Chain, journal: Journal) -> Sender:
    return Sender(chain, journal, confirmations=3)


def pay(sender: Sender, key: str = "pay", assets: int = 7) -> Receipt:
    """Transfers are what must not happen twice: nothing in the contract would stop them."""
    return sender.send(key, "SkeinToken", "transfer", NOBODY, assets)


def received(network: Network) -> int:
    return network.chain().token_balance(NOBODY)


def pending(network: Network, sender: Sender, key: str = "pay") -> None:
    """Send, on a chain that mines nothing for now."""
    network.rpc("evm_setAutomine", False)
    sender.chain.timeout = 0.1
    with pytest.raises(ChainUnavailable, match=f"{key} was not mined in 0.1 s"):
        pay(sender, key)
    sender.chain.timeout = 10


def test_a_key_is_sent_once(network: Network, sender: Sender, reopened: Journal) -> None:
    first = pay(sender)
    assert pay(sender) == first
    assert pay(Sender(sender.chain, reopened)) == first == sender.done("pay")
    assert pay(sender, "other").transaction_hash != first.transaction_hash
    assert received(network) == 14
    with pytest.raises(JournalConflict, match="pay was already sent with other content"):
        pay(sender, assets=8)


def test_what_the_contract_refuses_now_leaves_no_trace(network: Network, sender: Sender, journal: Journal) -> None:
    with pytest.raises(ContractReverted, match="ERC20InsufficientBalance"):
        pay(sender, assets=10**30)
    assert journal.newest("pay") is None
    assert pay(sender).block_number == network.chain().head().number


def test_a_refusal_in_the_block_is_recorded_and_tried_anew_only_when_final(network: Network, sender: Sender) -> None:
    funds = sender.chain.token_balance(sender.chain.address)
    network.rpc("evm_setAutomine", False)
    sender.chain.timeout = 0.1
    for key in ("first", "second"):
        with pytest.raises((ChainUnavailable, ContractReverted)):
            pay(sender, key, funds)
    sender.chain.timeout = 10
    network.mine()
    assert pay(sender, "first", funds).block_number == network.chain().head().number
    for _ in range(2):
        with pytest.raises(ContractReverted, match="ERC20InsufficientBalance"):
            pay(sender, "second", funds)
    network.rpc("evm_setAutomine", True)
    network.chain(2).send("SkeinToken", "transfer", sender.chain.address, funds)
    network.mine(3)
    pay(sender, "second", funds)
    assert received(network) == 2 * funds


def test_a_pending_transaction_is_found_again(network: Network, sender: Sender, reopened: Journal) -> None:
    pending(network, sender)
    network.mine()
    assert pay(Sender(sender.chain, reopened)).block_number == network.chain().head().number
    assert received(network) == 7


def test_a_pending_transaction_that_the_node_forgot_is_sent_again(network: Network, sender: Sender) -> None:
    pending(network, sender)
    network.rpc("anvil_dropAllTransactions")
    network.rpc("evm_setAutomine", True)
    sender.resume()
    until(lambda: received(network) == 7, 5, "the transfer")
    assert pay(sender).transaction_hash == sender.journal.sent(sender.journal.newest("pay"))[0].hash


def test_reorganisations_do_not_lose_or_repeat_it(network: Network, sender: Sender) -> None:
    first, second = pay(sender, "first"), pay(sender, "second")
    network.mine()
    network.reorg(3)
    assert received(network) == 0
    sender.resume()
    until(lambda: received(network) == 14, 5, "both transfers")
    assert {pay(sender, key).transaction_hash for key in ("first", "second")} == {
        first.transaction_hash,
        second.transaction_hash,
    }
    assert received(network) == 14


def test_watching_ends_when_it_lies_deep_enough(network: Network, sender: Sender, journal: Journal) -> None:
    pay(sender)
    for blocks, final in ((2, False), (1, True)):
        network.mine(blocks)
        sender.resume()
        assert journal.newest("pay").final is final
    assert journal.open_intents() == []


def test_a_stuck_transaction_gets_a_higher_fee_and_the_same_nonce(network: Network, sender: Sender) -> None:
    pending(network, sender)
    sender.bump_seconds = 0.01
    raise_base_fee(network)
    time.sleep(0.05)
    sender.resume()
    sent = sender.journal.sent(sender.journal.newest("pay"))
    assert len(sent) == 2
    assert sent[0].fields["nonce"] == sent[1].fields["nonce"]
    assert sent[1].fields["maxFeePerGas"] >= 2 * sent[0].fields["maxFeePerGas"]
    network.mine()
    assert pay(sender).transaction_hash == sent[1].hash
    assert received(network) == 7


def raise_base_fee(network: Network) -> None:
    """The next block, and those after it, cost more than what was signed before pays."""
    for _ in range(3):
        network.rpc("anvil_setNextBlockBaseFeePerGas", hex(100 * 10**9))
        network.mine()
    assert received(network) == 0


def test_fees_stay_below_the_maximum(network: Network, sender: Sender, caplog: pytest.LogCaptureFixture) -> None:
    sender.chain.max_fee_per_gas = 10 * 10**9
    pending(network, sender)
    sender.bump_seconds = 0.01
    raise_base_fee(network)
    time.sleep(0.05)
    sender.resume()
    assert len(sender.journal.sent(sender.journal.newest("pay"))) == 1
    assert "above the maximum of 10 gwei" in caplog.text


def test_another_program_with_the_same_key_displaces_it_for_a_while(network: Network, sender: Sender) -> None:
    pending(network, sender)
    network.rpc("anvil_dropAllTransactions")
    network.rpc("evm_setAutomine", True)
    foreign = network.chain(1).send("SkeinToken", "transfer", network.accounts[5].address, 1)
    with pytest.raises(ChainUnavailable, match=r"Another program used transaction number \d+ of .* in 3 blocks"):
        pay(sender)
    network.mine(3)
    receipt = pay(sender)
    assert receipt.block_number == foreign.block_number + 4
    assert received(network) == 7


def test_a_displaced_one_comes_back_when_the_other_is_reorganised_away(network: Network, sender: Sender) -> None:
    pending(network, sender)
    network.rpc("anvil_dropAllTransactions")
    network.rpc("evm_setAutomine", True)
    network.chain(1).send("SkeinToken", "transfer", network.accounts[5].address, 1)
    with pytest.raises(ChainUnavailable, match="Another program"):
        pay(sender)
    network.reorg(1)
    pay(sender)
    network.mine(5)
    assert (received(network), sender.chain.nonce()) == (7, 1)


def test_a_gap_that_another_program_left_is_filled(network: Network, sender: Sender) -> None:
    network.rpc("evm_setAutomine", False)
    other = network.chain(1)
    other.broadcast(other.sign(other.build("SkeinToken", "transfer", network.accounts[5].address, 1)).raw)
    pending(network, sender)
    network.rpc("anvil_dropAllTransactions")
    network.rpc("evm_setAutomine", True)
    sender.bump_seconds = 0.01
    sender.resume()
    assert sender.journal.newest("gap:0") is None
    time.sleep(0.05)
    sender.resume()
    until(lambda: received(network) == 7, 5, "the transfer")
    assert sender.journal.newest("gap:0").state is State.SIGNED
    sender.resume()
    assert sender.journal.newest("gap:0").state is State.CANCELLED


def test_an_abandoned_one_is_replaced_by_nothing(network: Network, sender: Sender) -> None:
    pending(network, sender)
    sender.abandon("pay")
    network.mine()
    assert (received(network), sender.chain.nonce()) == (0, 1)
    network.rpc("evm_setAutomine", True)
    assert pay(sender, assets=8).block_number == network.chain().head().number
    assert received(network) == 8


def test_abandoning_too_late_changes_nothing(network: Network, sender: Sender) -> None:
    receipt = pay(sender)
    sender.abandon("pay")
    sender.abandon("never sent")
    assert pay(sender) == receipt
    with pytest.raises(JournalConflict):
        pay(sender, assets=8)
    assert received(network) == 7


def test_a_dropped_one_that_is_no_longer_wanted_is_not_sent_again(
    network: Network, chain: Chain, journal: Journal
) -> None:
    asked: list[str] = []
    sender = Sender(chain, journal, confirmations=3, still_wanted=lambda key: asked.append(key) is not None)
    pay(sender)
    network.reorg(1)
    sender.resume()
    network.mine(3)
    sender.resume()
    assert (received(network), asked) == (0, ["pay"])
    assert journal.newest("pay").state is State.CANCELLED
    pay(sender, assets=8)
    assert received(network) == 8


def test_an_empty_purse_holds_nobody_else_up(
    network: Network, sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    pending(network, sender)
    network.rpc("anvil_dropAllTransactions")
    network.rpc("anvil_setBalance", sender.chain.address, "0x0")
    sender.resume()
    assert "Could not send pay: " in caplog.text
    network.rpc("anvil_setBalance", sender.chain.address, hex(10**18))
    network.rpc("evm_setAutomine", True)
    pay(sender)
    assert received(network) == 7


def test_two_processes_with_one_journal_take_different_nonces(
    network: Network, sender: Sender, reopened: Journal
) -> None:
    network.rpc("evm_setAutomine", False)
    other = Sender(network.chain(1, timeout=0.1), reopened)
    sender.chain.timeout = 0.1
    for key, one in (("a", sender), ("b", other), ("a", other)):
        with pytest.raises(ChainUnavailable):
            pay(one, key)
    network.mine()
    assert received(network) == 14
    assert [intent.nonce for intent in reopened.open_intents()] == [0, 1]


@pytest.mark.parametrize("final", [False, True])
def test_receipts_are_the_chains(network: Network, sender: Sender, final: bool) -> None:
    receipt = pay(sender)
    if final:
        network.mine(3)
        sender.resume()
    assert pay(sender) == sender.chain.receipt(receipt.transaction_hash)


def test_nothing_is_asked_of_the_chain_when_nothing_is_open(network: Network, sender: Sender) -> None:
    pay(sender)
    network.mine(3)
    sender.resume()
    assert count_requests(sender, sender.resume) == 1


def count_requests(sender: Sender, action: Callable[[], None]) -> int:
    asked, request = [], sender.chain.rpc.request

    def counting(method: str, *params: object) -> object:
        asked.append(method)
        return request(method, *params)

    sender.chain.rpc.request = counting  # type: ignore[method-assign]
    action()
    return len(asked)


def test_an_outage_in_the_middle_is_survived(network: Network, sender: Sender) -> None:
    process = network.anvil.supervisor.processes["anvil"].popen
    sender.chain.rpc = Rpc(network.rpc_url, timeout=0.2, patience=0.2)
    pending(network, sender)
    process.send_signal(signal.SIGSTOP)
    for action in (sender.resume, lambda: pay(sender)):
        with pytest.raises(ChainUnavailable, match="No RPC endpoint answers"):
            action()
    process.send_signal(signal.SIGCONT)
    network.mine()
    assert pay(sender).block_number == network.chain().head().number
    assert received(network) == 7
