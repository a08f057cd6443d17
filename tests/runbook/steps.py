"""What an operator does at the console and what they ask a server, for the drills of the runbook."""

import json
import re
import subprocess
import sys
from base64 import b64encode
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.house.transcripts import ROOT

CONSOLE = (sys.executable, "-c", "from creditbank.cli import main; main()")


def run(folder: Path, settings: dict[str, str], *words: str) -> str:
    """Run a command of the version that lies in a folder."""
    ended = subprocess.run([*CONSOLE, *words], cwd=folder, env=settings, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    return ended.stdout


def token_of(port: int, client: dict[str, Any]) -> str:
    shown = b64encode(f"{quote(client['client_id'])}:{quote(client['client_secret'])}".encode()).decode()
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Basic {shown}", "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/oauth/token", "grant_type=client_credentials", headers)
    token: str = json.loads(connection.getresponse().read())["access_token"]
    connection.close()
    return token


def asked(port: int, path: str, token: str = "") -> tuple[int, bytes]:
    """Ask a server, and return status and body."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def check_books(settings: dict[str, str], folder: Path, *kept: str) -> int:
    """Want the books in order, all of them sealed, and the outsider's script content; return the number of entries."""
    run(ROOT, settings, "worker", "--once", "--find-missed")
    told = run(ROOT, settings, "verify")
    assert "0 faults" in told
    entries = int(re.findall(r"(\d+) entries", told)[0])
    sealed = int(re.findall(r"(\d+) sealed", told)[0])
    assert entries == sealed
    export = folder / "ledger.jsonl"
    run(ROOT, settings, "ledger", "export", str(export))
    ended = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "verify_ledger.py"), str(export), *kept],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return entries
