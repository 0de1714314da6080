"""The file that a creator writes: a task in people's units, as TOML, YAML or JSON; every value can be set by option."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from node.amounts import parse_amount, parse_duration, parse_score
from protocol.documents import explain, parse_json
from protocol.errors import ConfigInvalid

YEAR = 365 * 24 * 3600


def from_text(parse: Callable[[str], int], bits: int = 256) -> BeforeValidator:
    """A number is taken as it is written: 0.005 in a file is the decimal 0.005. What needs more bits is refused."""

    def read(value: object) -> object:
        if isinstance(value, int | float):
            value = format(Decimal(repr(value)), "f")
        if not isinstance(value, str):
            return value
        if (parsed := parse(value)) >> bits:
            raise ValueError(f'"{value}" is too large.')
        return parsed

    return BeforeValidator(read)


Amount = Annotated[int, from_text(parse_amount, bits=128), Field(gt=0)]
Score = Annotated[int, from_text(parse_score), Field(ge=0, le=2**62)]
Window = Annotated[int, from_text(parse_duration), Field(ge=1, le=YEAR)]


class Section(BaseModel):
    """A part of the file. Unknown names are refused, and so is what pydantic would take for a number: true for 1."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_numbers(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, bool) and cls.model_fields[info.field_name or ""].annotation is not bool:
            raise ValueError(f"{str(value).lower()} can only be for what is true or false")
        return value


S = TypeVar("S", bound=Section)


class DataSection(Section):
    """`source`: a data set that ships with Skein, a CSV file, or a directory with x.npy and y.npy. `held_out`: the
    share of each class that is kept secret for scoring. `label`: the CSV column that names the class."""

    source: str = ""
    label: str | None = None
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.3


class RewardSection(Section):
    """Amounts in SKEIN; unless they are given, the bond is a tenth of the bounty, and the appeal bond 10 or, if that is
    less, the bond."""

    bounty: Amount = parse_amount("100")
    bond: Amount | None = None
    min_trainer_stake: Amount = parse_amount("10")
    min_validator_stake: Amount = parse_amount("10")
    paid_ranks: Annotated[int, Field(ge=1, le=64)] = 3
    appeal_bond: Amount | None = None


class WindowSection(Section):
    """How long each phase is; a challenge of 0 means that results cannot be appealed."""

    commit: Window = parse_duration("1d")
    reveal: Window = parse_duration("2h")
    key: Window = parse_duration("2h")
    score_commit: Window = parse_duration("6h")
    score_reveal: Window = parse_duration("2h")
    challenge: Annotated[int, from_text(parse_duration), Field(ge=0, le=YEAR)] = 0


class ScoringSection(Section):
    """Distances between scores in the metric's own unit: 0.001 of accuracy is a tenth of a percent.

    `max_share`: the most that counts of one operator's stake, as a part of all stake on its side; 1 is no cap.
    `copy_distance`: a model whose weights are no farther than this part of their size from an earlier one is a copy.
    `appeal_panel_size`: more than panel_size, by default twice as many and one.
    """

    scale: Score = parse_score("1")
    tolerance: Score = parse_score("0.0001")
    slash_tolerance: Score = parse_score("0.005")
    grid: Annotated[Score, Field(ge=1)] = parse_score("0.0001")
    panel_size: Annotated[int, Field(ge=1, le=32)] = 5
    quorum: Annotated[int, Field(ge=1, le=32)] = 3
    copy_distance: Annotated[Score, Field(le=10**9)] = 0
    appeal_panel_size: Annotated[int, Field(ge=2, le=32)] | None = None
    max_share: Annotated[int, from_text(parse_amount), Field(ge=10**18 // 64, le=10**18)] = 10**18


class LimitSection(Section):
    """What one evaluation may cost. The model's size follows from its shape unless it is given."""

    max_model_bytes: int | None = None
    max_seconds: int = 300
    max_memory_bytes: int = 2**31


class TaskFile(Section):
    """The whole file."""

    kind: str = "classification"
    title: str = ""
    description: str = ""
    metric: str = "accuracy"
    maximise: bool = True
    model: dict[str, JsonValue] = {"hidden": [32]}  # features and classes are taken from the data
    base: str = ""  # a directory with a base model, or the digest of one in the store, for kinds that adapt one
    data: DataSection = DataSection()
    reward: RewardSection = RewardSection()
    windows: WindowSection = WindowSection()
    scoring: ScoringSection = ScoringSection()
    limits: LimitSection = LimitSection()

    @property
    def bond(self) -> int:
        """Token wei; a tenth of the bounty, rounded up, is the least that the contract takes."""
        return self.reward.bond if self.reward.bond is not None else -(-self.reward.bounty // 10)

    @property
    def appeal_bond(self) -> int:
        """Token wei; the contract takes no more than the bond."""
        given = self.reward.appeal_bond
        return min(self.bond, parse_amount("10")) if given is None else given

    @property
    def appeal_panel_size(self) -> int:
        """How many validators decide an appeal."""
        return self.scoring.appeal_panel_size or min(2 * self.scoring.panel_size + 1, 32)

    @property
    def _leaves_time(self) -> bool:
        return self.limits.max_seconds <= self.windows.score_commit

    def check(self) -> None:
        """Raise ConfigInvalid for values that are each allowed but do not go together."""
        scoring, least = self.scoring, -(-self.reward.bounty // 10)
        rules = {
            "data.source is missing: name a data set, a CSV file or a directory": bool(self.data.source),
            "reward.bond must be at least a tenth of reward.bounty": self.bond >= least,
            "reward.appeal_bond must not exceed reward.bond": not self.windows.challenge
            or self.appeal_bond <= self.bond,
            "scoring.tolerance must not exceed scoring.slash_tolerance": scoring.tolerance <= scoring.slash_tolerance,
            "scoring.slash_tolerance must not exceed scoring.scale": scoring.slash_tolerance <= scoring.scale,
            "scoring.tolerance must not exceed scoring.grid": scoring.tolerance <= scoring.grid,
            "scoring.grid must not exceed scoring.scale": scoring.grid <= scoring.scale,
            "scoring.quorum must not exceed scoring.panel_size": scoring.quorum <= scoring.panel_size,
            "scoring.appeal_panel_size must exceed scoring.panel_size": not self.windows.challenge
            or self.appeal_panel_size > scoring.panel_size,
            # validators keep away from a task that one evaluation could eat up
            "limits.max_seconds must not exceed windows.score_commit": self._leaves_time,
        }
        for sentence, holds in rules.items():
            if not holds:
                raise ConfigInvalid(f"The task does not add up: {sentence}.")


def read_task_file(path: Path | None, settings: Sequence[str] = ()) -> TaskFile:
    """The file with `settings` ("reward.bounty=500") on top of it; ConfigInvalid names what is wrong."""
    file = read_file(TaskFile, "task", path, settings)
    file.check()
    return file


def read_file(kind: type[S], what: str, path: Path | None, settings: Sequence[str]) -> S:
    """A file of any kind, with settings on top of it; `what` it is called in the sentence of a ConfigInvalid."""
    content = _parse(path) if path else {}
    for setting in settings:
        _set(content, setting)
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        place = f" from {path}" if path else ""
        raise ConfigInvalid(f"The {what} cannot be read{place}: {explain(error).rstrip('.')}.") from None


def _parse(path: Path) -> dict[str, Any]:
    readers: Mapping[str, Callable[[str], Any]] = {
        ".toml": tomllib.loads,
        ".json": lambda text: parse_json(text.encode()),
        ".yaml": _yaml,
        ".yml": _yaml,
    }
    if path.suffix not in readers:
        raise ConfigInvalid(f"{path} must be a .toml, .yaml or .json file.")
    try:
        content = readers[path.suffix](path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigInvalid(f"{path} cannot be read: {error.strerror}.") from None
    except RecursionError:
        raise ConfigInvalid(f"{path} is nested too deeply.") from None
    # the YAML library lets through what Python's dates and regular expressions say of bad scalars
    except (ValueError, AttributeError, yaml.YAMLError) as error:
        raise ConfigInvalid(f"{path} is not {path.suffix[1:].upper()}: {' '.join(str(error).split())}.") from None
    if not isinstance(content, dict):
        raise ConfigInvalid(f"{path} must hold names and values.")
    return content


def _yaml(text: str) -> Any:
    """By the library's C parser, which is quick and bounds nesting; by its Python one where it was built without."""
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _set(content: dict[str, Any], setting: str) -> None:
    name, equals, value = setting.partition("=")
    *sections, last = name.strip().split(".")
    if not equals or not last:
        raise ConfigInvalid(f'"{setting}" is not a setting such as reward.bounty=500.')
    for section in sections:
        content = content.setdefault(section, {})
        if not isinstance(content, dict):
            raise ConfigInvalid(f'"{setting}" names no setting: {section} is a value.')
    content[last] = _value(value.strip())


def _value(text: str) -> Any:
    """Lists and numbers as JSON, all else as text."""
    try:
        return parse_json(text.encode())
    except ValueError:
        return text
