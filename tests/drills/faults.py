"""Faults: everything that a drill does to the servers and to the wires between them."""

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import psycopg

from tests.drills.cluster import Cluster
from tests.drills.proxy import Proxy
from tests.drills.serving import Server

CUT_SECONDS = 2.0
"""How long a fault waits for a reply to cut: clients may be waiting for something else just then."""

PAUSES_SECONDS = (0.1, 0.8)
"""How long a process stands still, at least and at most: shorter than what makes clients give up."""

SLOW_SECONDS = (0.2, 0.8)
DELAY_SECONDS = 0.02

CLOCK_SECONDS = 900
"""How far the bank's clock jumps at most, either way: further than its tokens last."""


@dataclass
class Scene:
    """What a drill acts on: the server, its database, and the wires before and behind it."""

    server: Server
    front: Proxy
    """Between clients and server."""
    cluster: Cluster | None = None
    back: Proxy | None = None
    """Between server and PostgreSQL."""
    clock: Path | None = None
    """The file that tells the bank's clock by how many seconds it is wrong, where the application looks at it."""


Fault = Callable[[Scene, Random], bool]
"""Does something and returns when the servers can work again; tells whether it met anything."""


def kill_worker(scene: Scene, random: Random) -> bool:
    """Kill -9 one of the server's processes; the first one replaces it."""
    found = scene.server.worker_pids()
    if found:
        with suppress(ProcessLookupError):
            os.kill(random.choice(found), signal.SIGKILL)
    scene.server.revive()
    return bool(found)


def kill_server(scene: Scene, _random: Random) -> bool:
    """Kill -9 the whole server and start it again."""
    scene.server.kill()
    scene.server.start()
    return True


def pause_worker(scene: Scene, random: Random) -> bool:
    """Let one of the server's processes stand still for a while, with its locks and connections."""
    found = scene.server.worker_pids()
    if found:
        _pause(random.choice(found), random)
    scene.server.revive()
    return bool(found)


def cut_reply(scene: Scene, random: Random) -> bool:
    """Cut the client's connection when the answer to a request with an effect is on its way."""
    return _cut(scene.front, random)


def cut_clients(scene: Scene, _random: Random) -> bool:
    """Cut all clients' connections wherever they stand."""
    scene.front.cut_all()
    return True


def slow_clients(scene: Scene, random: Random) -> bool:
    """Let everything between clients and server take longer, or come drop by drop."""
    return _slow(scene.front, random)


def stop_database(scene: Scene, _random: Random) -> bool:
    """Stop PostgreSQL at once and start it again."""
    assert scene.cluster is not None, "a drill on PostgreSQL"
    scene.cluster.stop_at_once()
    scene.cluster.start()
    return True


def crash_database(scene: Scene, random: Random) -> bool:
    """Kill -9 one of PostgreSQL's backends, upon which it recovers from a crash."""
    assert scene.cluster is not None, "a drill on PostgreSQL"
    return scene.cluster.crash(random)


def terminate_one(scene: Scene, random: Random) -> bool:
    """Let an administrator end one of the bank's connections."""
    return _terminated(scene, 1, random)


def terminate_all(scene: Scene, random: Random) -> bool:
    """Let an administrator end all of the bank's connections."""
    return _terminated(scene, 100, random)


def pause_backend(scene: Scene, random: Random) -> bool:
    """Let one of PostgreSQL's backends stand still for a while, with its locks."""
    assert scene.cluster is not None, "a drill on PostgreSQL"
    found = scene.cluster.backends()
    if found:
        _pause(random.choice(found), random)
    return bool(found)


def cut_commit(scene: Scene, random: Random) -> bool:
    """Cut the server's connection to PostgreSQL between its COMMIT and the reply: nobody knows what came of it."""
    assert scene.back is not None, "a drill on PostgreSQL"
    return _cut(scene.back, random)


def cut_database(scene: Scene, _random: Random) -> bool:
    """Cut all connections between server and PostgreSQL."""
    assert scene.back is not None, "a drill on PostgreSQL"
    scene.back.cut_all()
    return True


def slow_database(scene: Scene, random: Random) -> bool:
    """Let everything between server and PostgreSQL take longer, or come drop by drop."""
    assert scene.back is not None, "a drill on PostgreSQL"
    return _slow(scene.back, random)


def shift_clock(scene: Scene, random: Random) -> bool:
    """Set the bank's clock forward or back, by more than its tokens last or less."""
    assert scene.clock is not None, "a bank whose clock can be set"
    written = scene.clock.with_suffix(".new")
    written.write_text(str(random.randint(-CLOCK_SECONDS, CLOCK_SECONDS)), "utf-8")
    written.replace(scene.clock)
    return True


def _cut(proxy: Proxy, random: Random) -> bool:
    """Cut the next replies of a proxy, and tell whether one was cut."""
    before, wanted = proxy.cuts_done, random.choice((1, 1, 2, 4))
    proxy.cut_replies(wanted)
    deadline = time.monotonic() + CUT_SECONDS
    while proxy.cuts_done < before + wanted and time.monotonic() < deadline:
        time.sleep(0.01)
    proxy.cut_replies(0)
    return proxy.cuts_done > before


def _slow(proxy: Proxy, random: Random) -> bool:
    proxy.is_dripping = random.random() < 1 / 2
    proxy.delay_seconds = 0.0 if proxy.is_dripping else DELAY_SECONDS
    time.sleep(random.uniform(*SLOW_SECONDS))
    proxy.is_dripping, proxy.delay_seconds = False, 0.0
    return True


def _pause(pid: int, random: Random) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(random.uniform(*PAUSES_SECONDS))
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _terminated(scene: Scene, count: int, random: Random) -> bool:
    assert scene.cluster is not None, "a drill on PostgreSQL"
    with suppress(psycopg.OperationalError):
        return scene.cluster.terminate(count, random) > 0
    return False


AT_THE_SERVER: Mapping[Fault, int] = {
    kill_worker: 6,
    kill_server: 1,
    pause_worker: 4,
    cut_reply: 20,
    cut_clients: 8,
    slow_clients: 4,
}
"""Faults on any engine, and how often each is drawn."""

AT_POSTGRESQL: Mapping[Fault, int] = AT_THE_SERVER | {
    stop_database: 2,
    crash_database: 2,
    terminate_one: 20,
    terminate_all: 8,
    pause_backend: 4,
    cut_commit: 20,
    cut_database: 6,
    slow_database: 4,
}
"""Faults where the database is a server of its own; the dear ones, after which everything starts anew, are rare."""
