"""Transcripts over HTTP: what one bank writes as ELMO another one takes, and every credit has an answer."""

from typing import Any

from lxml import etree

from creditbank.formats.elmo import NAMESPACE, read_transcript
from tests.builders import House, learner_body
from tests.formats.elmo import course, credit, document

NAMED = '<identifier type="local">{}</identifier><title xml:lang="zh">{}</title>'
SOMEBODY = learner_body(4711)
PASSED = "<date>2025-06-30</date><status>passed</status>"


def post(house: House, learner_id: str, body: bytes, content_type: str = "application/xml", **headers: str) -> Any:
    """Hand a document in."""
    url = f"/v1/learners/{learner_id}/elmo"
    return house.http.post(url, data=body, headers={**house.auth(), "Content-Type": content_type, **headers})


def told(house: House, learner_id: str, headers: dict[str, str]) -> Any:
    """Return the learner's transcript."""
    answer = house.http.get(f"/v1/learners/{learner_id}/elmo", headers=headers)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert answer.content_type == "application/xml; charset=utf-8"
    return read_transcript(answer.get_data())


def test_a_transcript_is_recorded_once_and_each_credit_is_answered(house: House) -> None:
    learner_id = house.open_learner()["id"]
    degree = course(
        PASSED + credit("120", "CN-16H-HALF"),
        course(PASSED + credit("15", "cn-16h-half"), title=NAMED.format("B1", "真菌学")),
        NAMED.format("B", "生物学"),
    )
    body = document(
        degree
        + course(PASSED + credit("6", "cn-16h-half"), title=NAMED.format("C", "编译原理"))
        + course(PASSED.replace("passed", "failed") + credit("3"), title=NAMED.format("D", "拓扑学"))
        + course(credit("3"), title="<title>N</title>")
    )
    answer = post(house, learner_id, body)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert answer.json["summary"] == {"accepted": 2, "replayed": 0, "rejected": 2}
    first, second, failed, bare = answer.json["results"]
    assert first["place"] == "/elmo/report[1]/learningOpportunitySpecification[1]"
    assert second["external_id"].startswith("elmo:cn-16h-half:x:1:local:C:2025-06-30:")
    assert [error["code"] for error in failed["errors"]] == ["not_passed"]
    assert [error["pointer"].rpartition("/")[2] for error in bare["errors"]] == ["identifier", "date", "status"]
    shown = house.http.get(f"/v1/outcomes/{first['id']}", headers=house.auth()).json
    assert (shown["content"]["title"], shown["content"]["credits"]) == ("生物学", "120.00")
    again = post(house, learner_id, body)
    assert again.json["summary"] == {"accepted": 0, "replayed": 2, "rejected": 2}
    assert [row.get("id") for row in again.json["results"]] == [row.get("id") for row in answer.json["results"]]


def test_what_two_issuers_call_alike_is_taken_of_each(house: House) -> None:
    learner_id = house.open_learner()["id"]
    taking = f'<identifier type="local">1</identifier>{PASSED}'
    one = document(course(taking + credit("3", "cn-16h-half"), title=NAMED.format("A", "拓扑学")))
    other = document(course(taking + credit("4", "cn-16h-half"), title=NAMED.format("B", "代数学")))
    other = other.replace(b'<identifier type="x">1<', b'<identifier type="x">2<')
    both = one.replace(b"</elmo>", other[other.index(b"<report>") :])
    for expected in ({"accepted": 2, "replayed": 0, "rejected": 0}, {"accepted": 0, "replayed": 2, "rejected": 0}):
        assert post(house, learner_id, both).json["summary"] == expected


def test_what_the_bank_writes_keeps_every_recognised_credit(house: House) -> None:
    learner_id = house.open_learner(**SOMEBODY)["id"]
    first = house.post_outcome(learner_id)
    house.open_learner("cqkfdx", **SOMEBODY)
    house.post_outcome(learner_id, institution="cqkfdx")
    transcript = told(house, learner_id, house.learner_auth(learner_id))
    balance = house.http.get(f"/v1/learners/{learner_id}/balance", headers=house.learner_auth(learner_id)).json
    sums: dict[str, int] = {}
    for report in transcript.reports:
        for one in report.learnt:
            for held in one.credits:
                sums[held.scheme] = sums.get(held.scheme, 0) + held.hundredths
    assert {one["scheme"]: one["recognised"] for one in balance["balances"]} == {
        scheme: f"{total // 100}.{total % 100:02d}" for scheme, total in sums.items()
    }
    assert {report.issuer_identifiers[0][1] for report in transcript.reports} == {"cqdx", "cqkfdx"}
    assert transcript.family_name
    (own,) = told(house, learner_id, house.auth()).reports
    assert own.issuer_identifiers == (("creditbank", "cqdx"),)
    assert own.learnt[0].instances == (("creditbank", first["id"]),)
    assert told(house, learner_id, house.auth()).family_name == "", "an institution is not told the name by it"


def test_a_transcript_of_one_bank_is_taken_by_another_institution(house: House) -> None:
    learner_id = house.open_learner("cqkfdx")["id"]
    house.post_outcome(learner_id, institution="cqkfdx")
    written = house.http.get(f"/v1/learners/{learner_id}/elmo", headers=house.learner_auth(learner_id)).get_data()
    other = house.open_learner()
    answer = post(house, other["id"], written)
    assert answer.json["summary"] == {"accepted": 1, "replayed": 0, "rejected": 0}


def test_a_revoked_outcome_is_in_no_transcript(house: House) -> None:
    learner_id = house.open_learner()["id"]
    outcome = house.post_outcome(learner_id)
    house.http.post(f"/v1/outcomes/{outcome['id']}/revoke", json={"reason": "录入有误"}, headers=house.auth())
    (report,) = told(house, learner_id, house.learner_auth(learner_id)).reports
    assert report.learnt == ()


def test_what_is_no_document_is_refused_and_leaves_nothing(house: House) -> None:
    learner_id = house.open_learner()["id"]
    assert post(house, learner_id, b"<x/>").status_code == 422
    assert post(house, learner_id, b"{}", "application/json").status_code == 415
    strangers = house.open_learner("cqkfdx")
    body = document(course(PASSED + credit("6", "cn-16h-half"), title=NAMED.format("C", "编译原理")))
    answer = post(house, strangers["id"], body)
    assert [error["code"] for error in answer.json["results"][0]["errors"]] == ["unknown_learner"]


def test_the_same_key_has_one_effect(house: House) -> None:
    learner_id = house.open_learner()["id"]
    body = document(course(PASSED + credit("6", "cn-16h-half"), title=NAMED.format("C", "编译原理")))
    first, second = (post(house, learner_id, body, **{"Idempotency-Key": "k1"}) for _ in range(2))
    assert first.json == second.json
    changed = body.replace("编译".encode(), "操作".encode())
    assert post(house, learner_id, changed, **{"Idempotency-Key": "k1"}).status_code == 422


def test_the_document_is_of_the_formats_namespace(house: House) -> None:
    learner_id = house.open_learner()["id"]
    answer = house.http.get("/v1/learners/me/elmo", headers=house.learner_auth(learner_id))
    assert etree.fromstring(answer.get_data()).tag == f"{{{NAMESPACE}}}elmo"
