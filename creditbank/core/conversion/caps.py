"""Limits at work: which conversions one adds up, how much of it is used, and how much is left."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from creditbank.core.conversion.offers import Offer, paired, target_subject
from creditbank.core.conversion.situation import Earlier, Situation
from creditbank.core.credit import decimal_text
from creditbank.core.programme import Course, Programme
from creditbank.core.rules.conversion_set import Across, ConversionSet, Limit, Measure
from creditbank.core.rules.subject import Subject, subject_of

WHOLE_PERCENT = 10_000
"""100 %, in hundredths of a percent."""


@dataclass(frozen=True, slots=True)
class Cap:
    """One limit for one of its groups: the offers that count, what earlier conversions used and what it allows.

    `most` and `used` are hundredths of credit, or a number of outcomes or courses, as the limit measures.
    """

    limit: Limit
    group: tuple[str | None, ...]
    offers: tuple[int, ...]
    used: int
    most: int

    @property
    def left(self) -> int:
        """What the limit still allows, never less than nothing."""
        return max(self.most - self.used, 0)

    @property
    def counts_credits(self) -> bool:
        """Tell a bound on credits from one on outcomes or courses."""
        return self.limit.measure not in (Measure.OUTCOMES, Measure.COURSES)

    def document(self) -> dict[str, Any]:
        """Return the limit as an explanation tells it."""
        shown = decimal_text if self.counts_credits else str
        return {
            "limit": self.limit.id,
            "title": self.limit.title and {"zh": self.limit.title.zh, "en": self.limit.title.en},
            "article": self.limit.article,
            "measure": self.limit.measure.value,
            "over": self.limit.over.value,
            "group": dict(zip(self.limit.per, self.group, strict=True)),
            "most": shown(self.most),
            "used": shown(self.used),
            "left": shown(self.left),
        }


def caps(ruleset: ConversionSet, situation: Situation, offers: Sequence[Offer]) -> tuple[Cap, ...]:
    """Return every limit for every group that the offers fall into, in the order of the document."""
    return tuple(cap for limit in ruleset.limits for cap in _of_limit(ruleset, situation, offers, limit))


def group_of(
    ruleset: ConversionSet, limit: Limit, outcome: str, subject: Subject, course: Course | None
) -> tuple[str | None, ...]:
    """Return the group of one conversion under a limit, one value for each name in `per`."""
    facts = subject.facts
    values: dict[str, str | None] = {
        "outcome": outcome,
        "course": None if course is None else course.code,
        "category": None if course is None else course.category,
        "source_category": facts.category,
        "kind": facts.kind.value,
        "issuer": facts.issuer,
        "term": ruleset.calendar.term_of(facts.completed_on),
        "year": ruleset.calendar.year_of(facts.completed_on),
    }
    return tuple(values[name] for name in limit.per)


def earlier_subject(programme: Programme, earlier: Earlier) -> Subject:
    """Return an earlier conversion as limits ask about it: by its own course and programme."""
    target = target_subject(programme, earlier.course)
    for name, value in (("target_institution", earlier.institution), ("target_programme", earlier.programme)):
        target["texts"][name] = target["written"][name] = value
    return paired(subject_of(earlier.facts), target, earlier.credit_hundredths, None)


def adds_up(limit: Limit, situation: Situation, earlier: Earlier) -> bool:
    """Tell whether a limit counts an earlier conversion together with this one."""
    match limit.across:
        case Across.APPLICATION:
            return False
        case Across.PROGRAMME:
            return earlier.is_toward(situation.programme)
        case Across.INSTITUTION:
            return earlier.institution == situation.programme.institution
        case Across.EVERYTHING:
            return True


def _of_limit(ruleset: ConversionSet, situation: Situation, offers: Sequence[Offer], limit: Limit) -> Iterable[Cap]:
    counted: dict[tuple[str | None, ...], list[int]] = {}
    for place, offer in enumerate(offers):
        if limit.where is None or limit.where.holds(offer.subject):
            course = None if offer.course is None else situation.courses[offer.course]
            outcome = situation.holdings[offer.holding].outcome
            counted.setdefault(group_of(ruleset, limit, outcome, offer.subject, course), []).append(place)
    used = _used(ruleset, situation, limit) if counted else {}
    for group, places in counted.items():
        if limit.measure is Measure.PERCENT_OF_CATEGORY and _category_of(limit, group) is None:
            continue  # what is toward no category takes nothing of any
        most = _most(limit, situation.programme, group)
        yield Cap(limit, group, tuple(places), used.get(group, 0), most)


def _used(ruleset: ConversionSet, situation: Situation, limit: Limit) -> dict[tuple[str | None, ...], int]:
    """Return what earlier conversions used of a limit, by group."""
    credit: dict[tuple[str | None, ...], int] = {}
    outcomes: dict[tuple[str | None, ...], set[str]] = {}
    courses: dict[tuple[str | None, ...], int] = {}
    for earlier in situation.earlier:
        if not adds_up(limit, situation, earlier):
            continue
        subject = earlier_subject(situation.programme, earlier)
        if limit.where is None or limit.where.holds(subject):
            group = group_of(ruleset, limit, earlier.outcome, subject, earlier.course)
            credit[group] = credit.get(group, 0) + earlier.credit_hundredths
            outcomes.setdefault(group, set()).add(earlier.outcome)
            courses[group] = courses.get(group, 0) + (earlier.course is not None)
    if limit.measure is Measure.OUTCOMES:
        return {group: len(found) for group, found in outcomes.items()}
    return courses if limit.measure is Measure.COURSES else credit


def _most(limit: Limit, programme: Programme, group: tuple[str | None, ...]) -> int:
    """Return what a limit allows for a group: a percentage is of the programme's credits, or of the category's."""
    if limit.measure is Measure.PERCENT_OF_PROGRAMME:
        return programme.total_hundredths * limit.most // WHOLE_PERCENT
    if limit.measure is Measure.PERCENT_OF_CATEGORY:
        return programme.credits_in(_category_of(limit, group) or "") * limit.most // WHOLE_PERCENT
    return limit.most


def _category_of(limit: Limit, group: tuple[str | None, ...]) -> str | None:
    """Return the category of the target's course that a group is of."""
    return group[limit.per.index("category")]
