"""Imports of files: rows are booked in the background, each is answered, and rejected ones come back to be mended."""

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
import python_calamine
from sqlalchemy import func, select

from creditbank.gateways.keyring import Kind
from creditbank.services import import_posting, import_receiving, import_rows, imports
from creditbank.services.bank import looked_up
from creditbank.services.clients import administrator
from creditbank.services.renewal import renew
from creditbank.services.rotation import rotate
from creditbank.services.verification import verify
from creditbank.storage import catalogue
from tests.builders import House, add_client, outcome_body
from tests.net import NAME_MARK
from tests.tables import (
    CSV,
    HEADER,
    NDJSON,
    XLSX,
    answers,
    codes,
    ended,
    imported,
    person,
    rejects,
    row,
    send,
    shown,
    table,
    work,
    workbook,
)


def count(house: House, name: str) -> int:
    """Return how many rows a table has."""
    with house.bank.database.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(catalogue.tables[name])).scalar_one())


def read_csv(content: bytes) -> list[dict[str, str]]:
    """Return the rows of a CSV by the names of its columns."""
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def test_a_table_is_booked_row_by_row_and_what_is_rejected_comes_back_to_be_mended(house: House) -> None:
    rows = [row(number) for number in range(1, 6)]
    rows[2] = row(3, 完成日期="2026-02-30", 学时="many")
    found = imported(house, table(rows).encode("gbk"))
    assert (found["state"], found["encoding"], found["rows_total"], found["rows_done"]) == ("done", "gb18030", 5, 5)
    assert (found["accepted"], found["replayed"], found["rejected"]) == (4, 0, 1)
    given = answers(house, found["id"])
    assert [(one["row"], one["status"]) for one in given] == [
        *((2, "accepted"), (3, "accepted"), (4, "rejected"), (5, "accepted"), (6, "accepted"))
    ]
    assert (given[0]["external_id"], given[0]["credits"], given[0]["outcome_status"]) == ("r-1", "3.00", "recognised")
    assert {one["pointer"] for one in given[2]["errors"]} == {"/completed_on", "/hours"}
    answer = rejects(house, found["id"])
    assert (answer.mimetype, answer.headers["Content-Disposition"].partition(";")[0]) == (CSV, "attachment")
    (back,) = read_csv(answer.get_data())
    assert [back[name] for name in HEADER] == rows[2]
    assert back["行号"] == "4"
    assert "完成日期：" in back["拒收原因"]
    assert "学时: " in back["Reasons"]
    mended = answer.get_data(as_text=True).replace("2026-02-30", "2026-02-28").replace("many", "16")
    again = imported(house, mended.encode())
    assert (again["accepted"], again["replayed"], again["rejected"]) == (1, 0, 0)
    assert count(house, "outcome") == 5
    assert looked_up(house.bank, administrator(), verify).faults == ()


def test_the_same_file_again_changes_nothing(house: House) -> None:
    content = table(row(number) for number in range(1, 4)).encode()
    assert imported(house, content)["accepted"] == 3
    entries = count(house, "entry")
    again = imported(house, content)
    assert (again["accepted"], again["replayed"]) == (0, 3)
    assert count(house, "entry") == entries


def test_a_workbook_and_lines_of_json_are_booked_alike(house: House) -> None:
    found = imported(house, workbook([row(1), row(2, 学时="x")]), XLSX)
    assert (found["format"], found["accepted"], found["rejected"]) == ("xlsx", 1, 1)
    answer = rejects(house, found["id"])
    assert answer.mimetype == XLSX
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(answer.get_data()))
    names, cells = book.get_sheet_by_index(0).to_python()
    assert names[: len(HEADER)] == list(HEADER)
    assert cells[: len(HEADER)] == row(2, 学时="x")
    assert imported(house, answer.get_data(), XLSX)["rejected"] == 1, "it is taken as it comes back"
    learner = house.open_learner()["id"]
    lines = [json.dumps(outcome_body(learner, 71)), "{", json.dumps(outcome_body(learner, 72, hours="-1"))]
    found = imported(house, "\n\n".join(lines).encode(), NDJSON)
    assert (found["format"], found["rows_total"], found["accepted"], found["rejected"]) == ("ndjson", 3, 1, 2)
    back = [json.loads(line) for line in rejects(house, found["id"]).get_data(as_text=True).splitlines()]
    assert [one["rejected"]["row"] for one in back] == [3, 5]
    assert back[0]["rejected"]["line"] == "{"
    mended = json.dumps(back[1] | {"hours": "16"})
    assert imported(house, mended.encode(), NDJSON)["accepted"] == 1


def test_rows_without_ids_are_given_some_that_name_nobody_and_stay_the_same(house: House) -> None:
    header = HEADER[1:]
    content = table((row(number)[1:] for number in (1, 2)), header).encode()
    assert imported(house, content)["accepted"] == 2
    assert imported(house, content)["replayed"] == 2
    outcome = catalogue.tables["outcome"]
    with house.bank.database.reading() as connection:
        made = connection.execute(select(outcome.c.external_id)).scalars().all()
    assert len(set(made)) == 2
    assert all(one.startswith("file:") and person(1) not in one for one in made)


def test_all_or_nothing_books_nothing_where_a_row_is_rejected(house: House) -> None:
    rows = [row(number) for number in range(1, 5)]
    spoilt = [*rows[:3], row(4, 姓名="")]
    found = imported(house, table(spoilt).encode(), CSV, mode="all")
    assert (found["state"], found["accepted"], found["rejected"], found["rows_done"]) == ("refused", 0, 1, 4)
    assert codes(found) == ["not_all"]
    assert [one["status"] for one in answers(house, found["id"])] == ["unbooked"] * 3 + ["rejected"]
    assert len(read_csv(rejects(house, found["id"]).get_data())) == 1
    assert (count(house, "outcome"), count(house, "learner"), count(house, "import_piece")) == (0, 0, 0)
    found = imported(house, table(rows).encode(), CSV, mode="all")
    assert (found["state"], found["accepted"], found["rejected"]) == ("done", 4, 0)


def test_all_or_nothing_takes_no_more_than_one_transaction_holds(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("creditbank.services.import_checking.ALL_RECORDS_MAX", 3)
    assert imported(house, table(row(number) for number in range(3)).encode(), CSV, mode="all")["state"] == "done"
    found = imported(house, table(row(number) for number in range(4)).encode(), CSV, mode="all")
    assert (found["state"], codes(found), found["accepted"]) == ("refused", ["too_many_rows"], 0)


def test_a_form_with_a_file_is_taken_as_the_file_alone(house: House) -> None:
    content = table([row(1)]).encode()
    form = {"mode": "all", "file": (io.BytesIO(content), "成绩.csv")}
    sent = house.http.post("/v1/imports", data=form, headers=house.auth())
    assert (sent.status_code, sent.get_json()["mode"], sent.get_json()["bytes_total"]) == (202, "all", len(content))
    assert sent.headers["Location"] == f"/v1/imports/{sent.get_json()['id']}"
    work(house)
    assert shown(house, sent.get_json()["id"])["accepted"] == 1


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"mode": "all"}, "no_file"),
        ({"file": (b"x", "a.csv"), "after": (b"y", "b.csv")}, "file_not_last"),
        ({"mode": "x" * 2000, "file": (b"x", "a.csv")}, "no_form"),
        ({"mode": "some", "file": (b"x", "a.csv")}, "wrong_choice"),
        ({"mod": "all", "file": (b"x", "a.csv")}, "unknown_field"),
    ],
)
def test_a_form_that_holds_no_file_to_import_is_refused(house: House, form: dict[str, Any], code: str) -> None:
    made = {name: (io.BytesIO(one[0]), one[1]) if isinstance(one, tuple) else one for name, one in form.items()}
    sent = house.http.post(
        "/v1/imports", data=made, headers=house.auth(), content_type="multipart/form-data; boundary=made-up"
    )
    assert (sent.status_code, sent.get_json()["errors"][0]["code"]) == (422, code)
    assert count(house, "import_file") == 0, "nothing of it is left"


def test_what_is_no_form_at_all_is_refused(house: House) -> None:
    for kind in ("multipart/form-data", "multipart/form-data; boundary=x"):
        sent = house.http.post("/v1/imports", data=b"nothing", content_type=kind, headers=house.auth())
        assert (sent.status_code, sent.get_json()["errors"][0]["code"]) == (422, "no_form")


def test_a_repeat_under_its_key_is_one_import_and_another_file_under_it_is_refused(house: House) -> None:
    content, headers = table([row(1)]).encode(), house.auth() | {"Idempotency-Key": "once"}
    first, again = (
        house.http.post("/v1/imports", data=content, content_type=CSV, headers=headers).get_json() for _ in range(2)
    )
    assert first["id"] == again["id"]
    other = house.http.post("/v1/imports", data=content + b"\n", content_type=CSV, headers=headers)
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency_key_reused")
    assert (count(house, "import_file"), count(house, "import_piece")) == (1, 1)


def test_a_file_that_is_too_large_is_refused_and_leaves_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    content = table(row(number) for number in range(40)).encode()
    monkeypatch.setitem(house.app.config, "IMPORT_BYTES_MAX", len(content) - 1)
    monkeypatch.setattr(import_receiving, "PIECE_BYTES", 1000)
    sent = send(house, content)
    assert (sent.status_code, sent.get_json()["errors"][0]["code"]) == (413, "file_too_large")
    monkeypatch.setitem(house.app.config, "IMPORT_BYTES_MAX", len(content))
    assert imported(house, content)["accepted"] == 40
    assert (count(house, "import_file"), count(house, "import_piece")) == (1, 0)


def test_another_type_is_refused(house: House) -> None:
    sent = send(house, b"%PDF", "application/pdf")
    assert (sent.status_code, sent.get_json()["errors"][0]["code"]) == (415, "unsupported_media_type")


def test_so_many_imports_of_a_client_are_under_way_and_no_more(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_receiving, "OPEN_MAX", 2)
    content = table([row(1)]).encode()
    assert [send(house, content).status_code for _ in range(2)] == [202, 202]
    refused = send(house, content)
    assert (refused.status_code, refused.get_json()["errors"][0]["code"]) == (429, "too_many_imports")
    assert int(refused.headers["Retry-After"]) > 0
    work(house)
    assert send(house, content).status_code == 202


def test_an_import_that_is_stopped_keeps_what_was_booked(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_rows, "RECORDS_MAX", 2)
    sent = send(house, table(row(number) for number in range(1, 6)).encode()).get_json()
    assert work(house, seconds=0) == 2
    assert shown(house, sent["id"])["rows_done"] == 2
    url = f"/v1/imports/{sent['id']}/cancel"
    for _ in range(2):
        stopped = house.http.post(url, headers=house.auth())
        assert (stopped.status_code, stopped.get_json()["state"]) == (200, "cancelled")
    assert work(house) == 0
    assert (count(house, "outcome"), count(house, "import_piece"), len(answers(house, sent["id"]))) == (2, 0, 2)
    done = imported(house, table([row(1)]).encode())
    refused = house.http.post(f"/v1/imports/{done['id']}/cancel", headers=house.auth())
    assert (refused.status_code, refused.get_json()["errors"][0]["code"]) == (409, "import_ended")


def test_long_rows_are_booked_few_at_a_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_rows, "BLOCK_BYTES_MAX", 1)
    send(house, table(row(number) for number in (1, 2)).encode())
    assert [work(house, seconds=0) for _ in range(3)] == [1, 1, 0]


def test_an_institution_sees_its_own_imports_alone(house: House) -> None:
    first, second = (imported(house, table([row(number)]).encode())["id"] for number in (1, 2))
    page = house.http.get("/v1/imports?limit=1", headers=house.auth()).get_json()
    assert [one["id"] for one in page["items"]] == [second]
    page = house.http.get(f"/v1/imports?cursor={page['next_cursor']}", headers=house.auth()).get_json()
    assert ([one["id"] for one in page["items"]], page["next_cursor"]) == ([first], None)
    other = house.auth("other")
    assert house.http.get("/v1/imports", headers=other).get_json()["items"] == []
    for path in ("", "/rows", "/rejects"):
        assert house.http.get(f"/v1/imports/{first}{path}", headers=other).status_code == 404
    assert house.http.post(f"/v1/imports/{first}/cancel", headers=other).status_code == 404


def test_answers_are_forgotten_after_a_while_and_so_is_a_file_that_was_never_sent_whole(house: House) -> None:
    found = imported(house, table([row(1), row(2, 学时="x")]).encode())
    kept, unsent = timedelta(days=30), timedelta(hours=6)
    assert imports.forget_old(house.bank, kept, unsent) == 0
    file = catalogue.tables["import_file"]
    send(house, table([row(3)]).encode())
    with house.bank.database.transaction() as connection:
        connection.execute(file.update().where(file.c.state == "waiting").values(state="receiving"))
    house.clock.move(days=31)
    house.tokens.clear()
    assert imports.forget_old(house.bank, kept, unsent) == 2
    assert (count(house, "import_file"), count(house, "import_piece"), count(house, "import_answer")) == (1, 0, 0)
    after = shown(house, found["id"])
    assert (after["answers_kept"], after["accepted"], after["rejected"]) == (False, 1, 1)
    for path in ("rows", "rejects"):
        gone = house.http.get(f"/v1/imports/{found['id']}/{path}", headers=house.auth())
        assert (gone.status_code, gone.get_json()["errors"][0]["code"]) == (409, "answers_forgotten")


def test_what_a_client_sent_that_was_deactivated_is_not_booked(house: House) -> None:
    sent = send(house, table([row(1)]).encode()).get_json()
    client = catalogue.tables["client"]
    with house.bank.database.transaction() as connection:
        connection.execute(client.update().values(is_active=False))
    work(house)
    assert count(house, "outcome") == 0
    with house.bank.database.transaction() as connection:
        connection.execute(client.update().values(is_active=True))
    assert codes(shown(house, sent["id"])) == ["sender_not_allowed"]


def test_a_file_is_looked_at_before_it_is_sent(house: House) -> None:
    content = table([row(1), row(2, 完成日期="2026/6/1", 学时="x")], (*HEADER[:-1], "完成时间")).encode("gbk")
    seen = house.http.post("/v1/imports/preview", data=content, content_type=CSV, headers=house.auth())
    assert seen.status_code == 200, seen.get_data(as_text=True)
    told = seen.get_json()
    assert (told["encoding"], told["delimiter"], told["header_row"], told["ids_are_made"]) == ("gb18030", ",", 1, False)
    assert [one["field"] for one in told["columns"]] == [
        *("external_id", "learner.name", "identifier:cn.resident_id", "title", "hours", "completed_on")
    ]
    assert told["rows"][1]["records"][0]["completed_on"] == "2026-06-01"
    assert [one["pointer"] for one in told["rows"][1]["errors"]] == ["/hours"]
    assert count(house, "import_file") == 0
    seen = house.http.post("/v1/imports/preview", data=workbook([row(1)]), content_type=XLSX, headers=house.auth())
    assert seen.get_json()["rows"][0]["records"][0]["external_id"] == "r-1"
    lines = json.dumps(outcome_body("x", 1)).encode()
    seen = house.http.post("/v1/imports/preview", data=lines, content_type=NDJSON, headers=house.auth())
    assert [one["pointer"] for one in seen.get_json()["rows"][0]["errors"]] == ["/learner/id"]


def test_a_template_comes_back_filled_in(house: House) -> None:
    listed = house.http.get("/v1/imports/templates", headers=house.auth()).get_json()["items"]
    assert listed[0]["code"] == "creditbank"
    for one in listed:
        url = f"/v1/imports/templates/{one['code']}"
        made = house.http.get(url, headers=house.auth())
        assert (made.status_code, made.mimetype) == (200, XLSX)
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(made.get_data()))
        assert len(book.sheet_names) == 2
        told = house.http.get(f"{url}?format=csv", headers=house.auth())
        names = next(csv.reader(io.StringIO(told.get_data().decode("utf-8-sig"))))
        assert names == [column["name"] for column in one["columns"]]
        assert codes(imported(house, made.get_data(), XLSX, mapping=one["code"])) == ["no_rows"]
    assert house.http.get("/v1/imports/templates/none", headers=house.auth()).status_code == 404


def test_an_unknown_mapping_is_refused(house: House) -> None:
    sent = send(house, table([row(1)]).encode(), CSV, mapping="unknown")
    assert (sent.status_code, sent.get_json()["errors"][0]["code"]) == (422, "unknown_mapping")


def test_who_may_not_record_outcomes_may_send_no_file(house: House) -> None:
    add_client(house.bank, "cqdx", ("outcomes:read",))
    headers = house.auth("cqdx", "outcomes:read")
    for path in ("/v1/imports", "/v1/imports/preview"):
        assert house.http.post(path, data=b"x", content_type=CSV, headers=headers).status_code == 403


def test_an_erasure_drops_the_rejected_rows_of_institutions_that_know_the_learner(house: House) -> None:
    learner = house.open_learner()
    known, other = (imported(house, table([row(1, 学时="x")]).encode(), CSV, name) for name in ("cqdx", "other"))
    own = house.learner_auth(learner["id"])
    asked = house.http.post(
        "/v1/learners/me/erasure-requests", json={"confirm_account_no": learner["account_no"]}, headers=own
    )
    url = f"/v1/erasure-requests/{asked.get_json()['id']}/decisions"
    reviewer = house.auth("authority", "identity:review")
    decided = house.http.post(url, json={"verdict": "approve", "reason": "本人申请"}, headers=reviewer)
    assert decided.get_json()["state"] == "erased", decided.get_data(as_text=True)
    assert read_csv(rejects(house, known["id"]).get_data()) == []
    assert [one["status"] for one in answers(house, known["id"])] == ["rejected"]
    block = catalogue.tables["import_answer"]
    with house.bank.database.reading() as connection:
        kept = connection.execute(select(block.c.file_id).where(block.c.sealed_rejects.is_not(None))).scalars().all()
    assert [str(one) for one in kept] == [other["id"]]


def test_what_is_kept_of_a_file_opens_after_the_master_key_was_changed_and_names_nobody_in_plain(house: House) -> None:
    sent = send(house, table([row(1), row(2, 学时="x")]).encode()).get_json()
    rotate(house.bank, administrator(), Kind.MASTER, None)
    renewed = renew(house.bank, administrator())
    assert (renewed.rows["import_file.wrapped_key"], renewed.broken) == (1, [])
    found = ended(house, sent["id"])
    assert (found["accepted"], found["rejected"]) == (1, 1)
    rotate(house.bank, administrator(), Kind.MASTER, None)
    assert renew(house.bank, administrator()).rows["import_salt.sealed_salt"] == 1
    assert len(read_csv(rejects(house, found["id"]).get_data())) == 1
    with house.bank.database.reading() as connection:
        for name in ("import_file", "import_piece", "import_answer"):
            for kept in connection.execute(select(catalogue.tables[name])):
                assert NAME_MARK not in str(kept)
                assert person(1).encode() not in b"".join(one for one in kept if isinstance(one, bytes))


def test_a_failure_of_ours_is_tried_again_after_a_while_and_given_up_in_the_end(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = send(house, table([row(1)]).encode()).get_json()

    def fails(*_: object) -> None:
        message = "planted"
        raise ZeroDivisionError(message)

    with monkeypatch.context() as planted:
        planted.setattr(import_rows, "booked", fails)
        for failed in range(import_posting.FAILURES_MAX):
            assert shown(house, sent["id"])["state"] == ("posting" if failed else "waiting")
            with pytest.raises(ZeroDivisionError):
                work(house)
            assert work(house) == 0, "it rests"
            house.clock.move(hours=1)
            house.tokens.clear()
    found = shown(house, sent["id"])
    assert (found["state"], codes(found), count(house, "outcome")) == ("refused", ["internal"], 0)
    assert imported(house, table([row(1)]).encode())["accepted"] == 1


def test_a_worker_whose_lease_ran_out_writes_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_rows, "RECORDS_MAX", 1)
    sent = send(house, table([row(1), row(2)]).encode()).get_json()
    carried_out, stolen = import_rows.carried_out, []

    def overtaken(*given: Any) -> Any:
        if not stolen:
            stolen.append(0)
            house.clock.move(minutes=5)
            stolen[0] = work(house, "another")
        return carried_out(*given)

    monkeypatch.setattr(import_rows, "carried_out", overtaken)
    assert (work(house, "late"), stolen) == (0, [2])
    house.tokens.clear()
    found = shown(house, sent["id"])
    assert (found["accepted"], found["replayed"], found["rows_done"]) == (2, 0, 2)
    assert len(answers(house, sent["id"])) == 2
