"""Courses as they are recorded, judged once by the rules in force and written for any day from then on."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from uuid import UUID

from creditbank.core.conversion.planning import planned, result_document
from creditbank.core.conversion.situation import Holding, Situation, situation_document
from creditbank.core.normalisation import text_key, title_key
from creditbank.core.outcome import Facts, Kind, LearnerReference, Record, Score
from creditbank.core.recognition import result_document as recognised_document
from creditbank.core.rules import facts_document
from creditbank.core.settlement import Rulebook
from creditbank.formats.strict_json import text_of
from creditbank.gateways.optimiser import best_values
from creditbank.loading.world import ISSUERS, RULES, SUBJECTS, programme_for

COMPLETED, APPLIED, ASKED = (date(2015, 3, 17) + timedelta(days=more) for more in range(3))
"""Days that stand for those that are put in their place, in this order, by the texts' own `%`."""

OUTCOME = UUID(int=0x5EED << 112)
"""The id that stands for an outcome's."""

STANDING: Mapping[object, str] = {COMPLETED: "completed", APPLIED: "applied", ASKED: "asked", OUTCOME: "outcome"}
"""What stands in the texts of a conversion's decision, and the names by which the real things are put in."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a course becomes at the accepting school: the texts of the decision, with days and id to be put in."""

    programme: str
    course: str
    course_title: str
    claim: str
    rule: str
    granted_hundredths: int
    spent_hundredths: int
    inputs: str
    result: str
    explanation: str


@dataclass(frozen=True, slots=True)
class Course:
    """A course as its school records it, and what the rules make of it; days in the texts are to be put in."""

    issuer: int
    kind: str
    title_key: str
    content: str
    ruleset: str | None
    version: int | None
    scheme: str | None
    credit_hundredths: int
    inputs: str
    result: str
    explanation: str
    conversion: Conversion | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Each issuer's courses by subject: as they were meant, and as they were recorded where hours were miscounted."""

    right: tuple[tuple[Course, ...], ...]
    wrong: tuple[tuple[Course, ...], ...]


def _text(document: object, names: Mapping[object, str]) -> str:
    """Return the JSON text of a document as a format: what stands for something else is to be put in by name."""
    text = text_of(document).replace("%", "%%")
    for stands, name in names.items():
        text = text.replace(str(stands), f"%({name})s" if name else "%s")
    return text


def catalogue(rulebook: Rulebook) -> Catalogue:
    """Return what all schools teach, judged by the rules in print."""
    right, wrong = [], []
    for issuer in range(len(ISSUERS)):
        hours = [4800 + 1600 * (place % 2) for place in range(len(SUBJECTS))]
        right.append(tuple(_course(rulebook, issuer, place, hours[place]) for place in range(len(SUBJECTS))))
        wrong.append(tuple(_course(rulebook, issuer, place, hours[place] + 800) for place in range(len(SUBJECTS))))
    return Catalogue(tuple(right), tuple(wrong))


def _course(rulebook: Rulebook, issuer: int, place: int, hours_hundredths: int) -> Course:
    """Return a course judged by the rules; a school fails its last subject now and then, which brings no credit."""
    is_failed = place == len(SUBJECTS) - 1 and issuer % 2 == 1
    record = Record(
        external_id="",
        learner=LearnerReference(None),
        kind=Kind.COURSE,
        title=SUBJECTS[place],
        completed_on=COMPLETED,
        hours_hundredths=hours_hundredths,
        score=Score("48" if is_failed else str(60 + (7 * place + issuer) % 40), "100"),
    )
    facts = record.facts(ISSUERS[issuer], APPLIED)
    found = rulebook.recognise(facts)
    assert found.valid_until is None, "the rules that are loaded here set no end"
    inputs = {"facts": facts_document(facts), "rulesets": [list(one) for one in found.considered]}
    course = Course(
        issuer=issuer,
        kind=record.kind.value,
        title_key=title_key(record.title),
        content=_text(record.content(), {COMPLETED: ""}),
        ruleset=found.ruleset_code,
        version=found.version,
        scheme=found.scheme,
        credit_hundredths=found.credit_hundredths,
        inputs=_text(inputs, {COMPLETED: "", APPLIED: ""}),
        result=text_of(recognised_document(found)),
        explanation=text_of(found.explanation),
    )
    return replace(course, conversion=_conversion(rulebook, course, facts, place))


def _conversion(rulebook: Rulebook, course: Course, facts: Facts, place: int) -> Conversion | None:
    """Return what becomes of a course toward the one of the same title, None where the rules give nothing."""
    ruleset = next(one for one in rulebook.conversions if one.code == RULES)
    if course.scheme != ruleset.scheme:
        return None
    result = json.loads(course.result)
    known = replace(facts, level=result["level"], category=result["category"])
    programme = programme_for(facts.issuer)
    holding = Holding(str(OUTCOME), known, course.scheme, course.credit_hundredths, course.credit_hundredths)
    situation = Situation(ASKED, programme, (programme.courses[place],), is_for_programme=False, holdings=(holding,))
    plan = planned(ruleset, rulebook.schemes[ruleset.scheme], situation, best_values)
    if not plan.parts:
        return None
    (part,) = plan.parts
    assert part.course is not None, "only courses are asked for"
    return Conversion(
        programme=programme.code,
        course=part.course.code,
        course_title=part.course.title,
        claim=f"course:{programme.institution}|{programme.code}|{text_key(part.course.code)}",
        rule=part.rule,
        granted_hundredths=part.granted_hundredths,
        spent_hundredths=part.spent_hundredths,
        inputs=_text({"situation": situation_document(situation)}, STANDING),
        result=_text(result_document(plan), STANDING),
        explanation=_text(plan.explanation, STANDING),
    )
