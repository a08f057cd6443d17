"""Every kind of key is changed while clients of a real server post, read and look up: none of them notices."""

import http.client
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import func, select

from creditbank.gateways.keyring import Kind, SealBroken
from creditbank.gateways.suites import AES_256_GCM, SM4_GCM
from creditbank.services import renewal, rotation
from creditbank.services.access import client_token
from creditbank.services.clients import administrator
from creditbank.storage import identifier_index
from creditbank.storage.learners import learner
from tests.builders import INSTITUTION_SCOPES, House, learner_body, outcome_body
from tests.drills.serving import BASE_URL, CLIENTS, ENGINES, Server, environment
from tests.drills.shooting import Fate, ledger_faults, miscounted

PEOPLE = 12
"""Persons whom all clients apply for, post about and read: few enough that they meet."""

ROUNDS = {"postgresql": 2, "sqlite": 1}
"""The first one changes to the other cipher suite, the second begins with keys that were made by a rotation.

On SQLite, where each renewal waits for its turn among all writers, a second one would take too long.
"""

WAIT_SECONDS = 30
"""How long every client is waited for, on a machine that is busy with other tests."""

OPERATOR = administrator()


@dataclass
class Caller:
    """A client that asks one thing after the other and notes every answer that nobody foresaw."""

    name: str
    server: Server
    tokens: list[str]
    stop: Event
    random: Random
    learners: dict[int, str] = field(default_factory=dict)
    posted: list[dict[str, Any]] = field(default_factory=list)
    opened: list[tuple[str, dict[str, Any], Any]] = field(default_factory=list)
    unforeseen: list[str] = field(default_factory=list)
    answered: int = 0

    def run(self) -> None:
        """Ask until told to stop."""
        while not self.stop.is_set():
            number = self.random.randrange(PEOPLE)
            ask = self.random.choice(
                (self._apply, self._post, self._post, self._repeat, self._read, self._answer_again)
            )
            try:
                ask(number)
            except Exception as error:  # noqa: BLE001 - whatever a client meets is what the drill looks for
                self.unforeseen.append(f"{self.name}: {ask.__name__}: {error!r}")
            self.answered += 1

    def _apply(self, number: int) -> None:
        """Open the account of a person who may have one, under an idempotency key."""
        body = learner_body(number)
        key = f"{self.name}-{self.answered}"
        answer = self._asked("POST", "/v1/learners", (200, 201), body, key)
        if self.learners.setdefault(number, answer["id"]) != answer["id"]:
            self.unforeseen.append(f"{self.name}: person {number} has two accounts")
        self.opened.append((key, body, answer))

    def _answer_again(self, _: int) -> None:
        """Repeat a request under its key."""
        if self.opened:
            key, body, answer = self.random.choice(self.opened)
            if self._asked("POST", "/v1/learners", (200, 201), body, key) != answer:
                self.unforeseen.append(f"{self.name}: another answer under {key}")

    def _post(self, number: int) -> None:
        """Record an outcome of a person who is known by identifier."""
        one = learner_body(number)
        who = {"name": one["name"], "identifier": one["identifiers"][0]}
        external_id = f"{self.name}-{self.answered}"
        body = outcome_body("", 0, external_id=external_id, title=external_id, certificate_no=external_id, learner=who)
        self._asked("POST", "/v1/outcomes", (201,), body)
        self.posted.append(body)

    def _repeat(self, _: int) -> None:
        """Record an outcome again; and the same certificate under another name, which is a duplicate."""
        if self.posted:
            body = self.random.choice(self.posted)
            first = self._asked("POST", "/v1/outcomes", (200,), body)
            name = f"{self.name}-{self.answered}-again"
            again = body | {"external_id": name, "title": name}
            duplicate = self._asked("POST", "/v1/outcomes", (201,), again)
            if duplicate["duplicate_of"] != first["id"]:
                self.unforeseen.append(f"{self.name}: {body['external_id']} counts twice")

    def _read(self, number: int) -> None:
        """Read an account and its balance."""
        if number in self.learners:
            shown = self._asked("GET", f"/v1/learners/{self.learners[number]}", (200,))
            self._asked("GET", f"/v1/learners/{self.learners[number]}/balance", (200,))
            if shown["name"] != learner_body(number)["name"]:
                self.unforeseen.append(f"{self.name}: person {number} is called {shown['name']}")

    def _asked(self, method: str, path: str, statuses: tuple[int, ...], body: Any = None, key: str = "") -> Any:
        """Return the answer's document; the newest token is shown."""
        headers = bearer(self.tokens[-1]) | ({"Idempotency-Key": key} if key else {})
        status, document = asked(self.server, headers, method, path, body)
        if status not in statuses:
            self.unforeseen.append(f"{self.name}: {method} {path} {status} {document}")
        return document


def asked(server: Server, headers: dict[str, str], method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Ask the server once and return status and document."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=WAIT_SECONDS)
    try:
        content = None if body is None else json.dumps(body)
        connection.request(method, path, content, headers | {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def server(house: House, tmp_path: Path) -> Iterator[Server]:
    """Give a running server of that bank, a process of its own."""
    house.clock.now = datetime.now(UTC)  # the server goes by the real one
    url = house.bank.database.url.render_as_string(hide_password=False)
    made = Server("creditbank.app:create_app", environment(url, tmp_path / "keyring.json"))
    made.start()
    yield made
    made.kill()


def meanwhile(callers: list[Caller], times: int = 2) -> None:
    """Wait until every client has been answered some times more."""
    aims = [caller.answered + times for caller in callers]
    deadline = time.monotonic() + WAIT_SECONDS
    while any(caller.answered < aim for caller, aim in zip(callers, aims, strict=True)):
        assert time.monotonic() < deadline, "a client hangs"
        time.sleep(0.01)


def change_every_key(house: House, callers: list[Caller], new_token: Any) -> None:
    """Rotate, renew and retire all keys, with clients at work between any two steps."""
    bank = house.bank
    for kind in Kind:
        rotation.rotate(bank, OPERATOR, kind, SM4_GCM if bank.keyring.master_key.suite is AES_256_GCM else None)
        meanwhile(callers)
    renewal.rotate_people(bank, OPERATOR)
    renewed = renewal.renew(bank, OPERATOR)
    assert renewed.broken == []
    meanwhile(callers)
    new_token()
    meanwhile(callers)
    for kind in Kind:
        assert rotation.retire(bank, OPERATOR, kind, at_once=True)
        meanwhile(callers)


@pytest.mark.parametrize("engine_name", ENGINES, indirect=True)
def test_no_request_fails_while_every_key_is_changed_and_the_old_ones_are_refused_afterwards(
    house: House, server: Server
) -> None:
    client_id = house.client("cqdx", *INSTITUTION_SCOPES)
    tokens: list[str] = []

    def new_token() -> None:
        house.clock.now = datetime.now(UTC)
        tokens.append(client_token(house.bank, BASE_URL, client_id, INSTITUTION_SCOPES))

    new_token()
    rounds = ROUNDS["sqlite" if house.bank.database.is_sqlite else "postgresql"]
    stop = Event()
    callers = [Caller(f"client{number}", server, tokens, stop, Random(number)) for number in range(CLIENTS)]  # noqa: S311
    threads = [Thread(target=caller.run) for caller in callers]
    for thread in threads:
        thread.start()
    try:
        meanwhile(callers, 10)
        old_ring = house.bank.keyring
        with house.bank.database.reading() as connection:
            wrapped = connection.execute(select(learner.c.wrapped_key)).scalars().all()
            number = connection.execute(select(learner.c.account_no).limit(1)).scalar_one()
        for _ in range(rounds):
            change_every_key(house, callers, new_token)
    finally:
        stop.set()
        for thread in threads:
            thread.join(WAIT_SECONDS)
    assert [line for caller in callers for line in caller.unforeseen] == []
    check_sound(house, callers)
    assert [asked(server, bearer(token), "GET", "/v1/institutions")[0] for token in tokens] == [401] * rounds + [200]
    for key in wrapped:
        with pytest.raises(SealBroken):
            house.bank.keyring.person_cipher(key)
    keys = [identifier_index.account_no_keys(old_ring, number)]
    assert wrapped
    assert house.bank.database.read(lambda connection: identifier_index.matches(connection, keys)) == []


def check_sound(house: House, callers: list[Caller]) -> None:
    """See that every person has one account and every outcome one credit."""
    people = {number: learner_id for caller in callers for number, learner_id in caller.learners.items()}
    assert Counter(len({caller.learners.get(one, people[one]) for caller in callers}) for one in people) == {
        1: len(people)
    }
    with house.bank.database.reading() as connection:
        count = connection.execute(select(func.count()).select_from(learner)).scalar_one()
    assert len(people) <= count <= PEOPLE
    assert ledger_faults(house.bank) == ()
    fates = {body["external_id"]: Fate.ACKNOWLEDGED for caller in callers for body in caller.posted}
    assert {one: found for one, found in miscounted(house.bank, fates).items() if one in fates} == {}
