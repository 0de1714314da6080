"""What the rows of an answer look like, made from the tables: one definition gives the SQL, the JSON and the schema.

Rows go from the database to JSON without an object in between: an amount only loses its length, a flag becomes a truth
value. The pydantic models are for the OpenAPI description; tests hold every answer against them.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, create_model
from sqlalchemy import Boolean, ColumnElement, FromClause, String, type_coerce
from sqlmodel import SQLModel

from indexer.phase import PHASE, PHASE_ENDS
from indexer.stake_math import assets_of, withdrawal_value
from indexer.tables import (
    Account,
    Appeal,
    BalanceChange,
    Block,
    Funding,
    Lock,
    Log,
    PanelMember,
    Payout,
    Pool,
    Position,
    Reward,
    Score,
    ScoreCommitment,
    Slash,
    Submission,
    Task,
    Totals,
    Validator,
    Withdrawal,
    block_of,
)
from indexer.types import Digest, Uint256
from indexer.units import MAX_LOG_INDEX, POSITION_BITS, shown

Item = dict[str, Any]
STRICT = ConfigDict(extra="forbid")
# An amount as JSON has it: a number of 256 bits is none that every reader of JSON can read.
Decimal = Annotated[str, Field(pattern="^[0-9]+$", examples=["1000000000000000000"])]


def columns(table: type[SQLModel]) -> Any:
    """The columns of a table, by name."""
    return table.__table__.c  # type: ignore[attr-defined]


class View:
    """The rows of one table as answers show them."""

    def __init__(
        self,
        name: str,
        table: type[SQLModel],
        *,
        omit: Iterable[str] = (),
        more: dict[str, tuple[ColumnElement[Any], Any]] | None = None,
        computed: dict[str, tuple[Any, Callable[[Item, int], Any]]] | None = None,
        join: Sequence[tuple[type[SQLModel], ColumnElement[bool]]] = (),
        hidden: dict[str, ColumnElement[Any]] | None = None,
    ) -> None:
        """`more`: columns beside the table's, with their types. `hidden`: columns that only `computed` fields need.

        A computed field is made from the item so far and the time of the block. Tables with a position show where on
        the chain that is instead of the number.
        """
        own = {column.name: column for column in columns(table) if column.name not in omit}
        source: FromClause = table.__table__  # type: ignore[attr-defined]
        types: dict[str, Any] = {key: table.model_fields[key].annotation for key in own}
        self._placed = "position" in own
        if self._placed:
            log, block = columns(Log), columns(Block)
            join = [*join, (Log, log.position == own["position"])]
            join += [(Block, block.number == block_of(own["position"]))]
            own |= {"transaction_hash": log.transaction_hash, "timestamp": block.timestamp}
            types |= {"block_number": int, "log_index": int, "transaction_hash": Digest, "timestamp": int}
            del types["position"]
        for other, condition in join:
            source = source.join(other.__table__, condition)  # type: ignore[attr-defined]
        own |= {key: column for key, (column, _) in (more or {}).items()}
        types |= {key: kind for key, (_, kind) in (more or {}).items()}
        types |= {key: kind for key, (kind, _) in (computed or {}).items()}
        self._hidden = list(hidden or {})
        own |= hidden or {}
        self.source = source
        self.columns = [plain(column).label(key) for key, column in own.items()]
        self._names = list(own)
        self._amounts = [key for key, column in own.items() if isinstance(column.type, Uint256)]
        self._flags = [key for key, column in own.items() if isinstance(column.type, Boolean)]
        self._computed = [(key, function) for key, (_, function) in (computed or {}).items()]
        self.model = _model(name, table, types)

    def item(self, row: Sequence[Any], now: int) -> Item:
        """One row, ready to be JSON; `now` is the time of the block."""
        item: Item = dict(zip(self._names, row, strict=False))
        for name in self._amounts:
            item[name] = shown(item[name])
        for name in self._flags:
            item[name] = bool(item[name])
        if self._placed:
            position = item.pop("position")
            item["block_number"], item["log_index"] = position >> POSITION_BITS, position & MAX_LOG_INDEX
            item["transaction_hash"] = "0x" + item["transaction_hash"].hex()
        for name, function in self._computed:
            item[name] = function(item, now)
        for name in self._hidden:
            del item[name]
        return item


def plain(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Amounts as the text they are: nobody computes with them here."""
    return type_coerce(column, String) if isinstance(column.type, Uint256) else column


def _model(name: str, table: type[SQLModel], types: dict[str, Any]) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for key, kind in types.items():
        known = table.model_fields.get(key)
        metadata = tuple(known.metadata) if known else ()
        if any(isinstance(each, PlainSerializer) for each in metadata):
            fields[key] = (Decimal, ...)
        else:
            fields[key] = (Annotated[kind, *metadata] if metadata else kind, ...)
    doc = (table.__doc__ or "").split("\n\n")[0]
    return create_model(name, __config__=STRICT, __doc__=doc, **fields)


# --- what can be asked for

_task, _pool, _position = columns(Task), columns(Pool), columns(Position)


def _sum(*names: str) -> Callable[[Item, int], str]:
    return lambda item, now: str(sum(int(item[name]) for name in names))


def _commission(item: Item, now: int) -> int:
    announced = item["next_commission_at"]
    in_force = announced and not int(item["locked"]) and now >= announced
    return int(item["next_commission"] if in_force else item["commission"])


def _worth(item: Item, now: int) -> str:
    return str(assets_of(int(item["shares"]), int(item["_assets"]), int(item["_shares"])))


def _value(item: Item, now: int) -> str:
    if item["withdrawn_at"] is not None:
        return "0"
    side = "own" if item["is_own"] else "delegated"
    index, generation = int(item[f"_{side}_index"]), int(item[f"_{side}_generation"])
    noted = int(item["exit_index"]), int(item["exit_generation"])
    return str(withdrawal_value(int(item["assets"]), *noted, index, generation))


def _withdrawal_state(item: Item, now: int) -> str:
    if item["withdrawn_at"] is not None:
        return "withdrawn"
    return "matured" if now >= item["matures_at"] else "waiting"


PhaseName = Literal[
    "commit",
    "abandoned",
    "reveal",
    "key",
    "void",
    "score_commit",
    "score_reveal",
    "challenge",
    "settle",
    "finalized",
    "cancelled",
]
TASK = View("Task", Task, more={"phase": (PHASE, PhaseName), "phase_ends": (PHASE_ENDS, int | None)})
SUBMISSION = View("Submission", Submission, omit=("rank_key",))
VALIDATOR = View("TaskValidator", Validator)
PANEL_MEMBER = View("PanelMember", PanelMember)
SCORE_COMMITMENT = View("ScoreCommitment", ScoreCommitment)
SCORE = View("Score", Score)
PAYOUT = View("Payout", Payout)
APPEAL = View("Appeal", Appeal)
FUNDING = View("Funding", Funding)
SLASH = View("Slash", Slash)
REWARD = View("Reward", Reward)
ACCOUNT = View("Account", Account)
BALANCE = View("Balance", BalanceChange, omit=("account",))
LOCK = View("Lock", Lock, omit=("announced_slash",))
TOTALS = View("Totals", Totals, omit=("id",))
OPERATOR = View("Operator", Pool, computed={"current_commission": (int, _commission)})
STAKE = View(
    "Stake",
    Position,
    join=[(Pool, _pool.operator == _position.operator)],
    hidden={"_assets": _pool.delegated_assets, "_shares": _pool.delegated_shares, "_own": _pool.own_assets},
    computed={
        "is_own": (bool, lambda item, now: item["operator"] == item["funder"]),
        "assets": (Decimal, lambda item, now: item["_own"] if item["is_own"] else _worth(item, now)),
    },
)
WITHDRAWAL = View(
    "Withdrawal",
    Withdrawal,
    join=[(Pool, _pool.operator == columns(Withdrawal).operator)],
    hidden={
        "_own_index": _pool.own_exit_index,
        "_own_generation": _pool.own_exit_generation,
        "_delegated_index": _pool.delegated_exit_index,
        "_delegated_generation": _pool.delegated_exit_generation,
    },
    computed={
        "state": (Literal["waiting", "matured", "withdrawn"], _withdrawal_state),
        "value": (Decimal, _value),
    },
)


class Envelope(BaseModel):
    """What every answer says: the block that it holds for."""

    model_config: ClassVar[ConfigDict] = STRICT

    block: int = Field(description="The block at which all of the answer is true")
    block_hash: Digest


def one(model: Any) -> Any:
    """The schema of an answer with one thing."""
    name = f"{getattr(model, '__name__', 'Thing')}Answer"
    return create_model(name, __base__=Envelope, data=(model, ...))


def many(model: Any) -> Any:
    """The schema of an answer with a page of things."""
    following = Field(description="The cursor of the next page; null on the last one")
    return create_model(
        f"{model.__name__}Page", __base__=Envelope, data=(list[model], ...), next=(str | None, following)
    )
