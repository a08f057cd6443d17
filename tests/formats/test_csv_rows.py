"""Rows of CSV: whatever they hold and however their bytes are parted, reading can go on from any of them."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbank.core.errors import Malformed
from creditbank.formats.csv_rows import Lines, Row, rows
from creditbank.formats.table_bytes import EncodingTrial, encoding_of

CELLS = st.text(st.sampled_from('ab1 ,;"\r\n\t课程𠮷é'), max_size=6)
TABLES = st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=12)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "gb18030"])


def written(table: list[list[str]], end: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(table)
    return text.getvalue()


def parted(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


def read(content: bytes, encoding: str, size: int, position: int = 0, line: int = 1) -> list[Row]:
    plain = encoding.removesuffix("-sig")
    return list(rows(Lines(parted(content[position:], size), plain, position, line - 1), ","))


@given(TABLES, st.sampled_from(["\n", "\r\n", "\r"]), ENCODINGS, st.integers(1, 40))
def test_rows_come_as_they_were_written_and_from_each_the_rest_is_the_same(
    table: list[list[str]], end: str, encoding: str, size: int
) -> None:
    content = written(table, end).encode(encoding)
    found = read(content, encoding, size)
    assert [one.cells for one in found] == [cells for cells in table if any(map(str.strip, cells))]
    for number, one in enumerate(found):
        assert read(content, encoding, size, one.position, one.next_line) == found[number + 1 :]
    assert encoding_of(parted(content, size), None) in ("utf-8", "gb18030")


@given(st.text(max_size=30), st.integers(1, 5))
def test_a_text_in_utf_8_is_never_taken_for_anything_else(text: str, size: int) -> None:
    trial = EncodingTrial()
    for part in parted(text.replace("\0", "").encode(errors="ignore"), size):
        trial.feed(part)
    assert trial.found() == "utf-8"


def test_a_quote_that_another_cell_closes_is_told_with_the_line_on_which_it_opens() -> None:
    with pytest.raises(Malformed) as refused:
        read(b'a,b\nc,"d\ne,f\ng,"h"\n', "utf-8", 3)
    (fault,) = refused.value.faults
    assert (fault.code, "lines 2 to 4" in fault.message_en) == ("wrong_quotes", True)


@pytest.mark.parametrize(
    ("text", "line"), [('a,"b', 1), ('a,b\n"c,d\ne', 2), ('a\n"b\nc",d\ne,"f\n\ng', 4), ('"a""\n', 1), ('a\n"b""', 2)]
)
def test_the_line_is_told_on_which_a_quote_opens_that_is_never_closed(text: str, line: int) -> None:
    with pytest.raises(Malformed) as refused:
        read(text.encode(), "utf-8", 3)
    (fault,) = refused.value.faults
    assert (fault.code, f" {line} " in fault.message_en) == ("quote_not_closed", True)
