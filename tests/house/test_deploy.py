"""The files to run the bank by name settings, commands and figures that there are, and read as what they are."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from creditbank.api.batches import BODY_BYTES_MAX as BATCH_BYTES_MAX
from creditbank.api.imports import PREVIEW_BYTES_MAX
from creditbank.cli import COMMANDS, main
from creditbank.cli.running import STOP_SECONDS
from creditbank.config import Settings
from creditbank.services.health import QUEUES
from creditbank.soundness.values import NAMES
from tests.builders import House, new_house
from tests.house.transcripts import ROOT

DEPLOY = ROOT / "deploy"
RUNBOOK = ROOT / "docs" / "runbook.md"
DOCUMENTS = (RUNBOOK, ROOT / "docs" / "limits.md")
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
UNITS = sorted((DEPLOY / "systemd").iterdir())

ALERTS = yaml.safe_load((DEPLOY / "alerts.yaml").read_text("utf-8"))["groups"]
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
DASHBOARD = json.loads((DEPLOY / "grafana-dashboard.json").read_text("utf-8"))

_COMMAND = re.compile(r"(?:^|[\s/`(])creditbank((?: +(?!--?\s)[^\s`#|;&)\]]+)+)")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[str]]:
    """Give the names of all figures of a real bank, as Prometheus keeps them."""
    folder = tmp_path_factory.mktemp("figures")
    house: House = new_house(f"sqlite:///{folder / 'bank.sqlite3'}", folder, packs=False)
    shown = house.http.get("/metrics").get_data(as_text=True)
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", shown, re.MULTILINE))
    yield {
        f"{name}{end}"
        for name, kind in kinds.items()
        for end in (("_bucket", "_count", "_sum") if kind == "histogram" else ("",))
    }
    house.bank.database.close()


def expressions() -> list[str]:
    """Return every expression of dashboard and alerts."""
    asked = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return asked + [rule["expr"] for group in ALERTS for rule in group["rules"]]


def test_every_figure_of_dashboard_and_alerts_is_there(figures: set[str]) -> None:
    asked = {name for one in expressions() for name in re.findall(r"\bcreditbank_[a-z_]+", one)}
    assert len(asked) > 15
    assert asked - figures == set()
    assert {queue for one in expressions() for queue in re.findall(r'queue="(\w+)"', one)} <= QUEUES.keys()


def test_every_figure_that_the_bank_has_is_on_the_dashboard(figures: set[str]) -> None:
    shown = " ".join(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"])
    kept = {re.sub(r"_(bucket|count|sum)$", "", name) for name in figures if not name.endswith("_created")}
    assert sorted(name for name in kept if name not in shown) == []


@pytest.mark.parametrize("expression", expressions())
def test_brackets_and_quotes_of_expressions_are_closed(expression: str) -> None:
    bare = re.sub(r'"[^"]*"', "", expression)
    assert '"' not in bare
    for opening, closing in ("()", "[]", "{}"):
        assert bare.count(opening) == bare.count(closing)


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    runbook = RUNBOOK.read_text("utf-8").lower()
    for group in ALERTS:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in ("page", "ticket")
            assert rule["annotations"]["summary"]
            page, _, place = rule["annotations"]["runbook"].partition("#")
            assert (page, place) == ("docs/runbook.md", rule["alert"].lower())
            assert f"### {place}\n" in runbook


@pytest.mark.parametrize("path", [*FILES, *DOCUMENTS], ids=name_of)
def test_every_setting_that_is_named_is_one(path: Path) -> None:
    named = set(re.findall(r"CREDITBANK_[A-Z_]*[A-Z]", path.read_text("utf-8")))
    assert {name.removesuffix("_FILE") for name in named} - NAMES == set()


def commands(text: str) -> list[list[str]]:
    """Return what follows the program's name wherever it is called, and what compose and image give it."""
    called = [words.split() for words in _COMMAND.findall(text)]
    return [words for words in called if words[0] in COMMANDS]


@pytest.mark.parametrize("path", [*FILES, *DOCUMENTS], ids=name_of)
def test_every_command_that_is_named_is_one(path: Path) -> None:
    for words in commands(path.read_text("utf-8")):
        check_command(words)


def check_command(words: list[str]) -> None:
    """Walk from group to command, and want every option to be one of it."""
    command: click.Command = main
    for word in words:
        if isinstance(command, click.Group) and not word.startswith("-"):
            named = command.get_command(click.Context(command), word)
            assert named is not None, words
            command = named
        elif word.startswith("--"):
            known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
            assert word.partition("=")[0] in known | {"--help"}, words
    assert not isinstance(command, click.Group), words


def test_a_command_that_there_is_not_would_be_found() -> None:
    text = "run `creditbank keys lose` or /srv/x/creditbank serve --hots 1"
    assert commands(text) == [["keys", "lose"], ["serve", "--hots", "1"]]
    for words in commands(text):
        with pytest.raises(AssertionError):
            check_command(words)


def test_the_document_calls_the_commands_that_an_operator_needs() -> None:
    called = {" ".join(words[:2]) for words in commands(RUNBOOK.read_text("utf-8"))}
    wanted = {"migrate", "verify", "config check", "keys create", "keys rotate", "keys renew", "keys retire"}
    assert [one for one in sorted(wanted) if not any(word.startswith(one) for word in called)] == []


def test_what_is_for_a_timer_is_started_by_one() -> None:
    context = click.Context(main)
    due = {name for name in COMMANDS if "for a timer" in str(getattr(main.get_command(context, name), "help", ""))}
    assert due == {"sweep", "likeness"}
    unit = (DEPLOY / "systemd" / "creditbank-daily@.service").read_text("utf-8")
    assert {words[0] for words in commands(unit)} == due
    told = (DEPLOY / "compose.yaml").read_text("utf-8").partition("\nname:")[0]
    assert all(f"`{name}`" in told for name in due)


def test_an_operator_waits_longer_than_the_server_takes_to_stop() -> None:
    unit = (DEPLOY / "systemd" / "creditbank@.service").read_text("utf-8")
    waited = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    waited.append(COMPOSE["services"]["server"]["stop_grace_period"].removesuffix("s"))
    assert len(waited) == 2
    assert all(int(seconds) > STOP_SECONDS for seconds in waited)


def test_the_proxy_lets_pass_what_the_bank_takes() -> None:
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    server, _, imports = text.partition("location = /v1/imports {")
    form_mebibytes = 1
    for place, bytes_max in (
        (server, max(BATCH_BYTES_MAX, PREVIEW_BYTES_MAX)),
        (imports.partition("}")[0], Settings().import_mebibytes * 2**20),
    ):
        (most,) = re.findall(r"client_max_body_size (\d+)m;", place)
        assert int(most) >= bytes_max // 2**20 + form_mebibytes
    inherited = text[: text.index("location")]
    assert inherited.count("proxy_set_header") == text.count("proxy_set_header"), "one in a location hides the others"


def test_containers_can_do_what_they_are_for() -> None:
    services = COMPOSE["services"]
    for name in ("server", "worker"):
        assert "outside" in services[name]["networks"], "logins and webhooks go out"
    assert "/readyz" in str(services["server"]["healthcheck"]["test"])
    for name, service in services.items():
        if service.get("cap_drop") == ["ALL"] and service["image"] != "creditbank":
            assert service["user"] != "root", f"{name} can't give root up by itself"
    assert "--host" in services["database"]["healthcheck"]["test"], "its socket answers before it is set up"


def test_services_start_in_order_and_hold_no_secret() -> None:
    services: dict[str, Any] = COMPOSE["services"]
    assert services.keys() == {"migrate", "server", "worker", "database", "redis"}
    for name, service in services.items():
        for needed in service.get("depends_on", {}):
            assert needed in services, name
        for secret in service.get("secrets", []):
            assert secret in COMPOSE["secrets"], name
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in COMPOSE["volumes"], name
        for network in service["networks"]:
            assert network in COMPOSE["networks"], name
        given = service.get("environment", {})
        assert not [key for key in given if key.endswith(("PASSWORD", "TOKEN", "DATABASE_URL"))], name
    for name in ("migrate", "server", "worker"):
        words = services[name]["command"]
        check_command([str(word) for word in words])
    for name in ("server", "worker"):
        ways = [one for one in services[name]["networks"] if not (COMPOSE["networks"][one] or {}).get("internal")]
        assert ways, f"{name} looks for the hosts of webhooks, and sends to them"
    for name in ("database", "redis"):
        assert services[name]["healthcheck"]["test"], name
    assert all(secret.keys() == {"file"} for secret in COMPOSE["secrets"].values())


def test_the_image_comes_from_where_the_builder_says_and_runs_as_nobody_in_particular() -> None:
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    stages = re.findall(r"^FROM (\S+)(?: AS (\w+))?$", text, re.MULTILINE)
    assert [stage for stage, _ in stages] == ["${BASE}", "${BASE}"]
    base = re.search(r"^ARG BASE=(\S+)$", text, re.MULTILINE)
    assert base is not None
    assert "/" not in base[1], "a short name, which the builder's own settings resolve"
    assert re.search(r"^USER (?!0\b|root)\S+$", text, re.MULTILINE)
    assert text.index("USER") < text.index("ENTRYPOINT")
    assert "--require-hashes" in text
    copied = re.findall(r"^COPY (?!--from)(?:--chmod=\d+ )?(.+) \S+$", text, re.MULTILINE)
    assert all((ROOT / name).exists() for names in copied for name in names.split())
    given = json.loads(re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)[0])
    check_command(given)


def test_secrets_in_files_become_settings_in_the_container(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("it's $HOME `x`\n", "utf-8")
    program = tmp_path / "creditbank"
    program.write_text('#!/bin/sh\nenv | grep ^CREDITBANK; echo "$@"\n', "utf-8")
    program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "CREDITBANK_METRICS_TOKEN_FILE": str(secret)}
    ended = subprocess.run(
        ["sh", str(DEPLOY / "entrypoint.sh"), "serve", "a b"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == "CREDITBANK_METRICS_TOKEN=it's $HOME `x`\nserve a b\n"
    (tmp_path / "secret").unlink()
    missing = subprocess.run(["sh", str(DEPLOY / "entrypoint.sh")], env=environment, capture_output=True, check=False)
    assert missing.returncode != 0


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is missing here")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    """The programs that they start are elsewhere; here another one stands in their place."""
    for unit in UNITS:
        text = re.sub(r"/srv/creditbank/%i/\.venv/bin/creditbank", shutil.which("true") or "", unit.read_text("utf-8"))
        (tmp_path / unit.name.replace("@.", "@blue.")).write_text(text, "utf-8")
    paths = [str(path) for path in sorted(tmp_path.iterdir())]
    ended = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *paths], capture_output=True, text=True, check=False
    )
    told = [line for line in ended.stderr.splitlines() if str(tmp_path) in line or "@blue" in line]
    assert (ended.returncode, told) == (0, []), ended.stderr


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=name_of)
def test_units_leave_the_rest_of_the_machine_alone(unit: Path) -> None:
    said = dict(re.findall(r"^(\w+)=(.*)$", unit.read_text("utf-8"), re.MULTILINE))
    assert said["User"] == "creditbank"
    for name in ("NoNewPrivileges", "PrivateTmp", "ProtectHome", "RestrictNamespaces", "LockPersonality"):
        assert said[name] == "yes", name
    assert (said["ProtectSystem"], said["CapabilityBoundingSet"], said["UMask"]) == ("strict", "", "0077")
