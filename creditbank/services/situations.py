"""Situations: what is on a learner's account as conversions are judged on it, and the rules in force for a target."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from creditbank.core.conversion.offers import speaks_of
from creditbank.core.conversion.situation import Earlier, Holding, Situation
from creditbank.core.merging import Person
from creditbank.core.outcome import Facts, Status
from creditbank.core.programme import Course, Programme
from creditbank.core.rules import ConversionSet, facts_from
from creditbank.core.rules.conditions import years_later
from creditbank.services.bank import Work
from creditbank.storage import conversions, decisions, institutions, learners, ledger, outcomes

OUTCOMES_MAX = 2000
"""Outcomes of one learner that are looked at, the newest first: more than the busiest life brings."""


@dataclass(frozen=True, slots=True)
class Account:
    """Everything of a learner that conversions are judged on: outcomes with facts and lots, and what came before."""

    holdings: tuple[Holding, ...]
    earlier: tuple[Earlier, ...]
    lots: Mapping[str, ledger.Lot]
    issuers: Mapping[str, UUID]
    standing_on: Mapping[str, UUID]
    """The account on which each outcome stands: one of the person's."""


def account_of(work: Work, person: Person) -> Account:
    """Return all that is on a person's accounts as it stands; who is going to spend from it locks them before."""
    lots = {str(lot.outcome_id): lot for lot in ledger.open_lots(work.connection, person.members)}
    rows = outcomes.page(work.connection, person.members, None, None, OUTCOMES_MAX)
    codes = institutions.codes(work.connection, [head.institution_id for head, _ in rows])
    results = decisions.results(work.connection, [head.decision_id for head, _ in rows if head.decision_id])
    claims = conversions.claims_of(work.connection, person.members)
    facts, holdings = {}, []
    for head, revision in sorted(rows, key=lambda row: (row[0].recorded_at, row[0].id)):
        result = json.loads(results[head.decision_id]) if head.decision_id in results else None
        known = _facts(revision, codes[head.institution_id], result)
        facts[str(head.id)] = known
        if head.status in (Status.RECOGNISED, Status.RECORDED):
            used_in = claims.get(conversions.OUTCOME + str(head.id))
            holdings.append(_holding(str(head.id), known, result, (lots.get(str(head.id)), used_in)))
    return Account(
        holdings=tuple(holdings),
        earlier=_earlier(work, person, facts),
        lots=lots,
        issuers={str(head.id): head.institution_id for head, _ in rows},
        standing_on={str(head.id): head.learner_id for head, _ in rows},
    )


def situation_of(
    work: Work, account: Account, programme: Programme, wanted: tuple[Collection[Course], bool], *, age: int | None
) -> Situation:
    """Return what a conversion is judged on; `wanted` are the courses, and whether the programme counts as a whole."""
    courses, is_for_programme = wanted
    return Situation(
        applied_on=work.today,
        programme=programme,
        courses=tuple(courses),
        is_for_programme=is_for_programme,
        holdings=account.holdings,
        earlier=account.earlier,
        age=age,
    )


def age_of(work: Work, person: Person) -> int | None:
    """Return the learner's age in whole years today, if their birth date is on record."""
    known = learners.birth_dates(work.connection, work.keyring, person.members)
    born = next((known[member] for member in person.members if member in known), None)
    if born is None:
        return None
    years = work.today.year - born.year
    return years - (years_later(born, years) > work.today)


def in_force(work: Work, programme: Programme) -> ConversionSet | None:
    """Return the published set that says what converts into a programme today; of several that of highest priority."""
    newest: dict[str, ConversionSet] = {}
    for ruleset in work.rulebook().conversions_in_force(work.today):
        if speaks_of(ruleset, programme) and newest.setdefault(ruleset.code, ruleset).version < ruleset.version:
            newest[ruleset.code] = ruleset
    ordered = sorted(newest.values(), key=lambda ruleset: (-ruleset.priority, ruleset.code))
    return ordered[0] if ordered else None


def _facts(revision: outcomes.Revision, issuer: str, result: Mapping[str, str] | None) -> Facts:
    """Return an outcome's facts, with the level and category that were recognised."""
    content = json.loads(revision.content)
    issued = {"issuer": issuer, "applied_on": revision.applied_on.isoformat()}
    recognised = {name: result[name] for name in ("level", "category") if result and result.get(name) is not None}
    return facts_from(content | issued | recognised)


def _holding(
    outcome: str, facts: Facts, result: Mapping[str, str] | None, standing: tuple[ledger.Lot | None, UUID | None]
) -> Holding:
    """Return an outcome as conversions see it."""
    lot, used_in = standing
    is_credited = bool(result and result.get("scheme"))
    return Holding(
        outcome=outcome,
        facts=facts,
        scheme=result["scheme"] if result and is_credited else None,
        credit_hundredths=_hundredths(result) if result and is_credited else 0,
        available_hundredths=0 if lot is None else lot.amount_hundredths - lot.used_hundredths,
        valid_until=None if lot is None else lot.valid_until,
        used_in=None if used_in is None else str(used_in),
    )


def _hundredths(result: Mapping[str, str]) -> int:
    whole, _, places = result["credits"].partition(".")
    return int(whole) * 100 + int(places)


def _earlier(work: Work, person: Person, facts: Mapping[str, Facts]) -> tuple[Earlier, ...]:
    """Return what is held or converted already."""
    mine = {one.id: one for one in conversions.of_people(work.connection, person.members)}
    codes = institutions.codes(work.connection, [one.institution_id for one in mine.values()])
    parts = conversions.parts_of(work.connection, person.members, mine)
    return tuple(
        Earlier(
            conversion=str(part.conversion_id),
            institution=codes[mine[part.conversion_id].institution_id],
            programme=mine[part.conversion_id].programme,
            course=_course(part),
            credit_hundredths=part.granted_hundredths,
            outcome=str(part.outcome_id),
            facts=facts[str(part.outcome_id)],
        )
        for part in parts
        if part.state in ("held", "converted")
    )


def _course(part: conversions.Part) -> Course | None:
    if part.course_code is None:
        return None
    return Course(part.course_code, part.course_title or "", part.course_hundredths or 0, part.course_category)
