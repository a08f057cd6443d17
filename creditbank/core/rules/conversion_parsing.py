"""From a JSON document to a rule set of conversion; what both kinds of rule set share is read in `parsing`."""

from fractions import Fraction
from typing import Any

from creditbank.core.calendar import CALENDAR_YEAR, AcademicYear
from creditbank.core.credit import HUNDREDTHS_MAX, decimal_text
from creditbank.core.rules.awards import AWARD_HUNDREDTHS_MAX
from creditbank.core.rules.condition_parsing import condition_at
from creditbank.core.rules.conversion_predicates import PAIR_PREDICATES, TARGET_PREDICATES
from creditbank.core.rules.conversion_set import (
    ConversionExample,
    ConversionRule,
    ConversionSet,
    TieBreak,
    Toward,
)
from creditbank.core.rules.document import Place
from creditbank.core.rules.heading import (
    PRIORITY,
    PRIORITY_MAX,
    VERSION_MAX,
    optional_items,
    source_at,
    title_at,
    uniquely,
    validity_at,
)
from creditbank.core.rules.limit_parsing import check_reachable, exclusion_at, limit_at, requirement_at
from creditbank.core.rules.review_parsing import appeal_at, review_at
from creditbank.core.rules.ruleset import Choice, Validity
from creditbank.core.rules.subject import WORD_MAX

RULES_MAX = 5000
"""As many as a rule set of recognition."""

PARTNERS_MAX = 5
"""Other outcomes that one rule may ask for: published combinations have one or two."""

LIMITS_MAX = 100
"""Limits and exclusions of one set; published measures have up to ten."""

TERMS_MAX = 12
"""Terms of an academic year: months at the finest."""

TESTS_MAX = 500
"""Tests of one set; each of them solves a small optimisation."""

VALID_YEARS_MAX = 50
"""Longer than any published validity."""

RATE_HUNDREDTHS_MAX = 10_000
"""A hundred to one: more than any two published schemes differ."""

REQUIRED = (
    *("code", "version", "kind", "title", "authority", "source"),
    *("valid_from", "version_date", "scheme", "rules", "tests"),
)

OPTIONAL = (
    *("valid_until", "priority", "applies_to", "rates", "valid_years", "calendar", "exclusions", "limits"),
    *("requirements", "choose", "tie_break", "may_decline", "review", "appeal"),
)

_ASKING = ("rules", "exclusions", "limits", "requirements")
"""The fields of a set that hold conditions on outcomes and learners."""


def conversion_set_at(place: Place) -> ConversionSet | None:
    """Return the rule set of conversion at a place, or None where faults were noted."""
    fields = place.fields(REQUIRED, OPTIONAL)
    scheme = fields["scheme"].code()
    read: dict[str, Any] = {
        "code": fields["code"].code(),
        "version": fields["version"].integer(1, VERSION_MAX),
        "title": title_at(fields["title"]),
        "source": source_at(fields["authority"], fields["source"]),
        "validity": _validity_at(fields),
        "scheme": scheme,
        "priority": PRIORITY if fields["priority"].is_missing else fields["priority"].integer(0, PRIORITY_MAX),
        "rates": _rates_at(fields["rates"], scheme),
        "calendar": _calendar_at(fields["calendar"]),
        "tie_break": _tie_break_at(fields["tie_break"]),
        "choose": Choice.BEST if fields["choose"].is_missing else fields["choose"].choice(Choice),
        "may_decline": True if fields["may_decline"].is_missing else fields["may_decline"].truth(),
        "review": review_at(fields["review"]),
        "asks_age": any(_mentions(fields[name].value, "age") for name in _ASKING),
    }
    optional: dict[str, Any] = {
        "applies_to": condition_at(fields["applies_to"], TARGET_PREDICATES),
        "valid_years": fields["valid_years"].integer(1, VALID_YEARS_MAX),
        "appeal": appeal_at(fields["appeal"]),
    }
    listed = _listed(fields)
    if read["choose"] == Choice.FIRST and any(rule.is_joint for rule in listed["rules"]):
        zh = "joint 规则须在多项成果之间分配学分，不能按先后顺序选择；请删除 choose 或改为 best。"
        en = "A joint rule shares credits out among outcomes, which no order does; leave choose out or make it best."
        fields["choose"].fault("contradicts", zh, en)
    if place.reading.faults or None in read.values():
        return None
    return ConversionSet(**{**read, "choose": Choice(read["choose"])}, **optional, **listed)


def _listed(fields: dict[str, Place]) -> dict[str, Any]:
    """Return the lists of a set, each item read by itself, and note what contradicts what."""
    limits = uniquely(optional_items(fields["limits"], LIMITS_MAX), limit_at)
    requirements = uniquely(optional_items(fields["requirements"], LIMITS_MAX), requirement_at)
    check_reachable(fields, limits, requirements)
    return {
        "rules": tuple(uniquely(fields["rules"].items(RULES_MAX), _rule_at)),
        "exclusions": tuple(uniquely(optional_items(fields["exclusions"], LIMITS_MAX), exclusion_at)),
        "limits": tuple(limits),
        "requirements": tuple(requirements),
        "tests": tuple(uniquely(fields["tests"].items(TESTS_MAX), _example_at)),
    }


def _mentions(value: object, name: str) -> bool:
    """Tell whether a part of a document, whose depth is bounded, has a field of this name."""
    if isinstance(value, dict):
        return name in value or any(_mentions(inner, name) for inner in value.values())
    return isinstance(value, list) and any(_mentions(inner, name) for inner in value)


def _validity_at(fields: dict[str, Place]) -> Validity | None:
    """Return the validity; conversions are judged by the version of the day on which they are applied for."""
    fields["version_date"].choice(("applied",))
    return validity_at(fields)


def _rates_at(place: Place, scheme: str | None) -> dict[str, Fraction]:
    """Return what a credit of each scheme is worth in the set's own, and note rates that mint credit."""
    rates: dict[str, Fraction] = {}
    for item in optional_items(place, LIMITS_MAX):
        fields = item.fields(("from", "rate"))
        origin, rate = fields["from"].code(), fields["rate"].hundredths(1, RATE_HUNDREDTHS_MAX)
        if origin is None or rate is None:
            continue
        if origin in rates:
            zh, en = f"{origin} 的比率重复；请只保留一个。", f"There are two rates from {origin}; keep one."
            fields["from"].fault("duplicate_rate", zh, en)
        if origin == scheme and rate > 100:  # noqa: PLR2004 - one for one, in hundredths
            zh = "同一学分体系内的比率大于 1 会凭空增加学分；请改为不超过 1.00。"
            en = "A rate above 1 within one scheme makes credit out of nothing; set it to 1.00 at most."
            fields["rate"].fault("mints_credit", zh, en)
        rates[origin] = Fraction(rate, 100)
    if scheme is not None:
        rates.setdefault(scheme, Fraction(1))
    return rates


def _calendar_at(place: Place) -> AcademicYear | None:
    if place.is_missing:
        return CALENDAR_YEAR
    fields = place.fields(("terms",))
    starts = [_month_day_at(item) for item in fields["terms"].items(TERMS_MAX)]
    known = [start for start in starts if start is not None]
    if not known or len(known) < len(starts):
        return None
    ordered = sorted(known, key=lambda start: (start < known[0], start))
    if ordered != known or len(set(known)) < len(known):
        zh = "学期须按学年内的先后顺序排列，且不能重复；第一个是学年的开始。"
        en = "Terms must stand in the order in which they follow in the year, each once; the first begins the year."
        fields["terms"].fault("not_ascending", zh, en)
    return AcademicYear(tuple(known))


def _month_day_at(place: Place) -> tuple[int, int] | None:
    text = place.text(5)
    if text is None:
        return None
    day = Place(place.reading, place.pointer, f"2001-{text}").day()
    return None if day is None else (day.month, day.day)


def _rule_at(place: Place) -> ConversionRule | None:
    optional = ("article", "title", "with", "to", "spends_credits", "partial", "joint", "at_most")
    fields = place.fields(("id", "when"), optional)
    rule_id, article = fields["id"].text(WORD_MAX), fields["article"].text(WORD_MAX)
    title, when = title_at(fields["title"]), condition_at(fields["when"], PAIR_PREDICATES)
    partners = [condition_at(item) for item in optional_items(fields["with"], PARTNERS_MAX)]
    toward = Toward.COURSE.value if fields["to"].is_missing else fields["to"].choice(Toward)
    flags = {name: fields[name].truth() for name in ("spends_credits", "partial", "joint")}
    most = fields["at_most"].hundredths(1, AWARD_HUNDREDTHS_MAX)
    if flags["joint"] and (toward == Toward.PROGRAMME or partners or flags["spends_credits"] is False):
        zh = "joint 规则只能把几项成果的学分合并为一门课程；请去掉 to、with 或 spends_credits。"
        en = "A joint rule adds credits of several outcomes up to one course; leave to, with and spends_credits out."
        fields["joint"].fault("contradicts", zh, en)
    if toward == Toward.PROGRAMME and flags["spends_credits"] is False:
        zh = "计入培养方案总学分必须使用学分；请去掉 spends_credits 或改为 to: course。"
        en = "Credits toward the programme as a whole must be spent; leave spends_credits out or convert to a course."
        fields["spends_credits"].fault("contradicts", zh, en)
    if rule_id is None or when is None or toward is None or None in partners:
        return None
    return ConversionRule(
        id=rule_id,
        article=article,
        title=title,
        when=when,
        partners=tuple(partner for partner in partners if partner is not None),
        toward=Toward(toward),
        spends_credits=flags["spends_credits"] is not False,
        is_partial=bool(flags["partial"]),
        is_joint=bool(flags["joint"]),
        at_most_hundredths=most,
    )


def _tie_break_at(place: Place) -> tuple[TieBreak, ...]:
    if place.is_missing:
        return (TieBreak.FEWEST_OUTCOMES, TieBreak.SOONEST_EXPIRING, TieBreak.IN_ORDER)
    named = [item.choice(TieBreak) for item in place.items(len(TieBreak))]
    return tuple(dict.fromkeys(TieBreak(name) for name in named if name is not None))


def _example_at(place: Place) -> ConversionExample | None:
    """Return a test; its situation is read when the test is run, what is expected of it now."""
    fields = place.fields(("id", "given", "expect"))
    example_id, given, expected = fields["id"].text(WORD_MAX), fields["given"], _expected_at(fields["expect"])
    if not isinstance(given.value, dict):
        given.fields(())  # notes that an object is wanted
        return None
    return None if example_id is None else ConversionExample(example_id, given.value, expected)


def _expected_at(place: Place) -> dict[str, Any]:
    fields = place.fields(("credits",), ("courses", "outcomes", "reasons", "missing"))
    credit = fields["credits"].hundredths(0, HUNDREDTHS_MAX)
    expected: dict[str, Any] = {"credits": decimal_text(credit or 0)}
    for name in ("courses", "outcomes", "missing"):
        if not fields[name].is_missing:
            items = [] if fields[name].value == [] else fields[name].items(RULES_MAX)
            expected[name] = [text for text in (item.text(WORD_MAX) for item in items) if text is not None]
    if not fields["reasons"].is_missing:
        expected["reasons"] = {name: inner.text(WORD_MAX) for name, inner in fields["reasons"].entries(RULES_MAX)}
    return expected
