"""From a JSON document to a rule set, or to everything that is wrong with the document."""

from collections.abc import Callable
from typing import TypeVar

from creditbank.core.errors import RulesetFaulty
from creditbank.core.rules.award_parsing import award_at
from creditbank.core.rules.awards import AWARD_HUNDREDTHS_MAX
from creditbank.core.rules.condition_parsing import condition_at
from creditbank.core.rules.document import Enough, Place, Reading, shown
from creditbank.core.rules.ruleset import (
    Choice,
    Example,
    Expected,
    Rule,
    RuleSet,
    Source,
    Title,
    Validity,
    VersionDate,
    indexed,
)
from creditbank.core.rules.subject import WORD_MAX, facts_at

RULES_MAX = 5000
"""A province's whole table of certificates has a few thousand lines."""

TESTS_MAX = 2000
"""Enough for both sides of every bound of a large set, and run within a second."""

VERSION_MAX = 9999
"""A version a day for 27 years."""

PRIORITY_MAX = 1000
PRIORITY = 100
"""The priority of a set that names none: above are sets for few outcomes, below those for many."""

VALID_YEARS_MAX = 50
"""Longer than any published validity; what should live for ever names none."""

_REQUIRED = (
    *("code", "version", "kind", "title", "authority", "source"),
    *("valid_from", "version_date", "scheme", "rules", "tests"),
)
_OPTIONAL = ("valid_until", "priority", "applies_to", "choose")

Named = TypeVar("Named", Rule, Example)


def parsed_ruleset(document: object) -> RuleSet:
    """Return the rule set that a JSON document describes.

    Refused: RulesetFaulty with all faults, up to as many as are read (FAULTS_MAX); nothing else for any JSON value.
    """
    reading = Reading()
    ruleset = None
    try:
        reading.check_size(document)
        ruleset = _ruleset_at(Place(reading, "", document))
    except Enough:
        pass  # the faults so far say enough
    if ruleset is None or reading.faults:
        raise RulesetFaulty(tuple(reading.faults))
    return ruleset


def _ruleset_at(place: Place) -> RuleSet | None:
    fields = place.fields(_REQUIRED, _OPTIONAL)
    fields["kind"].choice(("recognition",))
    code, version = fields["code"].code(), fields["version"].integer(1, VERSION_MAX)
    title, source = _title_at(fields["title"]), _source_at(fields["authority"], fields["source"])
    validity, scheme = _validity_at(fields), fields["scheme"].code()
    priority = PRIORITY if fields["priority"].is_missing else fields["priority"].integer(0, PRIORITY_MAX)
    choose = Choice.BEST.value if fields["choose"].is_missing else fields["choose"].choice(Choice)
    applies_to = condition_at(fields["applies_to"])
    rules = _uniquely(fields["rules"].items(RULES_MAX), _rule_at)
    tests = _uniquely(fields["tests"].items(TESTS_MAX), _example_at)
    _check_expected_rules(fields["tests"], rules, tests)
    if code is None or version is None or title is None or source is None or validity is None:
        return None
    if scheme is None or priority is None or choose is None or place.reading.faults:
        return None
    return RuleSet(
        code=code,
        version=version,
        title=title,
        source=source,
        validity=validity,
        scheme=scheme,
        priority=priority,
        applies_to=applies_to,
        choose=Choice(choose),
        rules=tuple(rules),
        tests=tuple(tests),
        index=indexed(rules),
    )


def _title_at(place: Place) -> Title | None:
    fields = place.fields(("zh", "en"))
    zh, en = fields["zh"].text(), fields["en"].text()
    return None if zh is None or en is None else Title(zh, en)


def _source_at(authority_place: Place, place: Place) -> Source | None:
    fields = place.fields(("document",), ("article",))
    authority, document, article = authority_place.text(), fields["document"].text(), fields["article"].text()
    return None if authority is None or document is None else Source(authority, document, article)


def _validity_at(fields: dict[str, Place]) -> Validity | None:
    first, last = fields["valid_from"].day(), fields["valid_until"].day()
    version_date = fields["version_date"].choice(VersionDate)
    if first is not None and last is not None and last < first:
        zh = f"最后有效日早于生效日 {first}；有效期包括最后一天，请核对两者。"
        en = f"The last valid day lies before the first, {first}; the last day counts, check both."
        fields["valid_until"].fault("ends_before_start", zh, en)
    if first is None or version_date is None:
        return None
    return Validity(first, last, VersionDate(version_date))


def _rule_at(place: Place) -> Rule | None:
    fields = place.fields(("id", "when", "award"), ("article", "title", "level", "category", "valid_years"))
    rule_id = fields["id"].text(WORD_MAX)
    title = _title_at(fields["title"])
    article, level, category = (fields[name].text(WORD_MAX) for name in ("article", "level", "category"))
    valid_years = fields["valid_years"].integer(1, VALID_YEARS_MAX)
    when = condition_at(fields["when"])
    award = award_at(fields["award"])
    if rule_id is None or when is None or award is None:
        return None
    return Rule(rule_id, article, title, when, award, level, category, valid_years)


def _example_at(place: Place) -> Example | None:
    fields = place.fields(("id", "given", "expect"))
    example_id = fields["id"].text(WORD_MAX)
    given = facts_at(fields["given"])
    expected = _expected_at(fields["expect"])
    if example_id is None or given is None or expected is None:
        return None
    return Example(example_id, given, expected)


def _expected_at(place: Place) -> Expected | None:
    fields = place.fields(("credits",), ("rule", "level", "category"))
    credit_hundredths = fields["credits"].hundredths(0, AWARD_HUNDREDTHS_MAX)
    rule, level, category = (fields[name].text(WORD_MAX) for name in ("rule", "level", "category"))
    return None if credit_hundredths is None else Expected(credit_hundredths, rule, level, category)


def _uniquely(places: list[Place], read: Callable[[Place], Named | None]) -> list[Named]:
    """Return what is read at the places, and note every id that comes again."""
    found: dict[str, Named] = {}
    for place in places:
        named = read(place)
        if named is None:
            continue
        if named.id in found:
            zh, en = (
                f"编号 {shown(named.id)} 已用过；请改用其他编号。",
                f"The id {shown(named.id)} is taken; choose another.",
            )
            place.inner("id", named.id).fault("duplicate_id", zh, en)
        found[named.id] = named
    return list(found.values())


def _check_expected_rules(place: Place, rules: list[Rule], tests: list[Example]) -> None:
    """Note every test that expects a rule that the set does not have; only while the rest is in order."""
    known = {rule.id for rule in rules}
    for number, test in enumerate(tests if not place.reading.faults else ()):
        rule = test.expected.rule
        if rule is not None and rule not in known:
            zh = f"没有编号为 {shown(rule)} 的规则；请核对测试期望的规则编号。"
            en = f"There is no rule with the id {shown(rule)}; check which rule the test expects."
            place.inner(number, None).inner("expect", None).inner("rule", rule).fault("unknown_rule", zh, en)
