"""Checking: the own tests of a rule set, and what it would do beside those that are in print."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from creditbank.core.conversion.examples import failed_examples, found_by
from creditbank.core.conversion.planning import planned
from creditbank.core.conversion.situation import situation_from
from creditbank.core.credit import Scheme, decimal_text
from creditbank.core.errors import Conflict, Fault, Malformed
from creditbank.core.qualification.examples import expected_of, failed_records
from creditbank.core.qualification.examples import found_by as found_of_record
from creditbank.core.rules import AnySet, ConversionSet, QualificationSet, RuleSet, evaluated, failed_tests
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


def checked(work: Work, parsed: AnySet, scheme: Scheme) -> Check:
    """Run a set's own tests and look at it beside those in print; nothing is written."""
    tests, faults = [], []
    for number in range(len(parsed.tests)):
        alone = _with_one_test(parsed, number)
        own = [_numbered(fault, number) for fault in failures(alone, scheme)]
        faults += own
        tests.append({"id": alone.tests[0].id, "passed": not own} | (_compared(alone, scheme) if own else {}))
    faults += _minting_faults(work, parsed)
    return Check(passed=not faults, tests=tuple(tests), faults=tuple(faults[:FAULTS_MAX]))


def all_failures(work: Work, ruleset: AnySet, scheme: Scheme) -> list[Fault]:
    """Return everything that keeps a set from being published."""
    return [*failures(ruleset, scheme), *_minting_faults(work, ruleset)]


def weighable(ruleset: AnySet) -> RuleSet | ConversionSet:
    """Return a set whose new version can change what comes out of decisions that stand.

    Refused: Conflict for a set of qualification, whose awards stay under the version that they were given by.
    """
    if isinstance(ruleset, QualificationSet):
        zh = "资历按授予时的版本长期有效，新版本不改变已授予的资历；无须评估影响。"
        en = "Awards stay under the version that they were given by; a new one changes none, there is nothing to weigh."
        raise Conflict((Fault("", "nothing_to_weigh", zh, en),))
    return ruleset


def failures(ruleset: AnySet, scheme: Scheme) -> Sequence[Fault]:
    """Return a fault for each of a set's own tests that fails."""
    if isinstance(ruleset, ConversionSet):
        return failed_examples(ruleset, scheme, best_values)
    if isinstance(ruleset, QualificationSet):
        return failed_records(ruleset)
    return failed_tests(ruleset, scheme)


def _minting_faults(work: Work, ruleset: AnySet) -> list[Fault]:
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


def _with_one_test(ruleset: AnySet, number: int) -> AnySet:
    """Return the set with one of its tests only, as running all stops after so many faults."""
    if isinstance(ruleset, ConversionSet):
        return replace(ruleset, tests=(ruleset.tests[number],))
    if isinstance(ruleset, QualificationSet):
        return replace(ruleset, tests=(ruleset.tests[number],))
    return replace(ruleset, tests=(ruleset.tests[number],))


def _numbered(fault: Fault, number: int) -> Fault:
    """Return a fault of the only test as that of the test with this number."""
    return replace(fault, pointer=f"/tests/{number}" + fault.pointer.removeprefix("/tests/0"))


def _compared(ruleset: AnySet, scheme: Scheme) -> dict[str, Any]:
    """Return what a set's only test expects, and what comes out in its place."""
    if isinstance(ruleset, ConversionSet):
        return _compared_plan(ruleset, scheme)
    if isinstance(ruleset, QualificationSet):
        return _compared_record(ruleset)
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


def _compared_record(ruleset: QualificationSet) -> dict[str, Any]:
    """Return what a set's only test of qualification expects and finds; nothing where its record can't be read."""
    (test,) = ruleset.tests
    try:
        found = found_of_record(ruleset, test)
    except Malformed:
        return {}
    return {"expected": expected_of(test), "found": found}
