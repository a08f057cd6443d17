"""From a JSON document to a rule set, or to everything that is wrong with the document."""

from collections.abc import Callable, Iterator

from creditbank.core.errors import RulesetFaulty
from creditbank.core.rules.award_parsing import award_at
from creditbank.core.rules.awards import AWARD_HUNDREDTHS_MAX
from creditbank.core.rules.condition_parsing import TERMS_MAX, condition_at
from creditbank.core.rules.conversion_parsing import conversion_set_at
from creditbank.core.rules.conversion_set import ConversionSet
from creditbank.core.rules.document import Enough, Place, Reading, shown
from creditbank.core.rules.heading import (
    PRIORITY,
    PRIORITY_MAX,
    VERSION_MAX,
    source_at,
    title_at,
    uniquely,
    validity_at,
)
from creditbank.core.rules.qualification_parsing import conditions_in, qualification_set_at
from creditbank.core.rules.qualification_set import QualificationSet
from creditbank.core.rules.ruleset import (
    Choice,
    Example,
    Expected,
    Rule,
    RuleSet,
    indexed,
)
from creditbank.core.rules.subject import WORD_MAX, facts_at

RULES_MAX = 5000
"""A province's whole table of certificates has a few thousand lines."""

TESTS_MAX = 2000
"""Enough for both sides of every bound of a large set, and run within a second."""

VALID_YEARS_MAX = 50
"""Longer than any published validity; what should live for ever names none."""

_REQUIRED = (
    *("code", "version", "kind", "title", "authority", "source"),
    *("valid_from", "version_date", "scheme", "rules", "tests"),
)
_OPTIONAL = ("valid_until", "priority", "applies_to", "choose")


KINDS = ("recognition", "conversion", "qualification")
"""What rule sets are about; each kind has its own fields."""


AnySet = RuleSet | ConversionSet | QualificationSet
"""A rule set of any kind."""


def parsed_ruleset(document: object) -> AnySet:
    """Return the rule set that a JSON document describes, of the kind that it names.

    Refused: RulesetFaulty with all faults, up to as many as are read (FAULTS_MAX); nothing else for any JSON value.
    """
    reading = Reading()
    ruleset: AnySet | None = None
    try:
        reading.check_size(document)
        _check_terms(reading, document)
        place = Place(reading, "", document)
        kind = document.get("kind") if isinstance(document, dict) else None
        read = _READERS.get(kind, _ruleset_at) if isinstance(kind, str) else _ruleset_at
        ruleset = read(place)
    except Enough:
        pass  # the faults so far say enough
    if ruleset is None or reading.faults:
        raise RulesetFaulty(tuple(reading.faults))
    return ruleset


def _check_terms(reading: Reading, document: object) -> None:
    """Note where a rule set has more terms than are read, and end the reading then; counted before any is read."""
    count, level = 0, list(_conditions_in(document))
    while level and count <= TERMS_MAX:
        inner: list[object] = []
        for condition in level:
            if isinstance(condition, dict):
                count += len(condition)
                inner.extend(_parts_in(condition))
        level = inner
    if count > TERMS_MAX:
        zh, en = f"条件超过 {TERMS_MAX} 项；请拆分规则集。", f"There are more than {TERMS_MAX} terms; split the set."
        Place(reading, "", document).fault("too_many_terms", zh, en)
        raise Enough


def _conditions_in(document: object) -> Iterator[object]:
    """Yield what stands wherever a rule set can have a condition."""
    fields = document if isinstance(document, dict) else {}
    yield fields.get("applies_to")
    yield from conditions_in(fields)
    for parts in fields.values():
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict):
                yield from (part.get("when"), part.get("where"))
                yield from part["with"] if isinstance(part.get("with"), list) else ()


def _parts_in(condition: dict[str, object]) -> Iterator[object]:
    """Yield the conditions inside a condition."""
    for name, value in condition.items():
        inner = value.get("of") if name == "at_least" and isinstance(value, dict) else value
        if name == "not":
            yield inner
        elif name in {"all", "any", "at_least"} and isinstance(inner, list):
            yield from inner


def _ruleset_at(place: Place) -> RuleSet | None:
    fields = place.fields(_REQUIRED, _OPTIONAL)
    fields["kind"].choice(KINDS)
    code, version = fields["code"].code(), fields["version"].integer(1, VERSION_MAX)
    title, source = title_at(fields["title"]), source_at(fields["authority"], fields["source"])
    validity, scheme = validity_at(fields), fields["scheme"].code()
    priority = PRIORITY if fields["priority"].is_missing else fields["priority"].integer(0, PRIORITY_MAX)
    choose = Choice.BEST.value if fields["choose"].is_missing else fields["choose"].choice(Choice)
    applies_to = condition_at(fields["applies_to"])
    rules = uniquely(fields["rules"].items(RULES_MAX), _rule_at)
    tests = uniquely(fields["tests"].items(TESTS_MAX), _example_at)
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


def _rule_at(place: Place) -> Rule | None:
    fields = place.fields(("id", "when", "award"), ("article", "title", "level", "category", "valid_years"))
    rule_id = fields["id"].text(WORD_MAX)
    title = title_at(fields["title"])
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


def _check_expected_rules(place: Place, rules: list[Rule], tests: list[Example]) -> None:
    """Note every test that expects a rule that the set does not have; only while the rest is in order."""
    known = {rule.id for rule in rules}
    for number, test in enumerate(tests if not place.reading.faults else ()):
        rule = test.expected.rule
        if rule is not None and rule not in known:
            zh = f"没有编号为 {shown(rule)} 的规则；请核对测试期望的规则编号。"
            en = f"There is no rule with the id {shown(rule)}; check which rule the test expects."
            place.inner(number, None).inner("expect", None).inner("rule", rule).fault("unknown_rule", zh, en)


_READERS: dict[str, Callable[[Place], AnySet | None]] = {
    "conversion": conversion_set_at,
    "qualification": qualification_set_at,
}
"""How each kind is read; what names none of them is read as rules of recognition, and told so."""
