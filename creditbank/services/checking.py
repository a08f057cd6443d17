"""Checking: the own tests of a rule set, and what it would do beside those that are in print."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from creditbank.core.conversion.examples import failed_examples, found_by
from creditbank.core.conversion.planning import planned
from creditbank.core.conversion.situation import situation_from
from creditbank.core.credit import Scheme, decimal_text
from creditbank.core.errors import Fault, Malformed
from creditbank.core.rules import ConversionSet, RuleSet, evaluated, failed_tests
from creditbank.core.rules.document import FAULTS_MAX
from creditbank.core.rules.evaluation import resulting
from creditbank.core.rules.minting import minting_faults
from creditbank.gateways.optimiser import best_values
from creditbank.services.bank import Work


@dataclass(frozen=True, slots=True)
class Check:
    """How the own tests of a version come out: each with `id` and `passed`, one that fails with `expected` and `found`.

    `faults` says what is wrong, up to FAULTS_MAX of them.
    """

    passed: bool
    tests: tuple[dict[str, Any], ...]
    faults: tuple[Fault, ...]


def checked(work: Work, parsed: RuleSet | ConversionSet, scheme: Scheme) -> Check:
    """Run a set's own tests and look at it beside those in print; nothing is written."""
    tests, faults = [], []
    for number in range(len(parsed.tests)):
        alone = _with_one_test(parsed, number)
        own = [_numbered(fault, number) for fault in failures(alone, scheme)]
        faults += own
        tests.append({"id": alone.tests[0].id, "passed": not own} | (_compared(alone, scheme) if own else {}))
    faults += _minting_faults(work, parsed)
    return Check(passed=not faults, tests=tuple(tests), faults=tuple(faults[:FAULTS_MAX]))


def all_failures(work: Work, ruleset: RuleSet | ConversionSet, scheme: Scheme) -> list[Fault]:
    """Return everything that keeps a set from being published."""
    return [*failures(ruleset, scheme), *_minting_faults(work, ruleset)]


def failures(ruleset: RuleSet | ConversionSet, scheme: Scheme) -> Sequence[Fault]:
    """Return a fault for each of a set's own tests that fails."""
    if isinstance(ruleset, ConversionSet):
        return failed_examples(ruleset, scheme, best_values)
    return failed_tests(ruleset, scheme)


def _minting_faults(work: Work, ruleset: RuleSet | ConversionSet) -> list[Fault]:
    """Return how a set would mint credit together with those that will be in force on some day on which it is."""
    if not isinstance(ruleset, ConversionSet):
        return []
    rulebook = work.rulebook()
    begins = {max(work.today, one.validity.first) for one in (ruleset, *rulebook.conversions)}
    for day in sorted(begins):
        if ruleset.validity.contains_day(day):
            beside = [one for one in rulebook.conversions_in_force(day) if one.code != ruleset.code]
            if faults := minting_faults(ruleset, beside):
                return faults
    return []


def _with_one_test(ruleset: RuleSet | ConversionSet, number: int) -> RuleSet | ConversionSet:
    """Return the set with one of its tests only, as running all stops after so many faults."""
    if isinstance(ruleset, ConversionSet):
        return replace(ruleset, tests=(ruleset.tests[number],))
    return replace(ruleset, tests=(ruleset.tests[number],))


def _numbered(fault: Fault, number: int) -> Fault:
    """Return a fault of the only test as that of the test with this number."""
    return replace(fault, pointer=f"/tests/{number}" + fault.pointer.removeprefix("/tests/0"))


def _compared(ruleset: RuleSet | ConversionSet, scheme: Scheme) -> dict[str, Any]:
    """Return what a set's only test expects, and what comes out in its place."""
    if isinstance(ruleset, ConversionSet):
        return _compared_plan(ruleset, scheme)
    (test,) = ruleset.tests
    evaluation = evaluated(ruleset, scheme, test.given)
    level, category = resulting(evaluation.rule, test.given)
    wanted = test.expected
    expected = {"rule": wanted.rule, "level": wanted.level, "category": wanted.category}
    found = {"rule": evaluation.rule and evaluation.rule.id, "level": level, "category": category}
    asked = [name for name, value in expected.items() if value is not None]
    return {
        "expected": {"credits": decimal_text(wanted.credit_hundredths)} | {name: expected[name] for name in asked},
        "found": {"credits": decimal_text(evaluation.credit_hundredths)} | {name: found[name] for name in asked},
    }


def _compared_plan(ruleset: ConversionSet, scheme: Scheme) -> dict[str, Any]:
    """Return what a set's only test of conversion expects and finds; nothing where its situation can't be read."""
    (test,) = ruleset.tests
    try:
        found = found_by(planned(ruleset, scheme, situation_from(test.given), best_values))
    except Malformed:
        return {}
    return {"expected": dict(test.expected), "found": {name: found[name] for name in test.expected}}
