"""What the documents show is what the bank does, asked over a real connection."""

import http.client
import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flask.testing import FlaskClient
from jwt.algorithms import ECAlgorithm
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.builders import add_client, new_house, outcome_body
from tests.house.transcripts import PAGES, ROOT, Runner, demo_runner, masked, steps

STEPS_MIN = 40
"""So many steps there are at least: a page whose blocks are not found would pass unseen."""

GUIDE = (ROOT / "api_docs" / "guide.md").read_text("utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")

_CURSOR = re.compile(r'"next_cursor": "[^"]+"')
_LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


@dataclass(frozen=True)
class Answer:
    """What came back over the connection."""

    status: int
    text: str

    def get_json(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Connected:
    """Sends what a transcript asks for to a server on this machine, as curl would."""

    port: int

    def open(self, path: str, *, method: str, headers: Mapping[str, str], data: str | None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, None if data is None else data.encode(), dict(headers))
            response = connection.getresponse()
            return Answer(response.status, response.read().decode())
        finally:
            connection.close()


class _Quiet(WSGIRequestHandler):
    """Serves without a line for each request."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's own name
        """Say nothing."""


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    """Give a runner of transcripts whose bank, with the demonstration in it, is really served."""
    made = demo_runner(tmp_path)
    app = made.http.application
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Runner(cast("FlaskClient", Connected(server.server_port)), made.values)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        app.extensions["creditbank"].database.close()


def _fixed(text: str) -> str:
    """Return an answer without what differs from run to run."""
    return _CURSOR.sub('"next_cursor": "…"', masked(text))


def _block(language: str, after: str = "") -> str:
    """Return the guide's first block in a language, below the words `after`."""
    found = re.search(rf"```{language}\n(.*?)```", GUIDE[GUIDE.index(after) :], re.DOTALL)
    assert found is not None, language
    return found[1]


def test_every_transcript_comes_out_as_it_is_shown(runner: Runner) -> None:
    count = 0
    for page in PAGES:
        for step in steps(page.read_text("utf-8")):
            assert _fixed(runner.run(step)) == _fixed(step.shown), f"{page.name}: {step.command}"
            count += 1
    assert count >= STEPS_MIN


def test_the_lines_of_the_guide_are_answered_as_it_shows(runner: Runner) -> None:
    for step in steps(GUIDE):
        runner.run(step)
        if "LEARNER" in runner.values:
            break
    command = _block("sh", "`records.ndjson`")
    assert "--data-binary @records.ndjson" in command
    answer = runner.http.open(
        "/v1/outcomes/batch",
        method="POST",
        headers={"Authorization": f"Bearer {runner.values['TOKEN']}", "Content-Type": "application/x-ndjson"},
        data=_block("ndjson"),
    )
    shown = _block("json", "--data-binary @records.ndjson")
    assert _fixed(json.dumps(answer.get_json(), ensure_ascii=False, indent=1)) == _fixed(shown.strip())


def test_the_assertion_of_the_guide_gets_a_token(tmp_path: Path) -> None:
    http = demo_runner(tmp_path).http
    bank = http.application.extensions["creditbank"]
    private_key = ec.generate_private_key(ec.SECP256R1())
    public_key = ECAlgorithm.to_jwk(private_key.public_key(), as_dict=True) | {"alg": "ES256", "use": "sig"}
    client_id = add_client(bank, "cqdx", ("balance:read",), json.dumps({"keys": [public_key]})).client.id
    names: dict[str, Any] = {"client_id": client_id, "private_key": private_key}
    exec(_block("python"), names)  # noqa: S102 - the guide's own lines
    form = dict(re.findall(r"-d (\w+)=(\S+)", _block("sh", "usable once")))
    assert form.pop("client_assertion") == "$ASSERTION"
    answer = http.post("/oauth/token", data=form | {"client_assertion": names["assertion"]})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    token = answer.get_json()["access_token"]
    assert jwt.decode(token, options={"verify_signature": False})["client_id"] == client_id
    bank.database.close()


def test_the_worked_example_of_the_ledger_comes_out_as_it_is_shown(tmp_path: Path) -> None:
    house = new_house(f"sqlite:///{tmp_path / 'bank.sqlite3'}", tmp_path)
    learner_id = house.open_learner()["id"]
    url, example = f"/v1/learners/{learner_id}/statement", {"completed_on": "2026-05-31"}
    outcome = house.post_outcome(learner_id, external_id="example", title="课程", hours="48", **example)
    house.clock.move(days=2)
    house.tokens.clear()  # they ended meanwhile
    body = outcome_body(learner_id, 0, external_id="example", title="课程", hours="64", **example)
    answer = house.http.put(f"/v1/outcomes/{outcome['id']}", json=body, headers=house.auth() | {"If-Match": '"1"'})
    assert answer.status_code == 200
    lines = list(reversed(house.http.get(url, headers=house.auth()).get_json()["items"]))
    shown = re.findall(
        r"^\| \d \| (\d) July \| 31 May \| `(\w+)` \| [AB] \| (\S+) \| (\S+) \|", ARCHITECTURE, re.MULTILINE
    )
    assert [
        (line["recorded_at"][:10], line["effective_on"], line["kind"], line["amount"], line["balance_after"])
        for line in lines
    ] == [
        (f"2026-07-0{day}", "2026-05-31", kind, amount.replace("−", "-").removeprefix("+"), after)
        for day, kind, amount, after in shown
    ]
    assert house.balance(learner_id, as_of="2026-05-30") == {}
    assert house.balance(learner_id, as_of="2026-05-31")["cn-16h-half"]["available"] == "4.00"
    assert house.balance(learner_id, known_at="2026-07-02T00:00:00Z")["cn-16h-half"]["available"] == "3.00"
    house.bank.database.close()


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md")) + [*PAGES[1:]])
def test_every_link_between_documents_leads_somewhere(page: Path) -> None:
    broken = [name for name in _LINK.findall(page.read_text("utf-8")) if not (page.parent / name).exists()]
    assert not broken
