"""The file that founds a federation: in people's units, as TOML, YAML or JSON; every value can be set by option."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from node.amounts import parse_amount, parse_duration
from protocol.errors import ConfigInvalid
from protocol.federated.fixed import EXPONENTS
from protocol.federated.rules import ROBUST
from wallet.task_file import Amount, Section, Window, from_text, read_file

MOST_MEMBERS = 1024
_LARGEST = 10**9  # of what is given in thousandths


def _thousandths(value: object) -> object:
    """0.3 is 300; what is finer than a thousandth is refused."""
    if not isinstance(value, int | float | str):
        return value
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f'"{value}" is not a number') from None
    if not number.is_finite() or not -_LARGEST <= number <= _LARGEST:
        raise ValueError(f'"{value}" is too large, or no number')
    if number * 1000 != (scaled := int(number * 1000)):
        raise ValueError(f"{value} is finer than a thousandth")
    return scaled


Thousandths = Annotated[int, BeforeValidator(_thousandths)]
Share = Annotated[int, BeforeValidator(_thousandths), Field(ge=0, le=1000)]
Rate = Annotated[int, from_text(parse_amount), Field(ge=0, le=10**17)]


class ColumnSection(Section):
    """A feature, and what it is standardised by."""

    name: str
    mean: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    deviation: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0


class DataSection(Section):
    """What members' rows must look like. `columns`, or a CSV file as `source` whose means and deviations are published
    instead (never its rows); then `classes` may follow from it too."""

    source: str = ""
    columns: tuple[ColumnSection, ...] = ()
    label: str = ""
    classes: Annotated[int, Field(ge=2)] | None = None


class ModelSection(Section):
    """`hidden`: widths of hidden layers. `seed`: of the first model. `first`: a file with one instead, .safetensors or
    .npz, whose tensors are then what is trained. `exponent`: an update's largest norm is 2^exponent."""

    hidden: tuple[int, ...] = ()
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    first: str = ""
    exponent: Annotated[int, Field(ge=EXPONENTS.start, lt=EXPONENTS.stop)] = 3


class RuleSection(Section):
    """How accepted updates become one."""

    name: Literal["mean", "median", "trimmed_mean", "multi_krum", "centred_clipping"] = ROBUST.name
    tolerated: Share = ROBUST.tolerated
    weight_cap: Share = ROBUST.weight_cap
    clip_to_median: bool = ROBUST.clip_to_median
    mix: bool = ROBUST.mix


class PackingSection(Section):
    """How updates travel: bits per word (8 or 32), and the share of words that is sent at all."""

    bits: Literal[8, 32] = 32
    kept: Share = 1000


class VotingSection(Section):
    """What voters compare updates by; see `protocol/federated/votes.py`. `unseen`, `focus`: 0 for no such test."""

    least_work: Share = 100
    same: Share = 10
    spread: Thousandths = 3000
    slack: Thousandths = 20
    harm: Thousandths = 20
    unseen: Thousandths = 1500
    focus: Share = 500


class PrivacySection(Section):
    """`noise` over the clip, the `clip` of a row's gradient, the largest ε (`budget`) at δ = 10^-`delta`."""

    method: Literal["update", "dp_sgd"]
    noise: Thousandths
    clip: Thousandths = 1000
    budget: Thousandths
    delta: int = 5


class RewardSection(Section):
    """Amounts in SKEIN; the floor is half of the least stake unless it is given."""

    bounty: Amount = parse_amount("100")
    min_stake: Amount = parse_amount("10")
    floor_stake: Annotated[int, from_text(parse_amount), Field(ge=0)] | None = None


class RoundSection(Section):
    """`count`: paid rounds. `min_members`: proposers + quorum unless it is given. `silent_slash`: a share of stake."""

    count: Annotated[int, Field(ge=1, lt=2**32)] = 10
    proposers: Annotated[int, Field(ge=1, le=32)] = 4
    committee: Annotated[int, Field(ge=1, le=64)] = 25
    quorum: Annotated[int, Field(ge=1, le=64)] = 3
    min_members: Annotated[int, Field(ge=2, le=MOST_MEMBERS)] | None = None
    silent_slash: Rate = parse_amount("0.02")


class WindowSection(Section):
    """How long each phase is; between two rounds at least `rest`."""

    rest: Annotated[int, from_text(parse_duration), Field(ge=0)] = parse_duration("10m")
    commit: Window = parse_duration("1h")
    reveal: Window = parse_duration("15m")
    vote: Window = parse_duration("1h")
    ballot: Window = parse_duration("15m")
    attest: Window = parse_duration("30m")


class FederationFile(Section):
    """The whole file."""

    title: str = ""
    description: str = ""
    invited: bool = False
    data: DataSection = DataSection()
    model: ModelSection = ModelSection()
    rule: RuleSection = RuleSection()
    packing: PackingSection = PackingSection()
    voting: VotingSection = VotingSection()
    privacy: PrivacySection | None = None
    reward: RewardSection = RewardSection()
    rounds: RoundSection = RoundSection()
    windows: WindowSection = WindowSection()

    @property
    def floor_stake(self) -> int:
        """Token wei."""
        given = self.reward.floor_stake
        return self.reward.min_stake // 2 if given is None else given

    @property
    def min_members(self) -> int:
        """Members that a round needs."""
        return self.rounds.min_members or self.rounds.proposers + self.rounds.quorum

    def check(self) -> None:
        """Raise ConfigInvalid for values that are each allowed but do not go together."""
        rounds, data = self.rounds, self.data
        trains_table = not self.model.first
        rules = {
            "name the column to predict as data.label": bool(data.label) or not trains_table,
            "give data.columns, or a CSV file as data.source": not trains_table
            or bool(data.columns) != bool(data.source),
            "data.classes is missing": not trains_table or bool(data.source) or data.classes is not None,
            "with model.first there are no data.columns, data.source and model.hidden": trains_table
            or not (data.columns or data.source or data.label or self.model.hidden),
            "rounds.quorum must not exceed rounds.committee": rounds.quorum <= rounds.committee,
            "rounds.min_members must be at least proposers + quorum": self.min_members
            >= rounds.proposers + rounds.quorum,
            "reward.floor_stake must not exceed reward.min_stake": self.floor_stake <= self.reward.min_stake,
        }
        for sentence, holds in rules.items():
            if not holds:
                raise ConfigInvalid(f"The federation does not add up: {sentence}.")


def read_federation_file(path: Path | None, settings: Sequence[str] = ()) -> FederationFile:
    """The file with `settings` on top of it; ConfigInvalid names what is wrong."""
    file = read_file(FederationFile, "federation", path, settings)
    file.check()
    return file
