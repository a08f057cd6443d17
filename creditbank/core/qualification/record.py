"""What a qualification is judged on: a learner's outcomes with what was recognised, the age, and the levels held."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from creditbank.core.credit import HUNDREDTHS_MAX, decimal_text
from creditbank.core.errors import Malformed
from creditbank.core.outcome import Facts
from creditbank.core.rules.document import NAME_MAX, Enough, Place, Reading
from creditbank.core.rules.subject import AGE_MAX, WORD_MAX, Subject, facts_at, facts_document, subject_of

OUTCOMES_MAX = 2000
"""Outcomes of one learner: more than the busiest life brings."""

HELD_MAX = 20
"""As many as a ladder has levels."""


@dataclass(frozen=True, slots=True)
class Credited:
    """An outcome that stands, as its issuer told it, with what was recognised of it.

    `scheme` is None and the hundredths are 0 where it brought no credit. `level` and `category` are those recognised,
    None where the issuer's own stand. `valid_until` is the last day of its credits.
    """

    outcome: str
    facts: Facts
    scheme: str | None = None
    credit_hundredths: int = 0
    level: str | None = None
    category: str | None = None
    valid_until: date | None = None

    def subject(self, on: date, age: int | None) -> Subject:
        """Return it as conditions ask about it on a day: as if it were handed in then."""
        level, category = self.level or self.facts.level, self.category or self.facts.category
        return subject_of(replace(self.facts, level=level, category=category, applied_on=on, age=age))

    def has_credits_on(self, day: date) -> bool:
        """Tell whether its credits count on a day; the last day counts."""
        return self.valid_until is None or day <= self.valid_until


@dataclass(frozen=True, slots=True)
class LearningRecord:
    """A learner's record on a day; `age` is in whole years then, None where it is not known; `held` are level ids."""

    on: date
    outcomes: tuple[Credited, ...]
    age: int | None = None
    held: frozenset[str] = frozenset()


def record_document(record: LearningRecord) -> dict[str, Any]:
    """Return the record as a JSON document, without what is not there; the inverse of `record_from`."""
    fields = {
        "on": record.on.isoformat(),
        "age": record.age,
        "held": sorted(record.held) or None,
        "outcomes": [_outcome_document(one) for one in record.outcomes],
    }
    return {name: value for name, value in fields.items() if value is not None}


def record_from(document: object) -> LearningRecord:
    """Return the record that a JSON document tells. Refused: Malformed with all faults by pointer."""
    reading = Reading()
    record = None
    try:
        reading.check_size(document)
        record = _record_at(Place(reading, "", document))
    except Enough:
        pass  # the faults so far say enough
    if record is None or reading.faults:
        raise Malformed(tuple(reading.faults))
    return record


def _outcome_document(one: Credited) -> Mapping[str, Any]:
    fields = {
        "id": one.outcome,
        "facts": facts_document(one.facts),
        "scheme": one.scheme,
        "recognised": decimal_text(one.credit_hundredths) if one.credit_hundredths else None,
        "level": one.level,
        "category": one.category,
        "valid_until": one.valid_until and one.valid_until.isoformat(),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _record_at(place: Place) -> LearningRecord | None:
    fields = place.fields(("on", "outcomes"), ("age", "held"))
    on, age = fields["on"].day(), fields["age"].integer(0, AGE_MAX)
    outcomes = [_outcome_at(item) for item in _listed(fields["outcomes"], OUTCOMES_MAX)]
    held = [item.code() for item in _listed(fields["held"], HELD_MAX)]
    if on is None:
        return None
    known = tuple(one for one in outcomes if one is not None)
    return LearningRecord(on, known, age, frozenset(level for level in held if level is not None))


def _outcome_at(place: Place) -> Credited | None:
    fields = place.fields(("id", "facts"), ("scheme", "recognised", "level", "category", "valid_until"))
    outcome, facts = fields["id"].text(NAME_MAX), facts_at(fields["facts"])
    credit = 0 if fields["recognised"].is_missing else fields["recognised"].hundredths(0, HUNDREDTHS_MAX)
    level, category = fields["level"].text(WORD_MAX), fields["category"].text(WORD_MAX)
    scheme, valid_until = fields["scheme"].text(NAME_MAX), fields["valid_until"].day()
    if outcome is None or facts is None or credit is None:
        return None
    return Credited(outcome, facts, scheme, credit, level, category, valid_until)


def _listed(place: Place, items_max: int) -> list[Place]:
    return [] if place.is_missing or place.value == [] else place.items(items_max)
