"""Each setting that is missing, wrong or dangerous is told, all together, and production doesn't start with one."""

import os
import runpy
import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner

from creditbank.app import create_app
from creditbank.cli import main
from creditbank.config import PREFIX, SettingsUnreadable, settings_from_environment
from creditbank.gateways.keyring_source import create_keyring
from creditbank.gateways.tracing import has_packages
from creditbank.soundness import concerns_of
from creditbank.soundness.values import NAMES, TAKEN, SettingsDangerous, Weight
from tests.house.transcripts import ROOT

BROKEN, DANGEROUS, NOTABLE = Weight.BROKEN, Weight.DANGEROUS, Weight.NOTABLE

REMOTE = "postgresql+psycopg://bank:{}@db.example.cn/bank?sslmode=verify-full"


@dataclass
class Place:
    """A bank that is set up as it should be, in a folder, until a test spoils it."""

    folder: Path
    port: int
    environment: dict[str, str] = field(default_factory=dict)

    def redis(self) -> str:
        """Return the address of what answers as Redis does to somebody who greets it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def file(self, name: str, content: str = "", mode: int = 0o600) -> str:
        path = self.folder / name
        path.write_text(content, "utf-8")
        path.chmod(mode)
        return str(path)


_ANSWERS = {b"HELLO": b"%1\r\n$5\r\nproto\r\n:3\r\n", b"CLIENT": b"+OK\r\n", b"PING": b"+PONG\r\n"}
"""What Redis says to the commands by which somebody greets it."""


class _Greeter(socketserver.StreamRequestHandler):
    """Answers greetings as Redis does."""

    def handle(self) -> None:
        with suppress(OSError):
            while line := self.rfile.readline():
                self.wfile.write(_ANSWERS.get(line.strip().upper(), b""))


@pytest.fixture(scope="module")
def greeter() -> Iterator[int]:
    """Give the port of a server that takes itself for Redis."""
    socketserver.ThreadingTCPServer.daemon_threads = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Greeter) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def place(greeter: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    for name in ("keys", "data", "journal", "log"):
        (tmp_path / name).mkdir(mode=0o700)
    create_keyring(tmp_path / "keys" / "keyring.json")
    made = Place(tmp_path, greeter)
    made.environment = {
        "CREDITBANK_MODE": "production",
        "CREDITBANK_DATABASE_URL": REMOTE.format("Kq8-long-and-random"),
        "CREDITBANK_KEYRING": str(tmp_path / "keys" / "keyring.json"),
        "CREDITBANK_BASE_URL": "https://bank.example.cn",
        "CREDITBANK_ERASURES": str(tmp_path / "journal" / "erasures.jsonl"),
        "CREDITBANK_LOG_FOLDER": str(tmp_path / "log"),
        "CREDITBANK_LIMITS_STORE": made.redis(),
        "CREDITBANK_PROXIES": "1",
        "CREDITBANK_METRICS_TOKEN": "x" * 16,
        "CREDITBANK_OIDC_PROVIDERS": made.file("providers.json", "[]"),
    }
    monkeypatch.chdir(tmp_path)
    return made


@contextmanager
def set_to(environment: dict[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        for name, value in environment.items():
            patched.setenv(name, value)
        yield


def found_in(environment: dict[str, str]) -> list[tuple[str, Weight]]:
    with set_to(environment):
        return [(one.variable, one.weight) for one in concerns_of(settings_from_environment(), environment)]


def sqlite_with(mode: int, name: str = "data/bank.sqlite3") -> Callable[[Place], str]:
    return lambda place: f"sqlite:///{place.file(name, mode=mode)}"


SPOILT: list[tuple[str, str | Callable[[Place], str] | None, list[tuple[str, Weight]]]] = [
    ("CREDITBANK_BASE_URL", "http://bank.example.cn", [("CREDITBANK_BASE_URL", DANGEROUS)]),
    ("CREDITBANK_BASE_URL", "https://127.0.0.1:8000", [("CREDITBANK_BASE_URL", DANGEROUS)]),
    ("CREDITBANK_BASE_URL", "https://[::1]", [("CREDITBANK_BASE_URL", DANGEROUS)]),
    ("CREDITBANK_BASE_URL", "https://localhost", [("CREDITBANK_BASE_URL", DANGEROUS)]),
    ("CREDITBANK_BASE_URL", "https://0.0.0.0", [("CREDITBANK_BASE_URL", DANGEROUS)]),
    ("CREDITBANK_BASE_URL", None, [("CREDITBANK_BASE_URL", DANGEROUS)]),
    ("CREDITBANK_BASE_URL", "bank.example.cn", [("CREDITBANK_BASE_URL", BROKEN)]),
    ("CREDITBANK_BASE_URL", "https://bank.example.cn?x=1", [("CREDITBANK_BASE_URL", BROKEN)]),
    ("CREDITBANK_BASE_URL", "https://[", [("CREDITBANK_BASE_URL", BROKEN)]),
    *(
        ("CREDITBANK_BASE_URL", url, [("CREDITBANK_BASE_URL", BROKEN)])
        for url in ("https://u:p@bank.example.cn", "https://bank.example.cn:99999", "https://银行.cn", "https://a b.cn")
    ),
    ("CREDITBANK_LOG_FORMAT", "none", [("CREDITBANK_LOG_FORMAT", DANGEROUS)]),
    ("CREDITBANK_BASE_UR", "https://bank.example.cn", [("CREDITBANK_BASE_UR", DANGEROUS)]),
    ("FLASK_DEBUG", "1", [("FLASK_DEBUG", DANGEROUS)]),
    ("FLASK_DEBUG", "0", []),
    ("PYTHONDEVMODE", "1", [("PYTHONDEVMODE", DANGEROUS)]),
    ("PYTHONOPTIMIZE", "1", [("PYTHONOPTIMIZE", BROKEN)]),
    ("CREDITBANK_DATABASE_URL", "bank", [("CREDITBANK_DATABASE_URL", BROKEN)]),
    ("CREDITBANK_DATABASE_URL", "mysql://a@b/c", [("CREDITBANK_DATABASE_URL", BROKEN)]),
    ("CREDITBANK_DATABASE_URL", "postgresql+psycopg2://a@localhost/c", [("CREDITBANK_DATABASE_URL", BROKEN)]),
    *(
        ("CREDITBANK_DATABASE_URL", url, [("CREDITBANK_DATABASE_URL", BROKEN)])
        for url in (
            *("postgresql+psycopg://a@localhost:five/b", "postgresql+psycopg://a@localhost/b?sslmod=require"),
            *("sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite+aiosqlite:///bank.sqlite3"),
        )
    ),
    (
        "CREDITBANK_DATABASE_URL",
        lambda place: f"sqlite:///{place.folder}",
        [("CREDITBANK_DATABASE_URL", NOTABLE), ("CREDITBANK_DATABASE_URL", BROKEN)],
    ),
    *(
        ("CREDITBANK_DATABASE_URL", REMOTE.format(password), [("CREDITBANK_DATABASE_URL", DANGEROUS)])
        for password in ("changeme", "Passw0rd", "chang%65me", "123456", "")
    ),
    (
        "CREDITBANK_DATABASE_URL",
        "postgresql+psycopg://bank@localhost/bank?password=changeme",
        [("CREDITBANK_DATABASE_URL", DANGEROUS)],
    ),
    ("CREDITBANK_DATABASE_URL", REMOTE.format("bank"), [("CREDITBANK_DATABASE_URL", DANGEROUS)]),
    (
        "CREDITBANK_DATABASE_URL",
        "postgresql+psycopg://postgres@localhost/bank",
        [("CREDITBANK_DATABASE_URL", NOTABLE)],
    ),
    ("CREDITBANK_DATABASE_URL", "postgresql+psycopg://bank@db/bank", [("CREDITBANK_DATABASE_URL", NOTABLE)]),
    (
        "CREDITBANK_DATABASE_URL",
        "postgresql+psycopg://bank@db/bank?sslmode=prefer",
        [("CREDITBANK_DATABASE_URL", NOTABLE)],
    ),
    ("CREDITBANK_DATABASE_URL", "postgresql+psycopg://bank@/bank?host=/run/postgresql", []),
    ("CREDITBANK_DATABASE_URL", "postgresql+psycopg://bank@127.0.0.1/bank", []),
    ("CREDITBANK_DATABASE_URL", sqlite_with(0o600), [("CREDITBANK_DATABASE_URL", NOTABLE)]),
    (
        "CREDITBANK_DATABASE_URL",
        sqlite_with(0o640),
        [("CREDITBANK_DATABASE_URL", NOTABLE), ("CREDITBANK_DATABASE_URL", DANGEROUS)],
    ),
    (
        "CREDITBANK_DATABASE_URL",
        sqlite_with(0o600, "journal/bank.sqlite3"),
        [("CREDITBANK_DATABASE_URL", NOTABLE), ("CREDITBANK_ERASURES", DANGEROUS)],
    ),
    ("CREDITBANK_REPLICA_URL", "postgresql+psycopg://bank@db/bank", [("CREDITBANK_REPLICA_URL", NOTABLE)]),
    ("CREDITBANK_ERASURES", None, [("CREDITBANK_ERASURES", DANGEROUS)]),
    ("CREDITBANK_ERASURES", lambda place: str(place.folder), [("CREDITBANK_ERASURES", BROKEN)]),
    ("CREDITBANK_ERASURES", "/dev/null", [("CREDITBANK_ERASURES", BROKEN)]),
    (
        "CREDITBANK_ERASURES",
        lambda place: f"{place.file('in-the-way')}/erasures.jsonl",
        [("CREDITBANK_ERASURES", BROKEN)],
    ),
    ("CREDITBANK_LOG_FOLDER", "none", [("CREDITBANK_LOG_FOLDER", NOTABLE)]),
    ("CREDITBANK_LOG_FOLDER", lambda place: f"{place.file('in-the-way')}/log", [("CREDITBANK_LOG_FOLDER", BROKEN)]),
    ("CREDITBANK_KEYRING", "nowhere.json", [("CREDITBANK_KEYRING", DANGEROUS)]),
    ("CREDITBANK_KEYRING", "", [("CREDITBANK_KEYRING", DANGEROUS)]),
    ("CREDITBANK_KEYRING", lambda place: place.file("keys.json", "{}"), [("CREDITBANK_KEYRING", BROKEN)]),
    ("CREDITBANK_KEYRING_JSON", "{}", [("CREDITBANK_KEYRING_JSON", BROKEN), ("CREDITBANK_KEYRING_JSON", BROKEN)]),
    ("CREDITBANK_CIPHER_SUITE", "rot13", [("CREDITBANK_CIPHER_SUITE", BROKEN)]),
    ("CREDITBANK_LIMITS_STORE", "http://x", [("CREDITBANK_LIMITS_STORE", BROKEN)]),
    ("CREDITBANK_LIMITS_STORE", "memory://", [("CREDITBANK_LIMITS_STORE", NOTABLE)]),
    ("CREDITBANK_LIMITS_STORE", "redis://127.0.0.1:1/0", [("CREDITBANK_LIMITS_STORE", NOTABLE)]),
    ("CREDITBANK_LIMITS_STORE", "redis://192.0.2.1/0", [("CREDITBANK_LIMITS_STORE", NOTABLE)] * 2),
    ("CREDITBANK_METRICS_TOKEN", None, [("CREDITBANK_METRICS_TOKEN", NOTABLE)]),
    ("CREDITBANK_METRICS_TOKEN", "x" * 15, [("CREDITBANK_METRICS_TOKEN", DANGEROUS)]),
    ("CREDITBANK_OTEL", "otlp", [] if has_packages() else [("CREDITBANK_OTEL", BROKEN)]),
    ("CREDITBANK_WEBHOOKS_PRIVATE", "true", [("CREDITBANK_WEBHOOKS_PRIVATE", DANGEROUS)]),
    ("CREDITBANK_PROXIES", None, [("CREDITBANK_PROXIES", NOTABLE)]),
    ("CREDITBANK_OIDC_PROVIDERS", "none", [("CREDITBANK_OIDC_PROVIDERS", NOTABLE)]),
    ("CREDITBANK_OIDC_PROVIDERS", "nowhere.json", [("CREDITBANK_OIDC_PROVIDERS", BROKEN)]),
    ("CREDITBANK_TRUSTED_ISSUERS", "nowhere.json", [("CREDITBANK_TRUSTED_ISSUERS", BROKEN)]),
]
"""A variable, what it is set to (nothing: not set), and what is said of it beside what is right."""


def test_of_a_bank_that_is_set_up_as_it_should_be_nothing_is_said(place: Place) -> None:
    assert found_in(place.environment) == []


@pytest.mark.parametrize(("name", "value", "told"), SPOILT)
def test_each_dangerous_setting_is_told(
    place: Place, name: str, value: str | Callable[[Place], str] | None, told: list[tuple[str, Weight]]
) -> None:
    environment = dict(place.environment)
    environment.pop(name, None)
    if value is not None:
        environment[name] = value if isinstance(value, str) else value(place)
    assert found_in(environment) == told


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_keyring_that_others_can_read_is_told(place: Place, mode: int) -> None:
    Path(place.environment["CREDITBANK_KEYRING"]).chmod(mode)
    assert found_in(place.environment) == [("CREDITBANK_KEYRING", BROKEN)]


@pytest.mark.parametrize(("mode", "is_told"), [(0o720, True), (0o702, True), (0o1777, False), (0o755, False)])
def test_a_folder_in_which_others_could_replace_the_keys_is_told(place: Place, mode: int, is_told: bool) -> None:  # noqa: FBT001
    Path(place.environment["CREDITBANK_KEYRING"]).parent.chmod(mode)
    assert found_in(place.environment) == ([("CREDITBANK_KEYRING", DANGEROUS)] if is_told else [])


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("data", "CREDITBANK_DATABASE_URL"),
        ("journal", "CREDITBANK_ERASURES"),
        ("log", "CREDITBANK_LOG_FOLDER"),
    ],
)
def test_a_folder_in_which_others_could_replace_what_is_kept_is_told(place: Place, folder: str, name: str) -> None:
    place.environment["CREDITBANK_DATABASE_URL"] = sqlite_with(0o600)(place)
    told_before = found_in(place.environment)
    (place.folder / folder).chmod(0o702)
    assert set(found_in(place.environment)) - set(told_before) == {(name, DANGEROUS)}


@pytest.mark.parametrize("name", ["CREDITBANK_ERASURES", "CREDITBANK_LOG_FOLDER"])
def test_what_cannot_be_written_is_told(place: Place, name: str) -> None:
    """Root may write anywhere, so that it looks as somebody else, from a folder that others may enter."""
    with tempfile.TemporaryDirectory() as folder:
        closed = Path(folder) / "closed"
        closed.mkdir(mode=0o500)
        Path(folder).chmod(0o755)
        is_root = os.geteuid() == 0
        environment = place.environment | {name: str(closed / "there")}
        try:
            if is_root:
                os.seteuid(65534)
            told = found_in(environment)
        finally:
            if is_root:
                os.seteuid(0)
        closed.chmod(0o700)
        assert (name, BROKEN) in told
        assert name not in [variable for variable, _ in found_in(environment)]


def test_every_value_that_is_none_is_told_at_once_with_what_is_taken(place: Place) -> None:
    spoilt = dict.fromkeys(TAKEN, "+ +")
    with set_to(place.environment | spoilt), pytest.raises(SettingsUnreadable) as raised:
        settings_from_environment()
    assert raised.value.names == tuple(sorted(TAKEN))
    assert raised.value.rest.base_url == "https://bank.example.cn"
    assert NAMES.issuperset(TAKEN)


def test_the_command_tells_everything_at_once_in_both_languages(place: Place) -> None:
    spoilt = {
        "CREDITBANK_POOL_SIZE": "many",
        "CREDITBANK_BASE_URL": "http://bank.example.cn",
        "CREDITBANK_BASEURL": "x",
        "CREDITBANK_LOG_FOLDER": "none",
    }
    with set_to(place.environment | spoilt):
        ended = CliRunner().invoke(main, ["config", "check"])
    lines = ended.stderr.splitlines()
    assert ended.exit_code == 1
    assert [line.split()[0] for line in lines[::2]] == [
        *("CREDITBANK_POOL_SIZE", "CREDITBANK_BASEURL", "CREDITBANK_BASE_URL", "CREDITBANK_LOG_FOLDER")
    ]
    for zh, en in zip(lines[::2], lines[1::2], strict=True):
        assert zh.split()[0] == en.split()[0]
        assert not zh.isascii()
        assert en.isascii()
    assert "3 to be mended, 1 to know of" in ended.stdout
    assert "many" not in ended.output, "some values are secret"


def test_development_takes_what_production_does_not(place: Place) -> None:
    environment = place.environment | {"CREDITBANK_MODE": "development", "CREDITBANK_LOG_FORMAT": "none"}
    environment["CREDITBANK_DATABASE_URL"] = f"sqlite:///{place.folder / 'data' / 'bank.sqlite3'}"
    with set_to(environment):
        lenient = CliRunner().invoke(main, ["config", "check"])
        strict = CliRunner().invoke(main, ["config", "check", "--production"])
    assert (lenient.exit_code, strict.exit_code) == (0, 1)
    assert "to be mended before production" in lenient.stderr
    assert "[dangerous]" in strict.stderr


def debugged(place: Place) -> str:
    place.environment["FLASK_DEBUG"] = "1"
    return "FLASK_DEBUG"


def guessed(place: Place) -> str:
    place.environment["CREDITBANK_DATABASE_URL"] = REMOTE.format("creditbank")
    return "CREDITBANK_DATABASE_URL"


def laid_open(place: Place) -> str:
    Path(place.environment["CREDITBANK_KEYRING"]).chmod(0o644)
    return "CREDITBANK_KEYRING"


@pytest.mark.parametrize("spoil", [debugged, guessed, laid_open])
@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["worker", "--once"]])
def test_in_production_neither_server_nor_worker_starts_with_a_dangerous_setting(
    place: Place, command: list[str], spoil: Callable[[Place], str]
) -> None:
    name = spoil(place)
    with set_to(place.environment):
        ended = CliRunner().invoke(main, command)
    assert ended.exit_code == 1
    assert [line.split()[0] for line in ended.stderr.splitlines()[:-1]] == [name, name]
    assert "Traceback" not in ended.output


@pytest.mark.parametrize("spoil", [debugged, guessed, laid_open])
def test_in_production_no_other_server_starts_with_a_dangerous_setting(
    place: Place, spoil: Callable[[Place], str]
) -> None:
    name = spoil(place)
    with set_to(place.environment), pytest.raises(SettingsDangerous) as raised:
        runpy.run_path(str(ROOT / "wsgi.py"))
    assert [one.variable for one in raised.value.concerns] == [name]


def test_in_production_no_keys_are_made_silently(place: Place) -> None:
    keyring = place.folder / "keys" / "other.json"
    with set_to(place.environment | {"CREDITBANK_KEYRING": str(keyring)}):
        assert CliRunner().invoke(main, ["verify"]).exit_code == 1
        assert not keyring.exists()
        assert CliRunner().invoke(main, ["keys", "create"]).exit_code == 0
        made = keyring.read_bytes()
        assert (keyring.stat().st_mode & 0o777, CliRunner().invoke(main, ["keys", "create"]).exit_code) == (0o600, 1)
        assert keyring.read_bytes() == made


def test_production_starts_as_it_should_be(place: Place) -> None:
    """The database is out of reach, which is no reason not to start: readiness tells of it."""
    environment = place.environment | {"CREDITBANK_DATABASE_URL": "postgresql+psycopg://bank@127.0.0.1:1/bank"}
    with set_to(environment):
        assert create_app().test_client().get("/healthz").status_code == 200
