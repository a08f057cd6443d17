"""Statistics: what was counted by the end of a day for a region with all below it, told by one thing or another.

The answer to a question about a day that is over never changes: counted is what was written once by its end.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar
from uuid import UUID

from creditbank.core.calendar import day_end
from creditbank.core.errors import Fault, Malformed, unknown
from creditbank.core.figures import BAND_NAMES, By, Credits, Figures, age_band, total
from creditbank.core.institution import Institution
from creditbank.core.outcome import Kind
from creditbank.core.permission import require
from creditbank.core.region import Place, Region, Registry
from creditbank.core.rules.conditions import age_on
from creditbank.services.bank import Work
from creditbank.storage import institution_days, institutions, learners, regions
from creditbank.storage import statistics as counting
from creditbank.storage.database import snapshot
from creditbank.storage.statistics import CreditRow

LEARNERS_MAX = 200_000
"""Learners whose birth dates are opened for one answer: it takes some ten seconds."""

LEARNERS_AT_ONCE = 1000
"""Birth dates opened together."""

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a region by id or code, None for the whole bank; a day, None for today; and told by what."""

    region: str | None
    as_of: date | None
    by: By | None


@dataclass(frozen=True, slots=True)
class Item:
    """Figures of one region, institution, kind or band; without a key what stands in none of the regions below."""

    key: str | None
    name: str | None
    figures: Figures


@dataclass(frozen=True, slots=True)
class Statistics:
    """The answer; `unassigned` are the institutions counted here of which nobody said where below they stand."""

    as_of: date
    is_final: bool
    region: Region | None
    is_in_force: bool
    successors: tuple[Region, ...]
    figures: Figures
    items: tuple[Item, ...]
    institutions: int
    unassigned: tuple[Institution, ...]


@dataclass(frozen=True, slots=True)
class _Area:
    """The institutions that stand in a region on a day, each with its place, and the end of that day."""

    registry: Registry
    region: Region | None
    day: date
    until: datetime
    members: Sequence[tuple[Institution, Place]]

    def ids(self) -> list[UUID]:
        return [one.id for one, _ in self.members]

    def codes(self) -> dict[str, UUID]:
        return {one.code: one.id for one, _ in self.members}


def statistics(work: Work, question: Question) -> Statistics:
    """Return what was counted by the end of a day; nothing where the region is not in force on it.

    Refused: Unknown region; Malformed for a day to come, or more learners than can be told by age.
    """
    require(work.actor, "audit:read", "admin")
    day = question.as_of or work.today
    if day > work.today:
        zh, en = f"统计日期 {day} 尚未到来。", f"The day {day} is still to come; nothing is counted of it yet."
        raise Malformed((Fault("/as_of", "future_date", zh, en),))
    with snapshot(work.connection):
        registry = regions.registry(work.connection)
        region = _asked(registry, question.region)
        is_in_force = region is None or region.is_in_force(day)
        area = _area(work, registry, region, day) if is_in_force else _Area(registry, region, day, work.now, ())
        figures = _by_institution(work, area) if area.members else {}
        items = tuple(_items(work, area, figures, question.by)) if is_in_force else ()
    return Statistics(
        as_of=day,
        is_final=day < work.today,
        region=region,
        is_in_force=is_in_force,
        successors=() if region is None else tuple(registry.regions[one] for one in region.successors),
        figures=total(figures.values()),
        items=items,
        institutions=len(area.members),
        unassigned=tuple(one for one, place in area.members if not place.is_exact),
    )


def _asked(registry: Registry, name: str | None) -> Region | None:
    """Return the region that is asked about, None for all. Refused: Unknown."""
    found = None if name is None else registry.named(name)
    if name is not None and found is None:
        raise unknown("区划", "region", "/region")
    return found


def _area(work: Work, registry: Registry, region: Region | None, day: date) -> _Area:
    """Return the institutions in a region with all below it, as was known by the end of the day."""
    until = day_end(day)
    rows = institution_days.memberships(work.connection, None)
    members = []
    for one in institutions.every(work.connection):
        if one.created_at >= until:
            continue
        known = [row for row in rows.get(one.id, ()) if row.recorded_at < until]
        named = registry.named(institution_days.region_on(known, day) or one.region_code or "")
        place = registry.place(named.id if named else None, day)
        if region is None or region.id in registry.upward(place.region_id, day):
            members.append((one, place))
    return _Area(registry, region, day, until, members)


def _by_institution(work: Work, area: _Area) -> dict[UUID, Figures]:
    """Return the figures of each institution in the area that has any."""
    ids, codes = set(area.ids()), area.codes()
    parts: list[tuple[UUID, Figures]] = []
    accounts = counting.accounts(work.connection, area.until)
    parts += [(one, Figures(accounts=many)) for one, many in accounts.items() if one in ids]
    recorded = counting.outcomes(work.connection, area.until, by_kind=False)
    parts += [(one, Figures(outcomes=many)) for one, _, many in recorded if one in ids]
    credit = counting.credit_rows(work.connection, area.until, by_kind=False)
    parts += [(codes[_code(row)], _credited(row)) for row in credit if _code(row) in codes]
    return _totals(parts)


def _items(work: Work, area: _Area, figures: Mapping[UUID, Figures], by: By | None) -> Iterator[Item]:
    """Yield the figures told one by one."""
    if by is By.REGION:
        yield from _regions(area, figures)
    elif by is By.INSTITUTION:
        for one, _ in area.members:
            if one.id in figures:
                yield Item(one.code, one.name, figures[one.id])
    elif by is By.KIND:
        kinds = _by_kind(work, area)
        for kind in Kind:
            yield Item(kind.value, None, kinds.get(kind.value, Figures()))
    elif by is By.AGE_BAND:
        bands = _by_band(work, area)
        for band in BAND_NAMES:
            yield Item(band, None, bands.get(band, Figures()))


def _regions(area: _Area, figures: Mapping[UUID, Figures]) -> Iterator[Item]:
    """Yield every region right below, also those without figures, and at last what stands in none of them."""
    above = None if area.region is None else area.region.id
    below = area.registry.children(above, area.day)
    parts: dict[str | None, list[Figures]] = {one.id: [] for one in below}
    for one, place in area.members:
        if one.id in figures:
            way = list(area.registry.upward(place.region_id, area.day))
            key = next((step for step in way if step in parts), None)
            parts.setdefault(key, []).append(figures[one.id])
    for region in below:
        yield Item(region.id, region.name, total(parts[region.id]))
    if None in parts:
        yield Item(None, None, total(parts[None]))


def _by_kind(work: Work, area: _Area) -> dict[str, Figures]:
    """Return outcomes and credits by the outcomes' kind; an account has none."""
    ids, codes = set(area.ids()), area.codes()
    recorded = counting.outcomes(work.connection, area.until, by_kind=True)
    parts = [(kind, Figures(outcomes=many)) for one, kind, many in recorded if one in ids]
    credit = counting.credit_rows(work.connection, area.until, by_kind=True)
    parts += [(row.group, _credited(row)) for row in credit if _code(row) in codes]
    return _totals(parts)


def _by_band(work: Work, area: _Area) -> dict[str, Figures]:
    """Return the figures by the learners' age on the day. Refused: Malformed where they are too many."""
    rows_max = LEARNERS_MAX + 1
    ids = area.ids()
    holders = counting.account_holders(work.connection, area.until, ids, rows_max)
    recorded = counting.outcomes_by_learner(work.connection, area.until, ids, rows_max)
    credit = counting.credit_rows_by_learner(work.connection, area.until, area.codes(), rows_max)
    if max(len(holders), len(recorded), len(credit)) > LEARNERS_MAX:
        zh = f"按年龄段统计最多 {LEARNERS_MAX} 名学习者；请选择更小的区划。"
        en = f"At most {LEARNERS_MAX} learners are told by age; ask about a smaller region."
        raise Malformed((Fault("/by", "too_many_learners", zh, en),))
    parts = [(one, Figures(accounts=1)) for one in holders]
    parts += [(one, Figures(outcomes=many)) for one, many in recorded.items()]
    parts += [(row.group, _credited(row)) for row in credit]
    bands = _bands(work, {learner_id for learner_id, _ in parts}, area.day)
    return _totals((bands[learner_id], part) for learner_id, part in parts)


def _bands(work: Work, learner_ids: set[UUID], day: date) -> dict[UUID, str]:
    """Return the band of age of each learner on a day."""
    ordered = sorted(learner_ids)
    bands = {}
    for start in range(0, len(ordered), LEARNERS_AT_ONCE):
        some = ordered[start : start + LEARNERS_AT_ONCE]
        born = learners.birth_dates(work.connection, work.keyring, some)
        bands.update({one: age_band(age_on(day, born.get(one))) for one in some})
    return bands


def _totals(parts: Iterable[tuple[Key, Figures]]) -> dict[Key, Figures]:
    """Return the sums of figures by what each stands under."""
    lists: dict[Key, list[Figures]] = {}
    for key, part in parts:
        lists.setdefault(key, []).append(part)
    return {key: total(found) for key, found in lists.items()}


def _code(row: CreditRow) -> str:
    """Return the code of the institution behind a counter account."""
    return row.counter_account.partition(":")[2]


def _credited(row: CreditRow) -> Figures:
    return Figures(credits={row.scheme: Credits(row.recognised_hundredths, row.converted_hundredths)})
