"""The feed: who is told of what, on which ground, and where to go on."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from creditbank.api import events as api
from creditbank.api.resource import cursor_place, cursor_text
from creditbank.core.event import KEPT_DAYS
from creditbank.services.numbering import number, prune
from tests.api.seeding import conversion_rules, qualification_rules
from tests.api.test_consents import diary
from tests.builders import SAME_TITLE, House, outcome_body
from tests.services.test_merging import join, part

SCOPES = ("webhooks:write", "outcomes:read")


def feed(house: House, institution: str = "cqdx", *, numbered: bool = True, **query: Any) -> dict[str, Any]:
    """Return the feed of an institution, everything numbered before."""
    if numbered:
        number(house.bank)
    answer = house.http.get("/v1/events", query_string=query, headers=house.auth(institution, *SCOPES))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    return document


def types(page: dict[str, Any]) -> list[str]:
    return [one["type"] for one in page["items"]]


def somebody(house: House, **changes: Any) -> str:
    learner: str = house.open_learner(**changes)["id"]
    return learner


# --- what happens to outcomes


def test_an_issuer_is_told_what_became_of_its_outcomes(house: House) -> None:
    learner = somebody(house)
    posted = house.post_outcome(learner)
    house.post_outcome(learner, kind="course", hours="1")
    page = feed(house)
    assert types(page)[0] == "outcome.recognised"
    assert page["items"][0]["data"] == {
        "learner_id": learner,
        "outcome_id": posted["id"],
        "decision_id": posted["recognition"]["decision_id"],
        "status": "recognised",
        "revision": 1,
    }


def test_what_is_on_record_without_credits_is_told_as_rejected(house: House) -> None:
    learner = somebody(house)
    house.post_outcome(learner, title="同一课程")
    house.post_outcome(learner, title="同一课程")
    page = feed(house)
    assert types(page) == ["outcome.recognised", "outcome.rejected"]
    assert page["items"][1]["data"]["status"] == "duplicate"
    assert page["items"][1]["data"]["duplicate_of"] == page["items"][0]["data"]["outcome_id"]


def test_corrections_and_revocations_are_told_and_what_counts_in_their_place(house: House) -> None:
    learner = somebody(house)
    body = outcome_body(learner, 500, title="同一课程")
    first = house.http.post("/v1/outcomes", json=body, headers=house.auth()).get_json()
    house.post_outcome(learner, title="同一课程")
    corrected = house.http.put(
        f"/v1/outcomes/{first['id']}", json=body | {"hours": "32"}, headers=house.auth() | {"If-Match": '"1"'}
    )
    assert corrected.status_code == 200
    revoked = house.http.post(f"/v1/outcomes/{first['id']}/revoke", json={"reason": "误登"}, headers=house.auth())
    assert revoked.status_code == 200
    page = feed(house)
    assert types(page) == [
        *("outcome.recognised", "outcome.rejected", "outcome.corrected"),
        *("outcome.revoked", "outcome.recognised"),
    ]
    assert page["items"][2]["data"]["revision"] == 2


def test_a_repeat_and_a_refused_row_tell_nothing(house: House) -> None:
    learner = somebody(house)
    body = outcome_body(learner, 501)
    for _ in range(2):
        house.http.post("/v1/outcomes", json=body, headers=house.auth())
    house.http.post(
        "/v1/outcomes", json=body | {"external_id": "x", "completed_on": "2999-01-01"}, headers=house.auth()
    )
    assert types(feed(house)) == ["outcome.recognised"]


def test_no_word_about_a_person_is_told(house: House) -> None:
    learner = somebody(house)
    house.post_outcome(learner, certificate_no="CERT-7788")
    said = str(feed(house))
    assert "CERT" not in said
    assert "课程" not in said


# --- who is told


def test_another_institution_is_told_nothing(house: House) -> None:
    learner = somebody(house)
    house.post_outcome(learner)
    assert feed(house, "other")["items"] == []


def test_a_conversion_is_told_to_who_has_a_part_in_it(house: House) -> None:
    house.publish_rules(SAME_TITLE)
    house.publish_programme("acceptor")
    learner = somebody(house)
    house.post_outcome(learner, title="管理学")
    house.convert(learner, {"institution": "acceptor", "programme": "administration"})
    assert types(feed(house, "acceptor")) == ["conversion.submitted", "conversion.decided"]
    assert types(feed(house)) == ["outcome.recognised"]
    assert [line[1:] for line in diary(house, learner)] == [("conversion", "part")]


def test_rejecting_and_withdrawing_are_told_too(house: House) -> None:
    house.publish_rules(conversion_rules())
    house.publish_programme("acceptor")
    target = {"institution": "acceptor", "programme": "administration", "courses": ["c1"]}
    learner = somebody(house)
    for _ in range(2):
        house.post_outcome(learner, title="管理学")
    rejected = house.convert(learner, target)
    assert types(feed(house, "acceptor")) == ["conversion.submitted"]
    house.decide(rejected["id"], "acceptor", "reject", reason="材料不全")
    withdrawn = house.convert(learner, target)
    me = house.learner_auth(learner)
    house.http.post(f"/v1/conversions/{withdrawn['id']}/withdraw", json={"reason": "不转了"}, headers=me)
    page = feed(house, "acceptor")
    assert [(one["type"], one["data"]["state"]) for one in page["items"]] == [
        *(("conversion.submitted", "in_review"), ("conversion.decided", "rejected")),
        *(("conversion.submitted", "in_review"), ("conversion.closed", "withdrawn")),
    ]


def test_awards_are_told_to_who_awards_and_who_reviews_and_partners_on_consent(house: House) -> None:
    house.publish_texts()
    house.token("acceptor")
    house.publish_rules(qualification_rules("acceptor"))
    learner = somebody(house)
    house.consent(learner, "partner", "outcomes:read")
    posted = house.post_outcome(learner, title="管理学")
    made = house.http.post(
        "/v1/qualifications/made-up-qualification/awards", json={"level": "one"}, headers=house.learner_auth(learner)
    )
    assert made.status_code == 201, made.get_data(as_text=True)
    house.http.post(f"/v1/outcomes/{posted['id']}/revoke", json={"reason": "误登"}, headers=house.auth())
    reviewer = house.auth("acceptor", "conversions:review")
    (case,) = house.http.get("/v1/award-cases", headers=reviewer).get_json()["items"]
    decision = {"decision": "revoke", "reason": "查实"}
    house.http.post(f"/v1/award-cases/{case['id']}/decisions", json=decision, headers=reviewer)
    expected = [
        *(("qualification.awarded", "in_force"), ("qualification.changed", "in_review")),
        ("qualification.changed", "revoked"),
    ]
    for institution in ("acceptor", "partner"):
        items = [one for one in feed(house, institution)["items"] if one["type"].startswith("qualification")]
        assert [(one["type"], one["data"]["state"]) for one in items] == expected, institution
    assert types(feed(house)) == ["outcome.recognised", "outcome.revoked"]


def test_credentials_are_told_to_whose_word_they_are(house: House) -> None:
    learner = somebody(house)
    outcome = house.post_outcome(learner)
    issuer = house.auth("cqdx", "credentials:issue")
    wish = {"kind": "outcome", "subject_id": outcome["id"]}
    made = house.http.post("/v1/credentials", json=wish, headers=issuer).get_json()
    for step in ("suspend", "reinstate", "revoke"):
        url = f"/v1/credentials/{made['id']}/{step}"
        assert house.http.post(url, json={"reason": "查证"}, headers=issuer).status_code == 200
    assert types(feed(house))[1:] == [f"credential.{one}" for one in ("issued", "suspended", "resumed", "revoked")]


def test_a_merge_and_its_undoing_are_told_to_who_knows_either(house: House) -> None:
    one, other = somebody(house), house.open_learner("other")["id"]
    link = join(house, one, other)
    part(house, link)
    for institution in ("cqdx", "other"):
        page = feed(house, institution)
        assert types(page) == ["learner.merged", "learner.parted"]
        assert page["items"][0]["data"] == {"learner_id": other, "other_learner_id": one}
    assert feed(house, "third")["items"] == []


def test_what_counts_twice_is_told_when_accounts_are_merged(house: House) -> None:
    learners = [somebody(house) for _ in range(2)]
    for learner in learners:
        house.post_outcome(learner, title="同一课程")
    join(house, *learners)
    assert types(feed(house)) == ["outcome.recognised", "outcome.recognised", "learner.merged", "outcome.rejected"]


def test_a_restricted_learner_is_told_of_to_nobody(house: House) -> None:
    learner = somebody(house)
    house.post_outcome(learner)
    me = house.learner_auth(learner)
    assert house.http.post("/v1/learners/me/restriction", headers=me).status_code == 200
    assert feed(house)["items"] == []


def test_a_partner_is_told_on_consent_under_names_of_its_own(house: House) -> None:
    house.publish_texts()
    learner = somebody(house)
    before = house.post_outcome(learner)
    number(house.bank)
    given = house.consent(learner, "partner", "outcomes:read")
    posted = house.post_outcome(learner)
    page = feed(house, "partner")
    assert types(page) == ["outcome.recognised"]
    told = page["items"][0]
    assert told["data"]["learner_id"] == given["subject"]
    assert learner not in str(page)
    assert posted["id"] not in str(page)
    assert before["id"] not in str(page)
    assert told["timestamp"].endswith("T16:00:00.000000Z")  # no more than the day
    seen = house.http.get(
        f"/v1/learners/{given['subject']}/outcomes", headers=house.auth("partner", "outcomes:read")
    ).get_json()["items"]
    assert told["data"]["outcome_id"] in {one["id"] for one in seen}
    assert [line[1] for line in diary(house, learner)].count("outcomes") == 2


@pytest.mark.parametrize("scope", ["balance:read", "statement:read"])
def test_a_consent_to_something_else_lets_nothing_be_told(house: House, scope: str) -> None:
    house.publish_texts()
    learner = somebody(house)
    house.consent(learner, "partner", scope)
    house.post_outcome(learner)
    assert feed(house, "partner")["items"] == []


def test_withdrawing_counts_when_it_is_told_and_not_when_it_happened(house: House) -> None:
    house.publish_texts()
    learner = somebody(house)
    given = house.consent(learner, "partner", "outcomes:read")
    house.post_outcome(learner)
    number(house.bank)
    url = f"/v1/learners/me/consents/{given['id']}"
    assert house.http.delete(url, headers=house.learner_auth(learner)).status_code == 200
    page = feed(house, "partner")
    assert page["items"] == []


def test_who_lacks_the_scope_is_refused(house: House) -> None:
    answer = house.http.get("/v1/events", headers=house.auth("cqdx", "outcomes:read"))
    assert answer.status_code == 403
    learner = somebody(house)
    assert house.http.get("/v1/events", headers=house.learner_auth(learner)).status_code == 403


# --- where to go on


def test_whoever_goes_on_reads_everything_once(house: House) -> None:
    learner = somebody(house)
    ids = [house.post_outcome(learner)["id"] for _ in range(5)]
    page = feed(house, limit=2)
    seen = [one["data"]["outcome_id"] for one in page["items"]]
    while page["items"]:
        page = feed(house, limit=2, after=page["next_cursor"])
        seen += [one["data"]["outcome_id"] for one in page["items"]]
    assert seen == ids
    last = house.post_outcome(learner)["id"]
    assert [one["data"]["outcome_id"] for one in feed(house, after=page["next_cursor"])["items"]] == [last]


def test_only_the_types_that_are_asked_for_are_told(house: House) -> None:
    learner = somebody(house)
    house.post_outcome(learner, title="同一课程")
    house.post_outcome(learner, title="同一课程")
    assert types(feed(house, types="outcome.rejected,learner.merged")) == ["outcome.rejected"]
    answer = house.http.get("/v1/events?types=outcome.eaten", headers=house.auth("cqdx", *SCOPES))
    assert answer.status_code == 422


def test_a_cursor_from_before_what_is_kept_is_answered_as_gone(house: House) -> None:
    learner = somebody(house)
    house.post_outcome(learner)
    cursor = feed(house, types="learner.merged")["next_cursor"]
    for _ in range(3):
        house.post_outcome(learner)
    number(house.bank)
    house.clock.move(days=KEPT_DAYS + 1)
    house.tokens.clear()
    prune(house.bank)
    answer = house.http.get("/v1/events", query_string={"after": cursor}, headers=house.auth("cqdx", *SCOPES))
    assert answer.status_code == 410
    assert answer.get_json()["errors"][0]["code"] == "events_gone"
    assert len(feed(house)["items"]) == 1


def test_a_cursor_that_is_ahead_of_all_events_tells_that_an_older_state_was_put_back(house: House) -> None:
    house.post_outcome(somebody(house))
    newest = feed(house)["next_cursor"]
    (number_of_newest,) = cursor_place(newest, int) or ()
    for ahead, status in ((0, 200), (1, 410), (10**15, 410)):
        cursor = cursor_text([number_of_newest + ahead])
        answer = house.http.get("/v1/events", query_string={"after": cursor}, headers=house.auth("cqdx", *SCOPES))
        assert answer.status_code == status
    assert answer.get_json()["errors"][0]["code"] == "events_put_back"


@pytest.mark.parametrize("cursor", ["x", "WyJ4Il0", "Wy0xXQ", "WzEuNV0", "W10", "WzEsMl0"])
def test_what_is_no_cursor_is_refused(house: House, cursor: str) -> None:
    answer = house.http.get("/v1/events", query_string={"after": cursor}, headers=house.auth("cqdx", *SCOPES))
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["pointer"] == "/after"


def test_who_waits_is_told_as_soon_as_something_happens(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "LOOK_SECONDS", 0.02)
    learner = somebody(house)
    begun = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(feed, house, numbered=False, wait=20)
        time.sleep(0.2)
        house.post_outcome(learner)
        number(house.bank)
        assert types(waiting.result()) == ["outcome.recognised"]
    assert time.monotonic() - begun < 10


def test_who_waits_for_nothing_is_answered_in_time_and_too_many_at_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "LOOK_SECONDS", 0.02)
    begun = time.monotonic()
    assert feed(house, wait=1)["items"] == []
    assert time.monotonic() - begun >= 1
    waiters = house.app.extensions[api.WAITERS]
    while waiters.acquire(blocking=False):
        pass
    try:
        begun = time.monotonic()
        assert feed(house, wait=30)["items"] == []
        assert time.monotonic() - begun < 5
    finally:
        for _ in range(8):
            waiters.release()
