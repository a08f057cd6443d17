"""Columns of values reach PostgreSQL as they are, whether they are copied or sent as arrays."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, LargeBinary, MetaData, Table, Text, Uuid, select

from creditbank.core.outcome import Status
from creditbank.storage.copying import array_of
from creditbank.storage.writing import append, rewrite
from tests.builders import House

MIXED = Table(
    "mixed",
    MetaData(),
    Column("number", BigInteger, primary_key=True),
    Column("words", Text),
    Column("id", Uuid),
    Column("hash", LargeBinary),
    Column("day", Date),
    Column("instant", DateTime(timezone=True)),
    Column("is_so", Boolean),
    prefixes=["TEMPORARY"],
)

TRICKY = [
    "",
    "NULL",
    "null",
    "\\N",
    "\\",
    '"',
    '\\"',
    "{}",
    ",",
    "a\tb",
    "a\nb",
    "a\r\nb",
    " ",
    "　",
    "学分",
    "'",
    "%s",
    "$1",
]
WORDS = st.one_of(st.sampled_from(TRICKY), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
INSTANTS = st.datetimes(datetime(1900, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - they say so

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "words": st.none() | WORDS,
            "id": st.none() | st.uuids(),
            "hash": st.none() | st.binary(max_size=40),
            "day": st.none() | st.dates(date(1900, 1, 1)),
            "instant": st.none() | INSTANTS,
            "is_so": st.none() | st.booleans(),
        }
    ),
    min_size=2,
    max_size=12,
)


@pytest.mark.parametrize("engine_name", ["postgresql"], indirect=True)
def test_what_is_written_is_what_is_read(house: House) -> None:
    with house.bank.database.transaction() as connection:
        MIXED.create(connection)

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(rows=ROWS, copied_rows_min=st.sampled_from([1, 1000]))
        def write(rows: list[dict[str, Any]], copied_rows_min: int) -> None:
            connection.execute(MIXED.delete())
            told = [{"number": number, **row} for number, row in enumerate(rows)]
            append(connection, MIXED, told, copied_rows_min=copied_rows_min)
            query = select(MIXED).order_by(MIXED.c.number)
            assert [dict(row) for row in connection.execute(query).mappings()] == told
            turned = [{**row, "number": one["number"]} for one, row in zip(told, reversed(told), strict=True)]
            rewrite(connection, MIXED, turned)
            assert [dict(row) for row in connection.execute(query).mappings()] == turned

        write()


def test_values_of_rare_kinds_are_left_to_the_driver() -> None:
    assert array_of([1.5, None]) == [1.5, None]
    assert array_of([]) == "{}"
    assert array_of([Status.RECORDED, 'a"']) == '{"recorded","a\\""}'
    assert array_of([UUID(int=1), None]) == f"{{{UUID(int=1).hex},NULL}}"
