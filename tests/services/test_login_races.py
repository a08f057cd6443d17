"""Logins, roles and counters many at once: what counts once counts once, and what is counted is counted whole."""

import hashlib
import secrets
from collections import Counter
from datetime import timedelta
from typing import Any

from creditbank.core.identity import Subject
from creditbank.services.proxies import FAILURES_MAX
from creditbank.storage import catalogue, login_proofs
from tests.api.test_counters import applicant, counter
from tests.builders import House
from tests.services.test_races import at_once, count

CROWD = 8


def a_ticket(house: House, subject: str) -> str:
    """Return a ticket of somebody who logged in."""
    ticket, now = secrets.token_urlsafe(32), house.clock.now
    who = Subject("city", "https://city.test", subject)
    kept = login_proofs.Ticket(
        hashlib.sha256(ticket.encode()).digest(), "learners", who, 0, now + timedelta(minutes=10)
    )
    with house.bank.database.transaction() as connection:
        login_proofs.add_ticket(connection, house.bank.keyring, kept, now)
    return ticket


def a_code(house: House, learner_id: str) -> str:
    answer = house.http.post(f"/v1/learners/{learner_id}/link-codes", headers=house.auth())
    code: str = answer.get_json()["code"]
    return code


def link(house: House, ticket: str, code: str) -> Any:
    return lambda: house.http.post("/v1/logins/link", json={"ticket": ticket, "link_code": code})


def codes(answers: list[Any]) -> Counter[str]:
    """Return how often each answer came: "" for one that was taken."""
    return Counter("" if answer.status_code < 400 else answer.get_json()["errors"][0]["code"] for answer in answers)


def test_a_ticket_and_a_code_count_once_however_many_send_them(house: House) -> None:
    ticket, code = a_ticket(house, "wang"), a_code(house, house.open_learner()["id"])
    answers = at_once([link(house, ticket, code)] * CROWD)
    assert codes(answers) == {"": 1, "unknown_login_ticket": CROWD - 1}
    assert count(house, catalogue.tables["learner_login"]) == count(house, catalogue.tables["login_index"]) == 1


def test_a_code_counts_once_with_many_tickets(house: House) -> None:
    code = a_code(house, house.open_learner()["id"])
    answers = at_once([link(house, a_ticket(house, f"person {number}"), code) for number in range(CROWD)])
    assert codes(answers) == {"": 1, "unknown_link_code": CROWD - 1}
    assert count(house, catalogue.tables["learner_login"]) == 1


def test_a_login_becomes_one_learners_though_many_link_it(house: House) -> None:
    calls = [link(house, a_ticket(house, "wang"), a_code(house, house.open_learner()["id"])) for _ in range(CROWD)]
    assert codes(at_once(calls)) == {"": 1, "linked_already": CROWD - 1}
    assert count(house, catalogue.tables["login_index"]) == 1
    assert count(house, catalogue.tables["link_code"]) == CROWD - 1, "codes of the others were not used up"


def test_wrong_codes_are_counted_whole(house: House) -> None:
    ticket = a_ticket(house, "guesser")
    answers = at_once([link(house, ticket, "0000-0000-0000")] * 2 * login_proofs.TRIES_MAX)
    assert codes(answers) == {
        "unknown_link_code": login_proofs.TRIES_MAX,
        "unknown_login_ticket": login_proofs.TRIES_MAX,
    }


def test_an_attempt_is_taken_once(house: House) -> None:
    now = house.clock.now
    attempt = login_proofs.Attempt(b"state", b"browser", "city", b"sealed", now + timedelta(minutes=10))
    with house.bank.database.transaction() as connection:
        login_proofs.add_attempt(connection, attempt, now)

    def take() -> Any:
        with house.bank.database.transaction() as connection:
            return login_proofs.take_attempt(connection, b"state", b"browser", now)

    assert sum(found is not None for found in at_once([take] * CROWD)) == 1


def test_roles_that_clash_are_not_held_though_they_come_at_once(house: House) -> None:
    member = house.staff("cqdx", "registrar")
    auth = house.auth("authority", "staff:write")
    url = f"/v1/staff/{member['id']}/roles"
    sent = [["system_administrator"], ["audit_administrator"], ["security_administrator"], ["auditor"]] * 2
    answers = at_once([lambda roles=roles: house.http.put(url, json={"roles": roles}, headers=auth) for roles in sent])
    assert {answer.status_code for answer in answers} == {200}
    held = house.http.get(f"/v1/staff/{member['id']}", headers=auth).get_json()["roles"]
    assert [held] in [[roles] for roles in sent]


def test_failures_at_a_counter_are_counted_whole(house: House) -> None:
    auth = counter(house)
    house.open_learner()
    call = lambda: house.http.post("/v1/proxy-sessions", json=applicant(900), headers=auth)  # noqa: E731
    answers = at_once([call] * (FAILURES_MAX + CROWD))
    assert codes(answers) == {"unknown_learner": FAILURES_MAX, "too_many": CROWD}


def test_new_codes_of_one_learner_leave_one(house: House) -> None:
    learner_id = house.open_learner()["id"]
    auth = house.auth()
    call = lambda: house.http.post(f"/v1/learners/{learner_id}/link-codes", headers=auth)  # noqa: E731
    answers = at_once([call] * CROWD)
    assert {answer.status_code for answer in answers} == {201}
    assert count(house, catalogue.tables["link_code"]) == 1
