"""Time series: the network's sums, an operator's stake, a validator's scores, as they were."""

from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import Field, create_model
from sqlalchemy import ColumnElement, Select, bindparam, func, select

from indexer.api.errors import invalid, not_found
from indexer.api.pages import Cursor, Limit, Listing
from indexer.api.parameters import AddressPath
from indexer.api.routing import Read, area
from indexer.api.snapshot import Snapshot
from indexer.api.views import View, columns, many
from indexer.tables import NetworkPast, Pool, PoolPast, Score, Submission
from indexer.types import INT64
from indexer.units import NETWORK_STEP

router = area("history")

MAX_POINTS = 500
_USUAL_POINTS = 200
# Lengths that people think in, in seconds.
_LENGTHS = (60, 300, 900, 3_600, 4 * 3_600, 12 * 3_600, 86_400, 7 * 86_400, 28 * 86_400)

_network, _pool_past, _pool = columns(NetworkPast), columns(PoolPast), columns(Pool)
_score, _submission = columns(Score), columns(Submission)

NETWORK = View("NetworkPoint", NetworkPast)
POOL = View("PoolPoint", PoolPast, omit=("operator", "position"))
SCORED = View(
    "ScoreGiven",
    Score,
    omit=("validator",),
    more={"consensus": (_submission.score, int | None), "state": (_submission.state, str)},
    join=[(Submission, (_submission.task_id == _score.task_id) & (_submission.id == _score.submission_id))],
)
SCORES_GIVEN = Listing(
    SCORED, {"position": [_score.position]}, {"validator": _score.validator == bindparam("validator")}
)

_TIME = "Seconds since 1970"
From = Annotated[int | None, Query(alias="from", ge=0, le=2**40, description=f"{_TIME}; the beginning, unless given")]
To = Annotated[int | None, Query(ge=0, le=2**40, description=f"{_TIME}; the block's time, unless given")]
Interval = Annotated[
    int | None,
    Query(
        ge=NETWORK_STEP, le=2**32, description=f"Seconds between points, a multiple of {NETWORK_STEP}", examples=[3600]
    ),
]


def _series(view: View) -> Any:
    """A series is a list without further pages."""
    page = many(view.model)
    spaced = Field(description="Seconds between points; the last one may come sooner")
    return create_model(f"{view.model.__name__}Series", __base__=page, interval=(int, spaced))


# --- the points


def _statement(view: View, time: ColumnElement[int], where: Any = None, *order: Any) -> Select[Any]:
    """The rows that were the newest at regular times: one search for each time, however long the history is."""
    start, step, end = (bindparam(name, type_=INT64) for name in ("start", "step", "end"))
    times = select(start.label("at")).cte("times", recursive=True)
    times = times.union_all(select(times.c.at + step).where(times.c.at + step <= end))
    before = time < times.c.at
    newest = select(func.max(time)).where(before if where is None else before & where)
    then = select(times.c.at, newest.correlate(times).scalar_subquery().label("time")).subquery()
    joined = view.source.join(then, time == then.c.time)
    statement = select(then.c.at, *view.columns).select_from(joined)
    return (statement if where is None else statement.where(where)).order_by(then.c.at, *order)


_NETWORK = _statement(NETWORK, _network.timestamp)
_FIRST = select(func.min(_network.timestamp))
_OWN = _pool_past.operator == bindparam("operator")
_POOL = _statement(POOL, _pool_past.timestamp, _OWN, _pool_past.position)
_POOL_FIRST = select(func.min(_pool_past.timestamp)).where(_OWN)
_KNOWN = select(_pool.operator).where(_pool.operator == bindparam("operator"))


def _span(
    at: Snapshot, first: int | None, given: tuple[int | None, int | None], interval: int | None
) -> dict[str, int]:
    """The times to look at. Raises `ApiError` when they are too many."""
    start, end = given
    end = min(at.now if end is None else end, at.now)
    start = max(first if first is not None else end, start or 0)
    if interval is None:
        interval = next((each for each in _LENGTHS if (end - start) // each <= _USUAL_POINTS), (end - start) // 100)
    if interval % NETWORK_STEP:
        interval += NETWORK_STEP - interval % NETWORK_STEP
    if (end - start) // interval > MAX_POINTS:
        raise invalid(f"interval gives more than {MAX_POINTS} points: give a longer one, or a shorter time.")
    return {"start": (start // interval + 1) * interval, "step": interval, "end": end}


def _points(at: Snapshot, view: View, statement: Select[Any], span: dict[str, int], **values: Any) -> list[Any]:
    """The points; the state at the end comes last, unless a point falls on it."""
    found = {}
    last = span | {"start": span["end"] + 1, "end": span["end"] + 1}
    for part in [span, last] if span["start"] <= span["end"] else [last]:
        for row in at.all(statement, part | values):
            # Of several changes in one second the last counts.
            found[min(row[0], span["end"])] = view.item(row[1:], at.now) | {"timestamp": min(row[0], span["end"])}
    return list(found.values())


@router.get("/history", response_model=_series(NETWORK))
def network_history(read: Read, start: From = None, to: To = None, interval: Interval = None) -> Response:
    """The network's sums over time: supply and emission, stake, slashes, rewards, and how much there was of everything.

    Each point is what was true at its time. Unless told, the interval is one that gives up to 200 points.
    """
    with read.snapshot() as at:
        span = _span(at, at.first(_FIRST)[0], (start, to), interval)
        return at.answer(_points(at, NETWORK, _NETWORK, span), next=None, interval=span["step"])


@router.get("/operators/{address}/history", response_model=_series(POOL))
def pool_history(
    read: Read, address: AddressPath, start: From = None, to: To = None, interval: Interval = None
) -> Response:
    """An operator's active stake over time, its own and its delegators'."""
    with read.snapshot() as at:
        if at.first(_KNOWN, {"operator": address}) is None:
            raise not_found(f"{address} has no pool at block {at.checkpoint.number}.")
        span = _span(at, at.first(_POOL_FIRST, {"operator": address})[0], (start, to), interval)
        found = _points(at, POOL, _POOL, span, operator=address)
        return at.answer(found, next=None, interval=span["step"])


@router.get("/accounts/{address}/scores", response_model=many(SCORED.model))
def scores_given(read: Read, address: AddressPath, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """What an account scored as validator, the newest first, beside the consensus on the same submission."""
    with read.snapshot() as at:
        return SCORES_GIVEN.page(at, {"validator": address}, "-position", cursor, limit)
