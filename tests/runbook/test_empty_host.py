"""A bank that is lost is put back on an empty host from what is kept elsewhere, as the runbook says, and checked."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.drills.cluster import Cluster, free_port, programs
from tests.drills.serving import Server, environment
from tests.house.transcripts import ROOT
from tests.runbook.steps import asked, check_books, run, token_of

pytestmark = pytest.mark.skipif(
    not os.environ.get("CREDITBANK_TEST_RUNBOOK"), reason="make test-runbook puts a bank back on an empty host"
)


def settings_on(host: Path, database: str) -> dict[str, str]:
    """Return the settings of a bank whose files lie in the folder of a host."""
    return environment(database, host / "keys" / "keyring.json") | {
        "CREDITBANK_ERASURES": str(host / "journal" / "erasures.jsonl"),
        "CREDITBANK_LOG_FOLDER": str(host / "checkpoints"),
    }


def test_a_lost_bank_is_put_back_on_an_empty_host(cluster: Cluster, tmp_path: Path) -> None:
    first, elsewhere, second = (tmp_path / name for name in ("first", "elsewhere", "second"))
    for folder in (first / "keys", first / "journal", elsewhere, second):
        folder.mkdir(parents=True)
    settings = settings_on(first, cluster.create("lost"))
    run(ROOT, settings, "keys", "create")
    run(ROOT, settings, "migrate")
    run(ROOT, settings, "demo", "--folder", str(tmp_path))
    run(ROOT, settings, "worker", "--once")
    made = json.loads((tmp_path / "demo.json").read_text("utf-8"))
    before = balances(settings, made)

    for name in ("keys", "checkpoints"):
        shutil.copytree(first / name, elsewhere / name)
    backup = elsewhere / "backup"
    address = ("--host=127.0.0.1", f"--port={cluster.port}", "--username=postgres")
    subprocess.run(
        [programs() / "pg_basebackup", f"--pgdata={backup}", "--wal-method=stream", "--checkpoint=fast", *address],
        check=True,
        capture_output=True,
    )
    shutil.rmtree(first)

    other = Cluster(cluster.folder.with_name(f"{cluster.folder.name}-second"), free_port(), user=cluster.user)
    other.folder.mkdir()
    try:
        shutil.copytree(backup, other.data)
        if other.user is not None:
            for path in (other.folder, other.data, *other.data.rglob("*")):
                shutil.chown(path, other.user, other.user)
        other.data.chmod(0o700)
        other.start()
        for name in ("keys", "checkpoints"):
            shutil.copytree(elsewhere / name, second / name)
        restored = settings_on(second, other.url("lost"))
        assert "0 to be mended" in run(ROOT, restored, "config", "check")
        run(ROOT, restored, "migrate")
        assert "0 accounts" in run(ROOT, restored, "erasures", "reapply")
        checkpoints = elsewhere / "checkpoints"
        kept = ("--key", str(checkpoints / "keys"), "--checkpoint", str(checkpoints))
        assert check_books(restored, tmp_path, *kept) > 0
        assert balances(restored, made) == before
    finally:
        other.close()


def balances(settings: dict[str, str], made: dict[str, list[dict[str, str]]]) -> list[bytes]:
    """Serve the bank, and return what it says of everybody's balance."""
    server = Server("", settings, workers=1, threads=2, folder=ROOT)
    server.start()
    try:
        assert asked(server.port, "/readyz")[0] == 200
        token = token_of(server.port, next(one for one in made["clients"] if one["name"] == "重庆大学"))
        told = [asked(server.port, f"/v1/learners/{one['id']}/balance", token) for one in made["learners"]]
        assert 200 in {status for status, _ in told}
        return [body for status, body in told if status == 200]
    finally:
        server.kill()
