"""From a JSON document to a rule set of qualification; what all kinds of rule set share is read in `heading`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from creditbank.core.normalisation import text_key
from creditbank.core.rules.document import NAME_MAX, Place, shown
from creditbank.core.rules.heading import (
    VERSION_MAX,
    optional_items,
    source_at,
    title_at,
    uniquely,
    validity_at,
)
from creditbank.core.rules.ladder import check_ladder, ordered
from creditbank.core.rules.qualification_parts import Context, whole_at
from creditbank.core.rules.qualification_set import (
    Awarders,
    Level,
    QualificationExample,
    QualificationSet,
    Scale,
    leaves,
)
from creditbank.core.rules.subject import WORD_MAX

LEVELS_MAX = 20
"""Steps of one ladder; published ones have up to nine."""

SCALES_MAX = 20
"""Scales of certificates of one set."""

STEPS_MAX = 30
"""Steps of one scale; published ones have up to eight."""

NAMES_MAX = 10
"""Names of one step that mean the same."""

AWARDERS_MAX = 1000
"""Institutions that may award: every one of a large city."""

TESTS_MAX = 500
"""Tests of one set."""

NAMED_MAX = 500
"""Levels or parts that one test names."""

VALID_YEARS_MAX = 50
"""Longer than any published validity; what lasts for life names none."""

REQUIRED = (
    *("code", "version", "kind", "title", "authority", "source"),
    *("valid_from", "version_date", "scheme", "award", "levels", "tests"),
)

OPTIONAL = ("valid_until", "scales")


def qualification_set_at(place: Place) -> QualificationSet | None:
    """Return the rule set of qualification at a place, or None where faults were noted."""
    fields = place.fields(REQUIRED, OPTIONAL)
    fields["version_date"].choice(("applied",))
    scheme = fields["scheme"].code()
    scales = {one.id: one for one in uniquely(optional_items(fields["scales"], SCALES_MAX), _scale_at)}
    context = Context(scheme or "", scales)
    levels = uniquely(fields["levels"].items(LEVELS_MAX), lambda item: _level_at(item, context))
    check_ladder(fields["levels"], levels)
    tests = uniquely(fields["tests"].items(TESTS_MAX), _example_at)
    _check_tests(fields["tests"], levels, tests)
    read: dict[str, Any] = {
        "code": fields["code"].code(),
        "version": fields["version"].integer(1, VERSION_MAX),
        "title": title_at(fields["title"]),
        "source": source_at(fields["authority"], fields["source"]),
        "validity": validity_at(fields),
        "scheme": scheme,
        "awarders": _awarders_at(fields["award"]),
    }
    if place.reading.faults or None in read.values():
        return None
    return QualificationSet(**read, scales=scales, levels=tuple(ordered(levels)), tests=tuple(tests))


def conditions_in(document: Mapping[str, object]) -> Iterator[object]:
    """Yield what stands wherever a set of qualification can have a condition; the document's depth is bounded."""
    levels = document.get("levels")
    waiting = [level.get("parts") for level in levels if isinstance(level, dict)] if isinstance(levels, list) else []
    while waiting:
        parts = waiting.pop()
        for part in parts if isinstance(parts, list) else ():
            for name, value in part.items() if isinstance(part, dict) else ():
                if isinstance(value, dict):
                    yield value.get("where")
                    waiting.append(value.get("of"))
                elif name == "certificate" and isinstance(value, list):
                    yield from (one.get("where") for one in value if isinstance(one, dict))
                else:
                    waiting.append(value)


def _scale_at(place: Place) -> Scale | None:
    fields = place.fields(("id", "title", "steps"))
    scale_id, title = fields["id"].text(NAME_MAX), title_at(fields["title"])
    steps = [_step_at(item) for item in fields["steps"].items(STEPS_MAX)]
    names = [text_key(name) for step in steps for name in step]
    if len(set(names)) < len(names):
        zh = "同一名称在标尺中出现多次；每个等级名称只能写一次。"
        fields["steps"].fault("duplicate_step", zh, "A name stands on the scale twice; write each level's name once.")
    return None if scale_id is None or title is None else Scale(scale_id, title, tuple(steps))


def _step_at(place: Place) -> tuple[str, ...]:
    items = place.items(NAMES_MAX) if isinstance(place.value, list) else [place]
    return tuple(text for text in (item.text(WORD_MAX) for item in items) if text is not None)


def _level_at(place: Place, context: Context) -> Level | None:
    fields = place.fields(("id", "title", "parts"), ("article", "requires", "valid_years"))
    level_id, title, article = fields["id"].code(), title_at(fields["title"]), fields["article"].text(WORD_MAX)
    requires = [item.code() for item in optional_items(fields["requires"], LEVELS_MAX)]
    years = fields["valid_years"].integer(1, VALID_YEARS_MAX)
    whole = whole_at(fields["parts"], context)
    if level_id is None or title is None or whole is None:
        return None
    known = tuple(dict.fromkeys(one for one in requires if one is not None))
    return Level(level_id, title, article, known, years, whole)


def _awarders_at(place: Place) -> Awarders | None:
    """Return who awards: institutions, or the rules themselves, whose awards then need somebody who reviews them."""
    fields = place.fields((), ("by", "automatic", "reviewed_by"))
    codes = [item.text(NAME_MAX) for item in optional_items(fields["by"], AWARDERS_MAX)]
    automatic, reviewer = fields["automatic"].truth(), fields["reviewed_by"].text(NAME_MAX)
    if isinstance(place.value, dict) and fields["by"].is_missing == (automatic is not True):
        zh, en = (
            "须写 by（机构代码）或 automatic: true 之一。",
            "Give either `by`, codes of institutions, or automatic: true.",
        )
        place.fault("one_awarder", zh, en)
    elif automatic and reviewer is None:
        zh = "自动授予须写明 reviewed_by：来源失效时由哪家机构复核。"
        en = "Automatic awards name in reviewed_by the institution that decides when their sources fail."
        place.fault("needs_reviewer", zh, en)
    named = tuple(dict.fromkeys(code for code in codes if code is not None))
    return Awarders(named, reviewer) if named or automatic else None


def _example_at(place: Place) -> QualificationExample | None:
    """Return a test; its record is read when the test is run, what is expected of it now."""
    fields = place.fields(("id", "given", "expect"))
    example_id, given = fields["id"].text(WORD_MAX), fields["given"]
    expected = fields["expect"].fields(("levels",), ("missing",))
    levels = _words(expected["levels"])
    lacking = [] if expected["missing"].is_missing else expected["missing"].entries(LEVELS_MAX)
    missing = {level: _words(inner) for level, inner in lacking}
    if not isinstance(given.value, dict):
        given.fields(())  # notes that an object is wanted
        return None
    return None if example_id is None else QualificationExample(example_id, given.value, levels, missing)


def _words(place: Place) -> tuple[str, ...]:
    items = [] if place.value == [] else place.items(NAMED_MAX)
    return tuple(text for text in (item.text(WORD_MAX) for item in items) if text is not None)


def _check_tests(place: Place, levels: Iterable[Level], tests: Iterable[QualificationExample]) -> None:
    """Note every test that names levels or parts that the set does not have; only while the rest is in order."""
    if place.reading.faults:
        return
    parts = {one.id: {*(leaf.name.id for leaf in leaves(one.whole)), *one.requires} for one in levels}
    for number, test in enumerate(tests):
        expected = place.inner(number, None).inner("expect", None)
        for name in {*test.levels, *test.missing} - parts.keys():
            zh, en = f"没有等级 {shown(name)}；请核对。", f"There is no level {shown(name)}; check its id."
            expected.fault("unknown_name", zh, en)
        for level, missing in test.missing.items():
            for name in set(missing) - parts.get(level, set(missing)):
                zh = f"该等级没有组成部分 {shown(name)}；请核对。"
                expected.fault("unknown_name", zh, f"The level has no part {shown(name)}; check its id.")
