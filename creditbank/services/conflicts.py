"""Conflicts: a number under two names opens a case between two accounts, and a decided case settles whose it is."""

from collections.abc import Iterable
from uuid import UUID

from creditbank.core.identity import Application, ClaimKey
from creditbank.core.merging import Person
from creditbank.core.resolution import CaseKind
from creditbank.services.bank import Work
from creditbank.storage import claims, identity_cases, learners, likeness
from creditbank.storage.identifier_index import claim_keys
from creditbank.storage.identity_cases import IdentityCase


def raise_between(work: Work, pairs: Iterable[tuple[UUID, UUID]]) -> None:
    """Note that numbers stand under two names, and open a case for each pair of accounts that has none open.

    Both go on receiving; neither converts until it is decided. As many statements for any number of pairs.
    """
    ordered = sorted({(min(pair), max(pair)) for pair in pairs})
    if not ordered:
        return
    learners.mark_conflict(work.connection, {one for pair in ordered for one in pair})
    identity_cases.add_missing(work.connection, [_case(work, *pair) for pair in ordered])


def settle(work: Work, people: Iterable[Person]) -> None:
    """Let people convert again but for accounts about which a conflict is open still."""
    members = {member for person in people for member in person.members}
    open_cases = [
        case
        for case in identity_cases.about(work.connection, members)
        if case.verdict is None and case.kind is CaseKind.CONFLICT
    ]
    disputed = {end for case in open_cases for end in (case.learner_id, case.other_id)} & members
    if members - disputed:
        learners.mark_settled(work.connection, members - disputed)
    learners.mark_conflict(work.connection, disputed)


def keep_with(work: Work, holder: Person, other: Person) -> None:
    """Leave the numbers that both have with one of them; the other's claims end, and don't find them any more.

    Where a third one has such a number, too, a case is opened between the holder and them.
    """
    shared = claims.shared(work.connection, holder.members, other.members)
    if not shared:
        return
    standing = claims.standing(work.connection, work.keyring, other.members)
    ending, gone = [], []
    for one in standing:
        keys = [key for keys in claim_keys(work.keyring, Application("", None, (one.claim,))) for key in keys]
        if not shared.isdisjoint((key.type, key.issuer, key.value_index) for key in keys):
            ending.append(one)
            gone += keys
    end(work, ending, gone)
    thirds = {one for found in claims.holders(work.connection, shared).values() for one in found}
    raise_between(work, [(holder.id, third) for third in thirds - {*holder.members, *other.members}])


def end(work: Work, ending: list[claims.Standing], keys: Iterable[ClaimKey]) -> None:
    """End claims; neither their numbers nor what they have in common with others' lead to the accounts any more."""
    claims.end(work.connection, ending, work.now)
    accounts = {one.learner_id for one in ending}
    claims.forget(work.connection, accounts, keys)
    left = claims.standing(work.connection, work.keyring, accounts)
    known = claims.names(work.connection, work.keyring, accounts)
    born = learners.birth_dates(work.connection, work.keyring, accounts)
    for account in sorted(accounts):
        own = [one.claim for one in left if one.learner_id == account]
        keys_left = likeness.keys_of(work.keyring, known[account], born.get(account), own)
        likeness.keep_only(work.connection, account, keys_left)


def _case(work: Work, one: UUID, other: UUID) -> IdentityCase:
    """Return a case on two accounts with one number."""
    opened_by, now = work.actor.client_id, work.now
    return IdentityCase(work.new_id(), CaseKind.CONFLICT, one, other, None, None, None, None, opened_by, now)
