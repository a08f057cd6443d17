"""What can never be met: conditions that no outcome fulfils, and parts that contradict each other."""

from collections.abc import Iterable, Iterator, Sequence

from creditbank.core.rules.conditions import AgeBetween, AllOf, Between, Condition, During, OneOf
from creditbank.core.rules.document import Place
from creditbank.core.rules.qualification_set import (
    AgePart,
    CertificatePart,
    ExclusionPart,
    Leaf,
    Part,
    Together,
    conditions_of,
)


def check_condition(place: Place, condition: AllOf) -> None:
    """Note where the parts of a condition contradict each other, so that no outcome can fulfil it."""
    if is_contradictory(condition.parts):
        zh = "这些条件互相矛盾，没有学习成果能同时符合；请修改。"
        place.fault("cannot_be_met", zh, "These conditions contradict each other, no outcome fulfils them; change one.")


def is_contradictory(parts: Iterable[Condition]) -> bool:
    """Tell whether two predicates that must hold together have no value in common."""
    named: dict[str, set[str]] = {}
    bounds: dict[str, list[tuple[int | None, int | None]]] = {}
    for part in parts:
        if isinstance(part, OneOf):
            named[part.fact] = named.get(part.fact, set(part.values)) & set(part.values)
        elif isinstance(part, Between):
            bounds.setdefault(part.fact, []).append((part.at_least, part.at_most))
        elif isinstance(part, AgeBetween):
            bounds.setdefault("age", []).append((part.at_least, part.at_most))
        elif isinstance(part, During):
            first, last = (None if day is None else day.toordinal() for day in (part.first, part.last))
            bounds.setdefault(f"{part.fact} day", []).append((first, last))
    return not all(named.values()) or any(map(_are_crossed, bounds.values()))


def check_together(place: Place, whole: Together) -> None:
    """Note where parts that are all asked for can't be met together."""
    asked = list(_always(whole))
    ages = [(part.at_least, part.at_most) for part in asked if isinstance(part, AgePart)]
    if _are_crossed(ages) and not any(_are_crossed([one]) for one in ages):  # one by itself is noted where it stands
        zh, en = "年龄要求互相矛盾；请核对。", "The ages that are asked for contradict each other; check them."
        place.fault("cannot_be_met", zh, en)
    excluded = [part.where for part in asked if isinstance(part, ExclusionPart)]
    if any(where in excluded for part in asked for where in _wanted(part)):
        zh = "同一条件既要求又排除；请删除其一。"
        place.fault("cannot_be_met", zh, "The same is asked for and excluded; take one of the two out.")


def _always(part: Part) -> Iterator[Leaf]:
    """Give the parts without which the whole can't be met."""
    if not isinstance(part, Together):
        yield part
    elif part.least == len(part.parts):
        for inner in part.parts:
            yield from _always(inner)


def _wanted(part: Leaf) -> list[AllOf]:
    """Return the conditions of outcomes that a part needs; several certificates are alternatives."""
    is_choice = isinstance(part, CertificatePart) and len(part.accepted) > 1
    return [] if isinstance(part, ExclusionPart) or is_choice else conditions_of(part)


def _are_crossed(bounds: Sequence[tuple[int | None, int | None]]) -> bool:
    """Tell whether no number lies within all of the bounds, which are inclusive."""
    least = max((low for low, _ in bounds if low is not None), default=None)
    most = min((high for _, high in bounds if high is not None), default=None)
    return least is not None and most is not None and least > most
