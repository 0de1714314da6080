"""Print what an operator gains by splitting its stake over many addresses, with and without a share cap."""

from typing import Annotated

import typer
from eth_utils.crypto import keccak

from protocol.encoding import panel_of, share_cap
from protocol.rewards import WAD, stake_root

HONEST = 12  # other operators, all alike
UNIT = 10**18
app = typer.Typer(pretty_exceptions_enable=False)


def outcome(part: float, addresses: int, panel_size: int, max_share: int, draws: int) -> tuple[float, float]:
    """For an operator with `part` of all validators' stake on `addresses` addresses: its reward over the reward that
    is proportional to its stake, and how often it has most of a panel's stake. Everybody scores honestly."""
    mine = [int(part * 10**6) * UNIT // addresses] * addresses
    stakes = mine + [int((1 - part) * 10**6) * UNIT // HONEST] * HONEST
    counted = [min(stake, share_cap(sum(stakes), max_share)) for stake in stakes]
    roots = [stake_root(stake) for stake in counted]
    earned = total = captured = 0
    for number in range(draws):
        seed = "0x" + keccak(number.to_bytes(32)).hex()
        panel = [index - 1 for index in panel_of(seed, 1, stakes, panel_size, max_share)]
        own = [index for index in panel if index < addresses]
        earned += sum(roots[index] for index in own)
        total += sum(roots[index] for index in panel)
        captured += 2 * sum(counted[index] for index in own) > sum(counted[index] for index in panel)
    return earned / total / (sum(mine) / sum(stakes)), captured / draws


@app.command()
def main(
    part: Annotated[float, typer.Option(min=0.01, max=0.9, help="The operator's part of all stake.")] = 0.4,
    panel_size: Annotated[int, typer.Option(min=1, max=32)] = 5,
    draws: Annotated[int, typer.Option(min=1, help="Panels drawn for each figure.")] = 2000,
) -> None:
    """One operator with a part of all validators' stake; twelve honest ones share the rest alike."""
    print(
        f"{part:.0%} of the stake, panels of {panel_size}, {draws} draws: reward over the proportional one, majorities"
    )
    print("addresses" + "".join(f"{name:>22}" for name in ("no cap", "cap 0.10", "cap 0.05")))
    for addresses in (1, 2, 4, 8, 16):
        cells = [outcome(part, addresses, panel_size, cap, draws) for cap in (WAD, WAD // 10, WAD // 20)]
        print(f"{addresses:>9}" + "".join(f"{reward:>14.2f} {majority:>7.1%}" for reward, majority in cells))


if __name__ == "__main__":
    app()
