"""Events as institutions and partners are told of them: by the feed, and by webhooks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from creditbank.core.consent import SCOPES_OF, Consent, covering
from creditbank.core.entitlement import Basis, Sight
from creditbank.core.errors import Fault, Gone
from creditbank.core.event import KEPT_DAYS, event_document
from creditbank.core.merging import Person
from creditbank.core.permission import require
from creditbank.core.veil import OPEN
from creditbank.services.bank import Work
from creditbank.services.entitlement import veil_for
from creditbank.storage import consents, events, people
from creditbank.storage.events import Numbered

SCOPE = "webhooks:write"


@dataclass(frozen=True, slots=True)
class Fed:
    """Part of the feed: events as they are told, in their order, and the number up to which all was looked at."""

    items: tuple[dict[str, Any], ...]
    up_to: int


def feed(work: Work, after: int | None, types: Sequence[str], rows_max: int) -> Fed:
    """Return the events behind a number, the oldest that are kept if none is given, of some types or all.

    Refused: ScopeMissing; Gone where events behind the number are kept no longer, or the number was never given here.
    """
    require(work.actor, SCOPE)
    institution_id = work.actor.institution_id
    assert institution_id is not None, "learners' tokens carry no such scope"
    newest = events.newest(work.connection)
    oldest = events.oldest(work.connection)
    if after is None:
        after = oldest - 1
    if after < oldest - 1:
        raise _forgotten()
    if after > newest:
        raise _put_back()
    found = events.page(work.connection, institution_id, after, types, (newest, rows_max))
    up_to = found[-1].number if len(found) == rows_max else newest
    items = tuple(one for one in told(work, found) if one is not None)
    return Fed(items, up_to)


def newest(work: Work) -> int:
    """Return the number of the newest event."""
    return events.newest(work.connection)


def told(work: Work, found: Sequence[Numbered]) -> list[dict[str, Any] | None]:
    """Return events as the actor is told of them, with lines in the learners' diaries; None for what is kept from them.

    What an institution recorded or awarded itself leaves no line.
    """
    ids = {one.event.learner_id for one in found}
    if not ids:
        return []
    open_ids = people.open_to_others(work.connection, ids)
    persons = people.people(work.connection, open_ids)
    on_consent = [one for one in found if one.event.learner_id in persons and _needs_consent(work, one)]
    bases = _consented(work, on_consent, persons)
    return [_told(work, one, persons.get(one.event.learner_id), bases) for one in found]


def _told(
    work: Work, found: Numbered, person: Person | None, bases: Mapping[tuple[UUID, Sight], str]
) -> dict[str, Any] | None:
    basis: str | None = found.basis
    if person is not None and _needs_consent(work, found):
        basis = bases.get((person.id, found.event.sight))
    if person is None or basis is None:
        return None
    if basis != Basis.ISSUED:
        work.note_sight(person.id, found.event.sight, basis)
    return event_document(found.event, veil_for(work, person) if work.actor.is_partner else OPEN)


def _needs_consent(work: Work, found: Numbered) -> bool:
    """Tell whether the actor is told of it only on the learner's consent; to a mere partner nothing else counts."""
    return found.basis is Basis.CONSENT or work.actor.is_partner


def _consented(work: Work, found: Sequence[Numbered], persons: Mapping[UUID, Person]) -> dict[tuple[UUID, Sight], str]:
    """Return by person and kind of data the basis that a consent in force gives now, where it covers that."""
    institution_id = work.actor.institution_id
    members = sorted({member for one in found for member in persons[one.event.learner_id].members})
    if not members or institution_id is None:
        return {}
    given: dict[UUID, list[Consent]] = {}
    for consent in consents.standing(work.connection, members, institution_id):
        given.setdefault(consent.learner_id, []).append(consent)
    bases = {}
    for one in found:
        person, scope = persons[one.event.learner_id], SCOPES_OF.get(one.event.sight)
        if scope is None or scope not in work.actor.scopes:
            continue
        theirs = [consent for member in person.members for consent in given.get(member, ())]
        counting = covering(theirs, scope, work.today)
        if counting is not None:
            bases[person.id, one.event.sight] = f"{Basis.CONSENT}:{counting.id}"
    return bases


def _forgotten() -> Gone:
    zh = f"游标之后的事件已超过 {KEPT_DAYS} 天保存期；请不带 after 重新开始，并重新读取所关心的对象。"
    en = (
        f"Events behind the cursor are more than {KEPT_DAYS} days old and gone; begin anew without `after`, and read"
        " again what you keep of ours."
    )
    return Gone((Fault("/after", "events_gone", zh, en),))


def _put_back() -> Gone:
    zh = "游标超前于现有事件：银行恢复过较早的数据；请不带 after 重新开始，并重新读取所关心的对象。"
    en = (
        "The cursor is ahead of all events, as an older state of the bank was put back; begin anew without `after`, and"
        " read again what you keep of ours."
    )
    return Gone((Fault("/after", "events_put_back", zh, en),))
