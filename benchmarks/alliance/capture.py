"""How often a committee is captured: `python -m benchmarks.alliance capture`. Counted, not simulated."""

from math import comb
from typing import Any

SIZES = ((20, 10), (35, 25), (100, 25), (100, 64), (1000, 64))
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)


def probability(members: int, hostile: int, voters: int, least: int) -> float:
    """That at least `least` of the voters are hostile, all with the same stake, drawn without replacement."""
    ways = sum(comb(hostile, k) * comb(members - hostile, voters - k) for k in range(least, voters + 1))
    return ways / comb(members, voters)


def run() -> list[dict[str, Any]]:
    """More than half accept what they like; two thirds slash whom they like."""
    return [
        {
            "members": members,
            "voters": voters,
            "attackers": share,
            "majority": round(probability(members, round(share * members), voters, voters // 2 + 1), 6),
            "two_thirds": round(probability(members, round(share * members), voters, -(-2 * voters // 3)), 6),
        }
        for members, voters in SIZES
        for share in SHARES
    ]
