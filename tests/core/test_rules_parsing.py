"""A rule set is taken as it is written or refused with everything that is wrong with it, whatever it is."""

import json
import time
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbank.core.errors import RulesetFaulty
from creditbank.core.rules import parsed_ruleset
from creditbank.core.rules.condition_parsing import DEPTH_MAX, LIST_MAX, TERMS_MAX
from creditbank.core.rules.document import FAULTS_MAX, NAME_MAX, VALUES_MAX
from creditbank.core.rules.parsing import RULES_MAX, TESTS_MAX
from tests.core.test_rules import document


def faults_of(value: object) -> list[tuple[str, str]]:
    with pytest.raises(RulesetFaulty) as refused:
        parsed_ruleset(value)
    return [(fault.pointer, fault.code) for fault in refused.value.faults]


def rule_with(**fields: object) -> dict[str, Any]:
    return document({"award": {"fixed": "6"}, **fields})


@pytest.mark.parametrize("value", [None, True, 3, Decimal("1.5"), Decimal("NaN"), Decimal("sNaN"), "x", []])
def test_what_is_no_object_is_refused(value: object) -> None:
    assert faults_of(value) == [("", "wrong_type")]


def test_a_number_too_long_to_be_printed_is_refused_like_any_other() -> None:
    assert faults_of(10**5000) == [("", "wrong_type")]
    assert faults_of(document(version=10**5000)) == [("/version", "out_of_range")]
    assert faults_of(document(title=-(10**5000))) == [("/title", "wrong_type")]


def test_an_empty_object_lacks_every_required_field_and_nothing_else() -> None:
    required = ["code", "version", "kind", "title", "authority", "source", "valid_from", "version_date", "scheme"]
    assert faults_of({}) == [(f"/{name}", "missing") for name in (*required, "rules", "tests")]


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"code": "Set"}, ("/code", "bad_code")),
        ({"code": "a" * (NAME_MAX + 1)}, ("/code", "too_long")),
        ({"code": "-a"}, ("/code", "bad_code")),
        ({"version": True}, ("/version", "wrong_type")),
        ({"version": "1"}, ("/version", "wrong_type")),
        ({"version": Decimal("1.5")}, ("/version", "wrong_type")),
        ({"version": 0}, ("/version", "out_of_range")),
        ({"version": 10_000}, ("/version", "out_of_range")),
        ({"kind": "something-else"}, ("/kind", "not_an_option")),
        ({"title": "x"}, ("/title", "wrong_type")),
        ({"title": {"zh": "x"}}, ("/title/en", "missing")),
        ({"authority": " "}, ("/authority", "empty")),
        ({"authority": "\ud800"}, ("/authority", "bad_character")),
        ({"source": {"document": "x", "artikel": "y"}}, ("/source/artikel", "unknown_field")),
        ({"valid_from": "2020-02-30"}, ("/valid_from", "bad_date")),
        ({"valid_from": "20200101"}, ("/valid_from", "bad_date")),
        ({"valid_from": 20200101}, ("/valid_from", "wrong_type")),
        ({"valid_until": "2019-12-31"}, ("/valid_until", "ends_before_start")),
        ({"version_date": "today"}, ("/version_date", "not_an_option")),
        ({"scheme": None}, ("/scheme", "wrong_type")),
        ({"priority": 1001}, ("/priority", "out_of_range")),
        ({"choose": "worst"}, ("/choose", "not_an_option")),
        ({"applies_to": {}}, ("/applies_to", "empty")),
        ({"rules": []}, ("/rules", "empty")),
        ({"rules": {}}, ("/rules", "wrong_type")),
        ({"rules": [1] * (RULES_MAX + 1)}, ("/rules", "too_many")),
        ({"tests": []}, ("/tests", "empty")),
        ({"tests": [1] * (TESTS_MAX + 1)}, ("/tests", "too_many")),
        ({"a/b~c": 1}, ("/*", "unknown_field")),
    ],
)
def test_a_faulty_field_is_named_by_its_pointer(fields: dict[str, object], fault: tuple[str, str]) -> None:
    assert faults_of(document(**fields)) == [fault]


@pytest.mark.parametrize(
    ("when", "pointer", "code"),
    [
        ({}, "", "empty"),
        ([], "", "wrong_type"),
        (None, "", "wrong_type"),
        ({"kind": None}, "/kind", "wrong_type"),
        ({"kind": "curse"}, "/kind", "not_an_option"),
        ({"titel": "x"}, "/titel", "unknown_field"),
        ({"title": []}, "/title", "empty"),
        ({"title": [1]}, "/title/0", "wrong_type"),
        ({"issuer": ["x"] * (LIST_MAX + 1)}, "/issuer", "too_many"),
        ({"all": []}, "/all", "empty"),
        ({"any": []}, "/any", "empty"),
        ({"any": [{}]}, "/any/0", "empty"),
        ({"not": {}}, "/not", "empty"),
        ({"hours": {}}, "/hours", "no_bounds"),
        ({"hours": "16"}, "/hours", "wrong_type"),
        ({"hours": {"at_least": None}}, "/hours", "no_bounds"),
        ({"hours": {"at_least": 16}}, "/hours/at_least", "wrong_type"),
        ({"hours": {"at_least": "1.234"}}, "/hours/at_least", "bad_decimal"),
        ({"hours": {"at_least": "２"}}, "/hours/at_least", "bad_decimal"),
        ({"hours": {"at_least": "2", "at_most": "1.99"}}, "/hours", "bounds_crossed"),
        ({"score": {"at_least": "60"}}, "/score/scale", "missing"),
        ({"score": {"scale": "100"}}, "/score", "no_bounds"),
        ({"score": {"scale": "100", "in": []}}, "/score/in", "empty"),
        ({"score": {"scale": "100", "in": ["a"], "at_least": "1"}}, "/score/in", "contradiction"),
        ({"completed": {}}, "/completed", "no_bounds"),
        ({"completed": {"from": "2020-01-02", "until": "2020-01-01"}}, "/completed", "bounds_crossed"),
        ({"completed_within_years": 0}, "/completed_within_years", "out_of_range"),
        ({"completed_within_years": "16"}, "/completed_within_years", "wrong_type"),
        ({"age": {}}, "/age", "no_bounds"),
        ({"age": 60}, "/age", "wrong_type"),
        ({"age": {"at_least": "60"}}, "/age/at_least", "wrong_type"),
        ({"age": {"at_least": 151}}, "/age/at_least", "out_of_range"),
        ({"age": {"at_most": -1}}, "/age/at_most", "out_of_range"),
        ({"age": {"at_least": 60, "at_most": 59}}, "/age", "bounds_crossed"),
        ({"at_least": 2}, "/at_least", "wrong_type"),
        ({"at_least": {"n": 1}}, "/at_least/of", "missing"),
        ({"at_least": {"of": [{"kind": "course"}]}}, "/at_least/n", "missing"),
        ({"at_least": {"n": 1, "of": []}}, "/at_least/of", "empty"),
        ({"at_least": {"n": 1, "of": [{"kind": "course"}, {}]}}, "/at_least/of/1", "empty"),
        ({"at_least": {"n": 0, "of": [{"kind": "course"}]}}, "/at_least/n", "out_of_range"),
        ({"at_least": {"n": "1", "of": [{"kind": "course"}]}}, "/at_least/n", "wrong_type"),
        ({"at_least": {"n": 2, "of": [{"kind": "course"}]}}, "/at_least/n", "cannot_be_met"),
    ],
)
def test_a_faulty_condition_is_named_by_its_pointer(when: object, pointer: str, code: str) -> None:
    assert faults_of(rule_with(when=when)) == [("/rules/0/when" + pointer, code)]


STEP = {"at_least": "50", "credits": "6"}


@pytest.mark.parametrize(
    ("award", "pointer", "code"),
    [
        ({}, "", "empty"),
        ({"fixed": "1", "hours": {}}, "", "several_awards"),
        ({"fxied": "1"}, "/fxied", "unknown_field"),
        ({"fixed": "0"}, "/fixed", "out_of_range"),
        ({"fixed": "10000.01"}, "/fixed", "out_of_range"),
        ({"fixed": 6}, "/fixed", "wrong_type"),
        ({"hours": {"per_credit": "0"}}, "/hours/per_credit", "out_of_range"),
        ({"hours": {"step": "0.00"}}, "/hours/step", "out_of_range"),
        ({"hours": {"rounding": "sideways"}}, "/hours/rounding", "not_an_option"),
        ({"hours": {"minutes_per_hour": 0}}, "/hours/minutes_per_hour", "out_of_range"),
        (
            {"tiers": {"scale": "c", "steps": [{"at_least": "x", "credits": "6"}]}},
            "/tiers/steps/0/at_least",
            "bad_decimal",
        ),
        ({"tiers": {"scale": "c", "steps": []}}, "/tiers/steps", "empty"),
        ({"tiers": {"scale": "c", "steps": [STEP, STEP]}}, "/tiers/steps/1/at_least", "not_ascending"),
        ({"levels": {}}, "/levels", "empty"),
        ({"levels": {"a": "1", "A": "2"}}, "/levels/*", "duplicate_level"),
        ({"levels": {"a": "x"}}, "/levels/a", "bad_decimal"),
        ({"claimed": {"factor": "0"}}, "/claimed/factor", "out_of_range"),
        ({"points": {"factor": "2"}}, "/points/factor", "unknown_field"),
        ({"points": "2"}, "/points", "wrong_type"),
    ],
)
def test_a_faulty_award_is_named_by_its_pointer(award: object, pointer: str, code: str) -> None:
    assert faults_of(rule_with(award=award)) == [("/rules/0/award" + pointer, code)]


@pytest.mark.parametrize(("years", "taken"), [(1, True), (50, True), (51, False), (0, False), (True, False)])
def test_credit_is_valid_for_1_to_50_years(years: int, *, taken: bool) -> None:
    if taken:
        assert parsed_ruleset(rule_with(valid_years=years)).rules[0].valid_years == years
    else:
        assert faults_of(rule_with(valid_years=years))[0][0] == "/rules/0/valid_years"


@pytest.mark.parametrize(
    "fields",
    [
        {"valid_until": "2020-01-01"},
        {"version": Decimal(7)},
        {"applies_to": {"hours": {"at_least": "2", "at_most": "2"}}},
        {"applies_to": {"completed": {"from": "2020-01-01", "until": "2020-01-01"}}},
        {"applies_to": {"issuer": ["x"] * LIST_MAX}},
        {"code": "a" * NAME_MAX, "version": 9999, "priority": 0},
    ],
)
def test_what_lies_on_a_bound_is_taken(fields: dict[str, object]) -> None:
    parsed_ruleset(document(**fields))


@pytest.mark.parametrize("number", [Decimal("9" * 6000), Decimal("1E+999999"), Decimal("Infinity"), Decimal(-1)])
def test_no_decimal_costs_more_than_its_refusal(number: Decimal) -> None:
    assert [pointer for pointer, _ in faults_of(document(version=number))] == ["/version"]


def test_ids_are_unique_among_rules_and_among_tests() -> None:
    own = document()["tests"][0]
    faulty = document({"id": "a"}, {"id": "a"}, tests=[own, own])
    assert faults_of(faulty) == [("/rules/1/id", "duplicate_id"), ("/tests/1/id", "duplicate_id")]


def test_a_test_expects_only_rules_that_there_are() -> None:
    own = document()["tests"][0] | {"expect": {"credits": "6", "rule": "r9"}}
    assert faults_of(document(tests=[own])) == [("/tests/0/expect/rule", "unknown_rule")]


def test_all_faults_come_together_up_to_a_number_that_a_person_mends() -> None:
    assert len(faults_of(document(code="X", version=0, valid_from="x"))) == 3
    assert len(faults_of({str(number): 1 for number in range(1000)})) == FAULTS_MAX


def test_every_fault_says_what_is_wrong_in_both_languages_and_names_the_nearest_field() -> None:
    with pytest.raises(RulesetFaulty) as refused:
        parsed_ruleset(document(prioritty=1, valid_form="x"))
    assert [fault.message_en.count("priority is meant") for fault in refused.value.faults] == [0, 0]
    assert "priority" in refused.value.faults[0].message_zh
    assert "valid_from" in refused.value.faults[1].message_en


def nested(depth: int, combination: str = "not") -> dict[str, Any]:
    condition: dict[str, Any] = {"kind": "course"}
    for _ in range(depth - 1):
        condition = {combination: condition if combination == "not" else [condition]}
    return condition


@pytest.mark.parametrize("combination", ["not", "all", "any"])
def test_conditions_nest_to_a_limit(combination: str) -> None:
    parsed_ruleset(rule_with(when=nested(DEPTH_MAX, combination)))
    assert [code for _, code in faults_of(rule_with(when=nested(DEPTH_MAX + 1, combination)))] == ["too_deep"]


def test_terms_are_counted_over_the_whole_set() -> None:
    rules = [{"when": {"any": [{"kind": "course"}] * 999}} for _ in range(TERMS_MAX // 1000)]
    assert len(parsed_ruleset(document(*rules)).rules) == TERMS_MAX // 1000
    assert faults_of(document(*rules, {}))[-1][1] == "too_many_terms"


@pytest.mark.parametrize(
    "bomb",
    [
        nested(10_000),
        nested(10_000, "all"),
        {"any": [{"kind": "course"}] * 1_000_000},
        {"any": [{"any": [{"kind": "course"}] * 1000}] * 1000},
        {"issuer": ["x"] * (VALUES_MAX + 1)},
    ],
    ids=["deep", "deep lists", "a million terms", "a thousand thousands", "values"],
)
def test_a_bomb_is_refused_at_once(bomb: dict[str, Any]) -> None:
    faulty = rule_with(when=bomb)
    started = time.process_time()
    assert faults_of(faulty)[0][1] in {"too_deep", "too_large"}
    assert time.process_time() - started < 0.1


TEXTS = st.text(max_size=8) | st.sampled_from(["all", "any", "not", "kind", "score", "2020-01-01", "6.00", "\ud800"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
PLACES = st.sampled_from([*document(), "applies_to", "choose", "priority", "valid_until", "when", "award", "given"])


@given(PLACES, JSON)
def test_no_json_value_anywhere_meets_anything_but_a_refusal(place: str, value: object) -> None:
    if place in {"when", "award"}:
        broken = rule_with(**{place: value})
    elif place == "given":
        broken = document(tests=[{"id": "t", "given": value, "expect": value}])
    else:
        broken = document(**{place: value})
    for candidate in (broken, value):
        try:
            parsed_ruleset(candidate)
        except RulesetFaulty as refused:
            json.dumps([fault.pointer + fault.message_zh for fault in refused.faults], ensure_ascii=False).encode()


def test_parsing_the_same_document_twice_gives_equal_sets() -> None:
    assert parsed_ruleset(document()) == parsed_ruleset(document())
    assert parsed_ruleset(document()) != replace(parsed_ruleset(document()), version=2)
