"""What a conversion is judged on: the learner's credits, the programme and courses asked for, and what came before."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from creditbank.core.credit import HUNDREDTHS_MAX, decimal_text
from creditbank.core.errors import Malformed
from creditbank.core.outcome import Facts
from creditbank.core.programme import Course, Programme, programme_document
from creditbank.core.rules.document import NAME_MAX, Enough, Place, Reading
from creditbank.core.rules.subject import WORD_MAX, facts_at, facts_document

HOLDINGS_MAX = 2000
"""Outcomes of one learner: more than the busiest life brings."""

COURSES_MAX = 1000
"""Courses of one programme; the longest published plans have some 200."""

EARLIER_MAX = 5000
"""Conversions of one learner, course by course."""

AGE_MAX = 150
"""Years that nobody reaches."""


@dataclass(frozen=True, slots=True)
class Holding:
    """An outcome that can be converted, with the credits that it brought, in its scheme.

    Level and category in the facts are those that were recognised. `credit_hundredths` is what was recognised (0 for
    an outcome without credits), `available_hundredths` what is neither held nor converted; `valid_until` is the last
    day on which it can be used. `used_in` names the conversion that it is part of already.
    """

    outcome: str
    facts: Facts
    scheme: str | None
    credit_hundredths: int
    available_hundredths: int
    valid_until: date | None = None
    used_in: str | None = None


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was converted before, or is held for it: one outcome toward a course, or the programme if there is none."""

    conversion: str
    institution: str
    programme: str
    course: Course | None
    credit_hundredths: int
    outcome: str
    facts: Facts

    def is_toward(self, programme: Programme) -> bool:
        """Tell whether it counts toward the programme."""
        return (self.institution, self.programme) == (programme.institution, programme.code)


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that a rule set of conversion is asked about.

    `courses` are those asked for; `is_for_programme` that credits may count toward the programme as a whole.
    `age` is the learner's in whole years on the day of application, None where it is not known.
    """

    applied_on: date
    programme: Programme
    courses: tuple[Course, ...]
    is_for_programme: bool
    holdings: tuple[Holding, ...]
    earlier: tuple[Earlier, ...] = ()
    age: int | None = None


def situation_document(situation: Situation) -> dict[str, Any]:
    """Return the situation as a JSON document, without what is not there; the inverse of `situation_from`."""
    fields: dict[str, Any] = {
        "applied_on": situation.applied_on.isoformat(),
        "age": situation.age,
        "programme": programme_document(situation.programme),
        "courses": [course.code for course in situation.courses],
        "toward_programme": situation.is_for_programme,
        "outcomes": [_holding_document(holding) for holding in situation.holdings],
        "earlier": [_earlier_document(earlier) for earlier in situation.earlier],
    }
    return {name: value for name, value in fields.items() if value is not None}


def situation_from(document: object) -> Situation:
    """Return the situation that a JSON document tells.

    Without `courses` all of the programme are asked for, and the programme as a whole; with them only those.
    Refused: Malformed with all faults by pointer.
    """
    reading = Reading()
    situation = None
    try:
        reading.check_size(document)
        situation = _situation_at(Place(reading, "", document))
    except Enough:
        pass  # the faults so far say enough
    if situation is None or reading.faults:
        raise Malformed(tuple(reading.faults))
    return situation


def _holding_document(holding: Holding) -> dict[str, Any]:
    fields = {
        "id": holding.outcome,
        "facts": facts_document(holding.facts),
        "scheme": holding.scheme,
        "recognised": decimal_text(holding.credit_hundredths),
        "available": decimal_text(holding.available_hundredths),
        "valid_until": holding.valid_until and holding.valid_until.isoformat(),
        "used_in": holding.used_in,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _earlier_document(earlier: Earlier) -> dict[str, Any]:
    fields = {
        "conversion": earlier.conversion,
        "institution": earlier.institution,
        "programme": earlier.programme,
        "course": earlier.course and _course_document(earlier.course),
        "credits": decimal_text(earlier.credit_hundredths),
        "outcome": earlier.outcome,
        "facts": facts_document(earlier.facts),
    }
    return {name: value for name, value in fields.items() if value is not None}


def _course_document(course: Course) -> dict[str, Any]:
    fields = {
        "code": course.code,
        "title": course.title,
        "credits": decimal_text(course.credit_hundredths),
        "category": course.category,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _situation_at(place: Place) -> Situation | None:
    fields = place.fields(("applied_on", "programme", "outcomes"), ("age", "courses", "toward_programme", "earlier"))
    applied_on, programme = fields["applied_on"].day(), _programme_at(fields["programme"])
    age, toward = fields["age"].integer(0, AGE_MAX), fields["toward_programme"].truth()
    holdings = [_holding_at(item) for item in _listed(fields["outcomes"], HOLDINGS_MAX)]
    earlier = [_earlier_at(item) for item in _listed(fields["earlier"], EARLIER_MAX)]
    if applied_on is None or programme is None:
        return None
    asked = fields["courses"]
    courses = programme.courses if asked.is_missing else _asked_at(asked, programme)
    return Situation(
        applied_on=applied_on,
        programme=programme,
        courses=courses,
        is_for_programme=(asked.is_missing or asked.value == []) if toward is None else toward,
        holdings=tuple(holding for holding in holdings if holding is not None),
        earlier=tuple(one for one in earlier if one is not None),
        age=age,
    )


def _listed(place: Place, items_max: int) -> list[Place]:
    return [] if place.is_missing or place.value == [] else place.items(items_max)


def _asked_at(place: Place, programme: Programme) -> tuple[Course, ...]:
    by_code = {course.code: course for course in programme.courses}
    found: dict[str, Course] = {}
    for item in _listed(place, COURSES_MAX):
        code = item.text(NAME_MAX)
        if code is None:
            continue
        if code in by_code:
            found[code] = by_code[code]
        else:
            note_unknown_course(item)
    return tuple(found.values())


def note_unknown_course(place: Place) -> None:
    """Note that the programme has no such course."""
    zh = "培养方案没有这个代码的课程；请核对课程代码。"
    en = "The programme has no course of this code; check it."
    place.fault("unknown_course", zh, en)


def _programme_at(place: Place) -> Programme | None:
    fields = place.fields(
        ("institution", "code", "title", "scheme", "total_credits"), ("courses", "category_credits", "attributes")
    )
    institution, code = fields["institution"].text(NAME_MAX), fields["code"].text(NAME_MAX)
    title, scheme = fields["title"].text(), fields["scheme"].text(NAME_MAX)
    total = fields["total_credits"].hundredths(1, HUNDREDTHS_MAX)
    courses = [_course_at(item) for item in _listed(fields["courses"], COURSES_MAX)]
    categories = {
        name: inner.hundredths(0, HUNDREDTHS_MAX) for name, inner in _entries(fields["category_credits"], COURSES_MAX)
    }
    attributes = {name: inner.text(WORD_MAX) for name, inner in _entries(fields["attributes"], COURSES_MAX)}
    if institution is None or code is None or title is None or scheme is None or total is None:
        return None
    return Programme(
        institution=institution,
        code=code,
        title=title,
        scheme=scheme,
        total_hundredths=total,
        courses=tuple(course for course in courses if course is not None),
        category_hundredths=_sound(categories),
        attributes=_sound(attributes),
    )


def _entries(place: Place, entries_max: int) -> list[tuple[str, Place]]:
    return [] if place.is_missing or place.value == {} else place.entries(entries_max)


def _sound(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _course_at(place: Place) -> Course | None:
    fields = place.fields(("code", "title", "credits"), ("category",))
    code, title = fields["code"].text(NAME_MAX), fields["title"].text()
    credit, category = fields["credits"].hundredths(1, HUNDREDTHS_MAX), fields["category"].text(WORD_MAX)
    return None if code is None or title is None or credit is None else Course(code, title, credit, category)


def _holding_at(place: Place) -> Holding | None:
    fields = place.fields(("id", "facts"), ("scheme", "recognised", "available", "valid_until", "used_in"))
    outcome, facts = fields["id"].text(NAME_MAX), facts_at(fields["facts"])
    scheme, used_in = fields["scheme"].text(NAME_MAX), fields["used_in"].text(NAME_MAX)
    recognised = 0 if fields["recognised"].is_missing else fields["recognised"].hundredths(0, HUNDREDTHS_MAX)
    available = recognised if fields["available"].is_missing else fields["available"].hundredths(0, HUNDREDTHS_MAX)
    valid_until = fields["valid_until"].day()
    if outcome is None or facts is None or recognised is None or available is None:
        return None
    return Holding(outcome, facts, scheme, recognised, available, valid_until, used_in)


def _earlier_at(place: Place) -> Earlier | None:
    fields = place.fields(("conversion", "institution", "programme", "credits", "outcome", "facts"), ("course",))
    conversion, outcome = fields["conversion"].text(NAME_MAX), fields["outcome"].text(NAME_MAX)
    institution, programme = fields["institution"].text(NAME_MAX), fields["programme"].text(NAME_MAX)
    course = None if fields["course"].is_missing else _course_at(fields["course"])
    credit, facts = fields["credits"].hundredths(0, HUNDREDTHS_MAX), facts_at(fields["facts"])
    if conversion is None or institution is None or programme is None or credit is None or facts is None:
        return None
    if outcome is None:
        return None
    return Earlier(conversion, institution, programme, course, credit, outcome, facts)
