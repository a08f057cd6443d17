"""The audit log: who reads it, what they find in it, and how long it is kept."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from creditbank.core.errors import Refusal
from creditbank.core.identity import Subject
from creditbank.core.permission import SCOPES, Actor
from creditbank.services import auditing
from creditbank.services.bank import Bank, Work, looked_up
from creditbank.services.clients import administrator
from creditbank.storage import audit, logins
from tests.builders import House
from tests.storage.sealing import link_learner

WHO = Subject("city", "https://city.test", "wang")


def listed(house: House, **query: Any) -> Any:
    return house.http.get("/v1/audit", query_string=query, headers=house.auth("authority", "audit:log")).get_json()


def write(bank: Bank, happened_at: datetime, action: str = "test.line") -> None:
    with bank.database.transaction() as connection:
        audit.add(connection, audit.AuditLine(uuid4(), happened_at, "test", action, "", ""))


def test_the_log_is_read_page_by_page_newest_first(house: House) -> None:
    for minute in range(5):
        write(house.bank, house.clock.now + timedelta(minutes=minute))
    first = listed(house, limit=3, action="test.line")
    second = listed(house, limit=3, action="test.line", cursor=first["next_cursor"])
    seen = [line["happened_at"] for line in first["items"] + second["items"]]
    assert len(seen) == 5
    assert seen == sorted(seen, reverse=True)
    assert second["next_cursor"] is None


def test_lines_of_one_instant_are_each_shown_once(house: House) -> None:
    for _ in range(5):
        write(house.bank, house.clock.now)
    pages = [listed(house, limit=2, action="test.line")]
    while pages[-1]["next_cursor"]:
        pages.append(listed(house, limit=2, action="test.line", cursor=pages[-1]["next_cursor"]))
    assert len({line["id"] for page in pages for line in page["items"]}) == 5


def test_the_log_is_filtered_by_actor_action_and_day_of_shanghai(house: House) -> None:
    learner = house.open_learner()
    for hour, minute in ((15, 59), (16, 0)):  # UTC: the last minute of 10 May in Shanghai, and the first of 11 May
        write(house.bank, datetime(2026, 5, 10, hour, minute, tzinfo=UTC))
    assert [line["happened_at"][:16] for line in listed(house, day="2026-05-10")["items"]] == ["2026-05-10T15:59"]
    assert [line["happened_at"][:16] for line in listed(house, day="2026-05-11")["items"]] == ["2026-05-10T16:00"]
    opened = listed(house, action="learner.open")["items"]
    assert opened[0]["subject"] == learner["id"]
    assert listed(house, actor=opened[0]["actor"], action="learner.open")["items"] == opened[:1]
    assert listed(house, actor="nobody")["items"] == []


def test_a_learners_own_acts_bear_their_own_name(house: House) -> None:
    learner = house.open_learner()
    keyring, link = house.bank.keyring, logins.Link(uuid4(), UUID(learner["id"]), WHO, "test", house.clock.now)
    with house.bank.database.transaction() as connection:
        link_learner(connection, keyring, link)
    url = f"/v1/learners/me/logins/{link.login_id}"
    assert house.http.delete(url, headers=house.learner_auth(learner["id"])).status_code == 200
    [line] = listed(house, action="login.end")["items"]
    assert line["actor"] == f"learner:{learner['id']}"
    assert listed(house, actor=line["actor"])["items"] == [line]


def test_only_audit_administration_reads_the_log(house: House) -> None:
    others = house.auth("cqdx", *sorted(SCOPES.keys() - {"audit:log"}))
    answer = house.http.get("/v1/audit", headers=others)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "scope_missing")
    assert (
        house.http.get("/v1/audit", headers=house.staff_auth(house.staff("cqdx", "audit_administrator"))).status_code
        == 200
    )
    assert house.http.get("/v1/audit", headers=house.staff_auth(house.staff("cqdx", "auditor"))).status_code == 403


@pytest.mark.parametrize("query", [{"day": "yesterday"}, {"cursor": "x"}, {"limit": "0"}, {"subject": "x"}])
def test_a_faulty_question_is_told(house: House, query: dict[str, str]) -> None:
    answer = house.http.get("/v1/audit", query_string=query, headers=house.auth("authority", "audit:log"))
    assert answer.status_code == 422


def test_what_is_old_enough_goes_and_the_rest_stays(house: House) -> None:
    house.clock.now = datetime.now(UTC)
    today = house.clock.now.astimezone(auditing.SHANGHAI).date()
    midnight = datetime.combine(today - timedelta(days=180), datetime.min.time(), auditing.SHANGHAI)
    write(house.bank, midnight - timedelta(seconds=1), "test.old")
    write(house.bank, midnight, "test.young")
    assert pruned(house, today - timedelta(days=180)) >= 1
    assert listed(house, action="test.old")["items"] == []
    assert len(listed(house, action="test.young")["items"]) == 1


def pruned(house: House, before: date, kept_days: int = 180) -> int:
    with house.bank.database.transaction() as connection:
        return auditing.prune(
            Work(house.bank, connection, administrator(), house.clock.now, house.bank.keyring), before, kept_days
        )


@pytest.mark.parametrize(("days", "kept_days"), [(179, 180), (0, 180), (-1, 180), (180, 181), (179, 30)])
def test_nothing_younger_is_pruned(house: House, days: int, kept_days: int) -> None:
    house.clock.now = datetime.now(UTC)
    today = house.clock.now.astimezone(auditing.SHANGHAI).date()
    with pytest.raises(Refusal):
        pruned(house, today - timedelta(days=days), kept_days)


def test_whoever_may_not_read_the_log_prunes_nothing(house: House) -> None:
    nobody = Actor("x", frozenset(SCOPES.keys() - {"audit:log"}))
    with pytest.raises(Refusal):
        looked_up(house.bank, nobody, lambda work: auditing.prune(work, date(2020, 1, 1), 180))
