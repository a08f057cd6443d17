"""Which outcome could count toward which course under which rule, and why another could not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from typing import Any

from creditbank.core.conversion.situation import Holding, Situation
from creditbank.core.credit import Rounding, Scheme, decimal_text, rounded_ratio_hundredths
from creditbank.core.normalisation import text_key, title_key
from creditbank.core.outcome import Facts, Kind
from creditbank.core.programme import Course, Programme
from creditbank.core.rules.conditions import OneOf, years_later
from creditbank.core.rules.conversion_set import ConversionRule, ConversionSet, Toward
from creditbank.core.rules.ruleset import INDEXED
from creditbank.core.rules.subject import Subject, subject_of

PARTNER_SETS_MAX = 20
"""Combinations of partners tried for one outcome and rule: those that stand first in the application."""


@dataclass(frozen=True, slots=True)
class Offer:
    """An outcome that could count toward a course, or the programme where `course` is None; all by their places.

    `most_hundredths` is the most that it brings, in the set's scheme. A whole offer brings that or nothing.
    """

    holding: int
    course: int | None
    rule: ConversionRule
    most_hundredths: int
    is_whole: bool
    partners: tuple[int, ...]
    subject: Subject


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an outcome does not count toward a course (None: at all, or toward the programme), as plain JSON values.

    Of a rule that does not apply the conditions are explained when somebody asks: most are never told.
    """

    holding: int
    course: int | None
    reason: dict[str, Any]
    unmet: tuple[ConversionRule, Subject] | None = None

    def told(self) -> dict[str, Any]:
        """Return the reason with every condition that did not hold."""
        if self.unmet is None:
            return self.reason
        rule, subject = self.unmet
        conditions = [part.explained(subject) for part in rule.when.parts if not part.holds(subject)]
        return self.reason | {"conditions": conditions}


@dataclass(frozen=True, slots=True)
class Offers:
    """Everything that could be chosen from, what an outcome is worth in the set's scheme, and what was refused."""

    offers: tuple[Offer, ...]
    worths: tuple[int, ...]
    refused: tuple[Refused, ...]


def speaks_of(ruleset: ConversionSet, programme: Programme) -> bool:
    """Tell whether the set is about conversions into the programme."""
    if ruleset.applies_to is None:
        return programme.scheme == ruleset.scheme
    asked = target_subject(programme, None)
    return ruleset.applies_to.holds(Subject(_NO_FACTS, asked["texts"], asked["written"], asked["numbers"], {}))


_NO_FACTS = Facts(Kind.OTHER, "", "", date.min, date.min)
"""What stands for an outcome where only the programme is asked about."""


def usable_until(ruleset: ConversionSet, holding: Holding) -> date | None:
    """Return the last day on which both sides take the outcome: the shorter of the two validities counts."""
    if ruleset.valid_years is None:
        return holding.valid_until
    accepted = years_later(holding.facts.completed_on, ruleset.valid_years)
    return accepted if holding.valid_until is None else min(accepted, holding.valid_until)


def offers(ruleset: ConversionSet, scheme: Scheme, situation: Situation) -> Offers:
    """Return every offer that the rules make, in the order of outcomes, courses and rules."""
    subjects = [subject_of(replace(holding.facts, age=situation.age)) for holding in situation.holdings]
    obstacles = [_obstacle(ruleset, situation, holding) for holding in situation.holdings]
    worths = [
        0 if obstacle is not None else _worth(ruleset, scheme, holding)
        for holding, obstacle in zip(situation.holdings, obstacles, strict=True)
    ]
    desk = _Desk(ruleset, situation, subjects, obstacles, worths)
    found: list[Offer] = []
    refused: list[Refused] = []
    for place, obstacle in enumerate(obstacles):
        if obstacle is not None:
            refused.append(Refused(place, None, obstacle))
            continue
        for made in _of_holding(desk, place):
            (found if isinstance(made, Offer) else refused).append(made)  # type: ignore[arg-type] # told apart just here
    return Offers(tuple(found), tuple(worths), tuple(refused))


def target_subject(programme: Programme, course: Course | None) -> dict[str, dict[str, Any]]:
    """Return what rules may ask of a programme and its course: texts by their keys, as written, and numbers."""
    written: dict[str, str | None] = {
        "target_institution": programme.institution,
        "target_programme": programme.code,
        "target_scheme": programme.scheme,
        **{f"target_attribute.{name}": value for name, value in (programme.attributes or {}).items()},
    }
    texts = dict(written) | {
        name: text_key(str(value)) for name, value in written.items() if name.startswith("target_attribute")
    }
    texts["target_programme"] = text_key(programme.code)
    numbers: dict[str, int | None] = {"target_total": programme.total_hundredths}
    if course is not None:
        written |= {"target_code": course.code, "target_title": course.title, "target_category": course.category}
        texts |= {"target_code": text_key(course.code), "target_title": title_key(course.title)}
        texts["target_category"] = course.category and text_key(course.category)
        numbers["target_credits"] = course.credit_hundredths
    return {"written": written, "texts": texts, "numbers": numbers}


def paired(
    subject: Subject, target: dict[str, dict[str, Any]], recognised_hundredths: int, scheme: str | None
) -> Subject:
    """Return an outcome's subject that can be asked about its credits and the target as well."""
    return Subject(
        facts=subject.facts,
        texts={**subject.texts, **target["texts"], "recognised_scheme": scheme},
        written={**subject.written, **target["written"], "recognised_scheme": scheme},
        numbers={**subject.numbers, **target["numbers"], "recognised": recognised_hundredths},
        days=subject.days,
    )


@dataclass(frozen=True, slots=True)
class _Desk:
    """What all offers of one application are made from."""

    ruleset: ConversionSet
    situation: Situation
    subjects: Sequence[Subject]
    obstacles: Sequence[dict[str, Any] | None]
    worths: Sequence[int]


def _obstacle(ruleset: ConversionSet, situation: Situation, holding: Holding) -> dict[str, Any] | None:
    """Return why an outcome can't be converted at all, if so."""
    if holding.used_in is not None:
        return {"why": "already_converted", "conversion": holding.used_in}
    if holding.scheme is not None and holding.scheme not in ruleset.rates:
        return {"why": "no_rate", "from": holding.scheme, "to": ruleset.scheme}
    until = usable_until(ruleset, holding)
    if until is None or situation.applied_on <= until:
        return None
    issuer_until = holding.valid_until
    return {
        "why": "too_old",
        "completed_on": holding.facts.completed_on.isoformat(),
        "applied_on": situation.applied_on.isoformat(),
        "usable_until": until.isoformat(),
        "accepted_years": ruleset.valid_years,
        "issuer_valid_until": issuer_until and issuer_until.isoformat(),
    }


def _worth(ruleset: ConversionSet, scheme: Scheme, holding: Holding) -> int:
    """Return what is left of the outcome's credits in the set's scheme, in its steps and never rounded up."""
    if holding.scheme is None or holding.available_hundredths == 0:
        return 0
    rate = ruleset.rates[holding.scheme]
    if rate == 1:
        return holding.available_hundredths
    numerator = holding.available_hundredths * rate.numerator
    return rounded_ratio_hundredths(numerator, rate.denominator * 100, scheme.step_hundredths, Rounding.DOWN)


def _of_holding(desk: _Desk, place: int) -> Iterator[Offer | Refused]:
    """Give what one outcome is offered for, course by course and then toward the programme."""
    subject = desk.subjects[place]
    speaking = [rule for rule in desk.ruleset.rules if _speaks_of(rule, subject)]
    if not speaking:
        yield Refused(place, None, {"why": "no_rule"})
        return
    situation = desk.situation
    targets: list[tuple[int | None, Course | None]] = [
        (number, course) for number, course in enumerate(situation.courses)
    ]
    if situation.is_for_programme:
        targets.append((None, None))
    for number, course in targets:
        toward = Toward.PROGRAMME if course is None else Toward.COURSE
        rules = [rule for rule in speaking if rule.toward is toward]
        yield from _toward(desk, place, (number, course), rules)


def _speaks_of(rule: ConversionRule, subject: Subject) -> bool:
    """Tell whether the rule's most telling predicates hold of the outcome, whatever the course."""
    return all(part.holds(subject) for part in rule.when.parts if isinstance(part, OneOf) and part.fact in INDEXED)


def _toward(
    desk: _Desk, place: int, target: tuple[int | None, Course | None], rules: Sequence[ConversionRule]
) -> Iterator[Offer | Refused]:
    """Give what one outcome is offered for toward one course, or why it isn't."""
    number, course = target
    holding = desk.situation.holdings[place]
    asked = target_subject(desk.situation.programme, course)
    subject = paired(desk.subjects[place], asked, holding.credit_hundredths, holding.scheme)
    for exclusion in desk.ruleset.exclusions:
        if exclusion.when.holds(subject):
            title = exclusion.title and {"zh": exclusion.title.zh, "en": exclusion.title.en}
            reason = {"why": "excluded", "exclusion": exclusion.id, "title": title, "article": exclusion.article}
            yield Refused(place, number, reason)
            return
    for rule in rules:
        if not rule.when.holds(subject):
            yield Refused(place, number, {"why": "unmet", "rule": rule.id}, (rule, subject))
            continue
        yield from _by_rule(desk, place, (number, course), (rule, subject))


def _by_rule(
    desk: _Desk, place: int, target: tuple[int | None, Course | None], applying: tuple[ConversionRule, Subject]
) -> Iterator[Offer | Refused]:
    """Give the offers of a rule that applies: one for each set of partners."""
    (number, course), (rule, subject) = target, applying
    amount = _amount(rule, desk.worths[place], course)
    if amount is None:
        needed = None if course is None else decimal_text(course.credit_hundredths)
        worth = decimal_text(_bounded(rule, desk.worths[place]))
        yield Refused(place, number, {"why": "too_few_credits", "rule": rule.id, "worth": worth, "needed": needed})
        return
    sets, missing = _partner_sets(desk, place, rule)
    if missing is not None:
        reason = {"why": "partner_missing", "rule": rule.id, "partner": missing, "asked": len(rule.partners)}
        yield Refused(place, number, reason)
        return
    most, is_whole = amount
    for partners in sets:
        yield Offer(place, number, rule, most, is_whole, partners, subject)


def _bounded(rule: ConversionRule, worth: int) -> int:
    return worth if rule.at_most_hundredths is None else min(worth, rule.at_most_hundredths)


def _amount(rule: ConversionRule, worth: int, course: Course | None) -> tuple[int, bool] | None:
    """Return the most that the outcome brings and whether it is that or nothing; None where it is too little."""
    can = _bounded(rule, worth)
    if course is None:
        return (can, not rule.is_partial) if can else None
    if not rule.spends_credits:
        return course.credit_hundredths, True
    if rule.is_partial or rule.is_joint:
        return (min(can, course.credit_hundredths), False) if can else None
    return (course.credit_hundredths, True) if can >= course.credit_hundredths else None


def _partner_sets(
    desk: _Desk, place: int, rule: ConversionRule
) -> tuple[list[tuple[int, ...]], list[dict[str, Any]] | None]:
    """Return sets of other outcomes that fulfil the rule's wishes, each one outcome, or which wish none fulfils."""
    fulfilling = []
    for wish in rule.partners:
        places = [
            other
            for other, subject in enumerate(desk.subjects)
            if other != place and desk.obstacles[other] is None and wish.holds(subject)
        ]
        if not places:
            return [], [part.explained(desk.subjects[place]) for part in wish.parts]
        fulfilling.append(places)
    sets: dict[tuple[int, ...], None] = {}
    for chosen in product(*fulfilling):
        if len(set(chosen)) == len(chosen):
            sets.setdefault(tuple(sorted(chosen)))
        if len(sets) >= PARTNER_SETS_MAX:
            break
    if not sets:
        return [], [part.explained(desk.subjects[place]) for wish in rule.partners for part in wish.parts]
    return list(sets), None
