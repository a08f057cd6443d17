"""The steps of a ladder in an order in which none stands before those that it requires."""

from collections.abc import Iterable

from creditbank.core.rules.document import Place, shown
from creditbank.core.rules.qualification_set import Level, leaves


def check_ladder(place: Place, levels: Iterable[Level]) -> None:
    """Note levels that require what doesn't exist, what is called like a part of theirs, or each other in a circle."""
    known = {level.id: level for level in levels}
    for number, level in enumerate(known.values()):
        at = place.inner(number, None).inner("requires", None)
        parts = {leaf.name.id for leaf in leaves(level.whole)}
        for name in level.requires:
            if name not in known:
                zh, en = f"没有等级 {shown(name)}；请核对。", f"There is no level {shown(name)}; check its id."
                at.fault("unknown_name", zh, en)
            if name in parts:
                zh = f"{shown(name)} 既是等级又是组成部分的编号；请改名。"
                at.fault("duplicate_id", zh, f"{shown(name)} is the id of a level and of a part; rename one.")
    left = [level.id for level in known.values() if level not in ordered(known.values())]
    if left and not place.reading.faults:
        zh, en = (
            "等级互为前提，永远无法取得；请断开循环。",
            "Levels require each other, so none is ever reached; break the circle.",
        )
        place.fault("circular", zh, en)


def ordered(levels: Iterable[Level]) -> list[Level]:
    """Return the levels, each behind those that it requires, else as they stand; those in a circle are left out."""
    waiting, done = list(levels), dict[str, Level]()
    while ready := [level for level in waiting if done.keys() >= set(level.requires)]:
        done[ready[0].id] = ready[0]
        waiting.remove(ready[0])
    return list(done.values())
