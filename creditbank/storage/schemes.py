"""Credit schemes: units that never change once decisions rest on them."""

from typing import Any

from sqlalchemy import CheckConstraint, Column, Connection, Integer, Row, String, Table, select

from creditbank.core.credit import Rounding, Scheme
from creditbank.storage.columns import catalogue

scheme = Table(
    "scheme",
    catalogue,
    Column("code", String(64), primary_key=True),
    Column("title_zh", String(200), nullable=False),
    Column("title_en", String(200), nullable=False),
    Column("hours_per_credit_hundredths", Integer, nullable=False),
    Column("minutes_per_hour", Integer, nullable=False),
    Column("step_hundredths", Integer, nullable=False),
    Column("rounding", String(16), nullable=False),
    CheckConstraint("hours_per_credit_hundredths > 0", name="hours_per_credit"),
    CheckConstraint("minutes_per_hour BETWEEN 1 AND 240", name="minutes_per_hour"),
    CheckConstraint("step_hundredths BETWEEN 1 AND 10000", name="step"),
    CheckConstraint("rounding IN ('down', 'up', 'half_up', 'half_even')", name="rounding"),
)


def every(connection: Connection) -> dict[str, Scheme]:
    """Return all schemes by code, in code order; there are some dozens."""
    return {row.code: _scheme(row) for row in connection.execute(select(scheme).order_by(scheme.c.code))}


def by_code(connection: Connection, code: str) -> Scheme | None:
    """Return one scheme."""
    row = connection.execute(select(scheme).where(scheme.c.code == code)).one_or_none()
    return None if row is None else _scheme(row)


def add(connection: Connection, value: Scheme) -> None:
    """Register a scheme."""
    connection.execute(
        scheme.insert().values(
            code=value.code,
            title_zh=value.title_zh,
            title_en=value.title_en,
            hours_per_credit_hundredths=value.hours_per_credit_hundredths,
            minutes_per_hour=value.minutes_per_hour,
            step_hundredths=value.step_hundredths,
            rounding=value.rounding.value,
        )
    )


def _scheme(row: Row[Any]) -> Scheme:
    """Return the value that a row holds."""
    return Scheme(
        code=row.code,
        title_zh=row.title_zh,
        title_en=row.title_en,
        hours_per_credit_hundredths=row.hours_per_credit_hundredths,
        minutes_per_hour=row.minutes_per_hour,
        step_hundredths=row.step_hundredths,
        rounding=Rounding(row.rounding),
    )
