"""What rules decide: conditions at both sides of their bounds, awards with their arithmetic, and the choice."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from creditbank.core.credit import Rounding, Scheme, parsed_hundredths
from creditbank.core.outcome import Facts, Kind, Score
from creditbank.core.rules import Evaluation, RuleSet, evaluated, parsed_ruleset
from creditbank.core.rules.conditions import age_on

DAY = date(2024, 6, 30)
SCHEME = Scheme("cn-16h-half", "十六学时", "16 hours", 1600, 45, 50, Rounding.DOWN)


def document(*rules: dict[str, Any], **fields: object) -> dict[str, Any]:
    """Build a rule set that is in order, of rules that award 6 credits to courses unless they say otherwise."""
    default = {"id": "r", "when": {"kind": "course"}, "award": {"fixed": "6"}}
    given_facts = {"kind": "course", "title": "x", "issuer": "cqdx", "completed_on": "2024-06-30"}
    base: dict[str, Any] = {
        "code": "set",
        "version": 1,
        "kind": "recognition",
        "title": {"zh": "办法", "en": "Rules"},
        "authority": "学分银行",
        "source": {"document": "办法"},
        "valid_from": "2020-01-01",
        "version_date": "completed",
        "scheme": "cn-16h-half",
        "rules": [default | {"id": f"r{number}"} | rule for number, rule in enumerate(rules or ({},))],
        "tests": [{"id": "t", "given": given_facts, "expect": {"credits": "0"}}],
    }
    return base | fields


def facts(**fields: Any) -> Facts:
    """Build the facts of a course."""
    base = Facts(kind=Kind.COURSE, title="高等数学（一）", issuer="cqdx", completed_on=DAY, applied_on=DAY)
    return replace(base, **fields)


def ruleset(*rules: dict[str, Any], **fields: object) -> RuleSet:
    return parsed_ruleset(document(*rules, **fields))


def decided(subject: Facts, *rules: dict[str, Any], **fields: object) -> Evaluation:
    return evaluated(ruleset(*rules, **fields), SCHEME, subject)


def awards(subject: Facts, condition: dict[str, Any]) -> bool:
    return decided(subject, {"when": condition}).credit_hundredths == 600


SCORE_60 = {"score": {"scale": "100", "at_least": "60"}}


@pytest.mark.parametrize(
    ("condition", "fields", "held"),
    [
        ({"kind": ["course", "training"]}, {}, True),
        ({"kind": "training"}, {}, False),
        ({"title": "高等数学Ⅰ"}, {}, True),
        ({"title": "高等数学(二)"}, {}, False),
        ({"code": "math 101"}, {"code": "MATH 101"}, True),
        ({"code": "math 101"}, {}, False),
        ({"issuer": ["cqou", "cqdx"]}, {}, True),
        ({"issuer": "CQDX"}, {}, False),
        ({"category": "社区教育"}, {"category": "社区教育"}, True),
        ({"programme": "会计"}, {"programme": "会计学"}, False),
        ({"scheme": "cn-16h-half"}, {"scheme": "cn-16h-half"}, True),
        ({"level": "高级"}, {"level": "高级"}, True),
        ({"level": ["初级", "中级"]}, {"level": "高级"}, False),
        ({"level": {"at_least": "4.5"}}, {"level": "4.5"}, True),
        ({"level": {"at_least": "4.5"}}, {"level": "4.49"}, False),
        ({"level": {"at_least": "4.5"}}, {"level": "高级"}, False),
        ({"level": {"at_most": "10"}}, {"level": "9"}, True),
        (SCORE_60, {"score": Score("60", "100")}, True),
        (SCORE_60, {"score": Score("59.99", "100")}, False),
        (SCORE_60, {"score": Score("100", "100")}, True),
        (SCORE_60, {"score": Score("90", "150")}, False),
        (SCORE_60, {"score": Score("合格", "100")}, False),
        (SCORE_60, {}, False),
        ({"score": {"scale": "pf", "in": ["pass"]}}, {"score": Score("PASS", "pf")}, True),
        ({"score": {"scale": "pf", "in": ["pass"]}}, {"score": Score("fail", "pf")}, False),
        ({"score": {"scale": "pf", "in": ["pass"]}}, {"score": Score("pass", "letter")}, False),
        ({"hours": {"at_least": "16", "at_most": "32"}}, {"hours_hundredths": 1600}, True),
        ({"hours": {"at_least": "16", "at_most": "32"}}, {"hours_hundredths": 1599}, False),
        ({"hours": {"at_least": "16", "at_most": "32"}}, {"hours_hundredths": 3200}, True),
        ({"hours": {"at_least": "16", "at_most": "32"}}, {"hours_hundredths": 3201}, False),
        ({"hours": {"at_least": "0"}}, {}, False),
        ({"credits": {"at_most": "3"}}, {"credit_hundredths": 300}, True),
        ({"credits": {"at_most": "3"}}, {"credit_hundredths": 301}, False),
        ({"completed": {"from": "2024-06-30"}}, {}, True),
        ({"completed": {"from": "2024-07-01"}}, {}, False),
        ({"completed": {"until": "2024-06-30"}}, {}, True),
        ({"completed": {"until": "2024-06-29"}}, {}, False),
        ({"applied": {"from": "2025-01-01"}}, {"applied_on": date(2025, 1, 1)}, True),
        ({"started": {"from": "2024-01-01"}}, {}, False),
        ({"started": {"from": "2024-01-01"}}, {"started_on": date(2024, 1, 1)}, True),
        ({"all": [{"kind": "course"}, {"issuer": "cqdx"}]}, {}, True),
        ({"all": [{"kind": "course"}, {"issuer": "cqou"}]}, {}, False),
        ({"any": [{"kind": "training"}, {"issuer": "cqdx"}]}, {}, True),
        ({"any": [{"kind": "training"}, {"issuer": "cqou"}]}, {}, False),
        ({"not": {"issuer": "cqou"}}, {}, True),
        ({"not": {"kind": "course", "issuer": "cqdx"}}, {}, False),
        ({"not": {"kind": "course", "issuer": "cqou"}}, {}, True),
        ({"not": SCORE_60}, {}, True),
        ({"kind": "course", "issuer": "cqou"}, {}, False),
        ({"at_least": {"n": 1, "of": [{"kind": "training"}, {"issuer": "cqdx"}]}}, {}, True),
        ({"at_least": {"n": 2, "of": [{"kind": "training"}, {"issuer": "cqdx"}]}}, {}, False),
        ({"at_least": {"n": 2, "of": [{"kind": "course"}, {"issuer": "cqdx"}]}}, {}, True),
        ({"at_least": {"n": 2, "of": [{"kind": "course"}, {"issuer": "x"}, {"title": "高等数学1"}]}}, {}, True),
        ({"at_least": {"n": 2, "of": [{"kind": "course"}, {"issuer": "x"}, {"title": "x"}]}}, {}, False),
        ({"at_least": {"n": 1, "of": [{"kind": "course", "issuer": "x"}]}}, {}, False),
        ({"not": {"at_least": {"n": 1, "of": [{"kind": "training"}]}}}, {}, True),
        ({"age": {"at_least": 60}}, {"age": 59}, False),
        ({"age": {"at_least": 60}}, {"age": 60}, True),
        ({"age": {"at_least": 60}}, {}, False),
        ({"age": {"at_least": 0}}, {"age": 0}, True),
        ({"age": {"at_most": 69}}, {"age": 69}, True),
        ({"age": {"at_most": 69}}, {"age": 70}, False),
        ({"age": {"at_least": 60, "at_most": 60}}, {"age": 60}, True),
        ({"not": {"age": {"at_least": 60}}}, {}, True),
    ],
)
def test_a_condition_holds_up_to_its_bounds_and_no_further(
    condition: dict[str, Any], fields: dict[str, Any], *, held: bool
) -> None:
    assert awards(facts(**fields), condition) is held


@pytest.mark.parametrize(
    ("completed_on", "applied_on", "held"),
    [
        (date(2008, 6, 30), date(2024, 6, 30), True),
        (date(2008, 6, 29), date(2024, 6, 30), False),
        (date(2007, 2, 28), date(2023, 2, 28), True),
        (date(2008, 2, 28), date(2024, 2, 29), False),
        (date(2008, 2, 29), date(2024, 2, 29), True),
        (date(2008, 2, 29), date(2024, 2, 28), True),
    ],
)
def test_learning_16_years_and_a_day_old_is_over_16_years_old(
    completed_on: date, applied_on: date, *, held: bool
) -> None:
    subject = facts(completed_on=completed_on, applied_on=applied_on)
    when = {"completed_within_years": 16}
    evaluation = decided(subject, {"when": when}, valid_from="2000-01-01")
    assert (evaluation.credit_hundredths > 0) is held


def test_29_february_counts_as_28_february_when_years_are_counted_back_to_a_common_year() -> None:
    within = {"when": {"completed_within_years": 15}}
    for day, held in ((28, True), (27, False)):
        subject = facts(completed_on=date(2009, 2, day), applied_on=date(2024, 2, 29))
        assert (decided(subject, within, valid_from="2000-01-01").credit_hundredths > 0) is held


@pytest.mark.parametrize(
    ("born", "day", "age"),
    [
        (date(1964, 6, 30), date(2024, 6, 29), 59),
        (date(1964, 6, 30), date(2024, 6, 30), 60),
        (date(1964, 2, 29), date(2023, 2, 27), 58),
        (date(1964, 2, 29), date(2023, 2, 28), 59),
        (date(1964, 2, 29), date(2024, 2, 28), 59),
        (date(1964, 2, 29), date(2024, 2, 29), 60),
        (date(2024, 6, 30), date(2024, 6, 30), 0),
        (date(2024, 7, 1), date(2024, 6, 30), None),
        (date(1874, 6, 30), date(2024, 6, 30), 150),
        (date(1873, 6, 30), date(2024, 6, 30), None),
        (None, date(2024, 6, 30), None),
    ],
)
def test_an_age_is_counted_in_whole_years_on_the_day(born: date | None, day: date, age: int | None) -> None:
    assert age_on(day, born) == age


AGED = {"age": {"at_least": 60}}


@pytest.mark.parametrize(
    ("fields", "asks"),
    [
        ({}, False),
        ({"applies_to": {"kind": "course"}}, False),
        ({"applies_to": AGED}, True),
        ({"when": AGED}, True),
        ({"when": {"kind": "course", "not": AGED}}, True),
        ({"when": {"any": [{"kind": "course"}, {"at_least": {"n": 1, "of": [AGED]}}]}}, True),
    ],
)
def test_a_set_knows_whether_it_asks_for_the_learners_age(fields: dict[str, Any], *, asks: bool) -> None:
    rule = {name: value for name, value in fields.items() if name == "when"}
    own = {name: value for name, value in fields.items() if name != "when"}
    assert ruleset({}, rule, **own).asks_age is asks


@pytest.mark.parametrize(
    ("award", "fields", "credits_text", "reason"),
    [
        ({"fixed": "2.50"}, {}, "2.50", None),
        ({"hours": {}}, {"hours_hundredths": 4800}, "3.00", None),
        ({"hours": {}}, {"hours_hundredths": 4799}, "2.50", None),
        ({"hours": {}}, {"hours_hundredths": 799}, "0.00", "rounds_to_zero"),
        ({"hours": {}}, {}, "0.00", "no_hours"),
        ({"hours": {"per_credit": "18"}}, {"hours_hundredths": 5400}, "3.00", None),
        ({"hours": {"step": "0.01"}}, {"hours_hundredths": 4100}, "2.56", None),
        ({"hours": {"step": "0.01", "rounding": "up"}}, {"hours_hundredths": 4100}, "2.57", None),
        ({"hours": {"minutes_per_hour": 90}}, {"hours_hundredths": 2400}, "3.00", None),
        ({"hours": {"per_credit": "0.01"}}, {"hours_hundredths": 10_000}, "10000.00", None),
        ({"hours": {"per_credit": "0.01", "step": "0.01"}}, {"hours_hundredths": 10_001}, "0.00", "over_limit"),
        ({"levels": {"高级": "8", "Holder": "140"}}, {"level": "高级"}, "8.00", None),
        ({"levels": {"高级": "8", "Holder": "140"}}, {"level": "holder"}, "140.00", None),
        ({"levels": {"高级": "8"}}, {"level": "中级"}, "0.00", "level_unlisted"),
        ({"levels": {"高级": "8"}}, {}, "0.00", "no_level"),
        ({"claimed": {}}, {"credit_hundredths": 300}, "3.00", None),
        ({"claimed": {"factor": "0.5"}}, {"credit_hundredths": 6000}, "30.00", None),
        ({"claimed": {"factor": "0.5"}}, {"credit_hundredths": 199}, "0.50", None),
        ({"claimed": {"at_most": "4"}}, {"credit_hundredths": 400}, "4.00", None),
        ({"claimed": {"at_most": "4"}}, {"credit_hundredths": 450}, "4.00", None),
        ({"claimed": {}}, {}, "0.00", "no_credits"),
        ({"points": {}}, {"credit_hundredths": 4000, "level": "4.5"}, "180.00", None),
        ({"points": {}}, {"credit_hundredths": 4000, "level": "5"}, "200.00", None),
        ({"points": {}}, {"credit_hundredths": 4000, "level": "6.5"}, "260.00", None),
        ({"points": {}}, {"credit_hundredths": 150, "level": "2.5"}, "3.50", None),
        ({"points": {}}, {"credit_hundredths": 4000, "level": "0"}, "0.00", "rounds_to_zero"),
        ({"points": {}}, {"credit_hundredths": 100_000, "level": "10"}, "10000.00", None),
        ({"points": {}}, {"credit_hundredths": 100_050, "level": "10"}, "0.00", "over_limit"),
        ({"points": {}}, {"credit_hundredths": 4000, "level": "高级"}, "0.00", "level_not_a_number"),
        ({"points": {}}, {"credit_hundredths": 4000}, "0.00", "no_level"),
        ({"points": {}}, {"level": "5"}, "0.00", "no_credits"),
    ],
)
def test_an_award_is_counted_exactly_and_rounded_once(
    award: dict[str, Any], fields: dict[str, Any], credits_text: str, reason: str | None
) -> None:
    evaluation = decided(facts(**fields), {"award": award})
    account = evaluation.explanation["rules"][0]["award"]
    assert evaluation.credit_hundredths == parsed_hundredths(credits_text)
    assert (account["credits"], account.get("reason")) == (credits_text, reason)


TIERS = {"tiers": {"scale": "clep", "steps": [{"at_least": "50", "credits": "6"}, {"at_least": "63", "credits": "9"}]}}


@pytest.mark.parametrize(
    ("score", "credit_hundredths", "reason"),
    [
        (Score("49.99", "clep"), 0, "below_lowest_tier"),
        (Score("50", "clep"), 600, None),
        (Score("62.99", "CLEP"), 600, None),
        (Score("63", "clep"), 900, None),
        (Score("80", "clep"), 900, None),
        (Score("80", "100"), 0, "other_scale"),
        (Score("pass", "clep"), 0, "score_not_a_number"),
        (None, 0, "no_score"),
    ],
)
def test_a_score_earns_its_highest_tier_only(score: Score | None, credit_hundredths: int, reason: str | None) -> None:
    evaluation = decided(facts(score=score), {"award": TIERS})
    assert evaluation.credit_hundredths == credit_hundredths
    assert evaluation.explanation["rules"][0]["award"].get("reason") == reason
