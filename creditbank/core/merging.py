"""Merging: accounts of one person are joined by appended links, and parted again by taking a link back.

Nothing moves: each account keeps its entries, and a person is the accounts that standing links join. Links make trees:

    C -> B -> A    one person of three accounts, known as A; taking back B -> A leaves B with C, and A alone
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Link:
    """An account joined to another one from an instant on, until it was taken back, if it was."""

    id: UUID
    learner_id: UUID
    into_id: UUID
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """All accounts of one person: `id` is the one they are known by, `members` are all of them, that one first."""

    id: UUID
    members: tuple[UUID, ...]

    @property
    def is_joint(self) -> bool:
        """Tell whether accounts were merged."""
        return len(self.members) > 1


class NotTwoPeople(AssertionError):  # noqa: N818 - named for what happened
    """Somebody can't be merged with themself: a link would close a circle. Callers look before they link."""


def standing(links: Iterable[Link], at: datetime | None = None) -> tuple[Link, ...]:
    """Return the links that stand now, or stood at an instant (both ends of a link's time: from `since` on)."""
    if at is None:
        return tuple(link for link in links if link.until is None)
    return tuple(link for link in links if link.since <= at and (link.until is None or link.until > at))


def root_of(links: Iterable[Link], learner_id: UUID) -> UUID:
    """Return the account under which the person is known."""
    above = {link.learner_id: link.into_id for link in links}
    while learner_id in above:
        learner_id = above[learner_id]
    return learner_id


def roots(links: Collection[Link]) -> dict[UUID, UUID]:
    """Return for every account that links lead to or from the account under which its person is known."""
    above = {link.learner_id: link.into_id for link in links}
    found: dict[UUID, UUID] = {}
    for account in {end for link in links for end in (link.learner_id, link.into_id)}:
        path = [account]
        while path[-1] in above and path[-1] not in found:
            path.append(above[path[-1]])
        found |= dict.fromkeys(path, found.get(path[-1], path[-1]))
    return found


def person_of(links: Collection[Link], learner_id: UUID) -> Person:
    """Return the person to whom an account belongs."""
    root = root_of(links, learner_id)
    ids = {root} | {link.learner_id for link in links if root_of(links, link.learner_id) == root}
    return Person(root, (root, *sorted(ids - {root})))


def joined(links: Collection[Link], link: Link) -> tuple[Link, ...]:
    """Return the links with one more, which joins two people at the accounts by which they are known.

    Refused: NotTwoPeople where both ends are one person, AssertionError for an end that is merged already.
    """
    if root_of(links, link.learner_id) == root_of(links, link.into_id):
        raise NotTwoPeople(f"{link.learner_id} and {link.into_id} are one person")
    ends = (link.learner_id, link.into_id)
    assert all(root_of(links, end) == end for end in ends), "a link joins the accounts by which people are known"
    return (*links, link)


def parted(links: Collection[Link], link_id: UUID) -> tuple[tuple[Link, ...], Person, Person]:
    """Return the links without one, and the two people whom it joined: the one who was merged, and the other."""
    taken = next(link for link in links if link.id == link_id)
    left = tuple(link for link in links if link.id != link_id)
    return left, person_of(left, taken.learner_id), person_of(left, taken.into_id)


def owner(links: Collection[Link], learner_ids: Collection[UUID]) -> UUID:
    """Return the account to which a matter of several of a person's accounts belongs: the lowest one above them all.

    Whichever link is taken back, what belongs to accounts on one side of it stays on that side.
    """
    paths = [_path(links, learner_id) for learner_id in learner_ids]
    return next(one for one in paths[0] if all(one in path for path in paths))


def _path(links: Iterable[Link], learner_id: UUID) -> list[UUID]:
    """Return an account and all above it, up to the root."""
    above = {link.learner_id: link.into_id for link in links}
    path = [learner_id]
    while path[-1] in above:
        path.append(above[path[-1]])
    return path
