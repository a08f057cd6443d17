"""Days and instants: the bank's calendar day is that of Asia/Shanghai, its instants are UTC."""

from datetime import UTC, date, datetime, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China has kept UTC+8 without summer time since 1991, before any instant that the bank records."""


def bank_day(instant: datetime) -> date:
    """Return the calendar day in Asia/Shanghai on which the (aware) instant falls."""
    return instant.astimezone(SHANGHAI).date()


def instant_text(instant: datetime) -> str:
    """Return the (aware) instant as RFC 3339 in UTC with microseconds, so that texts sort as instants do."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
