"""The rule packs give the published figures, each alone and all together in one bank."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from creditbank.core.conversion.examples import failed_examples
from creditbank.core.credit import Rounding, Scheme, decimal_text, parsed_hundredths
from creditbank.core.outcome import Facts
from creditbank.core.qualification.examples import failed_records
from creditbank.core.recognition import in_force, recognised
from creditbank.core.rules import ConversionSet, QualificationSet, RuleSet, facts_from, failed_tests, parsed_ruleset
from creditbank.gateways.optimiser import best_values

ROOT = Path(__file__).parents[2]
PACKS = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "creditbank/rulepacks").glob("*.json"))}
PUBLISHED = ROOT.parent / "shared" / "oracles" / "cases.json"

COVERED = {
    "cn-x-certificate": {"X1", "X2", "X3", "X4"},
    "cn-postal-example": {"P1"},
    "cn-chongqing-zikao": {"Z1", "Z2", "Z3", "Z4", "Z5"},
    "cn-beijing": {"B1", "B2"},
    "cn-open-university": {"O1", "O2", "O3", "O4"},
    "cn-exchange-hours": {"H1", "H2"},
    "us-clep": {"C1", "C2", "C3", "C4"},
    "kr-acbs": {"K1", "K2", "K3", "K4", "K5"},
    "in-ncrf": {"I1", "I2", "I3", "I4"},
    "uk-open-university": {"U1", "U2"},
    "hk-qf": {"Q1", "Q2"},
    "ca-bc-transfer": {"T1"},
    "kr-heritage": {"N1"},
}
"""Every published case, by the pack whose own tests hold it."""


def scheme_from(document: dict[str, Any]) -> Scheme:
    hours, step = parsed_hundredths(document["hours_per_credit"]), parsed_hundredths(document["step"])
    assert hours
    assert step
    title, minutes = document["title"], document["minutes_per_hour"]
    return Scheme(document["code"], title["zh"], title["en"], hours, minutes, step, Rounding(document["rounding"]))


SCHEMES = {scheme["code"]: scheme_from(scheme) for pack in PACKS.values() for scheme in pack["schemes"]}
PARSED = [parsed_ruleset(document) for pack in PACKS.values() for document in pack["rulesets"]]
RULESETS = [one for one in PARSED if isinstance(one, RuleSet)]
CONVERSIONS = [one for one in PARSED if isinstance(one, ConversionSet)]
QUALIFICATIONS = [one for one in PARSED if isinstance(one, QualificationSet)]


def facts(**fields: object) -> Facts:
    """Build the facts of a course of 48 hours at a university."""
    base = {"kind": "course", "title": "高等数学", "issuer": "cqdx", "completed_on": "2024-06-30", "hours": "48"}
    return facts_from(base | fields)


def recognised_as(subject: Facts) -> tuple[str | None, str]:
    """Return which set counts in a bank that has all packs, and for how much."""
    recognition = recognised(in_force(RULESETS, subject), SCHEMES, subject)
    return recognition.ruleset_code, decimal_text(recognition.credit_hundredths)


@pytest.mark.parametrize("ruleset", RULESETS, ids=lambda ruleset: f"{ruleset.code}-{ruleset.version}")
def test_a_packs_own_tests_pass(ruleset: RuleSet) -> None:
    assert failed_tests(ruleset, SCHEMES[ruleset.scheme]) == ()


@pytest.mark.parametrize("ruleset", RULESETS, ids=lambda ruleset: f"{ruleset.code}-{ruleset.version}")
def test_what_a_set_awards_alone_it_awards_among_all_packs(ruleset: RuleSet) -> None:
    for test in ruleset.tests:
        if test.expected.credit_hundredths:
            expected = (ruleset.code, decimal_text(test.expected.credit_hundredths))
            assert recognised_as(test.given) == expected, test.id


@pytest.mark.parametrize("ruleset", CONVERSIONS, ids=lambda ruleset: f"{ruleset.code}-{ruleset.version}")
def test_a_conversion_packs_own_tests_pass(ruleset: ConversionSet) -> None:
    assert failed_examples(ruleset, SCHEMES[ruleset.scheme], best_values) == []


@pytest.mark.parametrize("ruleset", QUALIFICATIONS, ids=lambda ruleset: f"{ruleset.code}-{ruleset.version}")
def test_a_qualification_packs_own_tests_pass(ruleset: QualificationSet) -> None:
    assert failed_records(ruleset) == []


def test_every_published_case_is_among_the_packs_own_tests() -> None:
    for name, cases in COVERED.items():
        own = " ".join(test["id"] for document in PACKS[name]["rulesets"] for test in document["tests"])
        assert all(case in own.split() for case in cases), name


def test_a_scheme_that_several_packs_name_is_the_same_in_each() -> None:
    for pack in PACKS.values():
        assert all(scheme_from(scheme) == SCHEMES[scheme["code"]] for scheme in pack["schemes"])
        assert {document["scheme"] for document in pack["rulesets"]} <= {scheme["code"] for scheme in pack["schemes"]}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("cn-exchange-hours", "3.00")),
        ({"hours": "40"}, ("cn-exchange-hours", "2.50")),
        ({"issuer": "a-new-university"}, ("cn-exchange-hours", "3.00")),
        ({"issuer": "cqou", "hours": "54"}, ("cn-open-university", "3.00")),
        ({"issuer": "cq-yuzhong-elder"}, ("cn-chongqing-community", "3.00")),
        ({"issuer": "cq-community", "kind": "community_class"}, ("cn-chongqing-community", "3.00")),
        ({"issuer": "cq-cert", "kind": "certificate", "level": "中级"}, ("cn-chongqing-community", "6.00")),
        ({"kind": "training"}, ("cn-chongqing-community", "3.00")),
        ({"kind": "degree"}, (None, "0.00")),
        ({"issuer": "hk-vtc"}, (None, "0.00")),
        ({"issuer": "hk-vtc", "score": {"value": "pass", "scale": "pass_fail"}}, ("hk-qf", "4.80")),
        ({"issuer": "in-ignou", "hours": "1200"}, ("in-ncrf", "40.00")),
        ({"issuer": "kr-heritage", "kind": "other", "level": "holder"}, ("kr-heritage", "140.00")),
        ({"kind": "other", "level": "holder"}, (None, "0.00")),
        ({"score": {"value": "59.99", "scale": "100"}}, (None, "0.00")),
        ({"score": {"value": "60", "scale": "100"}}, ("cn-exchange-hours", "3.00")),
    ],
)
def test_with_all_packs_in_one_bank_each_outcome_finds_its_own_rules(
    fields: dict[str, object], expected: tuple[str | None, str]
) -> None:
    assert recognised_as(facts(**fields)) == expected


@pytest.mark.parametrize(("day", "expected"), [("2010-06-30", "12.00"), ("2010-07-01", "9.00")])
def test_the_day_of_the_exam_picks_the_edition_of_the_policy(day: str, expected: str) -> None:
    exam = {"kind": "examination", "title": "Spanish", "issuer": "us-college-board", "completed_on": day}
    subject = facts_from(exam | {"score": {"value": "63", "scale": "clep"}, "applied_on": "2024-01-01"})
    assert recognised_as(subject) == ("us-clep", expected)


def test_indian_credit_lives_for_seven_years() -> None:
    subject = facts(issuer="in-ignou")
    assert recognised(in_force(RULESETS, subject), SCHEMES, subject).valid_until == date(2031, 6, 30)


def test_no_published_case_is_left_out() -> None:
    if not PUBLISHED.exists():
        pytest.skip("the published cases are not beside this checkout")
    published = {
        system["system"]: {case["id"] for case in system["cases"]} for system in json.loads(PUBLISHED.read_text())
    }
    assert published == COVERED
