"""Python against Solidity: the same inputs give the same integers and the same hashes."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import play
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network import SKEIN, Network

from protocol import encoding as e
from protocol import rewards
from protocol.errors import ContractReverted

ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
words = st.binary(min_size=32, max_size=32)
hexes = words.map(lambda raw: "0x" + raw.hex())
numbers = st.integers(0, 2**256 - 1)
scores = st.integers(-e.SCORE_BOUND, e.SCORE_BOUND)
votes = st.one_of(scores, st.integers(-5, 5), st.sampled_from(sorted(e.VERDICTS)))
stakes = st.one_of(st.integers(1, 10**9 * 10**18), st.integers(1, 5))
indices = st.integers(0, 2**32 - 1)
entries = st.lists(
    st.builds(e.ScoreEntry, indices, st.integers(0, 255), st.integers(-(2**63), 2**63 - 1), hexes, indices),
    max_size=5,
)
against_solidity = settings(max_examples=40, deadline=None)


@pytest.fixture(scope="module")
def harness(module_network: Network) -> Any:
    return module_network.artifact("RewardMathHarness")


# --- commitments


@against_solidity
@given(numbers, hexes, words)
def test_submission_commitments(module_network: Network, task_id: int, digest: str, salt: bytes) -> None:
    arena = module_network.deployment.address("Arena")
    mine = e.submission_commitment(31337, arena, task_id, ADDRESS, digest, salt)
    assert mine == module_network.chain().call("Arena", "submissionCommitment", task_id, ADDRESS, digest, salt)


@against_solidity
@given(numbers, numbers, numbers, entries, words)
def test_scores_commitments(
    module_network: Network, task_id: int, attempt: int, batch: int, rows: list[e.ScoreEntry], salt: bytes
) -> None:
    arena = module_network.deployment.address("Arena")
    mine = e.scores_commitment(31337, arena, task_id, attempt, ADDRESS, batch, rows, salt)
    chain = module_network.chain()
    assert mine == chain.call("Arena", "scoresCommitment", task_id, attempt, ADDRESS, batch, rows, salt)


def test_salts_differ_with_everything_that_they_are_for() -> None:
    def salt(**changes: Any) -> bytes:
        usual = {"private_key": b"1" * 32, "purpose": "scores", "chain_id": 1, "arena": ADDRESS, "task_id": 1}
        return e.salt(**{**usual, **changes})

    others = [
        {"private_key": b"2" * 32},
        {"purpose": "submission"},
        {"chain_id": 2},
        {"arena": "0x" + "00" * 20},
        {"task_id": 2},
        {"attempt": 2},
        {"batch": 1},
    ]
    assert len({salt(), *(salt(**change) for change in others)}) == 1 + len(others)
    assert salt() == salt(attempt=1, batch=0)
    # a client that comes back after years must find the salts of its commitments
    assert salt().hex() == "a452dd76d975d62f112bb8b664e39535e79568461f2872b12c02fcfa571c56f3"


# --- scores


@given(st.floats(-4e9, 4e9))
def test_scores_are_rounded_half_to_even(value: float) -> None:
    expected = (Decimal(value) * e.SCORE_SCALE).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    assert e.score(value) == expected
    assert e.score_value(e.score(value)) == pytest.approx(value, abs=1e-9)


def test_half_a_billionth_goes_to_the_even_side() -> None:
    exact_half = 2.0**-10  # times 1e9 is 976562.5
    assert (e.score(exact_half), e.score(3 * exact_half)) == (976562, 2929688)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 5e9, -5e9])
def test_what_cannot_be_a_score_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="score"):
        e.score(value)


def test_verdicts_are_no_values() -> None:
    for verdict, name in e.VERDICTS.items():
        with pytest.raises(ValueError, match=name):
            e.score_value(verdict)


@against_solidity
@given(votes, votes, st.booleans(), st.integers(1, 2**62))
def test_quality_and_grid(harness: Any, a: int, b: int, maximise: bool, grid: int) -> None:
    assert harness.functions.isAllowed(a).call()
    assert e.quality(a, maximise) == harness.functions.quality(a, maximise).call()
    if a not in e.VERDICTS:
        assert e.floor_to_grid(a, grid) == harness.functions.floorToGrid(a, grid).call()
        assert all(e.quality(verdict, maximise) < e.quality(a, maximise) for verdict in e.VERDICTS)


@against_solidity
@given(st.lists(st.tuples(votes, stakes), min_size=1, max_size=32), st.booleans())
def test_consensus(harness: Any, cast: list[tuple[int, int]], maximise: bool) -> None:
    qualities = [e.quality(score, maximise) for score, _ in cast]
    median = harness.functions.median(qualities, [stake for _, stake in cast]).call()
    assert e.consensus(cast, maximise) == e.quality(median, maximise)


def test_the_consensus_withstands_lies_of_less_than_half_of_the_stake() -> None:
    assert e.consensus([(800, 3), (820, 6), (500, 3)], maximise=True) == 800
    assert e.consensus([(800, 3), (820, 6), (500, 3)], maximise=False) == 820
    with pytest.raises(ValueError, match="no scores"):
        e.consensus([], maximise=True)


@pytest.mark.parametrize(("submission", "batch"), [(1, 0), (256, 0), (257, 1), (512, 1), (513, 2)])
def test_batches(module_network: Network, submission: int, batch: int) -> None:
    assert e.batch_of(submission) == batch
    assert module_network.chain().call("Arena", "BATCH_SIZE") == e.BATCH_SIZE


# --- rewards


@against_solidity
@given(st.integers(0, 2**64 - 1), st.integers(1, 2**62), stakes)
def test_validator_weights(harness: Any, distance: int, scale: int, stake: int) -> None:
    assert (
        rewards.validator_weight(distance, scale, stake)
        == harness.functions.validatorWeight(distance, scale, stake).call()
    )


@against_solidity
@given(st.integers(0, 10**9), stakes)
def test_validator_weights_of_real_distances(harness: Any, distance: int, stake: int) -> None:
    mine = rewards.validator_weight(distance, 10**9, stake)
    assert mine == harness.functions.validatorWeight(distance, 10**9, stake).call()


@pytest.mark.parametrize("rank", range(1, 65))
def test_rank_weights(harness: Any, rank: int) -> None:
    assert rewards.rank_weight(rank, 3 * SKEIN) == harness.functions.rankWeight(rank, 3 * SKEIN).call()


@against_solidity
@given(st.integers(0, 2**128 - 1), st.integers(0, 2**96), st.integers(0, 2**96))
def test_splits(harness: Any, assets: int, trainers: int, validators: int) -> None:
    part, rest = rewards.split(assets, trainers, validators)
    assert part == harness.functions.trainerPart(assets, trainers, validators).call()
    assert part + rest == assets


@against_solidity
@given(st.integers(0, 2**128 - 1), st.integers(0, 2**160), st.integers(1, 2**160))
def test_shares(harness: Any, pot: int, weight: int, total: int) -> None:
    weight = min(weight, total)
    assert rewards.share(pot, weight, total) == harness.functions.share(pot, weight, total).call()


def test_the_published_figures() -> None:
    assert rewards.split(1000, 300_000, 200_000) == (580, 420)
    weights = [rewards.rank_weight(rank, SKEIN) for rank in (1, 2, 3)]
    assert [round(weight / sum(weights), 4) for weight in weights] == [0.3887, 0.3304, 0.2809]
    staked = [rewards.rank_weight(rank, stake) for rank, stake in ((1, 3000), (2, 6000), (3, 12000))]
    assert [round(weight / sum(staked), 4) for weight in staked] == [0.2742, 0.3296, 0.3962]
    with pytest.raises(ValueError, match="up to 1"):
        rewards.exp_wad(1)


def test_constants_are_the_contracts(module_network: Network) -> None:
    chain = module_network.chain()
    for reason, rate in rewards.SLASHES.items():
        assert chain.call("Arena", f"{reason.upper()}_SLASH") == rate
    for name in ("SETTLER_SHARE", "LAMBDA", "GAMMA", "Q"):
        assert chain.call("Arena", name) == getattr(rewards, name)


# --- the draw


@settings(max_examples=15, deadline=None)
@given(st.lists(stakes, min_size=1, max_size=40), st.integers(1, 32), hexes, st.integers(1, 2**32), st.integers(1, 64))
def test_draws(
    module_network: Network, harness: Any, amounts: list[int], places: int, seed: str, submission: int, shares: int
) -> None:
    empty, account = module_network.snapshot(), harness.w3.eth.accounts[0]
    harness.w3.eth.wait_for_transaction_receipt(harness.functions.seat(amounts).transact({"from": account}))
    max_share = 10**18 // shares
    expected = harness.functions.draw(places, e.share_cap(sum(amounts), max_share), seed, submission).call()
    module_network.revert(empty)
    assert e.panel_of(seed, submission, amounts, places, max_share) == expected
    assert len(set(expected)) == min(places, len(amounts))


def test_the_panel_of_a_real_task(network: Network) -> None:
    task_id = play.create_task(network, panel_size=3, quorum=2)
    amounts = [(3 + account) * SKEIN for account in range(6)]
    for account, amount in enumerate(amounts):
        play.register(network, task_id, account + 10, amount)
    submission = play.commit(network, task_id, 2)
    play.to_end_of(network, task_id, "commit")
    play.reveal(network, task_id, submission, 2)
    play.to_end_of(network, task_id, "reveal")
    network.chain(1).send("Arena", "releaseKey", task_id, play.KEY)
    with pytest.raises(ContractReverted, match="SeedNotReady"):
        network.chain(1).send("Arena", "drawPanel", task_id, submission)
    network.decide(task_id)
    seed = network.chain(1).send("Arena", "drawPanel", task_id, submission).event("Arena.SeedFixed").args["seed"]

    task = network.chain().task(task_id)
    drawn = e.panel_of(seed, submission, amounts, 3)
    panel = network.chain().call("Arena", "panel", task_id, submission)
    assert panel == [network.accounts[index + 9].address for index in drawn]
    raw = network.chain().call("Randomness", "seed", task.seed_ticket)
    assert seed == e.attempt_seed(raw, task_id, 1, task.reveals_hash)


# --- text


@pytest.mark.parametrize(("word", "text"), [("0x" + b"silent".hex() + "00" * 26, "silent"), ("0x" + "00" * 32, "")])
def test_ascii(word: str, text: str) -> None:
    assert e.ascii32(word) == text


@pytest.mark.parametrize("word", ["0x" + "ff" * 32, "0x" + "07" * 32, "0x61006100"])
def test_what_is_no_text_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        e.ascii32(word)
