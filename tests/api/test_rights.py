"""A learner's rights: the diary of reads, the export, restriction, and corrections asked for and made."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from creditbank.core.diary import BASES, SIGHTS
from creditbank.core.entitlement import Basis, Sight
from creditbank.core.permission import Actor
from creditbank.formats.tables import cell, csv_bytes
from creditbank.services import diary as diary_pages
from creditbank.services import exporting
from creditbank.services.bank import looked_up
from creditbank.services.clients import administrator
from creditbank.services.exporting import EXEMPT, PARTS
from creditbank.services.learners import holder
from creditbank.services.sealing import Log, seal
from creditbank.services.verification import verify
from creditbank.storage import catalogue
from creditbank.storage.holdings import OMITTED, SEALED
from tests.api.seeding import qualification_rules
from tests.builders import House, outcome_body, resident_id
from tests.net import NAME_MARK

TARGET = {"institution": "acceptor", "programme": "administration", "courses": ["c1"]}


def diary_lines(house: House) -> int:
    """Return how many lines all diaries have."""
    with house.bank.database.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(catalogue.tables["access_log"])).scalar_one())


def diary(house: House, learner_id: str, **query: str) -> list[dict[str, Any]]:
    answer = house.http.get(
        f"/v1/learners/{learner_id}/access-log", query_string=query, headers=house.learner_auth(learner_id)
    )
    assert answer.status_code == 200, answer.get_data(as_text=True)
    items: list[dict[str, Any]] = answer.get_json()["items"]
    return items


def test_the_diary_says_in_plain_words_who_saw_what_and_why(house: House) -> None:
    learner = house.open_learner()
    house.balance(learner["id"])
    (line,) = diary(house, learner["id"])
    assert (line["sight"], line["basis"], line["institution"]) == (
        "balance",
        "known",
        {"code": "cqdx", "name": "机构 cqdx"},
    )
    assert line["happened_at"] == "2026-07-01T04:00:00.000000Z"
    assert line["sentences"]["zh"] == "机构 cqdx于 2026-07-01 12:00 查看了您的余额（依据：该机构登记了您的学习成果）"
    assert "2026-07-01 12:00" in line["sentences"]["en"]


def test_every_sight_and_basis_has_its_words() -> None:
    assert SIGHTS.keys() == set(Sight)
    assert BASES.keys() == set(Basis)


def test_the_diary_comes_in_pages_newest_first_and_skips_nothing(house: House) -> None:
    learner = house.open_learner()
    for _ in range(5):
        house.clock.move(seconds=1)
        house.balance(learner["id"])
    url, auth = f"/v1/learners/{learner['id']}/access-log", house.learner_auth(learner["id"])
    found: list[str] = []
    cursor = None
    while True:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = house.http.get(url, query_string=query, headers=auth).get_json()
        found += [item["happened_at"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == sorted(found, reverse=True)
    assert len(found) == 5


def test_the_diary_is_for_the_learner_and_auditors_whose_look_is_noted(house: House) -> None:
    learner, other = house.open_learner(), house.open_learner()
    url = f"/v1/learners/{learner['id']}/access-log"
    for auth in (house.auth(), house.learner_auth(other["id"]), house.auth("cqdx", "admin")):
        refused = house.http.get(url, headers=auth)
        assert (refused.status_code, refused.get_json()["errors"][0]["code"]) == (404, "unknown_learner")
    assert diary(house, learner["id"]) == []
    seen = house.http.get(url, headers=house.auth("authority", "audit:read"))
    assert seen.status_code == 200
    (line,) = diary(house, learner["id"])
    assert (line["sight"], line["basis"]) == ("access_log", "audit")


Url = Callable[[dict[str, str]], str]

SIGHTS_BY_READ: dict[str, tuple[Url, str, str]] = {
    "GET /v1/learners/{learner_id}": (lambda ids: f"/v1/learners/{ids['learner']}", "cqdx", "identity"),
    "GET /v1/learners/{learner_id}/balance": (lambda ids: f"/v1/learners/{ids['learner']}/balance", "cqdx", "balance"),
    "GET /v1/learners/{learner_id}/statement": (
        lambda ids: f"/v1/learners/{ids['learner']}/statement",
        "cqdx",
        "statement",
    ),
    "GET /v1/learners/{learner_id}/statement/{entry_id}/proof": (
        lambda ids: f"/v1/learners/{ids['learner']}/statement/{ids['entry']}/proof",
        "cqdx",
        "statement",
    ),
    "GET /v1/learners/{learner_id}/outcomes": (
        lambda ids: f"/v1/learners/{ids['learner']}/outcomes",
        "cqdx",
        "outcomes",
    ),
    "GET /v1/learners/{learner_id}/elmo": (lambda ids: f"/v1/learners/{ids['learner']}/elmo", "cqdx", "outcomes"),
    "GET /v1/outcomes/{outcome_id}": (lambda ids: f"/v1/outcomes/{ids['outcome']}", "cqdx", "outcomes"),
    "GET /v1/decisions/{decision_id}": (lambda ids: f"/v1/decisions/{ids['decision']}", "cqdx", "decision"),
    "GET /v1/conversions/{conversion_id}": (
        lambda ids: f"/v1/conversions/{ids['conversion']}",
        "acceptor",
        "conversion",
    ),
    "GET /v1/conversions": (lambda _: "/v1/conversions", "acceptor", "conversion"),
    "GET /v1/cases": (lambda _: "/v1/cases", "acceptor", "case"),
    "GET /v1/cases/{case_id}": (lambda ids: f"/v1/cases/{ids['case']}", "acceptor", "case"),
    "GET /v1/learners/{learner_id}/qualifications/{code}": (
        lambda ids: f"/v1/learners/{ids['learner']}/qualifications/made-up-qualification",
        "cqdx",
        "qualification",
    ),
    "GET /v1/award-cases": (lambda _: "/v1/award-cases", "acceptor", "qualification"),
    "GET /v1/award-cases/{case_id}": (
        lambda ids: f"/v1/award-cases/{ids['award_case']}",
        "acceptor",
        "qualification",
    ),
    "GET /v1/learners/{learner_id}/access-log": (
        lambda ids: f"/v1/learners/{ids['learner']}/access-log",
        "",
        "access_log",
    ),
    "GET /v1/correction-requests": (lambda _: "/v1/correction-requests", "cqdx", "requests"),
    "GET /v1/erasure-requests": (lambda _: "/v1/erasure-requests", "cqdx", "requests"),
    "GET /v1/learners/{learner_id}/consents": (lambda ids: f"/v1/learners/{ids['learner']}/consents", "", "consents"),
    "GET /v1/learners/{learner_id}/consents/{consent_id}": (
        lambda ids: f"/v1/learners/{ids['learner']}/consents/{ids['consent']}",
        "",
        "consents",
    ),
    "GET /v1/learners/{learner_id}/guardians": (
        lambda ids: f"/v1/learners/{ids['learner']}/guardians",
        "cqdx",
        "identity",
    ),
    "GET /v1/consents": (lambda _: "/v1/consents", "stranger", "consents"),
    "GET /v1/credentials/{credential_id}": (lambda ids: f"/v1/credentials/{ids['credential']}", "cqdx", "credentials"),
    "GET /v1/credentials/{credential_id}.pdf": (
        lambda ids: f"/v1/credentials/{ids['paper']}.pdf",
        "cqdx",
        "credentials",
    ),
    "GET /v1/learners/{learner_id}/credentials": (
        lambda ids: f"/v1/learners/{ids['learner']}/credentials",
        "",
        "credentials",
    ),
    "GET /v1/learners/{learner_id}/credentials/record": (
        lambda ids: f"/v1/learners/{ids['learner']}/credentials/record",
        "",
        "credentials",
    ),
}
"""Reads that show a learner's data to others: where, to whom ("" to auditors alone), and what they see."""

OWN_READS = {
    "GET /v1/learners/{learner_id}/export",
    "GET /v1/learners/{learner_id}/correction-requests",
    "GET /v1/learners/{learner_id}/erasure-requests",
    "GET /v1/learners/{learner_id}/logins",
    "GET /v1/credentials/{credential_id}/shares",
}
"""Reads that are answered to the learner alone, and to who acts for them."""

OF_EVENTS = {"GET /v1/events"}
"""Reads of what happened to many, in whose diaries test_events looks."""

OF_TWO = {"GET /v1/identity/cases", "GET /v1/identity/cases/{case_id}"}
"""Reads that show two learners, in whose diaries test_identity_cases looks."""

OF_NOBODY = (
    "/oauth/",
    "/.well-known/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/v1/rulesets",
    "/v1/institutions",
    "/v1/schemes",
    "/v1/programmes",
    "/login/",
    "/v1/audit",
    "/v1/webhooks",
    "/v1/consent-texts",
    "/v1/regions",
    "/v1/staff",
    "/v1/statistics",
    "/v1/log",
    "/v1/status-lists",
    "/credentials/contexts",
    "/verify/",
    "/v1/imports",
)
"""Where no learner's data is shown, or by their own link (test_credentials); the audit log tells acts by pseudonym.
Examples of what a rule set would change are in the diary, too (test_ruleset_lifecycle), and so are proofs of entries
(test_log). Of a file that it sent an
institution is shown nothing but its own rows."""

NOT_AUDITED = {
    *("GET /v1/correction-requests", "GET /v1/erasure-requests", "GET /v1/consents"),
    "GET /v1/credentials/{credential_id}.pdf",
}
"""What isn't shown to auditors: the learner's own words, what is addressed to others, and what is printed."""

READING = {
    "cqdx": (
        *("learners:write", "outcomes:write", "outcomes:read", "balance:read", "statement:read"),
        *("conversions:write", "conversions:review", "identity:review", "credentials:issue"),
    ),
    "acceptor": ("conversions:review", "outcomes:read"),
    "stranger": ("balance:read",),
}


def stocked_with_everything(house: House) -> dict[str, str]:
    """Give a learner with something behind every read, and return the ids."""
    learner = house.open_learner()
    house.publish_programme("acceptor")
    house.publish_rules(same_title("acceptor"))
    outcome = house.post_outcome(learner["id"], title="管理学")
    converted = house.convert(learner["id"], TARGET, [outcome["id"]])
    auth = house.learner_auth(learner["id"])
    wish = {"kind": "outcome", "subject_id": outcome["id"]}
    issued = house.http.post("/v1/credentials", json=wish, headers=auth).get_json()
    standing = house.post_outcome(learner["id"], title="书法")
    wish = {"kind": "outcome", "subject_id": standing["id"]}
    paper = house.http.post("/v1/credentials", json=wish, headers=auth).get_json()
    url = f"/v1/credentials/{issued['id']}/shares"
    assert house.http.post(url, json={"details": ["credits"]}, headers=auth).status_code == 201
    house.publish_rules(qualification_rules("acceptor"))
    url = "/v1/qualifications/made-up-qualification/awards"
    assert house.http.post(url, json={"level": "one"}, headers=auth).status_code == 201
    revoked = house.http.post(f"/v1/outcomes/{outcome['id']}/revoke", json={"reason": "有误"}, headers=house.auth())
    assert revoked.status_code == 200
    body = {"about": {"outcome_id": outcome["id"]}, "says": "课时不对", "wants": "64 课时"}
    assert house.http.post("/v1/learners/me/correction-requests", json=body, headers=auth).status_code == 201
    body = {"confirm_account_no": learner["account_no"], "reason": "不再学习"}
    assert house.http.post("/v1/learners/me/erasure-requests", json=body, headers=auth).status_code == 201
    house.publish_texts()
    consent = house.consent(learner["id"], "stranger")
    seal(Log(house.bank, "bank.example/log"))
    lines = house.http.get("/v1/learners/me/statement", headers=auth).get_json()["items"]
    reviewer = house.auth("acceptor", "conversions:review")
    (case,), (award_case,) = (
        house.http.get(path, headers=reviewer).get_json()["items"] for path in ("/v1/cases", "/v1/award-cases")
    )
    return {
        "learner": learner["id"],
        "outcome": outcome["id"],
        "decision": outcome["decision_id"],
        "conversion": converted["id"],
        "case": case["id"],
        "award_case": award_case["id"],
        "consent": consent["id"],
        "entry": lines[0]["id"],
        "credential": issued["id"],
        "standing": standing["id"],
        "paper": paper["id"],
    }


LEFT_EMPTY = {
    *("identity_history", "merged_accounts", "identity_cases", "certificates", "consent_withdrawals"),
    *("guardians", "logins", "counters"),
}
"""Parts of an export of which this learner has nothing."""


def same_title(institution: str) -> dict[str, Any]:
    """Return rules without review for a programme of an institution."""
    programme = {"institution": institution, "code": "x", "title": "x", "scheme": "cn-16h-half", "total_credits": "76"}
    given = {"applied_on": "2026-01-01", "programme": programme, "outcomes": []}
    return {
        "code": "test-same-title",
        "version": 1,
        "kind": "conversion",
        "title": {"zh": "示例", "en": "Example"},
        "authority": "示例",
        "source": {"document": "示例"},
        "valid_from": "2020-01-01",
        "priority": 100,
        "version_date": "applied",
        "scheme": "cn-16h-half",
        "rules": [{"id": "same", "when": {"same_title": True}}],
        "tests": [{"id": "nothing", "given": given, "expect": {"credits": "0.00"}}],
    }


def test_every_read_of_the_api_document_is_either_in_the_diary_or_shows_nobody(house: House) -> None:
    document = house.http.get("/openapi.json").get_json()
    reads = {f"GET {path}" for path, item in document["paths"].items() if "get" in item}
    personal = {read for read in reads if not read.removeprefix("GET ").startswith(OF_NOBODY)}
    assert personal == SIGHTS_BY_READ.keys() | OWN_READS | OF_TWO | OF_EVENTS


def test_every_read_by_others_leaves_one_line_and_the_learners_own_none(house: House) -> None:
    ids = stocked_with_everything(house)
    before = diary_lines(house)
    for read, (url, reader, sight) in SIGHTS_BY_READ.items():
        readers = [(reader, READING[reader])] if reader else []
        readers += [] if read in NOT_AUDITED else [("authority", ("audit:read",))]
        for institution, scopes in readers:
            answer = house.http.get(url(ids), headers=house.auth(institution, *scopes))
            assert answer.status_code == 200, (read, institution, answer.get_data(as_text=True))
            assert diary_lines(house) == before + 1, (read, institution)
            line = diary(house, ids["learner"])[0]
            audits = institution == "authority"
            assert (line["sight"], line["institution"]["code"]) == (sight, institution), read
            assert (line["basis"] == "audit") == audits, read
            before += 1
        owned = house.http.get(url(ids), headers=house.learner_auth(ids["learner"]))
        assert owned.status_code in (200, 403), read
        assert diary_lines(house) == before, read
    for read in OWN_READS:
        path = read.removeprefix("GET ").format(learner_id=ids["learner"], credential_id=ids["credential"])
        owned = house.http.get(path, headers=house.learner_auth(ids["learner"]))
        assert (owned.status_code, diary_lines(house)) == (200, before), read


def test_a_read_that_is_refused_leaves_no_line(house: House) -> None:
    ids = stocked_with_everything(house)
    other = house.open_learner("elsewhere")
    before = diary_lines(house)
    for read, (url, _, _) in SIGHTS_BY_READ.items():
        if read in ("GET /v1/conversions", "GET /v1/cases", "GET /v1/award-cases", *NOT_AUDITED):
            continue  # lists of one's own, which are empty
        stranger = ("learners:write", "outcomes:read", "balance:read", "statement:read", "conversions:review")
        for auth in (house.auth("elsewhere", *stranger), house.learner_auth(other["id"])):
            assert house.http.get(url(ids), headers=auth).status_code in (403, 404), read
        administrator_s = house.http.get(url(ids), headers=house.auth("cqdx", "admin"))
        assert administrator_s.status_code in (403, 404), read
    assert diary_lines(house) == before


def test_an_administrator_who_makes_a_learners_token_stands_in_the_diary(house: House) -> None:
    learner = house.open_learner()
    found = looked_up(house.bank, administrator(), lambda work: holder(work, learner["account_no"]))
    assert found == UUID(learner["id"])
    (line,) = diary(house, learner["id"])
    assert (line["sight"], line["basis"]) == ("token", "operator")
    assert line["sentences"]["zh"].startswith("学分银行运维人员于 ")
    assert line["sentences"]["en"].startswith("The bank's operator looked at a token")


def test_a_diary_that_cannot_be_written_means_no_answer(house: House) -> None:
    learner = house.open_learner()
    engine = house.bank.database.engine
    statements = (
        ["CREATE TRIGGER full BEFORE INSERT ON access_log BEGIN SELECT RAISE(ABORT, 'full'); END"]
        if engine.dialect.name == "sqlite"
        else ["CREATE TRIGGER full_up BEFORE INSERT ON access_log FOR EACH ROW EXECUTE FUNCTION refuse_change()"]
    )
    with engine.connect() as connection, connection.begin():
        for statement in statements:
            connection.execute(text(statement))
    house.app.config["PROPAGATE_EXCEPTIONS"] = False
    for path in ("", "/balance", "/statement", "/outcomes"):
        answer = house.http.get(f"/v1/learners/{learner['id']}{path}", headers=house.auth())
        assert answer.status_code == 500, path
        assert learner["name"] not in answer.get_data(as_text=True)


def unpacked(house: House, learner_id: str) -> zipfile.ZipFile:
    answer = house.http.get("/v1/learners/me/export", headers=house.learner_auth(learner_id))
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    return zipfile.ZipFile(io.BytesIO(answer.get_data()))


def table(archive: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(archive.read(f"json/{name}.json"))
    return rows


def test_the_export_holds_every_table_in_both_forms(house: House) -> None:
    ids = stocked_with_everything(house)
    archive = unpacked(house, ids["learner"])
    names = {"balances", *(part.name for part in PARTS)}
    assert set(archive.namelist()) == {"README.txt"} | {
        f"{form}/{name}.{form}" for form in ("json", "csv") for name in names
    }
    readme = archive.read("README.txt").decode()
    assert all(name in readme for name in names)
    for name in names:
        rows = table(archive, name)
        plain = archive.read(f"csv/{name}.csv").decode("utf-8-sig")
        assert len(list(csv.DictReader(io.StringIO(plain, newline="")))) == len(rows), name
    (profile,) = table(archive, "profile")
    (number,) = table(archive, "identifiers")
    assert profile["name"].startswith(NAME_MARK)
    assert number["value"] == resident_id(int(profile["name"].removeprefix(NAME_MARK)))
    assert {row["outcome_id"] for row in table(archive, "outcome_revisions")} == {ids["outcome"], ids["standing"]}
    assert ids["decision"] in {row["id"] for row in table(archive, "decisions") if row["sentences"]}
    assert table(archive, "correction_requests")[0]["says"] == "课时不对"
    assert table(archive, "erasure_requests")[0]["reason"] == "不再学习"
    assert table(archive, "access_log")[0]["sentences"]["zh"]
    assert {row["kind"] for row in table(archive, "statement")} >= {"recognise", "convert"}
    filled = {part.name for part in PARTS if table(archive, part.name)}
    assert filled >= {part.name for part in PARTS} - LEFT_EMPTY


def test_no_table_with_a_learners_id_is_missing_from_the_export() -> None:
    personal = {one.name for one in catalogue.tables.values() if "learner_id" in one.c} | {"learner"}
    assert personal == {part.table for part in PARTS} | EXEMPT.keys()
    sealed = {
        (part.table, column.name)
        for part in PARTS
        for column in catalogue.tables[part.table].c
        if column.name.startswith("sealed_") and column.name not in OMITTED.get(part.table, {})
    }
    assert sealed == SEALED.keys()


def test_an_export_is_for_the_learner_alone(house: House) -> None:
    learner = house.open_learner()
    for auth in (house.auth(), house.auth("authority", "audit:read"), house.learner_auth(house.open_learner()["id"])):
        assert house.http.get(f"/v1/learners/{learner['id']}/export", headers=auth).status_code == 404
    assert diary(house, learner["id"]) == []


def test_who_acts_for_the_learner_gets_identifiers_masked_and_stands_in_the_diary(house: House) -> None:
    learner = house.open_learner()
    staff = Actor("staff-1", frozenset(), learner_id=UUID(learner["id"]), is_proxy=True)
    with looked_up(house.bank, staff, lambda work: exporting.export(work, UUID(learner["id"]))) as packed:
        (number,) = table(zipfile.ZipFile(packed), "identifiers")
    assert number["value"] == learner["identifiers"][0]["masked"]
    looked_up(house.bank, staff, lambda work: diary_pages.page(work, UUID(learner["id"]), None, 10))
    lines = diary(house, learner["id"])
    assert {(line["sight"], line["basis"], line["reader"]) for line in lines} == {
        ("export", "proxy", "staff-1"),
        ("access_log", "proxy", "staff-1"),
    }
    assert lines[0]["sentences"]["zh"].startswith("staff-1于")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("+86 23", "'+86 23"),
        ("-cmd", "'-cmd"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("-3.00", "-3.00"),
        ("-3.00+1", "'-3.00+1"),
        ("管理学", "管理学"),
        (None, ""),
        (True, "true"),
        (0, "0"),
        ({"a": ["=1"]}, '{"a": ["=1"]}'),
    ],
)
def test_a_cell_is_never_a_formula(value: object, shown: str) -> None:
    assert cell(value) == shown


def test_csv_has_the_columns_of_all_rows_and_a_mark_for_spreadsheets() -> None:
    made = csv_bytes([{"a": 1}, {"b": 'x"y\nz'}])
    assert made.startswith(b"\xef\xbb\xbf")
    assert list(csv.DictReader(io.StringIO(made.decode("utf-8-sig"), newline=""))) == [
        {"a": "1", "b": ""},
        {"a": "", "b": 'x"y\nz'},
    ]


def restrict(house: House, learner_id: str) -> None:
    answer = house.http.post("/v1/learners/me/restriction", headers=house.learner_auth(learner_id))
    assert (answer.status_code, answer.get_json()["is_restricted"]) == (200, True)


def test_a_restricted_learner_is_unknown_to_others_and_reads_everything(house: House) -> None:
    ids = stocked_with_everything(house)
    restrict(house, ids["learner"])
    restrict(house, ids["learner"])
    for read, (url, reader, _) in SIGHTS_BY_READ.items():
        if reader and read not in NOT_AUDITED:
            answer = house.http.get(url(ids), headers=house.auth(reader, *READING[reader]))
            is_unknown = answer.status_code == 404 or answer.get_json().get("items") == []
            assert is_unknown, read
        if read not in NOT_AUDITED:
            audited = house.http.get(url(ids), headers=house.auth("authority", "audit:read"))
            assert audited.status_code == 200, read
        owned = house.http.get(url(ids), headers=house.learner_auth(ids["learner"]))
        assert owned.status_code in (200, 403), read
    lifted = house.http.delete("/v1/learners/me/restriction", headers=house.learner_auth(ids["learner"]))
    assert lifted.get_json()["is_restricted"] is False
    assert house.http.get(f"/v1/learners/{ids['learner']}/balance", headers=house.auth()).status_code == 200


def test_records_of_a_restricted_learner_still_come_in_and_nothing_is_converted(house: House) -> None:
    body = {"name": "李四", "identifiers": [{"type": "cn.resident_id", "value": resident_id(77)}]}
    learner = house.open_learner("cqdx", **body, birth_date="1955-12-30")
    house.publish_programme("acceptor")
    restrict(house, learner["id"])
    recorded = house.post_outcome(learner["id"], title="管理学")
    assert recorded["recognition"]["credits"] == "3.00"
    own = house.http.get("/v1/learners/me/balance", headers=house.learner_auth(learner["id"])).get_json()
    assert own["balances"][0]["available"] == "3.00"
    wish = {"target": TARGET, "outcomes": "best"}
    refused = house.http.post("/v1/conversions", json=wish, headers=house.learner_auth(learner["id"]))
    assert (refused.status_code, refused.get_json()["errors"][0]["code"]) == (409, "restricted")
    again = house.open_learner("elsewhere", **body)
    assert (again["id"], again["name"], again["birth_date"]) == (learner["id"], "李四", None)
    corrected = outcome_body(learner["id"], 1) | {
        "external_id": recorded["external_id"],
        "title": "管理学",
        "hours": "64",
    }
    changed = house.http.put(
        f"/v1/outcomes/{recorded['id']}", json=corrected, headers=house.auth() | {"If-Match": '"1"'}
    )
    assert changed.status_code == 200, changed.get_data(as_text=True)


def test_nobody_else_restricts_a_learner(house: House) -> None:
    learner, other = house.open_learner(), house.open_learner()
    url = f"/v1/learners/{learner['id']}/restriction"
    for auth in (house.auth(), house.learner_auth(other["id"]), house.auth("authority", "audit:read", "admin")):
        assert house.http.post(url, headers=auth).status_code == 404
        assert house.http.delete(url, headers=auth).status_code == 404


def ask(house: House, learner_id: str, about: dict[str, Any]) -> Any:
    body = {"about": about, "says": "姓名有误", "wants": "王小明"}
    return house.http.post("/v1/learners/me/correction-requests", json=body, headers=house.learner_auth(learner_id))


def test_a_request_goes_to_the_institution_that_recorded_it(house: House) -> None:
    learner = house.open_learner("cqdx")
    outcome = house.post_outcome(learner["id"])
    body = {"name": learner["name"], "identifiers": [{"type": "cn.resident_id", "value": resident_id(1)}]}
    number = {"type": "student_no", "value": "S-1"}
    house.open_learner("cqou", name=learner["name"], identifiers=[*body["identifiers"], number])
    said = {
        "name": ask(house, learner["id"], {"field": "name"}),
        "outcome": ask(house, learner["id"], {"outcome_id": outcome["id"]}),
        "number": ask(house, learner["id"], {"field": "identifier", "type": "student_no"}),
        "identifier": ask(house, learner["id"], {"field": "identifier"}),
    }
    assert [one.status_code for one in said.values()] == [201] * 4, [one.get_json() for one in said.values()]
    addressed = {name: one.get_json()["institution"] for name, one in said.items()}
    assert addressed == {"name": "cqdx", "outcome": "cqdx", "number": "cqou", "identifier": "cqdx"}
    listed = house.http.get("/v1/correction-requests", headers=house.auth("cqou")).get_json()["items"]
    assert [one["id"] for one in listed] == [said["number"].get_json()["id"]]
    own = house.http.get("/v1/learners/me/correction-requests", headers=house.learner_auth(learner["id"]))
    assert len(own.get_json()["items"]) == 4


@pytest.mark.parametrize(
    ("about", "status", "code"),
    [
        ({}, 422, "wrong_subject"),
        ({"field": "name", "outcome_id": "0198c0de-0000-7000-8000-000000000000"}, 422, "wrong_subject"),
        ({"field": "status"}, 422, "wrong_form"),
        ({"outcome_id": "0198c0de-0000-7000-8000-000000000000"}, 404, "unknown_outcome"),
        ({"field": "identifier", "type": "passport"}, 404, "unknown_identifier"),
    ],
)
def test_a_request_about_nothing_is_refused(house: House, about: dict[str, Any], status: int, code: str) -> None:
    answer = ask(house, house.open_learner()["id"], about)
    assert (answer.status_code, answer.get_json()["errors"][0]["code"]) == (status, code)


def test_a_request_is_answered_once_by_that_institution(house: House) -> None:
    learner = house.open_learner()
    request_id = ask(house, learner["id"], {"field": "name"}).get_json()["id"]
    url, said = f"/v1/correction-requests/{request_id}/answer", {"verdict": "declined", "reason": "证件上如此"}
    stranger = house.http.post(url, json=said, headers=house.auth("cqou"))
    assert (stranger.status_code, stranger.get_json()["errors"][0]["code"]) == (404, "unknown_correction_request")
    answered = house.http.post(url, json=said, headers=house.auth())
    assert (answered.status_code, answered.get_json()["verdict"]) == (200, "declined")
    again = house.http.post(url, json=said, headers=house.auth())
    assert again.get_json() == answered.get_json()
    otherwise = house.http.post(url, json=said | {"verdict": "corrected"}, headers=house.auth())
    assert (otherwise.status_code, otherwise.get_json()["errors"][0]["code"]) == (409, "request_closed")
    (own,) = house.http.get(
        "/v1/learners/me/correction-requests", headers=house.learner_auth(learner["id"])
    ).get_json()["items"]
    assert own["reason"] == "证件上如此"


def correct(house: House, learner_id: str, institution: str = "cqdx", **said: Any) -> Any:
    body = {"reason": "录入有误"} | said
    return house.http.post(f"/v1/learners/{learner_id}/corrections", json=body, headers=house.auth(institution))


def test_a_corrected_name_finds_the_learner_and_the_old_one_no_more(house: House) -> None:
    learner = house.open_learner(name="王晓明", identifiers=[{"type": "cn.resident_id", "value": resident_id(1)}])
    request_id = ask(house, learner["id"], {"field": "name"}).get_json()["id"]
    done = correct(house, learner["id"], name="王小明", birth_date="1955-12-30", correction_request=request_id)
    assert (done.status_code, done.get_json()["changed"]) == (200, ["birth_date", "name"]), done.get_json()
    same = house.open_learner("cqou", name="王小明", identifiers=[{"type": "cn.resident_id", "value": resident_id(1)}])
    assert (same["id"], same["name"], same["birth_date"]) == (learner["id"], "王小明", "1955-12-30")
    archive = unpacked(house, learner["id"])
    history = {row["field"]: row for row in table(archive, "identity_history")}
    assert (history["name"]["before"], history["birth_date"]["before"]) == ("王晓明", None)
    assert history["name"]["request_id"] == request_id
    assert correct(house, learner["id"], name="王小明").get_json()["changed"] == []
    rival = house.open_learner("cqou", name="王晓明", identifiers=[{"type": "cn.resident_id", "value": resident_id(1)}])
    assert (rival["id"] != learner["id"], rival["status"]) == (True, "conflict")
    taken = correct(house, learner["id"], name="王晓明")
    assert (taken.status_code, taken.get_json()["errors"][0]["code"]) == (409, "held_under_this_name")
    assert looked_up(house.bank, administrator(), verify).faults == ()


def test_only_an_institution_that_knows_the_learner_corrects(house: House) -> None:
    learner = house.open_learner()
    assert correct(house, learner["id"], "cqou", name="某人").status_code == 404
    own = house.http.post(
        f"/v1/learners/{learner['id']}/corrections",
        json={"name": "某人", "reason": "x"},
        headers=house.learner_auth(learner["id"]),
    )
    assert own.status_code == 403
    foreign = ask(house, house.open_learner()["id"], {"field": "name"}).get_json()["id"]
    assert correct(house, learner["id"], name="某人", correction_request=foreign).status_code == 404
    wrong = correct(house, learner["id"], birth_date="1990-01-01")
    assert wrong.get_json()["errors"][0]["code"] == "contradicts_resident_id"
    nothing = correct(house, learner["id"])
    assert nothing.get_json()["errors"][0]["code"] == "nothing_to_correct"
