"""Facts go into a document and come back the same; a faulty document of facts is refused by pointer."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbank.core.credit import HUNDREDTHS_MAX
from creditbank.core.errors import Malformed
from creditbank.core.outcome import Facts, Kind, Score
from creditbank.core.rules import facts_document, facts_from
from creditbank.core.rules.subject import AGE_MAX
from tests.core.test_rules import facts
from tests.core.test_rules_parsing import JSON, nested

WORDS = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
FULL_WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20)
AMOUNTS = st.none() | st.integers(0, HUNDREDTHS_MAX)
FACTS = st.builds(
    Facts,
    kind=st.sampled_from(Kind),
    title=FULL_WORDS,
    issuer=FULL_WORDS,
    completed_on=st.dates(),
    applied_on=st.dates(),
    started_on=st.none() | st.dates(),
    code=WORDS,
    category=WORDS,
    level=WORDS,
    hours_hundredths=AMOUNTS,
    credit_hundredths=AMOUNTS,
    scheme=WORDS,
    score=st.none() | st.builds(Score, FULL_WORDS, FULL_WORDS),
    programme=WORDS,
    age=st.none() | st.integers(0, AGE_MAX),
)


@given(FACTS)
def test_facts_come_back_from_their_document(subject: Facts) -> None:
    assert facts_from(json.loads(json.dumps(facts_document(subject)))) == subject


@given(JSON)
def test_no_json_value_as_facts_meets_anything_but_a_refusal(value: object) -> None:
    with pytest.raises(Malformed):
        facts_from(value)


def test_facts_that_are_too_deep_are_refused() -> None:
    with pytest.raises(Malformed) as refused:
        facts_from(nested(10_000))
    assert [fault.code for fault in refused.value.faults] == ["too_deep"]


def test_facts_without_a_day_of_submission_are_handed_in_when_completed() -> None:
    told = facts_document(facts(applied_on=date(2025, 1, 1)))
    assert facts_from(told).applied_on == date(2025, 1, 1)
    del told["applied_on"]
    assert facts_from(told) == facts()


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"hours": 48}, "/hours"),
        ({"hours": "-1"}, "/hours"),
        ({"kind": "lecture"}, "/kind"),
        ({"score": {"value": "1"}}, "/score/scale"),
        ({"completed_on": "2024-13-01"}, "/completed_on"),
        ({"learner": "x"}, "/learner"),
        ({"age": "63"}, "/age"),
        ({"age": AGE_MAX + 1}, "/age"),
        ({"age": -1}, "/age"),
    ],
)
def test_faulty_facts_are_refused_by_pointer(fields: dict[str, object], pointer: str) -> None:
    with pytest.raises(Malformed) as refused:
        facts_from(facts_document(facts()) | fields)
    assert [fault.pointer for fault in refused.value.faults] == [pointer]
