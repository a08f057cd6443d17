"""The real server of a drill: started, killed, its workers told apart, started again."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ENGINES = ("sqlite", "postgresql") if os.environ.get("CREDITBANK_DRILLS") == "long" else ("postgresql",)
"""On what the slowest tests run: on both engines in `make drills`."""

BASE_URL = "http://bank.drill"
"""The issuer of the drill's tokens; the server's real address changes at every start."""

CLIENTS = 4
"""Clients that post at the same time: as many as the server has threads."""

READY_SECONDS = 120
"""How long a start may take on a machine that is busy with other tests."""

LIMITS = tuple(
    f"CREDITBANK_{name}"
    for name in ("REQUESTS_A_MINUTE", "ADDRESS_REQUESTS_A_MINUTE", "TRIES_A_MINUTE", "EXPORTS_A_DAY")
)
"""Settings that would keep a drill's clients from asking."""

REVIVED_SECONDS = 20
"""How long a server may take to replace a worker that was killed before it is started anew."""


@dataclass
class Server:
    """The real server in a process group of its own, on the loopback interface."""

    application: str
    """The factory of the application; empty for the product as it is served, by `creditbank serve`."""
    environment: Mapping[str, str]
    output: int | IO[bytes] = subprocess.DEVNULL
    """Where its log lines go."""
    workers: int = 1
    threads: int = CLIENTS
    port: int = 0
    folder: Path | None = None
    """Where the program lies that is started; here, if it isn't said."""
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start on a free port and wait until the server answers."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.process = subprocess.Popen(
            self._command(port),
            cwd=self.folder,
            env=self.environment,
            start_new_session=True,
            stdout=self.output,
            stderr=self.output,
        )
        deadline = time.monotonic() + READY_SECONDS
        while not _answers(port):
            assert self.process.poll() is None, "the server ended by itself"
            assert time.monotonic() < deadline, "the server did not start in time"
            time.sleep(0.02)
        self.port = port

    def _command(self, port: int) -> list[str]:
        """Return the command that serves on a port."""
        shape = ["--host", "127.0.0.1", "--port", str(port), "--workers", str(self.workers)]
        if not self.application:
            program = [sys.executable, "-c", "from creditbank.cli import main; main()", "serve"]
            return [*program, *shape, "--threads", str(self.threads)]
        shape += ["--blocking-threads", str(self.threads), "--respawn-failed-workers"]
        options = ["--interface", "wsgi", "--factory", "--no-log", "--no-ws", *shape]
        return [sys.executable, "-m", "granian", *options, self.application]

    def worker_pids(self) -> list[int]:
        """Return the processes that serve requests: the children of the first one, but not Python's own helper."""
        if self.process is None:
            return []
        first = self.process.pid
        with suppress(FileNotFoundError):
            found = [int(pid) for pid in Path(f"/proc/{first}/task/{first}/children").read_text("utf-8").split()]
            return [pid for pid in found if b"resource_tracker" not in _command_line(pid)]
        return []

    def revive(self) -> bool:
        """Start the server again if it ended or doesn't answer; tell whether it had to be."""
        deadline = time.monotonic() + REVIVED_SECONDS
        while self.process is not None and self.process.poll() is None and time.monotonic() < deadline:
            if _answers(self.port):
                return False
            time.sleep(0.05)
        self.kill()
        self.start()
        return True

    def kill(self) -> None:
        """Kill the server and every process of its group, as a power cut would."""
        if self.process is not None:
            with suppress(ProcessLookupError):  # it ended by itself, as it does where workers die one after another
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


def environment(database_url: str, keyring: Path) -> dict[str, str]:
    """Return the environment in which the server finds the bank."""
    return os.environ | {
        "CREDITBANK_DATABASE_URL": database_url,
        "CREDITBANK_KEYRING": str(keyring),
        "CREDITBANK_BASE_URL": BASE_URL,
        "CREDITBANK_LOG_FORMAT": "none",
        "CREDITBANK_LOG_FOLDER": str(keyring.parent / "log"),
        "TMPDIR": str(keyring.parent),  # what a server leaves that is killed goes with the drill's folder
        **dict.fromkeys(LIMITS, "1000000000"),  # a drill's few clients ask as much as thousands do
    }


def _command_line(pid: int) -> bytes:
    """Return what a process was started with; nothing if it is gone."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _answers(port: int) -> bool:
    """Tell whether the server on the port answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
