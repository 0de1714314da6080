"""The arithmetic of the arena in plain integers: commitments, draws, consensus and weights."""

from __future__ import annotations

from math import isqrt

from eth_abi import encode
from eth_utils import keccak
from reference import WAD

UNOPENABLE, UNAVAILABLE, INVALID = -(2**63), -(2**63) + 1, -(2**63) + 2
VERDICTS = (UNOPENABLE, UNAVAILABLE, INVALID)
SCORE_BOUND = 2**62
LAMBDA, GAMMA, Q = 10 * WAD, WAD // 10, 85 * WAD // 100

ENTRY = "(uint32,uint8,int64,bytes32,uint32)"


def hashed(types: list[str], *values: object) -> bytes:
    return keccak(encode(types, values))


def submission_commitment(chain_id: int, arena: str, task: int, trainer: str, digest: bytes, salt: bytes) -> bytes:
    types = ["uint256", "address", "uint256", "uint256", "address", "bytes32", "bytes32"]
    return hashed(types, chain_id, arena, task, 1, trainer, digest, salt)


def scores_commitment(
    chain_id: int, arena: str, task: int, attempt: int, validator: str, batch: int, entries: list[tuple], salt: bytes
) -> bytes:
    scores = hashed([ENTRY + "[]"], entries)
    types = ["uint256", "address", "uint256", "uint256", "address", "uint256", "bytes32", "bytes32"]
    return hashed(types, chain_id, arena, task, attempt, validator, batch, scores, salt)


def canary_leaf(digest: bytes, score: int, salt: bytes) -> bytes:
    return keccak(hashed(["bytes32", "int64", "bytes32"], digest, score, salt))


def draw(stakes: list[int], places: int, seed: bytes, submission: int, cap: int | None = None) -> list[int]:
    """Indices from 1. Every seat has two parts: what counts of its stake, and what it has beyond the cap. The line of
    the parts that are not hit yet is walked part by part; who is hit in what counts is drawn."""
    if len(stakes) <= places:
        return list(range(1, len(stakes) + 1))
    cap = cap or sum(stakes)
    line = {}
    for index, stake in enumerate(stakes, 1):
        line |= {(index, True): min(stake, cap), (index, False): max(stake - cap, 0)}
    drawn, throw = [], 0
    while len(drawn) < places:
        point = int.from_bytes(hashed(["bytes32", "uint256", "uint256"], seed, submission, throw), "big")
        point %= sum(line.values())
        hit = next(part for part in line if (point := point - line[part]) < 0)
        drawn += [hit[0]] if hit[1] else []
        del line[hit]
        throw += 1
    return drawn


def quality(score: int, maximise: bool) -> int:
    return score if maximise or score in VERDICTS else -score


def consensus(votes: list[tuple[int, int]], maximise: bool) -> int:
    """Of (score, stake): the worst score such that at least half of the stake says that or worse."""
    total = sum(stake for _, stake in votes)
    for score, _ in sorted(votes, key=lambda vote: quality(vote[0], maximise)):
        limit = quality(score, maximise)
        if 2 * sum(stake for other, stake in votes if quality(other, maximise) <= limit) >= total:
            return score
    raise AssertionError("no votes")


def towards_zero(a: int, b: int) -> int:
    """Solidity's division."""
    return a // b if (a < 0) == (b < 0) else -(-a // b)


def exp_wad(x: int) -> int:
    """e**(x / 1e18) · 1e18 for -41e18 < x <= 0 as solady computes it: a rational function in binary fixed point."""
    ln2 = 54916777467707473351141471128
    x = towards_zero(x << 78, 5**18)
    k = towards_zero(x << 96, ln2) + 2**95 >> 96
    x -= k * ln2
    y = ((x + 1346386616545796478920950773328) * x >> 96) + 57155421227552351082224309758442
    p = ((y + x - 94201549194550492254356042504812) * y >> 96) + 28719021644029726153956944680412240
    p = p * x + (4385272521454847904659076985693276 << 96)
    q = x - 2855989394907223263936484059900
    q = (q * x >> 96) + 50020603652535783019961831881945
    q = (q * x >> 96) - 533845033583426703283633433725380
    q = (q * x >> 96) + 3604857256930695427073651918091429
    q = (q * x >> 96) - 14423608567350463180887372962807573
    q = (q * x >> 96) + 26449188498355588339934803723976023
    return towards_zero(p, q) * 3822833074963236453042738258902158003155416615667 >> (195 - k)


def rounded_power(base: int, exponent: int) -> int:
    """base**exponent of a WAD by squaring; every product is rounded to the nearest."""
    power = base if exponent % 2 else WAD
    while exponent := exponent // 2:
        base = (base * base + WAD // 2) // WAD
        if exponent % 2:
            power = (power * base + WAD // 2) // WAD
    return power


def stake_root(stake: int) -> int:
    return isqrt(stake * WAD)


def validator_weight(distance: int, scale: int, stake: int) -> int:
    return exp_wad(-(LAMBDA * distance // scale)) * stake_root(stake)


def rank_weight(rank: int, stake: int) -> int:
    return rounded_power(Q, rank - 1) * stake_root(stake)


def trainer_part(assets: int, trainer_stake: int, validator_stake: int) -> int:
    stake = trainer_stake + validator_stake
    if stake == 0:
        return assets // 2
    return assets * (GAMMA * stake + (WAD - 2 * GAMMA) * trainer_stake) // (WAD * stake)
