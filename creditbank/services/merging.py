"""Merging: the accounts of one person are joined, and parted again where they turn out to be two people's."""

from collections.abc import Iterable
from uuid import UUID

from creditbank.core.errors import Conflict, Fault, Unknown, unknown
from creditbank.core.merging import Link, Person, joined, parted, person_of, standing
from creditbank.core.review import State
from creditbank.services import converting
from creditbank.services.bank import Work
from creditbank.services.credential_following import follow_parting
from creditbank.services.entitlement import no_such_learner
from creditbank.services.qualifying import look_again_parted
from creditbank.services.revealing import restore_what_counts_again, reverse_what_counts_twice
from creditbank.services.telling import tell_merged, tell_parted
from creditbank.storage import cases, conversions, outcomes, people
from creditbank.storage.conversions import Conversion
from creditbank.storage.people import Stamp


def join(work: Work, learner_id: UUID, into_id: UUID, case_id: UUID) -> Link:
    """Join a person's accounts to those of another one, by whose account they are known from then on.

    Nothing is moved, and no entry written unless both have the same learning on record: that counts once, and what it
    brought a second time is reversed. Refused: Unknown; Conflict where they are one person already.
    """
    held = people.locked_whole(work.connection, (learner_id, into_id))
    if any(one not in held or held[one].is_erased for one in (learner_id, into_id)):
        raise no_such_learner()
    joining, into = held[learner_id].person, held[into_id].person
    if joining.id == into.id:
        zh, en = "这两个账户已属于同一人。", "These accounts are one person's already."
        raise Conflict((Fault("", "one_person", zh, en),))
    link = Link(work.new_id(), joining.id, into.id, work.now)
    union = person_of(joined((*_links(work, joining), *_links(work, into)), link), into.id)
    people.join_up(work.connection, link, Stamp(case_id, work.actor.client_id, work.now))
    people.note_roots(work.connection, [union])
    tell_merged(work, joining, into)
    reverse_what_counts_twice(work, union, link)
    return link


def part(work: Work, link_id: UUID, case_id: UUID) -> tuple[Person, Person]:
    """Take a link back and return the two people whom it joined; what was reversed for being one's is restored.

    Credentials that were issued meanwhile and tell of both are superseded.

    Refused: Unknown link; Conflict where it was taken back already, or with every conversion that used outcomes of both
    and has to be reversed first.
    """
    link = people.link(work.connection, link_id)
    if link is None:
        raise _no_such_link()
    union = people.locked_whole(work.connection, [link.learner_id])[link.learner_id].person
    links = _links(work, union)
    if link_id not in {one.id for one in links}:
        zh, en = "此次合并已撤销。", "This merge was taken back already."
        raise Conflict((Fault("", "taken_back", zh, en),))
    _, merged, other = parted(links, link_id)
    shared = _joint_conversions(work, union, merged)
    if shared:
        raise Conflict(tuple(_must_be_reversed(one) for one in shared))
    people.take_back(work.connection, link, work.new_id(), Stamp(case_id, work.actor.client_id, work.now))
    people.note_roots(work.connection, [merged, other])
    tell_parted(work, merged, other)
    restore_what_counts_again(work, merged, other)
    for side in (merged, other):
        look_again_parted(work, side)
    follow_parting(work, (merged, other), link.since)
    return merged, other


def ask_back(work: Work, link_id: UUID, reason: str) -> int:
    """Open a case for every approved conversion that keeps accounts from being parted; return how many were opened.

    Nothing breaks by itself: the accepting institution takes its conversion back, or lets it stand. Refused: Unknown.
    """
    link = people.link(work.connection, link_id)
    held = None if link is None or link.until is not None else people.locked(work.connection, link.learner_id)
    if held is None:
        raise _no_such_link()
    _, merged, _ = parted(_links(work, held.person), link_id)
    opened = 0
    for conversion in _joint_conversions(work, held.person, merged):
        if conversion.progress.state is State.APPROVED and not cases.is_open_on(work.connection, conversion.id):
            converting.open_case(work, conversion, _used_of(work, conversion, merged), reason)
            opened += 1
    return opened


def _links(work: Work, person: Person) -> tuple[Link, ...]:
    """Return the links that join a person's accounts now."""
    members = set(person.members)
    around = standing(people.links_around(work.connection, person.id))
    return tuple(link for link in around if link.learner_id in members)


def _joint_conversions(work: Work, union: Person, merged: Person) -> list[Conversion]:
    """Return the conversions that rest on outcomes of both sides of a link, or stand on the other side than they."""
    found = {one.id: one for one in conversions.of_people(work.connection, union.members)}
    used: dict[UUID, set[UUID]] = {}
    for part in conversions.parts_of(work.connection, union.members, found):
        if part.state in ("held", "converted"):
            used.setdefault(part.conversion_id, set()).update(UUID(one) for one in part.uses)
    standing_on = outcomes.accounts(work.connection, {one for ids in used.values() for one in ids})
    side = set(merged.members)
    return [
        found[conversion_id]
        for conversion_id, ids in used.items()
        if len({account in side for account in (found[conversion_id].learner_id, *map(standing_on.get, ids))}) > 1
    ]


def _used_of(work: Work, conversion: Conversion, merged: Person) -> outcomes.Head:
    """Return an outcome on the merged side on which a conversion rests."""
    parts = conversions.parts_of(work.connection, [conversion.learner_id], [conversion.id])
    used = {UUID(one) for part in parts if part.state == "converted" for one in part.uses}
    standing_on = outcomes.accounts(work.connection, used)
    head = outcomes.by_id(work.connection, _first(one for one in used if standing_on[one] in merged.members))
    assert head is not None, "a part uses an outcome on record"
    return head


def _first(ids: Iterable[UUID]) -> UUID:
    return min(ids)


def _must_be_reversed(conversion: Conversion) -> Fault:
    """Return why accounts can't be parted, for one conversion."""
    name, state = conversion.id, conversion.progress.state.value
    zh = f"转换 {name}（状态 {state}）同时使用了双方的成果；请先撤回申请，或由接受机构裁定撤回转换。"
    en = (
        f"Conversion {name} ({state}) rests on outcomes of both; have it withdrawn, or taken back by the accepting"
        " institution, first."
    )
    return Fault("", "joint_conversion", zh, en)


def _no_such_link() -> Unknown:
    return unknown("合并记录", "link")
