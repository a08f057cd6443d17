"""Loading rows quickly: what comes out, and what is refused, is what marshmallow says."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from creditbank.api.fields import StrictSchema
from creditbank.api.outcomes import OutcomeIn
from tests.builders import outcome_body

LEARNER = str(UUID(int=7))

FULL = outcome_body(
    LEARNER,
    1,
    started_on="2025-01-01",
    code="C1",
    category="文史",
    level=3,
    hours="16",
    credits=2,
    scheme="cn-16h-half",
    score={"value": 85, "scale": "100"},
    certificate_no="ZS-1",
    programme="P1",
)
BY_NAME = outcome_body(
    "", 2, learner={"name": "王芳", "identifier": {"type": "passport", "value": "E1", "issuer": "CHN"}}
)

SCHEMA = OutcomeIn()


def by_marshmallow(value: Any) -> Any:
    """Load a value without the short way."""
    return StrictSchema.load(SCHEMA, value)


ANY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10**10),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-5, max_value=10**9),
    st.text(max_size=5),
    st.sampled_from(["2026-02-30", "2026-01-02", "course", LEARNER, "12.50", "1e3", "", " ", "0"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(["id", "name", "value", "scale", "x"]), st.text(max_size=3), max_size=3),
)


def outcome_of(load: Any, value: Any) -> Any:
    """Return what a loader makes of a value: what it built, or its messages."""
    try:
        return load(value)
    except ValidationError as refusal:
        return refusal.messages


@given(data=st.data())
def test_a_row_is_loaded_or_refused_as_by_marshmallow(data: st.DataObject) -> None:
    body = dict(data.draw(st.sampled_from([FULL, BY_NAME])))
    for _ in range(data.draw(st.integers(0, 3))):
        member = data.draw(st.sampled_from([*SCHEMA.fields, "unknown"]))
        if data.draw(st.booleans()):
            body.pop(member, None)
        else:
            body[member] = data.draw(ANY)
    assert outcome_of(SCHEMA.load, body) == outcome_of(by_marshmallow, body)


@pytest.mark.parametrize("value", [None, [], "row", 3, True, {}])
def test_what_is_no_row_is_refused_as_by_marshmallow(value: Any) -> None:
    assert outcome_of(SCHEMA.load, value) == outcome_of(by_marshmallow, value)


def test_rows_in_order_never_go_the_long_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StrictSchema, "load", None)
    assert SCHEMA.load(FULL).external_id == FULL["external_id"]
    assert SCHEMA.load(BY_NAME).learner.name == "王芳"
