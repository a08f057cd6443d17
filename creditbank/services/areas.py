"""Areas: the institutions that stand in a region with all below it on a day, as was known by the end of that day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from uuid import UUID

from creditbank.core.calendar import day_end
from creditbank.core.errors import Fault, Malformed, unknown
from creditbank.core.institution import Institution
from creditbank.core.region import Place, Region, Registry
from creditbank.services.bank import Work
from creditbank.storage import institution_days, institutions, regions


@dataclass(frozen=True)
class Area:
    """A region, None for the whole bank, with its institutions, each in its place, on a day that ends at `until`.

    It is final once the day is over: whatever is written later belongs to later days.
    """

    registry: Registry
    region: Region | None
    day: date
    until: datetime
    is_final: bool
    members: Sequence[tuple[Institution, Place]]

    @property
    def is_in_force(self) -> bool:
        """Tell whether the region is there on the day; where it isn't, nothing stands in it."""
        return self.region is None or self.region.is_in_force(self.day)

    @property
    def successors(self) -> tuple[Region, ...]:
        """The regions that stand for it once it is over."""
        return () if self.region is None else tuple(self.registry.regions[one] for one in self.region.successors)

    @property
    def unassigned(self) -> tuple[Institution, ...]:
        """The institutions of which nobody said where below they stand."""
        return tuple(one for one, place in self.members if not place.is_exact)

    def ids(self) -> list[UUID]:
        """Return the institutions' ids."""
        return [one.id for one, _ in self.members]

    def codes(self) -> dict[str, UUID]:
        """Return the institutions' ids by their codes."""
        return {one.code: one.id for one, _ in self.members}

    def regions_below(self) -> list[Region]:
        """Return the regions right below."""
        return self.registry.children(None if self.region is None else self.region.id, self.day)

    def below(self, institution_id: UUID) -> str | None:
        """Return in which of the regions right below an institution of the area stands; None for none of them."""
        return self._below[institution_id]

    @cached_property
    def _below(self) -> Mapping[UUID, str | None]:
        steps = {one.id for one in self.regions_below()}
        return {
            one.id: next((step for step in self.registry.upward(place.region_id, self.day) if step in steps), None)
            for one, place in self.members
        }


def area_on(work: Work, region_name: str | None, day: date, pointer: str) -> Area:
    """Return the area of a region, by id or code, on a day; `pointer` is where the day was said.

    Refused: Unknown region; Malformed for a day to come.
    """
    if day > work.today:
        zh, en = f"统计日期 {day} 尚未到来。", f"The day {day} is still to come; nothing is counted of it yet."
        raise Malformed((Fault(pointer, "future_date", zh, en),))
    registry = regions.registry(work.connection)
    region = None if region_name is None else registry.named(region_name)
    if region_name is not None and region is None:
        raise unknown("区划", "region", "/region")
    area = Area(registry, region, day, day_end(day), is_final=day < work.today, members=())
    return replace(area, members=_members(work, area)) if area.is_in_force else area


def _members(work: Work, area: Area) -> list[tuple[Institution, Place]]:
    """Return the institutions that stood in the region, as was known by the end of the day."""
    rows = institution_days.memberships(work.connection, None)
    members = []
    for one in institutions.every(work.connection):
        if one.created_at >= area.until:
            continue
        known = [row for row in rows.get(one.id, ()) if row.recorded_at < area.until]
        named = area.registry.named(institution_days.region_on(known, area.day) or one.region_code or "")
        place = area.registry.place(named.id if named else None, area.day)
        if area.region is None or area.region.id in area.registry.upward(place.region_id, area.day):
            members.append((one, place))
    return members
