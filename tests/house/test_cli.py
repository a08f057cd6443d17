"""The command line does what the documents say of it."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest
from click.testing import CliRunner

from creditbank.cli import main
from tests import tables
from tests.builders import KEYRING_FILE, SQLITE_FILE


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with a bank that has its schema and the demonstration, once for all tests."""
    folder = tmp_path_factory.mktemp("demonstrated")
    with pytest.MonkeyPatch.context() as monkeypatch:
        runner = console_in(folder, monkeypatch)
        for command in (["migrate"], ["demo", "--folder", str(folder)]):
            ended = runner.invoke(main, command)
            assert ended.exit_code == 0, ended.output
    return folder


@pytest.fixture
def console(demonstrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Give a console whose bank stands in a folder of its own, with its schema and the demonstration."""
    shutil.copytree(demonstrated, tmp_path, dirs_exist_ok=True)
    return console_in(tmp_path, monkeypatch)


def console_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("CREDITBANK_DATABASE_URL", f"sqlite:///{folder / SQLITE_FILE}")
    monkeypatch.setenv("CREDITBANK_KEYRING", str(folder / KEYRING_FILE))
    monkeypatch.chdir(folder)
    return CliRunner()


def test_the_api_document_is_printed_alone(console: CliRunner) -> None:
    assert json.loads(console.invoke(main, ["openapi"]).stdout)["openapi"] == "3.1.0"


def test_the_schema_of_rule_sets_is_printed_alone(console: CliRunner) -> None:
    printed = json.loads(console.invoke(main, ["ruleset", "schema"]).stdout)
    assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert printed["properties"]["kind"]["enum"] == ["recognition", "conversion", "qualification"]


def test_a_second_demonstration_answers_everything_as_replayed(console: CliRunner, tmp_path: Path) -> None:
    before = (tmp_path / "demo.json").read_text("utf-8")
    ended = console.invoke(main, ["demo", "--folder", str(tmp_path)])
    assert ended.exit_code == 0, ended.output
    assert (tmp_path / "demo.json").read_text("utf-8") == before
    assert "444 entries, 0 conversions, 0 sealed, 0 faults" in console.invoke(main, ["verify"]).output


def test_regions_are_loaded_as_shipped_and_from_a_file(console: CliRunner, tmp_path: Path) -> None:
    assert "0 new, 0 changed, 40 as they stood." in console.invoke(main, ["region", "load"]).stdout
    file = tmp_path / "code.json"
    file.write_text('{"source": "公告", "regions": [{"id": "cq-liangjiang", "code": "500157"}]}', "utf-8")
    loaded = console.invoke(main, ["region", "load", str(file)])
    assert (loaded.exit_code, loaded.stdout.splitlines()[0]) == (0, "changed: cq-liangjiang")
    assert "公告" in loaded.stdout
    for faulty, place in (
        ('{"regions": [{"id": "cq-liangjiang", "code": "500158"}]}', "/regions/0/code"),
        ('{"regions": [{"id": "A", "level": 3}]}', "/regions/0/level"),
        ('{"regions": ', "/"),
        ("[]", "/"),
    ):
        file.write_text(faulty, "utf-8")
        ended = console.invoke(main, ["region", "load", str(file)])
        assert (ended.exit_code, ended.stderr.count("Traceback")) == (1, 0)
        assert f"{place}: " in ended.stderr


def test_a_client_is_made_rotated_and_ended(console: CliRunner) -> None:
    made = json.loads(console.invoke(main, ["client", "create", "cqdx", "registry", "--scope", "balance:read"]).stdout)
    rotated = json.loads(console.invoke(main, ["client", "rotate", made["client_id"]]).stdout)
    assert rotated["client_id"] == made["client_id"]
    assert rotated["client_secret"] != made["client_secret"]
    assert console.invoke(main, ["client", "deactivate", made["client_id"]]).exit_code == 0
    assert console.invoke(main, ["client", "rotate", "nobody"]).exit_code == 1


def test_a_faulty_ruleset_is_told_with_its_places(console: CliRunner, tmp_path: Path) -> None:
    faulty = tmp_path / "faulty.json"
    faulty.write_text('{"code": "x", "version": 0}', "utf-8")
    ended = console.invoke(main, ["ruleset", "check", str(faulty)])
    assert ended.exit_code == 1
    assert "/version" in ended.stderr
    broken = tmp_path / "broken.json"
    broken.write_text('{"code": ', "utf-8")
    assert console.invoke(main, ["ruleset", "check", str(broken)]).exit_code == 1


def test_every_rule_set_of_a_pack_is_checked(console: CliRunner, tmp_path: Path) -> None:
    pack = json.loads(files("creditbank.rulepacks").joinpath("cn-chongqing-community.json").read_text("utf-8"))
    whole, spoilt = tmp_path / "whole.json", tmp_path / "spoilt.json"
    whole.write_text(json.dumps(pack), "utf-8")
    ended = console.invoke(main, ["ruleset", "check", str(whole)])
    assert (ended.exit_code, ended.stdout.count("tests pass.")) == (0, len(pack["rulesets"]))
    pack["rulesets"][1]["tests"][0]["expect"]["credits"] = "12.00"
    spoilt.write_text(json.dumps(pack), "utf-8")
    ended = console.invoke(main, ["ruleset", "check", str(spoilt)])
    assert (ended.exit_code, ended.stdout.count("tests pass.")) == (1, len(pack["rulesets"]) - 1)
    assert ended.stderr.startswith("/rulesets/1/tests/0")


def test_an_empty_bank_gets_its_authority_and_first_client_at_the_console(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = console_in(tmp_path, monkeypatch)
    assert runner.invoke(main, ["migrate"]).exit_code == 0
    first = ["client", "create", "cq-credit-bank", "administration", "--scope", "admin"]
    assert runner.invoke(main, first).exit_code == 1
    authority = ["institution", "register", "cq-credit-bank", "重庆市终身学习学分银行", "--role", "authority"]
    assert "is registered." in runner.invoke(main, authority).stdout
    assert "already" in runner.invoke(main, authority).stdout
    other = ["institution", "register", "cq-credit-bank", "另一家", "--role", "issuer"]
    assert runner.invoke(main, other).exit_code == 1
    below = ["institution", "register", "cqdx", "重庆大学", "--role", "issuer", "--parent", "nobody"]
    assert runner.invoke(main, below).exit_code == 1
    assert json.loads(runner.invoke(main, first).stdout)["client_secret"]


def test_the_demonstration_is_dangerous_in_production(console: CliRunner) -> None:
    ended = console.invoke(main, ["config", "check", "--production"])
    assert ended.exit_code == 1
    assert "demonstration's clients" in ended.stderr
    told = console.invoke(main, ["config", "check"])
    assert (told.exit_code, "demonstration's clients" in told.stderr) == (0, True)


def test_a_sweep_tells_how_many_applications_it_closed(console: CliRunner) -> None:
    assert console.invoke(main, ["sweep"]).stdout == "0 applications are closed.\n"


def test_an_account_number_gives_its_holder_a_token(console: CliRunner, tmp_path: Path) -> None:
    learner = json.loads((tmp_path / "demo.json").read_text("utf-8"))["learners"][0]
    ended = console.invoke(main, ["learner", "token", learner["account_no"]])
    assert (ended.exit_code, ended.stdout.count(".")) == (0, 2)
    assert console.invoke(main, ["learner", "token", "0000000000000000"]).exit_code == 1


def test_a_version_is_weighed_and_withdrawn(console: CliRunner, tmp_path: Path) -> None:
    weighed = console.invoke(main, ["ruleset", "impact", "cn-exchange-hours", "1"])
    assert weighed.exit_code == 0, weighed.output
    told = json.loads(weighed.stdout)
    assert (told["ruleset"], told["version"], told["changed"], told["is_complete"]) == ("cn-exchange-hours", 1, 0, True)
    assert told["examined"] > 0
    assert console.invoke(main, ["ruleset", "impact", "cn-exchange-hours", "9"]).exit_code == 1
    assert console.invoke(main, ["ruleset", "impact", "cn-exchange-hours", "1", "--cursor", "x"]).exit_code == 1
    clients = json.loads((tmp_path / "demo.json").read_text("utf-8"))["clients"]
    publisher = next(one["client_id"] for one in clients if one["name"] == "rule publisher")
    command = ["ruleset", "withdraw", "cn-exchange-hours", "1", "--as", publisher, "--reason"]
    for reason, code in (("规则有误", 0), ("规则有误", 0), ("另有理由", 1)):
        assert console.invoke(main, [*command, reason]).exit_code == code, reason


def test_every_kind_of_key_is_changed_at_the_console_and_none_is_ever_printed(
    console: CliRunner, tmp_path: Path
) -> None:
    account_no = json.loads((tmp_path / "demo.json").read_text("utf-8"))["learners"][0]["account_no"]
    said = []

    def run(*arguments: str, code: int = 0) -> str:
        ended = console.invoke(main, ["keys", *arguments])
        assert ended.exit_code == code, ended.output
        said.append(ended.output)
        return ended.output

    before = run("show")
    kinds = ["kind", "master", "index", "signing", "log", "credential"]
    assert [line.split()[0] for line in before.splitlines()] == kinds
    for kind in ("master", "index"):
        run("rotate", kind, "--suite", "sm4-gcm")
        assert "creditbank keys renew" in run("retire", kind, code=1)
    assert "2 texts" in run("rotate", "person", "--learner", account_no)
    assert "unknown" not in run("rotate", "person", "--learner", "all")
    run("rotate", "person", "--learner", "0000000000000000", code=1)
    run("renew")
    run("rotate", "signing")
    assert "--now" in run("retire", "signing", code=1)
    assert "is retired" in run("retire", "signing", "--now")
    run("rotate", "credential")
    for kind in ("master", "index", "credential"):
        assert "is retired" in run("retire", kind)
        assert "it stays" in run("retire", kind)
    suites = ["suite", "sm4-gcm", "sm4-gcm", "ES256", "Ed25519", "RS256+ES256+EdDSA"]
    assert [line.split()[2] for line in run("show").splitlines()] == suites
    assert console.invoke(main, ["verify"]).exit_code == 0
    content = json.loads((tmp_path / "keyring.json").read_bytes())
    secrets = [key["secret"] for name in ("master_keys", "index_keys") for key in content[name]]
    secrets += [content[name][0]["private_key_pem"].splitlines()[1] for name in ("signing_keys", "log_keys")]
    secrets += [pem.splitlines()[1] for pem in content["credential_keys"][0]["private_key_pems"].values()]
    assert not [secret for secret in secrets if any(secret in text for text in said)]


def test_keys_from_the_environment_are_changed_elsewhere(
    console: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDITBANK_KEYRING_JSON", (tmp_path / "keyring.json").read_text("utf-8"))
    assert "both set" in console.invoke(main, ["keys", "show"]).output
    monkeypatch.delenv("CREDITBANK_KEYRING")
    assert console.invoke(main, ["keys", "show"]).exit_code == 0
    refused = console.invoke(main, ["keys", "rotate", "master"])
    assert refused.exit_code == 1
    assert "secret store" in refused.output


def test_the_first_security_administrator_is_made_at_the_console(console: CliRunner) -> None:
    command = ["staff", "add", "cq-credit-bank", "张敏", "--role", "security_administrator"]
    made = json.loads(console.invoke(main, command).stdout)
    assert made.keys() == {"staff_id", "invitation"}
    clash = console.invoke(main, [*command, "--role", "audit_administrator"])
    assert (clash.exit_code, "separate" in clash.stderr) == (1, True)
    assert console.invoke(main, ["staff", "add", "nowhere", "张敏", "--role", "registrar"]).exit_code == 1


def test_no_client_is_made_that_administers_in_two_ways(console: CliRunner) -> None:
    command = ["client", "create", "cqdx", "registry", "--scope", "admin"]
    assert console.invoke(main, command).exit_code == 0
    assert console.invoke(main, [*command, "--scope", "audit:log"]).exit_code == 1


def test_young_lines_of_the_audit_log_are_not_pruned(console: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = console.invoke(main, ["audit", "prune", "--before", "2020-01-01"])
    assert (ended.exit_code, ended.stdout) == (0, "0 lines are deleted.\n")
    today = datetime.now(UTC).date()
    for days, kept, code in ((170, "180", 1), (190, "180", 0), (190, "200", 1), (210, "200", 0), (210, "179", 1)):
        monkeypatch.setenv("CREDITBANK_AUDIT_DAYS", kept)
        before = (today - timedelta(days=days)).isoformat()
        ended = console.invoke(main, ["audit", "prune", "--before", before])
        assert (days, kept, ended.exit_code) == (days, kept, code)


@pytest.mark.parametrize("setting", ["CREDITBANK_OIDC_PROVIDERS", "CREDITBANK_TRUSTED_ISSUERS"])
def test_a_server_does_not_start_with_a_faulty_file_of_providers_or_issuers(
    console: CliRunner, tmp_path: Path, setting: str
) -> None:
    (tmp_path / "faulty.json").write_text("{}", "utf-8")
    ended = console.invoke(main, ["serve"], env={setting: str(tmp_path / "faulty.json")})
    assert (ended.exit_code, "holds no list" in ended.stderr) == (1, True)


def test_likeness_is_looked_for_once_and_goes_on_where_it_stopped(console: CliRunner) -> None:
    first, second = (console.invoke(main, ["likeness"]) for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0), first.output
    assert first.stdout.endswith("blocks were too large to tell.\n")
    assert second.stdout == "0 pairs compared, 0 cases opened; 0 blocks were too large to tell.\n"


def test_a_file_is_imported_at_the_console_and_its_rejected_rows_are_written(
    console: CliRunner, tmp_path: Path
) -> None:
    clients = json.loads((tmp_path / "demo.json").read_text("utf-8"))["clients"]
    client = next(one["client_id"] for one in clients if "outcomes:write" in one["scopes"])
    file, rejected = tmp_path / "成绩.csv", tmp_path / "rejects.csv"
    file.write_bytes(tables.table([tables.row(1), tables.row(2, 学时="x")]).encode("gbk"))
    ended = console.invoke(main, ["import", str(file), "--client", client, "--rejects", str(rejected)])
    assert (ended.exit_code, "done: 1 accepted, 0 replayed, 1 rejected." in ended.output) == (1, True), ended.output
    assert "课程 2" in rejected.read_text("utf-8-sig")
    assert rejected.stat().st_mode & 0o077 == 0
    book = tmp_path / "rejects.XLSX"
    book.write_bytes(b"")
    assert console.invoke(main, ["import", str(file), "--client", client, "--rejects", str(book)]).exit_code == 1
    assert (book.read_bytes()[:2], book.stat().st_mode & 0o077) == (b"PK", 0)
    lost = console.invoke(main, ["import", str(file), "--client", client, "--rejects", str(tmp_path / "no" / "x.csv")])
    assert (lost.exit_code, "no folder" in lost.output, "done" in lost.output) == (1, True, False)
    file.write_bytes(rejected.read_bytes().replace(b",x,", b",16,"))
    assert console.invoke(main, ["import", str(file), "--client", client]).exit_code == 0
    file.write_bytes(b"%PDF-1.7")
    ended = console.invoke(main, ["import", str(file), "--client", client])
    assert (ended.exit_code, "PDF 文件" in ended.output, "a PDF" in ended.output) == (1, True, True)
    file.write_bytes(b"a,b")
    ended = console.invoke(main, ["import", str(file), "--client", client, "--all-or-nothing"])
    assert (ended.exit_code, "refused" in ended.output) == (1, True)
    ended = console.invoke(main, ["import", str(file), "--client", "nobody"])
    assert (ended.exit_code, "no such client" in ended.output) == (1, True)
