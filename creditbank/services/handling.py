"""Reports on handling: how long applications for conversion took, and why learning brought no credit, by region.

As with figures, an answer about days that are over never changes: read is what was written once by their end.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain
from typing import Generic, TypeVar
from uuid import UUID

from creditbank.core.calendar import bank_day, day_end
from creditbank.core.errors import Fault, Malformed
from creditbank.core.handling import ByPlace, Handled, Happening, Reason
from creditbank.core.permission import require
from creditbank.services import areas
from creditbank.services.areas import Area
from creditbank.services.bank import Work
from creditbank.storage import handling as reading
from creditbank.storage.database import snapshot

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Span:
    """What is asked: a region by id or code, None for the whole bank; the first and last day; and told by what.

    Without a last day it is today, without a first one the beginning of the last one's year.
    """

    region: str | None
    since: date | None
    until: date | None
    by: ByPlace | None


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """What is told of one region or institution; without a key what stands in none of the regions below."""

    key: str | None
    name: str | None
    told: T


@dataclass(frozen=True, slots=True)
class Report(Generic[T]):
    """What is told of an area over the days from `since` to the area's, and of each part of it."""

    area: Area
    since: date
    told: T
    parts: tuple[Part[T], ...]


def handling(work: Work, span: Span) -> Report[Handled]:
    """Return how applications for conversion to institutions of a region were handled.

    Refused: Unknown region; Malformed for days to come or a span that ends before it begins.
    """
    require(work.actor, "audit:read", "admin")
    with snapshot(work.connection):
        area, since = _spanned(work, span)
        found: dict[UUID, list[tuple[list[str], list[Happening]]]] = {}
        for one in reading.applications(work.connection, area.ids(), area.until):
            happened = [Happening(event.kind, event.step, bank_day(event.happened_at)) for event in one.events]
            found.setdefault(one.institution_id, []).append((_steps(work, one), happened))

    def told(ids: Sequence[UUID]) -> Handled:
        handled = Handled()
        for steps, happened in chain.from_iterable(found.get(one, ()) for one in ids):
            handled.count(steps, happened, since)
        return handled

    return _report(area, since, span.by, told)


def reasons(work: Work, span: Span) -> Report[Counter[Reason]]:
    """Return why outcomes of institutions of a region brought no credit, by decisions of a span.

    Refused: Unknown region; Malformed for days to come or a span that ends before it begins.
    """
    require(work.actor, "audit:read", "admin")
    with snapshot(work.connection):
        area, since = _spanned(work, span)
        found: dict[UUID, Counter[Reason]] = {}
        for row in reading.reasons(work.connection, day_end(since - timedelta(days=1)), area.until):
            found.setdefault(row.institution_id, Counter())[row.reason] = row.many

    def told(ids: Sequence[UUID]) -> Counter[Reason]:
        return sum((found[one] for one in ids if one in found), Counter())

    return _report(area, since, span.by, told)


def _spanned(work: Work, span: Span) -> tuple[Area, date]:
    """Return the area on the span's last day, and the span's first day."""
    until = span.until or work.today
    since = span.since or date(until.year, 1, 1)
    if since > until:
        zh, en = "起始日期晚于截止日期；请对调。", "The first day comes behind the last one; swap them."
        raise Malformed((Fault("/since", "ends_before_it_begins", zh, en),))
    return areas.area_on(work, span.region, until, "/until"), since


def _report(area: Area, since: date, by: ByPlace | None, told: Callable[[Sequence[UUID]], T]) -> Report[T]:
    """Return what is told of an area's institutions together and, if it is asked for, part by part."""
    parts = (Part(key, name, told(ids)) for key, name, ids in _groups(area, by))
    return Report(area, since, told(area.ids()), tuple(parts))


def _groups(area: Area, by: ByPlace | None) -> Iterable[tuple[str | None, str | None, list[UUID]]]:
    """Yield the parts of an area with their institutions; regions also where nothing stands in them."""
    if by is ByPlace.INSTITUTION:
        yield from ((one.code, one.name, [one.id]) for one, _ in area.members)
    elif by is ByPlace.REGION:
        standing: dict[str | None, list[UUID]] = {}
        for one, _ in area.members:
            standing.setdefault(area.below(one.id), []).append(one.id)
        yield from ((one.id, one.name, standing.get(one.id, [])) for one in area.regions_below())
        if None in standing:
            yield None, None, standing[None]


def _steps(work: Work, one: reading.Application) -> list[str]:
    """Return the ids of the steps that an application's rules ask for."""
    return [step.id for step in work.rulebook().conversion_version(one.ruleset, one.version).review]
