"""`skein simulate`: a federation with attackers in this process; what becomes of the model and of everybody's money."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from node.amounts import format_amount
from node.output import Output
from protocol.errors import ConfigInvalid
from protocol.federated.rules import NAMES, ROBUST, Rule
from protocol.federated.settlement import WAD
from protocol.federated.spec import Column, FederationSpec
from protocol.federated.votes import Voting
from skein.attacks import ATTACKS, TARGET, triggered
from skein.federation import Federation, Member, Terms
from trainer.federated.perceptron import Effort, Floats, Labels, losses, outputs

_HELD_OUT = 0.2  # of a member's rows, for its votes
_TEST = 0.25  # of all rows, of nobody, for the figures


@dataclass(frozen=True)
class Setting:
    """What is simulated. `dirichlet`: how unlike the members' data are (small is unlike); None: alike."""

    data: str = "digits"
    members: int = 20
    attackers: float = 0.0
    attack: str = "sign_flip"
    collude: bool = False
    dirichlet: float | None = None
    rounds: int = 10
    seed: int = 0
    hidden: tuple[int, ...] = ()
    rule: Rule = ROBUST
    voting: Voting = field(default_factory=Voting)
    vote: bool = True
    slash: bool = True
    terms: Terms = field(default_factory=Terms)
    effort: Effort = field(default_factory=Effort)

    @property
    def bad(self) -> int:
        """How many attackers."""
        return round(self.attackers * self.members)


@dataclass(frozen=True)
class Data:
    """Standardised rows with whole labels."""

    x: Floats
    y: Labels

    @property
    def classes(self) -> int:
        """How many labels."""
        return int(self.y.max()) + 1


def load(name: str) -> Data:
    """A data set that ships with scikit-learn. ConfigInvalid for another name."""
    from sklearn import datasets

    known = {"digits": datasets.load_digits, "breast_cancer": datasets.load_breast_cancer, "wine": datasets.load_wine}
    if name not in known:
        raise ConfigInvalid(f"There is no data set {name}; choose from {', '.join(known)}.")
    x, y = known[name](return_X_y=True)
    return standardised(np.asarray(x, np.float64), np.asarray(y, np.int64))


def standardised(x: Floats, y: Labels) -> Data:
    """Every column with mean 0 and deviation 1; what does not vary is 0."""
    deviation = x.std(axis=0)
    return Data((x - x.mean(axis=0)) / np.where(deviation > 0, deviation, 1), y)


def split(data: Data, members: int, dirichlet: float | None, random: np.random.Generator) -> list[Labels]:
    """The rows of each member, at least ten each; unlike ones by a Dirichlet draw for each label (Hsu et al. 2019).

    ConfigInvalid for more members than there are rows for.
    """
    order = random.permutation(len(data.y))
    if len(order) < 12 * members:
        raise ConfigInvalid(f"{len(order)} rows are too few for {members} members.")
    if dirichlet is None:
        return np.array_split(order, members)
    parts: list[list[int]] = [[] for _ in range(members)]
    for label in range(data.classes):
        rows = order[data.y[order] == label]
        shares = np.cumsum(random.dirichlet([dirichlet] * members))[:-1]
        for part, piece in zip(parts, np.split(rows, (shares * len(rows)).astype(int)), strict=True):
            part.extend(piece.tolist())
    while ((short := min(parts, key=len)) and len(short) < 10) or not short:
        longest = max(parts, key=len)
        short.append(longest.pop(int(random.integers(len(longest)))))
    return [np.array(part) for part in parts]


def build(setting: Setting, data: Data, kind: type[Federation] = Federation) -> tuple[Federation, Data]:
    """The federation, and the test rows that nobody has. `kind`: one that decides otherwise, to compare with."""
    random = np.random.default_rng(setting.seed)
    order = random.permutation(len(data.y))
    kept = round(_TEST * len(order))
    test, rest = Data(data.x[order[:kept]], data.y[order[:kept]]), Data(data.x[order[kept:]], data.y[order[kept:]])
    members = []
    for number, rows in enumerate(split(rest, setting.members, setting.dirichlet, random)):
        rows = random.permutation(rows)
        held = max(2, round(_HELD_OUT * len(rows)))
        bad = number < setting.bad
        members.append(
            Member(
                number,
                (rest.x[rows[held:]], rest.y[rows[held:]]),
                (rest.x[rows[:held]], rest.y[rows[:held]]),
                setting.attack if bad else "honest",
            )
        )
    spec = FederationSpec(
        title=setting.data,
        columns=tuple(Column(name=f"x{index}") for index in range(data.x.shape[1])),
        label="y",
        classes=data.classes,
        hidden=setting.hidden,
        exponent=3,
        rule=setting.rule,
        voting=setting.voting,
    )
    options: dict[str, Any] = {"vote": setting.vote, "slash": setting.slash, "collude": setting.collude}
    return kind(spec, setting.terms, members, setting.seed, setting.effort, **options), test


@dataclass(frozen=True)
class Result:
    """What a simulation comes to. `rounds_to_clean`: after how many rounds no attacker was left; None: never.

    `bad_left`: how many attackers are members at the end. `captured`: rounds with a hostile majority of voters.
    """

    accuracy: float
    auc: float | None
    loss: float
    backdoor: float
    rounds_to_clean: int | None
    bad_left: int
    honest_lost: int
    honest_balance: float
    bad_balance: float | None
    bad_earned: float | None
    captured: int


def measure(federation: Federation, test: Data) -> Result:
    """The figures of the model and of the money; balances in SKEIN, means over members."""
    out = outputs(federation.parameters, federation.spec.shapes, test.x)
    others = test.y != TARGET
    fooled = outputs(federation.parameters, federation.spec.shapes, triggered(test.x[others])).argmax(axis=1) == TARGET
    good = [member for member in federation.members if not member.bad]
    bad = [member for member in federation.members if member.bad]
    return Result(
        accuracy=float((out.argmax(axis=1) == test.y).mean()),
        auc=_auc(out[:, 1] - out[:, 0], test.y) if test.classes == 2 else None,
        loss=float(losses(federation.parameters, federation.spec.shapes, test.x, test.y).mean()),
        backdoor=float(fooled.mean()),
        rounds_to_clean=_clean_after(federation, bad),
        bad_left=sum(member.active for member in bad),
        honest_lost=sum(not member.active for member in good),
        honest_balance=sum(member.balance for member in good) / len(good) / WAD,
        bad_balance=sum(member.balance for member in bad) / len(bad) / WAD if bad else None,
        bad_earned=sum(member.earned for member in bad) / len(bad) / WAD if bad else None,
        captured=sum(happened.hostile > 0.5 for happened in federation.history),
    )


def _auc(scores: Floats, y: Labels) -> float:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(y, scores)) if math.isfinite(float(scores.sum())) else 0.5


def _clean_after(federation: Federation, bad: list[Member]) -> int | None:
    if not bad or any(member.active for member in bad):
        return None if bad else 0
    left = {member.number for member in bad}
    for number, happened in enumerate(federation.history, 1):
        left -= set(happened.evicted)
        if not left:
            return number
    return None


def simulate(
    setting: Setting, data: Data | None = None, kind: type[Federation] = Federation
) -> tuple[Federation, Result]:
    """Run one setting."""
    federation, test = build(setting, data or load(setting.data), kind)
    federation.run(setting.rounds)
    return federation, measure(federation, test)


def show(output: Output, federation: Federation, result: Result) -> None:
    """Print it: the model, then everybody's money."""
    record = {name: value for name, value in vars(result).items() if value is not None}
    output.record({name: round(value, 4) if isinstance(value, float) else value for name, value in record.items()})
    rows = [
        (
            member.number,
            member.attack,
            "member" if member.active else "evicted",
            format_amount(member.stake),
            format_amount(member.earned),
        )
        for member in federation.members
    ]
    output.table("Members", ("number", "conduct", "state", "stake", "earned"), rows)


def rule_of(name: str, mix: bool) -> Rule:
    """The rule of that name. ConfigInvalid if there is none."""
    if name not in NAMES:
        raise ConfigInvalid(f"There is no rule {name}; choose from {', '.join(NAMES)}.")
    return Rule.model_validate({**ROBUST.model_dump(), "name": name, "mix": mix})


def check(setting: Setting) -> None:
    """ConfigInvalid for what cannot be simulated."""
    if setting.attack not in ATTACKS:
        raise ConfigInvalid(f"There is no attack {setting.attack}; choose from {', '.join(ATTACKS)}.")
    if not 0 <= setting.attackers < 1 or setting.bad >= setting.members:
        raise ConfigInvalid("The share of attackers must be at least 0 and leave one honest member.")
    if not 2 <= setting.members <= 1000:
        raise ConfigInvalid("A simulated federation has 2 to 1,000 members.")
    if not 1 <= setting.terms.proposers <= 32 or not 1 <= setting.terms.committee <= 64:
        raise ConfigInvalid("A round has 1 to 32 proposers and 1 to 64 voters.")
    if setting.dirichlet is not None and setting.dirichlet <= 0:
        raise ConfigInvalid("--dirichlet must be above 0.")
    if setting.rounds < 1:
        raise ConfigInvalid("--rounds must be at least 1.")
