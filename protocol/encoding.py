"""The conventions shared with Solidity: scores, commitments, the draw, the consensus; tests tie each to it."""

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, count
from typing import Any, NamedTuple

from protocol.hashes import keccak
from protocol.rewards import WAD

SCORE_SCALE = 10**9
SCORE_BOUND = 2**62
# Verdicts instead of a score, from the worst: the key does not open the held-out set; no store has the model; the model
# breaks the specification.
UNOPENABLE = -(2**63)
UNAVAILABLE = UNOPENABLE + 1
INVALID = UNOPENABLE + 2
VERDICTS = {UNOPENABLE: "unopenable", UNAVAILABLE: "unavailable", INVALID: "invalid"}
# Submissions whose scores one commitment covers; see `batch_of`.
BATCH_SIZE = 256


class ScoreEntry(NamedTuple):
    """IArena.ScoreEntry: `slot` is the validator's place in the panel, `report_digest` 32 bytes as 0x hex.

    `copy_of`: the earlier submission that this one nearly equals, or 0.
    """

    submission_id: int
    slot: int
    score: int
    report_digest: str
    copy_of: int = 0


# --- values


def score(value: float) -> int:
    """The score on chain of a metric: 1e9 times its exact value, half to even. ValueError beyond 2^62 and for NaN."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is no score")
    scaled = round(Fraction(value) * SCORE_SCALE)
    if abs(scaled) > SCORE_BOUND:
        raise ValueError(f"{value} is beyond the largest score, {SCORE_BOUND / SCORE_SCALE:g}")
    return scaled


def score_value(score: int) -> float:
    """The metric of a score on chain. ValueError for a verdict."""
    if score in VERDICTS:
        raise ValueError(f"{VERDICTS[score]} is a verdict, not a score")
    return score / SCORE_SCALE


def quality(score: int, maximise: bool) -> int:
    """A number that is greater the better the score is; verdicts are below all scores."""
    return score if maximise or score in VERDICTS else -score


def floor_to_grid(score: int, grid: int) -> int:
    """The largest multiple of `grid` that is not above the score: what ranks are decided on."""
    return score // grid * grid


def batch_of(submission_id: int) -> int:
    """The batch that a submission's score belongs to; the contract takes it in no other."""
    return (submission_id - 1) // BATCH_SIZE


def ascii32(word: str) -> str:
    """The text in a bytes32 such as an event's `reason`: left-aligned ASCII, zero-padded. ValueError if it is none."""
    text = bytes.fromhex(word.removeprefix("0x")).rstrip(b"\0").decode("ascii")
    if not text.isprintable():
        raise ValueError(f"{word} holds no text")
    return text


def encode(types: Sequence[str], values: Sequence[Any]) -> bytes:
    """What Solidity's abi.encode gives. eth_abi is loaded when the first is made: an indexer, which makes none, starts
    a quarter sooner.
    """
    from eth_abi.abi import encode as abi_encode

    return abi_encode(types, values)


# --- commitments


def key_hash(key: bytes) -> str:
    """What a task creator publishes of the held-out set's 32-byte key."""
    return _hex(keccak(key))


def submission_commitment(chain_id: int, arena: str, task_id: int, trainer: str, digest: str, salt: bytes) -> str:
    """What a trainer commits to; `digest` is its model's, as 0x hex."""
    types = ["uint256", "address", "uint256", "uint256", "address", "bytes32", "bytes32"]
    return _hex(keccak(encode(types, [chain_id, arena, task_id, 1, trainer, _bytes(digest), salt])))


def scores_commitment(
    chain_id: int,
    arena: str,
    task_id: int,
    attempt: int,
    validator: str,
    batch: int,
    entries: Sequence[ScoreEntry],
    salt: bytes,
) -> str:
    """What a validator commits to for one batch of scores."""
    rows = [(e.submission_id, e.slot, e.score, _bytes(e.report_digest), e.copy_of) for e in entries]
    scores = keccak(encode(["(uint32,uint8,int64,bytes32,uint32)[]"], [rows]))
    types = ["uint256", "address", "uint256", "uint256", "address", "uint256", "bytes32", "bytes32"]
    return _hex(keccak(encode(types, [chain_id, arena, task_id, attempt, validator, batch, scores, salt])))


def update_commitment(
    chain_id: int, alliance: str, federation_id: int, round_id: int, proposer: str, digest: str, salt: bytes
) -> str:
    """What a proposer commits to; `digest` is its update's, as 0x hex."""
    types = ["uint256", "address", "uint256", "uint256", "address", "bytes32", "bytes32"]
    return _hex(keccak(encode(types, [chain_id, alliance, federation_id, round_id, proposer, _bytes(digest), salt])))


def ballot_commitment(
    chain_id: int, alliance: str, federation_id: int, round_id: int, voter: str, accepts: int, harms: int, salt: bytes
) -> str:
    """What a voter commits to: masks of the updates that it accepts and of those it found harmful."""
    types = ["uint256", "address", "uint256", "uint256", "address", "uint256", "uint256", "bytes32"]
    values = [chain_id, alliance, federation_id, round_id, voter, accepts, harms, salt]
    return _hex(keccak(encode(types, values)))


def salt(
    private_key: bytes, purpose: str, chain_id: int, arena: str, task_id: int, attempt: int = 1, batch: int = 0
) -> bytes:
    """The salt of a commitment, from the committer's key: whoever has the key can reveal, even with an empty disk.

    `purpose` ("submission", "scores", "update", "ballot") keeps the salts of one task or federation apart. Nobody can
    guess it without the key, because the hash of the key, which is never shown, stands in front of what is hashed.
    """
    secret = keccak(b"skein salt" + bytes(private_key))
    types = ["string", "uint256", "address", "uint256", "uint256", "uint256"]
    return keccak(secret + encode(types, [purpose, chain_id, arena, task_id, attempt, batch]))


def attempt_seed(raw: str, task_id: int, attempt: int, reveals_hash: str) -> str:
    """The seed of an attempt's draws, from its ticket's seed and everything that was revealed."""
    words = [_bytes(raw), task_id, attempt, _bytes(reveals_hash)]
    return _hex(keccak(encode(["bytes32", "uint256", "uint256", "bytes32"], words)))


# --- canaries


def canary_leaf(digest: str, score: int, salt: bytes) -> bytes:
    """What a task commits to of a canary: the digest of its model, its score, and a salt that hides both."""
    return keccak(keccak(encode(["bytes32", "int64", "bytes32"], [_bytes(digest), score, salt])))


def canary_root(leaves: Sequence[bytes]) -> str:
    """The root of the tree over the leaves, each pair in order of size; zeros where there are none."""
    level = list(leaves)
    while len(level) > 1:
        level = [_pair(level[at : at + 2]) for at in range(0, len(level), 2)]
    return _hex(level[0] if level else bytes(32))


def canary_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The proof of a leaf under `canary_root`."""
    level, proof = list(leaves), []
    while len(level) > 1:
        if (beside := index ^ 1) < len(level):
            proof.append(level[beside])
        level = [_pair(level[at : at + 2]) for at in range(0, len(level), 2)]
        index //= 2
    return proof


def _pair(nodes: Sequence[bytes]) -> bytes:
    return keccak(b"".join(sorted(nodes))) if len(nodes) == 2 else nodes[0]


# --- the draw and the consensus


def share_cap(total: int, max_share: int) -> int:
    """The most that counts of one operator's stake: `max_share` (WAD) of all stake on its side, rounded up."""
    return -(-total * max_share // WAD)


def panel_of(seed: str, submission_id: int, stakes: Sequence[int], panel_size: int, max_share: int = WAD) -> list[int]:
    """The validators drawn for a submission: indices into `stakes` counted from 1, in slot order.

    Stake-weighted without replacement; everyone, in order of registration, when there are not more than places. A point
    that falls on what a stake has beyond the share cap takes that part away, and the next point is thrown.
    """
    if len(stakes) <= panel_size:
        return list(range(1, len(stakes) + 1))
    cap = share_cap(sum(stakes), max_share)
    parts = [part for stake in stakes for part in (min(stake, cap), max(stake - cap, 0))]
    drawn: list[int] = []
    for throw in count():
        words = encode(["bytes32", "uint256", "uint256"], [_bytes(seed), submission_id, throw])
        point, part = int.from_bytes(keccak(words)) % sum(parts), 0
        while point >= parts[part]:
            point -= parts[part]
            part += 1
        parts[part] = 0
        if part % 2 == 0:
            drawn.append(part // 2 + 1)
        if len(drawn) == panel_size:
            break
    return drawn


def round_seed(raw: str, federation_id: int, round_id: int, members: int) -> str:
    """The seed of a round's draw, from its ticket's seed."""
    types = ["bytes32", "uint256", "uint256", "uint256"]
    return _hex(keccak(encode(types, [_bytes(raw), federation_id, round_id, members])))


def round_order(seed: str, members: int, places: int) -> list[int]:
    """The first places of a random order of 0 to members - 1: those who propose in a round, then those who vote."""
    order = list(range(members))
    for place in range(places):
        word = int.from_bytes(keccak(encode(["bytes32", "uint256"], [_bytes(seed), place])))
        other = place + word % (members - place)
        order[place], order[other] = order[other], order[place]
    return order[:places]


def consensus(entries: Sequence[tuple[int, int]], maximise: bool) -> int:
    """The lower stake-weighted median of (score or verdict, stake) pairs: the worst one that half of the stake is not
    better than.
    """
    if not entries:
        raise ValueError("no scores")
    ordered = sorted(entries, key=lambda entry: quality(entry[0], maximise))
    sums = list(accumulate(stake for _, stake in ordered))
    return next(value for (value, _), reached in zip(ordered, sums, strict=True) if 2 * reached >= sums[-1])


def _bytes(word: str) -> bytes:
    return bytes.fromhex(word.removeprefix("0x"))


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()
