"""Qualifications: what is refused when it is read, what a record reaches, and two laws of what is missing."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditbank.core.errors import RulesetFaulty
from creditbank.core.qualification.asked import asked_of
from creditbank.core.qualification.examples import failed_records
from creditbank.core.qualification.progress import Progress, explanation, progress
from creditbank.core.qualification.record import LearningRecord, record_document, record_from
from creditbank.core.qualification.wording import lacking, missing, sentences
from creditbank.core.rules import QualificationSet, parsed_ruleset
from tests.core.test_qualification_page import WHOLE

TITLE = {"zh": "一", "en": "one"}
COURSE = {"kind": "course"}


def part(part_id: str, **asked: Any) -> dict[str, Any]:
    return {"id": part_id, "title": TITLE, **asked}


def document(*parts: Any, **fields: Any) -> dict[str, Any]:
    """Return a set with a single level that asks for the parts."""
    level = {"id": "one", "title": TITLE, "parts": list(parts)}
    test = {"id": "t", "given": {"on": "2026-01-01", "outcomes": []}, "expect": {"levels": []}}
    return copy.deepcopy(WHOLE) | {"levels": [level], "tests": [test]} | fields


def parsed(*parts: Any, **fields: Any) -> QualificationSet:
    ruleset = parsed_ruleset(document(*parts, **fields))
    assert isinstance(ruleset, QualificationSet)
    return ruleset


def faults(whole: dict[str, Any]) -> set[tuple[str, str]]:
    with pytest.raises(RulesetFaulty) as refused:
        parsed_ruleset(whole)
    return {(fault.pointer, fault.code) for fault in refused.value.faults}


def record(*outcomes: dict[str, Any], **fields: Any) -> LearningRecord:
    base = {"title": "x", "issuer": "x", "completed_on": "2025-06-30"}
    listed = [
        {"id": str(number), "facts": base | {"kind": one.pop("kind", "course")} | one.pop("facts", {}), **one}
        for number, one in enumerate(map(dict, outcomes))
    ]
    return record_from({"on": "2026-01-01", "outcomes": listed, **fields})


def reach(ruleset: QualificationSet, *outcomes: dict[str, Any], **fields: Any) -> list[str]:
    """Return what is missing to the only level."""
    (level,) = progress(ruleset, record(*outcomes, **fields)).levels
    assert level.is_met == (not lacking(level.tree))
    return lacking(level.tree)


def credit(amount: str, **facts: str) -> dict[str, Any]:
    return {"facts": facts, "scheme": "example-credit", "recognised": amount}


def ladder(*requires: list[str]) -> dict[str, Any]:
    """Return a set of levels a, b, … that require each other as said."""
    named = zip("abcdef", requires, strict=False)
    levels = [
        {"id": name, "title": TITLE, "parts": [part("p", hours={"at_least": "1"})]} | ({"requires": on} if on else {})
        for name, on in named
    ]
    return document(levels=levels)


@pytest.mark.parametrize(
    ("asked", "pointer", "code"),
    [
        ({"certificate": [{"scale": "y", "at_least": "初级"}]}, "/certificate/0/scale", "unknown_name"),
        ({"certificate": [{"scale": "x", "at_least": "超级"}]}, "/certificate/0/at_least", "unknown_name"),
        (
            {"certificate": [{"scale": "x", "at_least": "初级", "where": COURSE}]},
            "/certificate/0/where",
            "cannot_be_met",
        ),
        ({"age": {"at_least": 60, "at_most": 59}}, "/age", "bounds_crossed"),
        ({"outcomes": {"where": {"all": [COURSE, {"kind": "degree"}]}}}, "/outcomes/where", "cannot_be_met"),
        ({"outcomes": {"where": {"kind": "no-such-kind"}}}, "/outcomes/where/kind", "not_an_option"),
        ({"outcomes": {"where": {"titel": "x"}}}, "/outcomes/where/titel", "unknown_field"),
        (
            {"hours": {"at_least": "1", "where": {"all": [{"hours": {"at_most": "4"}}, {"hours": {"at_least": "5"}}]}}},
            "/hours/where",
            "cannot_be_met",
        ),
        ({"credits": {"at_least": "0"}}, "/credits/at_least", "out_of_range"),
        ({"age": {"at_least": 60}, "hours": {"at_least": "1"}}, "", "one_part"),
        ({}, "", "one_part"),
    ],
)
def test_a_part_that_names_nothing_or_can_never_be_met_is_refused(
    asked: dict[str, Any], pointer: str, code: str
) -> None:
    assert faults(document(part("a", **asked))) == {(f"/levels/0/parts/0{pointer}", code)}


@pytest.mark.parametrize(
    "parts",
    [
        [part("a", age={"at_least": 60}), part("b", age={"at_most": 59})],
        [part("a", age={"at_least": 60}), {"all": [part("b", age={"at_most": 59})]}],
        [part("a", outcomes={"where": COURSE}), part("b", exclude={"where": COURSE})],
        [part("a", credits={"at_least": "1", "where": COURSE}), part("b", exclude={"where": COURSE})],
    ],
)
def test_parts_that_contradict_each_other_are_refused(parts: list[Any]) -> None:
    assert faults(document(*parts)) == {("/levels/0/parts", "cannot_be_met")}
    alternatives = [inner for one in parts for inner in one.get("all", [one])]
    parsed({"any": alternatives})


def test_more_parts_than_a_group_has_are_refused() -> None:
    group = {"at_least": {"n": 3, "of": [part("a", hours={"at_least": "1"}), part("b", age={"at_least": 1})]}}
    assert faults(document(group)) == {("/levels/0/parts/0/at_least/n", "cannot_be_met")}


@pytest.mark.parametrize(
    ("requires", "code"),
    [
        ([["a"]], "circular"),
        ([["b"], ["a"]], "circular"),
        ([[], ["c"], ["d"], ["b"]], "circular"),
        ([["z"]], "unknown_name"),
        ([[], ["p", "a"]], "unknown_name"),
    ],
)
def test_levels_that_require_each_other_or_what_there_is_not_are_refused(requires: list[list[str]], code: str) -> None:
    assert code in {found for _, found in faults(ladder(*requires))}


def test_levels_stand_behind_those_that_they_require() -> None:
    ruleset = parsed_ruleset(ladder(["c"], [], ["b"]))
    assert isinstance(ruleset, QualificationSet)
    assert [level.id for level in ruleset.levels] == ["b", "c", "a"]


def test_who_awards_is_named_once() -> None:
    fine = part("a", hours={"at_least": "1"})
    for award, code in (
        ({}, "one_awarder"),
        ({"by": ["x"], "automatic": True, "reviewed_by": "x"}, "one_awarder"),
        ({"automatic": True}, "needs_reviewer"),
        ({"automatic": False, "reviewed_by": "x"}, "one_awarder"),
    ):
        assert faults(document(fine, award=award)) == {("/award", code)}
    assert parsed(fine, award={"automatic": True, "reviewed_by": "x"}).awarders.is_automatic
    assert not parsed(fine, award={"by": ["x"], "automatic": False}).awarders.is_automatic


def test_a_test_names_levels_and_parts_that_there_are() -> None:
    expected: dict[str, Any]
    for expected in ({"levels": ["two"]}, {"levels": [], "missing": {"one": ["z"]}}):
        whole = document(part("a", hours={"at_least": "1"}))
        whole["tests"][0]["expect"] = expected
        assert faults(whole) == {("/tests/0/expect", "unknown_name")}


def test_a_test_that_fails_says_what_was_expected() -> None:
    whole = document(part("a", hours={"at_least": "1"}))
    whole["tests"][0]["expect"] = {"levels": ["one"], "missing": {"one": []}}
    ruleset = parsed_ruleset(whole)
    assert isinstance(ruleset, QualificationSet)
    found = [(fault.pointer, fault.code) for fault in failed_records(ruleset)]
    assert found == [("/tests/0/expect/levels", "test_failed"), ("/tests/0/expect/missing", "test_failed")]


def test_terms_inside_parts_are_counted() -> None:
    many = {"any": [{"title": "x"}] * 1000}
    asked = [part(f"p{number}", outcomes={"where": {"all": [many] * 2}}) for number in range(26)]
    assert faults(document({"any": asked})) == {("", "too_many_terms")}


def test_credits_count_of_their_scheme_until_their_last_day() -> None:
    ruleset = parsed(part("a", credits={"at_least": "3", "where": {"level": "3", "category": "x"}}))
    fit = {"level": "3", "category": "x"}
    assert reach(ruleset, credit("3", **fit)) == []
    assert reach(ruleset, credit("2.99", **fit)) == ["a"]
    assert reach(ruleset, credit("2", **fit), credit("1", **fit)) == []
    assert reach(ruleset, credit("2", **fit), credit("1", level="2", category="x")) == ["a"]
    assert reach(ruleset, credit("3", **fit) | {"scheme": "other"}) == ["a"]
    assert reach(ruleset, credit("3", **fit) | {"valid_until": "2026-01-01"}) == []
    assert reach(ruleset, credit("3", **fit) | {"valid_until": "2025-12-31"}) == ["a"]
    assert reach(ruleset, credit("3", level="1", category="z") | fit) == [], "what was recognised counts"


def test_a_certificate_counts_from_its_level_on_by_any_of_its_names() -> None:
    ruleset = parsed(part("a", certificate=[{"scale": "x", "at_least": "intermediate", "where": {"issuer": "x"}}]))
    certificate = {"kind": "certificate"}
    for level, lacks in (("初级", ["a"]), ("中级", []), ("Intermediate", []), ("高级", []), ("超级", ["a"])):
        assert reach(ruleset, certificate | {"facts": {"level": level}}) == lacks
    assert reach(ruleset, {"facts": {"level": "高级"}}) == ["a"], "a course is no certificate"
    assert reach(ruleset, certificate | {"facts": {"level": "高级", "issuer": "y"}}) == ["a"]
    assert reach(ruleset, certificate | {"level": "高级"}) == [], "the level that was recognised"


def test_hours_outcomes_ages_and_exclusions() -> None:
    hours = parsed(part("a", hours={"at_least": "48"}))
    assert reach(hours, {"facts": {"hours": "40"}}, {"facts": {"hours": "8"}}) == []
    assert reach(hours, {"facts": {"hours": "47.99"}}, {}) == ["a"]
    outcomes = parsed(part("a", outcomes={"at_least": 2, "where": COURSE}))
    assert reach(outcomes, {}, {}) == []
    assert reach(outcomes, {}, {"kind": "degree"}) == ["a"]
    age = parsed(part("a", age={"at_least": 50, "at_most": 60}))
    assert [reach(age, age=years) for years in (49, 50, 60, 61)] == [["a"], [], [], ["a"]]
    assert reach(age) == ["a"], "no birth date on record"
    excluding = parsed(part("a", exclude={"where": COURSE}))
    assert (reach(excluding), reach(excluding, {}), reach(excluding, {"kind": "degree"})) == ([], ["a"], [])


def test_conditions_on_time_and_age_go_by_the_day_of_the_award() -> None:
    ruleset = parsed(part("a", outcomes={"where": {"completed_within_years": 5, "age": {"at_least": 60}}}))
    assert reach(ruleset, {"facts": {"completed_on": "2021-01-01", "age": 5}}, age=60) == []
    assert reach(ruleset, {"facts": {"completed_on": "2020-12-31"}}, age=60) == ["a"]
    assert reach(ruleset, {"facts": {"age": 70}}, age=59) == ["a"]


def test_a_level_asks_for_those_below_until_they_are_held() -> None:
    ruleset = parsed_ruleset(WHOLE)
    assert isinstance(ruleset, QualificationSet)
    skill = {"kind": "certificate", "facts": {"level": "中级"}}
    found = progress(ruleset, record(skill))
    assert [lacking(one.tree) for one in found.levels] == [["study"], ["first"]]
    found = progress(ruleset, record(skill, held=["first"]))
    assert [(one.is_met, one.is_held) for one in found.levels] == [(False, True), (True, False)]
    assert found.of("second").sources == {"0"}
    found = progress(ruleset, record(skill, credit("10")))
    assert found.of("second").is_met
    assert found.of("second").sources == {"0", "1"}, "what the level below rests on"


def test_what_is_missing_is_told_in_both_languages() -> None:
    ruleset = parsed(
        part("a", credits={"at_least": "10"}),
        {"any": [part("b", age={"at_least": 60}), {"all": [part("c", hours={"at_least": "4"})]}]},
        part("d", certificate=[{"scale": "x", "at_least": "中级"}]),
        part("e", outcomes={"where": {"kind": "degree"}}),
        part("f", exclude={"where": {"kind": "other"}}),
    )
    low = {"kind": "certificate", "facts": {"level": "初级", "title": "护理"}}
    found = progress(ruleset, record(credit("7.5"), low, {"kind": "other"}, age=59))
    (level,) = found.levels
    told = missing(level.tree)
    assert [one["parts"] for one in told] == [["a"], ["b", "c"], ["d"], ["e"], ["f"]]
    assert "还差 2.5 学分" in told[0]["zh"]
    assert "2.5 more credits are needed (10 asked for, 7.5 there)" in told[0]["en"]
    assert "现为 59 周岁" in told[1]["zh"]
    assert "护理" in told[2]["zh"]
    assert all(one["zh"].endswith("。") and one["en"].endswith(".") for one in told)
    assert len(sentences(explanation(found, found.levels))) == 1 + len(told)


def test_a_record_is_written_and_read_the_same() -> None:
    one = record(credit("3", level="3") | {"valid_until": "2027-01-01", "category": "x"}, {}, age=3, held=["one"])
    assert record_from(record_document(one)) == one


AMOUNTS = st.integers(1, 12).map(lambda halves: f"{halves / 2:.2f}")
CATEGORIES = st.sampled_from("abc")
OUTCOMES = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["course", "certificate", "degree"]),
            "facts": st.fixed_dictionaries(
                {"category": CATEGORIES, "level": st.sampled_from(["初级", "中级", "高级"]), "hours": AMOUNTS}
            ),
            "scheme": st.sampled_from(["example-credit", "other"]),
            "recognised": AMOUNTS,
            "valid_until": st.sampled_from([None, "2025-12-31", "2026-01-01"]),
        }
    ),
    max_size=8,
)
WHERE = st.one_of(
    CATEGORIES.map(lambda category: {"category": category}),
    st.sampled_from([COURSE, {"not": COURSE}, {"kind": ["degree", "certificate"]}, {"hours": {"at_most": "3"}}]),
)
ASKED = st.one_of(
    st.builds(lambda least, where: {"credits": {"at_least": least, "where": where}}, AMOUNTS, WHERE),
    st.builds(lambda least, where: {"hours": {"at_least": least, "where": where}}, AMOUNTS, WHERE),
    st.builds(lambda least, where: {"outcomes": {"at_least": least, "where": where}}, st.integers(1, 3), WHERE),
    st.sampled_from(["初级", "中级", "高级"]).map(lambda level: {"certificate": [{"scale": "x", "at_least": level}]}),
    st.integers(20, 40).map(lambda age: {"age": {"at_least": age}}),
)


def groups(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    listed = st.lists(parts, min_size=1, max_size=3)
    counted = listed.flatmap(lambda of: st.integers(1, len(of)).map(lambda n: {"at_least": {"n": n, "of": of}}))
    return st.one_of(listed.map(lambda of: {"all": of}), listed.map(lambda of: {"any": of}), counted)


PARTS = st.recursive(ASKED, groups, max_leaves=6)


def numbered(value: Any, ids: Iterator[int]) -> Any:
    """Return parts with an id and a title each."""
    ((name, inner),) = value.items()
    if name in ("all", "any"):
        return {name: [numbered(one, ids) for one in inner]}
    if name == "at_least":
        return {name: {"n": inner["n"], "of": [numbered(one, ids) for one in inner["of"]]}}
    return part(f"p{next(ids)}", **value)


@st.composite
def definitions(draw: st.DrawFn) -> QualificationSet:
    """Return a ladder of up to three levels without exclusions, each requiring some of those before."""
    levels: list[dict[str, Any]] = []
    for name in "abc"[: draw(st.integers(1, 3))]:
        ids = iter(range(1000))
        parts = [numbered(one, ids) for one in draw(st.lists(PARTS, min_size=1, max_size=3))]
        below = draw(st.sets(st.sampled_from([one["id"] for one in levels]))) if levels else set()
        levels.append({"id": name, "title": TITLE, "parts": parts} | ({"requires": sorted(below)} if below else {}))
    ruleset = parsed_ruleset(document(levels=levels))
    assert isinstance(ruleset, QualificationSet)
    return ruleset


def met(found: Progress) -> set[str]:
    return {one.level.id for one in found.levels if one.is_met}


@settings(max_examples=200, deadline=None)
@given(definitions(), OUTCOMES, OUTCOMES, st.none() | st.integers(15, 45))
def test_more_outcomes_never_lose_a_level_that_excludes_nothing(
    ruleset: QualificationSet, some: list[Any], more: list[Any], age: int | None
) -> None:
    before = progress(ruleset, record(*some, age=age))
    after = progress(ruleset, record(*some, *more, age=age))
    assert met(before) <= met(after)


def reckoned(node: Any, granted: set[str]) -> bool:
    """Tell by hand whether a node of an explanation is met if these parts are there besides those that are."""
    if "of" not in node:
        return bool(node["met"]) or node["part"] in granted
    return sum(reckoned(inner, granted) for inner in node["of"]) >= node["needs"]


def leaf_nodes(node: Any) -> list[Any]:
    return [leaf for inner in node["of"] for leaf in leaf_nodes(inner)] if "of" in node else [node]


@settings(max_examples=200, deadline=None)
@given(definitions(), OUTCOMES, st.none() | st.integers(15, 45))
def test_the_explanation_lists_exactly_the_missing_parts(
    ruleset: QualificationSet, some: list[Any], age: int | None
) -> None:
    for one in progress(ruleset, record(*some, age=age)).levels:
        listed, nodes = set(lacking(one.tree)), {node["part"]: node for node in leaf_nodes(one.tree)}
        assert one.is_met == reckoned(one.tree, set()) == (not listed)
        assert all(not nodes[name]["met"] for name in listed), "nothing that is there is called missing"
        assert reckoned(one.tree, listed), "nothing else is missing"
        for name in nodes.keys() - listed:
            others = {other for other in nodes if other != name and nodes[other]["met"]}
            assert nodes[name]["met"] or reckoned(one.tree, listed - {name}), (name, others)
        told = [name for sentence in missing(one.tree) for name in sentence["parts"]]
        assert sorted(told) == sorted(listed), "each is told once"


@settings(max_examples=100, deadline=None)
@given(definitions(), OUTCOMES)
def test_what_a_level_rests_on_is_enough_for_it(ruleset: QualificationSet, some: list[Any]) -> None:
    whole = record(*some, age=30)
    for one in progress(ruleset, whole).levels:
        kept = tuple(outcome for outcome in whole.outcomes if outcome.outcome in one.sources)
        again = progress(ruleset, LearningRecord(whole.on, kept, whole.age)).of(one.level.id)
        assert again.is_met or not one.is_met


@pytest.mark.parametrize(
    ("asked", "zh", "en"),
    [
        ({"credits": {"at_least": "3"}}, "不少于 3 学分（example-credit）", "At least 3 credits (example-credit)"),
        ({"hours": {"at_least": "48"}}, "不少于 48 学时", "At least 48 hours"),
        ({"outcomes": {"where": COURSE}}, "学习成果不少于 1 项", "At least 1 learning outcome"),
        ({"outcomes": {"at_least": 2, "where": COURSE}}, "学习成果不少于 2 项", "At least 2 learning outcomes"),
        (
            {"certificate": [{"scale": "x", "at_least": "初级"}]},
            "证书一项：1+X 证书“初级”或以上",
            "One certificate: 1+X certificate: “初级” or higher",
        ),
        ({"age": {"at_least": 60}}, "年满 60 周岁", "At least 60 years of age"),
        ({"exclude": {"where": {"kind": "degree"}}}, "没有不予授予的情形", "Nothing that would keep it back"),
    ],
)
def test_each_part_says_what_it_asks_for_where_it_is_there(asked: dict[str, Any], zh: str, en: str) -> None:
    has = {"scheme": "example-credit", "recognised": "3.00", "facts": {"hours": "48"}}
    theirs = record(has, has, {"kind": "certificate", "facts": {"level": "初级"}}, age=60)
    (level,) = progress(parsed(part("a", **asked)), theirs).levels
    assert [(one.part, one.zh, one.en) for one in asked_of(level.tree)] == [("a", zh, en)]


def test_of_alternatives_those_are_told_that_are_there() -> None:
    either = {"any": [part("age", age={"at_least": 60}), part("hours", hours={"at_least": "48"})]}
    ruleset = parsed(either, part("one", outcomes={"where": COURSE}))
    (level,) = progress(ruleset, record({"facts": {"hours": "48"}}, age=59)).levels
    assert [one.part for one in asked_of(level.tree)] == ["hours", "one"]
    (level,) = progress(ruleset, record(age=59)).levels
    assert asked_of(level.tree) == []
