"""From the JSON of a condition to its value; one table says how each predicate is read."""

from collections.abc import Callable, Iterable, Mapping

from creditbank.core.credit import HUNDREDTHS_MAX
from creditbank.core.normalisation import text_key, title_key
from creditbank.core.outcome import Kind
from creditbank.core.rules.conditions import (
    AllOf,
    AnyOf,
    Between,
    CompletedWithin,
    Condition,
    During,
    Not,
    OneOf,
    ScoreBetween,
    ScoreIn,
)
from creditbank.core.rules.document import NAME_MAX, TEXT_MAX, Enough, Place
from creditbank.core.rules.subject import WORD_MAX

DEPTH_MAX = 16
"""Conditions inside conditions; published rules need 3 or 4."""

TERMS_MAX = 50_000
"""Predicates and combinations of one set: 10 for each of 5,000 rules."""

LIST_MAX = 1000
"""Values of one predicate, or parts of one combination: every institution of a large city."""

YEARS_MAX = 100
"""No one applies with learning older than a life."""

_KEYS: dict[str, Callable[[str], str]] = {
    "code": text_key,
    "title": title_key,
    "category": text_key,
    "programme": text_key,
    "level": text_key,
}


Predicates = Mapping[str, Callable[[str, Place], Condition | None]]
"""The predicates that a kind of rule set knows, each with the function that reads it."""


def condition_at(place: Place, predicates: Predicates | None = None, depth: int = 1) -> AllOf | None:
    """Return the condition at a place, or None where faults were noted or nothing stands there.

    Known are the predicates on one outcome, unless others are given.
    """
    known = OUTCOME_PREDICATES if predicates is None else predicates
    if depth > DEPTH_MAX:
        zh, en = (
            f"条件嵌套超过 {DEPTH_MAX} 层；请简化。",
            f"Conditions are nested more than {DEPTH_MAX} deep; simplify.",
        )
        place.fault("too_deep", zh, en)
        return None
    parts = [_part_at(place, name, inner, known, depth) for name, inner in place.entries(LIST_MAX)]
    return _all_of(parts) if parts else None


def _part_at(place: Place, name: str, inner: Place, known: Predicates, depth: int) -> Condition | None:
    _count_term(place)
    match name:
        case "all":
            return _all_of(condition_at(part, known, depth + 1) for part in inner.items(LIST_MAX))
        case "any":
            return _any_of(condition_at(part, known, depth + 1) for part in inner.items(LIST_MAX))
        case "not":
            part = condition_at(inner, known, depth + 1)
            return part and Not(_bare(part))
        case _ if name in known:
            return known[name](name, inner)
        case _:
            place.unknown_field(name, (*known, "all", "any", "not"))
            return None


def _count_term(place: Place) -> None:
    place.reading.terms += 1
    if place.reading.terms > TERMS_MAX:
        zh, en = f"条件超过 {TERMS_MAX} 项；请拆分规则集。", f"There are more than {TERMS_MAX} terms; split the set."
        place.fault("too_many_terms", zh, en)
        raise Enough


def _all_of(parts: Iterable[Condition | None]) -> AllOf | None:
    """Return the parts with those of an inner `all` among them, or None where a part is faulty."""
    flat: list[Condition] = []
    for part in list(parts):
        if part is None:
            return None
        flat.extend(part.parts if isinstance(part, AllOf) else (part,))
    return AllOf(tuple(flat)) if flat else None


def _any_of(parts: Iterable[AllOf | None]) -> AnyOf | None:
    read = list(parts)
    sound = tuple(_bare(part) for part in read if part is not None)
    return AnyOf(sound) if sound and len(sound) == len(read) else None


def _bare(condition: AllOf) -> Condition:
    return condition.parts[0] if len(condition.parts) == 1 else condition


def one_of_at(fact: str, place: Place) -> OneOf | None:
    places = place.items(LIST_MAX) if isinstance(place.value, list) else [place]
    key = _KEYS.get(fact, str)
    values: dict[str, str] = {}
    for value_place in places:
        text = _word_at(fact, value_place)
        if text is not None:
            values.setdefault(key(text), text)
    return OneOf(fact, values) if values else None


def _word_at(fact: str, place: Place) -> str | None:
    if fact == "kind":
        return place.choice(kind.value for kind in Kind)
    if fact in {"issuer", "scheme"}:
        return place.text(NAME_MAX)
    return place.text(TEXT_MAX if fact == "title" else WORD_MAX)


def _level_at(fact: str, place: Place) -> Condition | None:
    return between_at(fact, place) if isinstance(place.value, dict) else one_of_at(fact, place)


def between_at(fact: str, place: Place) -> Between | None:
    fields = place.fields((), ("at_least", "at_most"))
    bounds = _bounds_at(place, fields)
    return bounds and Between(fact, *bounds)


def _score_at(_: str, place: Place) -> Condition | None:
    fields = place.fields(("scale",), ("at_least", "at_most", "in"))
    scale = fields["scale"].text(WORD_MAX)
    grades = fields["in"]
    if grades.is_missing:
        bounds = _bounds_at(place, fields)
        return None if scale is None or bounds is None else ScoreBetween(scale, *bounds)
    if not (fields["at_least"].is_missing and fields["at_most"].is_missing):
        zh = "in 与 at_least、at_most 不能同时使用；请保留其一。"
        grades.fault("contradiction", zh, "Use either `in` or `at_least` and `at_most`, not both.")
    texts = [grade.text(WORD_MAX) for grade in grades.items(LIST_MAX)]
    values = {text_key(text): text for text in texts if text is not None}
    return ScoreIn(scale, values) if scale is not None and values else None


def _bounds_at(place: Place, fields: dict[str, Place]) -> tuple[int | None, int | None] | None:
    low, high = fields["at_least"], fields["at_most"]
    if low.is_missing and high.is_missing:
        _note_no_bounds(place, "at_least", "at_most")
        return None
    least, most = low.hundredths(0, HUNDREDTHS_MAX), high.hundredths(0, HUNDREDTHS_MAX)
    if least is not None and most is not None and least > most:
        _note_crossed(place)
    return least, most


def _during_at(fact: str, place: Place) -> During | None:
    fields = place.fields((), ("from", "until"))
    start, end = fields["from"], fields["until"]
    if start.is_missing and end.is_missing:
        _note_no_bounds(place, "from", "until")
        return None
    first, last = start.day(), end.day()
    if first is not None and last is not None and first > last:
        _note_crossed(place)
    return During(fact, first, last)


def _completed_within_at(_: str, place: Place) -> CompletedWithin | None:
    years = place.integer(1, YEARS_MAX)
    return None if years is None else CompletedWithin(years)


def _note_no_bounds(place: Place, low: str, high: str) -> None:
    if isinstance(place.value, dict):
        zh, en = f"缺少界限；请写 {low}、{high} 或两者。", f"It has no bound; give {low}, {high} or both."
        place.fault("no_bounds", zh, en)


def _note_crossed(place: Place) -> None:
    place.fault("bounds_crossed", "下限大于上限；请核对两者。", "The lower bound is above the upper one; check both.")


OUTCOME_PREDICATES: Predicates = {
    "kind": one_of_at,
    "code": one_of_at,
    "title": one_of_at,
    "issuer": one_of_at,
    "category": one_of_at,
    "programme": one_of_at,
    "scheme": one_of_at,
    "level": _level_at,
    "score": _score_at,
    "hours": between_at,
    "credits": between_at,
    "completed": _during_at,
    "started": _during_at,
    "applied": _during_at,
    "completed_within_years": _completed_within_at,
}
