"""Changes of the registry of regions: what may be said of one, everything that contradicts, and what comes of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from creditbank.core.errors import Conflict, Fault, Malformed
from creditbank.core.institution import Level
from creditbank.core.region import Region, Registry, is_above

ONCE = ("code", "valid_until", "successors")
"""What may still be said of a region that is known: once, and never otherwise."""


@dataclass(frozen=True, slots=True)
class RegionChange:
    """What is said of a region; None is what is not said. A region that is known already needs no name or level."""

    id: str
    code: str | None = None
    name: str | None = None
    level: Level | None = None
    parent: str | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    successors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Changed:
    """The registry after a list of changes, with the ids of the regions that are new and of those that changed."""

    registry: Registry
    new: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]


def changed(registry: Registry, changes: Sequence[RegionChange], source: str | None) -> Changed:
    """Return the registry with all changes in it; what it says already changes nothing.

    Refused, with every reason at once: Malformed, or Conflict where all of them contradict what stands.
    """
    faults: list[Fault] = []
    regions = dict(registry.regions)
    places: dict[str, int] = {}
    kinds: dict[str, list[str]] = {"new": [], "changed": [], "unchanged": []}
    for number, change in enumerate(changes):
        if change.id in places:
            faults.append(
                _fault(number, "id", "repeated", "同一区划只能出现一次。", "A region is named once in a list.")
            )
            continue
        places[change.id] = number
        before = regions.get(change.id)
        after, found = _new(change) if before is None else _merged(before, change)
        faults += [fault.under(f"/regions/{number}") for fault in found]
        kind = "new" if before is None else "unchanged" if after == before else "changed"
        regions[change.id] = after if kind == "unchanged" else replace(after, source=source)
        kinds[kind].append(change.id)
    faults += _tree_faults(regions, places)
    faults += _code_faults(regions, places)
    faults += _succession_faults(regions, places)
    if faults:
        raise (Conflict if all(fault.code == "differs" for fault in faults) else Malformed)(tuple(faults))
    return Changed(Registry(regions), *(tuple(kinds[kind]) for kind in ("new", "changed", "unchanged")))


def _new(change: RegionChange) -> tuple[Region, list[Fault]]:
    """Return a new region, and what is missing."""
    faults = []
    for name in ("name", "level"):
        if getattr(change, name) is None:
            zh, en = f"新的区划须给出 {name}。", f"A new region has to have its {name}."
            faults.append(Fault(f"/{name}", "required", zh, en))
    region = Region(
        id=change.id,
        code=change.code,
        name=change.name or "",
        level=change.level or Level.VILLAGE,
        parent_id=change.parent,
        valid_from=change.valid_from,
        valid_until=change.valid_until,
        successors=tuple(sorted(set(change.successors))),
    )
    return region, faults


def _merged(before: Region, change: RegionChange) -> tuple[Region, list[Fault]]:
    """Return a known region with what is said now for the first time, and what contradicts what stands."""
    said: dict[str, Any] = {
        "code": change.code,
        "name": change.name,
        "level": change.level,
        "parent": change.parent,
        "valid_from": change.valid_from,
        "valid_until": change.valid_until,
        "successors": tuple(sorted(set(change.successors))),
    }
    added: dict[str, Any] = {}
    faults = []
    for name, value in said.items():
        standing = getattr(before, "parent_id" if name == "parent" else name)
        if value in (None, ()) or value == standing:
            continue
        may_be_said = name in ONCE and standing in (None, ())
        if may_be_said and not (name == "successors" and before.valid_until is not None):
            added[name] = value
            continue
        told = "null" if standing in (None, ()) else standing
        zh = f"区划 {before.id} 的 {name} 已登记为 {told}，不能更改；请核对。"
        en = f"The {name} of region {before.id} stands as {told} and never changes; check it."
        faults.append(Fault(f"/{name}", "differs", zh, en))
    return replace(before, **added), faults


def _tree_faults(regions: Mapping[str, Region], places: Mapping[str, int]) -> Iterator[Fault]:
    """Yield what is wrong with the days of the regions that were named and with what they stand under."""
    for region_id, number in places.items():
        region = regions[region_id]
        if region.valid_from and region.valid_until and region.valid_until < region.valid_from:
            yield _fault(
                number, "valid_until", "ends_before_it_begins", "终止日期早于起始日期。", "It ends before it begins."
            )
        parent = regions.get(region.parent_id or "")
        if region.parent_id is None:
            if region.level is not Level.CITY:
                zh, en = (
                    "市级以下的区划须给出上级区划 parent。",
                    "A region below a city stands under another; name its parent.",
                )
                yield _fault(number, "parent", "required", zh, en)
        elif parent is None:
            yield _unknown(number, "parent")
        elif not is_above(parent.level, region.level):
            zh = f"上级区划 {parent.id} 的级别不高于本区划。"
            en = f"The region above, {parent.id}, is of no higher level."
            yield _fault(number, "parent", "wrong_level", zh, en)


def _code_faults(regions: Mapping[str, Region], places: Mapping[str, int]) -> Iterator[Fault]:
    """Yield codes that stand for another region: an id or code names one region only."""
    owners: dict[str, str] = {}
    for region in sorted(regions.values(), key=lambda one: one.id in places):
        for name in {region.id, region.code} - {None}:
            assert name is not None, "None was taken out"
            owner = owners.setdefault(name, region.id)
            if owner != region.id:
                number = places.get(region.id, places.get(owner, 0))
                zh, en = "此编号或代码已用于另一区划。", "This id or code stands for another region already."
                yield _fault(number, "code" if name == region.code else "id", "differs", zh, en)


def _succession_faults(regions: Mapping[str, Region], places: Mapping[str, int]) -> Iterator[Fault]:
    """Yield successors that can't be: unknown, of another level, or not in force on the day that follows."""
    for region in regions.values():
        if region.id not in places and places.keys().isdisjoint(region.successors):
            continue
        number = places.get(region.id, next((places[one] for one in region.successors if one in places), 0))
        if region.successors and region.succeeded_on is None:
            zh, en = "有继承区划的区划须给出终止日期 valid_until。", "A region with successors ends; give valid_until."
            yield _fault(number, "successors", "no_end", zh, en)
            continue
        for successor_id in region.successors:
            successor = regions.get(successor_id)
            if successor is None:
                yield _unknown(number, "successors")
            elif successor.level is not region.level or successor is region:
                zh = f"继承区划 {successor_id} 应为同级的另一区划。"
                en = f"The successor {successor_id} has to be another region of the same level."
                yield _fault(number, "successors", "wrong_level", zh, en)
            elif region.succeeded_on is not None and not successor.is_in_force(region.succeeded_on):
                zh = f"继承区划 {successor_id} 在 {region.succeeded_on} 并不存在；请核对两者的日期。"
                en = f"The successor {successor_id} is not in force on {region.succeeded_on}; check the days of both."
                yield _fault(number, "successors", "not_in_force", zh, en)


def _unknown(number: int, name: str) -> Fault:
    zh = "没有这个编号的区划；请先登记，或在同一清单中给出。"
    en = "There is no region of this id; load it first, or in the same list."
    return _fault(number, name, "unknown_region", zh, en)


def _fault(number: int, name: str, code: str, zh: str, en: str) -> Fault:
    """Return a fault of one field of a region in the list."""
    return Fault(f"/regions/{number}/{name}", code, zh, en)
