"""A stored explanation becomes sentences that name the set, the article, the rule and the numbers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbank.core.outcome import Facts, Kind, Score
from creditbank.core.recognition import in_force, recognised
from creditbank.core.rules import sentences
from tests.core.test_rules import SCHEME, TIERS, decided, facts, ruleset
from tests.core.test_rules_facts import FACTS

TITLED = {"article": "第六条", "title": {"zh": "课程按学时", "en": "courses by hours"}}


def told(subject: Facts, *rules: dict[str, Any], **fields: object) -> tuple[str, str]:
    """Return all sentences in Chinese and in English, as they are told of a stored explanation."""
    own = ruleset(*rules, **fields)
    recognition = recognised(in_force([own], subject), {SCHEME.code: SCHEME}, subject)
    pairs = sentences(json.loads(json.dumps(recognition.explanation)))
    return "".join(pair["zh"] for pair in pairs), " ".join(pair["en"] for pair in pairs)


def test_a_recognition_names_set_version_article_rule_and_arithmetic() -> None:
    zh, en = told(facts(hours_hundredths=4800), TITLED | {"award": {"hours": {}}, "valid_years": 7})
    assert all(part in zh for part in ("《办法》", "第 1 版", "第六条", "课程按学时", "48 学时 ÷ 16 = 3.00 学分"))
    assert all(part in en for part in ("“Rules”", "version 1", "courses by hours", "48 hours ÷ 16 = 3.00 credits"))
    assert "2031-06-30" in zh
    assert "2031-06-30" in en


@pytest.mark.parametrize(
    ("award", "fields", "parts"),
    [
        ({"fixed": "6"}, {}, ["6.00 学分"]),
        ({"hours": {}}, {"hours_hundredths": 4400}, ["44 学时 ÷ 16 = 2.75", "0.5", "向下", "2.50 学分"]),
        ({"hours": {"minutes_per_hour": 90}}, {"hours_hundredths": 2400}, ["24 学时 × 90 分钟 ÷ 45 分钟 ÷ 16", "3.00"]),
        ({"hours": {}}, {"hours_hundredths": 100}, ["1 学时 ÷ 16 = 0.0625", "0.00 学分"]),
        ({"hours": {}}, {}, ["没有写学时"]),
        (TIERS, {"score": Score("62", "clep")}, ["62 分达到 50 分", "6.00 学分", "63"]),
        (TIERS, {"score": Score("63", "clep")}, ["63 分达到 63 分", "9.00 学分"]),
        (TIERS, {"score": Score("49", "clep")}, ["49 分未达到最低要求 50 分"]),
        (TIERS, {"score": Score("49", "100")}, ["“100”", "“clep”"]),
        (TIERS, {"score": Score("{x}", "clep")}, ["{x}"]),
        ({"levels": {"高级": "8"}}, {"level": "高级"}, ["“高级”", "8.00 学分"]),
        ({"levels": {"高级": "8"}}, {"level": "初级"}, ["“初级”", "不在"]),
        ({"claimed": {"factor": "0.5"}}, {"credit_hundredths": 6000}, ["60 学分 × 0.5 = 30.00 学分"]),
        ({"claimed": {"at_most": "4"}}, {"credit_hundredths": 500}, ["申报 5 学分 = 5", "最多 4", "4.00 学分"]),
        ({"points": {}}, {"credit_hundredths": 4000, "level": "4.5"}, ["40 学分 × 等级 4.5 = 180.00 学分"]),
        ({"points": {}}, {"credit_hundredths": 150, "level": "2.5"}, ["1.5 学分 × 等级 2.5 = 3.75", "3.50 学分"]),
        ({"points": {}}, {"credit_hundredths": 150, "level": "高"}, ["“高”不是数字"]),
        ({"points": {}}, {"credit_hundredths": 150}, ["没有写等级"]),
        ({"points": {}}, {"level": "5"}, ["没有写申报学分"]),
    ],
)
def test_an_award_is_told_with_its_numbers(award: dict[str, Any], fields: dict[str, Any], parts: list[str]) -> None:
    zh, _ = told(facts(**fields), {"award": award})
    assert all(part in zh for part in parts), zh


@pytest.mark.parametrize(
    ("when", "fields", "parts"),
    [
        ({"score": {"scale": "100", "at_least": "60"}}, {"score": Score("59", "100")}, ["59 分未达到 60 分"]),
        ({"score": {"scale": "100", "at_least": "60"}}, {}, ["没有写成绩", "不低于 60"]),
        ({"score": {"scale": "pf", "in": ["pass"]}}, {"score": Score("fail", "pf")}, ["pass", "fail"]),
        ({"kind": ["training", "degree"]}, {}, ["没有关于这项成果的规则"]),
        ({"any": [{"kind": "training"}, {"issuer": "cqou"}]}, {}, ["培训", "实际是课程", "；或：", "cqou", "cqdx"]),
        ({"not": {"issuer": "cqdx"}}, {}, ["cqdx", "不包括"]),
        ({"not": {"kind": "course"}}, {}, ["课程", "不包括"]),
        ({"not": {"kind": "course", "issuer": "cqdx"}}, {}, ["课程", "cqdx", "不包括"]),
        ({"not": {"completed_within_years": 2}}, {}, ["未超过 2 年", "不包括"]),
        ({"any": [{"issuer": "cqou", "not": {"issuer": "x"}}]}, {}, ["cqou"]),
        ({"not": {"not": {"issuer": "cqou"}}}, {}, ["排除"]),
        ({"completed": {"until": "2024-06-29"}}, {}, ["不晚于 2024-06-29", "2024-06-30"]),
        ({"kind": "course", "level": ["a", "b", "c", "d", "e", "f"]}, {"level": "x"}, ["a、b、c、d、e等", "x"]),
        ({"at_least": {"n": 2, "of": [{"issuer": "cqou"}, {"level": "x"}]}}, {}, ["至少要符合 2 项", "cqou", "等级"]),
        ({"not": {"at_least": {"n": 1, "of": [{"issuer": "cqdx"}]}}}, {}, ["cqdx", "不包括"]),
        ({"age": {"at_least": 60}}, {"age": 59}, ["年龄要求不低于 60，实际是59"]),
        ({"age": {"at_least": 60, "at_most": 70}}, {}, ["不知道学习者的年龄", "不低于 60、不高于 70"]),
        ({"not": {"age": {"at_most": 17}}}, {"age": 16}, ["年龄是“16”", "不包括"]),
        ({"completed_within_years": 1}, {"applied_on": facts().applied_on.replace(year=2026)}, ["超过 1 年"]),
    ],
)
def test_what_was_not_recognised_is_told_with_the_reason(
    when: dict[str, Any], fields: dict[str, Any], parts: list[str]
) -> None:
    zh, _ = told(facts(**fields), {"when": when})
    assert "已经记录" in zh
    assert all(part in zh for part in parts), zh


def test_a_set_that_does_not_cover_the_outcome_says_why() -> None:
    subject = facts(scheme="hk-qf")
    assert "hk-qf" in sentences(decided(subject).explanation)[0]["zh"]
    assert (
        "2024-12-31"
        in sentences(decided(facts(), valid_from="2024-07-01", valid_until="2024-12-31").explanation)[0]["zh"]
    )
    assert "自 2024-07-01 起" in sentences(decided(facts(), valid_from="2024-07-01").explanation)[0]["zh"]
    assert "cqou" in sentences(decided(facts(), applies_to={"issuer": "cqou"}).explanation)[0]["zh"]
    assert "没有适用" in sentences(recognised((), {}, facts()).explanation)[1]["zh"]


def test_a_rule_that_was_not_chosen_is_told_as_not_adding_up() -> None:
    zh, en = told(facts(), {"award": {"fixed": "2"}}, {"award": {"fixed": "5"}}, {"award": {"fixed": "5"}})
    assert all(part in zh for part in ("5.00 学分", "2.00 学分", "学分较少", "排在后面"))
    assert "fewer credits" in en


def test_of_a_set_that_awards_something_rules_that_came_close_are_not_told() -> None:
    zh, _ = told(facts(), {"award": {"fixed": "2"}}, TITLED | {"when": {"kind": "course", "level": "x"}})
    assert "第六条" not in zh


CONDITIONS = st.sampled_from(
    [
        {"kind": list(Kind)},
        {"hours": {"at_least": "16"}},
        {"level": {"at_most": "4.5"}},
        {"not": {"score": {"scale": "100", "at_most": "59.99"}}},
        {"any": [{"started": {"from": "2020-01-01"}}, {"credits": {"at_least": "1"}}]},
        {"completed_within_years": 16, "programme": ["x", "y"]},
        {"at_least": {"n": 2, "of": [{"age": {"at_most": 17}}, {"not": {"age": {"at_least": 60}}}, {"issuer": "x"}]}},
    ]
)
AWARDS = st.sampled_from(
    [{"fixed": "1"}, {"hours": {}}, {"claimed": {"factor": "0.5"}}, {"levels": {"x": "1"}}, {"points": {}}, TIERS]
)


@given(FACTS, CONDITIONS, AWARDS)
def test_every_explanation_can_be_told(subject: Facts, when: dict[str, Any], award: dict[str, Any]) -> None:
    zh, en = told(subject, {"when": when, "award": award}, valid_from="0001-01-01")
    assert zh.endswith("。")
    assert en.endswith(".")
