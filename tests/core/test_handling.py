"""How applications ended and how long that took, by what happened with them until a day."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbank.core.handling import Days, Handled, Happening, end_of
from creditbank.core.review import State

DAY = date(2026, 3, 1)


def happened(*told: str) -> list[Happening]:
    """Return what happened: "approved:school+3" is on the third day after the first."""
    found = []
    for one in told:
        kind, _, days = one.partition("+")
        name, _, step = kind.partition(":")
        found.append(Happening(name, step or None, DAY + timedelta(days=int(days or 0))))
    return found


@pytest.mark.parametrize(
    ("steps", "told", "state"),
    [
        ([], ["submitted"], State.APPROVED),
        (["school"], ["submitted"], None),
        (["school", "bank"], ["submitted", "approved:school+1"], None),
        (["school", "bank"], ["submitted", "approved:school+1", "approved:bank+2"], State.APPROVED),
        (["school"], ["submitted", "returned:school+1"], None),
        (["school"], ["submitted", "returned:school+1", "resubmitted+2", "approved:school+3"], State.APPROVED),
        (["school"], ["submitted", "rejected:school+1"], State.REJECTED),
        (["school"], ["submitted", "rejected:school+1", "appealed+2"], None),
        (["school"], ["submitted", "rejected:school+1", "appealed+2", "approved:appeal+3"], State.APPROVED),
        (["school"], ["submitted", "rejected:school+1", "appealed+2", "rejected:appeal+3"], State.REJECTED),
        (["school"], ["submitted", "withdrawn+1"], State.WITHDRAWN),
        (["school"], ["submitted", "lapsed+9"], State.LAPSED),
        (["school"], ["submitted", "voided+1"], State.VOIDED),
        (["school"], ["submitted", "approved:school+1", "undone+5"], State.APPROVED),
        (["school"], ["submitted", "declined+1"], None),
    ],
)
def test_an_application_ends_as_the_last_that_ends_it_says(
    steps: list[str], told: list[str], state: State | None
) -> None:
    ended = end_of(steps, happened(*told))
    assert (None if ended is None else ended.state) is state


def test_what_came_in_before_the_span_and_ended_in_it_counts_as_ended_alone() -> None:
    handled = Handled()
    handled.count(["school"], happened("submitted", "approved:school+9"), DAY + timedelta(days=5))
    assert (handled.applied, handled.ended[State.APPROVED], handled.open) == (0, 1, 0)
    assert handled.days() == Days(9, 9, 9)


def test_what_ended_before_the_span_counts_not_and_what_is_open_does() -> None:
    handled = Handled()
    since = DAY + timedelta(days=5)
    handled.count(["school"], happened("submitted", "approved:school+4"), since)
    handled.count(["school"], happened("submitted"), since)
    assert (handled.applied, handled.ended.total(), handled.open, handled.days()) == (0, 0, 1, None)


def test_only_what_somebody_decided_took_days() -> None:
    handled = Handled()
    for told in ("withdrawn+3", "lapsed+4", "rejected:school+2"):
        handled.count(["school"], happened("submitted", told), DAY)
    assert (handled.applied, handled.ended.total()) == (3, 3)
    assert handled.days() == Days(2, 2, 2)


@given(st.lists(st.integers(0, 400), min_size=1, max_size=50))
def test_days_are_the_fewest_within_which_so_many_were_decided(taken: list[int]) -> None:
    handled = Handled(days_taken=list(taken))
    days = handled.days()
    assert days is not None
    for tenths, told in ((5, days.half), (9, days.nine_tenths), (10, days.longest)):
        within = sum(one <= told for one in taken)
        assert within * 10 >= len(taken) * tenths
        assert sum(one < told for one in taken) * 10 < len(taken) * tenths
