"""A qualification rule set's own tests: records with the levels that they reach, and what others lack."""

from typing import Any

from creditbank.core.errors import Fault, Malformed
from creditbank.core.qualification.progress import progress
from creditbank.core.qualification.record import record_from
from creditbank.core.qualification.wording import lacking
from creditbank.core.rules.document import FAULTS_MAX
from creditbank.core.rules.qualification_set import QualificationExample, QualificationSet


def failed_records(ruleset: QualificationSet) -> list[Fault]:
    """Return a fault for everything that the set's own tests expect and do not find."""
    faults: list[Fault] = []
    for number, example in enumerate(ruleset.tests):
        try:
            found = found_by(ruleset, example)
        except Malformed as malformed:
            faults += [fault.under(f"/tests/{number}/given") for fault in malformed.faults]
            continue
        for name, expected in expected_of(example).items():
            if expected != found[name]:
                zh = f"测试 {example.id} 期望 {name} 为 {expected}，实际为 {found[name]}；请更正定义或测试。"
                en = (
                    f"The test {example.id} expects {name} {expected} and finds {found[name]}; mend definition or test."
                )
                faults.append(Fault(f"/tests/{number}/expect/{name}", "test_failed", zh, en))
        if len(faults) >= FAULTS_MAX:
            break
    return faults[:FAULTS_MAX]


def expected_of(example: QualificationExample) -> dict[str, Any]:
    """Return what a test expects, in the form in which it is found."""
    missing = {level: sorted(parts) for level, parts in example.missing.items()}
    return {"levels": sorted(example.levels), "missing": missing}


def found_by(ruleset: QualificationSet, example: QualificationExample) -> dict[str, Any]:
    """Return the levels that a test's record reaches, and what those lack that the test asks about.

    Refused: Malformed where the record can't be read.
    """
    found = progress(ruleset, record_from(example.given))
    asked = {name: sorted(lacking(found.of(name).tree)) for name in example.missing}
    return {"levels": sorted(one.level.id for one in found.levels if one.is_met), "missing": asked}
