"""The best conversion of a learner's outcomes under a rule set, with everything that explains it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from creditbank.core.conversion.account import Part, Telling, course_account, explanation
from creditbank.core.conversion.caps import Cap, caps
from creditbank.core.conversion.linear import Solve
from creditbank.core.conversion.model import Amounts, best_amounts, lapses, model
from creditbank.core.conversion.offers import Offer, Offers, offers
from creditbank.core.conversion.situation import Situation
from creditbank.core.conversion.trial import Trial, first_amounts
from creditbank.core.credit import Scheme, decimal_text
from creditbank.core.normalisation import text_key
from creditbank.core.programme import Course
from creditbank.core.rules.conversion_set import ConversionSet
from creditbank.core.rules.ruleset import Choice


@dataclass(frozen=True, slots=True)
class Plan:
    """What is converted, in the order of the application, and the explanation as plain JSON values."""

    ruleset_code: str
    version: int
    scheme: str
    parts: tuple[Part, ...]
    explanation: dict[str, Any]

    @property
    def credit_hundredths(self) -> int:
        """The credits that are gained, in the set's scheme."""
        return sum(part.granted_hundredths for part in self.parts)


def planned(ruleset: ConversionSet, scheme: Scheme, situation: Situation, solve: Solve) -> Plan:
    """Return what the set makes of the situation: the best, or the first in order, as it says; pure."""
    assert scheme.code == ruleset.scheme, "a set counts in the scheme that it names"
    open_courses, replaced = _open_courses(situation)
    asked = replace(situation, courses=open_courses)
    made = offers(ruleset, scheme, asked)
    bounds = caps(ruleset, asked, made.offers)
    choice = model(asked, made, bounds, ruleset.tie_break)
    is_best = ruleset.choose is Choice.BEST
    amounts = best_amounts(choice, solve) if is_best else first_amounts(choice)
    parts = _parts(ruleset, asked, made, (bounds, amounts))
    told = explanation(Telling(ruleset, asked, made, bounds, choice, Trial(choice, amounts), amounts, parts))
    told["courses_left_out"] = [*replaced, *told["courses_left_out"]]
    return Plan(ruleset.code, ruleset.version, ruleset.scheme, parts, told)


def still_stands(ruleset: ConversionSet, scheme: Scheme, situation: Situation, parts: Sequence[Part]) -> bool:
    """Tell whether exactly these parts can be made in a situation that may have changed since they were chosen."""
    open_courses, _ = _open_courses(situation)
    asked = replace(situation, courses=open_courses)
    made = offers(ruleset, scheme, asked)
    choice = model(asked, made, caps(ruleset, asked, made.offers), ruleset.tie_break)
    wanted = {
        (part.outcome, part.course and part.course.code, part.rule, part.partners): part.granted_hundredths
        for part in parts
    }
    amounts = [wanted.pop(_name(asked, offer), 0) for offer in made.offers]
    return not wanted and not choice.broken(amounts)


def _name(situation: Situation, offer: Offer) -> tuple[str, str | None, str, tuple[str, ...]]:
    """Return what tells an offer from all others, without places."""
    course = None if offer.course is None else situation.courses[offer.course].code
    partners = tuple(situation.holdings[partner].outcome for partner in offer.partners)
    return situation.holdings[offer.holding].outcome, course, offer.rule.id, partners


def result_document(plan: Plan) -> dict[str, Any]:
    """Return what is converted as a JSON document, amounts as decimal strings."""
    return {
        "credits": decimal_text(plan.credit_hundredths),
        "scheme": plan.scheme,
        "ruleset": plan.ruleset_code,
        "version": plan.version,
        "parts": [
            {
                "outcome": part.outcome,
                "course": part.course and part.course.code,
                "rule": part.rule,
                "credits": decimal_text(part.granted_hundredths),
                "spent": decimal_text(part.spent_hundredths),
                "lapsed": decimal_text(part.lapsed_hundredths),
                "partners": list(part.partners),
            }
            for part in plan.parts
        ],
    }


def _open_courses(situation: Situation) -> tuple[tuple[Course, ...], list[dict[str, Any]]]:
    """Return the courses that nothing replaces yet, and why the others are left out."""
    programme = situation.programme
    taken = {
        text_key(earlier.course.code): earlier
        for earlier in situation.earlier
        if earlier.course is not None
        and (earlier.institution, earlier.programme) == (programme.institution, programme.code)
    }
    replaced = [
        course_account(course)
        | {
            "reasons": [
                {
                    "why": "already_replaced",
                    "conversion": taken[text_key(course.code)].conversion,
                    "outcome": taken[text_key(course.code)].outcome,
                    "title": taken[text_key(course.code)].facts.title,
                }
            ]
        }
        for course in situation.courses
        if text_key(course.code) in taken
    ]
    return tuple(course for course in situation.courses if text_key(course.code) not in taken), replaced


def _parts(
    ruleset: ConversionSet, situation: Situation, made: Offers, chosen: tuple[Sequence[Cap], Amounts]
) -> tuple[Part, ...]:
    """Return the parts of the offers that are made; what each spends adds up exactly over an outcome's parts."""
    bounds, amounts = chosen
    spent_so_far: dict[int, tuple[int, int]] = defaultdict(lambda: (0, 0))
    parts = []
    for place, (offer, amount) in enumerate(zip(made.offers, amounts, strict=True)):
        if amount == 0:
            continue
        granted_before, spent_before = spent_so_far[offer.holding]
        holding = situation.holdings[offer.holding]
        spent, lapsed = 0, 0
        if offer.rule.spends_credits and holding.scheme is not None:
            rate = ruleset.rates[holding.scheme]
            taken = offer.most_hundredths if lapses(place, offer, bounds) else amount
            up_to = min(-(-(granted_before + taken) // rate), holding.available_hundredths)
            counted = min(-(-(granted_before + amount) // rate), holding.available_hundredths)
            spent, lapsed = int(up_to) - spent_before, int(up_to - counted)
            spent_so_far[offer.holding] = (granted_before + taken, int(up_to))
        parts.append(
            Part(
                outcome=holding.outcome,
                course=None if offer.course is None else situation.courses[offer.course],
                rule=offer.rule.id,
                granted_hundredths=amount,
                spent_hundredths=spent,
                lapsed_hundredths=lapsed,
                partners=tuple(situation.holdings[partner].outcome for partner in offer.partners),
            )
        )
    return tuple(parts)
