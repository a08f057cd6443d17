"""Which sets speak of an outcome, which one counts, and what is kept of it."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from creditbank.core.outcome import Facts
from creditbank.core.recognition import Recognition, differences, in_force, recognised, result_document
from creditbank.core.rules import RuleSet
from tests.core.test_rules import DAY, SCHEME, facts, ruleset

OTHER = replace(SCHEME, code="hk-qf")
SCHEMES = {SCHEME.code: SCHEME, OTHER.code: OTHER}


def names(rulesets: list[RuleSet], subject: Facts) -> list[tuple[str, int]]:
    return [(one.code, one.version) for one in in_force(rulesets, subject)]


def outcome(rulesets: list[RuleSet], subject: Facts) -> Recognition:
    return recognised(in_force(rulesets, subject), SCHEMES, subject)


@pytest.mark.parametrize(
    ("day", "versions"),
    [
        (date(2019, 12, 31), []),
        (date(2020, 1, 1), [1]),
        (date(2021, 6, 30), [1]),
        (date(2021, 7, 1), [2]),
        (date(2022, 12, 31), [2]),
        (date(2023, 1, 1), [3]),
    ],
)
def test_the_day_picks_the_version_and_the_highest_of_several(day: date, versions: list[int]) -> None:
    editions = [
        ruleset(version=3, valid_from="2023-01-01"),
        ruleset(version=1, valid_until="2021-06-30"),
        ruleset(version=2, valid_from="2021-07-01"),
    ]
    assert names(editions, facts(completed_on=day)) == [("set", version) for version in versions]


def test_the_version_itself_says_whether_completion_or_submission_counts() -> None:
    edition = ruleset(version_date="applied", valid_from="2025-01-01")
    assert names([edition], facts(applied_on=date(2025, 1, 1)))
    assert not names([edition], facts(completed_on=date(2025, 1, 1), applied_on=date(2024, 12, 31)))


def test_a_newer_version_that_does_not_apply_does_not_bring_back_the_older_one() -> None:
    editions = [ruleset(version=1), ruleset(version=2, applies_to={"issuer": "cqou"})]
    assert names(editions, facts()) == []


@pytest.mark.parametrize(
    ("older", "newer", "found"),
    [
        ({"issuer": "cqdx"}, {"issuer": "cqou"}, []),
        ({"issuer": "cqou"}, {"issuer": ["x", "cqdx"]}, [2]),
        ({"issuer": "cqou"}, None, [2]),
        ({"issuer": "cqou"}, {"hours": {"at_least": "1"}}, []),
        ({"issuer": "x"}, {"any": [{"issuer": "x"}, {"kind": "course"}]}, [2]),
        ({"kind": "training"}, {"kind": "training"}, []),
    ],
)
def test_a_set_is_found_by_what_its_newest_version_applies_to(
    older: dict[str, Any], newer: dict[str, Any] | None, found: list[int]
) -> None:
    editions = [ruleset(version=1, applies_to=older), ruleset(version=2, applies_to=newer)]
    assert names(editions, facts()) == [("set", version) for version in found]


def test_sets_come_by_priority_and_then_by_code() -> None:
    sets = [
        ruleset(code="b"),
        ruleset(code="a"),
        ruleset(code="z", priority=101),
        ruleset(code="0", priority=0),
    ]
    assert [code for code, _ in names(sets, facts())] == ["z", "a", "b", "0"]


def test_an_outcome_that_names_its_scheme_is_judged_by_sets_of_that_scheme_only() -> None:
    sets = [ruleset(code="a"), ruleset(code="b", scheme="hk-qf")]
    assert names(sets, facts(scheme="hk-qf")) == [("b", 1)]


def test_the_first_set_that_awards_anything_counts_even_if_a_later_one_gives_more() -> None:
    sets = [
        ruleset({"award": {"hours": {}}}, code="first", priority=300),
        ruleset({"award": {"fixed": "2"}}, code="second", priority=200),
        ruleset({"award": {"fixed": "9"}}, code="third"),
    ]
    recognition = outcome(sets, facts())
    assert (recognition.ruleset_code, recognition.version, recognition.rule_id) == ("second", 1, "r0")
    assert (recognition.scheme, recognition.credit_hundredths) == ("cn-16h-half", 200)
    assert recognition.considered == (("first", 1), ("second", 1))
    assert [tree["outcome"] for tree in recognition.explanation["sets"]] == ["no_credit", "awarded"]


def test_without_a_set_or_an_award_nothing_is_recognised() -> None:
    for sets in ([], [ruleset({"when": {"kind": "training"}})]):
        recognition = outcome(sets, facts(level="3", category="c"))
        assert recognition.credit_hundredths == 0
        assert {recognition.ruleset_code, recognition.version, recognition.rule_id, recognition.scheme} == {None}
        assert (recognition.level, recognition.category) == ("3", "c")
        assert recognition.explanation["outcome"] == "not_recognised"


def test_a_level_and_category_of_the_rule_replace_those_of_the_outcome() -> None:
    subject = facts(level="own", category="own")
    kept = outcome([ruleset()], subject)
    replaced = outcome([ruleset({"level": "L", "category": "C"})], subject)
    assert (kept.level, kept.category) == ("own", "own")
    assert (replaced.level, replaced.category) == ("L", "C")


@pytest.mark.parametrize(
    ("completed_on", "years", "last_day"),
    [
        (DAY, 7, date(2031, 6, 30)),
        (date(2024, 2, 29), 1, date(2025, 2, 28)),
        (date(2024, 2, 29), 4, date(2028, 2, 29)),
        (date(9990, 1, 1), 50, date.max),
        (DAY, None, None),
    ],
)
def test_validity_runs_from_completion_to_its_last_day(
    completed_on: date, years: int | None, last_day: date | None
) -> None:
    rule: dict[str, Any] = {} if years is None else {"valid_years": years}
    assert outcome([ruleset(rule)], facts(completed_on=completed_on)).valid_until == last_day


def test_the_result_is_told_in_decimal_strings_and_days() -> None:
    subject = facts(hours_hundredths=4800)
    rule = {"award": {"hours": {}}, "valid_years": 7, "category": "学历教育"}
    assert result_document(outcome([ruleset(rule)], subject)) == {
        "credits": "3.00",
        "scheme": "cn-16h-half",
        "level": None,
        "category": "学历教育",
        "ruleset": "set",
        "version": 1,
        "rule": "r0",
        "valid_until": "2031-06-30",
    }


def test_judging_the_same_facts_again_differs_in_nothing() -> None:
    sets = [ruleset({"valid_years": 7})]
    stored = json.loads(json.dumps(result_document(outcome(sets, facts()))))
    again = outcome(sets, facts())
    assert differences(stored, again) == []
    assert again == outcome(sets, facts())


def test_each_field_that_differs_is_named_with_both_values() -> None:
    stored = result_document(outcome([ruleset()], facts())) | {"extra": 1}
    now = outcome([ruleset({"award": {"fixed": "7"}}, version=2)], facts())
    assert differences(stored, now) == [
        {"field": "credits", "stored": "6.00", "now": "7.00"},
        {"field": "extra", "stored": 1, "now": None},
        {"field": "version", "stored": 1, "now": 2},
    ]


def test_an_explanation_is_plain_json() -> None:
    recognition = outcome([ruleset({"valid_years": 7})], facts(level="3"))
    assert json.loads(json.dumps(recognition.explanation)) == recognition.explanation
