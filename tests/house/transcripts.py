"""Transcripts in the documents: commands that are run against a bank with the demonstration, and their answers.

A block ```console holds lines `$ curl …`, each with the answer below it, `$ curl … | jq .field` with a part of it, or
`$ NAME=$(curl … | jq -r .field)`, which keeps a value for later lines. `python -m tests.house.transcripts` writes the
answers of today into the documents.
"""

import base64
import json
import re
import shlex
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient

from creditbank.api.webhooks import SENDER
from creditbank.app import create_app
from creditbank.config import Settings
from creditbank.demo import run_demo
from creditbank.gateways.webhook_sender import WebhookSender
from creditbank.opening import create_bank, log_of
from creditbank.services.access import learner_token
from creditbank.services.numbering import number
from creditbank.services.sealing import seal
from creditbank.storage.migrations import migrate

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", ROOT / "api_docs" / "guide.md", ROOT / "api_docs" / "guide.zh.md")
BASE_URL = "http://127.0.0.1:8000"

_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
_KEPT = re.compile(r"([A-Z]+)=\$\((.*) \| jq -r \.([a-z_.0-9\[\]]+)\)")
_PICKED = re.compile(r"(curl .*) \| jq \.([A-Za-z_.0-9\[\]]+)")
_NAMES = (
    *("account_no", "as_of", "applied_on", "due_on", "request_id", "access_token", "drafted_by", "published_by"),
    *("invitation", "actor", "reader", "valid_until", "opened_by", "said_by", "note", "line"),
)
_VOLATILE = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z"), "<instant>"),
    (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}"), "<minute>"),
    (re.compile(rf'"({"|".join(_NAMES)})": "[^"]*"'), r'"\1": "…"'),
    (re.compile(r'"whsec_[A-Za-z0-9+/]{43}="'), '"<secret>"'),
    (re.compile(r'"[A-Za-z0-9+/]{43}="'), '"<hash>"'),
    (re.compile(r"\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}"), "+<key>"),
    (re.compile(r'"code": "[0-9A-Z]{4}(-[0-9A-Z]{4}){2}"'), '"code": "…"'),
)


@dataclass(frozen=True)
class Step:
    """A command of a transcript and the answer that the document shows."""

    command: str
    shown: str


def steps(page: str) -> Iterator[Step]:
    """Yield the steps of a page in order."""
    for block in _BLOCK.findall(page):
        for part in ("\n" + block).split("\n$ ")[1:]:
            command, _, shown = part.replace("\\\n", "").partition("\n")
            yield Step(" ".join(command.split()) if "'" not in command else command, shown.strip())


def masked(text: str) -> str:
    """Return an answer with what differs from run to run made equal."""
    for pattern, instead in _VOLATILE:
        text = pattern.sub(instead, text)
    return text


class Runner:
    """Runs commands of a transcript against an app; values kept by name stay from page to page."""

    def __init__(self, http: FlaskClient, values: dict[str, str]) -> None:
        self.http = http
        self.values = values

    def run(self, step: Step) -> str:
        """Return what the command prints: JSON, indented."""
        kept, picked = _KEPT.fullmatch(step.command), _PICKED.fullmatch(step.command)
        if kept is not None:
            self.values[kept[1]] = str(_at(self._curl(kept[2]), kept[3]))
            return ""
        found = self._curl(step.command) if picked is None else _at(self._curl(picked[1]), picked[2])
        return json.dumps(found, ensure_ascii=False, indent=1)

    def _curl(self, command: str) -> Any:
        for name, value in self.values.items():
            command = command.replace(f"${name}", value)
        words = shlex.split(command)
        assert words.pop(0) == "curl", command
        method, url, headers, data = "", "", {}, []
        while words:
            word = words.pop(0)
            if word == "-s":
                continue
            if word == "-X":
                method = words.pop(0)
            elif word == "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value
            elif word == "-u":
                headers["Authorization"] = "Basic " + base64.b64encode(words.pop(0).encode()).decode()
            elif word == "-d":
                data.append(words.pop(0))
            else:
                url = word
        if data and "Content-Type" not in headers:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        path = url.removeprefix(BASE_URL)
        answer = self.http.open(
            path, method=method or ("POST" if data else "GET"), headers=headers, data="&".join(data) if data else None
        )
        return answer.get_json()


def _at(document: Any, path: str) -> Any:
    """Return what stands at a path of jq: `items[0].id`."""
    for key in re.findall(r"[A-Za-z_]+|[0-9]+", path):
        document = document[int(key) if key.isdecimal() else key]
    return document


def demo_runner(folder: Path) -> Runner:
    """Return a runner on a new bank with the demonstration; each client's name holds id:secret."""
    settings = Settings(
        database_url=f"sqlite:///{folder / 'bank.sqlite3'}",
        keyring=folder / "keyring.json",
        erasures=folder / "erasures.jsonl",
        base_url=BASE_URL,
        log_format="none",
    )
    bank = create_bank(settings)
    migrate(bank.database)
    app = create_app(settings, bank)
    app.extensions[SENDER] = WebhookSender(resolve=lambda _host, _port: ["1.2.3.4"])  # the guide's host is nobody's
    run_demo(app, folder, BASE_URL)
    number(bank)
    seal(log_of(replace(settings, log_folder=folder / "log"), bank))
    made = json.loads((folder / "demo.json").read_text("utf-8"))
    clients = {item["name"]: item for item in made["clients"]}
    names = {
        "CLIENT": "重庆大学",
        "REGISTRAR": "重庆开放大学教务处",
        "AUTHOR": "rule author",
        "PUBLISHER": "rule publisher",
        "HEARING": "appeal reviewer",
        "PARTNER": "重庆人社培训平台",
        "ADMIN": "administrator",
        "SECURITY": "security administrator",
        "AUDITING": "audit administrator",
        "CLERK": "identity clerk",
        "APPROVER": "identity reviewer",
        "SECOND": "second identity reviewer",
    }
    values = {key: f"{clients[name]['client_id']}:{clients[name]['client_secret']}" for key, name in names.items()}
    values["SELF"] = learner_token(bank, BASE_URL, UUID(made["learners"][0]["id"]))
    return Runner(app.test_client(), values)


def _rewrite() -> None:
    """Write today's answers into the documents."""
    with tempfile.TemporaryDirectory() as name:
        runner = demo_runner(Path(name))
        for page in PAGES:
            page.write_text(_BLOCK.sub(lambda block: _rewritten(block, runner), page.read_text("utf-8")), "utf-8")


def _rewritten(block: re.Match[str], runner: Runner) -> str:
    """Return a block with the answers of today."""
    told = []
    for part in ("\n" + block[1]).split("\n$ ")[1:]:
        lines = part.split("\n")
        end = next(place for place, line in enumerate(lines) if not line.endswith("\\"))
        command = "\n".join(lines[: end + 1])
        (step,) = steps(f"```console\n$ {command}\n```")
        printed = runner.run(step)
        told.append(f"$ {command}\n" + (f"{printed}\n" if printed else ""))
    return "```console\n" + "".join(told) + "```"


if __name__ == "__main__":
    _rewrite()
