"""What a machine must have for the rarer faults: a small disk in a mount namespace, and calls that fail on request."""

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random

from tests.drills.cluster import Cluster, new_cluster
from tests.drills.faults import Scene

DISK_MEGABYTES = 500
"""A disk on which a round fits, and little else."""

SMALL_SETTINGS = "min_wal_size = 32MB\nmax_wal_size = 64MB\n"

FULL_SECONDS = (0.5, 2.0)
PIECE = bytes(1024 * 1024)

SOURCE = Path(__file__).with_name("failing_sync.c")

NOTICED_SECONDS = 20
"""How long a fault waits for PostgreSQL to notice that its disk fails: until the next commit."""

NO_ROOM = b"No space left on device"
NO_SYNC = b"could not fdatasync"


class Skipped(Exception):  # noqa: N818 - what happened, not an error
    """The machine doesn't have what a drill needs."""


def cluster_on_small_disk(stack: ExitStack) -> Cluster:
    """Return a new cluster whose files lie on a disk of its own, seen in a mount namespace only. Raises Skipped."""
    if shutil.which("unshare") is None or shutil.which("setpriv") is None:
        raise Skipped("unshare and setpriv are not there")
    folder = Path(tempfile.mkdtemp(prefix="creditbank-drill-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    holder = subprocess.Popen(("unshare", "--mount", "--propagation", "private", "sleep", "infinity"))
    stack.callback(holder.wait)
    stack.callback(holder.kill)
    inside = ("nsenter", "--target", str(holder.pid), "--mount", "--")
    deadline = time.monotonic() + 5
    while holder.poll() is None and _namespace(holder.pid) == _namespace(os.getpid()):
        assert time.monotonic() < deadline, "the namespace was not made"
        time.sleep(0.01)
    mount = ("mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m,mode=0777", "drill", str(folder))
    if (
        holder.poll() is not None
        or subprocess.run((*inside, *mount), check=False, stderr=subprocess.DEVNULL).returncode
    ):
        raise Skipped("mounting in a namespace of its own is not allowed here")
    cluster = new_cluster(folder, inside)
    cluster.holder = holder.pid
    settings = f"cat >> {cluster.data}/postgresql.conf"
    subprocess.run((*inside, "sh", "-c", settings), input=SMALL_SETTINGS.encode(), check=True)
    return cluster


def fill_disk(scene: Scene, random: Random) -> bool:
    """Let PostgreSQL have no room on its disk for a while, then bring it back; tell whether it met the end of it."""
    assert scene.cluster is not None, "a drill on PostgreSQL"
    before = _said(scene.cluster, NO_ROOM)
    filler = scene.cluster.seen / "filler"
    try:
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(PIECE)
        time.sleep(random.uniform(*FULL_SECONDS))
    finally:
        filler.unlink()
    scene.cluster.await_running()
    return _said(scene.cluster, NO_ROOM) > before


def cluster_with_failing_sync(cluster: Cluster) -> Cluster:
    """Return the cluster so that each fdatasync of its next server fails on request. Raises Skipped."""
    compiler, library = shutil.which("cc"), cluster.folder / "failing_sync.so"
    if compiler is None:
        raise Skipped("there is no C compiler")
    subprocess.run((compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SOURCE), "-ldl"), check=True)
    cluster.environment = {"LD_PRELOAD": str(library), "DRILL_SYNC_FAILS": str(cluster.folder / "failing")}
    return cluster


def fail_sync(scene: Scene, _random: Random) -> bool:
    """Let every fdatasync fail until PostgreSQL notices, then bring it back; tell whether it did.

    A server that can't be sure of its disk has to give up: it ends all connections, and may end itself.
    """
    assert scene.cluster is not None, "a drill on PostgreSQL"
    before, sign = _said(scene.cluster, NO_SYNC), scene.cluster.folder / "failing"
    sign.touch()
    deadline = time.monotonic() + NOTICED_SECONDS
    while _said(scene.cluster, NO_SYNC) == before and time.monotonic() < deadline:
        time.sleep(0.05)
    sign.unlink()
    scene.cluster.await_running()
    return _said(scene.cluster, NO_SYNC) > before


def _namespace(pid: int) -> str:
    return str(Path(f"/proc/{pid}/ns/mnt").readlink())


def _said(cluster: Cluster, words: bytes) -> int:
    """Return how often the server's log says something."""
    with suppress(FileNotFoundError):
        return (cluster.seen / "log").read_bytes().count(words)
    return 0
