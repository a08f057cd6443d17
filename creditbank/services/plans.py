"""The planner: what a learner could get with what they have, or would have, toward every published target."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from uuid import UUID

from creditbank.core.conversion.planning import Plan, planned
from creditbank.core.conversion.situation import Holding
from creditbank.core.conversion.wording import sentences
from creditbank.core.credit import decimal_text
from creditbank.core.entitlement import Sight
from creditbank.core.errors import Conflict, unknown
from creditbank.core.institution import ended_fault
from creditbank.core.normalisation import title_key
from creditbank.core.outcome import Facts
from creditbank.core.permission import require
from creditbank.core.programme import Programme
from creditbank.gateways.optimiser import best_values
from creditbank.services import situations
from creditbank.services.bank import Work
from creditbank.services.entitlement import seen
from creditbank.storage import institution_days, programmes

TARGETS_MAX = 200
"""Programmes planned in one request; each takes some milliseconds."""


class RankBy(StrEnum):
    """What comes first: the most credits gained, or the fewest missing in the end."""

    CREDITS = "credits"
    COMPLETION = "completion"


@dataclass(frozen=True, slots=True)
class Option:
    """What one programme would take; `missing_hundredths` is what it asks for beyond, in its scheme."""

    programme: Programme
    plan: Plan
    missing_hundredths: int
    sentences: list[dict[str, str]]

    def document(self) -> dict[str, Any]:
        """Return the option as a JSON document."""
        told = self.plan.explanation
        courses = [course["code"] for course in told["courses_left_out"] if not _is_replaced(course)]
        return {
            "target": {"institution": self.programme.institution, "programme": self.programme.code},
            "title": self.programme.title,
            "ruleset": self.plan.ruleset_code,
            "version": self.plan.version,
            "credits": told["credits"],
            "scheme": self.plan.scheme,
            "total": decimal_text(self.programme.total_hundredths),
            "missing": {
                "credits": decimal_text(self.missing_hundredths),
                "courses": courses,
                "requirements": [one for one in told["requirements"] if not one["met"]],
            },
            "explanation": told,
            "sentences": self.sentences,
        }


@dataclass(frozen=True, slots=True)
class Plans:
    """The options in their order, the targets for which no rules are in force, and whether every one was planned."""

    options: tuple[Option, ...]
    without_rules: tuple[Programme, ...]
    is_complete: bool


def plan(
    work: Work, learner_id: UUID, targets: Sequence[tuple[str, str]] | None, also: Sequence[Facts], rank_by: RankBy
) -> Plans:
    """Return what would be converted toward each target, ranked; nothing is written.

    `targets` are institutions' and programmes' codes, None for all that are published; `also` are outcomes that the
    learner does not have yet. Refused: Unknown learner or target.
    """
    require(work.actor, "conversions:write", "balance:read", "audit:read")
    person = seen(work, learner_id, Sight.PLAN)
    account = situations.account_of(work, person)
    account = replace(account, holdings=(*account.holdings, *_all_imagined(work, account.holdings, also)))
    age: list[int | None] = []
    wanted = _targets(work, targets)
    options, without_rules = [], []
    for programme in wanted[:TARGETS_MAX]:
        ruleset = situations.in_force(work, programme)
        if ruleset is None:
            without_rules.append(programme)
            continue
        if ruleset.asks_age and not age:
            age.append(situations.age_of(work, person))
        situation = situations.situation_of(
            work, account, programme, (programme.courses, True), age=age[0] if ruleset.asks_age else None
        )
        made = planned(ruleset, work.rulebook().schemes[ruleset.scheme], situation, best_values)
        earlier = sum(one.credit_hundredths for one in account.earlier if one.is_toward(programme))
        missing = max(programme.total_hundredths - earlier - made.credit_hundredths, 0)
        options.append(Option(programme, made, missing, sentences(made.explanation)))
    ranked = tuple(sorted(options, key=lambda option: _rank(option, rank_by)))
    return Plans(ranked, tuple(without_rules), len(wanted) <= TARGETS_MAX)


def _is_replaced(course: dict[str, Any]) -> bool:
    """Tell whether an earlier conversion replaces a course already."""
    return any(reason["why"] == "already_replaced" and "conversion" in reason for reason in course["reasons"])


def _rank(option: Option, rank_by: RankBy) -> tuple[int, int, str, str]:
    gained, programme = -option.plan.credit_hundredths, option.programme
    first, second = (gained, option.missing_hundredths), (option.missing_hundredths, gained)
    ordered = first if rank_by is RankBy.CREDITS else second
    return (*ordered, programme.institution, programme.code)


def _targets(work: Work, targets: Sequence[tuple[str, str]] | None) -> list[Programme]:
    """Return the programmes that are asked about. Refused: Unknown, Conflict for an institution that has ended."""
    ended = institution_days.ended_by(work.connection, work.today)
    if targets is None:
        every = [stored.programme for stored in programmes.every(work.connection)]
        return [programme for programme in every if programme.institution not in ended]
    found = []
    for number, (institution, code) in enumerate(targets):
        stored = programmes.by_code(work.connection, institution, code)
        if stored is None:
            raise unknown("培养方案", "programme", f"/targets/{number}")
        fault = ended_fault(ended.get(institution), work.today, f"/targets/{number}/institution")
        if fault is not None:
            raise Conflict((fault,))
        found.append(stored.programme)
    return found


def _all_imagined(work: Work, holdings: Sequence[Holding], also: Sequence[Facts]) -> Iterator[Holding]:
    """Give the outcomes that the learner might earn, without those that would be the same as one on record."""
    seen = {(title_key(holding.facts.title), holding.facts.completed_on) for holding in holdings}
    for number, facts in enumerate(also, start=1):
        key = (title_key(facts.title), facts.completed_on)
        if key not in seen:
            yield _imagined(work, number, facts)
        seen.add(key)


def _imagined(work: Work, number: int, facts: Facts) -> Holding:
    """Return an outcome that the learner might earn, recognised by the rules in force."""
    recognition = work.rulebook().recognise(facts)
    known = replace(facts, level=recognition.level, category=recognition.category)
    credit = recognition.credit_hundredths
    return Holding(f"also:{number}", known, recognition.scheme, credit, credit, recognition.valid_until)
