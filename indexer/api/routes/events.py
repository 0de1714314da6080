"""Raw events: everything the contracts said, decoded, by name, contract, task, account or blocks."""

import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Annotated, Any, Literal

import orjson
from fastapi import Query, Response
from pydantic import AfterValidator, BaseModel
from sqlalchemy import Select, bindparam, select, union_all

from indexer.api.errors import invalid
from indexer.api.pages import Cursor, Limit, export_limit, read_cursor, write_cursor
from indexer.api.parameters import AddressPath, AddressQuery, BlockQuery, IdQuery
from indexer.api.routing import Read, area
from indexer.api.snapshot import Snapshot, parse_deployment
from indexer.api.views import STRICT, columns, many
from indexer.tables import AccountEvent, Block, EventKind, Log, block_of
from indexer.types import Address, Digest
from indexer.units import MAX_LOG_INDEX, POSITION_BITS, position_of
from protocol.deployment import CONTRACTS, Deployment
from protocol.events import argument_names, decoders, event_abis, topic

router = area("events")
Order = Literal["position", "-position"]

_log, _block, _link, _kind = columns(Log), columns(Block), columns(AccountEvent), columns(EventKind)
_LAST = position_of(2**43 - 1)
# Types of arguments that are JSON as they are, and those that become decimal strings.
_PLAIN = {"address", "bool", "bytes", "bytes32", "string"}
_NUMBER = re.compile("u?int[0-9]+")


class EventItem(BaseModel):
    """One event. Numbers in `args` are decimal strings: they can have 256 bits. No name: no ABI of ours has it."""

    model_config = STRICT

    name: str | None
    args: dict[str, Any] | None
    address: Address
    block_number: int
    block_hash: Digest
    timestamp: int
    log_index: int
    transaction_hash: Digest
    transaction_index: int
    topics: list[Digest]
    data: str


# --- which events


# Where a row has the event's data, and how many bytes of that are few.
_DATA, _KEPT_BYTES = 6, 2_048
_KINDS = select(_kind.topic0).where(_kind.address == bindparam("address"))


def rows_at(positions: Select[Any], order: str) -> Select[Any]:
    """The SQL of what `told` takes: the logs at the positions that a statement finds, with their blocks."""
    found = positions.subquery("found")
    position = found.c.position
    rows = select(*_log, _block.hash, _block.timestamp).select_from(found)
    rows = rows.join(_log.position.table, _log.position == position)
    rows = rows.join(_block.number.table, _block.number == block_of(position))
    return rows.order_by(position if order == "position" else position.desc())


@cache
def _rows(by_account: bool, by_task: bool, by_address: bool, topics: int, order: str) -> Select[Any]:
    return rows_at(_positions(by_account, by_task, by_address, topics, order), order)


def _positions(by_account: bool, by_task: bool, by_address: bool, topics: int, order: str) -> Select[Any]:
    """The SQL that finds the positions of events, through the index that serves it.

    Each of several first topics is searched on its own: each is in the index's order, all together are not.
    """
    parts = [_part(by_account, by_task, by_address, at, order) for at in range(topics)]
    parts = parts or [_part(by_account, by_task, by_address, None, order)]
    if len(parts) == 1:
        return parts[0]
    together = union_all(*(select(part.subquery().c.position) for part in parts)).subquery()
    position = together.c.position
    return select(position).order_by(position if order == "position" else position.desc()).limit(bindparam("limit"))


def _part(by_account: bool, by_task: bool, by_address: bool, topic_at: int | None, order: str) -> Select[Any]:
    position = _link.position if by_account else _log.position
    part = select(position.label("position")).where(position > bindparam("above"), position < bindparam("below"))
    if by_account:
        part = part.where(_link.account == bindparam("account"))
        if by_task or by_address or topic_at is not None:
            part = part.join(_log.position.table, _log.position == _link.position)
    if by_task:
        part = part.where(_log.topic1 == bindparam("task"))
    if by_address:
        part = part.where(_log.address == bindparam("address"))
    if topic_at is not None:
        part = part.where(_log.topic0.is_not_distinct_from(bindparam(f"topic_{topic_at}")))
    return part.order_by(position if order == "position" else position.desc()).limit(bindparam("limit"))


class Search:
    """What is asked for: `page` answers it."""

    def __init__(
        self,
        name: str | None = None,
        contract: str | None = None,
        task: int | None = None,
        account: str | None = None,
        federation: int | None = None,
    ) -> None:
        if name is not None and name not in event_abis():
            raise invalid(
                f"name cannot be {name[:100]!r}: give one like Arena.TaskCreated; /events/kinds lists what occurred."
            )
        self._name, self._account = name, account
        # What the first argument of all events of a contract is: its tasks, or its federations.
        self._of = task if task is not None else federation
        wanted = {contract, name and name.split(".")[0]}
        wanted |= {"Arena" if task is not None else None, "Alliance" if federation is not None else None}
        self._contract = next(iter(wanted - {None}), None)
        self._odd = len(wanted - {None}) > 1

    def page(self, at: Snapshot, blocks: tuple[int, int], order: Order, cursor: str | None, limit: int) -> Response:
        """A page of what was found from block to block, both included."""
        limit = export_limit(at, limit)
        above, below = position_of(blocks[0]) - 1, position_of(blocks[1] + 1)
        if cursor is not None:
            (after,) = read_cursor(cursor, order, [_log.position])
            above, below = (max(above, after), below) if order == "position" else (above, min(below, after))
        found = [] if self._odd else self._find(at, {"above": above, "below": below, "limit": limit + 1}, order)
        shown = found[:limit]
        following = write_cursor(order, shown[-1][:1]) if len(found) > limit else None
        return at.answer(told(at, shown), next=following)

    def events(self, at: Snapshot, first_block: int, most: int) -> list[orjson.Fragment]:
        """What was found from a block on, the oldest first."""
        span = {"above": position_of(first_block) - 1, "below": _LAST, "limit": most}
        return [] if self._odd else told(at, self._find(at, span, "position"))

    def _find(self, at: Snapshot, values: dict[str, Any], order: Order) -> Sequence[Any]:
        topics: list[bytes | None] = []
        if self._contract is not None:
            deployed = at.deployment.contracts.get(self._contract)
            if deployed is None:
                return []
            values["address"] = deployed.address
            if self._name is not None:
                topics = [bytes.fromhex(topic(self._name)[2:])]
            elif self._of is None and self._account is None:
                kinds = at.all(_KINDS, values)
                topics = [bytes.fromhex(kind[2:]) if kind else None for (kind,) in kinds]
                if not topics:
                    return []
        if self._of is not None:
            values["task"] = self._of.to_bytes(32)
        if self._account is not None:
            values["account"] = self._account
        values |= {f"topic_{at_}": word for at_, word in enumerate(topics)}
        by = self._account is not None, self._of is not None, self._contract is not None
        return at.tuples(_rows(*by, len(topics), order), values)


# --- what they say


def told(at: Snapshot, rows: Sequence[Any]) -> list[orjson.Fragment]:
    """The events in some rows of `rows_at`."""
    deployment = at.checkpoint.deployment
    return [orjson.Fragment(_told(row, deployment)) for row in rows]


def _told(row: tuple[Any, ...], deployment: str) -> bytes:
    """One event as JSON. A log never changes, so neither does this; it is kept unless it is huge."""
    return _json(row, deployment) if len(row[_DATA]) > _KEPT_BYTES else _kept(row, deployment)


@lru_cache(maxsize=16_384)
def _kept(row: tuple[Any, ...], deployment: str) -> bytes:
    return _json(row, deployment)


def _json(row: tuple[Any, ...], deployment: str) -> bytes:
    position, address, *topics, data, transaction_hash, transaction_index, block_hash, timestamp = row
    log_index = position & MAX_LOG_INDEX
    name, values = _decoded(address, topics, data, parse_deployment(deployment))
    return orjson.dumps(
        {
            "name": name,
            "args": None if name is None else _arguments(name, values),
            "address": address,
            "block_number": position >> POSITION_BITS,
            "block_hash": block_hash,
            "timestamp": timestamp,
            "log_index": log_index,
            "transaction_hash": "0x" + transaction_hash.hex(),
            "transaction_index": transaction_index,
            "topics": ["0x" + topic.hex() for topic in topics if topic is not None],
            "data": "0x" + data.hex(),
        }
    )


def _decoded(
    address: str, topics: Sequence[bytes | None], data: bytes, deployment: Deployment
) -> tuple[str | None, Sequence[Any]]:
    """Name and arguments, which were decoded before when the event was indexed; no name for what no ABI of ours has."""
    contract, (first, two, three, four) = deployment.name_of(address), topics
    found = decoders(contract).get("0x" + first.hex()) if contract and first is not None else None
    if found is None:
        return None, ()
    name, decoder = found
    return name, decoder(two, three, four, data)


def _arguments(name: str, values: Sequence[Any]) -> dict[str, Any]:
    """By name. Only what can hold numbers is looked into."""
    parts = zip(argument_names(name), _writers(name), values, strict=True)
    return {argument: value if write is None else write(value) for argument, write, value in parts}


@cache
def _writers(name: str) -> list[Callable[[Any], Any] | None]:
    kinds = [part["type"] for part in event_abis()[name]["inputs"]]
    return [None if kind in _PLAIN else str if _NUMBER.fullmatch(kind) else _strings for kind in kinds]


def _strings(value: Any) -> Any:
    """Numbers as decimal strings, everywhere inside."""
    if isinstance(value, dict):
        return {name: _strings(each) for name, each in value.items()}
    if isinstance(value, list):
        return list(map(_strings, value))
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


# --- routes


def _contract(value: str) -> str:
    if value not in CONTRACTS:
        raise ValueError(f"give one of {', '.join(CONTRACTS)}")
    return value


ContractQuery = Annotated[
    Annotated[str, AfterValidator(_contract)] | None,
    Query(examples=["Arena"], json_schema_extra={"enum": list(CONTRACTS)}),
]
NameQuery = Annotated[str | None, Query(max_length=100, examples=["Arena.TaskCreated"])]


@router.get("/events", response_model=many(EventItem))
def events(
    read: Read,
    name: NameQuery = None,
    contract: ContractQuery = None,
    task_id: IdQuery = None,
    federation_id: IdQuery = None,
    account: AddressQuery = None,
    from_block: BlockQuery = None,
    to_block: BlockQuery = None,
    order: Order = "-position",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Events, the newest first. Filters add up; `account` finds events that name it in any argument."""
    blocks = (from_block or 0, 2**43 - 2 if to_block is None else to_block)
    search = Search(name, contract, task_id, account, federation_id)
    with read.snapshot() as at:
        return search.page(at, blocks, order, cursor, limit)


@router.get("/accounts/{address}/history", response_model=many(EventItem), tags=["accounts"])
def history(
    read: Read, address: AddressPath, order: Order = "-position", cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """Every event that names the account, the newest first."""
    with read.snapshot() as at:
        return Search(account=address).page(at, (0, 2**43 - 2), order, cursor, limit)
