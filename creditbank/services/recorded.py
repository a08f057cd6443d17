"""Outcomes on record, as they are shown: one by its id, and all of a learner."""

from datetime import datetime
from uuid import UUID

from creditbank.core.entitlement import Basis, Sight
from creditbank.core.errors import unknown
from creditbank.core.permission import require
from creditbank.services.bank import Work
from creditbank.services.entitlement import hides, looked_at, note_standing, standing_of
from creditbank.services.receipts import Receipt, receipts
from creditbank.storage import outcomes
from creditbank.storage.outcomes import Revision

__all__ = ["Receipt", "Revision", "outcome", "outcomes_of"]


def outcome(work: Work, outcome_id: UUID) -> tuple[Receipt, Revision]:
    """Return one outcome with what is recorded of it. Refused: Unknown, alike for one that is not the actor's."""
    if work.actor.learner_id is None:
        require(work.actor, "outcomes:read", "outcomes:write", "audit:read")
    head = outcomes.by_id(work.connection, outcome_id)
    if head is None or not _may_see(work, head):
        raise unknown("学习成果", "outcome")
    _note(work, head)
    revision = outcomes.revision(work.connection, head, head.revision)
    assert revision is not None, "a head points to a revision"
    return receipts(work, [head])[0], revision


def outcomes_of(
    work: Work, learner_id: UUID, after: tuple[datetime, UUID] | None, rows_max: int
) -> list[tuple[Receipt, Revision]]:
    """Return a learner's outcomes, newest first; an institution sees its own, or all if the learner consents."""
    require(work.actor, "outcomes:read", "audit:read")
    found = looked_at(work, learner_id, Sight.OUTCOMES)
    sees_all = work.actor.learner_id is not None or work.actor.audits or found.is_on_consent
    only = None if sees_all else work.actor.institution_id
    rows = outcomes.page(work.connection, found.person.members, only, after, rows_max)
    told = receipts(work, [head for head, _ in rows])
    return [(receipt, revision) for receipt, (_, revision) in zip(told, rows, strict=True)]


def _may_see(work: Work, head: outcomes.Head) -> bool:
    """Tell whether the outcome is the actor's own, as its issuer or learner, or the actor audits."""
    actor = work.actor
    if hides(work, head.learner_id):
        return False
    if actor.learner_id is not None:
        return standing_of(work, head.learner_id) is not None
    return actor.audits or (head.institution_id == actor.institution_id and not actor.is_partner)


def _note(work: Work, head: outcomes.Head) -> None:
    """Note in the learner's diary that somebody else sees an outcome."""
    actor = work.actor
    if actor.learner_id is not None:
        note_standing(work, head.learner_id, Sight.OUTCOMES)
    else:
        is_issuer = head.institution_id == actor.institution_id
        work.note_sight(head.learner_id, Sight.OUTCOMES, Basis.ISSUED if is_issuer else Basis.AUDIT)
