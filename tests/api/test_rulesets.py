"""Rule sets, schemes and institutions over HTTP: drafted, published by a second person, in force at once, for ever."""

from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from creditbank.services.access import client_token
from creditbank.services.bank import Bank
from creditbank.storage.columns import catalogue
from tests.builders import BASE_URL, House, app_of, outcome_body
from tests.pooling import database_at

SCHEME = "cn-16h-half"
CODE = "test-works"

AUTHOR = ("authority", "rules:write")
PUBLISHER = ("authority", "rules:publish")


def document(version: int = 1, credit: str = "5", **changes: Any) -> dict[str, Any]:
    """Return a rule set by which every work of cqdx is worth a fixed credit."""
    day = changes.get("valid_until") or changes.get("valid_from") or "2026-06-30"
    given = {"kind": "other", "title": "一件作品", "issuer": "cqdx", "completed_on": day}
    body = {
        "code": CODE,
        "version": version,
        "kind": "recognition",
        "title": {"zh": "作品认定", "en": "Works"},
        "authority": "学分银行",
        "source": {"document": "作品认定办法"},
        "valid_from": "2000-01-01",
        "valid_until": None,
        "version_date": "completed",
        "scheme": SCHEME,
        "priority": 500,
        "applies_to": {"issuer": ["cqdx"]},
        "choose": "best",
        "rules": [{"id": "work", "when": {"kind": "other"}, "award": {"fixed": credit}}],
        "tests": [{"id": "a work", "given": given, "expect": {"credits": f"{credit}.00"}}],
    }
    return body | changes


def draft(house: House, body: object, author: tuple[str, ...] = AUTHOR) -> TestResponse:
    return house.http.post("/v1/rulesets", json=body, headers=house.auth(*author))


def publish(house: House, version: int = 1, publisher: tuple[str, ...] = PUBLISHER, code: str = CODE) -> TestResponse:
    return house.http.post(f"/v1/rulesets/{code}/versions/{version}/publish", headers=house.auth(*publisher))


def in_print(house: House, body: dict[str, Any]) -> None:
    """Draft and publish a version."""
    drafted, published = draft(house, body), publish(house, body["version"])
    assert (drafted.status_code, published.status_code) == (201, 200), published.get_data(as_text=True)


def credited(house: House, learner_id: str, **changes: Any) -> tuple[int, str] | None:
    """Post a work and return by which version it counts, and for how much."""
    found = house.post_outcome(learner_id, kind="other", **changes)["recognition"]
    return None if found is None else (found["version"], found["credits"])


def evaluated(house: House, asker: tuple[str, ...] = ("cqdx",), **asked: Any) -> TestResponse:
    facts = {"kind": "other", "title": "一件作品", "issuer": "cqdx", "completed_on": "2026-06-30"}
    body = {"facts": facts | asked.pop("facts", {})} | asked
    return house.http.post(f"/v1/rulesets/{CODE}/evaluate", json=body, headers=house.auth(*asker))


def faults(answer: TestResponse) -> set[tuple[str, str]]:
    return {(fault["pointer"], fault["code"]) for fault in answer.get_json()["errors"]}


def sizes(house: House) -> dict[str, int]:
    """Return how many rows each table has."""
    with house.bank.database.reading() as connection:
        return {
            table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
            for table in catalogue.sorted_tables
        }


def second_app(house: House) -> House:
    """Return another process's app on the same database."""
    url = house.bank.database.url.render_as_string(hide_password=False)
    bank = Bank(database_at(url), house.bank.keys, house.clock, house.bank.new_id)
    return House(bank, app_of(bank), house.clock, house.numbers, house.tokens)


# --- from draft to print


def test_a_draft_is_published_by_a_second_client_and_counts_from_then_on(house: House) -> None:
    learner_id = house.open_learner()["id"]
    drafted = draft(house, document())
    assert (drafted.status_code, drafted.get_json()["status"]) == (201, "draft")
    assert credited(house, learner_id) is None
    published = publish(house)
    assert published.status_code == 200
    kept = published.get_json()
    assert (kept["status"], kept["document"], kept["digest"]) == (
        "published",
        document(),
        drafted.get_json()["digest"],
    )
    assert kept["drafted_by"] != kept["published_by"] is not None
    assert credited(house, learner_id) == (1, "5.00")
    assert house.balance(learner_id)[SCHEME]["recognised"] == "5.00"


def test_publishing_again_is_answered_as_it_stands(house: House) -> None:
    in_print(house, document())
    first = publish(house)
    house.clock.move(minutes=1)
    assert (publish(house).status_code, publish(house).get_json()) == (200, first.get_json())


def test_the_author_does_not_publish_though_the_token_would_allow_it(house: House) -> None:
    both = ("authority", "rules:write", "rules:publish")
    draft(house, document(), both)
    refused = publish(house, 1, both)
    assert (refused.status_code, faults(refused)) == (403, {("", "second_person_needed")})
    assert publish(house).status_code == 200


def test_whoever_changed_the_draft_last_is_its_author(house: House) -> None:
    both = ("authority", "rules:write", "rules:publish")
    draft(house, document())
    again = draft(house, document(credit="6"), both)
    assert (again.status_code, again.get_json()["document"]) == (200, document(credit="6"))
    assert publish(house, 1, both).status_code == 403
    assert publish(house).get_json()["document"] == document(credit="6")


def test_a_set_whose_own_tests_fail_is_not_published_and_the_tests_are_named(house: House) -> None:
    body = document()
    wrong = [
        body["tests"][0] | {"id": "too much", "expect": {"credits": "6.00"}},
        body["tests"][0],
        body["tests"][0] | {"id": "no rule", "expect": {"credits": "5.00", "category": "作品"}},
    ]
    assert draft(house, body | {"tests": wrong}).status_code == 201
    refused = publish(house)
    assert refused.status_code == 422
    assert faults(refused) == {
        ("/tests/0/expect/credits", "test_failed"),
        ("/tests/2/expect/category", "test_failed"),
    }
    assert "too much" in refused.get_json()["errors"][0]["message_en"]
    assert credited(house, house.open_learner()["id"]) is None
    draft(house, body)
    assert publish(house).status_code == 200


def test_a_published_version_never_changes(house: House) -> None:
    in_print(house, document())
    refused = draft(house, document(credit="6"))
    assert (refused.status_code, faults(refused)) == (409, {("/version", "published")})
    same = draft(house, document())
    assert (same.status_code, same.get_json()["status"]) == (200, "published")
    read = house.http.get(f"/v1/rulesets/{CODE}/versions/1", headers=house.auth())
    assert read.get_json()["document"] == document()


def test_a_set_in_an_unknown_scheme_is_refused(house: House) -> None:
    refused = draft(house, document(scheme="no-such-scheme"))
    assert (refused.status_code, faults(refused)) == (422, {("/scheme", "unknown_scheme")})


def test_all_faults_of_a_draft_are_told_at_once(house: House) -> None:
    refused = draft(house, document(version=0, rules=[{"id": "work", "when": {"kin": "other"}, "award": {}}]))
    assert refused.status_code == 422
    assert {pointer for pointer, _ in faults(refused)} >= {"/version", "/rules/0/when/kin", "/rules/0/award"}


def test_there_is_nothing_to_publish_where_nothing_was_drafted(house: House) -> None:
    assert publish(house, 1).status_code == 404
    draft(house, document())
    assert publish(house, 2).status_code == 404


# --- which version


@pytest.mark.parametrize(
    ("version_date", "expected"), [("completed", [(1, "5.00"), (2, "6.00")]), ("applied", [(2, "6.00"), (2, "6.00")])]
)
def test_the_day_that_the_set_names_picks_the_version(
    house: House, version_date: str, expected: list[tuple[int, str]]
) -> None:
    in_print(house, document(1, valid_until="2026-06-30", version_date=version_date))
    in_print(house, document(2, "6", valid_from="2026-07-01", version_date=version_date))
    learner_id = house.open_learner()["id"]
    found = [credited(house, learner_id, completed_on=day) for day in ("2026-06-30", "2026-07-01")]
    assert found == expected


def test_the_day_of_application_is_that_of_the_first_post_also_for_corrections(house: House) -> None:
    in_print(house, document(1, valid_until="2026-07-01", version_date="applied"))
    in_print(house, document(2, "6", valid_from="2026-07-02", version_date="applied"))
    learner_id = house.open_learner()["id"]
    body = outcome_body(learner_id, 1, kind="other")
    posted = house.http.post("/v1/outcomes", json=body, headers=house.auth()).get_json()
    assert posted["recognition"]["version"] == 1
    house.clock.move(days=1)
    house.tokens.clear()
    assert credited(house, learner_id) == (2, "6.00")
    headers = house.auth() | {"If-Match": '"1"'}
    corrected = house.http.put(f"/v1/outcomes/{posted['id']}", json=body | {"title": "另一件作品"}, headers=headers)
    assert corrected.get_json()["recognition"]["version"] == 1


def test_of_two_versions_in_force_the_higher_counts(house: House) -> None:
    in_print(house, document(2, "6"))
    in_print(house, document(1))
    assert credited(house, house.open_learner()["id"]) == (2, "6.00")


def test_a_new_version_counts_at_once_in_every_running_app(house: House) -> None:
    other = second_app(house)
    learner_id = house.open_learner()["id"]
    for app in (house, other):
        assert credited(app, learner_id) is None
    in_print(house, document())
    assert [credited(app, learner_id) for app in (house, other)] == [(1, "5.00")] * 2
    in_print(other, document(2, "6"))
    assert [credited(app, learner_id) for app in (house, other)] == [(2, "6.00")] * 2
    other.bank.database.close()


def test_a_scheme_that_another_app_registered_is_known_at_once(house: House) -> None:
    other = second_app(house)
    learner_id = house.open_learner()["id"]
    for app in (house, other):
        assert credited(app, learner_id, scheme=SCHEME) is None
    scheme = {"code": "works", "title_zh": "作品", "title_en": "Works", "hours_per_credit": "16"}
    assert other.http.post("/v1/schemes", json=scheme, headers=other.auth(*AUTHOR)).status_code == 201
    in_print(other, document(scheme="works"))
    for app in (house, other):
        assert credited(app, learner_id, scheme="works") == (1, "5.00")
    other.bank.database.close()


def test_a_decision_comes_out_the_same_after_a_new_version(house: House) -> None:
    in_print(house, document())
    posted = house.post_outcome(house.open_learner()["id"], kind="other")
    in_print(house, document(2, "6"))
    url = f"/v1/decisions/{posted['decision_id']}"
    replayed = house.http.post(f"{url}/replay", headers=house.auth())
    assert (replayed.status_code, replayed.get_json()["same"], replayed.get_json()["differences"]) == (200, True, [])
    decision = house.http.get(url, headers=house.auth()).get_json()
    assert (decision["ruleset"], decision["version"], decision["result"]["credits"]) == (CODE, 1, "5.00")
    assert [sentence.keys() for sentence in decision["sentences"]]


def test_a_decision_that_gave_nothing_comes_out_the_same_when_rules_were_added(house: House) -> None:
    posted = house.post_outcome(house.open_learner()["id"], kind="other")
    in_print(house, document())
    replayed = house.http.post(f"/v1/decisions/{posted['decision_id']}/replay", headers=house.auth())
    assert replayed.get_json()["same"] is True


def test_a_correction_is_judged_by_the_rules_in_force_when_it_comes(house: House) -> None:
    learner_id = house.open_learner()["id"]
    body = outcome_body(learner_id, 1, kind="other")
    posted = house.http.post("/v1/outcomes", json=body, headers=house.auth()).get_json()
    in_print(house, document())
    headers = house.auth() | {"If-Match": '"1"'}
    corrected = house.http.put(f"/v1/outcomes/{posted['id']}", json=body | {"title": "另一件作品"}, headers=headers)
    assert corrected.get_json()["recognition"]["credits"] == "5.00"


# --- trying


def test_trying_a_set_writes_nothing(house: House) -> None:
    in_print(house, document())
    house.auth()
    before = sizes(house)
    answer = evaluated(house)
    assert (answer.status_code, answer.get_json()["result"]["credits"]) == (200, "5.00")
    assert answer.get_json()["result"].keys() >= {"credits", "scheme", "level", "category", "rule"}
    assert (answer.get_json()["ruleset"], answer.get_json()["version"]) == (CODE, 1)
    assert answer.get_json()["explanation"]
    assert sizes(house) == before


def test_without_a_version_the_one_valid_on_the_facts_day_is_tried_else_the_newest(house: House) -> None:
    in_print(house, document(1, valid_until="2026-05-31"))
    in_print(house, document(2, "6", valid_from="2026-06-01"))
    for day, expected in (("2026-05-31", (1, "5.00")), ("2026-06-01", (2, "6.00")), ("1999-12-31", (2, "0.00"))):
        found = evaluated(house, facts={"completed_on": day}).get_json()
        assert (found["version"], found["result"]["credits"]) == expected
    found = evaluated(house, version=1).get_json()
    assert (found["version"], found["result"]["credits"]) == (1, "0.00")


def test_faults_of_facts_are_told_where_they_stand(house: House) -> None:
    in_print(house, document())
    refused = evaluated(house, facts={"kind": "unheard-of", "hours": "1.001"})
    assert refused.status_code == 422
    assert len(faults(refused)) == 2


def test_drafts_are_seen_by_those_who_have_to_do_with_them_only(house: House) -> None:
    draft(house, document())
    for asker, status in ((("cqdx",), 404), (AUTHOR, 200), (PUBLISHER, 200), (("authority", "audit:read"), 200)):
        headers = house.auth(*asker)
        for path in (f"/v1/rulesets/{CODE}", f"/v1/rulesets/{CODE}/versions/1"):
            assert house.http.get(path, headers=headers).status_code == status, (asker, path)
        assert evaluated(house, asker).status_code == evaluated(house, asker, version=1).status_code == status
        listed = house.http.get("/v1/rulesets", query_string={"limit": 200}, headers=headers).get_json()["items"]
        assert (CODE in {item["code"] for item in listed}) == (status == 200)


def test_a_draft_beside_a_published_version_does_not_show_to_others(house: House) -> None:
    in_print(house, document())
    draft(house, document(2, "6"))
    items = house.http.get(f"/v1/rulesets/{CODE}", headers=house.auth()).get_json()["items"]
    assert [item["version"] for item in items] == [1]
    assert evaluated(house).get_json()["version"] == 1
    assert evaluated(house, AUTHOR).get_json()["version"] == 2
    assert evaluated(house, version=2).status_code == 404
    assert credited(house, house.open_learner()["id"]) == (1, "5.00")


def test_pages_give_every_version_once(house: House) -> None:
    seen: list[tuple[str, int]] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = house.http.get("/v1/rulesets", query_string=query, headers=house.auth()).get_json()
        seen += [(item["code"], item["version"]) for item in page["items"]]
        query["cursor"] = page["next_cursor"]
        if query["cursor"] is None:
            break
    assert seen == sorted(set(seen))
    assert {("us-clep", 1), ("us-clep", 2), ("hk-qf", 1)} <= set(seen)


# --- schemes


def test_a_scheme_is_registered_once_and_never_changes(house: House) -> None:
    body = {"code": "works", "title_zh": "作品", "title_en": "Works", "hours_per_credit": "16", "step": "0.5"}
    first = house.http.post("/v1/schemes", json=body, headers=house.auth(*AUTHOR))
    assert first.status_code == 201
    assert first.get_json() == body | {
        "hours_per_credit": "16.00",
        "minutes_per_hour": 45,
        "step": "0.50",
        "rounding": "down",
    }
    again = house.http.post("/v1/schemes", json=body, headers=house.auth(*AUTHOR))
    assert (again.status_code, again.get_json()) == (200, first.get_json())
    for changes in (
        {"title_zh": "另一"},
        {"title_en": "Other"},
        {"hours_per_credit": "18"},
        {"minutes_per_hour": 50},
        {"step": "1"},
        {"rounding": "up"},
    ):
        refused = house.http.post("/v1/schemes", json=body | changes, headers=house.auth(*AUTHOR))
        assert (refused.status_code, faults(refused)) == (409, {("/code", "differs")}), changes
    listed = house.http.get("/v1/schemes", headers=house.auth()).get_json()["items"]
    assert first.get_json() in listed
    assert house.http.post("/v1/schemes", json=body, headers=house.auth()).status_code == 403


@pytest.mark.parametrize("changes", [{"hours_per_credit": "0"}, {"step": "0"}, {"step": "100.01"}, {"rounding": "?"}])
def test_a_scheme_without_a_sound_unit_is_refused(house: House, changes: dict[str, str]) -> None:
    body = {"code": "works", "title_zh": "作品", "title_en": "Works", "hours_per_credit": "16"} | changes
    refused = house.http.post("/v1/schemes", json=body, headers=house.auth(*AUTHOR))
    assert (refused.status_code, {pointer for pointer, _ in faults(refused)}) == (422, {f"/{next(iter(changes))}"})


# --- institutions


INSTITUTION: dict[str, Any] = {
    "code": "cq-new",
    "name": "重庆某社区学院",
    "level": "district",
    "roles": ["acceptor", "issuer"],
    "social_credit_code": "12100000400000624D",
    "region_code": "500103",
}


def test_an_institution_is_registered_by_an_administrator_under_its_parent(house: House) -> None:
    admin = house.auth("authority", "admin")
    above = house.http.post("/v1/institutions", json=INSTITUTION, headers=admin)
    assert above.status_code == 201
    assert INSTITUTION.items() <= above.get_json().items()
    below = house.http.post(
        "/v1/institutions",
        json={"code": "cq-below", "name": "某街道学校", "level": "town", "roles": ["issuer"], "parent": "cq-new"},
        headers=admin,
    )
    assert (below.status_code, below.get_json()["parent_id"]) == (201, above.get_json()["id"])
    read = house.http.get(f"/v1/institutions/{above.get_json()['id']}", headers=house.auth())
    assert read.get_json() == above.get_json()


def test_an_institution_that_is_there_is_answered_alike_and_not_changed(house: House) -> None:
    admin = house.auth("authority", "admin")
    first = house.http.post("/v1/institutions", json=INSTITUTION, headers=admin)
    again = house.http.post("/v1/institutions", json=INSTITUTION, headers=admin)
    assert (again.status_code, again.get_json()) == (200, first.get_json())
    for changes in ({"name": "另一名称"}, {"level": "town"}, {"roles": ["issuer"]}, {"social_credit_code": None}):
        refused = house.http.post("/v1/institutions", json=INSTITUTION | changes, headers=admin)
        assert (refused.status_code, faults(refused)) == (409, {("/code", "differs")}), changes
    twice = house.http.post("/v1/institutions", json=INSTITUTION | {"code": "cq-other"}, headers=admin)
    assert (twice.status_code, faults(twice)) == (409, {("/social_credit_code", "differs")})


def test_an_institution_needs_a_parent_that_exists_and_an_administrator(house: House) -> None:
    admin = house.auth("authority", "admin")
    orphan = house.http.post("/v1/institutions", json=INSTITUTION | {"parent": "nobody"}, headers=admin)
    assert (orphan.status_code, faults(orphan)) == (422, {("/parent", "unknown_institution")})
    for asker in (("cqdx",), AUTHOR):
        refused = house.http.post("/v1/institutions", json=INSTITUTION, headers=house.auth(*asker))
        assert (refused.status_code, faults(refused)) == (403, {("", "scope_missing")})


def test_a_client_of_one_app_is_known_to_another_at_once(house: House) -> None:
    other = second_app(house)
    scopes = ("balance:read",)
    token = client_token(house.bank, BASE_URL, house.client("cq-just-now", *scopes), scopes)
    answer = other.http.get("/v1/schemes", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    other.bank.database.close()
