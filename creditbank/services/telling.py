"""Telling: what happened in a transaction is put down as events, for the institutions that have a part in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from creditbank.core.credential import FINAL, Standing
from creditbank.core.entitlement import Basis
from creditbank.core.event import Event, EventType, outcome_type
from creditbank.core.merging import Person
from creditbank.core.review import State
from creditbank.services.bank import Work
from creditbank.storage import conversions, events, outbox
from creditbank.storage.awards import Award
from creditbank.storage.conversions import Conversion
from creditbank.storage.credentials import Credential
from creditbank.storage.outcomes import Head

_CONVERSION_TYPES = {
    "submitted": EventType.CONVERSION_SUBMITTED,
    "undone": EventType.CONVERSION_DECIDED,
    State.APPROVED: EventType.CONVERSION_DECIDED,
    State.REJECTED: EventType.CONVERSION_DECIDED,
    State.WITHDRAWN: EventType.CONVERSION_CLOSED,
    State.LAPSED: EventType.CONVERSION_CLOSED,
    State.VOIDED: EventType.CONVERSION_CLOSED,
}


TOLD_MAX = 10_000
"""Events of one transaction that are kept in memory: as many as a batch has. A file in one transaction has more."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What an event says beside its type: of whom, which ids, and in which state things are."""

    learner_id: UUID
    ids: Mapping[str, UUID]
    said: Mapping[str, str | int]


def tell_outcomes(work: Work, heads: Sequence[Head], corrected: UUID | None = None) -> None:
    """Tell their issuers where outcomes stand now; one of them may have been corrected."""
    readers = {one: {one: Basis.ISSUED} for one in {head.institution_id for head in heads}}
    for head in heads:
        assert head.decision_id is not None, "what is told was decided"
        ids = {"outcome_id": head.id, "decision_id": head.decision_id}
        if head.duplicate_of is not None:
            ids["duplicate_of"] = head.duplicate_of
        said = {"status": head.status.value, "revision": head.revision}
        kind = outcome_type(head.status, is_correction=head.id == corrected)
        told = Event(work.new_id(), kind, work.now, head.learner_id, ids, said, readers[head.institution_id])
        work.told.append(told)
    if len(work.told) > TOLD_MAX:
        outbox.add(work.connection, work.told)
        work.told.clear()


def tell_conversion(work: Work, conversion: Conversion, done: str) -> None:
    """Tell who has a part in an application what was done with it, if it was submitted, decided or closed."""
    state = conversion.progress.state
    ids = {"conversion_id": conversion.id, "decision_id": conversion.decision_id}
    told = _Told(conversion.learner_id, ids, {"state": state.value, "revision": conversion.revision})
    kinds = [_CONVERSION_TYPES[one] for one in (done, state) if one in _CONVERSION_TYPES]
    if not kinds:
        return
    readers = dict.fromkeys(conversions.readers_of(work.connection, conversion), Basis.PART)
    for kind in dict.fromkeys(kinds):
        _tell(work, kind, told, readers)


def tell_award(work: Work, award: Award, kind: EventType) -> None:
    """Tell who awarded and who reviews where an award stands now."""
    ids = {"award_id": award.id, "decision_id": award.decision_id}
    said: dict[str, str | int] = {
        "qualification": award.code,
        "version": award.version,
        "level": award.level,
        "state": award.state,
        "revision": award.revision,
    }
    readers = {award.reviewer_id: Basis.PART}
    if award.institution_id is not None:
        readers[award.institution_id] = Basis.ISSUED
    _tell(work, kind, _Told(award.learner_id, ids, said), readers)


def tell_credential(work: Work, found: Credential, before: Standing | None = None) -> None:
    """Tell the institution whose word a credential is how it stands now; `before` is None where it is new."""
    if found.institution_id is None:
        return
    if before is None:
        kind = EventType.CREDENTIAL_ISSUED
    elif found.standing in FINAL:
        kind = EventType.CREDENTIAL_REVOKED
    elif found.standing is Standing.SUSPENDED:
        kind = EventType.CREDENTIAL_SUSPENDED
    else:
        kind = EventType.CREDENTIAL_RESUMED
    said = {"kind": found.kind.value, "standing": found.standing.value}
    told = _Told(found.learner_id, {"credential_id": found.id}, said)
    _tell(work, kind, told, {found.institution_id: Basis.ISSUED})


def tell_merged(work: Work, merged: Person, into: Person) -> None:
    """Tell the institutions that know either of two people that they are one, known by the second one's account."""
    _tell_link(work, EventType.LEARNER_MERGED, merged, into)


def tell_parted(work: Work, merged: Person, other: Person) -> None:
    """Tell them that a merge was taken back."""
    _tell_link(work, EventType.LEARNER_PARTED, merged, other)


def _tell_link(work: Work, kind: EventType, one: Person, other: Person) -> None:
    readers = dict.fromkeys(events.knowing(work.connection, (*one.members, *other.members)), Basis.KNOWN)
    _tell(work, kind, _Told(other.id, {"other_learner_id": one.id}, {}), readers)


def _tell(work: Work, kind: EventType, told: _Told, readers: Mapping[UUID, Basis]) -> None:
    work.told.append(Event(work.new_id(), kind, work.now, told.learner_id, told.ids, told.said, readers))
