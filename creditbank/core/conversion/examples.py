"""A conversion rule set's own tests: situations with what is expected of them."""

from collections.abc import Mapping
from typing import Any

from creditbank.core.conversion.linear import Solve
from creditbank.core.conversion.planning import Plan, planned
from creditbank.core.conversion.situation import situation_from
from creditbank.core.credit import Scheme
from creditbank.core.errors import Fault, Malformed
from creditbank.core.rules.conversion_set import ConversionExample, ConversionSet
from creditbank.core.rules.document import FAULTS_MAX


def failed_examples(ruleset: ConversionSet, scheme: Scheme, solve: Solve) -> list[Fault]:
    """Return a fault for everything that the set's own tests expect and do not find."""
    faults: list[Fault] = []
    for number, example in enumerate(ruleset.tests):
        try:
            situation = situation_from(example.given)
        except Malformed as malformed:
            faults += [fault.under(f"/tests/{number}/given") for fault in malformed.faults]
            continue
        plan = planned(ruleset, scheme, situation, solve)
        faults += _differing(number, example, found_by(plan))
        if len(faults) >= FAULTS_MAX:
            break
    return faults[:FAULTS_MAX]


def found_by(plan: Plan) -> dict[str, Any]:
    """Return what a test can expect of a plan.

    `courses` are those converted, `reasons` why courses and outcomes were left out (the first reason, with the limit's
    or exclusion's id after a colon), `missing` the requirements that are not met yet.
    """
    told = plan.explanation
    left_out = [(one["code"], one) for one in told["courses_left_out"]]
    left_out += [(one["outcome"], one) for one in told["outcomes_left_out"]]
    return {
        "credits": told["credits"],
        "courses": sorted(part.course.code for part in plan.parts if part.course is not None),
        "outcomes": sorted({part.outcome for part in plan.parts}),
        "reasons": {name: reason_of(one["reasons"]) for name, one in left_out},
        "missing": sorted(one["requirement"] for one in told["requirements"] if not one["met"]),
    }


def reason_of(reasons: list[dict[str, Any]]) -> str:
    """Return the first reason in short, such as "limit:per-certificate", "excluded:practice" or "partner_missing"."""
    if not reasons:
        return ""
    reason = reasons[0]
    if reason["why"] == "limit":
        return f"limit:{reason['limits'][0]['limit']}"
    return f"excluded:{reason['exclusion']}" if reason["why"] == "excluded" else str(reason["why"])


def _differing(number: int, example: ConversionExample, found: Mapping[str, Any]) -> list[Fault]:
    faults = []
    for name, expected in example.expected.items():
        pointer = f"/tests/{number}/expect/{name}"
        actual = found[name]
        if name == "reasons":
            for key, reason in expected.items():
                if actual.get(key) != reason:
                    faults.append(_fault(f"{pointer}/{key}", example, reason, actual.get(key)))
        elif (sorted(expected) if isinstance(expected, list) else expected) != actual:
            faults.append(_fault(pointer, example, expected, actual))
    return faults


def _fault(pointer: str, example: ConversionExample, expected: object, actual: object) -> Fault:
    zh = f"测试 {example.id} 期望 {expected}，实际为 {actual}；请更正规则或测试。"
    en = f"The test {example.id} expects {expected} and finds {actual}; mend the rules or the test."
    return Fault(pointer, "test_failed", zh, en)
