"""Merging: links make trees, a person is what they join, and taking links back gives what there was before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from random import Random
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditbank.core.ledger import EntryKind, Transfer
from creditbank.core.lots import DatedTransfer, balances, summed
from creditbank.core.merging import Link, NotTwoPeople, joined, owner, parted, person_of, root_of, roots, standing
from creditbank.core.outcome import Facts, Kind, Status
from creditbank.core.recognition import Recognition
from creditbank.core.settlement import Case, Rulebook, Standing, revealed, settled

EXAMPLES = 500
SEQUENCES_EACH = 20
"""Ten thousand sequences of merges and unmerges: so many on each of so many drawn banks."""

MERGES = 0.7
"""How likely a step merges; the others take a link back."""

NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)
DAY = date(2026, 6, 30)
ACCOUNTS = tuple(UUID(int=number) for number in range(1, 7))
A, B, C, D, E, F = ACCOUNTS
LEARNING = ("书法", "太极拳", "管理学")
NO_RULES = Rulebook((), {})


def link(number: int, learner_id: UUID, into_id: UUID, minute: int = 0) -> Link:
    return Link(UUID(int=100 + number), learner_id, into_id, NOON + timedelta(minutes=minute))


# --- links


def test_somebody_alone_is_a_person_of_one_account() -> None:
    assert person_of((), A).members == (A,)
    assert not person_of((), A).is_joint


def test_a_chain_is_one_person_known_by_its_end() -> None:
    links = joined(joined((), link(1, C, B)), link(2, B, A))
    assert {person_of(links, one).members for one in (A, B, C)} == {(A, B, C)}
    assert person_of(links, D).members == (D,)
    assert roots(links) == {A: A, B: A, C: A}


def test_nobody_is_merged_with_themself() -> None:
    links = joined(joined((), link(1, C, B)), link(2, B, A))
    for one, other in ((A, C), (C, A), (A, B), (B, C), (A, A)):
        with pytest.raises(NotTwoPeople):
            joined(links, link(3, one, other))


def test_a_link_leads_from_root_to_root() -> None:
    with pytest.raises(AssertionError):
        joined(joined((), link(1, B, A)), link(2, B, D))


def test_taking_a_link_out_of_a_chain_parts_what_hangs_on_it() -> None:
    links = joined(joined((), link(1, C, B)), link(2, B, A))
    left, merged, other = parted(links, UUID(int=102))
    assert (merged.members, other.members) == ((B, C), (A,))
    left, merged, other = parted(left, UUID(int=101))
    assert (left, merged.members, other.members) == ((), (C,), (B,))


def test_links_stand_from_their_instant_until_they_are_taken_back() -> None:
    ended = Link(UUID(int=1), B, A, NOON, NOON + timedelta(minutes=5))
    before, at_end = NOON - timedelta(microseconds=1), NOON + timedelta(minutes=5)
    assert [bool(standing([ended], at)) for at in (before, NOON, at_end - timedelta(microseconds=1), at_end)] == [
        False,
        True,
        True,
        False,
    ]
    assert standing([ended]) == ()


def test_what_belongs_to_several_accounts_belongs_to_the_lowest_above_them() -> None:
    links = joined(joined(joined((), link(1, C, B)), link(2, D, B)), link(3, B, A))
    assert owner(links, [C]) == C
    assert owner(links, [C, D]) == B
    assert owner(links, [C, B]) == B
    assert owner(links, [D, A]) == A


# --- a little bank of accounts, in which people are merged and parted


@dataclass
class Learnt:
    """An outcome on an account: what it is, what it brought, and of which it is held to be a duplicate."""

    id: UUID
    account: UUID
    title: str
    credits: int
    recorded_at: datetime
    duplicate_of: UUID | None = None


@dataclass
class Books:
    """Accounts with their outcomes, credits and who may see them; links between them."""

    links: tuple[Link, ...] = ()
    learnt: dict[UUID, Learnt] = field(default_factory=dict)
    grants: dict[UUID, set[str]] = field(default_factory=dict)
    numbers: count = field(default_factory=count)  # type: ignore[type-arg]

    def merge(self, one: UUID, other: UUID) -> None:
        made = link(next(self.numbers), root_of(self.links, one), root_of(self.links, other))
        self.links = joined(self.links, made)
        union = person_of(self.links, one).members
        counting = [item for item in self.learnt.values() if item.account in union and item.duplicate_of is None]
        for duplicate_id, counting_id in revealed(map(_standing, counting)):
            for item in self.learnt.values():
                if duplicate_id in (item.id, item.duplicate_of):
                    item.duplicate_of = counting_id

    def unmerge(self, link_id: UUID) -> None:
        self.links, merged, other = parted(self.links, link_id)
        sides = {one: person.members for person in (merged, other) for one in person.members}
        across = {
            item.duplicate_of
            for item in self.learnt.values()
            if item.duplicate_of and item.account in sides
            if self.learnt[item.duplicate_of].account not in sides[item.account]
        }
        again = [item for item in self.learnt.values() if item.duplicate_of in across]
        again.sort(key=lambda item: item.recorded_at)
        held = {_claim(item.account, item.title): item.duplicate_of or item.id for item in self.learnt.values()}
        for item in again:
            held.pop(_claim(item.account, item.title))
        cases = [_case(item, sides.get(item.account, ())) for item in again]
        verdicts = settled(cases, held, NO_RULES, {item.id: _recognised(item) for item in again})
        for item, verdict in zip(again, verdicts, strict=True):
            item.duplicate_of = verdict.duplicate_of
            assert (verdict.status is Status.DUPLICATE) == (verdict.duplicate_of is not None)

    def seen(self, account: UUID) -> object:
        """Return all that is seen of the person to whom an account belongs."""
        members = person_of(self.links, account).members
        items = sorted((item for item in self.learnt.values() if item.account in members), key=lambda item: item.id)
        return (
            members,
            balances(_transfers(items), DAY),
            [(item.id, item.duplicate_of) for item in items],
            sorted(set().union(*(self.grants.get(one, set()) for one in members))),
        )


def _standing(item: Learnt) -> Standing:
    return Standing(item.id, item.account, (DAY, item.title), False, item.credits > 0, item.recorded_at)  # noqa: FBT003


def _claim(account: UUID, title: str) -> bytes:
    return f"{account}|{title}".encode()


def _case(item: Learnt, members: Iterable[UUID]) -> Case:
    facts = Facts(kind=Kind.COURSE, title=item.title, issuer="x", completed_on=DAY, applied_on=DAY)
    also = tuple(_claim(one, item.title) for one in members if one != item.account)
    return Case(item.id, facts, (_claim(item.account, item.title),), also)


def _recognised(item: Learnt) -> Recognition:
    return Recognition("x", 1, "x", "x", item.credits, None, None, None, (), {})


def _transfers(items: Iterable[Learnt]) -> list[DatedTransfer]:
    return [
        DatedTransfer("x", Transfer(item.id, "issuance:x", item.credits, EntryKind.RECOGNISE, item.id, DAY), None)
        for item in items
        if item.duplicate_of is None
    ]


@st.composite
def books(draw: st.DrawFn) -> Books:
    """Draw accounts with outcomes, some of which are the same learning on several accounts, and who may see them."""
    made = Books()
    for number, account in enumerate(ACCOUNTS):
        for place, title in enumerate(sorted(draw(st.sets(st.sampled_from(LEARNING))))):
            outcome_id = UUID(int=1000 + number * 10 + place)
            at = NOON + timedelta(minutes=draw(st.integers(0, 3)), seconds=number * 10 + place)
            made.learnt[outcome_id] = Learnt(outcome_id, account, title, draw(st.integers(1, 400)), at)
        made.grants[account] = draw(st.sets(st.sampled_from(("cqdx", "cqou", "partner")), max_size=2))
    return made


Step = tuple[bool, int, int]
steps = st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 5)), max_size=8)


def _taken(bank: Books, sequence: Sequence[Step]) -> int:
    """Merge and unmerge as drawn; return how many merges were refused because they would have closed a circle."""
    refused = 0
    for is_merge, one, other in sequence:
        if is_merge:
            try:
                bank.merge(ACCOUNTS[one], ACCOUNTS[other])
            except NotTwoPeople:
                refused += 1
        elif bank.links:
            bank.unmerge(bank.links[one % len(bank.links)].id)
    return refused


@settings(max_examples=EXAMPLES, deadline=None)
@given(bank=books(), chance=st.randoms(use_true_random=False))
def test_whatever_was_merged_parting_it_again_gives_what_there_was(bank: Books, chance: Random) -> None:
    before = [bank.seen(account) for account in ACCOUNTS]
    for _ in range(SEQUENCES_EACH):
        _taken(bank, [(chance.random() < MERGES, *chance.choices(range(6), k=2)) for _ in range(chance.randint(1, 8))])
        _check_counts_once(bank)
        while bank.links:
            bank.unmerge(chance.choice(bank.links).id)
        assert [bank.seen(account) for account in ACCOUNTS] == before


def _check_counts_once(bank: Books) -> None:
    """Look that every account is one person's, and that the same learning counts once for each person."""
    members = {person_of(bank.links, account).members for account in ACCOUNTS}
    assert sorted(one for person in members for one in person) == list(ACCOUNTS)
    for person in members:
        counted = [item.title for item in bank.learnt.values() if item.account in person and item.duplicate_of is None]
        assert len(counted) == len(set(counted)), "the same learning counts once"
        assert set(counted) == {item.title for item in bank.learnt.values() if item.account in person}


@settings(max_examples=100, deadline=None)
@given(bank=books(), sequence=steps, one=st.sampled_from(ACCOUNTS), other=st.sampled_from(ACCOUNTS))
def test_a_merge_taken_back_at_once_changes_nothing(bank: Books, sequence: list[Step], one: UUID, other: UUID) -> None:
    _taken(bank, sequence)
    before = [bank.seen(account) for account in ACCOUNTS]
    if root_of(bank.links, one) == root_of(bank.links, other):
        with pytest.raises(NotTwoPeople):
            bank.merge(one, other)
    else:
        bank.merge(one, other)
        bank.unmerge(bank.links[-1].id)
    assert [bank.seen(account) for account in ACCOUNTS] == before


@settings(max_examples=100, deadline=None)
@given(bank=books(), sequence=steps)
def test_a_persons_balance_is_the_sum_of_their_accounts(bank: Books, sequence: list[Step]) -> None:
    _taken(bank, sequence)
    for account in ACCOUNTS:
        members = person_of(bank.links, account).members
        mine = [item for item in bank.learnt.values() if item.account in members]
        single = [balances(_transfers([item for item in mine if item.account == one]), DAY) for one in members]
        assert summed(one for found in single for one in found) == list(balances(_transfers(mine), DAY))


@settings(max_examples=100, deadline=None)
@given(bank=books(), sequence=steps, data=st.data())
def test_what_accounts_share_stays_on_their_side_of_every_link(
    bank: Books, sequence: list[Step], data: st.DataObject
) -> None:
    _taken(bank, sequence)
    members = person_of(bank.links, data.draw(st.sampled_from(ACCOUNTS))).members
    used = data.draw(st.lists(st.sampled_from(members), min_size=1, unique=True))
    belongs_to = owner(bank.links, used)
    for one in bank.links:
        _, merged, other = parted(bank.links, one.id)
        for person in (merged, other):
            if set(used) <= set(person.members):
                assert belongs_to in person.members


def test_circles_are_drawn_and_refused() -> None:
    bank = Books()
    assert _taken(bank, [(True, 1, 0), (True, 2, 1), (True, 0, 2), (True, 3, 3)]) == 2


# --- what counts when the same learning stands on two accounts


def _at(minute: int, *, in_use: bool = False, credited: bool = True) -> Standing:
    return Standing(UUID(int=minute), A, (DAY, "x"), in_use, credited, NOON + timedelta(minutes=minute))


def test_what_was_recorded_first_counts_unless_another_is_in_use_or_brought_credits() -> None:
    first, second = _at(1), _at(2)
    assert revealed([second, first]) == [(second.outcome_id, first.outcome_id)]
    used = _at(3, in_use=True)
    assert revealed([first, used]) == [(first.outcome_id, used.outcome_id)]
    worthless = _at(0, credited=False)
    assert revealed([worthless, first]) == [(worthless.outcome_id, first.outcome_id)]
    assert revealed([first]) == []
