"""The command line does what the documents say of it."""

import json
from importlib.resources import files
from pathlib import Path

import pytest
from click.testing import CliRunner

from creditbank.cli import main


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Give a console whose bank stands in a folder of its own, with its schema and the demonstration."""
    monkeypatch.setenv("CREDITBANK_DATABASE_URL", f"sqlite:///{tmp_path / 'bank.sqlite3'}")
    monkeypatch.setenv("CREDITBANK_KEYRING", str(tmp_path / "keyring.json"))
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    for command in (["migrate"], ["demo", "--folder", str(tmp_path)]):
        ended = runner.invoke(main, command)
        assert ended.exit_code == 0, ended.output
    return runner


def test_the_api_document_is_printed_alone(console: CliRunner) -> None:
    assert json.loads(console.invoke(main, ["openapi"]).stdout)["openapi"] == "3.1.0"


def test_the_schema_of_rule_sets_is_printed_alone(console: CliRunner) -> None:
    printed = json.loads(console.invoke(main, ["ruleset", "schema"]).stdout)
    assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert printed["properties"]["kind"]["enum"] == ["recognition", "conversion"]


def test_a_second_demonstration_answers_everything_as_replayed(console: CliRunner, tmp_path: Path) -> None:
    before = (tmp_path / "demo.json").read_text("utf-8")
    ended = console.invoke(main, ["demo", "--folder", str(tmp_path)])
    assert ended.exit_code == 0, ended.output
    assert (tmp_path / "demo.json").read_text("utf-8") == before
    assert "444 entries, 0 conversions, 0 faults" in console.invoke(main, ["verify"]).output


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
