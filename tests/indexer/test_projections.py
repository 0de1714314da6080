"""What events do to the tables."""

import itertools
from collections.abc import Iterator

import pytest
from indexing import Indexed
from life import CREATOR, DELEGATORS, PARAMETERS, VALIDATORS, Life, settled, stake
from network import SKEIN

from indexer.projections import HANDLERS, IGNORED, At, on
from indexer.rows import Rows
from indexer.tables import (
    Account,
    AccountEvent,
    BalanceChange,
    EmissionAccount,
    EventKind,
    Lock,
    Payout,
    Pool,
    Position,
    Score,
    Slash,
    Submission,
    Task,
    Totals,
    Validator,
    Withdrawal,
)
from protocol.events import event_abis

# Emitted once, when the contracts are made.
OWNERSHIP = {name for name in event_abis() if ".Ownership" in name or ".EIP712Domain" in name}
# Settings of the governor are made with it; a vote with parameters is one like all others.
OWNERSHIP |= {
    f"SkeinGovernor.{name}"
    for name in ("ProposalThresholdSet", "QuorumNumeratorUpdated", "TimelockChange", "VotingDelaySet")
}
OWNERSHIP |= {"SkeinGovernor.VotingPeriodSet", "SkeinGovernor.VoteCastWithParams"}


@pytest.fixture
def scratch() -> Iterator[None]:
    """Handlers that a test registers are forgotten."""
    before = dict(HANDLERS)
    yield
    HANDLERS.clear()
    HANDLERS.update(before)


def test_every_event_is_handled_or_ignored_with_a_reason() -> None:
    assert set(HANDLERS) | set(IGNORED) == set(event_abis())
    assert not set(HANDLERS) & set(IGNORED)
    assert all(len(reason) > 20 for reason in IGNORED.values())


@pytest.mark.usefixtures("scratch")
def test_a_projection_must_fit_the_abi() -> None:
    def transfer(rows: Rows, at: At, *, sender: str, to: str, value: int) -> None: ...

    with pytest.raises(TypeError, match=r"no event SkeinToken\.Transfers"):
        on("SkeinToken.Transfers")(transfer)
    with pytest.raises(TypeError, match="has a projection already"):
        on("SkeinToken.Transfer")(transfer)
    del HANDLERS["SkeinToken.Transfer"]
    with pytest.raises(TypeError, match=r"takes \['sender', 'to', 'value'\] where .* \['from_', 'to', 'value'\]"):
        on("SkeinToken.Transfer")(transfer)


def test_the_life_holds_every_event(lived: Indexed) -> None:
    occurred = {row.name for row in lived.rows(EventKind)}
    assert occurred >= set(event_abis()) - OWNERSHIP


def test_the_chain_agrees_with_every_figure(lived: Indexed) -> None:
    assert lived.differences() == []


def test_the_chain_agrees_at_every_step(life: Life, indexed: Indexed) -> None:
    """Also in the middle of things: locks held, panels drawn, windows open."""
    stake(life)
    indexed.sync()
    assert indexed.differences() == []
    task = life.create(CREATOR)
    life.join(task, {2: "a", 3: "a"}, VALIDATORS)
    life.reveal(task, (3,))
    indexed.sync()
    assert indexed.differences() == []
    life.reveal(task, (2,))
    life.release(task, CREATOR)
    life.network.decide(task)
    life.send(0, "Arena", "drawPanel", task, 1)
    indexed.sync()
    assert indexed.differences() == []
    life.pass_to(task, "score_reveal_ends")
    life.settle(task, 11, (1,))
    indexed.sync()
    assert indexed.one(Submission, task_id=task, id=1).state == "unscored"
    assert indexed.differences() == []


def test_a_task_has_its_parameters_and_its_end(lived: Indexed) -> None:
    task = lived.one(Task, id=1)
    assert task.bounty == PARAMETERS["bounty"] + 55 * SKEIN
    assert {name: getattr(task, name) for name in PARAMETERS if name != "bounty"} == {
        name: value for name, value in PARAMETERS.items() if name != "bounty"
    }
    assert (task.outcome, task.pending, task.submission_count, task.validator_count) == ("settled", 0, 5, 4)
    paid = sum(row.assets for row in lived.rows(Payout, task_id=1) if row.role != "settler")
    assert paid == task.trainer_pot + task.validator_pot + task.creator_pot
    assert [row.outcome for row in lived.rows(Task)] == [
        "settled", "settled", "void", None, "abandoned", "void", "failed", "settled"
    ]  # fmt: skip


def test_the_earlier_commit_of_a_copied_model_counts(lived: Indexed) -> None:
    """Trainer 4 revealed first what trainer 2 had committed to first."""
    states = {row.id: (row.state, row.original_id) for row in lived.rows(Submission, task_id=1)}
    assert states[1] == ("scored", None)
    assert states[3] == ("duplicate", 1)
    assert states[4] == ("unrevealed", None)


def test_scores_and_verdicts_are_told_apart(lived: Indexed) -> None:
    scores = {(row.submission_id, row.validator): row for row in lived.rows(Score, task_id=1)}
    assert {(row.score, row.verdict) for (submission, _), row in scores.items() if submission == 5} <= {
        (None, "invalid")
    }
    assert all(row.verdict is None for (submission, _), row in scores.items() if submission < 5)
    weighted = sum(row.weight for row in scores.values())
    assert weighted == lived.one(Task, id=1).validator_weight


def test_a_slash_says_why_and_from_what(lived: Indexed) -> None:
    slashes = lived.rows(Slash, task_id=1)
    assert {row.reason for row in slashes} >= {"duplicate", "unrevealed", "invalid"}
    parts = ("own_assets", "own_exiting_assets", "delegated_assets", "delegated_exiting_assets")
    assert all(row.assets == sum(getattr(row, part) for part in parts) > 0 for row in slashes)
    assert all(row.receiver == lived.network.deployment.address("Arena") for row in slashes)
    task = lived.one(Task, id=1)
    assert sum(row.assets for row in slashes) == task.slashed + task.settler_paid
    by_role = {role: sum(row.slashed for row in lived.rows(table, task_id=1)) for role, table in
               (("trainer", Submission), ("validator", Validator))}  # fmt: skip
    assert by_role == {role: sum(row.assets for row in slashes if row.role == role) for role in by_role}


def test_slashes_by_other_modules_have_no_reason(life: Life, indexed: Indexed) -> None:
    stake(life)
    module, operator = 15, life.address(7)
    life.send(0, "Staking", "setModule", life.address(module), True)
    life.send(module, "Staking", "lock", operator, 10 * SKEIN)
    life.send(module, "Staking", "slash", operator, 4 * SKEIN, life.address(16))
    life.send(module, "Staking", "slash", operator, 0, life.address(16))
    indexed.sync()
    slash, empty = indexed.rows(Slash)
    assert (slash.reason, slash.task_id, slash.assets, slash.receiver) == (None, None, 4 * SKEIN, life.address(16))
    assert empty.assets == 0
    assert indexed.one(Lock, operator=operator).assets == 6 * SKEIN
    assert indexed.differences() == []


def test_exiting_stake_is_slashed_too(life: Life, indexed: Indexed) -> None:
    """To nothing, and almost to nothing: what the exit index is for."""
    stake(life)
    module = 15
    life.send(0, "Staking", "setModule", life.address(module), True)
    for operator, left in ((7, 0), (8, 1)):
        pool = life.network.chain().pool(life.address(operator))
        stakes = pool.own.assets + pool.delegated.assets
        life.send(module, "Staking", "lock", life.address(operator), stakes)
        life.request(operator, operator, 0.5)
        life.send(module, "Staking", "slash", life.address(operator), stakes - left, life.address(16))
        indexed.sync()
        assert indexed.differences() == []
    assert {row.operator: row.own_exit_generation > 0 for row in indexed.rows(Pool)}[life.address(7)]


def test_positions_and_withdrawals(lived: Indexed) -> None:
    life = Life(lived.network)
    operator = life.address(VALIDATORS[0])
    assert lived.one(Pool, operator=operator).delegators == 1
    assert lived.one(Position, operator=operator, funder=life.address(DELEGATORS[1])).shares == 0
    paid = lived.one(Withdrawal, id=1)
    assert paid.withdrawn_at > paid.matures_at and 0 < paid.paid <= paid.assets
    assert lived.one(Withdrawal, id=4).withdrawn_at is None
    assert [lived.one(Withdrawal, id=number).held_by for number in (3, 5)] == [None, life.address(DELEGATORS[0])]
    assert {lived.one(Withdrawal, id=number).funder for number in (3, 5)} == {life.address(13)}


def test_balances_have_a_history(lived: Indexed) -> None:
    for account in lived.rows(Account):
        changes = lived.rows(BalanceChange, account=account.address)
        assert not changes or changes[-1].balance == account.balance
        assert all(one.balance != two.balance for one, two in itertools.pairwise(changes))
    assert sum(row.balance for row in lived.rows(Account)) == lived.one(Totals).token_supply


def test_histories_name_everybody_once(lived: Indexed) -> None:
    links = lived.rows(AccountEvent)
    assert len(links) == len(set(links))
    contracts = {deployed.address for deployed in lived.network.deployment.contracts.values()}
    assert not {link.account for link in links} & contracts
    settled_by = Life(lived.network).address(DELEGATORS[1])
    assert {row.account for row in lived.rows(Payout, role="settler", federation_id=None)} == {settled_by}


def test_totals_are_the_sums_of_the_tables(lived: Indexed) -> None:
    totals = lived.one(Totals)
    pools = lived.rows(Pool)
    assert totals.staked == sum(row.stake for row in pools)
    assert totals.exiting == sum(row.own_exiting_assets + row.delegated_exiting_assets for row in pools)
    assert totals.locked == sum(row.locked for row in pools)
    assert totals.slashed == sum(row.assets for row in lived.rows(Slash)) == sum(row.slashed for row in pools)
    assert totals.events == sum(row.events for row in lived.rows(EventKind))
    emission = lived.rows(EmissionAccount)
    assert totals.emission_weight == sum(row.weight for row in emission)
    assert totals.emission_drawn == sum(row.drawn for row in emission) > 0
    counts = {"tasks": Task, "submissions": Submission, "validators": Validator, "scores": Score, "operators": Pool}
    counts["accounts"] = Account
    assert {name: getattr(totals, name) for name in counts} == {name: len(lived.rows(t)) for name, t in counts.items()}


def test_a_second_task_is_like_the_first(life: Life, indexed: Indexed) -> None:
    stake(life)
    settled(life)
    settled(life)
    indexed.sync()
    assert indexed.differences() == []
