"""What a rule set makes of an outcome: the award, and the tree that explains it; and the set's own tests.

The cost of a decision grows with the rules that speak of the outcome, not with the size of the set.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from creditbank.core.credit import Scheme, decimal_text
from creditbank.core.errors import Fault
from creditbank.core.outcome import Facts
from creditbank.core.rules.document import FAULTS_MAX
from creditbank.core.rules.ruleset import Choice, Example, Rule, RuleSet
from creditbank.core.rules.subject import Subject, subject_of

QUOTED_MAX = 40
"""Characters of a test's id or of a value that a message repeats."""

SHOWN_RULES_MAX = 10
"""Rules that came close, or awarded less, that an explanation tells of; how many more there were is told."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The rule that counts, if any, the hundredths of credit it awards, and the explanation as plain JSON values."""

    rule: Rule | None
    credit_hundredths: int
    explanation: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Judged:
    """A rule that applies, with what it awards and how that came about."""

    rule: Rule
    credit_hundredths: int
    account: dict[str, Any]


def covers(ruleset: RuleSet, subject: Subject) -> bool:
    """Tell whether the set speaks of the outcome at all: its validity, its scheme and what it applies to."""
    facts, applies_to = subject.facts, ruleset.applies_to
    if not ruleset.validity.contains(facts) or facts.scheme not in {None, ruleset.scheme}:
        return False
    return applies_to is None or applies_to.holds(subject)


def evaluated(ruleset: RuleSet, scheme: Scheme, facts: Facts) -> Evaluation:
    """Return what the set awards for the facts, counted in its scheme; pure, and the same every time.

    Several rules that award something: the one with the most credits, or the first, as the set says; the first in the
    document among equals.
    """
    return evaluated_subject(ruleset, scheme, subject_of(facts))


def evaluated_subject(ruleset: RuleSet, scheme: Scheme, subject: Subject) -> Evaluation:
    """Return what the set awards for facts that were made comparable before."""
    assert scheme.code == ruleset.scheme, "a set counts in the scheme that it names"
    if not covers(ruleset, subject):
        nothing: dict[str, Any] = {"rule": None, "credits": "0.00", "rules": []}
        return Evaluation(None, 0, {**ruleset.named, **_obstacle(ruleset, subject), **nothing})
    judged: dict[int, _Judged] = {}
    for place in ruleset.index.candidates(subject):
        rule = ruleset.rules[place]
        if rule.when.holds(subject):
            judged[place] = _Judged(rule, *rule.award.given(subject, scheme))
    return _decided(ruleset, subject, judged)


def _chosen(choose: Choice, judged: Iterable[_Judged]) -> _Judged | None:
    awarding = [one for one in judged if one.credit_hundredths > 0]
    if not awarding:
        return None
    return awarding[0] if choose is Choice.FIRST else max(awarding, key=lambda one: one.credit_hundredths)


def _decided(ruleset: RuleSet, subject: Subject, judged: Mapping[int, _Judged]) -> Evaluation:
    """Return the decision between the rules that apply, which are named by their places."""
    chosen = _chosen(ruleset.choose, judged.values())
    close, close_count = ruleset.index.close(subject, judged, SHOWN_RULES_MAX)
    others = [one for one in judged.values() if one is not chosen]
    nodes = []
    if chosen is not None:
        node = _node(chosen.rule, subject, matched=True)
        nodes.append(node | {"award": chosen.account, "chosen": True})
    for other in others[:SHOWN_RULES_MAX]:
        why = "no_award" if other.credit_hundredths == 0 else _why_not(ruleset.choose, other, chosen)
        node = _node(other.rule, subject, matched=True)
        nodes.append(node | {"award": other.account, "chosen": False, "why_not": why})
    for place in close:
        node = _node(ruleset.rules[place], subject, matched=False)
        nodes.append(node | {"chosen": False, "why_not": "condition"})
    credit_hundredths = chosen.credit_hundredths if chosen else 0
    tree = {
        **ruleset.named,
        "outcome": "awarded" if chosen else "no_credit" if judged else "no_rule_applies",
        "rule": chosen.rule.id if chosen else None,
        "credits": decimal_text(credit_hundredths),
        "rules": nodes,
    }
    left_out = len(others[SHOWN_RULES_MAX:]) + close_count - len(close)
    if left_out:
        tree["rules_left_out"] = left_out
    return Evaluation(chosen.rule if chosen else None, credit_hundredths, tree)


def _why_not(choose: Choice, other: _Judged, chosen: _Judged | None) -> str:
    fewer = chosen is not None and other.credit_hundredths < chosen.credit_hundredths
    return "fewer_credits" if choose is Choice.BEST and fewer else "later_in_document"


def _node(rule: Rule, subject: Subject, *, matched: bool) -> dict[str, Any]:
    """Return what an explanation tells of a rule: its name, and each part of its condition with what was found."""
    return {**rule.named, "matched": matched, "when": [part.explained(subject) for part in rule.when.parts]}


def _obstacle(ruleset: RuleSet, subject: Subject) -> dict[str, Any]:
    """Return why a set that does not cover the outcome does not."""
    facts, validity = subject.facts, ruleset.validity
    if not validity.contains(facts):
        days: dict[str, Any] = {"from": validity.first.isoformat()}
        if validity.last is not None:
            days["until"] = validity.last.isoformat()
        found = {"date": validity.version_date.value, "day": validity.day_of(facts).isoformat()}
        return {"outcome": "outside_validity", "validity": days, "found": found}
    if facts.scheme not in {None, ruleset.scheme}:
        return {"outcome": "other_scheme", "found": facts.scheme}
    assert ruleset.applies_to is not None, "nothing else keeps a set from covering an outcome"
    parts = [part.explained(subject) for part in ruleset.applies_to.parts]
    return {"outcome": "not_applicable", "applies_to": parts}


def failed_tests(ruleset: RuleSet, scheme: Scheme) -> tuple[Fault, ...]:
    """Return a fault for each thing that a set's own tests expect and don't get, up to FAULTS_MAX."""
    faults: list[Fault] = []
    for number, test in enumerate(ruleset.tests):
        evaluation = evaluated(ruleset, scheme, test.given)
        faults.extend(_disappointments(test, evaluation, f"/tests/{number}/expect"))
        if len(faults) >= FAULTS_MAX:
            break
    return tuple(faults[:FAULTS_MAX])


def _disappointments(test: Example, evaluation: Evaluation, pointer: str) -> list[Fault]:
    rule, expected = evaluation.rule, test.expected
    level, category = resulting(rule, test.given)
    pairs = (
        ("credits", decimal_text(expected.credit_hundredths), decimal_text(evaluation.credit_hundredths)),
        ("rule", expected.rule, rule.id if rule else None),
        ("level", expected.level, level),
        ("category", expected.category, category),
    )
    faults = []
    for name, wanted, got in pairs:
        if wanted is not None and wanted != got:
            test_id, asked, given = _quoted(test.id), _quoted(wanted), _quoted(got or "")
            zh = f"测试 {test_id} 期望 {name} 为 {asked}，实际为 {given or '无'}；请修改规则或测试。"
            en = f"Test {test_id} expects {name} {asked}, gets {given or 'none'}; mend rule or test."
            faults.append(Fault(f"{pointer}/{name}", "test_failed", zh, en))
    return faults


def _quoted(text: str) -> str:
    """Return the beginning of what a kept rule set says: it is written for readers, and is told to who publishes it."""
    safe = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[: QUOTED_MAX + 1])
    return safe if len(safe) <= QUOTED_MAX else safe[:QUOTED_MAX] + "…"


def resulting(rule: Rule | None, facts: Facts) -> tuple[str | None, str | None]:
    """Return the level and category of what was recognised: the rule's where it names them, else the outcome's own."""
    if rule is None:
        return facts.level, facts.category
    return rule.level or facts.level, rule.category or facts.category
