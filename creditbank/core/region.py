"""Administrative regions: a dated registry in which a region that ended is followed to the one that succeeded it.

A region never changes but twice: its official code is given once, where it was not published yet, and its last day is
set once, with its successors. The tree of a day is what is in force on it: 渝北区 (500112) ended on 2025-11-05, and
from the day after all that stood in it stands in 两江新区, under the same city.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from creditbank.core.institution import Level

_HEIGHTS = {level: height for height, level in enumerate(reversed(Level))}


@dataclass(frozen=True, slots=True)
class Region:
    """A region; `valid_from` None is before all that the registry tells, `valid_until` the last day in force.

    `code` is None until the official one is published; the id is the bank's own and stays.
    """

    id: str
    code: str | None
    name: str
    level: Level
    parent_id: str | None
    valid_from: date | None = None
    valid_until: date | None = None
    successors: tuple[str, ...] = ()
    source: str | None = None

    def is_in_force(self, day: date) -> bool:
        """Tell whether the region is in force on a day."""
        return not self.begins_after(day) and (self.valid_until is None or day <= self.valid_until)

    def begins_after(self, day: date) -> bool:
        """Tell whether the region comes to be only after a day."""
        return self.valid_from is not None and day < self.valid_from

    @property
    def succeeded_on(self) -> date | None:
        """The first day on which its successors stand for it; None while it goes on."""
        if self.valid_until is None or self.valid_until == date.max:
            return None
        return self.valid_until + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands on a day: a region in force, or None where the registry knows none.

    It is exact unless several regions succeeded, or none did: then it is the one above, and somebody has to say more.
    """

    region_id: str | None
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Registry:
    """All regions by id."""

    regions: Mapping[str, Region]
    _ids_by_code: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Note which region each official code stands for."""
        self._ids_by_code.update({one.code: one.id for one in self.regions.values() if one.code is not None})

    def named(self, name: str) -> Region | None:
        """Return the region with this id or official code."""
        return self.regions.get(name) or self.regions.get(self._ids_by_code.get(name, ""))

    def place(self, region_id: str | None, day: date) -> Place:
        """Return where on a day that stands which was said to stand in a region.

        It ends: a successor is of the same level and ends later, and a region above is of a higher level.
        """
        is_exact = True
        while region_id is not None:
            region = self.regions[region_id]
            if region.is_in_force(day):
                return Place(region_id, is_exact)
            if len(region.successors) == 1 and not region.begins_after(day):
                region_id = region.successors[0]
            else:
                region_id, is_exact = region.parent_id, False
        return Place(None, is_exact=False)

    def upward(self, region_id: str | None, day: date) -> Iterator[str]:
        """Yield a region in force on the day and those above it, as the tree stands on the day."""
        while region_id is not None:
            yield region_id
            region_id = self.place(self.regions[region_id].parent_id, day).region_id

    def children(self, parent_id: str | None, day: date) -> list[Region]:
        """Return the regions in force right below one, None for the highest, in the order of their ids."""
        return [
            region
            for _, region in sorted(self.regions.items())
            if region.is_in_force(day) and self.place(region.parent_id, day).region_id == parent_id
        ]

    def knows_city_of(self, code: str) -> bool:
        """Tell whether the registry has the city that an official code belongs to, and so should know the code."""
        cities = (one.code for one in self.regions.values() if one.level is Level.CITY and one.code is not None)
        return any(code.startswith(_stem(city)) for city in cities)


def is_above(higher: Level, lower: Level) -> bool:
    """Tell whether a level stands above another in 市/区县/镇街/村社区."""
    return _HEIGHTS[higher] > _HEIGHTS[lower]


def _stem(code: str) -> str:
    """Return the digits of a city's code that its regions' codes begin with: 50 of 500000, 3301 of 330100."""
    pairs = [code[place : place + 2] for place in range(0, 6, 2)]
    while len(pairs) > 1 and pairs[-1] == "00":
        pairs.pop()
    return "".join(pairs)
