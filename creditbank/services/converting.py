"""Converting: what is on a learner's account becomes a situation, and a plan becomes holds, releases and conversions.

Shared by applications, the planner and corrections. Whoever changes a conversion locks the learner first.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from creditbank.core.conversion.offers import speaks_of
from creditbank.core.conversion.situation import Earlier, Holding, Situation
from creditbank.core.ledger import EntryKind, Transfer
from creditbank.core.normalisation import text_key
from creditbank.core.outcome import Facts, Status
from creditbank.core.programme import Course, Programme
from creditbank.core.review import Progress, State, voided
from creditbank.core.rules import ConversionSet, facts_from
from creditbank.core.rules.conditions import years_later
from creditbank.formats.strict_json import text_of
from creditbank.services.bank import Work
from creditbank.storage import cases, conversions, decisions, institutions, learners, ledger, outcomes

OUTCOMES_MAX = 2000
"""Outcomes of one learner that are looked at, the newest first: more than the busiest life brings."""


@dataclass(frozen=True, slots=True)
class Account:
    """Everything of a learner that conversions are judged on: outcomes with facts and lots, and what came before."""

    holdings: tuple[Holding, ...]
    earlier: tuple[Earlier, ...]
    lots: Mapping[str, ledger.Lot]
    issuers: Mapping[str, UUID]


def account_of(work: Work, learner_id: UUID) -> Account:
    """Return a learner's account as it stands; who is going to spend from it locks it before."""
    lots = {str(lot.outcome_id): lot for lot in ledger.open_lots(work.connection, learner_id)}
    rows = outcomes.page(work.connection, learner_id, None, None, OUTCOMES_MAX)
    codes = institutions.codes(work.connection, [head.institution_id for head, _ in rows])
    results = decisions.results(work.connection, [head.decision_id for head, _ in rows if head.decision_id])
    claims = conversions.claims_of(work.connection, learner_id)
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
        earlier=_earlier(work, learner_id, facts),
        lots=lots,
        issuers={str(head.id): head.institution_id for head, _ in rows},
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


def age_of(work: Work, learner_id: UUID) -> int | None:
    """Return the learner's age in whole years today, if their birth date is on record."""
    born = learners.birth_date(work.connection, work.keyring, learner_id)
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


def hold(work: Work, parts: Sequence[conversions.Part], decision_id: UUID) -> None:
    """Hold what the parts spend."""
    _post(work, [(part, EntryKind.HOLD, -part.spent_hundredths) for part in parts], "held", decision_id)


def release(work: Work, parts: Sequence[conversions.Part], decision_id: UUID) -> None:
    """Release what the parts hold."""
    _post(work, [(part, EntryKind.RELEASE, part.spent_hundredths) for part in parts], "held", decision_id)


def convert(work: Work, parts: Sequence[conversions.Part], institution: str, decision_id: UUID) -> None:
    """Spend what the parts ask for, once and for all."""
    counter = f"conversion:{institution}"
    _post(work, [(part, EntryKind.CONVERT, -part.spent_hundredths) for part in parts], counter, decision_id)


def restore(work: Work, parts: Sequence[conversions.Part], institution: str, decision_id: UUID) -> None:
    """Undo what the parts spent."""
    counter = f"conversion:{institution}"
    _post(work, [(part, EntryKind.RESTORE, part.spent_hundredths) for part in parts], counter, decision_id)


def noted(
    work: Work, conversion: conversions.Conversion, progress: Progress, event: tuple[str, str | None, str | None]
) -> conversions.Conversion:
    """Write where an application stands now and what was done: an event's kind, step and reason."""
    changed = replace(conversion, progress=progress, revision=conversion.revision + 1)
    conversions.change(work.connection, changed)
    note(work, changed, event)
    return changed


def note(work: Work, conversion: conversions.Conversion, event: tuple[str, str | None, str | None]) -> None:
    """Write down what was done with an application as it stands."""
    kind, step, reason = event
    actor = work.actor
    conversions.add_event(
        work.connection,
        conversions.Event(
            learner_id=conversion.learner_id,
            conversion_id=conversion.id,
            number=conversion.revision,
            kind=kind,
            step=step,
            reason=reason,
            actor=actor.client_id,
            institution_id=actor.institution_id,
            happened_at=work.now,
        ),
    )


def closed(
    work: Work, conversion: conversions.Conversion, progress: Progress, event: tuple[str, str | None, str | None]
) -> conversions.Conversion:
    """Close an application without effect: what it holds is released, what it claims is free again."""
    parts = _parts(work, conversion, "held")
    release(work, parts, conversion.decision_id)
    conversions.change_parts(work.connection, [replace(part, state="released") for part in parts])
    conversions.release_claims(work.connection, conversion)
    return noted(work, conversion, progress, event)


def unwind(work: Work, head: outcomes.Head, reason: str) -> None:
    """Void open applications that rest on an outcome, and open a case for every one that was approved.

    Nothing that others relied on breaks by itself: the accepting institution decides the case.
    """
    learners.locked(work.connection, head.learner_id)
    mine = conversions.of_learner(work.connection, head.learner_id)
    standing = {one.id: one for one in mine if one.progress.is_open or one.progress.state is State.APPROVED}
    resting: dict[UUID, list[conversions.Part]] = {}
    for part in conversions.parts_of(work.connection, head.learner_id, standing):
        if str(head.id) in part.uses and part.state in ("held", "converted"):
            resting.setdefault(part.conversion_id, []).append(part)
    for conversion_id, parts in resting.items():
        conversion = standing[conversion_id]
        if conversion.progress.is_open:
            closed(work, conversion, voided(conversion.progress), ("voided", None, reason))
        else:
            cases.add(work.connection, _case(work, conversion, head, (parts, reason)))


def is_in_use(work: Work, head: outcomes.Head) -> UUID | None:
    """Return the conversion that an outcome is part of, if any."""
    claims = conversions.claims_of(work.connection, head.learner_id)
    return claims.get(conversions.OUTCOME + str(head.id))


def claims_for(conversion: conversions.Conversion, institution: str, parts: Iterable[conversions.Part]) -> set[str]:
    """Return what the parts claim: every outcome that they use and every course that they replace."""
    claims = set()
    for part in parts:
        claims |= {conversions.OUTCOME + outcome for outcome in part.uses}
        if part.course_code is not None:
            claims.add(f"{conversions.COURSE}{institution}|{conversion.programme}|{text_key(part.course_code)}")
    return claims


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


def _earlier(work: Work, learner_id: UUID, facts: Mapping[str, Facts]) -> tuple[Earlier, ...]:
    """Return what is held or converted already."""
    mine = {one.id: one for one in conversions.of_learner(work.connection, learner_id)}
    codes = institutions.codes(work.connection, [one.institution_id for one in mine.values()])
    parts = conversions.parts_of(work.connection, learner_id, mine)
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


def _parts(work: Work, conversion: conversions.Conversion, state: str) -> list[conversions.Part]:
    """Return an application's parts in a state."""
    parts = conversions.parts_of(work.connection, conversion.learner_id, [conversion.id])
    return [part for part in parts if part.state == state]


def _post(
    work: Work, moves: Sequence[tuple[conversions.Part, EntryKind, int]], counter: str, decision_id: UUID
) -> None:
    """Move the parts' credits on the ledger, all under one posting; parts without credits move nothing."""
    moving = [move for move in moves if move[2]]
    if not moving:
        return
    learner_id = moving[0][0].learner_id
    ledger.lock_accounts(work.connection, learner_id)
    lots = ledger.lots_by_id(work.connection, learner_id, [part.lot_id for part, _, _ in moving if part.lot_id])
    posting_id = work.new_id()
    postings = [
        ledger.Posting(
            posting_id,
            lots[part.lot_id],
            Transfer(part.lot_id, counter, amount, kind, decision_id, work.today),
        )
        for part, kind, amount in moving
        if part.lot_id is not None
    ]
    entries = ledger.post(work.connection, postings, work.actor.client_id, work.now, work.new_id)
    work.tally.update(entry.transfer.kind for entry in entries)


def _case(
    work: Work,
    conversion: conversions.Conversion,
    head: outcomes.Head,
    resting: tuple[Sequence[conversions.Part], str],
) -> cases.Case:
    """Return the case that an accepting institution has to decide."""
    parts, reason = resting
    return cases.Case(
        learner_id=conversion.learner_id,
        id=work.new_id(),
        conversion_id=conversion.id,
        outcome_id=head.id,
        institution_id=conversion.institution_id,
        state="open",
        reason=reason,
        dependents=text_of([{"conversion": str(conversion.id), "part": part.number} for part in parts]),
        opened_at=work.now,
        verdict=None,
        verdict_reason=None,
        decided_by=None,
        decided_at=None,
    )
