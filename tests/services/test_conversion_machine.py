"""The laws of conversion on the real bank: random lives over HTTP on both engines, the tables read after each step."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row, Table, select

from creditbank.services.access import client_token
from creditbank.services.bank import looked_up
from creditbank.services.clients import administrator
from creditbank.services.verification import verify
from creditbank.storage.conversions import OUTCOME, conversion, conversion_claim, conversion_part
from creditbank.storage.ledger import account, entry, lot
from creditbank.storage.outcomes import outcome
from tests.builders import BASE_URL, House, outcome_body

OPEN = ("in_review", "returned")
LIVE = ("held", "converted")
SEEDS = range(20, 40)
"""Learners' lives on each engine, some ten seconds; every event comes by in these."""
TARGET = {"institution": "acceptor", "programme": "p"}
HALF, CORE_MOST, OUTCOMES_MOST, EVERYWHERE_MOST = 800, 400, 3, 1000
TITLES = ("管理学", "行政法", "公文写作")
COURSES = [
    {"code": f"c{number}", "title": title, "credits": credit, "category": category}
    for number, (title, credit, category) in enumerate(
        zip(TITLES, ("2.00", "3.00", "3.00"), ("基础", "核心", "核心"), strict=True)
    )
]
RULES: dict[str, Any] = {
    "code": "machine",
    "version": 1,
    "kind": "conversion",
    "title": {"zh": "办法", "en": "Rules"},
    "authority": "示例",
    "source": {"document": "示例"},
    "valid_from": "2020-01-01",
    "version_date": "applied",
    "scheme": "cn-16h-half",
    "applies_to": {"target_institution": "acceptor"},
    "valid_years": 1,
    "rules": [
        {"id": "exempt", "when": {"code": "exempt", "same_title": True}, "spends_credits": False},
        {"id": "pair", "when": {"code": "pair", "same_title": True}, "with": [{"code": "help"}], "partial": True},
        {"id": "same", "when": {"code": "plain", "same_title": True}},
        {"id": "rest", "when": {"recognised": {"at_least": "0.01"}}, "to": "programme", "partial": True},
    ],
    "limits": [
        {"id": "half", "at_most": {"percent": "50.00"}, "over": "split"},
        {"id": "core", "at_most": {"credits": "4.00"}, "per": ["category"], "where": {"target_category": "核心"}},
        {"id": "few", "at_most": {"outcomes": 3}},
        {"id": "everywhere", "at_most": {"credits": "10.00"}, "across": "everything", "over": "trim"},
    ],
    "review": [
        {"id": "school", "by": {"role": "target"}, "days": 10, "escalates_to": {"role": "authority"}},
        {"id": "bank", "by": {"role": "authority"}, "days": 5},
    ],
    "appeal": {"by": {"role": "authority"}, "within_days": 30, "days": 20},
    "tests": [
        {
            "id": "nothing",
            "given": {
                "applied_on": "2026-07-01",
                "programme": {
                    "institution": "acceptor",
                    "code": "p",
                    "title": "p",
                    "scheme": "cn-16h-half",
                    "total_credits": "16",
                },
                "outcomes": [],
            },
            "expect": {"credits": "0"},
        }
    ],
}


@dataclass
class Place:
    """A bank with the rules, two programmes, and the clients that take part."""

    house: House
    reviewers: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.house.publish_rules(RULES)
        for code in ("p", "q"):
            self.house.publish_programme(
                "acceptor", code=code, title=f"专业 {code}", total_credits="16.00", courses=COURSES
            )
        for institution in ("acceptor", "authority", "authority"):
            self.reviewers.append((institution, self.house.client(institution, "conversions:review")))

    def reviewer(self, number: int) -> dict[str, str]:
        token = client_token(self.house.bank, BASE_URL, self.reviewers[number][1], ("conversions:review",))
        return {"Authorization": f"Bearer {token}"}

    def rows(self, table: Table, learner: UUID) -> list[Row[Any]]:
        with self.house.bank.database.engine.connect() as connection:
            query = select(table).where(table.c.learner_id == learner).order_by(*table.primary_key)
            return list(connection.execute(query))


@dataclass
class Life:
    """One learner, and what happens to them."""

    place: Place
    random: Random
    learner: str = ""
    outcomes: dict[str, dict[str, Any]] = field(default_factory=dict)
    applications: dict[str, dict[str, Any]] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.learner = self.place.house.open_learner()["id"]

    @property
    def own(self) -> dict[str, str]:
        return self.place.house.learner_auth(self.learner)

    def asked(self, url: str, headers: dict[str, str], **body: Any) -> tuple[int, Any]:
        """Post, and see that the answer is one that is meant."""
        answer = self.place.house.http.post(url, json=body, headers=headers)
        assert answer.status_code in (200, 201, 403, 409, 422), answer.get_data(as_text=True)
        return answer.status_code, answer.get_json()

    def told(self, name: str, answer: tuple[int, Any]) -> None:
        """Keep an application as it was answered."""
        status, document = answer
        self.done[name if status in (200, 201) else f"{name} refused"] += 1
        if status in (200, 201):
            self.applications[document["id"]] = document

    def any_of(self, *states: str) -> str | None:
        wanted = [key for key, one in self.applications.items() if one["state"] in states]
        among = wanted if wanted and self.random.random() < 0.9 else list(self.applications)
        return self.random.choice(among) if among else None

    def award(self) -> None:
        number = next(self.place.house.numbers)
        body = outcome_body(
            self.learner,
            number,
            title=self.random.choice((*TITLES, *TITLES[1:])),
            code=self.random.choice(("plain", "plain", "plain", "pair", "help", "exempt")),
            hours=self.random.choice(("24", "32", "48", "64")),
            completed_on=self.random.choice(("2026-06-30", "2026-06-29", "2026-05-01", "2025-07-10")),
        )
        answer = self.place.house.http.post("/v1/outcomes", json=body, headers=self.place.house.auth())
        assert answer.status_code == 201, answer.get_data(as_text=True)
        self.outcomes[answer.get_json()["id"]] = body

    def apply(self) -> None:
        target: dict[str, Any] = {"institution": "acceptor", "programme": self.random.choice("pq")}
        if self.random.random() < 0.5:
            target["courses"] = sorted(self.random.sample([course["code"] for course in COURSES], 2))
        outcomes: object = "best"
        if self.outcomes and self.random.random() < 0.3:
            outcomes = self.random.sample(list(self.outcomes), self.random.randint(1, len(self.outcomes)))
            document = self.place.house.http.post(
                "/v1/conversions", json={"target": target, "outcomes": outcomes}, headers=self.own
            )
            assert document.status_code in (201, 404, 409, 422), document.get_data(as_text=True)
            self.told("apply", (document.status_code, document.get_json()))
            return
        self.told("apply", self.asked("/v1/conversions", self.own, target=target, outcomes=outcomes))

    def decide(self, verdict: str) -> None:
        key = self.any_of("in_review")
        if key is None:
            return
        up = next((step["id"] for step in self.applications[key]["steps"] if step["state"] == "up"), "bank")
        number = {"school": 0, "bank": 1, "appeal": 2}[up] if self.random.random() < 0.8 else self.random.randrange(3)
        headers = self.place.reviewer(number)
        self.told(verdict, self.asked(f"/v1/conversions/{key}/decisions", headers, decision=verdict, reason="见材料"))

    def turn(self, name: str, *states: str) -> None:
        key = self.any_of(*states)
        if key is not None:
            self.told(name, self.asked(f"/v1/conversions/{key}/{name}", self.own, reason="如题"))

    def decline(self) -> None:
        key = self.any_of(*OPEN)
        if key is not None:
            numbers = [part["number"] for part in self.applications[key]["parts"]]
            wanted = self.random.sample(numbers, self.random.randint(1, len(numbers)))
            self.told("decline", self.asked(f"/v1/conversions/{key}/decline", self.own, parts=wanted))

    def revoke(self) -> None:
        if self.outcomes:
            approved = [one for one in self.applications.values() if one["state"] == "approved"]
            relied_on = [part["outcome_id"] for one in approved for part in one["parts"]]
            key = self.random.choice(relied_on or list(self.outcomes))
            status, _ = self.asked(f"/v1/outcomes/{key}/revoke", self.place.house.auth(), reason="误录")
            assert status == 200
            self.done["revoke"] += 1

    def judge(self) -> None:
        """Decide a case that is open, mostly by undoing what rests on the outcome."""
        headers = self.place.reviewer(0)
        cases = self.place.house.http.get("/v1/cases", headers=headers).get_json()["items"]
        verdict = self.random.choice(("undo", "undo", "uphold"))
        for case in cases:
            if case["state"] == "open":
                self.asked(f"/v1/cases/{case['id']}/decisions", headers, decision=verdict, reason="已核实")
                self.done[verdict] += 1

    def correct(self) -> None:
        if self.outcomes:
            key = self.random.choice(list(self.outcomes))
            url = f"/v1/outcomes/{key}"
            seen = self.place.house.http.get(url, headers=self.place.house.auth()).headers["ETag"]
            body = self.outcomes[key] | {"hours": self.random.choice(("24", "32", "48"))}
            headers = self.place.house.auth() | {"If-Match": seen}
            answer = self.place.house.http.put(url, json=body, headers=headers)
            assert answer.status_code in (200, 409), answer.get_data(as_text=True)
            self.done[f"correct {answer.status_code}"] += 1

    def wait(self) -> None:
        self.place.house.clock.move(days=self.random.choice((1, 6, 11, 31)))
        self.place.house.tokens.clear()

    def replay(self) -> None:
        key = self.any_of("in_review", "approved")
        if key is not None:
            url = f"/v1/decisions/{self.applications[key]['decision_id']}/replay"
            assert self.asked(url, self.own)[1]["same"] is True
            self.done["replay"] += 1

    def refresh(self) -> None:
        """Read every application as it stands: what others did and what has lapsed shows here."""
        for key in self.applications:
            answer = self.place.house.http.get(f"/v1/conversions/{key}", headers=self.own)
            self.applications[key] = answer.get_json()


EVENTS: dict[str, tuple[int, Callable[[Life], None]]] = {
    "award": (5, Life.award),
    "apply": (5, Life.apply),
    "approve": (10, partial(Life.decide, verdict="approve")),
    "reject": (3, partial(Life.decide, verdict="reject")),
    "return": (2, partial(Life.decide, verdict="return")),
    "resubmit": (2, lambda life: life.turn("resubmit", "returned")),
    "withdraw": (1, lambda life: life.turn("withdraw", *OPEN)),
    "appeal": (4, lambda life: life.turn("appeal", "rejected")),
    "decline": (2, Life.decline),
    "revoke": (2, Life.revoke),
    "judge": (3, Life.judge),
    "correct": (1, Life.correct),
    "wait": (1, Life.wait),
    "replay": (1, Life.replay),
}
"""What can happen, and how often it does among the others."""


def check(life: Life) -> None:
    """See in the tables that every law holds of the learner."""
    learner = UUID(life.learner)
    entries, parts = life.place.rows(entry, learner), life.place.rows(conversion_part, learner)
    applications = {one.id: one for one in life.place.rows(conversion, learner)}
    check_account(life.place.rows(account, learner), life.place.rows(lot, learner), entries)
    check_held(applications, parts, entries)
    live = [part for part in parts if part.state in LIVE]
    users: dict[str, set[UUID]] = defaultdict(set)
    for part in live:
        for used in (str(part.outcome_id), *part.partners.split()):
            users[used].add(part.conversion_id)
    assert all(len(ids) == 1 for ids in users.values()), "an outcome in two conversions"
    claims = life.place.rows(conversion_claim, learner)
    claimed = {one.claim.removeprefix(OUTCOME): {one.conversion_id} for one in claims if one.claim.startswith(OUTCOME)}
    assert claimed == users
    assert passed([(applications[part.conversion_id].programme, part) for part in live]) == []
    revoked = {one.id for one in life.place.rows(outcome, learner) if one.status == "revoked"}
    assert not [part for part in live if part.state == "held" and part.outcome_id in revoked], (
        "held for what is revoked"
    )


def check_account(accounts: list[Row[Any]], lots: list[Row[Any]], entries: list[Row[Any]]) -> None:
    """See that balances and lots are what the entries give."""
    moved: Counter[str] = Counter()
    left: Counter[UUID] = Counter()
    for one in entries:
        moved[one.counter_account.partition(":")[0]] += one.amount_hundredths
        left[one.lot_id] += one.amount_hundredths
    for stored in accounts:
        assert stored.recognised_hundredths == moved["issuance"]
        assert stored.held_hundredths == -moved["held"]
        assert stored.converted_hundredths == -moved["conversion"]
        assert stored.available_hundredths == sum(moved.values())
    assert len(accounts) <= 1, "one scheme, one account"
    for one in lots:
        assert 0 <= one.used_hundredths <= one.amount_hundredths
        assert left[one.id] == one.amount_hundredths - one.used_hundredths


def check_held(applications: dict[UUID, Row[Any]], parts: list[Row[Any]], entries: list[Row[Any]]) -> None:
    """See that open applications hold what their parts spend and closed ones nothing, each under its own decision."""
    held: Counter[UUID] = Counter()
    for one in entries:
        if one.counter_account == "held":
            held[one.decision_id] -= one.amount_hundredths
            assert held[one.decision_id] >= 0, "released twice"
    for key, application in applications.items():
        mine = [part for part in parts if part.conversion_id == key and part.state == "held"]
        assert held[application.decision_id] == sum(part.spent_hundredths for part in mine)
        assert application.state in OPEN or not mine
        converted = [part for part in parts if part.conversion_id == key and part.state == "converted"]
        assert application.state == "approved" or not converted


def passed(live: list[tuple[str, Row[Any]]]) -> list[str]:
    """Return the limits that are passed by what is held and converted, and the courses that are replaced twice."""
    granted: Counter[str] = Counter()
    core: Counter[str] = Counter()
    sources: dict[str, set[UUID]] = defaultdict(set)
    for programme, part in live:
        granted[programme] += part.granted_hundredths
        core[programme] += part.granted_hundredths if part.course_category == "核心" else 0
        sources[programme].add(part.outcome_id)
    replaced = Counter((programme, part.course_code) for programme, part in live if part.course_code is not None)
    found = [f"{course} twice" for course, times in replaced.items() if times > 1]
    found += [f"half of {programme}" for programme, amount in granted.items() if amount > HALF]
    found += [f"core of {programme}" for programme, amount in core.items() if amount > CORE_MOST]
    found += [f"few of {programme}" for programme, outcomes in sources.items() if len(outcomes) > OUTCOMES_MOST]
    return found + (["everywhere"] if sum(granted.values()) > EVERYWHERE_MOST else [])


NEEDS = {
    "approve": ("in_review",),
    "reject": ("in_review",),
    "return": ("in_review",),
    "resubmit": ("returned",),
    "withdraw": OPEN,
    "decline": OPEN,
    "appeal": ("rejected",),
}
"""In which state an application has to be: what is done at the wrong time is seldom tried."""


def next_event(life: Life) -> str:
    states = {one["state"] for one in life.applications.values()}
    weights = [
        weight if name not in NEEDS or states & set(NEEDS[name]) else weight / 10
        for name, (weight, _) in EVENTS.items()
    ]
    return life.random.choices(list(EVENTS), weights)[0]


def lived(place: Place, seed: int) -> Counter[str]:
    """Play one life of a dozen events after the first awards and application, and verify the ledger at its end."""
    random = Random(seed)  # noqa: S311 - a life made up, no secret
    place.house.move_to("2026-07-01")
    life = Life(place, random)
    played: list[str] = []
    try:
        for number in range(16):
            name = ("award", "award", "award", "apply")[number] if number < 4 else next_event(life)
            played.append(name)
            EVENTS[name][1](life)
            check(life)
            life.refresh()
        assert looked_up(place.house.bank, administrator(), verify).faults == ()
    except BaseException as error:
        error.add_note(f"seed {seed}: {' '.join(played)}")
        raise
    return life.done


@pytest.fixture
def place(house: House) -> Place:
    """Give a bank with the rules, two programmes and the clients that take part."""
    return Place(house)


def test_random_lives_keep_every_law_on_the_real_bank(place: Place) -> None:
    done: Counter[str] = Counter()
    for seed in SEEDS:
        done += lived(place, seed)
    wanted = {"apply", "approve", "reject", "return", "resubmit", "appeal", "decline", "revoke", "undo", "replay"}
    assert done.keys() >= wanted


def rejected(place: Place, *outcomes: str) -> dict[str, Any]:
    """Apply for the course c1 with outcomes of their only learner and let it be rejected."""
    learner = place.house.http.get(f"/v1/outcomes/{outcomes[0]}", headers=place.house.auth()).get_json()["learner_id"]
    application = place.house.convert(learner, TARGET | {"courses": ["c1"]}, list(outcomes))
    url = f"/v1/conversions/{application['id']}/decisions"
    body = {"decision": "reject", "reason": "不符"}
    assert place.house.http.post(url, json=body, headers=place.reviewer(0)).status_code == 200
    return application


def appealed(place: Place, application: dict[str, Any]) -> int:
    """Appeal as the learner and return the status of the answer."""
    headers = place.house.learner_auth(application["learner_id"])
    url = f"/v1/conversions/{application['id']}/appeal"
    return place.house.http.post(url, json={"reason": "请复核"}, headers=headers).status_code


def test_an_appeal_is_refused_where_others_have_used_up_the_limit_by_now(place: Place) -> None:
    learner = place.house.open_learner()["id"]
    first, second = (place.house.post_outcome(learner, title=title, code="plain")["id"] for title in TITLES[1:])
    application = rejected(place, first)
    place.house.convert(learner, TARGET | {"courses": ["c2"]}, [second])
    assert appealed(place, application) == 409


@pytest.mark.parametrize("codes", [("exempt",), ("help", "pair")], ids=["the outcome itself", "its partner"])
def test_an_appeal_is_refused_where_an_outcome_was_revoked_meanwhile(place: Place, codes: tuple[str, ...]) -> None:
    learner = place.house.open_learner()["id"]
    titles = {"help": "帮助"}
    outcomes = [place.house.post_outcome(learner, title=titles.get(code, TITLES[1]), code=code)["id"] for code in codes]
    application = rejected(place, *outcomes)
    url = f"/v1/outcomes/{outcomes[0]}/revoke"
    assert place.house.http.post(url, json={"reason": "误录"}, headers=place.house.auth()).status_code == 200
    assert appealed(place, application) == 409


@pytest.mark.parametrize("hours", ["48", "64"])
def test_an_appeal_with_an_outcome_corrected_meanwhile_is_heard_or_refused(place: Place, hours: str) -> None:
    learner = place.house.open_learner()["id"]
    body = outcome_body(learner, 1000, title=TITLES[1], code="plain")
    found = place.house.http.post("/v1/outcomes", json=body, headers=place.house.auth()).get_json()["id"]
    application = rejected(place, found)
    seen = place.house.auth() | {"If-Match": '"1"'}
    corrected = body | {"hours": hours, "category": "更正"}
    assert place.house.http.put(f"/v1/outcomes/{found}", json=corrected, headers=seen).status_code == 200
    assert appealed(place, application) in (200, 409)


def test_courses_whose_codes_differ_in_case_are_refused_or_both_replaced(place: Place) -> None:
    courses = [
        {"code": code, "title": title, "credits": "3.00"} for code, title in zip(("C1", "c1"), TITLES, strict=False)
    ]
    body = {"code": "r", "title": "r", "scheme": "cn-16h-half", "total_credits": "16.00", "courses": courses}
    headers = place.house.auth("acceptor", "rules:write")
    if place.house.http.post("/v1/programmes", json=body, headers=headers).status_code == 422:
        return
    learner = place.house.open_learner()["id"]
    for code, title in zip(("C1", "c1"), TITLES, strict=False):
        found = place.house.post_outcome(learner, title=title, code="plain")["id"]
        target = {"institution": "acceptor", "programme": "r", "courses": [code]}
        assert place.house.convert(learner, target, [found])["state"] == "in_review"
