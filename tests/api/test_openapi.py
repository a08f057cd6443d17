"""The API document: valid, complete with every refusal, the same in print; and its pages need no network."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.builders import House, new_house

IN_PRINT = Path(__file__).resolve().parents[2] / "api_docs" / "openapi.json"

OPERATIONS = {
    "POST /oauth/token",
    "GET /.well-known/oauth-authorization-server",
    "GET /.well-known/jwks.json",
    "POST /v1/learners",
    "GET /v1/learners/{learner_id}",
    "POST /v1/outcomes",
    "GET /v1/outcomes/{outcome_id}",
    "PUT /v1/outcomes/{outcome_id}",
    "POST /v1/outcomes/{outcome_id}/revoke",
    "POST /v1/outcomes/batch",
    "GET /v1/learners/{learner_id}/balance",
    "GET /v1/learners/{learner_id}/statement",
    "GET /v1/learners/{learner_id}/outcomes",
    "GET /v1/decisions/{decision_id}",
    "POST /v1/decisions/{decision_id}/replay",
    "POST /v1/rulesets",
    "GET /v1/rulesets",
    "GET /v1/rulesets/{code}",
    "GET /v1/rulesets/{code}/versions/{version}",
    "POST /v1/rulesets/{code}/versions/{version}/publish",
    "POST /v1/rulesets/{code}/evaluate",
    "GET /v1/institutions",
    "POST /v1/institutions",
    "GET /v1/institutions/{institution_id}",
    "GET /v1/schemes",
    "POST /v1/schemes",
    "GET /login/{provider}",
    "GET /login/callback",
    "POST /v1/logins/link",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
}
"""The calls of a bank that takes course records, recognises them, shows what they are worth and lets people log in."""

OPEN = {operation for operation in OPERATIONS if " /v1/" not in operation} | {
    *("POST /v1/logins/link", "GET /v1/log/checkpoint", "GET /v1/log/proof"),
    *("GET /.well-known/did.json", "GET /credentials/contexts/v1", "GET /v1/status-lists/{list_number}"),
    *("GET /verify/{share_code}", "POST /v1/credentials/verify"),
}
"""Calls that need no token."""


@pytest.fixture
def quiet_house(tmp_path: Path) -> Iterator[House]:
    made = new_house(f"sqlite:///{tmp_path / 'bank.sqlite3'}", tmp_path, packs=False)
    yield made
    made.bank.database.close()


@pytest.fixture
def document(quiet_house: House) -> dict[str, Any]:
    answer = quiet_house.http.get("/openapi.json")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    served: dict[str, Any] = answer.get_json()
    return served


def operations_of(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the operations by method and path."""
    return {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }


def resolved(document: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference stands for."""
    while "$ref" in value:
        target: Any = document
        for name in value["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        value = target
    return value


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    faults = [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()]
    assert faults == []


def test_the_document_in_print_is_the_one_that_is_served(document: dict[str, Any]) -> None:
    mend = (
        "api_docs/openapi.json is out of date: `make openapi` (`creditbank openapi > api_docs/openapi.json`) mends it"
    )
    assert IN_PRINT.exists(), mend
    assert json.loads(IN_PRINT.read_text("utf-8")) == document, mend


def test_every_call_is_documented_in_a_sentence(document: dict[str, Any]) -> None:
    operations = operations_of(document)
    assert operations.keys() >= OPERATIONS
    assert [name for name, operation in operations.items() if not operation.get("summary", "").strip()] == []


def test_every_refusal_is_documented_as_a_problem(document: dict[str, Any]) -> None:
    for name, operation in operations_of(document).items():
        refusals = {status: said for status, said in operation["responses"].items() if status >= "400"}
        assert "default" not in refusals, f"{name}: each status is documented by itself"
        for status, said in refusals.items():
            if name == "POST /oauth/token" and status in ("400", "401"):
                continue  # RFC 6749 has a form of its own
            content = resolved(document, said)["content"]
            assert content.keys() == {"application/problem+json"}, (name, status)
            problem = resolved(document, content["application/problem+json"]["schema"])
            assert {"status", "code", "errors", "request_id"} <= set(problem["required"])


def test_calls_document_the_refusals_that_come_of_what_they_take(document: dict[str, Any]) -> None:
    for name, operation in operations_of(document).items():
        responses = operation["responses"].keys()
        if name in OPEN:
            assert operation["security"] in ([], [{"client": []}, {}], [{}, {"token": []}]), name
            continue
        assert {"401", "403", "503"} <= responses, name
        assert ("{" not in name) or "404" in responses, name
        assert ("requestBody" not in operation) or {"400", "413", "415", "422"} <= responses, name
    correction = operations_of(document)["PUT /v1/outcomes/{outcome_id}"]
    assert {"409", "412", "428"} <= correction["responses"].keys()


def test_amounts_are_documented_as_decimal_strings(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for schema, names in {"BalanceOut": ("recognised", "available"), "LineOut": ("amount", "balance_after")}.items():
        for name in names:
            assert schemas[schema]["properties"][name]["type"] == "string"
    for name in ("hours", "credits"):
        taken = schemas["OutcomeIn"]["properties"][name]
        assert "string" in taken["type"]
        assert all(re.fullmatch(taken["pattern"], amount) for amount in ("0", "2.5", "99999999.99"))


class Links(HTMLParser):
    """Everything that a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("src", "href") and value]


def test_the_documentation_page_and_all_that_it_loads_come_from_the_bank(quiet_house: House) -> None:
    http = quiet_house.http
    assert http.get("/docs").status_code in (301, 302, 308)
    page = http.get("/docs/")
    text = page.get_data(as_text=True)
    assert (page.status_code, page.mimetype) == (200, "text/html")
    page.close()
    assert "/openapi.json" in text
    links = Links()
    links.feed(text)
    assert any(link.endswith(".js") for link in links.found)
    assert any(link.endswith(".css") for link in links.found)
    for link in links.found:
        assert "//" not in link, "nothing is loaded from elsewhere"
        answer = http.get(link if link.startswith("/") else f"/docs/{link.removeprefix('./')}")
        assert (link, answer.status_code) == (link, 200)
        assert answer.get_data()
        answer.close()
    assert not re.search(r"(?:src|href|url)\s*[=:(]\s*[\"']?(?:https?:)?//", text)
