"""What is said of credits at a level or higher: it follows from what was recognised, and no more is said than is so."""

from hypothesis import given
from hypothesis import strategies as st

from creditbank.core.credential import ANY_LEVEL, LEVEL_MAX, RUNGS, reached, rungs_reached

AMOUNTS = st.lists(
    st.tuples(st.sampled_from([None, "1", "3", "5", "10", "12", "0", "03", "-1", "高级", "100"]), st.integers(1, 5000))
)


@given(AMOUNTS)
def test_a_higher_level_never_has_more_and_all_levels_have_everything(amounts: list[tuple[str | None, int]]) -> None:
    found = reached(amounts)
    told = [found.get(level, 0) for level in range(LEVEL_MAX + 1)]
    assert told == sorted(told, reverse=True)
    assert found.get(ANY_LEVEL, 0) == sum(amount for _, amount in amounts)
    assert all(found.values())


@given(AMOUNTS)
def test_more_learning_never_takes_a_statement_away(amounts: list[tuple[str | None, int]]) -> None:
    before, after = reached(amounts), reached([*amounts, ("3", 100)])
    assert all(after[level] >= hundredths for level, hundredths in before.items())


def test_levels_are_whole_numbers_and_the_rest_counts_without_one() -> None:
    amounts = [("3", 100), ("高级", 20), (None, 3), ("03", 4), ("12", 1000)]
    assert reached(amounts) == {0: 1127} | dict.fromkeys((1, 2, 3), 1100) | dict.fromkeys(range(4, 11), 1000)


def test_a_rung_is_reached_by_its_own_amount_and_not_by_less() -> None:
    assert rungs_reached(3000)[-1] == 3000
    assert rungs_reached(2999)[-1] == 2500
    assert rungs_reached(99) == []
    assert rungs_reached(10**9) == [rung * 100 for rung in RUNGS]


def test_what_is_asked_for_is_one_more_rung_only_if_it_is_reached() -> None:
    assert 3250 in rungs_reached(3250, 3250)
    assert rungs_reached(3249, 3250) == rungs_reached(3249)
    assert rungs_reached(3000, 3000) == rungs_reached(3000)
