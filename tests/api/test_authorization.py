"""Who may do what: every operation of the API document, asked by everybody; what is foreign is as if missing."""

import json
import re
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from creditbank.core.permission import StaffRole
from creditbank.storage import catalogue
from tests.api.authorization_matrix import KINDS, TABLES, matrix, rows
from tests.api.authorization_world import (
    BODIES,
    CONSTANTS,
    KEYS,
    MISSING,
    NOT_THERE,
    QUERIES,
    Caller,
    Ids,
    Used,
    World,
    world_in,
)
from tests.builders import KEYRING_FILE, SQLITE_FILE, House, new_house
from tests.moulds import Moulds
from tests.tables import XLSX

VARIANTS = ("GET /v1/conversions of a learner",)
"""Operations that are asked in another way once more."""

LISTS = {
    "GET /v1/consents",
    "GET /v1/events",
    "GET /v1/webhooks",
    "GET /v1/identity/cases",
    "GET /v1/conversions",
    *VARIANTS,
    "GET /v1/cases",
    "GET /v1/award-cases",
    "GET /v1/staff",
    "GET /v1/correction-requests",
    "GET /v1/erasure-requests",
}
"""Lists of what belongs to people, which name nothing of theirs to whom they are foreign."""

PUBLIC = {"institution_id", "institution"}
"""What an operation may name without naming anybody's own thing."""

UUID_FORM = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Request:
    """A request as it is sent, and the keys of the ids that it is made of."""

    method: str
    url: str
    query: dict[str, str]
    body: Any
    keys: tuple[str, ...]


def request_of(operation: str, ids: Ids) -> Request:
    """Return an operation's request about some things."""
    used = Used(CONSTANTS | ids)
    method, path = operation.removesuffix(" of a learner").split(" ")

    def named(found: re.Match[str]) -> str:
        special = [key for (part, name), key in KEYS.items() if f"/{part}" in path and name == found[1]]
        return used[special[0] if special else found[1]]

    url = re.sub(r"\{(\w+)\}", named, path)
    query = QUERIES[operation](used) if operation in QUERIES else {}
    body = BODIES[operation](used) if operation in BODIES else None
    return Request(method, url, query, body, tuple(key for key in used.keys_used if key not in CONSTANTS))


class Desk:
    """Sends requests, and puts a bank in a file back to where it was after each that changed something."""

    def __init__(self, house: House, file: Path | None = None) -> None:
        """Keep the bank as it is now, if it lies in a file."""
        self.house = house
        self.kept: sqlite3.Connection | None = None
        if file is not None:
            self.live, self.kept = sqlite3.connect(file), sqlite3.connect(":memory:")
            self.live.execute("PRAGMA synchronous = OFF")
            self.live.backup(self.kept)
            self.version = self.version_now()

    def version_now(self) -> int:
        """Return a number that changes whenever somebody else writes into the file."""
        return int(self.live.execute("PRAGMA data_version").fetchone()[0])

    def ask(self, request: Request, headers: dict[str, str]) -> TestResponse:
        """Return the answer to a request."""
        more: dict[str, Any] = {"data": {"grant_type": "client_credentials"}} if request.url == "/oauth/token" else {}
        if request.method == "PUT":
            headers = headers | {"If-Match": '"1"'}
        if request.body is not None:
            more["json"] = request.body
        answer = self.house.http.open(
            request.url, method=request.method, query_string=request.query, headers=headers, **more
        )
        if request.method != "GET" and self.kept is not None and self.version_now() != self.version:
            self.kept.backup(self.live)
            self.version = self.version_now()
        return answer

    def close(self) -> None:
        """Close both files."""
        if self.kept is not None:
            self.live.close()
            self.kept.close()


@dataclass(frozen=True)
class Asked:
    """A bank with everybody in it, the desk where they ask, and the operations of its API document."""

    world: World
    desk: Desk
    document: dict[str, Any]

    @property
    def operations(self) -> list[str]:
        listed = [
            f"{method.upper()} {path}"
            for path, methods in self.document["paths"].items()
            for method in methods
            if method != "parameters"
        ]
        return [*listed, *VARIANTS]

    def answer(self, operation: str, caller: Caller, ids: Ids) -> TestResponse:
        return self.desk.ask(request_of(operation, ids), caller.headers)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, moulds: Moulds) -> Iterator[Asked]:
    """Make the bank once for all tests, on SQLite; each of them leaves it as it was."""
    folder = tmp_path_factory.mktemp("authorization")
    for name in (KEYRING_FILE, SQLITE_FILE):
        shutil.copy(moulds.mould(new_house).folder / name, folder)
    house = new_house(f"sqlite:///{folder / SQLITE_FILE}", folder, packs=False)
    world, document = world_in(house), house.http.get("/openapi.json").get_json()
    desk = Desk(house, folder / SQLITE_FILE)
    yield Asked(world, desk, document)
    desk.close()
    house.bank.database.close()


BINARY = ("application/zip", "application/pdf", XLSX)
"""Answers that are no text."""


def kind_of(operation: str, caller: Caller, answer: TestResponse) -> str:
    """Return the kind of an answer, as the matrix names it."""
    text = answer.get_data(as_text=True) if answer.mimetype not in BINARY else ""
    if answer.status_code >= 500:
        return str(answer.status_code)
    if answer.status_code == 403:
        return "403" if answer.get_json()["code"] == "scope_missing" else "no"
    if answer.status_code in (401, 404):
        return str(answer.status_code)
    theirs = {value for key, value in caller.of.items() if UUID_FORM.fullmatch(value) and key not in PUBLIC}
    is_nil = operation in LISTS and not any(value in text for value in theirs)
    return "nil" if is_nil else "ok"


def told(answer: TestResponse) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return everything of an answer that may tell something: not its own id and the time."""
    body = answer.get_data()
    request_id = answer.headers.get("X-Request-Id", "")
    headers = sorted(
        (name, value) for name, value in answer.headers if name not in ("X-Request-Id", "Date", "RateLimit")
    )
    return answer.status_code, headers, body.replace(request_id.encode(), b"") if request_id else body


def deviations(asked: Asked, operations: Iterable[str], names: Iterable[str]) -> list[str]:
    """Ask as those who are named; return what is answered otherwise than the matrix says, or tells too much."""
    expected, found = matrix(), []
    for operation in operations:
        for name in names:
            caller = asked.world.callers[name]
            answer = asked.answer(operation, caller, caller.of)
            kind = kind_of(operation, caller, answer)
            if kind != expected.get((operation, name)):
                wanted = expected.get((operation, name))
                found.append(f"{operation} by {name}: {kind} ({answer.status_code}) where the matrix says {wanted}")
            text = "" if answer.mimetype in BINARY else answer.get_data(as_text=True)
            if caller.is_foreign and any(secret in text for secret in asked.world.secrets):
                found.append(f"{operation} by {name}: the answer tells something of a learner who is foreign to them")
    return found


# --- the table


@pytest.mark.parametrize("table", TABLES)
def test_every_operation_has_a_row_and_every_row_a_cell_for_each_caller(asked: Asked, table: str) -> None:
    prefix, _ = TABLES[table]
    lines = rows(table)
    columns = lines.pop("operation")
    operations = set(asked.operations)
    for operation in sorted(operations - lines.keys()):
        pytest.fail(f"{operation} has no line in {table}: say in tests/api/authorization_matrix.py who may do it")
    for operation in sorted(lines.keys() - operations):
        pytest.fail(f"{table} has a line for {operation}, which is no operation of the API document: take it out")
    for operation, cells in lines.items():
        missing = columns[len(cells) :]
        assert len(cells) == len(columns), f"{operation} in {table} lacks cells, or has too many: add {missing}"
        assert set(cells) <= KINDS, f"{operation} in {table}: {set(cells) - KINDS} is no kind of answer"
    callers = {name for name in asked.world.callers if (name.partition(":")[0] + ":" if ":" in name else "") == prefix}
    if prefix:
        assert {prefix + column for column in columns} == callers, f"{table} needs a column for every role of staff"


def test_everybody_has_a_column_and_every_column_somebody(asked: Asked) -> None:
    named = {caller for _, caller in matrix()}
    without = asked.world.callers.keys() - named
    assert not without, f"add a column for {sorted(without)} to a table of tests/api/authorization_matrix.py"
    nobody = named - asked.world.callers.keys()
    assert not nobody, f"tests/api/authorization_world.py makes nobody for the columns {sorted(nobody)}"


def test_every_body_in_the_document_has_a_sound_one_here(asked: Asked) -> None:
    with_body = {
        operation
        for operation in asked.operations
        if "application/json" in schema_of(asked.document, operation).get("content", {})
    }
    assert BODIES.keys() == with_body, "say in BODIES of tests/api/authorization_world.py what is sent"


# --- the answers


def test_everybody_is_answered_as_the_matrix_says(asked: Asked) -> None:
    assert deviations(asked, asked.operations, asked.world.callers) == []


def test_on_postgresql_reading_is_answered_the_same(postgresql_url: str, tmp_path: Path) -> None:
    house = new_house(postgresql_url, tmp_path)
    world, document = world_in(house), house.http.get("/openapi.json").get_json()
    asked = Asked(world, Desk(house), document)
    reading = [one for one in asked.operations if one.startswith("GET /v1")]
    found = deviations(asked, reading, [name for name in world.callers if ":" not in name or name.endswith(":reg")])
    for operation in reading:
        for name in ("else", "far", "pno", "isse"):
            found += differences(asked, operation, name)
    house.bank.database.close()
    assert found == []


# --- foreign and missing


def differences(asked: Asked, operation: str, name: str) -> list[str]:
    """Return where what is foreign to a caller is answered otherwise than what doesn't exist."""
    caller = asked.world.callers[name]
    keys, kind = request_of(operation, caller.of).keys, matrix()[operation, name]
    is_about_a_missing_thing = not caller.is_foreign and any(caller.of[key] == MISSING for key in keys)
    if kind in ("401", "403") or is_about_a_missing_thing or not (set(keys) - PUBLIC or kind == "404"):
        return []
    if kind not in ("404", "nil") and not caller.is_foreign:
        return []
    nothing = {key: NOT_THERE.get(key, MISSING) for key in caller.of}
    foreign, found = told(asked.answer(operation, caller, caller.of)), []
    for chosen in product((False, True), repeat=len(keys)):
        picked = [key for key, is_picked in zip(keys, chosen, strict=True) if is_picked]
        replaced = caller.of | {key: nothing[key] for key in picked}
        if picked and told(asked.answer(operation, caller, replaced)) != foreign:
            found.append(f"{operation} by {name}: answered otherwise where {picked} is missing instead of foreign")
        mine = {key: caller.own[key] for key in picked if key in caller.own}
        if 0 < len(mine) < len(keys):
            with_foreign = told(asked.answer(operation, caller, caller.of | mine))
            if with_foreign != told(asked.answer(operation, caller, nothing | mine)):
                found.append(f"{operation} by {name}: beside their own {list(mine)} foreign ones are told from missing")
    return found


def test_what_is_foreign_is_answered_like_what_is_missing(asked: Asked) -> None:
    found = [
        difference
        for operation in asked.operations
        for name in asked.world.callers
        for difference in differences(asked, operation, name)
    ]
    assert found == []


# --- mass assignment

COLUMNS = frozenset(column.name for one in catalogue.tables.values() for column in one.columns) | {
    f"{one.name}_{column.name}" for one in catalogue.tables.values() for column in one.columns
}
"""What the columns of all tables are called, also with the table's name before them."""

IN_A_LANGUAGE_OF_ITS_OWN = {"POST /v1/rulesets"}
"""Bodies whose schema stands in a document of its own."""


def schema_of(document: dict[str, Any], operation: str) -> dict[str, Any]:
    """Return how the body of an operation is documented; nothing where it takes none."""
    method, path = operation.removesuffix(" of a learner").split(" ")
    found: dict[str, Any] = document["paths"][path][method.lower()].get("requestBody", {})
    return found


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema itself, where it is only referred to."""
    if "$ref" in schema:
        return resolved(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    parts = [one for part in ("anyOf", "allOf", "oneOf") for one in schema.get(part, []) if one.get("type") != "null"]
    return resolved(document, parts[0]) if len(parts) == 1 else schema


def spoiled(document: dict[str, Any], schema: dict[str, Any], pointer: str = "") -> tuple[Any, set[str]]:
    """Return a body in which every object has a member for every column that it doesn't document, and where those are.

    Nothing for what is no object and holds none.
    """
    schema = resolved(document, schema)
    if "items" in schema:
        inner, strays = spoiled(document, schema["items"], f"{pointer}/0")
        return (None if inner is None else [inner]), strays
    if "properties" not in schema:
        return None, set()
    body: dict[str, Any] = dict.fromkeys(COLUMNS - schema["properties"].keys(), "x")
    found = {f"{pointer}/{name}" for name in body}
    for name, part in schema["properties"].items():
        inner, strays = spoiled(document, part, f"{pointer}/{name}")
        if inner is not None:
            body[name] = inner
            found |= strays
    return body, found


def strays_in(answer: TestResponse, operation: str) -> set[str]:
    """Return the places of all members that an answer says are unknown."""
    document = answer.get_json()
    if operation == "POST /v1/outcomes/batch" and answer.status_code == 200:
        (row,) = document["results"]
        return {f"/0{error['pointer']}" for error in row["errors"] if error["code"] == "unknown_field"}
    assert answer.status_code == 422, (operation, answer.get_data(as_text=True)[:300])
    return {error["pointer"] for error in document["errors"] if error["code"] in ("unknown_field", "several_awards")}


def test_no_column_of_any_table_can_be_set_by_naming_it(asked: Asked) -> None:
    callers = asked.world.callers
    for operation in BODIES.keys() - IN_A_LANGUAGE_OF_ITS_OWN:
        schema = schema_of(asked.document, operation)["content"]["application/json"]["schema"]
        body, strays = spoiled(asked.document, schema)
        assert len(strays) > 400, operation
        request = request_of(operation, callers["iss"].of)
        answer = asked.desk.ask(Request(request.method, request.url, {}, body, ()), callers["iss"].headers)
        assert strays_in(answer, operation) >= strays, operation


def nested(body: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a body."""
    if isinstance(body, dict):
        yield body
    for inner in body.values() if isinstance(body, dict) else body if isinstance(body, list) else ():
        yield from nested(inner)


def test_a_sound_request_with_a_column_too_many_changes_nothing(asked: Asked) -> None:
    matrix_of, callers = matrix(), asked.world.callers
    for operation, body_of in BODIES.items():
        name = next(one for one in callers if matrix_of[operation, one] in ("ok", "404"))
        caller = callers[name]
        for number, _ in enumerate(nested(body_of(CONSTANTS | caller.of))):
            body = body_of(CONSTANTS | caller.of)
            place = list(nested(json.loads(json.dumps(body))))[number]
            spoilt = json.loads(json.dumps(body))
            stray = next(one for one in ("recorded_at", "learner_id") if one not in place)
            list(nested(spoilt))[number][stray] = "x"
            request = request_of(operation, caller.of)
            version = asked.desk.version_now()
            answer = asked.desk.house.http.open(
                request.url, method=request.method, json=spoilt, headers=caller.headers | {"If-Match": '"1"'}
            )
            assert [one for one in strays_in(answer, operation) if one.endswith((f"/{stray}", "/award"))], operation
            if operation != "POST /v1/outcomes/batch":
                assert asked.desk.version_now() == version, operation


# --- staff

WORK_OF = {
    StaffRole.REGISTRAR: "GET /v1/identity/cases",
    StaffRole.REVIEWER: "GET /v1/cases",
    StaffRole.RULE_AUTHOR: "POST /v1/rulesets/{code}/versions/{version}/check",
    StaffRole.PUBLISHER: "POST /v1/rulesets/{code}/versions/{version}/check",
    StaffRole.AUDITOR: "GET /v1/learners/{learner_id}/balance",
    StaffRole.SYSTEM_ADMINISTRATOR: "GET /v1/institutions/{institution_id}/delegations",
    StaffRole.SECURITY_ADMINISTRATOR: "GET /v1/staff",
    StaffRole.AUDIT_ADMINISTRATOR: "GET /v1/audit",
    StaffRole.PROXY_OPERATOR: "POST /v1/proxy-sessions",
}
"""Something that each role may do, and who has none may not."""


@pytest.mark.parametrize("role", StaffRole)
def test_a_role_that_was_revoked_ends_at_the_next_request(asked: Asked, role: StaffRole) -> None:
    house, ids = asked.desk.house, asked.world.callers["iss"].of
    member = house.staff("cqdx", role)
    auth, url = house.staff_auth(member), f"/v1/staff/{member['id']}"
    request = request_of(WORK_OF[role], ids)
    keep = Desk(house)
    assert keep.ask(request, auth).status_code in (200, 201)
    other = StaffRole.REVIEWER if role is not StaffRole.REVIEWER else StaffRole.REGISTRAR
    grants = house.auth("authority", "staff:write")
    assert house.http.put(f"{url}/roles", json={"roles": [other]}, headers=grants).status_code == 200
    refused = keep.ask(request, auth)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "scope_missing")
    assert house.http.post(f"{url}/deactivate", headers=grants).status_code == 200
    assert keep.ask(request, auth).status_code == 401
