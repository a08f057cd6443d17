"""The served API keeps to its own document: whatever is asked, the answer is one that is documented, and no 5xx."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Semaphore
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.generation.case import Case
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from creditbank.api.events import WAITERS
from tests.api.seeding import Seeds, seeds_of
from tests.builders import House, new_house
from tests.moulds import Moulds
from tests.tables import CSV, XLSX

EXAMPLES = int(os.environ.get("CREDITBANK_TEST_API_EXAMPLES", "3"))
"""Requests made up for each operation and kind: few, as every run of the tests asks them; 300 take some minutes."""

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

SUCCESSES_MIN = 3
"""Answers 2xx of each operation; with fewer, its success is not looked at."""

NEEDS_A_PROVIDER = {"GET /login/{provider}", "GET /login/callback", "POST /v1/logins/link"}
"""Calls that succeed only together with a provider, at which test_logins logs in."""

SERIALS = st.integers(10_000, 2_000_000)


@dataclass
class Run:
    """What was answered so far, by operation and status."""

    answers: dict[str, Counter[int]] = field(default_factory=dict)

    def ask(self, case: Case, token: str) -> None:
        """Send one request and compare its answer with what is documented."""
        headers = {} if case.path == "/oauth/token" else {"Authorization": f"Bearer {token}"}
        response = case.call(headers=headers)
        case.validate_response(response, checks=CHECKS, headers=headers)
        self.answers.setdefault(case.operation.label, Counter())[response.status_code] += 1

    def successes(self, label: str) -> int:
        return sum(count for status, count in self.answers[label].items() if 200 <= status < 300)


@schemathesis.serializer("application/x-ndjson", "application/xml", CSV, XLSX)
def lines(_context: schemathesis.SerializationContext, value: Any) -> bytes:
    """Return what was made up as a body that is no JSON."""
    if isinstance(value, bytes):
        return value
    return str(value).encode(errors="surrogatepass")


@pytest.fixture
def sqlite_house(moulds: Moulds, tmp_path: Path) -> Iterator[House]:
    with moulds.lent(new_house, tmp_path) as made:
        yield made


def test_every_answer_is_documented_and_none_is_a_server_error(sqlite_house: House) -> None:
    sqlite_house.app.extensions[WAITERS] = Semaphore(0)  # nobody waits for events that don't come
    seeds, run = seeds_of(sqlite_house), Run()
    schema = schemathesis.openapi.from_wsgi("/openapi.json", sqlite_house.app)
    operations = [operation.ok() for operation in schema.get_all_operations()]
    for operation in operations:
        ask_with_seeds(operation, seeds, run)
        for mode in modes_of(operation):
            ask_as_made_up(operation, mode, seeds, run)
        ask_at_the_bounds(operation, seeds, run)
    asked = {operation.label for operation in operations}
    assert asked >= NEEDS_A_PROVIDER
    shallow = {label for label in asked - NEEDS_A_PROVIDER if run.successes(label) < SUCCESSES_MIN}
    assert not shallow, {label: run.answers[label] for label in shallow}
    assert len(operations) >= 25
    statuses = {status for answers in run.answers.values() for status in answers}
    assert {200, 201, 400, 401, 403, 404, 415, 422} - statuses == set()


def ask_with_seeds(operation: APIOperation, seeds: Seeds, run: Run) -> None:
    """Ask so that it is taken: by a client who may do everything, of what there is."""

    @made_up
    @given(case=operation.as_strategy(), serial=SERIALS)
    def ask(case: Case, serial: int) -> None:
        seeds.plant(case, serial)
        run.ask(case, seeds.token(case.path))

    ask()


def ask_as_made_up(operation: APIOperation, mode: GenerationMode, seeds: Seeds, run: Run) -> None:
    """Ask as the document allows, and as it does not, by all sorts of callers."""

    @made_up
    @given(case=operation.as_strategy(mode), token=st.sampled_from(sorted(seeds.tokens.values())))
    def ask(case: Case, token: str) -> None:
        run.ask(case, token)

    ask()


def modes_of(operation: APIOperation) -> list[GenerationMode]:
    """Return how requests can be made up: what takes nothing can be given nothing wrong."""
    takes_something = bool(operation.body or operation.query or operation.headers or operation.path_parameters)
    return list(GenerationMode) if takes_something else [GenerationMode.POSITIVE]


def ask_at_the_bounds(operation: APIOperation, seeds: Seeds, run: Run) -> None:
    """Ask at both sides of every bound that the document names."""
    schema = operation.schema
    config = schema.config.generation_for(operation=operation)
    for case in schema.iter_coverage_cases(operation, generation_modes=list(GenerationMode), generation_config=config):
        run.ask(case, seeds.token(case.path))


def made_up(test: Callable[..., None]) -> Callable[..., None]:
    """Make up the same few requests at every run."""
    return settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )(test)
