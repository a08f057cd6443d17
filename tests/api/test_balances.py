"""Balances and passbooks: as of a day, as known at an instant, with what expires, and line by line."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest

from creditbank.core.calendar import instant_text
from tests.builders import NOW, House, outcome_body

SCHEME = "cn-16h-half"
FIGURES = ("recognised", "held", "converted", "expired", "available")


def later(house: House, **by: float) -> None:
    """Let time pass; tokens of before have ended then, so that new ones are asked for."""
    house.clock.move(**by)
    house.tokens.clear()


def correct(house: House, outcome: dict[str, Any], institution: str = "cqdx", **changes: Any) -> dict[str, Any]:
    """Correct an outcome as it stands now, and return the answer."""
    body = outcome_body(outcome["learner_id"], 0, external_id=outcome["external_id"]) | changes
    headers = house.auth(institution) | {"If-Match": f'"{outcome["revision"]}"'}
    answer = house.http.put(f"/v1/outcomes/{outcome['id']}", json=body, headers=headers)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    return document


def revoke(house: House, outcome: dict[str, Any], institution: str = "cqdx") -> None:
    url = f"/v1/outcomes/{outcome['id']}/revoke"
    answer = house.http.post(url, json={"reason": "录入有误"}, headers=house.auth(institution))
    assert answer.status_code == 200, answer.get_data(as_text=True)


def recognised(house: House, learner_id: str, **query: str) -> str | None:
    """Return the recognised credits of the scheme that these tests count in, None where it has no line."""
    found = house.balance(learner_id, **query).get(SCHEME)
    return None if found is None else str(found["recognised"])


def passbook(house: House, learner_id: str, limit: int = 200) -> list[list[dict[str, Any]]]:
    """Return the pages of the passbook."""
    pages: list[list[dict[str, Any]]] = []
    query: dict[str, Any] = {"limit": limit}
    while True:
        url = f"/v1/learners/{learner_id}/statement"
        answer = house.http.get(url, query_string=query, headers=house.auth())
        assert answer.status_code == 200, answer.get_data(as_text=True)
        pages.append(answer.get_json()["items"])
        query["cursor"] = answer.get_json()["next_cursor"]
        if query["cursor"] is None:
            return pages


# --- as of a day, as known at an instant


def test_an_outcome_counts_from_the_day_on_which_it_was_completed(house: House) -> None:
    learner_id = house.open_learner()["id"]
    house.post_outcome(learner_id, completed_on="2026-06-10")
    assert recognised(house, learner_id, as_of="2026-06-09") is None
    for day in ("2026-06-10", "2026-06-11", "2026-07-01"):
        assert recognised(house, learner_id, as_of=day) == "3.00"
    assert house.balance(learner_id) == house.balance(learner_id, as_of="2026-07-01")


def test_without_a_day_it_is_today_in_shanghai(house: House) -> None:
    learner_id = house.open_learner()["id"]
    url = f"/v1/learners/{learner_id}/balance"
    for hour, expected in ((15, "2026-07-01"), (16, "2026-07-02")):
        later(house, hours=hour - house.clock.now.hour)
        assert house.http.get(url, headers=house.auth()).get_json()["as_of"] == expected


def test_what_was_known_before_a_correction_can_still_be_asked(house: House) -> None:
    learner_id = house.open_learner()["id"]
    outcome = house.post_outcome(learner_id, completed_on="2026-06-10")
    later(house, days=1)
    correct(house, outcome, completed_on="2026-06-10", hours="32")
    before, at, after = (instant_text(NOW + by) for by in (timedelta(), timedelta(days=1), timedelta(days=2)))
    later(house, days=1)
    assert recognised(house, learner_id) == "2.00"
    assert recognised(house, learner_id, as_of="2026-06-10") == "2.00"
    for known_at, expected in ((before, "3.00"), (at, "2.00"), (after, "2.00")):
        assert recognised(house, learner_id, known_at=known_at) == expected
        assert recognised(house, learner_id, known_at=known_at, as_of="2026-06-10") == expected
        assert recognised(house, learner_id, known_at=known_at, as_of="2026-06-09") is None


def test_a_correction_of_the_day_moves_the_credits_in_time(house: House) -> None:
    learner_id = house.open_learner()["id"]
    outcome = house.post_outcome(learner_id, completed_on="2026-06-01")
    later(house, days=1)
    correct(house, outcome, completed_on="2026-06-15")
    assert [recognised(house, learner_id, as_of=day) for day in ("2026-06-01", "2026-06-14")] == ["0.00", "0.00"]
    assert recognised(house, learner_id, as_of="2026-06-15") == "3.00"
    assert recognised(house, learner_id, as_of="2026-06-14", known_at=instant_text(NOW)) == "3.00"


def test_what_was_known_before_a_revocation_can_still_be_asked(house: House) -> None:
    learner_id = house.open_learner()["id"]
    outcome = house.post_outcome(learner_id, completed_on="2026-06-10")
    later(house, days=1)
    revoke(house, outcome)
    assert recognised(house, learner_id) == "0.00"
    assert recognised(house, learner_id, as_of="2026-06-20") == "0.00"
    assert recognised(house, learner_id, as_of="2026-06-20", known_at=instant_text(NOW)) == "3.00"


def test_an_instant_is_known_from_its_very_microsecond(house: House) -> None:
    learner_id = house.open_learner()["id"]
    house.clock.move(microseconds=7)
    house.post_outcome(learner_id)
    ((line,),) = passbook(house, learner_id)
    recorded_at = datetime.fromisoformat(line["recorded_at"])
    assert recorded_at == NOW + timedelta(microseconds=7)
    assert recognised(house, learner_id, known_at=line["recorded_at"]) == "3.00"
    assert recognised(house, learner_id, known_at="2026-07-01T12:00:00.000007+08:00") == "3.00"
    assert recognised(house, learner_id, known_at=instant_text(recorded_at - timedelta(microseconds=1))) is None


# --- expiry


def test_credits_can_be_used_on_their_last_day_and_not_on_the_next(house: House) -> None:
    learner_id = house.open_learner("in-ignou")["id"]
    house.post_outcome(learner_id, "in-ignou", hours="60", completed_on="2024-06-30")
    expiring = [{"on": "2031-06-30", "credits": "2.00"}]
    for query in ({}, {"as_of": "2031-06-30"}, {"as_of": "2031-06-30", "known_at": instant_text(NOW)}):
        found = house.balance(learner_id, "in-ignou", **query)["in-ncrf"]
        assert [found[name] for name in FIGURES] == ["2.00", "0.00", "0.00", "0.00", "2.00"]
        assert found["expiring"] == expiring
    found = house.balance(learner_id, "in-ignou", as_of="2031-07-01")["in-ncrf"]
    assert [found[name] for name in FIGURES] == ["2.00", "0.00", "0.00", "2.00", "0.00"]
    assert found["expiring"] == []


def test_credits_expire_by_the_calendar_of_shanghai_without_anything_being_run(house: House) -> None:
    learner_id = house.open_learner("in-ignou")["id"]
    house.post_outcome(learner_id, "in-ignou", hours="60", completed_on="2024-06-30")
    for instant, available in (
        (datetime(2031, 6, 30, 15, 59, 59, tzinfo=UTC), "2.00"),
        (datetime(2031, 6, 30, 16, tzinfo=UTC), "0.00"),
    ):
        later(house, seconds=(instant - house.clock.now).total_seconds())
        assert house.balance(learner_id, "in-ignou")["in-ncrf"]["available"] == available
    assert house.balance(learner_id, "in-ignou", as_of="2031-06-30")["in-ncrf"]["available"] == "2.00"


def test_what_expires_is_listed_by_its_day_soonest_first(house: House) -> None:
    learner_id = house.open_learner("in-ignou")["id"]
    for day in ("2025-03-01", "2024-02-29", "2025-03-01"):
        house.post_outcome(learner_id, "in-ignou", hours="30", completed_on=day)
    found = house.balance(learner_id, "in-ignou")["in-ncrf"]
    assert found["expiring"] == [{"on": "2031-02-28", "credits": "1.00"}, {"on": "2032-03-01", "credits": "2.00"}]
    found = house.balance(learner_id, "in-ignou", as_of="2031-03-01")["in-ncrf"]
    assert (found["expired"], found["available"]) == ("1.00", "2.00")


def test_expired_credits_of_a_revoked_outcome_are_neither_recognised_nor_expired(house: House) -> None:
    learner_id = house.open_learner("in-ignou")["id"]
    outcome = house.post_outcome(learner_id, "in-ignou", hours="30", completed_on="2019-06-30")
    found = house.balance(learner_id, "in-ignou")["in-ncrf"]
    assert [found[name] for name in FIGURES] == ["1.00", "0.00", "0.00", "1.00", "0.00"]
    revoke(house, outcome, "in-ignou")
    for query in ({}, {"as_of": "2026-07-01"}):
        found = house.balance(learner_id, "in-ignou", **query)["in-ncrf"]
        assert [found[name] for name in FIGURES] == ["0.00"] * 5


# --- the passbook


def test_each_line_is_on_one_page_newest_first_with_the_balance_after_it(house: House) -> None:
    learner_id = house.open_learner()["id"]
    for number in range(7):
        if number % 3:
            later(house, seconds=1)
        house.post_outcome(learner_id, hours=str(16 * (number + 1)))
    whole = [line for page in passbook(house, learner_id) for line in page]
    assert [line["amount"] for line in whole] == [f"{number}.00" for number in range(7, 0, -1)]
    assert [line["balance_after"] for line in whole] == ["28.00", "21.00", "15.00", "10.00", "6.00", "3.00", "1.00"]
    for limit in (1, 2, 3, 7):
        pages = passbook(house, learner_id, limit)
        assert [line for page in pages for line in page] == whole
        assert [len(page) for page in pages[:-1]] == [limit] * (len(pages) - 1)


def test_lines_recorded_while_somebody_turns_the_pages_do_not_disturb_them(house: House) -> None:
    learner_id = house.open_learner()["id"]
    for _ in range(4):
        house.post_outcome(learner_id)
    url = f"/v1/learners/{learner_id}/statement"
    first = house.http.get(url, query_string={"limit": 2}, headers=house.auth()).get_json()
    house.post_outcome(learner_id)
    query = {"limit": 2, "cursor": first["next_cursor"]}
    second = house.http.get(url, query_string=query, headers=house.auth()).get_json()
    assert [line["balance_after"] for line in first["items"]] == ["12.00", "9.00"]
    assert [line["balance_after"] for line in second["items"]] == ["6.00", "3.00"]
    assert second["next_cursor"] is None


def test_each_scheme_has_its_own_balance_and_running_total(house: House) -> None:
    known = {"identifier": {"type": "cn.netid", "value": "NET-00000001"}, "name": "学习者"}
    learner_id = house.open_learner(name="学习者", identifiers=[known["identifier"]])["id"]
    for number, (institution, hours) in enumerate([("cqdx", "48"), ("cqou", "54"), ("cqdx", "16"), ("cqou", "18")]):
        later(house, seconds=1)
        body = outcome_body("", number, learner=known, hours=hours)
        answer = house.http.post("/v1/outcomes", json=body, headers=house.auth(institution))
        assert answer.status_code == 201, answer.get_data(as_text=True)
    found = house.balance(learner_id)
    assert {scheme: one["available"] for scheme, one in found.items()} == {SCHEME: "4.00", "cn-ou-18h": "4.00"}
    lines = [line for page in passbook(house, learner_id, 1) for line in page]
    assert [(line["scheme"], line["balance_after"]) for line in lines] == [
        ("cn-ou-18h", "4.00"),
        (SCHEME, "4.00"),
        ("cn-ou-18h", "3.00"),
        (SCHEME, "3.00"),
    ]


def test_a_line_leads_to_its_outcome_and_its_decision(house: House) -> None:
    learner_id = house.open_learner()["id"]
    outcome = house.post_outcome(learner_id, completed_on="2026-06-10")
    ((line,),) = passbook(house, learner_id)
    expected = {"kind": "recognise", "effective_on": "2026-06-10", "outcome_id": outcome["id"], "scheme": SCHEME}
    assert expected.items() <= line.items()
    assert line["decision_id"] == outcome["recognition"]["decision_id"]


def test_a_learner_without_credits_has_no_balance_and_no_lines(house: House) -> None:
    learner_id = house.open_learner()["id"]
    assert house.balance(learner_id) == house.balance(learner_id, as_of="2020-01-01") == {}
    assert passbook(house, learner_id) == [[]]


# --- a naive model


@dataclass(frozen=True)
class Event:
    """What an entry does, as a child would write it down."""

    recorded_at: datetime
    effective_on: date
    scheme: str
    hundredths: int
    last_day: date | None


SCHEMES = {"cqdx": (SCHEME, 1600, 50), "cqou": ("cn-ou-18h", 1800, 1), "in-ignou": ("in-ncrf", 3000, 1)}
"""By institution: scheme, hours that make a credit (hundredths) and the smallest step (hundredths)."""


def recognition(institution: str, now: datetime, record: dict[str, Any]) -> Event:
    scheme, hours, step = SCHEMES[institution]
    hundredths = int(record["hours"]) * 10_000 // hours // step * step
    day = date.fromisoformat(record["completed_on"])
    return Event(now, day, scheme, hundredths, day.replace(year=day.year + 7) if scheme == "in-ncrf" else None)


def modelled(events: list[Event], on: date, known_at: datetime) -> dict[str, tuple[int, int]]:
    """Return by scheme what is recognised and what of it has expired, in hundredths."""
    sums: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for event in events:
        if event.effective_on <= on and event.recorded_at <= known_at:
            total, expired = sums[event.scheme]
            is_over = event.last_day is not None and event.last_day < on
            sums[event.scheme] = (total + event.hundredths, expired + event.hundredths * is_over)
    return dict(sums)


def asked(house: House, learner_id: str, **query: str) -> dict[str, tuple[int, int]]:
    found = house.balance(learner_id, **query)
    for one in found.values():
        assert (one["held"], one["converted"]) == ("0.00", "0.00")
        left = sum(round(float(part["credits"]) * 100) for part in one["expiring"])
        assert left <= round(float(one["available"]) * 100)
    hundredths = {scheme: {name: int(one[name].replace(".", "")) for name in FIGURES} for scheme, one in found.items()}
    assert all(one["available"] == one["recognised"] - one["expired"] for one in hundredths.values())
    return {scheme: (one["recognised"], one["expired"]) for scheme, one in hundredths.items()}


@pytest.mark.parametrize("seed", [20260701, 20260702])
def test_balances_of_any_day_and_instant_are_those_of_a_naive_model(house: House, seed: int) -> None:
    chance = Random(seed)  # noqa: S311 - a seeded sequence, no secret
    person = {"identifier": {"type": "cn.netid", "value": "NET-00000001"}, "name": "学习者"}
    learner_id = house.open_learner(name="学习者", identifiers=[person["identifier"]])["id"]
    events: list[Event] = []
    standing: list[tuple[str, dict[str, Any], Event]] = []
    instants = [NOW - timedelta(days=1)]

    def record() -> dict[str, Any]:
        day = date(2018, 1, 1) + timedelta(days=chance.randrange(3000))
        return {"hours": str(chance.randrange(30, 200)), "completed_on": day.replace(day=min(day.day, 28)).isoformat()}

    for number in range(40):
        later(house, minutes=chance.randrange(1, 3000))
        now = house.clock.now
        instants.append(now)
        step = chance.random()
        if not standing or step < 0.5:
            institution, said = chance.choice(sorted(SCHEMES)), record()
            body = outcome_body("", number, learner=person) | said
            answer = house.http.post("/v1/outcomes", json=body, headers=house.auth(institution))
            assert answer.status_code == 201, answer.get_data(as_text=True)
            standing.append((institution, answer.get_json(), recognition(institution, now, said)))
            events.append(standing[-1][2])
            continue
        institution, outcome, before = standing.pop(chance.randrange(len(standing)))
        events.append(Event(now, before.effective_on, before.scheme, -before.hundredths, before.last_day))
        if step < 0.8:
            said = record()
            changed = correct(house, outcome, institution, **said, title=f"课程 {number} 号")
            standing.append((institution, changed, recognition(institution, now, said)))
            events.append(standing[-1][2])
        else:
            revoke(house, outcome, institution)
    today = (house.clock.now + timedelta(hours=8)).date()
    assert asked(house, learner_id) == modelled(events, today, house.clock.now)
    for _ in range(60):
        on = date(2018, 1, 1) + timedelta(days=chance.randrange(365 * 17))
        known_at = chance.choice(instants) + chance.choice([timedelta(), timedelta(microseconds=-1)])
        query = {"as_of": on.isoformat(), "known_at": instant_text(known_at)}
        assert asked(house, learner_id, **query) == modelled(events, on, known_at), query
        assert asked(house, learner_id, as_of=on.isoformat()) == modelled(events, on, house.clock.now)
