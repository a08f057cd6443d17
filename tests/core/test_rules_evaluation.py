"""What a whole set decides: which rule counts, when the set speaks at all, what it explains, and its own tests."""

from dataclasses import replace
from datetime import date
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbank.core.credit import decimal_text
from creditbank.core.outcome import Facts, Kind, Score
from creditbank.core.rules import evaluated, failed_tests
from creditbank.core.rules.awards import AWARD_HUNDREDTHS_MAX
from creditbank.core.rules.conditions import ASKED_MAX
from creditbank.core.rules.document import FAULTS_MAX
from creditbank.core.rules.evaluation import SHOWN_RULES_MAX
from creditbank.core.rules.subject import subject_of
from tests.core.test_rules import DAY, SCHEME, SCORE_60, awards, decided, facts, ruleset


def test_best_takes_the_most_credits_and_the_first_of_equals() -> None:
    amounts = [{"award": {"fixed": amount}} for amount in ("2", "5", "5", "3")]
    evaluation = decided(facts(), *amounts)
    assert (evaluation.rule and evaluation.rule.id, evaluation.credit_hundredths) == ("r1", 500)
    whys = {node["rule"]: node.get("why_not") for node in evaluation.explanation["rules"]}
    assert whys == {"r0": "fewer_credits", "r1": None, "r2": "later_in_document", "r3": "fewer_credits"}


def test_first_takes_the_first_rule_that_awards_anything() -> None:
    rules = [{"award": {"hours": {}}}, {"award": {"fixed": "2"}}, {"award": {"fixed": "5"}}]
    evaluation = decided(facts(), *rules, choose="first")
    assert (evaluation.rule and evaluation.rule.id, evaluation.credit_hundredths) == ("r1", 200)
    whys = {node["rule"]: node.get("why_not") for node in evaluation.explanation["rules"]}
    assert whys == {"r0": "no_award", "r1": None, "r2": "later_in_document"}


@pytest.mark.parametrize(
    ("day", "outcome"),
    [
        (date(2019, 12, 31), "outside_validity"),
        (date(2020, 1, 1), "awarded"),
        (date(2024, 12, 31), "awarded"),
        (date(2025, 1, 1), "outside_validity"),
    ],
)
@pytest.mark.parametrize("version_date", ["completed", "applied"])
def test_validity_includes_its_first_and_last_day_of_the_date_that_the_set_names(
    day: date, outcome: str, version_date: str
) -> None:
    inside = date(2022, 1, 1)
    subject = facts(completed_on=inside, applied_on=inside) if version_date == "completed" else facts(completed_on=DAY)
    subject = replace(subject, **{f"{version_date}_on": day})
    evaluation = decided(subject, valid_until="2024-12-31", version_date=version_date)
    assert evaluation.explanation["outcome"] == outcome
    assert (evaluation.credit_hundredths > 0) is (outcome == "awarded")


def test_a_set_is_silent_on_what_it_does_not_apply_to_and_on_another_scheme() -> None:
    only_ou = {"applies_to": {"issuer": "cqou"}}
    assert decided(facts(), **only_ou).explanation["outcome"] == "not_applicable"
    assert decided(facts(issuer="cqou"), **only_ou).explanation["outcome"] == "awarded"
    assert decided(facts(scheme="hk-qf")).explanation["outcome"] == "other_scheme"
    assert decided(facts(scheme="cn-16h-half")).explanation["outcome"] == "awarded"


def test_an_explanation_tells_what_was_asked_found_and_held_of_a_rule_that_came_close() -> None:
    rule = {"article": "第六条", "when": {"title": "高等数学（一）", **SCORE_60}}
    evaluation = decided(facts(score=Score("59", "100")), rule, {"when": {"title": "线性代数"}})
    assert evaluation.explanation["outcome"] == "no_rule_applies"
    assert evaluation.explanation["rules"] == [
        {
            "rule": "r0",
            "article": "第六条",
            "matched": False,
            "when": [
                {"fact": "title", "asked": ["高等数学（一）"], "found": "高等数学（一）", "held": True},
                {
                    "fact": "score",
                    "asked": {"scale": "100", "at_least": "60.00"},
                    "found": {"value": "59", "scale": "100"},
                    "held": False,
                },
            ],
            "chosen": False,
            "why_not": "condition",
        }
    ]


def test_an_explanation_repeats_the_first_of_a_long_list_and_tells_how_many_more_there_are() -> None:
    titles = [f"课程{number}" for number in range(ASKED_MAX + 2)]
    evaluation = decided(facts(title="课程0"), {"when": {"title": titles[:-2]}}, {"when": {"title": titles}})
    short, long = evaluation.explanation["rules"]
    assert (short["when"][0]["asked"], short["when"][0].get("asked_more")) == (titles[:-2], None)
    assert (long["when"][0]["asked"], long["when"][0].get("asked_more")) == (titles[:-2], 2)


def test_an_explanation_shows_the_arithmetic() -> None:
    award = decided(facts(hours_hundredths=4400), {"award": {"hours": {}}}).explanation["rules"][0]["award"]
    assert award == {
        "how": "hours",
        "hours": "44.00",
        "per_credit": "16.00",
        "exact": "2.75",
        "step": "0.50",
        "rounding": "down",
        "credits": "2.50",
    }


def test_an_explanation_does_not_grow_with_rules_that_came_close_or_say_nothing() -> None:
    close = [{"when": {"kind": "course", **SCORE_60}} for _ in range(SHOWN_RULES_MAX + 3)]
    evaluation = decided(facts(), *close, {"when": {"kind": "training"}})
    assert len(evaluation.explanation["rules"]) == SHOWN_RULES_MAX
    assert evaluation.explanation["rules_left_out"] == 3


@pytest.mark.parametrize(
    ("expect", "failing"),
    [
        ({"credits": "6"}, []),
        ({"credits": "6.00", "rule": "r0", "level": "高级", "category": "数学"}, []),
        ({"credits": "5.99"}, ["/tests/0/expect/credits"]),
        ({"credits": "6", "rule": "r1"}, ["/tests/0/expect/rule"]),
        ({"credits": "0", "level": "中级", "category": "x"}, ["credits", "level", "category"]),
    ],
)
def test_a_sets_own_tests_fail_where_something_else_comes_out(expect: dict[str, str], failing: list[str]) -> None:
    given_facts = {"kind": "course", "title": "x", "issuer": "y", "completed_on": "2024-01-01", "category": "数学"}
    own = [{"id": "t", "given": given_facts, "expect": expect}]
    faults = failed_tests(ruleset({"level": "高级"}, {"award": {"fixed": "1"}}, tests=own), SCHEME)
    assert [fault.pointer.removeprefix("/tests/0/expect/") for fault in faults] == [
        pointer.removeprefix("/tests/0/expect/") for pointer in failing
    ]


AMOUNTS = st.lists(st.integers(1, AWARD_HUNDREDTHS_MAX), min_size=1, max_size=6)


@given(AMOUNTS, st.randoms(use_true_random=False))
def test_under_best_the_order_of_the_rules_does_not_change_the_credits(amounts: list[int], random: Random) -> None:
    rules = [{"award": {"fixed": decimal_text(amount)}} for amount in amounts]
    shuffled = random.sample(rules, len(rules))
    assert decided(facts(), *rules).credit_hundredths == decided(facts(), *shuffled).credit_hundredths == max(amounts)


@given(st.integers(0, 1_000_000), st.integers(1, 5000), st.integers(1, 500))
def test_rounding_down_never_exceeds_the_exact_quotient_and_misses_less_than_a_step(
    hours: int, per_credit: int, step: int
) -> None:
    scheme = replace(SCHEME, hours_per_credit_hundredths=per_credit, step_hundredths=step)
    own = ruleset({"award": {"hours": {}}})
    evaluation = evaluated(own, scheme, facts(hours_hundredths=hours))
    account = evaluation.explanation["rules"][0]["award"]
    if account.get("reason") != "over_limit":
        assert 0 <= hours * 100 - evaluation.credit_hundredths * per_credit < step * per_credit
        assert evaluation.credit_hundredths % step == 0


def test_the_order_of_the_document_holds_among_rules_that_are_found_by_different_facts() -> None:
    rules = [{"when": {"kind": "course"}}, {"when": {"title": "高等数学Ⅰ"}}, {"when": {"not": {"issuer": "x"}}}]
    for turn in range(3):
        turned = rules[turn:] + rules[:turn]
        evaluation = decided(facts(), *turned)
        assert [node["rule"] for node in evaluation.explanation["rules"]] == ["r0", "r1", "r2"]
        assert evaluation.explanation["rule"] == "r0"


def test_a_rule_that_asks_the_same_fact_twice_needs_both() -> None:
    twice = {"all": [{"kind": ["course", "training"]}, {"kind": ["course", "degree"]}]}
    assert awards(facts(), twice)
    assert not awards(facts(kind=Kind.TRAINING), twice)
    assert not awards(facts(kind=Kind.DEGREE), twice)


def test_as_many_failed_tests_are_told_as_a_person_mends() -> None:
    given_facts = {"kind": "course", "title": "x", "issuer": "y", "completed_on": "2024-01-01"}
    own = [{"id": str(number), "given": given_facts, "expect": {"credits": "1"}} for number in range(FAULTS_MAX + 1)]
    assert len(failed_tests(ruleset(tests=own), SCHEME)) == FAULTS_MAX


@given(st.integers(0, 40), st.integers(0, 3))
def test_the_index_finds_every_rule_that_holds(wanted: int, anchor: int) -> None:
    names = ("kind", "title", "issuer", "code")
    subject = facts(title=f"课程{wanted}", issuer=f"i{wanted}", code=f"c{wanted}")
    values = [{"kind": "course"}, {"title": f"课程 {wanted}"}, {"issuer": f"i{wanted}"}, {"code": f"C{wanted}"}]
    others = [{"when": {names[number % 4]: "training" if number % 4 == 0 else f"x{number}"}} for number in range(40)]
    others.insert(wanted, {"when": {"all": [values[anchor]]}})
    rule = decided(subject, *others).rule
    assert rule is not None
    assert rule.id == f"r{wanted}"


VALUES = {"kind": ["course", "training"], "title": ["a（一）", "b"], "code": ["x", "y"], "level": ["1", "2"]}
PREDICATES = st.sampled_from([{fact: value} for fact, values in VALUES.items() for value in values])
CONDITIONS = st.recursive(
    PREDICATES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"at_least": {"n": len(parts), "of": parts}}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=5,
)
SUBJECTS = st.builds(
    facts,
    kind=st.sampled_from([Kind.COURSE, Kind.TRAINING]),
    title=st.sampled_from(VALUES["title"]),
    code=st.sampled_from(["", "X", "y", None]),
    level=st.sampled_from(["1", None]),
)


@given(SUBJECTS, st.lists(CONDITIONS, min_size=1, max_size=12))
def test_rules_are_found_and_told_as_if_each_had_been_asked(subject: Facts, conditions: list[dict[str, Any]]) -> None:
    own = ruleset(*({"when": condition, "award": {"hours": {}}} for condition in conditions))
    comparable = subject_of(subject)
    holding = [place for place, rule in enumerate(own.rules) if rule.when.holds(comparable)]
    assert set(holding) <= set(own.index.candidates(comparable))
    tree = evaluated(own, SCHEME, subject).explanation
    told = [node["rule"] for node in tree["rules"] if node["matched"]]
    assert told == [f"r{place}" for place in holding][:SHOWN_RULES_MAX]
    for node in tree["rules"]:
        assert node["matched"] == all(part["held"] for part in node["when"])
        parts = own.rules[int(node["rule"][1:])].when.parts
        assert node["when"] == [part.explained(comparable) for part in parts]
        assert [part["held"] for part in node["when"]] == [part.holds(comparable) for part in parts]


def test_rules_that_share_a_telling_fact_are_found_by_the_rarest() -> None:
    crafts = [{"when": {"kind": "other", "category": "非遗", "level": f"等级{number}"}} for number in range(100)]
    own = ruleset(*crafts, {"when": {"any": [{"level": "等级7"}, {"code": "x"}]}})
    subject = facts(kind=Kind.OTHER, category="非遗", level="等级7")
    assert own.index.candidates(subject_of(subject)) == [7, 100]
    tree = evaluated(own, SCHEME, subject).explanation
    assert [node["rule"] for node in tree["rules"]] == ["r7", "r100", *(f"r{n}" for n in range(11) if n != 7)]
    assert tree["rules_left_out"] == 99 - SHOWN_RULES_MAX
