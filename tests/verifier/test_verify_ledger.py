"""A sound ledger is found sound by the verifier alone; one that was taken back or written anew is not."""

import ast
import gzip
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from creditbank.cli import main
from creditbank.services.ledger_export import export
from creditbank.services.sealing import Log, seal
from creditbank.storage.database import Database
from creditbank.storage.seal_log import checkpoint, log_leaf, log_node
from creditbank.storage.unsealed import unsealed_entry
from tests.builders import KEYRING_FILE, NAME_MARK, SQLITE_FILE, House, resident_id
from tests.house.transcripts import ROOT
from tests.verifier.ledgers import (
    ORIGIN,
    Sealed,
    checked,
    checked_directly,
    export_of,
    kept_in,
    keys_of,
    take_guards_away,
)
from tests.verifier.tampering import Scene, rechained
from tools.verify_ledger import FIELDS, Key, Unreadable, parsed_key

VERIFIER = ROOT / "tools" / "verify_ledger.py"

PAGE = (ROOT / "docs" / "ledger-export.md").read_text("utf-8")


def exported(house: House) -> bytes:
    """Return the export of a bank's ledger."""
    stream = io.BytesIO()
    export(house.bank, stream.write)
    return stream.getvalue()


def test_a_sound_ledger_is_found_sound(sealed: Sealed) -> None:
    report = checked(exported(sealed.house), sealed.keys, sealed.kept)
    assert [str(fault) for fault in report.faults] == []
    assert (report.entries, report.unsealed, report.checkpoints, report.kept_checkpoints) == (47, 0, 3, 2)
    assert report.signatures == "by keys given"
    with sealed.house.bank.database.engine.connect() as connection:
        assert checked_directly(connection, sealed.keys, sealed.kept) == report


def test_entries_that_wait_to_be_sealed_are_counted_and_no_fault(changeable: Sealed) -> None:
    changeable.house.post_outcome(changeable.house.open_learner()["id"])
    report = checked(exported(changeable.house), changeable.keys, changeable.kept)
    assert (report.faults, report.unsealed, report.entries) == ([], 1, 48)


def test_an_export_is_of_one_moment_while_others_post(house: House) -> None:
    learner, parts = house.open_learner()["id"], []
    house.post_outcome(learner)

    def write(part: bytes) -> None:
        if not parts:
            house.post_outcome(learner)
        parts.append(part)

    export(house.bank, write)
    report = checked(b"".join(parts))
    assert (report.faults, report.entries) == ([], 1)
    assert checked(exported(house)).entries == 2


def test_an_export_holds_pseudonyms_only(sealed: Sealed) -> None:
    text = exported(sealed.house).decode()
    assert text.count("\n") > 80
    assert NAME_MARK not in text
    assert not [number for number in range(1, 100) if resident_id(number) in text]
    assert "最后一课" not in text, "not even what was learnt"


def test_the_page_tells_every_line_and_field(sealed: Sealed) -> None:
    said: dict[str, set[str]] = {}
    for line in exported(sealed.house).splitlines():
        one = json.loads(line)
        said.setdefault(one["type"], set()).update(one.keys() - {"type"})
    assert said.keys() | {"leaf"} == {*FIELDS, "header", "trailer"}
    for kind, names in {**said, "leaf": {name for name, _ in FIELDS["leaf"]}}.items():
        section = PAGE[PAGE.index(f"### `{kind}`") :].split("\n###", 1)[0]
        assert [name for name in sorted(names) if f"`{name}`" not in section] == [], kind


def test_the_page_tells_every_code_of_a_fault() -> None:
    codes = set(re.findall(r"""(?:fault|add)\(\s*"(\w+)"|"fault", "(\w+)\"""", VERIFIER.read_text("utf-8")))
    said = {code for found in codes for code in found if code}
    assert {"hash", "lot_overspent", "digest", "root"} <= said
    table = PAGE[PAGE.index("| law |") : PAGE.index("**Keep checkpoints.**")]
    assert said == {code for row in table.splitlines() for code in re.findall(r"`(\w+)`", row.rpartition(" | ")[2])}


def test_the_verifier_takes_nothing_from_the_bank() -> None:
    tree = ast.parse(VERIFIER.read_text("utf-8"))
    imported: dict[str, bool] = {}
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            imported[name.partition(".")[0]] = node in tree.body
    outside = {name: at_the_top for name, at_the_top in imported.items() if name not in sys.stdlib_module_names}
    assert outside == {"cryptography": False, "psycopg": False}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    assert "importlib" not in imported
    assert "__import__" not in VERIFIER.read_text("utf-8")


@pytest.fixture
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder far from the checkout that holds the verifier alone."""
    folder = tmp_path_factory.mktemp("alone")
    shutil.copy(VERIFIER, folder)
    return folder


def run(folder: Path, *arguments: str, given: bytes = b"") -> tuple[int, str, str]:
    """Run the verifier there without any path to the bank's code; return its exit code and what it printed."""
    command = [sys.executable, "-I", "verify_ledger.py", *arguments]
    ended = subprocess.run(command, cwd=folder, input=given, capture_output=True, check=False, timeout=120)
    return ended.returncode, ended.stdout.decode(), ended.stderr.decode()


def test_the_verifier_runs_alone_on_a_packed_export(changeable: Sealed, alone: Path, tmp_path: Path) -> None:
    content = exported(changeable.house)
    (alone / "ledger.ndjson.gz").write_bytes(gzip.compress(content))
    log = tmp_path / "log"
    code, said, wrong = run(
        *(alone, "ledger.ndjson.gz", "--key", str(log / "keys"), "--checkpoint", str(log)), "--keep", "kept.txt"
    )
    assert (code, wrong) == (0, ""), said
    assert "47 entries (0 unsealed); 3 checkpoints, 3 kept ones, signatures by keys given; 0 faults." in said
    assert (alone / "kept.txt").read_text("utf-8") == (log / "checkpoint").read_text("utf-8")
    assert run(alone, "-", given=content)[0] == 0
    code, said, _ = run(alone, "--json", "-", given=content[: len(content) // 2])
    assert (code, "trailer" in json.loads(said)["by_code"]) == (1, True)


def test_the_verifier_reads_an_sqlite_file_as_well(changeable: Sealed, alone: Path) -> None:
    file, log = str(changeable.house.bank.database.url.database), str(changeable.log.folder)
    code, said, wrong = run(alone, "--database", file, "--checkpoint", log)
    assert (code, wrong) == (0, ""), said
    assert "signatures by the ledger's own keys; 0 faults." in said


def test_the_verifier_says_what_it_cannot_read(alone: Path, tmp_path: Path) -> None:
    (alone / "empty").touch()
    packed = gzip.compress(VERIFIER.read_bytes())
    (alone / "cut.gz").write_bytes(packed[:-4])
    (alone / "spoilt.gz").write_bytes(packed[:20] + b"\xff" * 40 + packed[60:])
    asked = (
        [],
        ["empty"],
        ["cut.gz"],
        ["spoilt.gz"],
        ["nowhere"],
        ["--database", str(tmp_path / "nowhere")],
        ["--database", "empty"],
        ["empty", "--database", "empty"],
        ["-", "--checkpoint", "empty"],
        ["-", "--key", "no+key+x"],
    )
    for arguments in asked:
        code, said, wrong = run(alone, *arguments)
        assert (arguments, code, said) == (arguments, 2, "")
        assert wrong
        assert "Traceback" not in wrong


def test_the_verifier_reads_postgresql_as_well(sealed_postgresql: Sealed, alone: Path) -> None:
    url = sealed_postgresql.house.bank.database.url.render_as_string(hide_password=False)
    code, said, wrong = run(alone, "--database", url)
    assert (code, wrong) == (0, ""), said


def test_a_signature_is_worth_nothing_by_another_key(sealed_sqlite: Sealed) -> None:
    (own,) = sealed_sqlite.keys
    stranger = Key(own.name, own.id, bytes(32))
    report = checked(exported(sealed_sqlite.house), [stranger], sealed_sqlite.kept)
    assert report.by_code.keys() == {"signature"}
    assert checked(exported(sealed_sqlite.house), [own, stranger], sealed_sqlite.kept).faults == []


def test_a_checkpoint_of_another_log_is_none_of_this(sealed_sqlite: Sealed) -> None:
    (name, known), *_ = sealed_sqlite.kept
    stranger = replace(known, origin="elsewhere.test/log", text=known.text.replace(ORIGIN, "elsewhere.test/log"))
    report = checked(exported(sealed_sqlite.house), sealed_sqlite.keys, [(name, stranger)])
    assert report.by_code == {"checkpoint_origin": 1, "signature": 1}


def test_a_key_that_is_none_is_refused(sealed_sqlite: Sealed) -> None:
    folder = sealed_sqlite.log.folder
    assert folder is not None
    line = (folder / "keys").read_text("utf-8").strip()
    assert parsed_key(line) in sealed_sqlite.keys
    name, key_id, material = line.split("+", 2)
    for other in ("", name, f"{name}x+{key_id}+{material}", f"{name}+00000000+{material}", f"{name}+{key_id}+AQ=="):
        with pytest.raises(Unreadable):
            parsed_key(other)


@pytest.fixture
def yesterday(changeable: Sealed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sealed, Database]]:
    """Give a sealed ledger on which more was posted and sealed, and the database as it was before."""
    database = changeable.house.bank.database
    database.forget_log()
    path = tmp_path_factory.mktemp("yesterday") / SQLITE_FILE
    shutil.copy(str(database.url.database), path)
    changeable.house.post_outcome(changeable.house.open_learner()["id"])
    assert seal(changeable.log) == 1
    before = Database(f"sqlite:///{path}")
    yield changeable, before
    before.close()


def test_a_rollback_to_yesterday_is_found_by_the_checkpoint_of_today(yesterday: tuple[Sealed, Database]) -> None:
    sealed, before = yesterday
    assert sealed.log.folder is not None
    kept = kept_in(sealed.log.folder)
    assert checked(exported(sealed.house), sealed.keys, kept).faults == []
    with before.engine.connect() as connection:
        rolled_back = checked(export_of(connection), sealed.keys, kept)
        assert checked_directly(connection, sealed.keys, kept) == rolled_back
        assert checked(export_of(connection), sealed.keys, kept[:-1]).faults == [], "yesterday it was all there was"
    assert rolled_back.by_code == {"rolled_back": 1}
    assert (rolled_back.faults[0].position, "48" in rolled_back.faults[0].words) == (47, True)


def test_a_history_that_was_written_anew_under_the_own_key_is_found_by_a_kept_checkpoint(changeable: Sealed) -> None:
    """Whoever has the database and the signing key can make a log that is sound in itself."""
    bank = changeable.house.bank
    with bank.database.engine.connect() as connection:
        take_guards_away(connection)
        rechained(Scene(connection, Random(3)))  # noqa: S311 - no secret
        for table in (log_leaf, log_node, checkpoint):
            connection.execute(table.delete())
        keys = ("learner_id", "scheme", "seq")
        scene = Scene(connection, Random(3))  # noqa: S311 - no secret
        connection.execute(unsealed_entry.insert(), [{key: one[key] for key in keys} for one in scene.entries])
        connection.commit()
    seal(Log(bank, ORIGIN))
    assert checked(exported(changeable.house), changeable.keys).faults == []
    found = checked(exported(changeable.house), changeable.keys, changeable.kept)
    assert {"root", "checkpoint_missing"} >= found.by_code.keys() >= {"root"}


def test_the_ledger_is_exported_at_the_console(
    changeable: Sealed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDITBANK_DATABASE_URL", f"sqlite:///{tmp_path / SQLITE_FILE}")
    monkeypatch.setenv("CREDITBANK_KEYRING", str(tmp_path / KEYRING_FILE))
    runner = CliRunner()
    plain, packed = tmp_path / "ledger.ndjson", tmp_path / "ledger.ndjson.gz"
    for path in (plain, packed):
        ended = runner.invoke(main, ["ledger", "export", str(path)])
        assert (ended.exit_code, "47 entries" in ended.stderr) == (0, True), ended.output
        assert path.stat().st_mode & 0o077 == 0, "for its owner alone"
    assert checked(plain.read_bytes(), changeable.keys, changeable.kept).faults == []
    unpacked = gzip.decompress(packed.read_bytes())
    assert unpacked.splitlines()[1:-1] == plain.read_bytes().splitlines()[1:-1], "all but when it was made"
    printed = runner.invoke(main, ["ledger", "export", "-"])
    assert checked(printed.stdout_bytes, changeable.keys, changeable.kept).faults == []
    again = runner.invoke(main, ["ledger", "export", str(plain)])
    assert (again.exit_code, "--force" in again.stderr) == (1, True)
    assert runner.invoke(main, ["ledger", "export", "--force", str(plain)]).exit_code == 0
    assert runner.invoke(main, ["ledger", "export", str(tmp_path / "nowhere" / "x")]).exit_code == 1
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == [], "nothing half is left"
    assert keys_of(tmp_path / "log") == changeable.keys


def test_a_value_that_no_column_should_hold_is_named(changeable: Sealed) -> None:
    with changeable.house.bank.database.engine.connect() as connection:
        take_guards_away(connection)
        connection.exec_driver_sql("PRAGMA ignore_check_constraints=ON")
        scene = Scene(connection, Random(1))  # noqa: S311 - no secret
        one = scene.pick(scene.accounts)["learner_id"].hex
        connection.exec_driver_sql("UPDATE account SET held_hundredths = 'much' WHERE learner_id = ?", (one,))
        connection.exec_driver_sql("UPDATE entry SET amount_hundredths = 'more' WHERE learner_id = ?", (one,))
        report = checked_directly(connection, changeable.keys, changeable.kept)
        connection.rollback()
    assert {"row", "form", "account_missing"} <= report.by_code.keys()
