"""From a JSON document to a rule set of conversion; what both kinds of rule set share is read in `parsing`."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from creditbank.core.calendar import CALENDAR_YEAR, AcademicYear
from creditbank.core.credit import HUNDREDTHS_MAX, decimal_text
from creditbank.core.rules.awards import AWARD_HUNDREDTHS_MAX
from creditbank.core.rules.condition_parsing import (
    OUTCOME_PREDICATES,
    Predicates,
    between_at,
    condition_at,
    one_of_at,
)
from creditbank.core.rules.conditions import AllOf, Condition, SameTitle
from creditbank.core.rules.conversion_set import (
    Across,
    Appeal,
    ConversionExample,
    ConversionRule,
    ConversionSet,
    Exclusion,
    Limit,
    Measure,
    Over,
    Requirement,
    Reviewers,
    ReviewStep,
    TieBreak,
    Toward,
)
from creditbank.core.rules.document import NAME_MAX, Place, shown
from creditbank.core.rules.heading import (
    PRIORITY,
    PRIORITY_MAX,
    VERSION_MAX,
    source_at,
    title_at,
    uniquely,
    validity_at,
)
from creditbank.core.rules.ruleset import Choice, Validity
from creditbank.core.rules.subject import WORD_MAX

RULES_MAX = 5000
"""As many as a rule set of recognition."""

PARTNERS_MAX = 5
"""Other outcomes that one rule may ask for: published combinations have one or two."""

LIMITS_MAX = 100
"""Limits and exclusions of one set; published measures have up to ten."""

STEPS_MAX = 12
"""Steps of a review; published chains have up to five."""

DAYS_MAX = 730
"""Two years for a step: longer is none."""

TERMS_MAX = 12
"""Terms of an academic year: months at the finest."""

TESTS_MAX = 500
"""Tests of one set; each of them solves a small optimisation."""

VALID_YEARS_MAX = 50
"""Longer than any published validity."""

RATE_HUNDREDTHS_MAX = 10_000
"""A hundred to one: more than any two published schemes differ."""

PERCENT_MAX = 10_000
"""All of it, in hundredths of a percent."""

COUNT_MAX = 1000
"""Outcomes or courses in one group."""

GROUPS = ("outcome", "course", "category", "source_category", "kind", "issuer", "term", "year")
"""What a limit can be counted for each of."""

ROLES = ("target", "target_parent", "issuer", "authority")
"""Who reviews, by the role: the accepting institution, the one above it, the issuer of the outcomes, the authority."""

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
    code, version = fields["code"].code(), fields["version"].integer(1, VERSION_MAX)
    title, source = title_at(fields["title"]), source_at(fields["authority"], fields["source"])
    validity, scheme = _validity_at(fields), fields["scheme"].code()
    priority = PRIORITY if fields["priority"].is_missing else fields["priority"].integer(0, PRIORITY_MAX)
    calendar, review, appeal = (
        _calendar_at(fields["calendar"]),
        _review_at(fields["review"]),
        _appeal_at(fields["appeal"]),
    )
    rates = _rates_at(fields["rates"], scheme)
    rules = uniquely(fields["rules"].items(RULES_MAX), _rule_at)
    exclusions = uniquely(_optional_items(fields["exclusions"], LIMITS_MAX), _exclusion_at)
    limits = uniquely(_optional_items(fields["limits"], LIMITS_MAX), _limit_at)
    requirements = uniquely(_optional_items(fields["requirements"], LIMITS_MAX), _requirement_at)
    tests = uniquely(fields["tests"].items(TESTS_MAX), _example_at)
    choose = Choice.BEST.value if fields["choose"].is_missing else fields["choose"].choice(Choice)
    may_decline = True if fields["may_decline"].is_missing else fields["may_decline"].truth()
    tie_break = _tie_break_at(fields["tie_break"])
    valid_years = fields["valid_years"].integer(1, VALID_YEARS_MAX)
    applies_to = condition_at(fields["applies_to"], TARGET_PREDICATES)
    _check_reachable(fields, limits, requirements)
    if code is None or version is None or title is None or source is None or validity is None or scheme is None:
        return None
    if place.reading.faults or priority is None or choose is None or may_decline is None or calendar is None:
        return None
    return ConversionSet(
        code=code,
        version=version,
        title=title,
        source=source,
        validity=validity,
        scheme=scheme,
        priority=priority,
        applies_to=applies_to,
        rates=rates,
        valid_years=valid_years,
        calendar=calendar,
        rules=tuple(rules),
        exclusions=tuple(exclusions),
        limits=tuple(limits),
        requirements=tuple(requirements),
        choose=Choice(choose),
        tie_break=tie_break,
        may_decline=may_decline,
        asks_age=any(_mentions(fields[name].value, "age") for name in _ASKING),
        review=review,
        appeal=appeal,
        tests=tuple(tests),
    )


def _mentions(value: object, name: str) -> bool:
    """Tell whether a part of a document, whose depth is bounded, has a field of this name."""
    if isinstance(value, dict):
        return name in value or any(_mentions(inner, name) for inner in value.values())
    return isinstance(value, list) and any(_mentions(inner, name) for inner in value)


def _validity_at(fields: dict[str, Place]) -> Validity | None:
    """Return the validity; conversions are judged by the version of the day on which they are applied for."""
    fields["version_date"].choice(("applied",))
    return validity_at(fields)


def _optional_items(place: Place, items_max: int) -> list[Place]:
    return [] if place.is_missing else place.items(items_max)


def _rates_at(place: Place, scheme: str | None) -> dict[str, Fraction]:
    """Return what a credit of each scheme is worth in the set's own, and note rates that mint credit."""
    rates: dict[str, Fraction] = {}
    for item in _optional_items(place, LIMITS_MAX):
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
    partners = [condition_at(item) for item in _optional_items(fields["with"], PARTNERS_MAX)]
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


def _exclusion_at(place: Place) -> Exclusion | None:
    fields = place.fields(("id", "when"), ("article", "title"))
    exclusion_id, article = fields["id"].text(WORD_MAX), fields["article"].text(WORD_MAX)
    title, when = title_at(fields["title"]), condition_at(fields["when"], PAIR_PREDICATES)
    return None if exclusion_id is None or when is None else Exclusion(exclusion_id, article, title, when)


def _limit_at(place: Place) -> Limit | None:
    fields = place.fields(("id", "at_most"), ("article", "title", "where", "per", "across", "over"))
    limit_id, article = fields["id"].text(WORD_MAX), fields["article"].text(WORD_MAX)
    title = title_at(fields["title"])
    where = condition_at(fields["where"], PAIR_PREDICATES)
    per = [item.choice(GROUPS) for item in _optional_items(fields["per"], len(GROUPS))]
    across = Across.PROGRAMME.value if fields["across"].is_missing else fields["across"].choice(Across)
    over = Over.REFUSE.value if fields["over"].is_missing else fields["over"].choice(Over)
    bound = _bound_at(fields["at_most"])
    if limit_id is None or bound is None or across is None or over is None or None in per:
        return None
    measure, most = bound
    if measure is Measure.PERCENT_OF_CATEGORY and "category" not in per:
        zh = '按类别百分比的限额须逐类计算；请加上 "per": ["category"]。'
        en = 'A percentage of a category counts for each category; add "per": ["category"].'
        fields["at_most"].fault("needs_category", zh, en)
    if measure in (Measure.OUTCOMES, Measure.COURSES) and over != Over.REFUSE:
        zh = "数量限额不能截取或拆分；请把 over 改为 refuse 或删除。"
        fields["over"].fault("contradicts", zh, "A count can't be trimmed or split; make over refuse or leave it out.")
    groups = tuple(name for name in per if name is not None)
    return Limit(limit_id, article, title, where, groups, Across(across), measure, most, Over(over))


def _bound_at(place: Place) -> tuple[Measure, int] | None:
    fields = place.fields((), ("credits", "outcomes", "courses", "percent", "of"))
    named = [name for name in ("credits", "outcomes", "courses", "percent") if not fields[name].is_missing]
    if len(named) != 1:
        zh = "限额须是 credits、outcomes、courses、percent 中的一种；请只写一种。"
        place.fault("one_measure", zh, "A limit is in credits, outcomes, courses or percent; give exactly one of them.")
        return None
    name, of = named[0], fields["of"]
    if name == "percent":
        wanted = "programme" if of.is_missing else of.choice(("programme", "category"))
        most = fields["percent"].hundredths(1, PERCENT_MAX)
        measure = Measure.PERCENT_OF_CATEGORY if wanted == "category" else Measure.PERCENT_OF_PROGRAMME
        return None if most is None or wanted is None else (measure, most)
    if not of.is_missing:
        of.fault("contradicts", "of 只用于 percent；请删除。", "Only percent is of something; leave it out.")
    is_credits = name == "credits"
    most = fields[name].hundredths(1, HUNDREDTHS_MAX) if is_credits else fields[name].integer(1, COUNT_MAX)
    return None if most is None else (Measure(name), most)


def _requirement_at(place: Place) -> Requirement | None:
    fields = place.fields(("id", "at_least"), ("article", "title", "where"))
    requirement_id, article = fields["id"].text(WORD_MAX), fields["article"].text(WORD_MAX)
    title, where = title_at(fields["title"]), condition_at(fields["where"], PAIR_PREDICATES)
    least = fields["at_least"].hundredths(1, HUNDREDTHS_MAX)
    return (
        None if requirement_id is None or least is None else Requirement(requirement_id, article, title, where, least)
    )


def _review_at(place: Place) -> tuple[ReviewStep, ...]:
    return tuple(uniquely(_optional_items(place, STEPS_MAX), _step_at))


def _step_at(place: Place) -> ReviewStep | None:
    fields = place.fields(("id", "by", "days"), ("title", "escalates_to"))
    step_id, title, by = fields["id"].text(NAME_MAX), title_at(fields["title"]), _reviewers_at(fields["by"])
    days, escalates_to = fields["days"].integer(1, DAYS_MAX), _reviewers_at(fields["escalates_to"])
    return None if step_id is None or by is None or days is None else ReviewStep(step_id, title, by, days, escalates_to)


def _appeal_at(place: Place) -> Appeal | None:
    if place.is_missing:
        return None
    fields = place.fields(("by", "within_days", "days"))
    by = _reviewers_at(fields["by"])
    within, days = fields["within_days"].integer(1, DAYS_MAX), fields["days"].integer(1, DAYS_MAX)
    return None if by is None or within is None or days is None else Appeal(by, within, days)


def _reviewers_at(place: Place) -> Reviewers | None:
    if place.is_missing:
        return None
    fields = place.fields((), ("institution", "role"))
    if fields["institution"].is_missing == fields["role"].is_missing:
        zh, en = "须写 institution 或 role 之一。", "Give either institution or role."
        place.fault("one_reviewer", zh, en)
        return None
    if fields["role"].is_missing:
        institution = fields["institution"].text(NAME_MAX)
        return None if institution is None else Reviewers(institution, None)
    role = fields["role"].choice(ROLES)
    return None if role is None else Reviewers(None, role)


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


def _check_reachable(fields: dict[str, Place], limits: list[Limit], requirements: list[Requirement]) -> None:
    """Note every limit on the programme as a whole that keeps a requirement out of reach."""
    bounds = [
        (limit, limit.most)
        for limit in limits
        if limit.measure is Measure.CREDITS and not limit.per and limit.across is not Across.APPLICATION
    ]
    for number, requirement in enumerate(requirements):
        for limit, most in bounds:
            if most < requirement.least_hundredths and limit.where in (None, requirement.where):
                zh = f"限额 {shown(limit.id)} 使要求 {shown(requirement.id)} 永远达不到；请核对两者。"
                en = f"The limit {shown(limit.id)} keeps {shown(requirement.id)} out of reach; check both."
                fields["requirements"].inner(number, None).fault("cannot_be_met", zh, en)


def _attribute_at(_: str, place: Place) -> Condition | None:
    parts = [one_of_at(f"target_attribute.{name}", inner) for name, inner in place.entries(LIMITS_MAX)]
    sound = tuple(part for part in parts if part is not None)
    return AllOf(sound) if sound and len(sound) == len(parts) else None


def _same_title_at(_: str, place: Place) -> SameTitle | None:
    if place.value is not True:
        place.fault("wrong_type", "只能写 true；请改写或删除。", "It can only be true; write that or leave it out.")
        return None
    return SameTitle()


_TARGET: dict[str, Callable[[str, Place], Condition | None]] = {
    "target_institution": one_of_at,
    "target_programme": one_of_at,
    "target_scheme": one_of_at,
    "target_attribute": _attribute_at,
    "target_total": between_at,
}

_COURSE: dict[str, Callable[[str, Place], Condition | None]] = {
    "target_code": one_of_at,
    "target_title": one_of_at,
    "target_category": one_of_at,
    "target_credits": between_at,
    "same_title": _same_title_at,
}


TARGET_PREDICATES: Predicates = _TARGET
"""What `applies_to` may ask: of the programme."""

PAIR_PREDICATES: Predicates = {
    **OUTCOME_PREDICATES,
    **_TARGET,
    **_COURSE,
    "recognised": between_at,
    "recognised_scheme": one_of_at,
}
"""What rules, limits and exclusions may ask: of the outcome, the programme and its course."""
