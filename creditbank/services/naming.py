"""Names and birth dates corrected by an institution that knows the learner; what stood before is kept, sealed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from creditbank.core.errors import Conflict, Fault, unknown
from creditbank.core.permission import require
from creditbank.formats.claims import check_birth_date
from creditbank.services.bank import Work
from creditbank.services.entitlement import knows, no_such_learner
from creditbank.storage import correction_requests, likeness, naming, people
from creditbank.storage.naming import Before, Holder


@dataclass(frozen=True, slots=True)
class Correction:
    """What a learner's name or birth date should be, why, and the learner's request that it follows, if any."""

    name: str | None
    birth_date: date | None
    reason: str
    request_id: UUID | None = None


def correct(work: Work, learner_id: UUID, correction: Correction) -> tuple[UUID, tuple[str, ...]]:
    """Correct a person on all their accounts; return the one they are known by, and the fields that changed.

    A restricted learner's as well: it keeps what is stored right. Refused: Unknown; Malformed birth date; Conflict
    where somebody else holds one of the identifiers under the new name.
    """
    require(work.actor, "learners:write")
    held = people.locked_whole(work.connection, [learner_id]).get(learner_id)
    if held is None or held.is_erased or not knows(work, held.person):
        raise no_such_learner()
    _check_request(work, held.person.members, correction)
    found = naming.holders(work.connection, work.keyring, held.person.members)
    check_birth_date(correction.birth_date, tuple(claim for one in found for claim in one.claims), work.today)
    changed = [name for holder in found for name in _corrected(work, holder, correction, held.person.members)]
    return held.person.id, tuple(sorted(set(changed)))


def _corrected(work: Work, holder: Holder, correction: Correction, members: Sequence[UUID]) -> list[str]:
    """Correct one account and keep what stood; return the fields that changed."""
    changed: list[tuple[str, str | None]] = []
    if correction.name is not None and correction.name != holder.name:
        if naming.is_anothers(work.connection, work.keyring, holder, correction.name, members):
            raise _is_anothers()
        naming.rename(work.connection, work.keyring, holder, correction.name)
        changed.append(("name", holder.name))
    born = correction.birth_date
    if born is not None and born.isoformat() != holder.birth_date:
        naming.set_birth_date(work.connection, work.keyring, holder, born)
        changed.append(("birth_date", holder.birth_date))
    if changed:
        _compare_anew(work, holder.id)
    naming.remember(work.connection, [_before(work, holder, correction, *one) for one in changed])
    return [field for field, _ in changed]


def _compare_anew(work: Work, learner_id: UUID) -> None:
    """Put an account whose name or birth date changed among those that are like it now."""
    (now,) = naming.holders(work.connection, work.keyring, [learner_id])
    born = None if now.birth_date is None else date.fromisoformat(now.birth_date)
    blocks = likeness.keys_of(work.keyring, now.name, born, now.claims)
    likeness.keep_only(work.connection, learner_id, blocks)
    there = likeness.of_learners(work.connection, [learner_id])[learner_id]
    fresh = [keys for keys in blocks if not any(key.key in there for key in keys)]
    likeness.add(work.connection, [(learner_id, keys) for keys in fresh])


def _before(work: Work, holder: Holder, correction: Correction, field: str, value: str | None) -> Before:
    """Return what stood in a field, sealed for its row."""
    row_id, cipher = work.new_id(), work.keyring.person_cipher(holder.wrapped_key)
    return Before(
        learner_id=holder.id,
        id=row_id,
        field=field,
        sealed_before=None if value is None else cipher.seal(value, naming.place("before", row_id)),
        sealed_reason=cipher.seal(correction.reason, naming.place("reason", row_id)),
        request_id=correction.request_id,
        institution_id=work.actor.institution_id,
        actor=work.actor.client_id,
        happened_at=work.now,
    )


def _check_request(work: Work, members: Sequence[UUID], correction: Correction) -> None:
    """Let a correction follow a request of this learner to this institution. Refused: Unknown."""
    if correction.request_id is None:
        return
    found = correction_requests.locked(work.connection, correction.request_id)
    if found is None or found.learner_id not in members or found.institution_id != work.actor.institution_id:
        raise unknown("更正申请", "correction request", "/correction_request")


def _is_anothers() -> Conflict:
    """Return the answer to a name under which the learner's identifier is somebody else's already."""
    zh = "另一账户以此姓名持有相同的身份标识；如为同一人，请提出合并账户的申请。"
    en = "Another account holds the same identifier under this name; if it is the same person, ask for a merge."
    return Conflict((Fault("/name", "held_under_this_name", zh, en),))
