"""What a machine must have for the rarer faults: a small disk in a mount namespace, and calls that fail on request."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from random import Random

import psycopg

from tests.drills.cluster import Cluster, new_cluster
from tests.drills.faults import Scene

DISK_MEGABYTES = 500
"""A disk on which a round fits, and little else."""

SMALL_SETTINGS = "min_wal_size = 32MB\nmax_wal_size = 64MB\n"

FULL_SECONDS = (0.5, 2.0)
PIECE = bytes(1024 * 1024)

LIBFIU = Path("/usr/lib/fiu")
"""Where Debian's package puts the libraries that are put before the C library's."""

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
    """Return the cluster so that calls of its next server can be made to fail. Raises Skipped."""
    libraries = [LIBFIU / name for name in ("fiu_run_preload.so", "fiu_posix_preload.so")]
    if shutil.which("fiu-ctrl") is None or not all(library.exists() for library in libraries):
        raise Skipped("libfiu is not there (fiu-utils of Debian)")
    preload = " ".join(str(library) for library in libraries)
    cluster.environment = {"LD_PRELOAD": preload, "FIU_CTRL_FIFO": str(cluster.folder / "fiu"), "FIU_ENABLE": ""}
    return cluster


def fail_sync(scene: Scene, _random: Random) -> bool:
    """Let every fdatasync fail in the processes that PostgreSQL starts from now on, and start it anew once it ended.

    A server that can't be sure of its disk has to give up: it ends all connections, and then itself.
    """
    cluster = scene.cluster
    assert cluster is not None, "a drill on PostgreSQL"
    before = _said(cluster, NO_SYNC)
    first = int((cluster.data / "postmaster.pid").read_text("utf-8").split()[0])
    command = ("fiu-ctrl", "-f", str(cluster.folder / "fiu"), "-c", "enable name=posix/io/sync/fdatasync", str(first))
    subprocess.run(command, check=True, timeout=10)
    deadline = time.monotonic() + 20
    while _said(cluster, NO_SYNC) == before and time.monotonic() < deadline:
        with suppress(psycopg.OperationalError):
            cluster.terminate(100, Random(0))  # noqa: S311 - all of them; those that come instead can't sync
        time.sleep(0.2)
    with suppress(ProcessLookupError):
        os.kill(first, signal.SIGQUIT)
    while Path(f"/proc/{first}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    cluster.await_running()
    return _said(cluster, NO_SYNC) > before


def _namespace(pid: int) -> str:
    return str(Path(f"/proc/{pid}/ns/mnt").readlink())


def _said(cluster: Cluster, words: bytes) -> int:
    """Return how often the server's log says something."""
    with suppress(FileNotFoundError):
        return (cluster.seen / "log").read_bytes().count(words)
    return 0
