"""Recognition: which rule sets speak of an outcome, and what the first of them that awards anything makes of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from creditbank.core.credit import Scheme, decimal_text
from creditbank.core.outcome import Facts
from creditbank.core.rules import Evaluation, RuleSet
from creditbank.core.rules.conditions import years_later
from creditbank.core.rules.evaluation import covers, evaluated_subject, resulting
from creditbank.core.rules.ruleset import Anchors, Places, anchors_of, placed
from creditbank.core.rules.subject import Subject, subject_of


@dataclass(frozen=True, slots=True)
class Recognition:
    """What an outcome is worth, under which rule of which set, and the explanation as plain JSON values.

    Without credit there is no set, version, rule or scheme. `valid_until` is the last day, inclusive; None is for ever.
    `considered` names the sets that were asked, in their order.
    """

    ruleset_code: str | None
    version: int | None
    rule_id: str | None
    scheme: str | None
    credit_hundredths: int
    level: str | None
    category: str | None
    valid_until: date | None
    considered: tuple[tuple[str, int], ...]
    explanation: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shelf:
    """Rule sets as they are looked for: the versions of a code together, found by what they apply to."""

    editions: tuple[tuple[RuleSet, ...], ...]
    """By code, of each code the highest version first."""
    places: Places

    def in_force(self, subject: Subject) -> tuple[RuleSet, ...]:
        """Return the sets that speak of the outcome, by priority, the highest first, then by code.

        Of each code it is the version whose validity contains the day that it asks for, the highest of several.
        """
        facts, speaking = subject.facts, []
        for place in self.places.found(subject):
            newest = next((edition for edition in self.editions[place] if edition.validity.contains(facts)), None)
            if newest is not None and covers(newest, subject):
                speaking.append(newest)
        return tuple(sorted(speaking, key=lambda ruleset: (-ruleset.priority, ruleset.code)))


def shelved(rulesets: Iterable[RuleSet]) -> Shelf:
    """Return the sets on a shelf."""
    by_code: dict[str, list[RuleSet]] = {}
    for ruleset in rulesets:
        by_code.setdefault(ruleset.code, []).append(ruleset)
    editions = [tuple(sorted(by_code[code], key=lambda ruleset: -ruleset.version)) for code in sorted(by_code)]
    return Shelf(tuple(editions), placed(map(_anchors, editions)))


def _anchors(editions: tuple[RuleSet, ...]) -> Anchors:
    """Return predicates of which one must hold for any of a code's versions to speak of an outcome, if there are."""
    needed = [anchors_of(ruleset.applies_to) for ruleset in editions]
    return tuple(one for anchors in needed for one in anchors) if all(needed) else ()


def in_force(rulesets: Iterable[RuleSet], facts: Facts) -> tuple[RuleSet, ...]:
    """Return those of the sets that speak of the outcome, as a shelf of them does."""
    return shelved(rulesets).in_force(subject_of(facts))


def recognised(candidates: Iterable[RuleSet], schemes: Mapping[str, Scheme], facts: Facts) -> Recognition:
    """Return what the first of the candidates that awards anything makes of the outcome."""
    return recognised_subject(candidates, schemes, subject_of(facts))


def recognised_subject(candidates: Iterable[RuleSet], schemes: Mapping[str, Scheme], subject: Subject) -> Recognition:
    """Return what the first of the candidates that awards anything makes of facts made comparable before."""
    facts = subject.facts
    considered: list[RuleSet] = []
    trees = []
    for ruleset in candidates:
        evaluation = evaluated_subject(ruleset, schemes[ruleset.scheme], subject)
        considered.append(ruleset)
        trees.append(evaluation.explanation)
        if evaluation.credit_hundredths > 0:
            return _credited(considered, trees, evaluation, facts)
    return Recognition(
        ruleset_code=None,
        version=None,
        rule_id=None,
        scheme=None,
        credit_hundredths=0,
        level=facts.level,
        category=facts.category,
        valid_until=None,
        considered=_names(considered),
        explanation={"outcome": "not_recognised", "sets": trees},
    )


def _credited(
    considered: list[RuleSet], trees: list[dict[str, Any]], evaluation: Evaluation, facts: Facts
) -> Recognition:
    ruleset, rule = considered[-1], evaluation.rule
    assert rule is not None, "credit comes from a rule"
    level, category = resulting(rule, facts)
    explanation: dict[str, Any] = {"outcome": "recognised", "sets": trees}
    valid_until = None
    if rule.valid_years is not None:
        valid_until = years_later(facts.completed_on, rule.valid_years)
        explanation["validity"] = {
            "years": rule.valid_years,
            "from": facts.completed_on.isoformat(),
            "until": valid_until.isoformat(),
        }
    return Recognition(
        ruleset_code=ruleset.code,
        version=ruleset.version,
        rule_id=rule.id,
        scheme=ruleset.scheme,
        credit_hundredths=evaluation.credit_hundredths,
        level=level,
        category=category,
        valid_until=valid_until,
        considered=_names(considered),
        explanation=explanation,
    )


def _names(rulesets: list[RuleSet]) -> tuple[tuple[str, int], ...]:
    return tuple((ruleset.code, ruleset.version) for ruleset in rulesets)


def result_document(recognition: Recognition) -> dict[str, Any]:
    """Return the result as a JSON document; every field stands in it, null where there is nothing."""
    return {
        "credits": decimal_text(recognition.credit_hundredths),
        "scheme": recognition.scheme,
        "level": recognition.level,
        "category": recognition.category,
        "ruleset": recognition.ruleset_code,
        "version": recognition.version,
        "rule": recognition.rule_id,
        "valid_until": recognition.valid_until and recognition.valid_until.isoformat(),
    }


def recognition_from(
    inputs: Mapping[str, Any], result: Mapping[str, Any], explanation: Mapping[str, Any]
) -> Recognition:
    """Return the recognition that a stored decision tells: what was decided once, whatever rules say today."""
    until = result["valid_until"]
    whole, _, places = result["credits"].partition(".")
    return Recognition(
        ruleset_code=result["ruleset"],
        version=result["version"],
        rule_id=result["rule"],
        scheme=result["scheme"],
        credit_hundredths=int(whole) * 100 + int(places),
        level=result["level"],
        category=result["category"],
        valid_until=until and date.fromisoformat(until),
        considered=tuple((code, version) for code, version in inputs["rulesets"]),
        explanation=dict(explanation),
    )


def differences(stored_result: Mapping[str, Any], now: Recognition) -> list[dict[str, Any]]:
    """Return each field in which a stored result differs from one of now: [{"field", "stored", "now"}, …], sorted.

    A field that only one of the two knows differs, unless it is null there.
    """
    current = result_document(now)
    return [
        {"field": field, "stored": stored_result.get(field), "now": current.get(field)}
        for field in sorted(stored_result.keys() | current.keys())
        if stored_result.get(field) != current.get(field)
    ]
