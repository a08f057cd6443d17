"""Regions: the registry loaded and read, as it stands on a day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from creditbank.core.errors import unknown
from creditbank.core.permission import require
from creditbank.core.region import Region
from creditbank.core.region_changes import Changed, RegionChange, changed
from creditbank.services.bank import Work
from creditbank.storage import regions


@dataclass(frozen=True, slots=True)
class Shown:
    """A region with those above and after it, as they are shown."""

    region: Region
    parent: Region | None
    successors: tuple[Region, ...]


def load(work: Work, changes: Sequence[RegionChange], source: str | None) -> Changed:
    """Put changes into the registry, all or none; what it says already changes nothing.

    Refused: Malformed and Conflict, each with every reason at once.
    """
    require(work.actor, "admin")
    before = regions.locked(work.connection)
    after = changed(before, changes, source)
    regions.keep(work.connection, before, [after.registry.regions[one] for one in (*after.new, *after.changed)])
    return after


def region(work: Work, name: str) -> Shown:
    """Return the region with this id or official code, whenever it is in force. Refused: Unknown."""
    registry = regions.around(work.connection, [name])
    found = registry.named(name)
    if found is None:
        raise unknown("区划", "region")
    return _shown(registry.regions, found)


def regions_page(work: Work, day: date, parent: str | None, after_id: str, rows_max: int) -> list[Shown]:
    """Return regions in force on a day in the order of their ids, those right below `parent` if it is named.

    What stood in a region that ended is below its successor. Refused: Unknown parent.
    """
    registry = regions.registry(work.connection)
    if parent is None:
        found = [one for _, one in sorted(registry.regions.items()) if one.is_in_force(day)]
    else:
        above = registry.named(parent)
        if above is None:
            raise unknown("区划", "region", "/parent")
        found = registry.children(above.id, day)
    return [_shown(registry.regions, one) for one in found if one.id > after_id][:rows_max]


def _shown(known: Mapping[str, Region], found: Region) -> Shown:
    """Return a region as it is shown."""
    parent = known[found.parent_id] if found.parent_id is not None else None
    return Shown(found, parent, tuple(known[one] for one in found.successors))
