"""Delegations of review: given down the tree, withdrawn at once, and for whom an institution may decide today."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from creditbank.core.errors import Fault, Malformed, unknown
from creditbank.core.institution import Institution, ended_fault
from creditbank.core.permission import require
from creditbank.services.bank import Work
from creditbank.storage import delegations, institution_days, institutions, programmes
from creditbank.storage.conversions import Conversion
from creditbank.storage.delegations import Delegation

__all__ = ["Delegation", "Wish", "delegations_page", "delegators", "delegators_of", "give", "withdraw"]


@dataclass(frozen=True, slots=True)
class Wish:
    """To whom a review is delegated (an institution's code), for which programme, for how long, and why."""

    to: str
    programme: str | None
    valid_from: date | None
    valid_until: date | None
    reason: str


def delegators(work: Work) -> list[Delegation]:
    """Return the delegations under which the actor's institution may act today; none once it has ended."""
    mine = work.actor.institution_id
    given = [] if mine is None else delegations.in_force(work.connection, mine, work.today)
    if not given or mine is None:
        return []
    return [] if ended_fault(institution_days.ending(work.connection, mine), work.today, "") else given


def delegators_of(work: Work, found: Conversion) -> set[UUID]:
    """Return the institutions in whose place the actor's may review this application today."""
    given = delegators(work)
    return {one.from_institution for one in given if one.covers(found.institution_id, found.programme)}


def give(work: Work, from_id: UUID, wish: Wish) -> Delegation:
    """Delegate an institution's reviews to one below it.

    Refused: Unknown, alike for an institution that is not the actor's; Malformed with every reason.
    """
    giver = _own(work, from_id)
    to = institutions.by_code(work.connection, wish.to)
    valid_from = wish.valid_from or work.today
    faults = [*_receiver_faults(work, giver, to), *_term_faults(work, giver, wish, valid_from)]
    if faults or to is None:
        raise Malformed(tuple(faults))
    given = Delegation(
        from_institution=giver.id,
        id=work.new_id(),
        to_institution=to.id,
        programme=wish.programme,
        valid_from=valid_from,
        valid_until=wish.valid_until,
        reason=wish.reason,
        given_by=work.actor.client_id,
        given_at=work.now,
    )
    delegations.add(work.connection, given)
    return given


def withdraw(work: Work, from_id: UUID, delegation_id: UUID) -> Delegation:
    """Withdraw a delegation at once; asked again it is answered as it stands. Refused: Unknown."""
    giver = _own(work, from_id)
    found = delegations.locked(work.connection, giver.id, delegation_id)
    if found is None:
        raise unknown("委托", "delegation")
    if found.withdrawn_at is not None:
        return found
    withdrawn = replace(found, withdrawn_by=work.actor.client_id, withdrawn_at=work.now)
    delegations.change(work.connection, withdrawn)
    return withdrawn


def delegations_page(
    work: Work, institution_id: UUID, after: tuple[datetime, UUID] | None, rows_max: int
) -> list[Delegation]:
    """Return the delegations that an institution gave or was given, newest first; to auditors those of any.

    Refused: Unknown, alike for an institution that is not the actor's.
    """
    require(work.actor, "conversions:review", "admin", "audit:read")
    if not work.actor.audits:
        _own(work, institution_id)
    return delegations.page(work.connection, institution_id, after, rows_max)


def codes_of(work: Work, found: list[Delegation]) -> dict[UUID, str]:
    """Return the codes of the institutions that are named in delegations."""
    ids = {one.from_institution for one in found} | {one.to_institution for one in found}
    return institutions.codes(work.connection, ids)


def _own(work: Work, institution_id: UUID) -> Institution:
    """Return the actor's own institution, or any to an administrator. Refused: Unknown."""
    require(work.actor, "conversions:review", "admin")
    found = institutions.by_id(work.connection, institution_id)
    if found is None or not ("admin" in work.actor.scopes or found.id == work.actor.institution_id):
        raise unknown("机构", "institution")
    return found


def _receiver_faults(work: Work, giver: Institution, to: Institution | None) -> Iterator[Fault]:
    """Yield why an institution can't be given the reviews of another."""
    if to is None:
        zh, en = "没有此代码的机构。", "There is no institution with this code."
        yield Fault("/to", "unknown_institution", zh, en)
        return
    if not institutions.is_below(work.connection, to.id, giver.id):
        zh = f"审核只能委托给下级机构；{to.code} 不在 {giver.code} 之下。"
        en = f"A review is delegated down the tree; {to.code} does not stand below {giver.code}."
        yield Fault("/to", "not_below", zh, en)
    ended = ended_fault(institution_days.ending(work.connection, to.id), work.today, "/to")
    if ended is not None:
        yield ended


def _term_faults(work: Work, giver: Institution, wish: Wish, valid_from: date) -> Iterator[Fault]:
    """Yield what is wrong with the days and the programme of a delegation."""
    if valid_from < work.today:
        zh, en = "委托不能追溯；起始日期不得早于今天。", "A delegation doesn't reach back; it begins today or later."
        yield Fault("/valid_from", "past_date", zh, en)
    if wish.valid_until is not None and wish.valid_until < valid_from:
        zh, en = "终止日期早于起始日期。", "It ends before it begins."
        yield Fault("/valid_until", "ends_before_it_begins", zh, en)
    if wish.programme is not None and programmes.by_code(work.connection, giver.code, wish.programme) is None:
        zh = f"机构 {giver.code} 没有这个代码的培养方案。"
        en = f"The institution {giver.code} has no programme of this code."
        yield Fault("/programme", "unknown_programme", zh, en)
