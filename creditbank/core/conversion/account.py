"""The explanation of a conversion: what counts for how much, which limits cut it, what was left out and why."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from creditbank.core.conversion.caps import Cap, earlier_subject
from creditbank.core.conversion.model import Amounts, Model
from creditbank.core.conversion.offers import Offer, Offers, Refused, usable_until
from creditbank.core.conversion.situation import Situation
from creditbank.core.conversion.trial import Trial
from creditbank.core.credit import decimal_text
from creditbank.core.programme import Course
from creditbank.core.rules.conversion_set import ConversionSet, Measure, Requirement
from creditbank.core.rules.subject import Subject

REASONS_MAX = 5
"""Reasons told for one course or outcome that was left out; how many more there were is told."""


@dataclass(frozen=True, slots=True)
class Part:
    """One outcome that counts toward one course, or the programme where there is none.

    Granted hundredths are in the set's scheme; spent and lapsed ones in the outcome's own: what lapses is spent too.
    `partners` are outcomes that are used up with it.
    """

    outcome: str
    course: Course | None
    rule: str
    granted_hundredths: int
    spent_hundredths: int
    lapsed_hundredths: int
    partners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Telling:
    """Everything that an explanation is made from: what was asked, offered, bounded and chosen."""

    ruleset: ConversionSet
    situation: Situation
    made: Offers
    bounds: tuple[Cap, ...]
    choice: Model
    trial: Trial
    amounts: Amounts
    parts: tuple[Part, ...]

    def outcome(self, holding: int) -> str:
        """Return the name of the outcome at a place."""
        return self.situation.holdings[holding].outcome

    def title(self, holding: int) -> str:
        """Return the title of the outcome at a place."""
        return self.situation.holdings[holding].facts.title


def explanation(desk: Telling) -> dict[str, Any]:
    """Return the whole explanation as plain JSON values."""
    ruleset = desk.ruleset
    return {
        "ruleset": ruleset.code,
        "version": ruleset.version,
        "title": {"zh": ruleset.title.zh, "en": ruleset.title.en},
        "authority": ruleset.source.authority,
        "source": ruleset.source.document,
        "article": ruleset.source.article,
        "choose": ruleset.choose.value,
        "credits": decimal_text(sum(part.granted_hundredths for part in desk.parts)),
        "scheme": ruleset.scheme,
        "parts": [_part(desk, part) for part in desk.parts],
        "limits": [cap.document() | {"counted": _counted(desk, cap)} for cap in desk.bounds],
        "courses_left_out": _courses_left_out(desk),
        "outcomes_left_out": _outcomes_left_out(desk),
        "requirements": [_requirement(desk, requirement) for requirement in ruleset.requirements],
        "programme": _programme(desk),
    }


def _part(desk: Telling, part: Part) -> dict[str, Any]:
    """Return one part with its arithmetic: the worth, the rate, the limits that cut it and what lasts how long."""
    holding = next(held for held in desk.situation.holdings if held.outcome == part.outcome)
    rule = next(rule for rule in desk.ruleset.rules if rule.id == part.rule)
    until = usable_until(desk.ruleset, holding)
    account: dict[str, Any] = {
        "outcome": part.outcome,
        "title": holding.facts.title,
        "course": part.course and course_account(part.course),
        "rule": rule.id,
        "rule_title": rule.title and {"zh": rule.title.zh, "en": rule.title.en},
        "article": rule.article,
        "recognised": decimal_text(holding.credit_hundredths),
        "available": decimal_text(holding.available_hundredths),
        "credits": decimal_text(part.granted_hundredths),
        "spent": decimal_text(part.spent_hundredths),
        "lapsed": decimal_text(part.lapsed_hundredths),
        "usable_until": until and until.isoformat(),
    }
    if holding.scheme is not None and holding.scheme != desk.ruleset.scheme:
        account |= {"from_scheme": holding.scheme, "rate": str(float(desk.ruleset.rates[holding.scheme]))}
    if part.partners:
        account["partners"] = list(part.partners)
    return account


def _counted(desk: Telling, cap: Cap) -> str:
    """Return what this conversion adds under a limit."""
    made = [place for place in cap.offers if desk.amounts[place]]
    if cap.counts_credits:
        return decimal_text(sum(desk.amounts[place] for place in made))
    of_courses = cap.limit.measure is Measure.COURSES
    offered = desk.made.offers
    return str(len({offered[place].course if of_courses else offered[place].holding for place in made}))


def _courses_left_out(desk: Telling) -> list[dict[str, Any]]:
    """Return every course asked for that is not replaced, or only in part, with the reasons."""
    covered = {part.course.code for part in desk.parts if part.course is not None}
    offered, refused = _grouped(desk, lambda one: one.course)
    left_out = []
    for number, course in enumerate(desk.situation.courses):
        if course.code not in covered:
            left_out.append(course_account(course) | _reasons(desk, offered[number], refused[number]))
    return left_out


def _outcomes_left_out(desk: Telling) -> list[dict[str, Any]]:
    """Return every outcome that is not used, with the reasons."""
    used = {part.outcome for part in desk.parts} | {partner for part in desk.parts for partner in part.partners}
    offered, refused = _grouped(desk, lambda one: one.holding)
    left_out = []
    for number, holding in enumerate(desk.situation.holdings):
        if holding.outcome not in used:
            account = {"outcome": holding.outcome, "title": holding.facts.title}
            left_out.append(account | _reasons(desk, offered[number], refused[number]))
    return left_out


def _grouped(
    desk: Telling, by: Callable[[Offer | Refused], int | None]
) -> tuple[dict[int | None, list[int]], dict[int | None, list[Refused]]]:
    """Return the places of the offers, and what was refused, by course or by outcome."""
    offered: dict[int | None, list[int]] = defaultdict(list)
    refused: dict[int | None, list[Refused]] = defaultdict(list)
    for place, offer in enumerate(desk.made.offers):
        offered[by(offer)].append(place)
    for one in desk.made.refused:
        refused[by(one)].append(one)
    return offered, refused


def _reasons(desk: Telling, offered: Sequence[int], refused: Sequence[Refused]) -> dict[str, Any]:
    """Return the first reasons and how many more there are; offers that lost come before rules that don't apply."""
    reasons = [_why_not_chosen(desk, place) for place in offered[:REASONS_MAX]]
    closest = sorted(refused, key=_closeness)[: REASONS_MAX - len(reasons)]
    told = [*reasons, *(one.told() | _about(desk, one) for one in closest)]
    account: dict[str, Any] = {"reasons": told}
    more = len(offered) + len(refused) - len(told)
    return account | ({"reasons_more": more} if more else {})


def _closeness(refused: Refused) -> int:
    """Return how far an outcome was from counting: a missing partner or credit is closest, other learning farthest."""
    if refused.unmet is None:
        return _CLOSENESS.get(refused.reason["why"], 0)
    rule, subject = refused.unmet
    return 10 + sum(not part.holds(subject) for part in rule.when.parts)


_CLOSENESS = {"partner_missing": 0, "too_few_credits": 1, "excluded": 2, "too_old": 3, "already_converted": 4}


def _about(desk: Telling, refused: Refused) -> dict[str, Any]:
    course = None if refused.course is None else desk.situation.courses[refused.course]
    return {
        "outcome": desk.outcome(refused.holding),
        "outcome_title": desk.title(refused.holding),
        "course": course and course.code,
    }


def _why_not_chosen(desk: Telling, place: int) -> dict[str, Any]:
    """Return why an offer that could be made was not: what breaks when it is added to those that were."""
    offer = desk.made.offers[place]
    course = None if offer.course is None else desk.situation.courses[offer.course]
    about = {
        "outcome": desk.outcome(offer.holding),
        "outcome_title": desk.title(offer.holding),
        "course": course and course.code,
        "rule": offer.rule.id,
        "would_bring": decimal_text(offer.most_hundredths),
    }
    names = {row.name for row in desk.trial.broken_by(place, 1 if place in desk.choice.cut else offer.most_hundredths)}
    limits = [cap for cap in desk.bounds if cap.limit.id in names and place in cap.offers]
    if limits:
        return {
            "why": "limit",
            **about,
            "limits": [cap.document() | {"counted": _counted(desk, cap)} for cap in limits],
        }
    if "worth" in names:
        return {"why": "credits_used", **about}
    if "partner" in names:
        return {"why": "partner_used", **about}
    taken = next((part for part in desk.parts if part.course is not None and part.course == course), None)
    if taken is not None:
        return {"why": "already_replaced", **about, "by": taken.outcome}
    return {"why": "less_in_all", **about}


def _requirement(desk: Telling, requirement: Requirement) -> dict[str, Any]:
    """Return what a requirement asks for, what earlier conversions and this one bring, and what is missing."""
    programme = desk.situation.programme
    before = sum(
        earlier.credit_hundredths
        for earlier in desk.situation.earlier
        if earlier.is_toward(programme) and _asks(requirement, earlier_subject(programme, earlier))
    )
    now = sum(
        amount
        for offer, amount in zip(desk.made.offers, desk.amounts, strict=True)
        if amount and _asks(requirement, offer.subject)
    )
    missing = max(requirement.least_hundredths - before - now, 0)
    title = requirement.title
    return {
        "requirement": requirement.id,
        "title": title and {"zh": title.zh, "en": title.en},
        "article": requirement.article,
        "at_least": decimal_text(requirement.least_hundredths),
        "earlier": decimal_text(before),
        "now": decimal_text(now),
        "missing": decimal_text(missing),
        "met": missing == 0,
    }


def _asks(requirement: Requirement, subject: Subject) -> bool:
    return requirement.where is None or requirement.where.holds(subject)


def _programme(desk: Telling) -> dict[str, Any]:
    """Return how far the programme is: what it asks for, what was converted before, what this adds, what is missing."""
    programme = desk.situation.programme
    before = sum(earlier.credit_hundredths for earlier in desk.situation.earlier if earlier.is_toward(programme))
    now = sum(part.granted_hundredths for part in desk.parts)
    return {
        "institution": programme.institution,
        "programme": programme.code,
        "title": programme.title,
        "total": decimal_text(programme.total_hundredths),
        "earlier": decimal_text(before),
        "now": decimal_text(now),
        "missing": decimal_text(max(programme.total_hundredths - before - now, 0)),
    }


def course_account(course: Course) -> dict[str, Any]:
    """Return a course as an explanation names it."""
    return {
        "code": course.code,
        "title": course.title,
        "credits": decimal_text(course.credit_hundredths),
        "category": course.category,
    }
