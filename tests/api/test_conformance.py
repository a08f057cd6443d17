"""The conformance run: our own server passes, and one with a defect in any area fails there."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from creditbank.cli.conforming import conformance
from creditbank.conformance import background
from creditbank.conformance.target import ISSUER_SCOPES, Client, Target
from creditbank.conformance.trials import Area, Result, Verdict, results
from creditbank.conformance.whole import TRIALS
from creditbank.services.numbering import number
from creditbank.services.sealing import Log, seal
from tests.builders import BASE_URL, House, add_client
from tests.tables import work

pytestmark = pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
"""What is seen over HTTP is the same on both engines."""

ISSUING = (*sorted(ISSUER_SCOPES), "credentials:issue", "webhooks:write")
CLIENTS = (("cqdx", ISSUING), ("cqnu", ISSUING), ("authority", ("audit:read",)), ("partner", ("balance:read",)))

HERE = "http://localhost"
"""Where the server stands in a test: secrets are taken over plain HTTP on the same machine alone."""

Change = Callable[[httpx.Request, httpx.Response], httpx.Response]
Before = Callable[[httpx.Request], object]


class Flawed(httpx.BaseTransport):
    """A server with a defect: every answer is changed, or every request before. Its worker has always done its work."""

    def __init__(self, house: House, defect: Change | None, before: Before | None) -> None:
        self.house, self.defect, self.before = house, defect, before
        self.sound = httpx.WSGITransport(house.app)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return what the server answers, with its defect."""
        if self.before is not None:
            self.before(request)
        if request.method == "GET" and request.url.path.startswith("/v1/imports/"):
            work(self.house)
        if request.url.path == "/v1/events":
            number(self.house.bank)
        answer = self.sound.handle_request(request)
        answer.read()
        return answer if self.defect is None else self.defect(request, answer)


@pytest.fixture
def clients(house: House) -> list[Client]:
    """Give clients of two institutions, an auditor and a partner, in a bank whose log has leaves; it is today."""
    house.clock.now = datetime.now(UTC)
    learner = house.open_learner()["id"]
    for _ in range(3):
        house.post_outcome(learner)
    seal(Log(house.bank, "bank.example/v1/log"))
    made = [(add_client(house.bank, institution, scopes), scopes) for institution, scopes in CLIENTS]
    return [Client(one.client.name, one.client.id, one.secret, frozenset(scopes)) for one, scopes in made]


def target(
    house: House,
    clients: list[Client],
    defect: Change | None = None,
    before: Before | None = None,
) -> Target:
    transport = Flawed(house, defect, before)
    return Target(httpx.Client(transport=transport, base_url=HERE), BASE_URL, clients)


def failing(made: list[Result]) -> set[Area]:
    return {one.trial.area for one in made if one.verdict is Verdict.FAILS}


def test_our_own_server_passes_every_trial(house: House, clients: list[Client]) -> None:
    made = list(results(target(house, clients), TRIALS))
    assert [(one.trial.claim, one.why) for one in made if one.verdict is not Verdict.HOLDS] == []
    assert {one.trial.area for one in made} == set(Area)
    assert len({one.trial.claim for one in made}) == len(TRIALS)


def test_what_cannot_be_tried_is_said_and_is_no_failure(house: House, clients: list[Client]) -> None:
    made = list(results(target(house, clients[:1]), TRIALS))
    missing = [one for one in made if one.verdict is Verdict.NOT_TRIED]
    assert missing
    assert all("two clients" in one.why or "a client with" in one.why for one in missing)
    assert failing(made) == set()


def rewritten(answer: httpx.Response, **members: Any) -> httpx.Response:
    """Return an answer with other members."""
    return httpx.Response(answer.status_code, json=answer.json() | members)


def on(method: str, part: str, change: Callable[[httpx.Response], httpx.Response]) -> Change:
    """Return the defect that good answers to some requests are changed."""

    def defect(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        is_meant = request.method == method and part in request.url.path and answer.is_success
        return change(answer) if is_meant else answer

    return defect


def as_created(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
    """Answer 201 to whoever is known already."""
    if request.url.path == "/v1/learners" and answer.status_code == 200:
        return httpx.Response(201, json=answer.json())
    return answer


def taken_silently(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
    """Answer 200 where other content is refused."""
    if request.url.path == "/v1/outcomes" and answer.status_code == 409:
        return httpx.Response(200, json={"id": "x", "errors": []})
    return answer


def as_plain_json(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
    """Call refusals JSON."""
    return answer if answer.is_success else httpx.Response(answer.status_code, json=answer.json())


def told_as_forbidden(_: httpx.Request, answer: httpx.Response) -> httpx.Response:
    """Tell what is foreign from what doesn't exist."""
    return httpx.Response(403, json=answer.json()) if answer.status_code == 404 else answer


def let_in(house: House) -> Callable[[httpx.Request], None]:
    """Return a door that gives a token to whoever has none."""

    def before(request: httpx.Request) -> None:
        if request.url.path == "/v1/conversions" and "Authorization" not in request.headers:
            request.headers.update(house.auth("cqdx", "conversions:write"))

    return before


def without_key(request: httpx.Request) -> None:
    """Forget the key of a request."""
    request.headers.pop("Idempotency-Key", None)


def one_row_less(answer: httpx.Response) -> httpx.Response:
    return rewritten(answer, results=answer.json()["results"][:-1])


def one_item_less(answer: httpx.Response) -> httpx.Response:
    return rewritten(answer, items=answer.json()["items"][:-1])


def nothing_back(answer: httpx.Response) -> httpx.Response:
    """Give the columns of rejected rows without the rows."""
    return httpx.Response(answer.status_code, content=answer.content.partition(b"\n")[0])


def forgetful(request: httpx.Request) -> None:
    """Begin the feed anew, whatever the cursor says."""
    if request.url.path == "/v1/events":
        request.url = request.url.copy_remove_param("after")


def talkative() -> Change:
    """Return the defect that everybody is told of every outcome."""
    posted: list[str] = []

    def defect(request: httpx.Request, answer: httpx.Response) -> httpx.Response:
        if request.url.path == "/v1/outcomes" and answer.is_success:
            posted.append(answer.json()["id"])
        if request.url.path != "/v1/events" or not answer.is_success or not answer.json()["items"]:
            return answer
        items = [
            one | {"id": f"{one['id']}-{place}", "data": one["data"] | {"outcome_id": outcome_id}}
            for one in answer.json()["items"]
            for place, outcome_id in enumerate(posted)
        ]
        return rewritten(answer, items=items)

    return defect


def a_hundredth_more(answer: httpx.Response) -> httpx.Response:
    balances = [one | {"available": one["available"][:-1] + "1"} for one in answer.json()["balances"]]
    return rewritten(answer, balances=balances)


def accepted_all_the_same(answer: httpx.Response) -> httpx.Response:
    return rewritten(answer, accepted=True, status="valid")


def another_root(answer: httpx.Response) -> httpx.Response:
    return rewritten(answer, root="A" * 43 + "=") if "root" in answer.json() else answer


DEFECTS: dict[str, tuple[Area, Change | None, Callable[[House], Before] | None]] = {
    "no keys": (Area.DISCOVERY, on("GET", "jwks.json", lambda answer: rewritten(answer, keys=[])), None),
    "no door": (Area.ACCESS, None, let_in),
    "plain refusals": (Area.REFUSALS, as_plain_json, None),
    "opened twice": (Area.LEARNERS, as_created, None),
    "changed silently": (Area.OUTCOMES, taken_silently, None),
    "a row without answer": (Area.BATCHES, on("POST", "/batch", one_row_less), None),
    "a row of a file without answer": (Area.IMPORTS, on("GET", "/rows", one_item_less), None),
    "rejected rows that stay away": (Area.IMPORTS, on("GET", "/rejects", nothing_back), None),
    "a feed that begins anew": (Area.EVENTS, None, lambda _: forgetful),
    "events that stay away": (Area.EVENTS, on("GET", "/events", lambda answer: rewritten(answer, items=[])), None),
    "events of others": (Area.EVENTS, talkative(), None),
    "a hundredth too much": (Area.BOOKS, on("GET", "/balance", a_hundredth_more), None),
    "another decision": (Area.DECISIONS, on("POST", "/replay", lambda answer: rewritten(answer, same=False)), None),
    "tells what is foreign": (Area.PRIVACY, told_as_forbidden, None),
    "believes what is revoked": (Area.CREDENTIALS, on("POST", "/credentials/verify", accepted_all_the_same), None),
    "forgets keys": (Area.CREDENTIALS, None, lambda _: without_key),
    "another root": (Area.LOG, on("GET", "/log/checkpoint", another_root), None),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_fails_in_its_area(
    house: House, clients: list[Client], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "BACKGROUND_SECONDS", 0.3)
    monkeypatch.setattr(background, "WAIT_SECONDS", 0)
    assert {area for area, *_ in DEFECTS.values()} == set(Area), "there is one for every area"
    area, defect, before = DEFECTS[name]
    flawed = target(house, clients, defect, None if before is None else before(house))
    tried = [one for one in TRIALS if one.area in (area, Area.LEARNERS)]
    made = list(results(flawed, tried))
    assert area in failing(made)
    assert not [one.why for one in made if "TypeError" in one.why], "the defect itself is sound"


def test_the_command_tells_each_trial_and_ends_with_one_if_any_fails(
    house: House, clients: list[Client], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "clients.json"
    path.write_text(json.dumps({"clients": [
        {"name": one.name, "client_id": one.client_id, "client_secret": one.client_secret, "scopes": sorted(one.scopes)}
        for one in clients
    ]}))  # fmt: skip
    servers = [target(house, clients, defect).http for defect in (None, as_plain_json)]
    waiting = iter([*servers, servers[0]])
    monkeypatch.setattr("creditbank.conformance.target.httpx.Client", lambda **_: next(waiting))
    for code, mark in ((0, "3 holds, 0 fails"), (1, "2 holds, 1 fails")):
        told = CliRunner().invoke(conformance, [BASE_URL, "--clients", str(path), "--area", "refusals"])
        assert (told.exit_code, mark in told.output) == (code, True), told.output
    nothing = CliRunner().invoke(conformance, [BASE_URL, "--clients", str(path), "--json", "--area", "log"])
    listed = json.loads(nothing.output[nothing.output.index("[\n") :])
    assert [(one["area"], one["verdict"]) for one in listed] == [("log", "holds")]
    path.write_text("{}")
    wrong = CliRunner().invoke(conformance, [BASE_URL, "--clients", str(path)])
    assert wrong.exit_code == 1
    assert "make run" in wrong.output
