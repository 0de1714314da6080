"""What the wallet says a stake command will do is what it does, to the wei."""

import pytest
from network import COOLDOWN, SKEIN, Network

from node.leaving import plan
from node.withdrawals import withdrawals
from protocol.errors import ConfigInvalid, ContractReverted
from wallet import escrow, stakes
from wallet.actions import Action, Outcome, carry_out
from wallet.simulation import preview

OPERATOR, DELEGATOR = 1, 2


def perform(network: Network, account: int, action: Action) -> Outcome:
    """Simulate, send, and insist that both tell the same."""
    chain = network.chain(account)
    expected = preview(network.chain(), chain.address, action)
    outcome = carry_out(chain, action)
    assert expected.simulated and not outcome.simulated
    assert expected.changes == outcome.changes
    assert [(step.what, step.gas_used) for step in expected.steps] == [(s.what, s.gas_used) for s in outcome.steps]
    assert events(expected) == events(outcome)
    return outcome


def events(outcome: Outcome) -> list[dict[str, object]]:
    """All events, less the times in them: a second may pass between a simulation and the block."""
    times = ("matures_at", "effective_at")
    found = [event for step in outcome.steps for event in step.events]
    return [{key: value for key, value in event.args.items() if key not in times} for event in found]


def deposit(network: Network, account: int, operator: int, assets: int) -> Outcome:
    addresses = [each.address for each in network.accounts]
    action = stakes.deposit(network.chain(), addresses[account], addresses[operator], assets)
    return perform(network, account, action)


def test_deposit_approves_exactly_and_fills_the_own_pool(network: Network) -> None:
    outcome = deposit(network, OPERATOR, OPERATOR, 7 * SKEIN)
    assert [step.what for step in outcome.steps] == ["approve the Staking contract", "deposit 7 SKEIN"]
    changes = {change.label: change.after - change.before for change in outcome.changes}
    assert changes["in the wallet"] == -7 * SKEIN
    assert changes["staked"] == changes["of it not locked"] == 7 * SKEIN
    chain = network.chain()
    operator = network.accounts[OPERATOR].address
    assert chain.call("SkeinToken", "allowance", operator, chain.deployment.address("Staking")) == 0


def test_an_allowance_that_is_there_is_used(network: Network) -> None:
    chain = network.chain(OPERATOR)
    chain.send("SkeinToken", "approve", chain.deployment.address("Staking"), 9 * SKEIN)
    assert [step.what for step in deposit(network, OPERATOR, OPERATOR, 9 * SKEIN).steps] == ["deposit 9 SKEIN"]


def test_delegation_exit_and_withdrawal(network: Network) -> None:
    operator, delegator = (network.accounts[each].address for each in (OPERATOR, DELEGATOR))
    deposit(network, OPERATOR, OPERATOR, SKEIN)
    deposit(network, DELEGATOR, OPERATOR, 5 * SKEIN)
    # a reward makes a share worth an odd amount
    rich = network.chain(0)
    rich.send("SkeinToken", "approve", rich.deployment.address("Staking"), 10**18 + 7)
    rich.send("Staking", "distribute", operator, 10**18 + 7)

    outcome = perform(network, DELEGATOR, stakes.exit_pool(network.chain(), delegator, operator, 2 * SKEIN))
    assert outcome.event("Staking.WithdrawalRequested").args["assets"] == 2 * SKEIN
    (request,) = withdrawals(network.chain(), delegator)
    assert (request.operator, request.assets) == (operator, 2 * SKEIN)
    with pytest.raises(ConfigInvalid, match="nothing to withdraw yet"):
        stakes.withdraw(network.chain(), delegator, [])
    with pytest.raises(ContractReverted, match="NotMatured"):
        preview(network.chain(), delegator, stakes.withdraw(network.chain(), delegator, [request.id]))

    network.sleep(COOLDOWN)
    paid = perform(network, DELEGATOR, stakes.withdraw(network.chain(), delegator, []))
    assert paid.changes[0].after - paid.changes[0].before == 2 * SKEIN
    assert withdrawals(network.chain(), delegator) == []


def test_exit_with_everything(network: Network) -> None:
    operator, delegator = (network.accounts[each].address for each in (OPERATOR, DELEGATOR))
    deposit(network, OPERATOR, OPERATOR, 3 * SKEIN)
    deposit(network, DELEGATOR, OPERATOR, 4 * SKEIN)
    perform(network, OPERATOR, stakes.exit_pool(network.chain(), operator, operator, SKEIN))
    for account, address in ((OPERATOR, operator), (DELEGATOR, delegator)):
        perform(network, account, stakes.exit_pool(network.chain(), address, operator, None))
        assert network.chain().call("Staking", "sharesOf", operator, address) == 0
    state = stakes.pool_state(network.chain(), operator)
    assert state.amounts["own_exiting"] == 3 * SKEIN and state.amounts["delegated_exiting"] == 4 * SKEIN


def test_a_withdrawal_for_somebody_else_is_paid_in_parts(network: Network) -> None:
    operator, other = (network.accounts[each].address for each in (OPERATOR, DELEGATOR))
    deposit(network, OPERATOR, OPERATOR, 3 * SKEIN)
    chain = network.chain()
    made = perform(network, OPERATOR, stakes.exit_pool(chain, operator, operator, 2 * SKEIN, other))
    number = int(made.event("Staking.WithdrawalRequested").args["withdrawal_id"])
    assert [each.id for each in withdrawals(chain, other)] == [number] and not withdrawals(chain, operator)
    network.sleep(COOLDOWN)
    with pytest.raises(ConfigInvalid, match="is worth 2 SKEIN, less than that"):
        stakes.withdraw_part(chain, other, number, 3 * SKEIN)
    paid = perform(network, DELEGATOR, stakes.withdraw_part(chain, other, number, SKEIN // 2))
    wallet, left = paid.changes
    assert (wallet.after - wallet.before, left.after) == (SKEIN // 2, 3 * SKEIN // 2)


def test_anyone_pays_a_reward_into_a_pool(network: Network) -> None:
    operator, payer = (network.accounts[each].address for each in (OPERATOR, DELEGATOR))
    deposit(network, OPERATOR, OPERATOR, 3 * SKEIN)
    paid = perform(network, DELEGATOR, stakes.reward(network.chain(), payer, operator, SKEIN))
    assert [change.after - change.before for change in paid.changes] == [-SKEIN, SKEIN, SKEIN]


def test_delegating_and_leaving_through_a_vault(network: Network) -> None:
    operator, holder = (network.accounts[each].address for each in (OPERATOR, DELEGATOR))
    chain = network.chain()
    with pytest.raises(ConfigInvalid, match=f"has no vault yet: `skein stake vault {operator}`"):
        escrow.vault_deposit(chain, holder, operator, SKEIN)
    perform(network, DELEGATOR, escrow.create_vault(operator))
    with pytest.raises(ConfigInvalid, match="its operator has no own stake"):
        escrow.vault_deposit(chain, holder, operator, SKEIN)
    deposit(network, OPERATOR, OPERATOR, SKEIN)
    done = perform(network, DELEGATOR, escrow.vault_deposit(chain, holder, operator, 5 * SKEIN))
    wallet, shares = done.changes
    assert (wallet.after - wallet.before, shares.after) == (-5 * SKEIN, 5 * 10**24)
    with pytest.raises(ConfigInvalid, match="are worth 5 SKEIN, less than 6"):
        escrow.vault_exit(chain, holder, operator, 6 * SKEIN)
    perform(network, DELEGATOR, escrow.vault_exit(chain, holder, operator, 2 * SKEIN))
    left = perform(network, DELEGATOR, escrow.vault_exit(chain, holder, operator, None))
    assert left.changes[1].after == 0
    assert [each.assets for each in withdrawals(chain, holder)] == [2 * SKEIN, 3 * SKEIN]
    with pytest.raises(ConfigInvalid, match="has no shares of the vault"):
        escrow.vault_exit(chain, holder, operator, None)


def test_claiming_from_a_vault(network: Network) -> None:
    operator, holder = (network.accounts[each].address for each in (OPERATOR, DELEGATOR))
    chain = network.chain()
    deposit(network, OPERATOR, OPERATOR, SKEIN)
    perform(network, DELEGATOR, escrow.create_vault(operator))
    perform(network, DELEGATOR, escrow.vault_deposit(chain, holder, operator, 5 * SKEIN))
    with pytest.raises(ConfigInvalid, match=f"{holder} waits for nothing from the vault of {operator}"):
        escrow.vault_claim(chain, holder, operator, None)
    perform(network, DELEGATOR, escrow.vault_exit(chain, holder, operator, None))
    with pytest.raises(ConfigInvalid, match="Nothing can be claimed yet: the first request can be in "):
        escrow.vault_claim(chain, holder, operator, SKEIN)
    network.sleep(COOLDOWN)
    with pytest.raises(ConfigInvalid, match="5 SKEIN can be claimed now, less than 6"):
        escrow.vault_claim(chain, holder, operator, 6 * SKEIN)
    done = perform(network, DELEGATOR, escrow.vault_claim(chain, holder, operator, 2 * SKEIN, operator))
    assert [(each.after - each.before) for each in done.changes] == [2 * SKEIN, -2 * SKEIN]
    done = perform(network, DELEGATOR, escrow.vault_claim(chain, holder, operator, None))
    assert [(each.after - each.before) for each in done.changes] == [3 * SKEIN, -3 * SKEIN]
    assert withdrawals(chain, holder) == []


def test_who_leaves_waits_for_no_request_of_a_vault(network: Network) -> None:
    """The ledger refuses to pay it; the vault does."""
    operator, chain = network.accounts[OPERATOR].address, network.chain(OPERATOR)
    deposit(network, OPERATOR, OPERATOR, SKEIN)
    perform(network, OPERATOR, escrow.create_vault(operator))
    perform(network, OPERATOR, escrow.vault_deposit(chain, operator, operator, 2 * SKEIN))
    perform(network, OPERATOR, escrow.vault_exit(chain, operator, operator, None))
    (waiting,) = withdrawals(chain, operator)
    assert waiting.operator == operator and waiting.held_by == stakes.vault(chain, operator)
    assert plan(chain, [], None).requested == 0
    perform(network, OPERATOR, stakes.exit_pool(chain, operator, operator, None))
    assert plan(chain, [], None).requested == SKEIN


def test_commission_is_announced(network: Network) -> None:
    operator = network.accounts[OPERATOR].address
    perform(network, OPERATOR, stakes.set_commission(network.chain(), stakes.WAD // 8))
    assert stakes.pool_state(network.chain(), operator).commission == 0
    network.sleep(COOLDOWN)
    assert stakes.pool_state(network.chain(), operator).commission == 0.125


def test_impossible_commands_are_refused_before_anything_is_sent(network: Network) -> None:
    chain, operator = network.chain(), network.accounts[OPERATOR].address
    with pytest.raises(ConfigInvalid, match="holds 1000000 SKEIN, less than 1000001"):
        stakes.deposit(chain, operator, operator, 1_000_001 * SKEIN)
    with pytest.raises(ConfigInvalid, match="The amount is zero"):
        stakes.deposit(chain, operator, operator, 0)
    with pytest.raises(ConfigInvalid, match="has no stake in the pool"):
        stakes.exit_pool(chain, operator, operator, SKEIN)
    with pytest.raises(ConfigInvalid, match="at most 50 %"):
        stakes.set_commission(chain, stakes.WAD)
    deposit(network, OPERATOR, OPERATOR, SKEIN)
    with pytest.raises(ConfigInvalid, match="Only 1 SKEIN are staked there"):
        stakes.exit_pool(chain, operator, operator, 2 * SKEIN)


def test_delegating_to_an_empty_pool_names_the_refusal(network: Network) -> None:
    with pytest.raises(ConfigInvalid, match="has no stake of its own"):
        deposit(network, DELEGATOR, OPERATOR, SKEIN)
