"""The facts of one outcome as rules compare them, and the facts as a JSON document."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from creditbank.core.credit import HUNDREDTHS_MAX, decimal_text, parsed_hundredths
from creditbank.core.errors import Malformed
from creditbank.core.normalisation import text_key, title_key
from creditbank.core.outcome import Facts, Kind, Score
from creditbank.core.rules.document import Enough, Place, Reading

AGE_MAX = 150
"""Years that nobody reaches."""

WORD_MAX = 200
"""Characters of an issuer's own short words: codes, categories, levels, grades, names of programmes."""

_REQUIRED = ("kind", "title", "issuer", "completed_on")
_OPTIONAL = (
    *("applied_on", "started_on", "code", "category", "level"),
    *("hours", "credits", "scheme", "score", "programme", "age"),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """Facts made comparable: texts by their keys, numbers in hundredths, days as days; None where there is none.

    The names are those that conditions use: `texts["title"]`, `numbers["hours"]`, `days["completed"]`.
    """

    facts: Facts
    texts: Mapping[str, str | None]
    written: Mapping[str, str | None]
    numbers: Mapping[str, int | None]
    days: Mapping[str, date | None]


def subject_of(facts: Facts) -> Subject:
    """Return the facts as rules compare them."""
    kind, level, category, programme = facts.kind.value, facts.level, facts.category, facts.programme
    written = {
        "kind": kind,
        "code": facts.code,
        "title": facts.title,
        "issuer": facts.issuer,
        "category": category,
        "programme": programme,
        "scheme": facts.scheme,
        "level": level,
    }
    texts = {
        "kind": kind,
        "code": facts.code and text_key(facts.code),
        "title": title_key(facts.title),
        "issuer": facts.issuer,
        "category": category and text_key(category),
        "programme": programme and text_key(programme),
        "scheme": facts.scheme,
        "level": level and text_key(level),
    }
    numbers = {
        "hours": facts.hours_hundredths,
        "credits": facts.credit_hundredths,
        "level": None if level is None else parsed_hundredths(level),
    }
    days = {"completed": facts.completed_on, "started": facts.started_on, "applied": facts.applied_on}
    return Subject(facts, texts, written, numbers, days)


def facts_document(facts: Facts) -> dict[str, Any]:
    """Return the facts as a JSON document: amounts as decimal strings, days as ISO texts, without what is not there."""
    score = facts.score
    fields: dict[str, Any] = {
        "kind": facts.kind.value,
        "title": facts.title,
        "issuer": facts.issuer,
        "completed_on": facts.completed_on.isoformat(),
        "applied_on": facts.applied_on.isoformat(),
        "started_on": facts.started_on and facts.started_on.isoformat(),
        "code": facts.code,
        "category": facts.category,
        "level": facts.level,
        "hours": None if facts.hours_hundredths is None else decimal_text(facts.hours_hundredths),
        "credits": None if facts.credit_hundredths is None else decimal_text(facts.credit_hundredths),
        "scheme": facts.scheme,
        "score": None if score is None else {"value": score.value, "scale": score.scale},
        "programme": facts.programme,
        "age": facts.age,
    }
    return {name: value for name, value in fields.items() if value is not None}


def facts_from(document: object) -> Facts:
    """Return the facts that a JSON document tells; without `applied_on` it is the day of completion.

    The inverse of `facts_document`. Refused: Malformed with all faults by pointer.
    """
    reading = Reading()
    facts = None
    try:
        reading.check_size(document)
        facts = facts_at(Place(reading, "", document))
    except Enough:
        pass  # the faults so far say enough
    if facts is None or reading.faults:
        raise Malformed(tuple(reading.faults))
    return facts


def facts_at(place: Place) -> Facts | None:
    """Return the facts at a place of a larger document, or None where faults were noted."""
    fields = place.fields(_REQUIRED, _OPTIONAL)
    kind = fields["kind"].choice(kind.value for kind in Kind)
    title, issuer = fields["title"].text(), fields["issuer"].text(WORD_MAX)
    completed_on = fields["completed_on"].day()
    applied_on = completed_on if fields["applied_on"].is_missing else fields["applied_on"].day()
    words: dict[str, Any] = {
        name: fields[name].text(WORD_MAX, may_be_empty=True)
        for name in ("code", "category", "level", "scheme", "programme")
    }
    hours, credits = (fields[name].hundredths(0, HUNDREDTHS_MAX) for name in ("hours", "credits"))  # noqa: A001 - the field's name
    started_on, score = fields["started_on"].day(), _score_at(fields["score"])
    if kind is None or title is None or issuer is None or completed_on is None or applied_on is None:
        return None
    return Facts(
        kind=Kind(kind),
        title=title,
        issuer=issuer,
        completed_on=completed_on,
        applied_on=applied_on,
        started_on=started_on,
        hours_hundredths=hours,
        credit_hundredths=credits,
        score=score,
        age=fields["age"].integer(0, AGE_MAX),
        **words,
    )


def _score_at(place: Place) -> Score | None:
    if place.is_missing:
        return None
    fields = place.fields(("value", "scale"))
    value, scale = fields["value"].text(WORD_MAX), fields["scale"].text(WORD_MAX)
    return None if value is None or scale is None else Score(value, scale)
