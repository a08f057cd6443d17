"""Institutions: the registry of who issues, recognises, accepts and reviews, where each stands and until when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from creditbank.core.errors import Conflict, Fault, Malformed, unknown
from creditbank.core.institution import Institution, Level, Role
from creditbank.core.permission import require
from creditbank.core.region import Region, Registry, is_above
from creditbank.formats.id_number import social_credit_code
from creditbank.services.bank import Work
from creditbank.storage import institution_days, institutions, regions
from creditbank.storage.institution_days import EndNote, Membership


@dataclass(frozen=True, slots=True)
class Registration:
    """What is said of an institution when it is registered; `parent` is the code of the one above it.

    `region` is the id or official code of a region in the registry, `region_code` an official code.
    """

    code: str
    name: str
    level: Level
    roles: frozenset[Role]
    parent: str | None = None
    social_credit_code: str | None = None
    region_code: str | None = None
    region: str | None = None
    valid_from: date | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """An institution as it stands on a day: whether it is in force, its last day and successor, and its region.

    The region is None where none is known, or where several succeeded the one that was.
    """

    institution: Institution
    is_in_force: bool
    valid_until: date | None
    successor_id: UUID | None
    region: Region | None


def institution(work: Work, institution_id: UUID, day: date | None = None) -> Standing:
    """Return one institution as of a day; anybody with a token may read the registry. Refused: Unknown."""
    return _standings(work, [_found(work, institution_id)], day)[0]


def institutions_page(work: Work, after_code: str, rows_max: int, day: date | None = None) -> list[Standing]:
    """Return institutions in code order as of a day, from the one behind `after_code`."""
    return _standings(work, institutions.page(work.connection, after_code, rows_max), day)


def register(work: Work, registration: Registration) -> tuple[Standing, bool]:
    """Register an institution and tell whether it is new.

    Refused: Malformed for an unknown parent or region or a wrong social credit code, Conflict where the code is
    another's.
    """
    require(work.actor, "admin")
    code = _social_credit_code(registration)
    parent = _parent(work, registration)
    found = institutions.by_code(work.connection, registration.code)
    region = _region(work, registration, is_new=found is None)
    value = Institution(
        id=found.id if found else work.new_id(),
        code=registration.code,
        name=registration.name,
        level=registration.level,
        roles=registration.roles,
        parent_id=None if parent is None else parent.id,
        social_credit_code=code,
        region_code=registration.region_code,
        created_at=found.created_at if found else work.now,
        valid_from=registration.valid_from,
    )
    if found is None:
        if code is not None and institutions.has_social_credit_code(work.connection, code):
            raise _taken("/social_credit_code")
        institutions.add(work.connection, value)
        if region is not None:
            day = min(registration.valid_from or work.today, work.today)
            _write_membership(work, value.id, 1, (region, day))
    elif found != value or (registration.region is not None and not _began_in(work, found, region)):
        raise _taken("/code")
    return _standings(work, [value], None)[0], found is None


def end(
    work: Work, institution_id: UUID, ended_on: date | None, successor: str | None, reason: str
) -> tuple[Standing, bool]:
    """Write down an institution's last day and who succeeds it, and tell whether that is new; no day takes it back.

    Refused: Unknown institution; Malformed for a successor that can't be, or a day before it began.
    """
    require(work.actor, "admin")
    found = _found(work, institution_id)
    after = institutions.by_code(work.connection, successor) if successor is not None else None
    faults = list(_end_faults(found, ended_on, successor, after))
    if faults:
        raise Malformed(tuple(faults))
    last = institution_days.end_notes(work.connection, [found.id]).get(found.id)
    said = (ended_on, None if after is None else after.id, reason)
    is_new = last is None or (last.ended_on, last.successor_id, last.reason) != said
    if is_new:
        number = 1 if last is None else last.number + 1
        note = EndNote(found.id, number, *said, recorded_at=work.now, recorded_by=work.actor.client_id)
        institution_days.add_end_note(work.connection, note)
    return _standings(work, [found], None)[0], is_new


def move(work: Work, institution_id: UUID, name: str, from_day: date) -> tuple[Standing, bool]:
    """Let an institution stand in a region from a day on, and tell whether that is new.

    Refused: Unknown institution, Malformed for a region that is unknown or not in force on the day.
    """
    require(work.actor, "admin")
    found = _found(work, institution_id)
    region = regions.around(work.connection, [name]).named(name)
    if region is None or not region.is_in_force(from_day):
        raise Malformed((_no_region("/region", from_day),))
    rows = institution_days.memberships(work.connection, [found.id]).get(found.id, [])
    is_new = not rows or (rows[-1].region_id, rows[-1].from_day) != (region.id, from_day)
    if is_new:
        _write_membership(work, found.id, len(rows) + 1, (region.id, from_day))
    return _standings(work, [found], from_day)[0], is_new


def _found(work: Work, institution_id: UUID) -> Institution:
    """Return an institution. Refused: Unknown."""
    found = institutions.by_id(work.connection, institution_id)
    if found is None:
        raise unknown("机构", "institution")
    return found


def _standings(work: Work, found: Sequence[Institution], day: date | None) -> list[Standing]:
    """Return institutions as they stand on a day, today for None."""
    on = day or work.today
    ids = [one.id for one in found]
    ends = institution_days.end_notes(work.connection, ids)
    rows = institution_days.memberships(work.connection, ids)
    named = {one.id: institution_days.region_on(rows.get(one.id, ()), on) or one.region_code for one in found}
    registry = regions.around(work.connection, [name for name in named.values() if name is not None])
    told = []
    for one in found:
        last = ends.get(one.id)
        until = None if last is None else last.ended_on
        is_in_force = (one.valid_from is None or one.valid_from <= on) and (until is None or on <= until)
        region = _stands_in(registry, named[one.id], on)
        told.append(Standing(one, is_in_force, until, None if last is None else last.successor_id, region))
    return told


def _stands_in(registry: Registry, name: str | None, day: date) -> Region | None:
    """Return the region in which stands on a day what was said to stand in one, if that is known exactly."""
    region = registry.named(name) if name is not None else None
    place = registry.place(region.id if region else None, day)
    return registry.regions[place.region_id] if place.is_exact and place.region_id is not None else None


def _write_membership(work: Work, institution_id: UUID, number: int, said: tuple[str, date]) -> None:
    """Write where an institution stands from a day on."""
    row = Membership(institution_id, number, *said, recorded_at=work.now, recorded_by=work.actor.client_id)
    institution_days.add_membership(work.connection, row)


def _began_in(work: Work, found: Institution, region_id: str | None) -> bool:
    """Tell whether an institution was registered in a region."""
    rows = institution_days.memberships(work.connection, [found.id]).get(found.id, [])
    return bool(rows) and rows[0].region_id == region_id


def _parent(work: Work, registration: Registration) -> Institution | None:
    """Return the institution above. Refused: Malformed where it is unknown, has ended, or is of a lower level."""
    if registration.parent is None:
        if Role.BRANCH in registration.roles:
            zh, en = "分支机构须给出上级机构 parent。", "A branch stands under another institution; name its parent."
            raise Malformed((Fault("/parent", "required", zh, en),))
        return None
    parent = institutions.by_code(work.connection, registration.parent)
    if parent is None:
        zh, en = (
            "没有此代码的上级机构；请先登记上级机构。",
            "There is no institution with this code; register it first.",
        )
        raise Malformed((Fault("/parent", "unknown_institution", zh, en),))
    if is_above(registration.level, parent.level):
        zh = f"上级机构 {parent.code} 的级别（{parent.level}）低于本机构；请核对。"
        en = f"{parent.code} is of a lower level ({parent.level}) and can't stand above; check both."
        raise Malformed((Fault("/parent", "wrong_level", zh, en),))
    return parent


def _region(work: Work, registration: Registration, *, is_new: bool) -> str | None:
    """Return the id of the region that is named. Refused: Malformed where it or the code is not in force.

    A code of a city that the registry does not know is taken as it is. What is registered already was in force then.
    """
    name, code = registration.region, registration.region_code
    if name is None and code is None:
        return None
    registry = regions.registry(work.connection)
    days = [registration.valid_from or work.today, work.today]
    named = registry.named(name) if name is not None else None
    if is_new and name is not None and not _is_in_force(named, days):
        raise Malformed((_no_region("/region", days[0]),))
    if is_new and code is not None and registry.knows_city_of(code):
        coded = registry.named(code)
        if coded is None or coded.code != code or not _is_in_force(coded, days):
            raise Malformed((_no_region("/region_code", days[0]),))
    return None if named is None else named.id


def _is_in_force(region: Region | None, days: Sequence[date]) -> bool:
    """Tell whether a region is in force on any of some days."""
    return region is not None and any(region.is_in_force(day) for day in days)


def _no_region(pointer: str, day: date) -> Fault:
    zh = f"{day} 没有这个编号或代码的区划；请核对，GET /v1/regions?as_of={day} 列出当日有效的区划。"
    en = f"No region of this id or code is in force on {day}; GET /v1/regions?as_of={day} lists those that are."
    return Fault(pointer, "unknown_region", zh, en)


def _end_faults(
    found: Institution, ended_on: date | None, successor: str | None, after: Institution | None
) -> Iterator[Fault]:
    """Yield what is wrong with an end."""
    if ended_on is not None and found.valid_from is not None and ended_on < found.valid_from:
        zh, en = "终止日期早于起始日期。", "It ends before it begins."
        yield Fault("/ended_on", "ends_before_it_begins", zh, en)
    if successor is None:
        return
    if after is None:
        zh, en = "没有此代码的承接机构；请先登记。", "There is no institution with this code; register it first."
        yield Fault("/successor", "unknown_institution", zh, en)
    elif after.id == found.id:
        zh, en = "机构不能承接自己。", "An institution can't succeed itself."
        yield Fault("/successor", "succeeds_itself", zh, en)
    if ended_on is None:
        zh, en = "撤销终止时不能给出承接机构。", "Who takes an end back can't name a successor."
        yield Fault("/successor", "no_end", zh, en)


def _social_credit_code(registration: Registration) -> str | None:
    """Return the social credit code in normal form. Refused: Malformed."""
    if registration.social_credit_code is None:
        return None
    try:
        return social_credit_code(registration.social_credit_code)
    except Malformed as malformed:
        raise Malformed(tuple(fault.under("/social_credit_code") for fault in malformed.faults)) from malformed


def _taken(pointer: str) -> Conflict:
    """Return the answer to a code that stands for another institution."""
    zh = "此代码已用于另一机构；请核对，或使用新的代码。"
    en = "This code stands for another institution; check it, or use a new one."
    return Conflict((Fault(pointer, "differs", zh, en),))
