"""The typed Python client that `make client` makes of the API document: every operation, used as a partner would."""

import importlib
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import httpx
import pytest
from openapi_python_client.strings import snake_case

from tests.builders import House, learner_body, outcome_body

PACKAGE = "creditbank_client"
ROOT = Path(__file__).resolve().parents[2]
HERE = "http://localhost"


@pytest.fixture(scope="module")
def client_package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the client, generated as `make client` does it, as a package that can be imported."""
    folder = tmp_path_factory.mktemp("client")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--overwrite"]
    places = ["--path", "api_docs/openapi.json", "--config", "api_docs/client.yaml", "--output-path", folder / PACKAGE]
    subprocess.run([*command, *places], cwd=ROOT, check=True, capture_output=True)
    sys.path.insert(0, str(folder))
    yield PACKAGE
    sys.path.remove(str(folder))
    for name in [one for one in sys.modules if one.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def operations() -> list[tuple[str, str, str, str]]:
    """Return method, path, tag and id of every operation in the document."""
    document = json.loads((ROOT / "api_docs" / "openapi.json").read_text())
    return [
        (method, path, told["tags"][0], told["operationId"])
        for path, item in document["paths"].items()
        for method, told in item.items()
        if method != "parameters"
    ]


def function(tag: str, name: str) -> ModuleType:
    """Return the module of an operation."""
    return importlib.import_module(f"{PACKAGE}.api.{snake_case(tag)}.{name}")


def model(name: str, document: dict[str, Any]) -> Any:
    """Return a document as one of the client's types."""
    return getattr(importlib.import_module(f"{PACKAGE}.models"), name).from_dict(document)


def signed_in(house: House, *who: str) -> Any:
    """Return the client with an institution's token, on the server of the house."""
    made = importlib.import_module(PACKAGE).AuthenticatedClient
    token = house.token(*(who or ("cqdx",)))
    return made(base_url=HERE, token=token, httpx_args={"transport": httpx.WSGITransport(house.app)})


def test_every_operation_has_its_function(client_package: str) -> None:
    assert client_package == PACKAGE
    found = operations()
    assert len({name for *_, name in found}) == len(found), "each is named by itself"
    for method, path, tag, name in found:
        source = inspect.getsource(function(tag, name))
        assert f'"method": "{method}"' in source, name
        (url,) = re.findall(r'"url": "([^"]+)"', source)
        assert re.sub(r"\{[^}]+\}", "{}", url) == re.sub(r"\{[^}]+\}", "{}", path), name


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_a_partner_posts_reads_and_proves_with_types_alone(house: House, client_package: str) -> None:
    assert client_package == PACKAGE
    client = signed_in(house)
    opened = function("Learners", "open_account").sync(client=client, body=model("LearnerIn", learner_body(1)))
    assert isinstance(opened.id, UUID)
    sent = model("OutcomeIn", outcome_body(str(opened.id), 1))
    posted = function("Outcomes", "post_outcome").sync_detailed(client=client, body=sent)
    assert (posted.status_code, posted.parsed.recognition.credits_) == (201, "3.00")
    again = function("Outcomes", "post_outcome").sync_detailed(client=client, body=sent)
    assert (again.status_code, again.parsed.id) == (200, posted.parsed.id)
    balance = function("Balances", "balance").sync(opened.id, client=client)
    assert [one.available for one in balance.balances] == ["3.00"]
    lines = function("Balances", "statement").sync(opened.id, client=client, limit=1)
    assert [(line.amount, line.balance_after) for line in lines.items] == [("3.00", "3.00")]
    decision = function("Decisions", "decision").sync(posted.parsed.recognition.decision_id, client=client)
    assert decision.explanation
    replayed = function("Decisions", "replay").sync(posted.parsed.recognition.decision_id, client=client)
    assert replayed.same is True
    issuer = signed_in(house, "cqdx", "credentials:issue")
    wish = model("CredentialIn", {"kind": "outcome", "subject_id": str(posted.parsed.id)})
    made = function("Credentials", "issue").sync(client=issuer, body=wish)
    assert made.status == "valid"
    rows = [model("OutcomeIn", outcome_body(str(opened.id), number)) for number in (2, 2)]
    told = function("Batches", "post_batch").sync(client=client, body=rows)
    assert (told.summary.accepted, told.summary.replayed) == (1, 1)


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_refusals_come_as_problems_with_their_reasons(house: House, client_package: str) -> None:
    assert client_package == PACKAGE
    learner = house.open_learner()["id"]
    sent = model("OutcomeIn", outcome_body(learner, 1, hours="1.999"))
    refused = function("Outcomes", "post_outcome").sync(client=signed_in(house), body=sent)
    assert (type(refused).__name__, refused.status) == ("Problem", 422)
    assert [(one.pointer, one.code) for one in refused.errors] == [("/hours", "wrong_amount")]
