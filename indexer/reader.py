"""Blocks and logs from the chain.

Two ways, because they have different needs. What is *final* is read in ranges sized to the provider's limits, several
of them in flight, without asking for blocks that hold nothing of ours. What is *recent* may still be replaced: every
header is read, each must follow its parent, and logs are asked for by the hash of their block, so that logs of one
history never meet headers of another.
"""

import random
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Literal

from indexer.bloom import bits_of, bloom_of, says_nothing
from indexer.rpc import Call, Endpoints
from indexer.stored import StoredLog, stored
from indexer.transport import Refused
from indexer.units import POSITION_BITS
from protocol.deployment import Deployment
from protocol.errors import ChainUnavailable

RawLog = Mapping[str, Any]
# Number, hash and (where the node tells it with each log) timestamp of a block that holds logs.
_LogBlock = tuple[int, str, str | None]

_HASH = re.compile("0x[0-9a-f]{64}")

TARGET_LOGS = 4_000
MOST_LOGS = 8_000
FIRST_SPAN = 20
LONGEST_SPAN = 20_000
IN_FLIGHT = 3
HEADERS_AT_ONCE = 32
Checked = Literal["all", "sample", "none"]
# Blocks behind the head that are taken as final where the node does not say.
USUAL_FINALITY = 64


class ChainMoved(ChainUnavailable):
    """The chain changed between two requests that belong together, or a node lags: to be read again."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the index needs to know of a block."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int
    bloom: int = 0


@dataclass(frozen=True, slots=True)
class Tip:
    """Where the chain stands: its newest block, its newest final block, and the block asked about (None: not there)."""

    head: Header
    final: int
    asked: Header | None


@dataclass(slots=True)
class Batch:
    """A stretch of the chain, ready to be folded."""

    last: Header
    # In the chain's order.
    logs: Sequence[StoredLog]
    # Number, hash and timestamp of the blocks that hold the logs.
    blocks: list[tuple[int, str, int]]
    # Number and hash of every block, that before the first included; empty for a stretch that is final.
    recent: list[tuple[int, str]] = field(default_factory=list)


class Reader:
    """Reads one deployment's logs."""

    def __init__(
        self,
        endpoints: Endpoints,
        deployment: Deployment,
        confirmations: int | None = None,
        check: Checked = "sample",
    ) -> None:
        """`confirmations`: how many blocks behind the head are final; None: what the node says.

        `check`: which blocks' logs are held against their blooms, of those that are final; of the others, all are.
        """
        self._check = check
        self.endpoints = endpoints
        self.confirmations = confirmations
        self._addresses = [deployed.address for deployed in deployment.contracts.values()]
        self._own_bits = [bits_of(bytes.fromhex(address[2:])) for address in self._addresses]
        # Nodes write addresses in lower case, the tables have them with a checksum.
        self._ours = {address.lower(): address for address in self._addresses}
        self._span = FIRST_SPAN
        # The longest range that the provider has not refused; grows again slowly.
        self._limit = LONGEST_SPAN

    # --- where the chain stands

    def tip(self, number: int) -> Tip:
        """The head, the final block, and block `number`, in one request."""
        calls = [_by_number("latest"), _by_number(hex(number))]
        if self.confirmations is None:
            calls.append(_by_number("finalized"))
        try:
            return self.endpoints.read(calls, self._tip)
        except Refused:  # the node does not know what is final
            return self.endpoints.read(calls[:2], self._tip)

    def _tip(self, answers: list[Any]) -> Tip:
        head = _header(answers[0])
        distance = USUAL_FINALITY if self.confirmations is None else self.confirmations
        told = _header(answers[2]) if len(answers) > 2 and answers[2] else None
        return Tip(head, told.number if told else max(0, head.number - distance), _maybe_header(answers[1]))

    def headers(self, numbers: Sequence[int]) -> list[Header | None]:
        """The headers of some blocks; None where the chain does not reach."""
        calls = [_by_number(hex(number)) for number in numbers]
        return self.endpoints.read(calls, lambda answers: list(map(_maybe_header, answers)))

    # --- what is recent

    def recent(self, parent_hash: str | None, first: int, last: int) -> Batch:
        """Blocks `first` to `last`. Raises `ChainMoved` unless each follows the one before, from `parent_hash` on."""
        headers = []
        for number, header in zip(range(first, last + 1), self.headers(range(first, last + 1)), strict=True):
            if header is None or (parent_hash is not None and header.parent_hash != parent_hash):
                raise ChainMoved(f"Block {number} does not follow the block before it.")
            headers.append(header)
            parent_hash = header.hash
        logs = self._logs_of(headers)
        holding = {log[0] >> POSITION_BITS for log in logs}
        return Batch(
            headers[-1],
            logs,
            [(header.number, header.hash, header.timestamp) for header in headers if header.number in holding],
            [(first - 1, headers[0].parent_hash)] + [(header.number, header.hash) for header in headers],
        )

    def _logs_of(self, headers: Sequence[Header]) -> list[StoredLog]:
        """Our logs in these blocks. Where a bloom says that there may be some, all of the block's are asked for."""
        headers = [header for header in headers if self._may_be_in(header)]
        query: dict[str, Any] = {"address": self._addresses} if self._check == "none" else {}
        calls: list[Call] = [("eth_getLogs", [{"blockHash": header.hash, **query}]) for header in headers]
        try:
            found = self.endpoints.read(calls, lambda answers: list(map(self._whole, answers, headers)))
        except Refused as error:  # the block is not the chain's any more
            raise ChainMoved(str(error)) from error
        return [log for logs in found for log in logs]

    def _may_be_in(self, header: Header) -> bool:
        return self._check == "none" or any(header.bloom & bits == bits for bits in self._own_bits)

    def _whole(self, logs: list[RawLog], header: Header) -> list[StoredLog]:
        """Our logs of a block, of all that it has. Raises ValueError unless these are all, and no others."""
        if any(log["blockHash"] != header.hash for log in logs):
            raise ValueError(f"logs of another block for block {header.number}")
        if self._check != "none" and not says_nothing(header.bloom):
            items = (bytes.fromhex(item[2:]) for log in logs for item in (log["address"], *log["topics"]))
            if bloom_of(items) != header.bloom:
                raise ValueError(
                    f"the logs of block {header.number} are not those of its bloom; for a chain that makes no blooms, "
                    "set INDEXER_CHECK_LOGS=none"
                )
        return self._parsed([log for log in logs if log["address"].lower() in self._ours])[0]

    # --- what is final

    def final(self, first: int, last: int) -> Iterator[Batch]:
        """Blocks `first` to `last` in consecutive batches; the next ones are on their way while one is worked on."""
        with ThreadPoolExecutor(IN_FLIGHT, "reader") as pool:
            flying: deque[Future[list[Batch]]] = deque()
            try:
                while first <= last or flying:
                    while first <= last and len(flying) < IN_FLIGHT:
                        end = min(first + self._span - 1, last)
                        flying.append(pool.submit(self._range, first, end))
                        first = end + 1
                    batches = flying.popleft().result()
                    # What else has come meanwhile is written together: rows that change often are written once.
                    while flying and flying[0].done() and sum(len(batch.logs) for batch in batches) < MOST_LOGS:
                        batches += flying.popleft().result()
                    yield _joined(batches)
            finally:
                for future in flying:
                    future.cancel()

    def _range(self, first: int, last: int) -> list[Batch]:
        """The range as one batch, or as several when the provider refuses so much at once."""
        query = {"fromBlock": hex(first), "toBlock": hex(last), "address": self._addresses}
        try:
            # Asked together: an endpoint that has the last block has the logs up to it.
            (logs, blocks), header = self.endpoints.read(
                [("eth_getLogs", [query]), _by_number(hex(last))],
                lambda answers: (self._parsed(answers[0], first, last), _header(answers[1])),
            )
        except Refused:
            if first == last:
                raise
            middle = (first + last) // 2
            self._limit = self._span = max(1, middle - first + 1)
            return self._range(first, middle) + self._range(middle + 1, last)
        self._adapt(len(logs), last - first + 1)
        self._spot_check(first, last, logs)
        return [Batch(header, logs, self._dated(blocks, header))]

    def _spot_check(self, first: int, last: int, logs: Sequence[StoredLog]) -> None:
        """Hold the logs of one block of the range, or of all, against the blocks' blooms; right after they were read.

        Raises `ChainMoved` where they differ: whoever gave them is asked last from then on, and the range read again.
        """
        if self._check == "none":
            return
        giver = self.endpoints.answered
        numbers = range(first, last + 1) if self._check == "all" else [random.randint(first, last)]
        if self._check == "sample" and logs:
            numbers = [random.choice((numbers[0], random.choice(logs)[0] >> POSITION_BITS))]
        for at in range(0, len(numbers), HEADERS_AT_ONCE):
            part = numbers[at : at + HEADERS_AT_ONCE]
            found = [header for header in self.headers(part) if header is not None]
            told = [log for log in logs if part[0] <= log[0] >> POSITION_BITS <= part[-1]]
            if len(found) < len(part) or self._logs_of(found) != told:
                reason = f"it left out logs of blocks {part[0]}-{part[-1]}"
                self.endpoints.leave(reason, giver)
                raise ChainMoved(f"The RPC endpoint gave other logs for a range than for its blocks: {reason}.")

    def _adapt(self, logs: int, blocks: int) -> None:
        """Aim at TARGET_LOGS a request, at most doubling; a limit that was met is tried again a little above."""
        self._limit = min(LONGEST_SPAN, self._limit + max(1, self._limit // 10))
        wanted = blocks * TARGET_LOGS // logs if logs else LONGEST_SPAN
        self._span = max(1, min(wanted, 2 * max(blocks, self._span), self._limit))

    def _dated(self, blocks: Sequence[_LogBlock], last: Header) -> list[tuple[int, str, int]]:
        """The logs' blocks with their timestamps: from the logs, where the node says it there."""
        known = {last.number: last}
        if unknown := [number for number, _, timestamp in blocks if timestamp is None]:
            known |= {header.number: header for header in self.headers(unknown) if header}
        dated = []
        for number, hash_, timestamp in blocks:
            header = known.get(number)
            if (header is None and timestamp is None) or (header is not None and header.hash != hash_):
                raise ChainMoved(f"The RPC endpoint gave logs of a block {number} that it does not have.")
            dated.append((number, hash_, header.timestamp if header else int(timestamp or "0", 16)))
        return dated

    def _parsed(
        self, logs: list[RawLog], first: int = 0, last: int | None = None
    ) -> tuple[list[StoredLog], list[_LogBlock]]:
        """The logs in the chain's order, and their blocks. Raises ValueError for logs that were not asked for."""
        found, blocks, number, told = [], [], -1, None
        for log in logs:
            if log["blockNumber"] != told:
                told, number = log["blockNumber"], int(log["blockNumber"], 16)
                blocks.append((number, log["blockHash"], log.get("blockTimestamp")))
            address = self._ours.get(log["address"].lower())
            if address is None or log.get("removed"):
                raise ValueError("logs that were not asked for")
            if log["blockHash"] != blocks[-1][1]:
                raise ValueError(f"logs of two blocks {number}")
            found.append(stored(log, number, address))
        if any(block[0] < first or (last is not None and block[0] > last) for block in blocks):
            raise ValueError("logs of blocks that were not asked for")
        # Nodes give them in order; where one does not, a block may have come in parts.
        found.sort(key=itemgetter(0))
        blocks = sorted(set(blocks), key=itemgetter(0))
        if len({block[0] for block in blocks}) < len(blocks) or len({log[0] for log in found}) < len(found):
            raise ValueError("two blocks of one number, or a log twice")
        return found, blocks


def _joined(batches: list[Batch]) -> Batch:
    """Consecutive stretches as one."""
    if len(batches) == 1:
        return batches[0]
    logs = [log for batch in batches for log in batch.logs]
    return Batch(batches[-1].last, logs, [block for batch in batches for block in batch.blocks])


def _by_number(tag: str) -> Call:
    return "eth_getBlockByNumber", [tag, False]


def _header(block: Any) -> Header:
    hash_, parent_hash = block["hash"], block["parentHash"]
    if not (_HASH.fullmatch(hash_) and _HASH.fullmatch(parent_hash)):
        raise ValueError("a hash that is none")
    numbers = [int(block[name], 16) for name in ("number", "timestamp", "logsBloom")]
    return Header(numbers[0], hash_, parent_hash, *numbers[1:])


def _maybe_header(block: Any) -> Header | None:
    return None if block is None else _header(block)
