"""Days and instants: the bank's calendar day is that of Asia/Shanghai, its instants are UTC."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China has kept UTC+8 without summer time since 1991, before any instant that the bank records."""


@lru_cache(256)
def bank_day(instant: datetime) -> date:
    """Return the calendar day in Asia/Shanghai on which the (aware) instant falls."""
    return instant.astimezone(SHANGHAI).date()


def day_end(day: date) -> datetime:
    """Return the instant at which a calendar day in Asia/Shanghai is over: the first that falls on the next."""
    return datetime.combine(day, time(), SHANGHAI).astimezone(UTC) + timedelta(days=1)


@lru_cache(256)
def instant_text(instant: datetime) -> str:
    """Return the (aware) instant as RFC 3339 in UTC with microseconds, so that texts sort as instants do."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def second_text(instant: datetime) -> str:
    """Return the (aware) instant as RFC 3339 in UTC, cut to whole seconds, in which JWTs count."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


@dataclass(frozen=True, slots=True)
class AcademicYear:
    """When an academic year and its terms begin, as (month, day); a class belongs to the term in which it ends.

    `term_starts` are in the order in which terms follow from the year's beginning, the first of them being that.
    """

    term_starts: tuple[tuple[int, int], ...]

    def year_of(self, day: date) -> str:
        """Return the academic year of a day by the calendar year in which it began, such as "2025"."""
        return str(self._year_of(day))

    def term_of(self, day: date) -> str:
        """Return the term of a day, such as "2025-2" for the second term of the year that began in 2025."""
        year = self._year_of(day)
        first = self.term_starts[0]
        begun = [
            number
            for number, start in enumerate(self.term_starts, start=1)
            if date(year + (start < first), *start) <= day
        ]
        return f"{year}-{begun[-1]}"

    def _year_of(self, day: date) -> int:
        return day.year - ((day.month, day.day) < self.term_starts[0])


CALENDAR_YEAR = AcademicYear(((1, 1),))
"""Where a document names no academic year: the calendar's, as one term."""
