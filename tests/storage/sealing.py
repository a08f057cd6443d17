"""Two texts of everything that is sealed, put where the bank puts them."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection

from creditbank.core.identity import Subject
from creditbank.gateways.keyring import Keyring
from creditbank.services import import_rows
from creditbank.storage import learners, login_proofs, logins, proxies
from tests import tables
from tests.builders import House

REVIEWERS = ("identity:review",)


def seal_everything(house: House, people: list[dict[str, Any]]) -> None:
    """Let two people, and two members of staff, leave a text in each sealed column that they have not filled yet."""
    for number, person in enumerate(people, start=1):
        ask_and_correct(house, person, number)
        log_in(house, person["id"], number)
        issue_and_suspend(house, person["id"])
    for number in (1, 2):
        ask_to_merge(house, number)
        begin_import(house, 8000 + number, institution=("cqdx", "other")[number - 1])
        register_a_webhook(house, number)


def register_a_webhook(house: House, number: int) -> None:
    """Register a webhook and give it another secret."""
    auth = house.auth("cqdx", "webhooks:write")
    made = posted(house, "/v1/webhooks", {"url": f"https://hooks.example/{number}"}, auth)
    posted(house, f"/v1/webhooks/{made['id']}/secret", {}, auth)


def ask_and_correct(house: House, person: dict[str, Any], number: int) -> None:
    """Ask for a correction and an erasure, which are answered; correct the name."""
    own, clerk = house.learner_auth(person["id"]), house.auth()
    asked = {"about": {"field": "name"}, "says": f"写错了 {number}", "wants": f"改名 {number}"}
    request = posted(house, f"/v1/learners/{person['id']}/correction-requests", asked, own)
    answer = {"verdict": "declined", "reason": f"与证件相符 {number}"}
    posted(house, f"/v1/correction-requests/{request['id']}/answer", answer, clerk)
    correction = {"name": f"新名{number}", "birth_date": "1955-12-30", "reason": f"更正 {number}"}
    posted(house, f"/v1/learners/{person['id']}/corrections", correction, clerk)
    erasure = {"confirm_account_no": person["account_no"], "reason": f"不再学习 {number}"}
    request = posted(house, f"/v1/learners/{person['id']}/erasure-requests", erasure, own)
    declined = {"verdict": "decline", "reason": f"仍有学分 {number}"}
    posted(house, f"/v1/erasure-requests/{request['id']}/decisions", declined, house.auth("authority", *REVIEWERS))


def issue_and_suspend(house: House, learner_id: str) -> None:
    """Issue a credential of a learner and suspend it for a reason."""
    issuer = house.auth("cqdx", "credentials:issue")
    outcome = house.post_outcome(learner_id)
    made = posted(house, "/v1/credentials", {"kind": "outcome", "subject_id": outcome["id"]}, issuer)
    posted(house, f"/v1/credentials/{made['id']}/suspend", {"reason": f"查证 {learner_id}"}, issuer)


def log_in(house: House, learner_id: str, number: int) -> None:
    """Link a learner and a member of staff, let one login wait and one be under way; act at a counter."""
    keyring, now = house.bank.keyring, house.clock.now
    staff_id = UUID(house.staff("cqdx", "proxy_operator")["id"])
    who = Subject("city", "https://city.test", f"subject-{number}")
    colleague = Subject("office", "https://office.test", f"subject-{number}")
    ends = now + timedelta(minutes=5)
    with house.bank.database.transaction() as connection:
        wrapped = learners.known(connection, [UUID(learner_id)], None)[UUID(learner_id)].wrapped_key
        link_learner(connection, keyring, logins.Link(uuid4(), UUID(learner_id), who, "test", now))
        logins.link_staff(connection, keyring, logins.Link(uuid4(), staff_id, colleague, "test", now))
        ticket = login_proofs.Ticket(f"ticket {number}".encode(), "learners", who, 0, ends)
        login_proofs.add_ticket(connection, keyring, ticket, now)
        state = f"state {number}".encode()
        sealed = keyring.seal_bank(f"secret {number}", f"login_attempt:{state.hex()}")
        login_proofs.add_attempt(connection, login_proofs.Attempt(state, b"browser", "city", sealed, ends), now)
        session = proxies.ProxySession(uuid4(), UUID(learner_id), staff_id, uuid4(), f"没有手机 {number}", now)
        proxies.add(connection, keyring, wrapped, session)


def begin_import(house: House, number: int, institution: str = "cqdx") -> None:
    """Import the first row of a file without ids and leave it there."""
    content = tables.table((tables.row(one)[1:] for one in (number, number + 500)), tables.HEADER[1:]).encode()
    import_id = tables.send(house, content, tables.CSV, institution).get_json()["id"]
    records_max, import_rows.RECORDS_MAX = import_rows.RECORDS_MAX, 1
    tables.work(house, seconds=0, import_id=import_id)
    import_rows.RECORDS_MAX = records_max


def link_learner(connection: Connection, keyring: Keyring, link: logins.Link) -> None:
    """Tie a login to a learner, sealed under their key."""
    known = learners.known(connection, [link.holder_id], None)[link.holder_id]
    logins.link_learner(connection, keyring, known.wrapped_key, link)


def ask_to_merge(house: House, number: int) -> None:
    """Open a case on two people, with a reason and evidence, and let somebody speak on it and say why."""
    one, other = house.open_learner(), house.open_learner()
    asked = {"kind": "merge", "learner_id": one["id"], "into_id": other["id"]}
    asked |= {"reason": f"同一人 {number}", "evidence": f"户口簿 {number}"}
    opened = posted(house, "/v1/identity/cases", asked, house.auth("authority", *REVIEWERS, "learners:write"))
    said = {"verdict": "same", "reason": f"已核对 {number}"}
    posted(house, f"/v1/identity/cases/{opened['id']}/decisions", said, house.auth("authority", *REVIEWERS))


def posted(house: House, path: str, body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    """Post what is taken, and return the answer."""
    answer = house.http.post(path, json=body, headers=headers)
    assert answer.status_code in (200, 201), answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    return document
