"""The rows of a file are parted so that nothing which depends on their order is parted."""

import pytest

from creditbank.core.lanes import Knots, lane_of


@pytest.mark.parametrize(
    "written", ["11010119900307663x", "１１０１０１１９９００３０７６６３Ｘ", " 110101 19900307-663X "]
)
def test_a_learner_is_in_one_lane_however_the_number_is_written(written: str) -> None:
    assert lane_of(written, 97) == lane_of("11010119900307663X", 97)


def test_knots_are_found_between_lanes_alone() -> None:
    knots = Knots(2)
    knots.add(0, ["a", "b", "a"])
    knots.add(1, ["c"])
    assert not knots
    knots.add(1, ["b"])
    assert knots
