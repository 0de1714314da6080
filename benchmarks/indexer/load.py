"""Requests over 16 connections that stay open, as fast as they are answered; latencies and rate."""

import asyncio
import statistics
import time
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass
class Load:
    """What came of it; latencies in milliseconds."""

    requests_per_second: float
    median: float
    p99: float
    answer_bytes: int


def put(url: str, path: str, seconds: float = 5.0, connections: int = 16) -> Load:
    """Ask for one path for some seconds."""
    return asyncio.run(_put(url, path, seconds, connections))


async def _put(url: str, path: str, seconds: float, connections: int) -> Load:
    until = time.perf_counter() + seconds
    latencies: list[float] = []
    sizes = await asyncio.gather(*(_connection(url, path, until, latencies) for _ in range(connections)))
    latencies.sort()
    p99 = latencies[int(len(latencies) * 0.99)]
    return Load(len(latencies) / seconds, 1e3 * statistics.median(latencies), 1e3 * p99, sizes[0])


async def _connection(url: str, path: str, until: float, latencies: list[float]) -> int:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    request, length = f"GET {path} HTTP/1.1\r\nhost: {parts.netloc}\r\n\r\n".encode(), 0
    while (begin := time.perf_counter()) < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{path}: {head.decode().splitlines()[0]}")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        latencies.append(time.perf_counter() - begin)
    writer.close()
    return length
