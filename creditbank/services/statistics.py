"""Statistics: what was counted by the end of a day for a region with all below it, told by one thing or another.

The answer to a question about a day that is over never changes: counted is what was written once by its end.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeVar
from uuid import UUID

from creditbank.core.errors import Fault, Malformed
from creditbank.core.figures import BAND_NAMES, By, Credits, Figures, age_band, total
from creditbank.core.outcome import Kind
from creditbank.core.permission import require
from creditbank.core.rules.conditions import age_on
from creditbank.services import areas
from creditbank.services.areas import Area
from creditbank.services.bank import Work
from creditbank.storage import learners
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
    """The answer: figures of an area as of its day, and of each part of it."""

    area: Area
    figures: Figures
    items: tuple[Item, ...]


def statistics(work: Work, question: Question) -> Statistics:
    """Return what was counted by the end of a day; nothing where the region is not in force on it.

    Refused: Unknown region; Malformed for a day to come, or more learners than can be told by age.
    """
    require(work.actor, "audit:read", "admin")
    day = question.as_of or work.today
    with snapshot(work.connection):
        area = areas.area_on(work, question.region, day, "/as_of")
        figures = _by_institution(work, area) if area.members else {}
        items = tuple(_items(work, area, figures, question.by)) if area.is_in_force else ()
    return Statistics(area, figures=total(figures.values()), items=items)


def _by_institution(work: Work, area: Area) -> dict[UUID, Figures]:
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


def _items(work: Work, area: Area, figures: Mapping[UUID, Figures], by: By | None) -> Iterator[Item]:
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


def _regions(area: Area, figures: Mapping[UUID, Figures]) -> Iterator[Item]:
    """Yield every region right below, also those without figures, and at last what stands in none of them."""
    parts = _totals((area.below(one.id), figures[one.id]) for one, _ in area.members if one.id in figures)
    for region in area.regions_below():
        yield Item(region.id, region.name, parts.get(region.id, Figures()))
    if None in parts:
        yield Item(None, None, parts[None])


def _by_kind(work: Work, area: Area) -> dict[str, Figures]:
    """Return outcomes and credits by the outcomes' kind; an account has none."""
    ids, codes = set(area.ids()), area.codes()
    recorded = counting.outcomes(work.connection, area.until, by_kind=True)
    parts = [(kind, Figures(outcomes=many)) for one, kind, many in recorded if one in ids]
    credit = counting.credit_rows(work.connection, area.until, by_kind=True)
    parts += [(row.group, _credited(row)) for row in credit if _code(row) in codes]
    return _totals(parts)


def _by_band(work: Work, area: Area) -> dict[str, Figures]:
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
