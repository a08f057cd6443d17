"""Cells: readers remember short ones, which come again and again, and keep no long one in the memory."""

import sys

import pytest

from creditbank.formats import cells


@pytest.mark.parametrize("read", [cells.read_text, cells.read_amount, cells.read_day, cells.read_day_first])
def test_a_long_cell_is_read_and_not_kept(read: cells.Read) -> None:
    for length, is_kept in ((101, False), (100, True)):
        cell = f"{read.__name__}".ljust(length, "x")
        before = sys.getrefcount(cell)
        assert read(cell) == cell
        assert (sys.getrefcount(cell) > before) is is_kept
