"""Gas and wealth, read from a real chain."""

from network import SKEIN, Network

from skein.audit import Check, gas


def test_gas_is_told_by_kind_of_transaction(network: Network) -> None:
    chain, somebody = network.chain(1), "0x" + "11" * 20
    first = chain.send("SkeinToken", "transfer", somebody, SKEIN)
    second = chain.send("SkeinToken", "transfer", somebody, SKEIN)
    approval = chain.send("SkeinToken", "approve", somebody, SKEIN)
    used = {each.kind: each for each in gas(chain, chain.head().number)}
    transfers = used["SkeinToken.transfer"]
    assert used["SkeinToken.approve"].count == 1 and used["SkeinToken.approve"].mean == approval.gas_used
    assert transfers.most >= first.gas_used > second.gas_used >= transfers.least
    assert transfers.count == 2 + 19  # those that the accounts were given their SKEIN with


def test_a_check_holds_only_to_the_last_wei() -> None:
    assert Check("x", 10**30, 10**30).holds and not Check("x", 10**30, 10**30 + 1).holds
