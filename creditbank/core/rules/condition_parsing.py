"""From the JSON of a condition to its value; one table says how each predicate is read."""

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import islice

from creditbank.core.credit import HUNDREDTHS_MAX
from creditbank.core.normalisation import text_key, title_key
from creditbank.core.outcome import Kind
from creditbank.core.rules.conditions import (
    AgeBetween,
    AllOf,
    AnyOf,
    AtLeast,
    Between,
    CompletedWithin,
    Condition,
    During,
    Not,
    OneOf,
    ScoreBetween,
    ScoreIn,
)
from creditbank.core.rules.document import NAME_MAX, TEXT_MAX, Place
from creditbank.core.rules.subject import AGE_MAX, WORD_MAX

DEPTH_MAX = 16
"""Conditions inside conditions; published rules need 3 or 4."""

TERMS_MAX = 50_000
"""Predicates and combinations of one set: 10 for each of 5,000 rules."""

LIST_MAX = 1000
"""Values of one predicate, or parts of one combination: every institution of a large city."""

YEARS_MAX = 100
"""No one applies with learning older than a life."""

FIELDS_MAX = 8
"""Fields of one predicate that are looked at for a pattern; none has more than half as many."""

_PATTERN = re.compile(
    r"(?:^|_)(?:regexp?|pattern|match(?:es)?|like|glob|wildcard|contains|starts_with)$", re.IGNORECASE
)
"""Names under which people look for patterns, by themselves or after a fact: title_contains."""

_KEYS: dict[str, Callable[[str], str]] = {
    "code": text_key,
    "title": title_key,
    "category": text_key,
    "programme": text_key,
    "level": text_key,
    "target_programme": text_key,
    "target_code": text_key,
    "target_title": title_key,
    "target_category": text_key,
    "target_attribute": text_key,
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
    match name:
        case "all":
            return _all_of(condition_at(part, known, depth + 1) for part in inner.items(LIST_MAX))
        case "any":
            return _any_of(condition_at(part, known, depth + 1) for part in inner.items(LIST_MAX))
        case "not":
            part = condition_at(inner, known, depth + 1)
            return part and Not(_bare(part))
        case "at_least":
            return _at_least(inner, known, depth)
        case _ if name in known:
            return None if _is_pattern(inner) else known[name](name, inner)
        case _:
            _note_unknown(place, name, known)
            return None


def _at_least(place: Place, known: Predicates, depth: int) -> AtLeast | None:
    """Return "at least n of", and note where so many can never hold."""
    fields = place.fields(("n", "of"))
    places = fields["of"].items(LIST_MAX)
    count = fields["n"].integer(1, LIST_MAX)
    parts = [condition_at(part, known, depth + 1) for part in places]
    sound = tuple(_bare(part) for part in parts if part is not None)
    if count is None or not sound or len(sound) < len(parts):
        return None
    if count > len(sound):
        zh = f"只有 {len(sound)} 项，不可能符合 {count} 项；请减小 n 或增加条件。"
        en = f"There are {len(sound)} parts, so that {count} can never hold; lower n or add conditions."
        fields["n"].fault("cannot_be_met", zh, en)
    return AtLeast(count, sound)


def _note_unknown(place: Place, name: str, known: Predicates) -> None:
    """Note a predicate that does not exist; patterns are none on purpose."""
    if _names_pattern(name):
        _note_pattern(place.inner(name, None))
    else:
        place.unknown_field(name, (*known, "all", "any", "not", "at_least"))


def _is_pattern(place: Place) -> bool:
    """Tell whether a pattern stands where values are named, and note it."""
    found = isinstance(place.value, dict) and any(map(_names_pattern, islice(place.value, FIELDS_MAX)))
    if found:
        _note_pattern(place)
    return found


def _names_pattern(name: object) -> bool:
    return _PATTERN.search(str(name)[:NAME_MAX]) is not None


def _note_pattern(place: Place) -> None:
    zh = "规则集不支持正则表达式或通配符；请逐一列出名称或代码（比较时不分大小写、全半角和空格）。"
    en = "Rule sets know no patterns; list the titles or codes themselves (case, width and spaces don't matter)."
    place.fault("no_patterns", zh, en)


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
    """Return the predicate that a text is one of some values, written as one text or a list."""
    places = place.items(LIST_MAX) if isinstance(place.value, list) else [place]
    key = _KEYS.get(fact.partition(".")[0], str)
    values: dict[str, str] = {}
    for value_place in places:
        text = None if _is_pattern(value_place) else _word_at(fact, value_place)
        if text is not None:
            values.setdefault(key(text), text)
    return OneOf(fact, values) if values else None


def _word_at(fact: str, place: Place) -> str | None:
    if fact == "kind":
        return place.choice(kind.value for kind in Kind)
    if fact in {"issuer", "scheme", "target_institution", "target_scheme"}:
        return place.text(NAME_MAX)
    return place.text(TEXT_MAX if fact in {"title", "target_title"} else WORD_MAX)


def _level_at(fact: str, place: Place) -> Condition | None:
    return between_at(fact, place) if isinstance(place.value, dict) else one_of_at(fact, place)


def between_at(fact: str, place: Place) -> Between | None:
    """Return the predicate that a number lies between bounds."""
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
    texts = [None if _is_pattern(grade) else grade.text(WORD_MAX) for grade in grades.items(LIST_MAX)]
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


def age_at(_: str, place: Place) -> AgeBetween | None:
    """Return the predicate that the learner's age lies between bounds."""
    fields = place.fields((), ("at_least", "at_most"))
    low, high = fields["at_least"], fields["at_most"]
    if low.is_missing and high.is_missing:
        _note_no_bounds(place, "at_least", "at_most")
        return None
    least, most = low.integer(0, AGE_MAX), high.integer(0, AGE_MAX)
    if least is not None and most is not None and least > most:
        _note_crossed(place)
    return AgeBetween(least, most)


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
    "age": age_at,
}
