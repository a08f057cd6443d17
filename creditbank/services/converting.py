"""Converting: parts of applications become holds, releases and conversions on the ledger, and undone ones cases.

Whoever changes a conversion locks the learner first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from uuid import UUID

from creditbank.core.ledger import EntryKind, Transfer
from creditbank.core.normalisation import text_key
from creditbank.core.review import Progress, State, voided
from creditbank.formats.strict_json import text_of
from creditbank.services.bank import Work
from creditbank.services.settling import post
from creditbank.services.telling import tell_conversion
from creditbank.storage import cases, conversion_events, conversions, ledger, outcomes, people


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
    """Write down what was done with an application as it stands, and tell who has a part in it."""
    kind, step, reason = event
    tell_conversion(work, conversion, kind)
    actor = work.actor
    conversion_events.add(
        work.connection,
        conversion_events.Event(
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
    mine = conversions.of_people(work.connection, _members(work, head))
    standing = {one.id: one for one in mine if one.progress.is_open or one.progress.state is State.APPROVED}
    resting: dict[UUID, list[conversions.Part]] = {}
    live: dict[UUID, list[conversions.Part]] = {}
    for part in conversions.parts_of(work.connection, {one.learner_id for one in standing.values()}, standing):
        if part.state in ("held", "converted"):
            live.setdefault(part.conversion_id, []).append(part)
    for conversion_id, parts in live.items():
        resting[conversion_id] = together(parts, [part for part in parts if str(head.id) in part.uses])
    for conversion_id, parts in resting.items():
        if not parts:
            continue
        conversion = standing[conversion_id]
        if conversion.progress.is_open:
            closed(work, conversion, voided(conversion.progress), ("voided", None, reason))
        else:
            cases.add(work.connection, _case(work, conversion, head, (parts, reason)))


def open_case(work: Work, conversion: conversions.Conversion, head: outcomes.Head, reason: str) -> None:
    """Let the accepting institution decide what becomes of the parts of an approved conversion that use an outcome."""
    live = _parts(work, conversion, "converted")
    resting = together(live, [part for part in live if str(head.id) in part.uses])
    cases.add(work.connection, _case(work, conversion, head, (resting, reason)))


def together(parts: Iterable[conversions.Part], chosen: Iterable[conversions.Part]) -> list[conversions.Part]:
    """Return those of the parts that are chosen or make up a course with one that is: they stand or fall as one."""
    wanted = {part.number for part in chosen}
    known = list(parts)
    courses = {part.course_code for part in known if part.number in wanted and part.course_code is not None}
    return [part for part in known if part.number in wanted or part.course_code in courses]


def is_in_use(work: Work, head: outcomes.Head) -> UUID | None:
    """Return the conversion that an outcome is part of, if any."""
    claims = conversions.claims_of(work.connection, _members(work, head))
    return claims.get(conversions.OUTCOME + str(head.id))


def _members(work: Work, head: outcomes.Head) -> tuple[UUID, ...]:
    """Return the accounts of the person whose outcome it is, locked."""
    held = people.locked(work.connection, head.learner_id)
    assert held is not None, "an outcome stands on an account"
    return held.person.members


def claims_for(conversion: conversions.Conversion, institution: str, parts: Iterable[conversions.Part]) -> set[str]:
    """Return what the parts claim: every outcome that they use and every course that they replace."""
    claims = set()
    for part in parts:
        claims |= {conversions.OUTCOME + outcome for outcome in part.uses}
        if part.course_code is not None:
            claims.add(f"{conversions.COURSE}{institution}|{conversion.programme}|{text_key(part.course_code)}")
    return claims


def _parts(work: Work, conversion: conversions.Conversion, state: str) -> list[conversions.Part]:
    """Return an application's parts in a state."""
    parts = conversions.parts_of(work.connection, [conversion.learner_id], [conversion.id])
    return [part for part in parts if part.state == state]


def _post(
    work: Work, moves: Sequence[tuple[conversions.Part, EntryKind, int]], counter: str, decision_id: UUID
) -> None:
    """Move the parts' credits on the ledger, all under one posting; parts without credits move nothing."""
    moving = [move for move in moves if move[2]]
    if not moving:
        return
    accounts = {part.account_id for part, _, _ in moving}
    ledger.lock_accounts(work.connection, accounts)
    lots = ledger.lots_by_id(work.connection, accounts, [part.lot_id for part, _, _ in moving if part.lot_id])
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
    post(work, postings)


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
        decision_id=None,
    )
