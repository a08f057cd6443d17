"""Bad input: each sort has its exact answer, none is a server error, and nothing at all is written for it."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from creditbank.api import observing, problems
from creditbank.storage.columns import catalogue
from tests.builders import House, learner_body, outcome_body, resident_id

NOBODY = "00000000-0000-0000-0000-000000000001"

NAUGHTY = Path(__file__).resolve().parents[3] / "shared" / "fuzz" / "blns.json"
"""The Big List of Naughty Strings, where it lies beside the checkout."""

Reasons = set[tuple[str, str]]

DEEP = 100_000

BODIES: dict[str, tuple[bytes, int, Reasons]] = {
    "20 MB": (b'{"title":"' + b"a" * 20 * 1024 * 1024 + b'"}', 413, {("", "too_large")}),
    "deep lists": (b"[" * DEEP + b"]" * DEEP, 422, {("", "too_deep")}),
    "deep objects": (b'{"a":' * DEEP + b"1" + b"}" * DEEP, 422, {("", "too_deep")}),
    "deep and never closed": (b"[" * DEEP, 422, {("", "too_deep")}),
    "a key twice": (b'{"title":"a","title":"b"}', 422, {("", "duplicate_key")}),
    "a key twice inside": (b'{"learner":{"id":1,"id":2}}', 422, {("/learner", "duplicate_key")}),
    "NaN": (b'{"hours":NaN}', 422, {("/hours", "not_a_number")}),
    "infinity": (b'{"hours":-Infinity}', 422, {("/hours", "not_a_number")}),
    "1e999": (b'{"hours":1e999}', 422, {("/hours", "number_form")}),
    "1E+999999999": (b'{"hours":1E+999999999}', 422, {("/hours", "number_form")}),
    "2^63": (b'{"level":9223372036854775808}', 422, {("/level", "number_range")}),
    "5,000 digits": (b'{"level":' + b"9" * 5000 + b"}", 422, {("/level", "number_form")}),
    "a lone surrogate": (rb'{"title":"\ud800"}', 422, {("/title", "lone_surrogate")}),
    "a lone surrogate as a name": (rb'{"\udfff":1}', 422, {("", "lone_surrogate")}),
    "a surrogate in bytes": (b'{"title":"\xed\xa0\x80"}', 400, {("", "not_utf8")}),
    "NUL": (rb'{"title":"a\u0000b"}', 422, {("/title", "nul_character")}),
    "NUL in bytes": (b'{"title":"a\x00b"}', 422, {("", "nul_character")}),
    "GBK": ('{"title":"课程"}'.encode("gbk"), 400, {("", "not_utf8")}),
    "UTF-16": ('{"title":"课程"}'.encode("utf-16"), 400, {("", "byte_order_mark")}),
    "a byte order mark": (b"\xef\xbb\xbf{}", 400, {("", "byte_order_mark")}),
    "nothing": (b"", 400, {("", "not_json")}),
    "no JSON": (b"title=a", 400, {("", "not_json")}),
    "half a document": (b'{"title":', 400, {("", "not_json")}),
    "two documents": (b"{}{}", 400, {("", "not_json")}),
    "a digit that is none": ('{"hours":１}'.encode(), 400, {("", "not_json")}),
    "1_000": (b'{"hours":1_000}', 400, {("", "not_json")}),
}
"""What comes as a body, the status that answers it, and its reasons with their places."""

NO_AMOUNTS = (
    *("1E+999999999", "1e2", "NaN", "Infinity", "0.30000000000000004", 0.30000000000000004, "9223372036854775808"),
    *(2**53 - 1, "1_000", "１２", "٣", "-1", -1, "+1", "-0", "1.234", 1.234, "1.", ".5", "01", "1,5", "1 000", " 1"),
    *("100000000", 100000000, "", "48小时", True, False, [], {}, ["1"]),
)
"""Values that are no amount of hours or credits, from JSON strings and numbers."""

NO_DAYS = ("2026-7-1", "20260701", "２０２６-07-01", "2026-02-30", "1899-12-31", 20260701, "2026-07-01T00:00:00Z", "")

NO_TITLES = {
    "": "blank",
    "   ": "blank",
    "\u3000": "blank",
    "a\nb": "control_character",
    "a\x7fb": "control_character",
    "a\x85b": "control_character",
    "a\u2028b": "control_character",
    "课" * 201: "too_long",
}

OUTCOMES: tuple[tuple[dict[str, Any], Reasons], ...] = (
    *(({field: value}, {(f"/{field}", "wrong_amount")}) for field in ("hours", "credits") for value in NO_AMOUNTS),
    *(({field: day}, {(f"/{field}", "wrong_date")}) for field in ("completed_on", "started_on") for day in NO_DAYS),
    *(({"title": title}, {("/title", code)}) for title, code in NO_TITLES.items()),
    *(({"title": value}, {("/title", "wrong_type")}) for value in (1, True, [], {})),
    *(({"level": value}, {("/level", "wrong_type")}) for value in (1.9, True, [])),
    ({"score": {"value": 59.5, "scale": 100}}, {("/score/value", "wrong_type")}),
    ({"score": 60}, {("/score", "wrong_type")}),
    ({"score": {"value": "60"}}, {("/score/scale", "required")}),
    ({"title": None}, {("/title", "null")}),
    ({"kind": "lecture"}, {("/kind", "wrong_choice")}),
    ({"kind": 1}, {("/kind", "wrong_choice")}),
    ({"hourz": "1"}, {("/hourz", "unknown_field")}),
    ({"scheme": "no-such"}, {("/scheme", "unknown_scheme")}),
    ({"completed_on": "2026-07-02"}, {("/completed_on", "future_date")}),
    ({"started_on": "2026-07-01"}, {("/started_on", "starts_after_end")}),
    ({"external_id": "e" * 129}, {("/external_id", "too_long")}),
    ({"certificate_no": "\u0007"}, {("/certificate_no", "control_character")}),
    ({"learner": {}}, {("/learner", "one_way_of_naming")}),
    ({"learner": []}, {("/learner", "wrong_type")}),
    ({"learner": {"id": "me"}}, {("/learner/id", "wrong_id")}),
    ({"learner": {"id": 1}}, {("/learner/id", "wrong_id")}),
    ({"learner": {"id": NOBODY, "name": "甲"}}, {("/learner", "one_way_of_naming")}),
    (
        {"learner": {"identifier": {"type": "cn.resident_id", "value": "510201195512300010"}, "name": "甲"}},
        {("/learner/identifier/value", "wrong_check_digit")},
    ),
    (
        {"learner": {"identifier": {"type": "id_card", "value": "1"}, "name": "甲"}},
        {("/learner/identifier/type", "unknown_identifier_type")},
    ),
)
"""What is changed in a sound record, and the reasons for which it is refused."""

LEARNERS: tuple[tuple[dict[str, Any], Reasons], ...] = (
    ({"name": ""}, {("/name", "blank")}),
    ({"name": "名" * 121}, {("/name", "too_long")}),
    ({"name": "a\tb"}, {("/name", "control_character")}),
    ({"name": None}, {("/name", "null")}),
    ({"identifiers": []}, {("/identifiers", "wrong_count")}),
    ({"identifiers": {}}, {("/identifiers", "wrong_type")}),
    ({"identifiers": [{"type": "passport", "value": "E12345678"}] * 11}, {("/identifiers", "wrong_count")}),
    ({"identifiers": [1]}, {("/identifiers/0", "wrong_type")}),
    (
        {"identifiers": [{"type": "cn.resident_id", "value": "510201195512300010"}]},
        {("/identifiers/0/value", "wrong_check_digit")},
    ),
    (
        {"identifiers": [{"type": "cn.resident_id", "value": "５10201195512300019"}]},
        {("/identifiers/0/value", "wrong_form")},
    ),
    (
        {"identifiers": [{"type": "passport", "value": "E12345678"}, {"type": "tax", "value": "1"}]},
        {("/identifiers/1/type", "unknown_identifier_type")},
    ),
    ({"birth_date": "1955-12-31"}, {("/birth_date", "contradicts_resident_id")}),
    ({"birth_date": "2026-07-02"}, {("/birth_date", "future_date")}),
    ({"birth_date": "1955-13-01"}, {("/birth_date", "wrong_date")}),
    ({"age": 70}, {("/age", "unknown_field")}),
)

NO_LIMITS = ("0", "201", "1.9", "1_0", "１", "-1", "+1", "true", "", "9" * 30)

NO_CURSORS = ("x", "!", "名", "a" * 501)

NO_PLACES: tuple[Any, ...] = (
    *(None, 1, "x", {}, [], [[]], [None], ["\ud800"], ["\x00"], ["\ud800", 1], ["\x00", 1], ["a", -1], ["a", 2**40]),
    *(["a", True], ["a", 1.5], ["2026-07-01T00:00:00Z", "\ud800", 1], ["2026-07-01T00:00:00", NOBODY], ["9999", "x"]),
    *(["0001-01-01T00:00:00+14:00", NOBODY], ["0001-01-01T00:00:00+14:00", "a", 1]),
    *(["9999-12-31T23:59:59-14:00", NOBODY], ["9999-12-31T23:59:59-14:00", "a", 1]),
)
"""What stands in cursors that somebody made up."""


def counts(house: House) -> dict[str, int]:
    """Return the number of rows of every table."""
    with house.bank.database.reading() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in catalogue.sorted_tables
        }


@contextmanager
def nothing_written(house: House) -> Iterator[None]:
    """Hold that no table of the bank gains or loses a row."""
    house.auth()  # so that its client is there before
    before = counts(house)
    yield
    assert counts(house) == before


def reasons(answer: Any) -> Reasons:
    """Return where and why a request was refused, after looking at the form of the answer."""
    assert answer.mimetype == "application/problem+json", answer.get_data(as_text=True)
    problem = answer.get_json()
    assert problem["status"] == answer.status_code
    assert all(error["message_zh"] and error["message_en"] for error in problem["errors"])
    return {(error["pointer"], error["code"]) for error in problem["errors"]}


def cursor_of(place: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


@pytest.mark.parametrize("path", ["/v1/outcomes", "/v1/learners", "/v1/rulesets", "/v1/outcomes/batch"])
def test_a_body_that_is_no_sound_json_is_refused_as_a_whole(house: House, path: str) -> None:
    auth = house.auth("cqdx", "learners:write", "outcomes:write", "rules:write")
    with nothing_written(house):
        for name, (body, status, expected) in BODIES.items():
            answer = house.http.post(path, data=body, content_type="application/json", headers=auth)
            assert (name, answer.status_code, reasons(answer)) == (name, status, expected)


def test_a_body_of_another_shape_or_type_is_refused(house: House) -> None:
    wanted = [(path, {}) for path in ("/v1/outcomes", "/v1/learners", "/v1/institutions", "/v1/schemes")]
    with nothing_written(house):
        for path, _ in wanted:
            for body in (b"null", b"[]", b'"text"', b"1", b"true"):
                answer = house.http.post(path, data=body, content_type="application/json", headers=house.auth())
                assert (path, body, answer.status_code, reasons(answer)) == (path, body, 422, {("", "wrong_type")})
        for path in ("/v1/outcomes", "/v1/outcomes/batch", "/v1/rulesets"):
            for content_type in ("text/plain", "application/x-www-form-urlencoded", "application/xml", ""):
                answer = house.http.post(path, data=b"{}", content_type=content_type, headers=house.auth())
                assert (content_type, answer.status_code) == (content_type, 415)
                assert reasons(answer) == {("", "unsupported_media_type")}


def test_a_record_with_a_fault_is_refused_at_its_place(house: House) -> None:
    learner = house.open_learner()
    with nothing_written(house):
        for changes, expected in OUTCOMES:
            body = outcome_body(learner["id"], 1, **changes)
            answer = house.http.post("/v1/outcomes", json=body, headers=house.auth())
            assert (changes, answer.status_code, reasons(answer)) == (changes, 422, expected)


def test_a_faulty_row_of_a_batch_is_refused_like_the_same_record_alone(house: House) -> None:
    learner = house.open_learner()
    rows = [outcome_body(learner["id"], place, **changes) for place, (changes, _) in enumerate(OUTCOMES)]
    before = counts(house)
    answer = house.http.post("/v1/outcomes/batch", json=rows, headers=house.auth())
    assert answer.status_code == 200, answer.get_data(as_text=True)
    told = [{(error["pointer"], error["code"]) for error in row["errors"]} for row in answer.get_json()["results"]]
    assert told == [expected for _, expected in OUTCOMES]
    after = counts(house)
    assert {name for name in after if after[name] != before[name]} == {"audit"}


def test_a_person_with_a_fault_is_refused_at_its_place(house: House) -> None:
    with nothing_written(house):
        for changes, expected in LEARNERS:
            answer = house.http.post("/v1/learners", json=learner_body(1, **changes), headers=house.auth())
            assert (changes, answer.status_code, reasons(answer)) == (changes, 422, expected)


def test_all_faults_are_told_at_once(house: House) -> None:
    required = {f"/{name}" for name in ("external_id", "learner", "kind", "title", "completed_on")}
    with nothing_written(house):
        answer = house.http.post("/v1/outcomes", json={}, headers=house.auth())
        assert reasons(answer) == {(pointer, "required") for pointer in required}
        answer = house.http.post("/v1/learners", json={"nane": "甲"}, headers=house.auth())
        assert reasons(answer) == {("/name", "required"), ("/identifiers", "required"), ("/nane", "unknown_field")}
        body = outcome_body(NOBODY, 1, hours="-1", title="", kind="x", learner={"id": "x"})
        answer = house.http.post("/v1/outcomes", json=body, headers=house.auth())
        assert {pointer for pointer, _ in reasons(answer)} == {"/hours", "/title", "/kind", "/learner/id"}


def test_a_course_can_be_completed_today_in_shanghai_but_not_tomorrow(house: House) -> None:
    learner = house.open_learner()
    house.clock.move(hours=11, minutes=59)  # 23:59 in Shanghai, still 1 July
    house.tokens.clear()  # the tokens of noon are too old
    tomorrow = outcome_body(learner["id"], 1, completed_on="2026-07-02")
    with nothing_written(house):
        refused = house.http.post("/v1/outcomes", json=tomorrow, headers=house.auth())
        assert (refused.status_code, reasons(refused)) == (422, {("/completed_on", "future_date")})
    today = outcome_body(learner["id"], 2, completed_on="2026-07-01")
    assert house.http.post("/v1/outcomes", json=today, headers=house.auth()).status_code == 201
    house.clock.move(minutes=1)  # midnight in Shanghai, 16:00 UTC of 1 July
    assert house.http.post("/v1/outcomes", json=tomorrow, headers=house.auth()).status_code == 201


def test_a_list_takes_only_sound_limits_and_its_own_cursors(house: House) -> None:
    learner = house.open_learner()
    auth = house.auth("cqdx", "outcomes:read", "statement:read", "audit:read")
    lists = [f"/v1/learners/{learner['id']}/{name}" for name in ("outcomes", "statement")]
    cursors = [*NO_CURSORS, *map(cursor_of, NO_PLACES)]
    for path in (*lists, "/v1/institutions", "/v1/rulesets"):
        for limit in NO_LIMITS:
            answer = house.http.get(path, query_string={"limit": limit}, headers=auth)
            assert (path, limit, reasons(answer)) == (path, limit, {("/limit", "wrong_number")})
        for cursor in cursors:
            answer = house.http.get(path, query_string={"cursor": cursor}, headers=auth)
            if answer.status_code == 200:
                assert path in ("/v1/institutions", "/v1/rulesets"), cursor  # a code that there might be
                continue
            assert (path, cursor, answer.status_code) == (path, cursor, 422)
            assert reasons(answer) <= {("/cursor", "wrong_cursor"), ("/cursor", "too_long")}
        answer = house.http.get(path, query_string={"page": "2"}, headers=auth)
        assert (answer.status_code, reasons(answer)) == (422, {("/page", "unknown_field")})


def test_a_balance_takes_only_days_and_instants(house: House) -> None:
    path = f"/v1/learners/{house.open_learner()['id']}/balance"
    for day in ("2026-7-1", "today", "２０２６-07-01", ""):
        answer = house.http.get(path, query_string={"as_of": day}, headers=house.auth())
        assert (day, answer.status_code, reasons(answer)) == (day, 422, {("/as_of", "wrong_date")})
    for instant in ("2026-07-01", "2026-07-01T00:00:00", "0001-01-01T00:00:00+14:00", "now", "2026-07-01T25:00:00Z"):
        answer = house.http.get(path, query_string={"known_at": instant}, headers=house.auth())
        assert (instant, answer.status_code, reasons(answer)) == (instant, 422, {("/known_at", "wrong_instant")})
    for known_at in ("1900-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        for as_of in ("1900-01-01", "9999-12-31"):
            query = {"as_of": as_of, "known_at": known_at}
            assert house.http.get(path, query_string=query, headers=house.auth()).status_code == 200


def test_a_correction_needs_the_revision_that_stands(house: House) -> None:
    learner = house.open_learner()
    outcome = house.post_outcome(learner["id"])
    body = outcome_body(learner["id"], 1, external_id=outcome["external_id"], hours="32")
    path = f"/v1/outcomes/{outcome['id']}"
    with nothing_written(house):
        answer = house.http.put(path, json=body, headers=house.auth())
        assert (answer.status_code, reasons(answer)) == (428, {("", "if_match_missing")})
        for tag in ('"2"', "1", "*", "", '"0"', '"1.9"', '"１"', 'W/"1"', '"' + "9" * 30 + '"', '"1", "2"'):
            answer = house.http.put(path, json=body, headers=house.auth() | {"If-Match": tag})
            assert (tag, answer.status_code, reasons(answer)) == (tag, 412, {("", "outdated")})
    assert house.http.put(path, json=body, headers=house.auth() | {"If-Match": '"1"'}).status_code == 200


def test_an_idempotency_key_is_short_and_visible(house: House) -> None:
    with nothing_written(house):
        for key in ("", "a b", "键", "a" * 129):
            headers = house.auth() | {"Idempotency-Key": key}
            answer = house.http.post("/v1/learners", json=learner_body(1), headers=headers)
            assert (key, answer.status_code, reasons(answer)) == (key, 422, {("", "wrong_idempotency_key")})
    headers = house.auth() | {"Idempotency-Key": "a" * 128}
    assert house.http.post("/v1/learners", json=learner_body(1), headers=headers).status_code == 201


def test_a_version_is_a_whole_number(house: House) -> None:
    facts = {"kind": "course", "title": "课", "issuer": "cqdx", "completed_on": "2026-06-30"}
    path = "/v1/rulesets/cn-chongqing-community"
    for version in (1.9, "1", True, 0, 10_000, -1, []):
        answer = house.http.post(
            f"{path}/evaluate", json={"version": version, "facts": facts}, headers=house.auth("cqdx")
        )
        assert (version, answer.status_code, reasons(answer)) == (version, 422, {("/version", "wrong_number")})
    for version in ("1.9", "１", "1_0", "-1", "9" * 30, "0"):
        assert house.http.get(f"{path}/versions/{version}", headers=house.auth()).status_code == 404


def test_there_is_nothing_at_an_unknown_address_and_nothing_but_the_documented_methods(house: House) -> None:
    for path in (
        *("/v1/outcome", "/v1/learners/", "/v1", "/%00", "/v1/%ED%A0%80", "/v1/rulesets/%00", "/v1/rulesets/a%00b"),
        *("/v1/rulesets/%ED%A0%80", "/v1/rulesets/" + "a" * 5000, "/v1/outcomes/%00", "/v1/outcomes/x/y"),
        *("/v1/decisions/" + "0" * 5000, "/v1/institutions/名"),
    ):
        answer = house.http.get(path, headers=house.auth())
        assert (path, answer.status_code) == (path, 404)
        assert {pointer for pointer, _ in reasons(answer)} == {""}
    answer = house.http.delete("/v1/outcomes", headers=house.auth())
    assert (answer.status_code, reasons(answer)) == (405, {("", "method_not_allowed")})
    assert "POST" in answer.headers["Allow"]


def test_what_is_anothers_answers_like_what_does_not_exist(house: House) -> None:
    """Byte for byte, apart from the number of the request."""
    learner = house.open_learner()
    outcome = house.post_outcome(learner["id"])
    other = house.auth("cqou")
    kinds = {
        "/v1/learners/{}": learner["id"],
        "/v1/learners/{}/balance": learner["id"],
        "/v1/learners/{}/balance?as_of=2026-07-01": learner["id"],
        "/v1/learners/{}/statement": learner["id"],
        "/v1/learners/{}/outcomes": learner["id"],
        "/v1/outcomes/{}": outcome["id"],
        "/v1/decisions/{}": outcome["decision_id"],
    }
    with nothing_written(house):
        for path, foreign in kinds.items():
            answers = [house.http.get(path.format(name), headers=other) for name in (foreign, NOBODY, "x", "me")]
            assert {answer.status_code for answer in answers} == {404}
            assert len({told(answer) for answer in answers}) == 1, path
        record = outcome_body(learner["id"], 1)
        changes = [
            ("POST", "/v1/outcomes/{}/revoke", {"reason": "误"}, outcome["id"]),
            ("PUT", "/v1/outcomes/{}", record, outcome["id"]),
            ("POST", "/v1/decisions/{}/replay", None, outcome["decision_id"]),
        ]
        for method, path, body, foreign in changes:
            headers = other | {"If-Match": '"1"'}
            answers = [
                house.http.open(path.format(name), method=method, json=body, headers=headers)
                for name in (foreign, NOBODY)
            ]
            assert {answer.status_code for answer in answers} == {404}
            assert len({told(answer) for answer in answers}) == 1, path
        posted = [
            house.http.post("/v1/outcomes", json=outcome_body(name, 1), headers=other)
            for name in (learner["id"], NOBODY)
        ]
        assert {answer.status_code for answer in posted} == {404}
        assert len({told(answer) for answer in posted}) == 1


def told(answer: Any) -> str:
    """Return an answer's status, headers and body without what names the request."""
    headers = sorted((name, value) for name, value in answer.headers if name not in ("X-Request-Id", "RateLimit"))
    return f"{answer.status} {headers} " + answer.get_data(as_text=True).replace(answer.headers["X-Request-Id"], "")


def test_every_name_comes_back_byte_for_byte(house: House) -> None:
    names = (
        "阿卜杜热西提·买买提",
        "𬭎",
        "田䶮",
        "е́" * 30,
        "名" * 60,
        "名" * 120,
        "𬭎" * 120,
        "O'Brien-Łódź",
        " 王 ",
        "👩🏽‍🎓",
    )
    for place, name in enumerate(names, start=1):
        opened = house.http.post("/v1/learners", json=learner_body(place, name=name), headers=house.auth())
        assert (name, opened.status_code) == (name, 201)
        shown = house.http.get(f"/v1/learners/{opened.get_json()['id']}", headers=house.auth())
        assert shown.get_json()["name"] == name
        assert name.encode() in shown.get_data()


def test_a_resident_id_from_before_1997_is_taken(house: House) -> None:
    number = resident_id(1, prefix="510201")
    assert number.startswith("5102")
    learner = house.open_learner(identifiers=[{"type": "cn.resident_id", "value": number}])
    assert [item["type"] for item in learner["identifiers"]] == ["cn.resident_id"]


class Lines:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.text = ""

    def info(self, event: str, **said: object) -> None:
        self.text += f"{event} {said}\n"

    error = info


def test_identifiers_and_names_stay_out_of_answers_and_logs(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lines = Lines()
    monkeypatch.setattr(observing, "log", lines)
    monkeypatch.setattr(problems, "log", lines)
    caplog.set_level("DEBUG")
    name, number, passport, faulty = "欧阳秘名", resident_id(7), "E87654321", "510201195512300010"
    identifiers = [{"type": "cn.resident_id", "value": number}, {"type": "passport", "value": passport}]
    body = learner_body(1, name=name, identifiers=identifiers)
    record = outcome_body(NOBODY, 1, learner={"identifier": identifiers[0], "name": name})
    rival = learner_body(2, name="另一人", identifiers=identifiers[:1])
    spoilt = learner_body(3, name=name, identifiers=[{"type": "cn.resident_id", "value": faulty}])
    posted = [
        house.http.post("/v1/learners", json=body, headers=house.auth() | {"Idempotency-Key": "k"}),
        house.http.post("/v1/learners", json=body, headers=house.auth() | {"Idempotency-Key": "k"}),
        house.http.post("/v1/outcomes", json=record, headers=house.auth()),
        house.http.post("/v1/outcomes", json=record | {"title": "另一门"}, headers=house.auth()),
        house.http.post("/v1/outcomes/batch", json=[record, record | {"hours": "x"}], headers=house.auth()),
        house.http.post("/v1/learners", json=rival, headers=house.auth("cqou")),
        house.http.post("/v1/learners", json=spoilt, headers=house.auth()),
    ]
    assert [answer.status_code for answer in posted] == [201, 201, 201, 409, 200, 201, 422]
    learner_id = posted[0].get_json()["id"]
    paths = ("", "/balance", "/statement", "/outcomes")
    read = [house.http.get(f"/v1/learners/{learner_id}{path}", headers=house.auth()) for path in paths]
    decision = house.http.get(f"/v1/decisions/{posted[2].get_json()['decision_id']}", headers=house.auth())
    texts = [answer.get_data(as_text=True) for answer in (*posted, *read, decision)]
    for secret in (number, passport, faulty):
        assert not [text for text in texts if secret in text]
    assert [item["masked"] for item in posted[0].get_json()["identifiers"]] == [
        f"5{'*' * 15}{number[-2:]}",
        f"E{'*' * 6}21",
    ]
    logged = lines.text + caplog.text
    assert logged.count("/v1/learners") >= 5
    assert not [secret for secret in (number, passport, faulty, name, learner_id) if secret in logged]


def test_naughty_strings_come_back_byte_for_byte_or_are_refused(house: House) -> None:
    if not NAUGHTY.exists():
        pytest.skip(f"the Big List of Naughty Strings is not at {NAUGHTY}")
    strings = list(dict.fromkeys(json.loads(NAUGHTY.read_text())))
    learner = house.open_learner()
    records = [
        outcome_body(learner["id"], place, title=f"课{place}") | changes
        for place, text in enumerate(strings)
        for changes in ({"title": text}, {"external_id": text}, {"certificate_no": text}, {"code": text})
    ]
    for place, record in enumerate(records):
        if place % 4 != 1:
            record["external_id"] = f"n-{place}"
    answer = house.http.post("/v1/outcomes/batch", json=records, headers=house.auth())
    assert answer.status_code == 200, answer.get_data(as_text=True)[:2000]
    results = answer.get_json()["results"]
    contents = {item["id"]: item for item in outcomes_of(house, learner["id"])}
    taken = 0
    for record, result in zip(records, results, strict=True):
        if result["status"] == "rejected":
            assert {error["code"] for error in result["errors"]} <= {"blank", "control_character", "too_long"}
            continue
        taken += 1
        shown = contents[result["id"]]
        assert shown["external_id"] == record["external_id"]
        assert (shown["content"]["title"], shown["content"].get("code")) == (record["title"], record.get("code"))
    assert taken > len(records) * 0.8
    assert len(contents) > len(strings) * 3


def test_naughty_names_come_back_byte_for_byte_or_are_refused(house: House) -> None:
    if not NAUGHTY.exists():
        pytest.skip(f"the Big List of Naughty Strings is not at {NAUGHTY}")
    records = [
        outcome_body("", place, learner={"identifier": learner_body(place)["identifiers"][0], "name": text})
        for place, text in enumerate(dict.fromkeys(json.loads(NAUGHTY.read_text())))
    ]
    results = house.http.post("/v1/outcomes/batch", json=records, headers=house.auth()).get_json()["results"]
    taken = 0
    for record, result in zip(records, results, strict=True):
        if result["status"] == "rejected":
            assert {error["code"] for error in result["errors"]} <= {"blank", "control_character", "too_long"}
            continue
        taken += 1
        shown = house.http.get(f"/v1/learners/{result['learner_id']}", headers=house.auth())
        assert shown.get_json()["name"] == record["learner"]["name"]
    assert taken > 400


def test_naughty_reasons_come_back_byte_for_byte_or_are_refused(house: House) -> None:
    if not NAUGHTY.exists():
        pytest.skip(f"the Big List of Naughty Strings is not at {NAUGHTY}")
    learner = house.open_learner()
    texts = [text for text in json.loads(NAUGHTY.read_text()) if any(ord(char) > 127 for char in text)][::3]
    records = [outcome_body(learner["id"], place) for place in range(len(texts))]
    results = house.http.post("/v1/outcomes/batch", json=records, headers=house.auth()).get_json()["results"]
    taken = 0
    for text, result in zip(texts, results, strict=True):
        path = f"/v1/outcomes/{result['id']}/revoke"
        revoked = house.http.post(path, json={"reason": text}, headers=house.auth())
        if revoked.status_code == 200:
            taken += 1
            path = f"/v1/decisions/{revoked.get_json()['decision_id']}"
            assert house.http.get(path, headers=house.auth()).get_json()["inputs"]["reason"] == text
        else:
            assert revoked.status_code == 422
            assert {code for _, code in reasons(revoked)} <= {"blank", "control_character", "too_long"}
    assert taken > len(texts) * 0.6


def outcomes_of(house: House, learner_id: str) -> list[dict[str, Any]]:
    """Return all outcomes of a learner, page by page."""
    items: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 200}
    while True:
        path = f"/v1/learners/{learner_id}/outcomes"
        page = house.http.get(path, query_string=query, headers=house.auth()).get_json()
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        query["cursor"] = page["next_cursor"]
