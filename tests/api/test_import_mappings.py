"""Mappings as data: files of other systems, as they come, become records; each shipped one is sound."""

import json
from typing import Any

import pytest

from creditbank.formats.row_binding import Binding, bound
from creditbank.formats.row_mapping import IGNORED, mapping, mapping_codes, names_of, plain_name
from tests.builders import House
from tests.tables import CSV, NDJSON, answers, imported, person, read_back, rejects, table

FIELDS = {
    *("external_id", "kind", "title", "completed_on", "started_on", "code", "category", "level", "hours", "credits"),
    *("scheme", "score", "score_scale", "certificate_no", "programme", "learner.id", "learner.name"),
    *("identifier.type", "identifier.value", "identifier.issuer", IGNORED),
}
"""What a column may be for, beside documents' numbers and what `only` looks at."""


@pytest.fixture(params=["sqlite"])
def engine_name(request: pytest.FixtureRequest) -> str:
    """Give the one engine: what a row says is found out before any database is asked."""
    return str(request.param)


@pytest.mark.parametrize("code", mapping_codes())
def test_a_shipped_mapping_is_sound(code: str) -> None:
    found = mapping(code)
    assert found is not None
    assert found.code == code
    assert found.source
    judged = {one.to for one in found.only}
    for rule in (*found.columns, *found.repeated):
        assert rule.to in FIELDS | judged or rule.to.startswith("identifier:"), rule.to
    meanings: dict[str, str] = {}
    for rule in (*found.columns, *found.repeated):
        for name in rule.names:
            assert meanings.setdefault(plain_name(name), rule.to) == rule.to, "no name means two things"
    assert names_of(code)
    whole = [rule.names[0] for rule in found.columns] + [rule.names[0].replace("{n}", "1") for rule in found.repeated]
    assert isinstance(bound(code, whole), Binding), "all of its columns together are a header"


def test_a_wide_row_of_the_national_academic_depository_tells_of_many_courses(house: House) -> None:
    header = ["ORG_NAME", "COURSE_NAME", "REGN_NO", "RROLL", "CNAME", "DOB", "DOI", "SEM", "TOT_CREDIT"]
    groups = ("SUB{}NM", "SUB{}", "SUB{}MAX", "SUB{}_GRADE", "SUB{}_CREDIT", "SUB{}_REMARKS")
    header += [name.format(number) for number in (1, 2, 3) for name in groups]
    first = ["U", "B.Sc.", "2024CS0001", "17", "ASHA RAO", "01/02/2003", "30/06/2026", "4", "8"]
    first += ["DATA STRUCTURES", "CS201", "100", "A", "4", "P", "ALGEBRA", "MA201", "100", "F", "4", "RA", *[""] * 6]
    second = ["U", "B.Sc.", "2024CS0002", "18", "RAVI IYER", "", "30/06/2026", "4", "8", *[""] * 18]
    found = imported(house, table([first, second], header).encode(), CSV, mapping="in-nad")
    assert (found["rows_total"], found["accepted"], found["rejected"]) == (2, 1, 2)
    given = answers(house, found["id"])
    assert [(one["row"], one["part"], one["status"]) for one in given] == [
        *((2, 1, "accepted"), (2, 2, "rejected"), (3, 0, "rejected"))
    ]
    assert [one["errors"][0]["code"] for one in given[1:]] == ["not_passed", "no_course"]
    kept = read_back(house, given[0]["id"])
    assert (kept["title"], kept["code"], kept["credits"], kept["completed_on"]) == (
        *("DATA STRUCTURES", "CS201", "4.00"),
        "2026-06-30",
    )
    assert kept["programme"] == "B.Sc."
    assert kept["score"] == {"value": "A", "scale": "grade"}
    back = rejects(house, found["id"]).get_data(as_text=True)
    assert back.count("DATA STRUCTURES") == 1, "a row with a rejected course comes back whole"
    again = imported(house, table([first], header).encode(), CSV, mapping="in-nad")
    assert (again["accepted"], again["replayed"], again["rejected"]) == (0, 1, 1)


def test_results_of_oneroster_are_taken_where_they_are_final(house: House) -> None:
    header = [
        "sourcedId",
        "status",
        "dateLastModified",
        "lineItemSourcedId",
        "studentSourcedId",
        "scoreStatus",
        "score",
    ]
    header += ["scoreDate", "comment", "metadata.studentName", "metadata.lineItemTitle"]
    rows = [
        ["r1", "active", "", "li1", "s-1", "fully graded", "85.50", "2026-06-30", "", "Li Hua", "Drawing"],
        ["r2", "active", "", "li1", "s-2", "partially graded", "40", "2026-06-30", "", "Wang Wu", "Drawing"],
        ["r3", "tobedeleted", "", "li1", "s-3", "fully graded", "90", "2026-06-30", "", "Zhao Liu", "Drawing"],
    ]
    found = imported(house, table(rows, header).encode(), CSV, mapping="oneroster-results")
    given = answers(house, found["id"])
    assert [one["status"] for one in given] == ["accepted", "rejected", "rejected"]
    assert [one["errors"][0]["code"] for one in given[1:]] == ["not_final", "not_active"]
    assert read_back(house, given[0]["id"])["score"] == {"value": "85.5", "scale": "100"}


def alipay(kind: str) -> dict[str, Any]:
    """Return a record as Alipay's credit bank has it."""
    who = {"name": "李平", "cert_no": person(1)}
    records: dict[str, dict[str, Any]] = {
        "credit": {
            "credit_outer_id": "c1",
            "course_name": "素描",
            "course_score": "合格",
            "credit": 3,
            "credit_hour": "48",
        },
        "training": {"training_outer_id": "t1", "project_name": "急救", "have_project_certificate": "Y"},
        "certificate": {"cert_exp_outer_id": "e1", "certificate_name": "电工证", "certificate_level": "3"},
    }
    return records[kind] | who | {"experience_time": "2026-06-30 00:00:00", "inst_name": "学校"}


@pytest.mark.parametrize(
    ("kind", "made"), [("credit", "course"), ("training", "training"), ("certificate", "certificate")]
)
def test_records_of_alipays_credit_bank_are_taken_as_lines_and_as_tables(house: House, kind: str, made: str) -> None:
    record = alipay(kind)
    found = imported(house, json.dumps(record).encode(), NDJSON, mapping=f"cn-alipay-{kind}")
    assert (found["accepted"], found["rejected"]) == (1, 0)
    kept = read_back(house, answers(house, found["id"])[0]["id"])
    assert (kept["kind"], kept["completed_on"]) == (made, "2026-06-30")
    content = table([list(record.values())], list(record)).encode()
    assert imported(house, content, CSV, mapping=f"cn-alipay-{kind}")["replayed"] == 1


def test_a_member_that_is_no_text_or_number_is_rejected_where_it_means_something(house: House) -> None:
    lines = [alipay("credit") | {"course_name": ["素描"]}, alipay("credit") | {"inst_name": {"code": "x"}}]
    content = "\n".join(map(json.dumps, lines)).encode()
    found = imported(house, content, NDJSON, mapping="cn-alipay-credit")
    first, second = answers(house, found["id"])
    assert [(one["pointer"], one["code"]) for one in first["errors"]] == [("/course_name", "wrong_type")]
    assert second["status"] == "accepted"


def test_a_word_that_means_nothing_in_its_column_is_rejected_with_those_that_do(house: House) -> None:
    header = ["学号", "姓名", "课程名称", "完成日期", "成果类型"]
    content = table(
        [["s1", "李平", "素描", "2026-06-30", "必修课"], ["s1", "李平", "素描", "2026-06-30", "Course"]], header
    )
    found = imported(house, content.encode())
    first, second = answers(house, found["id"])
    assert [(one["pointer"], one["code"]) for one in first["errors"]] == [("/kind", "wrong_choice")]
    assert "社区课程" in first["errors"][0]["message_zh"]
    assert second["status"] == "accepted"


def test_wide_rows_that_are_booked_all_or_none_are_fewer(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("creditbank.services.import_checking.ALL_RECORDS_MAX", 4)
    header = ["REGN_NO", "CNAME", "DOI", "SUB1NM", "SUB2NM"]
    for count, state in ((2, "done"), (3, "refused")):
        rows = [[f"S{number}", "ASHA RAO", "30/06/2026", "ALGEBRA", "GEOMETRY"] for number in range(count)]
        found = imported(house, table(rows, header).encode(), CSV, mapping="in-nad", mode="all")
        assert found["state"] == state


def test_the_surer_number_of_a_person_counts_wherever_its_column_stands(house: House) -> None:
    header = ["学号", "姓名", "身份证号", "课程名称", "完成日期", "成果类型", "成绩"]
    rows = [
        ["s1", "李平", person(1), "素描", "2026-06-30", "证书", "不合格"],
        ["s2", "王安", "", "素描", "2026-06-30", "", "92"],
    ]
    found = imported(house, table(rows, header).encode())
    assert found["accepted"] == 2
    first, second = (read_back(house, one["id"]) for one in answers(house, found["id"]))
    assert (first["kind"], first["score"]) == ("certificate", {"value": "fail", "scale": "pass_fail"})
    assert (second["kind"], second["score"]) == ("course", {"value": "92", "scale": "100"})
    found = imported(
        house,
        table(
            [["李平", person(1), "水彩", "2026-06-29"]], ["姓名", "身份证号（必填）", "*课程名称", "完成 日期"]
        ).encode(),
    )
    assert found["accepted"] == 1, "the same person, under headers as people write them"
