"""A load generator on loopback: processes with one kept-alive connection each, bounded in requests and time."""

import multiprocessing
import socket
import time
from collections.abc import Sequence
from typing import BinaryIO

HOST = "127.0.0.1"


def per_second(port: int, requests: Sequence[Sequence[bytes]], seconds: float) -> float:
    """Send each list of requests over a connection of its own; return answered requests a second of all together.

    Ends with the lists or after `seconds`. Raised: AssertionError where an answer is not 200 or 201.
    """
    results: multiprocessing.Queue[tuple[int, bytes]] = multiprocessing.Queue()
    clients = [multiprocessing.Process(target=_client, args=(port, list(one), seconds, results)) for one in requests]
    began = time.perf_counter()
    for client in clients:
        client.start()
    told = [results.get() for _ in clients]
    took = time.perf_counter() - began
    for client in clients:
        client.join()
    for _, refused in told:
        assert not refused, refused[:500]
    return sum(count for count, _ in told) / took


def timed(port: int, requests: Sequence[bytes]) -> list[float]:
    """Send requests over one connection, one after the other, and return the seconds that each took to be answered.

    Raised: AssertionError where an answer is not 200 or 201.
    """
    with socket.create_connection((HOST, port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers, seconds = connection.makefile("rb"), []
        for request in requests:
            began = time.perf_counter()
            connection.sendall(request)
            status, body = _answer(answers)
            seconds.append(time.perf_counter() - began)
            assert status.split()[1:2] in ([b"200"], [b"201"]), (status + body)[:500]
    return seconds


def _answer(answers: BinaryIO) -> tuple[bytes, bytes]:
    """Return the next answer's status line and body."""
    status, length = answers.readline(), 0
    while (header := answers.readline()) not in (b"\r\n", b""):
        name, _, value = header.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    return status, answers.read(length)


def _client(
    port: int, requests: list[bytes], seconds: float, results: "multiprocessing.Queue[tuple[int, bytes]]"
) -> None:
    """Send requests one after the other and tell how many were answered, and the first bad answer."""
    connection = socket.create_connection((HOST, port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    answers, count, refused = connection.makefile("rb"), 0, b""
    ends = time.monotonic() + seconds
    for request in requests:
        if time.monotonic() > ends or refused:
            break
        connection.sendall(request)
        status, body = _answer(answers)
        if status.split()[1:2] in ([b"200"], [b"201"]):
            count += 1
        else:
            refused = status + body
    results.put((count, refused))
