"""Requests over 16 connections that stay open, as fast as they are answered; latencies and rate.

Whoever asks shares the machine with what answers, so it does as little as it can: one write, one search for the length.
"""

import asyncio
import itertools
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import uvloop


@dataclass
class Load:
    """What came of it; latencies in milliseconds."""

    requests_per_second: float
    median: float
    p99: float
    answer_bytes: int


def put(url: str, paths: Sequence[str], seconds: float = 5.0, connections: int = 16, once: bool = False) -> Load:
    """Ask for these paths in turn for some seconds; with `once` for each at most once, since answers are kept."""
    return uvloop.run(_put(url, iter(paths) if once else itertools.cycle(paths), seconds, connections))


async def _put(url: str, paths: Iterator[str], seconds: float, connections: int) -> Load:
    begin = time.perf_counter()
    latencies: list[float] = []
    sizes = await asyncio.gather(*(_connection(url, paths, begin + seconds, latencies) for _ in range(connections)))
    took = time.perf_counter() - begin
    latencies.sort()
    p99 = latencies[int(len(latencies) * 0.99)]
    return Load(len(latencies) / took, 1e3 * statistics.median(latencies), 1e3 * p99, sizes[0])


async def _connection(url: str, paths: Iterator[str], until: float, latencies: list[float]) -> int:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    length = 0
    while (begin := time.perf_counter()) < until and (path := next(paths, None)):
        writer.write(f"GET {path} HTTP/1.1\r\nhost: {parts.netloc}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{path}: {head.decode().splitlines()[0]}")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        latencies.append(time.perf_counter() - begin)
    writer.close()
    return length
