"""Files with records as institutions send them, and a worker that imports them at once."""

import io
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import xlsxwriter

from creditbank.api.outcomes import read_record
from creditbank.services.import_posting import Desk, work_on_one
from tests.builders import House, resident_id
from tests.net import NAME_MARK

HEADER = ("记录编号", "姓名", "身份证号", "课程名称", "学时", "完成日期")

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
NDJSON = "application/x-ndjson"


def person(number: int) -> str:
    """Return a resident ID that doesn't look as if a spreadsheet had damaged it."""
    return resident_id(number if not resident_id(number).endswith("000") else 900_000 + number)


def row(number: int, **changes: Any) -> list[Any]:
    """Return a row of a course of 48 hours."""
    cells = dict(
        zip(HEADER, (f"r-{number}", f"{NAME_MARK}{number}", person(number), f"课程 {number}", "48"), strict=False)
    )
    return list((cells | {"完成日期": "2026-06-30"} | changes).values())


def table(rows: Iterable[Sequence[Any]], header: Sequence[str] = HEADER, end: str = "\n") -> str:
    """Return rows as CSV."""
    return "".join(",".join(map(str, one)) + end for one in (header, *rows))


def workbook(rows: Iterable[Sequence[Any]], header: Sequence[str] = HEADER) -> bytes:
    """Return rows as a workbook, each cell of its own type."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for line, cells in enumerate((header, *rows)):
            sheet.write_row(line, 0, cells)
    return content.getvalue()


def rezipped(content: bytes, parts: dict[str, bytes]) -> bytes:
    """Return an archive with parts added or replaced."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, part in parts.items():
            new.writestr(name, part)
    return made.getvalue()


def sheet_part(content: bytes) -> bytes:
    """Return the part in which the first sheet of a workbook stands."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read("xl/worksheets/sheet1.xml")


def send(house: House, content: bytes, kind: str = CSV, institution: str = "cqdx", /, **query: str) -> Any:
    """Send a file and return the answer."""
    return house.http.post(
        "/v1/imports", data=content, content_type=kind, query_string=query, headers=house.auth(institution)
    )


def shown(house: House, import_id: str, institution: str = "cqdx") -> dict[str, Any]:
    """Return an import as it stands."""
    answer = house.http.get(f"/v1/imports/{import_id}", headers=house.auth(institution))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    document: dict[str, Any] = answer.get_json()
    return document


def work(house: House, worker: str = "worker", seconds: float = 60, import_id: str | None = None) -> int:
    """Let a worker have its turn, at the oldest import or one that is named."""
    named = None if import_id is None else UUID(import_id)
    return work_on_one(Desk(house.bank, worker, read_record), seconds, named)


def imported(
    house: House, content: bytes, kind: str = CSV, institution: str = "cqdx", /, **query: str
) -> dict[str, Any]:
    """Send a file, import it, and return what came of it."""
    sent = send(house, content, kind, institution, **query)
    assert sent.status_code == 202, sent.get_data(as_text=True)
    return ended(house, sent.get_json()["id"], institution)


def ended(house: House, import_id: str, institution: str = "cqdx") -> dict[str, Any]:
    """Let a worker work until an import is at its end, and return it."""
    while (found := shown(house, import_id, institution))["ended_at"] is None:
        work(house)
    return found


def codes(found: dict[str, Any]) -> list[str]:
    """Return the codes of what is wrong with a file as a whole."""
    return [one["code"] for one in found["errors"]]


def rejects(house: House, import_id: str, kind: str | None = None) -> Any:
    """Ask for the rejected rows and return the answer."""
    query = {} if kind is None else {"format": kind}
    answer = house.http.get(f"/v1/imports/{import_id}/rejects", query_string=query, headers=house.auth())
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer


def answers(house: House, import_id: str) -> list[dict[str, Any]]:
    """Return the answers to all rows."""
    items: list[dict[str, Any]] = []
    query: dict[str, str] = {}
    while True:
        url = f"/v1/imports/{import_id}/rows"
        page = house.http.get(url, query_string={"limit": "200", **query}, headers=house.auth()).get_json()
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        query = {"cursor": page["next_cursor"]}


def read_back(house: House, outcome_id: str) -> dict[str, Any]:
    """Return what is on record of an outcome."""
    answer = house.http.get(f"/v1/outcomes/{outcome_id}", headers=house.auth())
    assert answer.status_code == 200, answer.get_data(as_text=True)
    content: dict[str, Any] = answer.get_json()["content"]
    return content
