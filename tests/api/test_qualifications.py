"""Qualifications: progress, awards, what becomes of them when their sources fail, and who may see and do what."""

import copy
import json
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from creditbank.storage import catalogue
from tests.api.test_conversions import asked, codes
from tests.builders import House, outcome_body
from tests.core.test_qualification_page import WHOLE
from tests.moulds import Making
from tests.services.test_conversion_races import small_house
from tests.services.test_merging import join, part

AWARDER = ("cqdx", "credentials:issue")
REVIEWER = ("cqdx", "conversions:review")
NOBODY = "00000000-0000-0000-0000-000000000001"
TITLE = {"zh": "一", "en": "one"}


def definition(**fields: Any) -> dict[str, Any]:
    """Return the definition of the page, in the scheme of the rules of the house."""
    return copy.deepcopy(WHOLE) | {"scheme": "cn-16h-half", "award": {"by": ["cqdx"]}, "tests": [NOTHING]} | fields


NOTHING = {"id": "nothing", "given": {"on": "2026-01-01", "outcomes": []}, "expect": {"levels": []}}

AUTOMATIC = definition(
    code="automatic",
    award={"automatic": True, "reviewed_by": "authority"},
    levels=[
        {
            "id": "one",
            "title": TITLE,
            "valid_years": 1,
            "parts": [
                {"id": "study", "title": TITLE, "credits": {"at_least": "3", "where": {"kind": "course"}}},
                {"id": "age", "title": TITLE, "age": {"at_least": 60}},
            ],
        }
    ],
)


@pytest.fixture
def house(copied: Callable[[Making], House]) -> House:
    """Give a bank with two definitions in print."""
    return copied(qualifying_house)


def qualifying_house(url: str, folder: Path) -> House:
    made = small_house(url, folder)
    made.token("cqdx")
    made.publish_rules(definition())
    made.publish_rules(AUTOMATIC)
    return made


def elder(house: House) -> str:
    """Open the account of somebody of 70."""
    learner: str = house.open_learner(birth_date="1955-12-30")["id"]
    return learner


def learned(house: House, *, level: str = "中级", hours: str = "160") -> tuple[str, str, str]:
    """Open an account with ten credits and a certificate; return learner, course and certificate."""
    learner = house.open_learner("cqdx")["id"]
    course = house.post_outcome(learner, "cqdx", hours=hours)["id"]
    certificate = house.post_outcome(learner, "cqdx", kind="certificate", title="养老护理", level=level, hours=None)[
        "id"
    ]
    return learner, course, certificate


def progress(house: House, learner: str, headers: dict[str, str] | None = None, code: str = "") -> tuple[int, Any]:
    url = f"/v1/learners/{learner}/qualifications/{code or 'example-qualification'}"
    return asked(house, "GET", url, headers or house.learner_auth(learner))


def lacking(house: House, learner: str, code: str = "") -> dict[str, list[str]]:
    """Return by level the parts that are missing."""
    status, answer = progress(house, learner, code=code)
    assert status == 200, answer
    return {one["level"]: [part for said in one["missing"] for part in said["parts"]] for one in answer["levels"]}


def award(
    house: House, learner: str | None, level: str, headers: dict[str, str] | None = None, code: str = ""
) -> tuple[int, Any]:
    url = f"/v1/qualifications/{code or 'example-qualification'}/awards"
    return asked(house, "POST", url, headers or house.auth(*AWARDER), learner_id=learner, level=level)


def awarded(house: House, learner: str, level: str = "first") -> dict[str, Any]:
    status, answer = award(house, learner, level)
    assert status == 201, answer
    found: dict[str, Any] = answer
    return found


def revoke(house: House, outcome: str, institution: str = "cqdx", reason: str = "造假") -> None:
    status, answer = asked(house, "POST", f"/v1/outcomes/{outcome}/revoke", house.auth(institution), reason=reason)
    assert (status, answer["status"]) == (200, "revoked")


def cases(house: House, *who: str) -> list[dict[str, Any]]:
    status, answer = asked(house, "GET", "/v1/award-cases", house.auth(*(who or REVIEWER)))
    assert status == 200, answer
    found: list[dict[str, Any]] = answer["items"]
    return found


def decide(house: House, case: dict[str, Any], decision: str, *who: str) -> tuple[int, Any]:
    url = f"/v1/award-cases/{case['id']}/decisions"
    return asked(house, "POST", url, house.auth(*(who or REVIEWER)), decision=decision, reason="已核实")


def states(house: House, learner: str, code: str = "") -> dict[str, str | None]:
    """Return the state of the award of each level, None where none counts."""
    _, answer = progress(house, learner, code=code)
    return {one["level"]: one["award"] and one["award"]["state"] for one in answer["levels"]}


def rows(house: House, table: str) -> int:
    with house.bank.database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(catalogue.tables[table])).scalar_one())


def test_progress_tells_exactly_what_is_missing_in_both_languages(house: House) -> None:
    learner = house.open_learner("cqdx")["id"]
    house.post_outcome(learner, "cqdx", hours="128")
    assert lacking(house, learner) == {"first": ["study", "skill"], "second": ["first", "higher-skill"]}
    status, answer = progress(house, "me", house.learner_auth(learner))
    assert (status, answer["learner_id"], answer["version"], answer["on"]) == (200, learner, 1, "2026-07-01")
    study, skill = answer["levels"][0]["missing"]
    assert study["zh"] == "“学历部分”还差 2 学分（要求 10，已有 8）。"
    assert study["en"] == "“study”: 2 more credits are needed (10 asked for, 8 there)."
    assert "1+X 证书“初级”或以上" in skill["zh"]
    house.post_outcome(learner, "cqdx", hours="32")
    house.post_outcome(learner, "cqdx", kind="certificate", level="初级", hours=None)
    assert lacking(house, learner) == {"first": [], "second": ["higher-skill"]}


def test_an_award_is_given_once_and_answered_as_it_stands(house: House) -> None:
    learner, course, certificate = learned(house)
    given = awarded(house, learner, "second")
    assert given == {
        **given,
        "learner_id": learner,
        "qualification": "example-qualification",
        "version": 1,
        "level": "second",
        "title": {"zh": "精进", "en": "second step"},
        "state": "in_force",
        "institution": "cqdx",
        "awarded_on": "2026-07-01",
        "valid_until": "2031-07-01",
    }
    house.move_to("2026-07-04")
    assert award(house, learner, "second") == (200, given)
    assert rows(house, "qualification_award") == 1
    assert rows(house, "qualification_source") == 2
    status, decision = asked(house, "GET", f"/v1/decisions/{given['decision_id']}", house.learner_auth(learner))
    assert (status, decision["kind"], decision["ruleset"]) == (200, "award", "example-qualification")
    assert decision["result"]["sources"] == sorted([course, certificate])
    assert "要求的各项均已具备" in decision["sentences"][0]["zh"]
    replayed = asked(house, "POST", f"/v1/decisions/{given['decision_id']}/replay", house.auth("cqdx", "outcomes:read"))
    assert (replayed[0], replayed[1]["same"]) == (200, True)
    assert states(house, learner) == {"first": None, "second": "in_force"}


def test_the_database_takes_no_second_award_of_a_level_that_stands(house: House) -> None:
    learner, _, _ = learned(house)
    awarded(house, learner)
    table = catalogue.tables["qualification_award"]
    with house.bank.database.engine.connect() as connection:
        row = dict(connection.execute(select(table)).mappings().one()) | {"id": uuid4()}
        with pytest.raises(IntegrityError):
            connection.execute(table.insert().values(row | {"state": "in_review"}))
        connection.rollback()
        connection.execute(table.insert().values(row | {"state": "revoked"}))


def test_an_award_under_an_idempotency_key_has_one_effect(house: House) -> None:
    learner, _, _ = learned(house)
    headers = house.auth(*AWARDER) | {"Idempotency-Key": "once"}
    first = award(house, learner, "first", headers)
    assert (first[0], award(house, learner, "first", headers)) == (201, first)
    assert codes(award(house, learner, "second", headers)[1]) == ["idempotency_key_reused"]


def test_who_lacks_something_is_told_each_part_and_awarded_nothing(house: House) -> None:
    learner, _, _ = learned(house, level="初级", hours="144")
    status, answer = award(house, learner, "second")
    assert (status, answer["code"]) == (422, "rule_says_no")
    assert codes(answer) == ["part_missing"] * 2
    assert rows(house, "qualification_award") == 0


def test_a_decision_keeps_what_the_award_rests_on_and_nothing_else(house: House) -> None:
    learner, course, certificate = learned(house)
    house.post_outcome(learner, "cqdx", kind="degree", title="与此无关", hours=None)
    given = awarded(house, learner)
    _, decision = asked(house, "GET", f"/v1/decisions/{given['decision_id']}", house.auth("cqdx", "outcomes:read"))
    assert {one["id"] for one in decision["inputs"]["record"]["outcomes"]} == {course, certificate}
    assert "age" not in decision["inputs"]["record"], "the definition doesn't ask for it"


def test_awards_are_given_by_who_may(house: House) -> None:
    learner, _, _ = learned(house)
    for headers, status, code in (
        (house.auth("cqou", "credentials:issue"), 403, "not_an_awarder"),
        (house.auth("cqdx", "outcomes:read"), 403, "scope_missing"),
        (house.learner_auth(learner), 403, "awarded_by_others"),
    ):
        found, answer = award(house, learner, "first", headers)
        assert (found, codes(answer)) == (status, [code])
    stranger = house.open_learner("cqou")["id"]
    for unknown in (stranger, NOBODY):
        assert codes(award(house, unknown, "first")[1]) == ["unknown_learner"]
    assert codes(award(house, learner, "third")[1]) == ["unknown_level"]
    assert codes(award(house, learner, "first", code="no-such")[1]) == ["unknown_qualification"]
    assert rows(house, "qualification_award") == 0


def test_an_automatic_award_is_given_to_whoever_asks_and_has_all_of_it(house: House) -> None:
    learner = elder(house)
    own = house.learner_auth(learner)
    assert lacking(house, learner, "automatic") == {"one": ["study"]}
    house.post_outcome(learner, "cqdx")
    status, given = award(house, None, "one", own, "automatic")
    assert (status, given["institution"], given["valid_until"]) == (201, None, "2027-07-01")
    assert award(house, learner, "one", house.auth("cqou", "credentials:issue"), "automatic")[0] == 404
    assert award(house, learner, "one", house.auth("cqdx", "credentials:issue"), "automatic") == (200, given)
    other = house.open_learner("cqdx")["id"]
    assert award(house, other, "one", own, "automatic")[0] == 404


def test_an_age_that_is_not_known_is_missing(house: House) -> None:
    identifiers = [{"type": "student_no", "value": "s-1"}]
    learner = house.open_learner("cqdx", identifiers=identifiers)["id"]
    house.post_outcome(learner, "cqdx")
    _, answer = progress(house, learner, code="automatic")
    assert [one["parts"] for one in answer["levels"][0]["missing"]] == [["age"]]
    assert "未登记出生日期" in answer["levels"][0]["missing"][0]["zh"]


def test_an_award_whose_last_day_is_over_can_be_given_anew(house: House) -> None:
    learner = elder(house)
    house.post_outcome(learner, "cqdx")
    _, first = award(house, None, "one", house.learner_auth(learner), "automatic")
    house.move_to("2027-07-01")
    assert award(house, None, "one", house.learner_auth(learner), "automatic") == (200, first)
    house.move_to("2027-07-02")
    assert states(house, learner, "automatic") == {"one": None}
    status, second = award(house, None, "one", house.learner_auth(learner), "automatic")
    assert (status, second["awarded_on"], second["id"] == first["id"]) == (201, "2027-07-02", False)
    assert rows(house, "qualification_award") == 2


def test_a_revoked_source_opens_a_case_and_revokes_nothing_by_itself(house: House) -> None:
    learner, course, _ = learned(house)
    given = awarded(house, learner)
    revoke(house, course, reason="录入错误")
    (case,) = cases(house)
    assert case == {
        **case,
        "state": "open",
        "learner_id": learner,
        "award_id": given["id"],
        "award_state": "in_review",
        "level": "first",
        "outcome_id": course,
        "reason": "录入错误",
        "verdict": None,
    }
    assert [one["parts"] for one in case["missing"]] == [["study"]]
    assert states(house, learner)["first"] == "in_review"
    assert award(house, learner, "first")[0] == 200, "it stands until it is decided"
    revoke(house, course, reason="again")
    assert cases(house) == [case]


@pytest.mark.parametrize(("verdict", "state", "kind"), [("uphold", "in_force", "upheld"), ("revoke", None, "revoked")])
def test_a_reviewer_upholds_or_revokes(house: House, verdict: str, state: str | None, kind: str) -> None:
    learner, course, _ = learned(house)
    awarded(house, learner)
    revoke(house, course)
    (case,) = cases(house)
    status, decided = decide(house, case, verdict)
    assert (status, decided["state"], decided["verdict"], decided["verdict_reason"]) == (
        200,
        "decided",
        verdict,
        "已核实",
    )
    assert states(house, learner)["first"] == state
    assert decide(house, case, verdict) == (200, decided)
    other = "revoke" if verdict == "uphold" else "uphold"
    assert codes(decide(house, case, other)[1]) == ["case_decided"]
    _, decision = asked(house, "GET", f"/v1/decisions/{decided['decision_id']}", house.learner_auth(learner))
    assert (decision["kind"], decision["outcome_id"], decision["sentences"][0]["zh"][-3:]) == (
        "award_case",
        course,
        "已核实",
    )
    replayed = asked(house, "POST", f"/v1/decisions/{decided['decision_id']}/replay", house.learner_auth(learner))
    assert replayed[1]["same"]
    event = catalogue.tables["qualification_event"]
    with house.bank.database.reading() as connection:
        kinds = connection.execute(select(event.c.kind).order_by(event.c.number)).scalars().all()
    assert kinds == ["awarded", "review_opened", kind]
    if verdict == "revoke":
        house.post_outcome(learner, "cqdx", hours="160")
        assert award(house, learner, "first")[0] == 201, "what is learned anew can be awarded anew"


def test_what_is_revoked_while_an_award_is_in_review_has_a_case_once_it_is_upheld(house: House) -> None:
    learner, course, certificate = learned(house)
    awarded(house, learner)
    revoke(house, certificate)
    house.clock.move(days=1)
    house.tokens.clear()
    revoke(house, course)
    (first,) = cases(house)
    assert [part for said in first["missing"] for part in said["parts"]] == ["skill"]
    house.clock.move(days=1)
    house.tokens.clear()
    assert decide(house, first, "uphold")[0] == 200
    assert states(house, learner)["first"] == "in_review", "of the second one nobody was told"
    second, _ = cases(house)
    assert (second["state"], second["outcome_id"]) == ("open", course)
    assert [part for said in second["missing"] for part in said["parts"]] == ["study", "skill"]
    house.clock.move(days=1)
    house.tokens.clear()
    assert decide(house, second, "uphold")[0] == 200
    assert (states(house, learner)["first"], len(cases(house))) == ("in_force", 2)


def test_a_revoked_level_has_those_that_required_it_looked_at(house: House) -> None:
    learner, course, _ = learned(house)
    awarded(house, learner, "first")
    second = awarded(house, learner, "second")
    revoke(house, course)
    (case,) = cases(house)
    assert case["level"] == "first", "the second one's requirement is held still"
    decide(house, case, "revoke")
    (later,) = [one for one in cases(house) if one["state"] == "open"]
    assert (later["award_id"], later["outcome_id"]) == (second["id"], course)
    assert [one["parts"] for one in later["missing"]] == [["first"]]


def test_a_correction_downward_opens_a_case_and_one_that_changes_nothing_opens_none(house: House) -> None:
    learner, course, _ = learned(house)
    awarded(house, learner)
    url = f"/v1/outcomes/{course}"
    for revision, hours, opened in ((1, "176", 0), (2, "159", 1), (3, "32", 1)):
        record = asked(house, "GET", url, house.auth("cqdx"))[1]
        body = outcome_body(
            learner, 0, external_id=record["external_id"], title=record["content"]["title"], hours=hours
        )
        sent = house.http.put(url, json=body, headers=house.auth("cqdx") | {"If-Match": f'"{revision}"'})
        assert sent.status_code == 200, sent.get_data(as_text=True)
        assert len(cases(house)) == opened, hours


def test_an_award_that_holds_without_the_outcome_needs_no_case(house: House) -> None:
    learner, course, _ = learned(house)
    awarded(house, learner)
    house.post_outcome(learner, "cqdx", hours="160")
    revoke(house, course)
    assert cases(house) == []
    assert states(house, learner)["first"] == "in_force"


def test_parted_accounts_have_a_case_on_what_rests_on_the_others_learning(house: House) -> None:
    one, other = (house.open_learner("cqdx")["id"] for _ in range(2))
    course = house.post_outcome(other, "cqdx", hours="160")["id"]
    house.post_outcome(one, "cqdx", kind="certificate", title="养老护理", level="中级", hours=None)
    link = join(house, one, other)
    given = awarded(house, one)
    part(house, link)
    (case,) = cases(house)
    wrong_side = one if given["learner_id"] == one else other
    assert (case["award_id"], case["state"]) == (given["id"], "open")
    assert (case["outcome_id"] == course) is (wrong_side == one)
    assert states(house, wrong_side)["first"] == "in_review"


def test_parted_accounts_keep_what_rests_on_their_own_learning(house: House) -> None:
    learner, *_ = learned(house)
    link = join(house, house.open_learner("cqdx")["id"], learner)
    awarded(house, learner)
    part(house, link)
    assert cases(house) == []
    assert states(house, learner)["first"] == "in_force"


def test_neither_time_nor_a_new_version_takes_an_award_away(house: House) -> None:
    learner, _, certificate = learned(house)
    other = house.post_outcome(learner, "cqdx", kind="certificate", level="初级", hours=None)["id"]
    given = awarded(house, learner)
    stricter = definition(version=2)
    stricter["levels"][0]["parts"][0]["credits"]["at_least"] = "99"
    house.publish_rules(stricter)
    revoke(house, certificate)
    assert cases(house) == [], "the other certificate is enough under its own version"
    assert award(house, learner, "first") == (200, given)
    revoke(house, other)
    assert [one["version"] for one in cases(house)] == [1]


def test_cases_are_seen_by_their_reviewer_and_auditors_only(house: House) -> None:
    learner, course, _ = learned(house)
    awarded(house, learner)
    revoke(house, course)
    (case,) = cases(house)
    url = f"/v1/award-cases/{case['id']}"
    assert asked(house, "GET", url, house.auth(*REVIEWER)) == (200, case)
    assert cases(house, "authority", "audit:read") == [case]
    for who in (("cqou", "conversions:review"), ("authority", "conversions:review")):
        assert cases(house, *who) == []
        assert codes(asked(house, "GET", url, house.auth(*who))[1]) == ["unknown_case"]
        assert codes(decide(house, case, "revoke", *who)[1]) == ["unknown_case"]
    assert codes(asked(house, "GET", url, house.learner_auth(learner))[1]) == ["scope_missing"]


def test_an_automatic_award_is_reviewed_by_who_the_definition_names(house: House) -> None:
    learner = elder(house)
    course = house.post_outcome(learner, "cqdx")["id"]
    award(house, None, "one", house.learner_auth(learner), "automatic")
    revoke(house, course)
    assert cases(house) == []
    (case,) = cases(house, "authority", "conversions:review")
    assert decide(house, case, "revoke", "authority", "conversions:review")[0] == 200


def test_progress_is_seen_by_who_may(house: House) -> None:
    learner, course, _ = learned(house, level="初级")
    for headers, shows in (
        (house.auth("cqdx", "outcomes:read"), False),
        (house.auth(*AWARDER), False),
        (house.auth("authority", "audit:read"), True),
        (house.learner_auth(learner), True),
    ):
        status, answer = progress(house, learner, headers)
        assert status == 200, answer
        study = answer["levels"][0]["parts"]["of"][0]
        assert (study["sources"], study["found"]) == ([course] if shows else [], "10.00")
        assert ("养老护理" in json.dumps(answer, ensure_ascii=False)) is shows
    for headers in (house.auth("authority", "outcomes:read"), house.learner_auth(house.open_learner()["id"])):
        assert codes(progress(house, learner, headers)[1]) == ["unknown_learner"]
    assert codes(progress(house, learner, house.auth("cqdx", "statement:read"))[1]) == ["scope_missing"]
    assert codes(progress(house, learner, code="no-such")[1]) == ["unknown_qualification"]


def test_a_partner_sees_progress_with_scope_and_consent_only_and_under_names_of_its_own(house: House) -> None:
    learner, course, _ = learned(house)
    awarded(house, learner)
    house.publish_texts()
    partner = house.auth("partner", "outcomes:read")
    assert codes(progress(house, learner, partner)[1]) == ["unknown_learner"]
    given = house.consent(learner, "partner", "outcomes:read")
    status, answer = progress(house, given["subject"], partner)
    assert (status, answer["learner_id"]) == (200, given["subject"])
    text = json.dumps(answer)
    assert learner not in text
    assert course not in text
    assert len(answer["levels"][0]["parts"]["of"][0]["sources"]) == 1
    assert codes(progress(house, given["subject"], house.auth("partner", "balance:read"))[1]) == ["scope_missing"]
    gone = house.http.delete(f"/v1/learners/me/consents/{given['id']}", headers=house.learner_auth(learner))
    assert gone.status_code == 200
    assert codes(progress(house, given["subject"], partner)[1]) == ["unknown_learner"]


def test_awards_are_in_the_export_with_their_reasons(house: House) -> None:
    learner, course, _ = learned(house)
    given = awarded(house, learner)
    revoke(house, course)
    answer = house.http.get(f"/v1/learners/{learner}/export", headers=house.learner_auth(learner))
    with zipfile.ZipFile(BytesIO(answer.get_data())) as archive:
        parts = {
            name: json.loads(archive.read(f"json/{name}.json"))
            for name in ("qualifications", "qualification_decisions", "qualification_sources", "qualification_cases")
        }
    (award_row,) = parts["qualifications"]
    assert (award_row["id"], award_row["state"], award_row["reviewer_code"]) == (given["id"], "in_review", "cqdx")
    assert parts["qualification_decisions"][0]["result"]["level"] == "first"
    assert "要求的各项均已具备" in parts["qualification_decisions"][0]["sentences"][0]["zh"]
    assert course in [one["outcome_id"] for one in parts["qualification_sources"]]
    assert parts["qualification_cases"][0]["missing"][0]["parts"] == ["study"]


def test_a_restricted_or_disputed_learner_is_awarded_nothing(house: House) -> None:
    learner = elder(house)
    house.post_outcome(learner, "cqdx")
    own = house.learner_auth(learner)
    assert house.http.post("/v1/learners/me/restriction", headers=own).status_code in (200, 201)
    status, answer = award(house, None, "one", own, "automatic")
    assert (status, codes(answer)) == (409, ["restricted"])


def test_a_definition_with_an_unknown_scheme_or_reviewer_is_refused(house: House) -> None:
    auth = house.auth("authority", "rules:write")
    other = definition(code="other")
    other["levels"][0]["parts"][0]["credits"]["scheme"] = "no-such"
    lost = definition(code="other", award={"automatic": True, "reviewed_by": "no-such"})
    for document, code in ((other, "unknown_scheme"), (lost, "unknown_institution")):
        answer = house.http.post("/v1/rulesets", json=document, headers=auth)
        assert (answer.status_code, codes(answer.get_json())) == (422, [code])


def test_a_definition_is_tried_checked_and_not_weighed(house: House) -> None:
    auth = house.auth("authority", "rules:write")
    url = "/v1/rulesets/example-qualification"
    record = {"on": "2026-03-01", "outcomes": []}
    status, answer = asked(house, "POST", f"{url}/evaluate", auth, facts=record)
    assert (status, answer["result"]["levels"], answer["result"]["missing"]["second"]) == (
        200,
        [],
        ["first", "higher-skill"],
    )
    assert codes(asked(house, "POST", f"{url}/evaluate", auth, facts={"on": "x"})[1]) == ["missing", "bad_date"]
    status, checked = asked(house, "POST", f"{url}/versions/1/check", auth)
    assert (status, checked["passed"], checked["tests"]) == (200, True, [{"id": "nothing", "passed": True}])
    weighed = house.http.post(f"{url}/versions/1/impact", headers=auth)
    assert (weighed.status_code, codes(weighed.get_json())) == (409, ["nothing_to_weigh"])
    failing = definition(version=2, tests=[NOTHING | {"expect": {"levels": ["first"]}}])
    assert house.http.post("/v1/rulesets", json=failing, headers=auth).status_code == 201
    _, checked = asked(house, "POST", f"{url}/versions/2/check", auth)
    assert checked["tests"][0]["found"] == {"levels": [], "missing": {}}
    refused = house.http.post(f"{url}/versions/2/publish", headers=house.auth("authority", "rules:publish"))
    assert (refused.status_code, codes(refused.get_json())) == (422, ["test_failed"])
