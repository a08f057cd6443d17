"""Hostile rule sets: each is refused by name, and before it has cost anybody a tenth of a second."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from creditbank.core.errors import Refusal
from creditbank.core.rules import parsed_ruleset
from creditbank.core.rules.condition_parsing import DEPTH_MAX, LIST_MAX, TERMS_MAX
from creditbank.core.rules.document import FAULTS_MAX, VALUES_MAX
from creditbank.core.rules.minting import minting_faults
from creditbank.formats.strict_json import parsed
from tests.core.test_minting import converting as conversion_set
from tests.core.test_minting import document as conversion_document
from tests.core.test_rules import document

SECONDS_MAX = 0.5 if sys.gettrace() is None else 1.0
"""A tracer, as coverage has one, makes every line many times slower."""

TRIES = 5
"""The best of some tries, as other work on the machine slows single ones down."""

BODY_BYTES_MAX = 1024 * 1024
NESTING_MAX = 64
"""What the API lets in."""

COURSE = {"kind": "course"}


def refused(door: Callable[[], object]) -> list[tuple[str, str]]:
    """Return the faults for which something is refused, by pointer and code; the best try takes less than it may."""
    faults, took = [], []
    for _ in range(TRIES):
        began = time.process_time()
        with pytest.raises(Refusal) as refusal:
            door()
        took.append(time.process_time() - began)
        faults = [(fault.pointer, fault.code) for fault in refusal.value.faults]
    assert min(took) < SECONDS_MAX, took
    return faults


def with_rule(**fields: object) -> dict[str, Any]:
    return document({"award": {"fixed": "6"}, **fields})


def nested(depth: int, combination: str) -> dict[str, Any]:
    """Build a condition with so many levels of a combination around a predicate."""
    condition: dict[str, Any] = COURSE
    for _ in range(depth - 1):
        match combination:
            case "not":
                condition = {"not": condition}
            case "at_least":
                condition = {"at_least": {"n": 1, "of": [condition]}}
            case _:
                condition = {combination: [condition]}
    return condition


COMBINATIONS = ["not", "all", "any", "at_least"]


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_ten_thousand_levels_are_refused_as_too_deep(combination: str) -> None:
    bomb = with_rule(when=nested(10_000, combination))
    assert refused(lambda: parsed_ruleset(bomb)) == [("", "too_deep")]


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_one_level_over_the_limit_is_refused_and_the_limit_is_not(combination: str) -> None:
    parsed_ruleset(with_rule(when=nested(DEPTH_MAX, combination)))
    faults = refused(lambda: parsed_ruleset(with_rule(when=nested(DEPTH_MAX + 1, combination))))
    assert [code for _, code in faults] == ["too_deep"]


@pytest.mark.parametrize(
    ("when", "code"),
    [
        ({"any": [COURSE] * 1_000_000}, "too_large"),
        ({"any": [{"any": [COURSE] * 1000}] * 1000}, "too_large"),
        ({"at_least": {"n": 2, "of": [COURSE] * 1_000_000}}, "too_large"),
        ({"issuer": [str(number) for number in range(1_000_000)]}, "too_large"),
        ({f"x{number}": 1 for number in range(1_000_000)}, "too_large"),
        ({"title": {f"x{number}": 1 for number in range(150_000)}}, "wrong_type"),
        ({f"x{number}": 1 for number in range(LIST_MAX + 1)}, "too_many"),
        ({"all": [COURSE] * (LIST_MAX + 1)}, "too_many"),
        ({"at_least": {"n": 1, "of": [COURSE] * (LIST_MAX + 1)}}, "too_many"),
    ],
    ids=["any", "any of any", "at least", "values", "names", "names in a value", "fields", "parts", "n of parts"],
)
def test_a_million_terms_are_refused_as_too_many(when: dict[str, Any], code: str) -> None:
    bomb = with_rule(when=when)
    assert [found for _, found in refused(lambda: parsed_ruleset(bomb))] == [code]


def test_terms_are_counted_in_every_combination() -> None:
    full = {"at_least": {"n": 1, "of": [COURSE] * 999}}
    rules = [{"when": full} for _ in range(TERMS_MAX // 1000)]
    parsed_ruleset(document(*rules))
    assert refused(lambda: parsed_ruleset(document(*rules, {})))[-1][1] == "too_many_terms"


def test_one_document_cannot_repeat_a_faulty_part_without_end() -> None:
    faulty = {"any": [{"regex": ".*"}, {"titel": "x"}, {"at_least": {"n": 2, "of": [COURSE]}}] * 300}
    assert len(refused(lambda: parsed_ruleset(with_rule(when=faulty)))) == FAULTS_MAX


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"when": {"titel": "x"}}, ("/rules/0/when/titel", "unknown_field")),
        ({"when": {"x" * 100_000: "x"}}, ("/rules/0/when/*", "unknown_field")),
        ({"award": {"__class__": "6"}}, ("/rules/0/award/*", "unknown_field")),
        ({"script": "import os"}, ("/rules/0/script", "unknown_field")),
    ],
)
def test_an_unknown_field_is_refused_where_it_stands(fields: dict[str, Any], fault: tuple[str, str]) -> None:
    assert refused(lambda: parsed_ruleset(with_rule(**fields))) == [fault]


def test_an_id_that_comes_again_is_refused_each_time() -> None:
    rules = document(*({"id": "same"} for _ in range(3)))
    faults = [("/rules/1/id", "duplicate_id"), ("/rules/2/id", "duplicate_id")]
    assert refused(lambda: parsed_ruleset(rules)) == faults
    many = document(*({"id": "same"} for _ in range(5000)))
    assert refused(lambda: parsed_ruleset(many)) == [(f"/rules/{place}/id", "duplicate_id") for place in range(1, 51)]


@pytest.mark.parametrize(
    ("when", "pointer", "code"),
    [
        ({"at_least": {"n": 3, "of": [COURSE, COURSE]}}, "/at_least/n", "cannot_be_met"),
        ({"not": {"at_least": {"n": 2, "of": [COURSE]}}}, "/not/at_least/n", "cannot_be_met"),
        ({"at_least": {"n": LIST_MAX + 1, "of": [COURSE]}}, "/at_least/n", "out_of_range"),
        ({"at_least": {"n": 0, "of": [COURSE]}}, "/at_least/n", "out_of_range"),
        ({"hours": {"at_least": "2", "at_most": "1.99"}}, "/hours", "bounds_crossed"),
        ({"level": {"at_least": "5", "at_most": "4.5"}}, "/level", "bounds_crossed"),
        ({"score": {"scale": "100", "at_least": "60", "at_most": "59"}}, "/score", "bounds_crossed"),
        ({"completed": {"from": "2024-01-02", "until": "2024-01-01"}}, "/completed", "bounds_crossed"),
        ({"age": {"at_least": 61, "at_most": 60}}, "/age", "bounds_crossed"),
    ],
)
def test_a_limit_that_nothing_can_meet_is_refused(when: dict[str, Any], pointer: str, code: str) -> None:
    assert refused(lambda: parsed_ruleset(with_rule(when=when))) == [("/rules/0/when" + pointer, code)]


def test_a_validity_without_a_day_is_refused() -> None:
    never = document(valid_from="2024-01-02", valid_until="2024-01-01")
    assert refused(lambda: parsed_ruleset(never)) == [("/valid_until", "ends_before_start")]


@pytest.mark.parametrize(
    ("when", "pointer"),
    [
        ({"title": {"regex": "(a+)+$"}}, "/title"),
        ({"title": {"pattern": "高等数学.*"}}, "/title"),
        ({"title": {"contains": "数学", "at_least": "1"}}, "/title"),
        ({"title": ["高等数学", {"like": "高等%"}]}, "/title/1"),
        ({"code": {"Glob": "MATH*"}}, "/code"),
        ({"issuer": {"starts_with": "cq"}}, "/issuer"),
        ({"kind": {"matches": "c.*"}}, "/kind"),
        ({"level": {"regexp": "[1-9]"}}, "/level"),
        ({"score": {"scale": "100", "matches": "A.?"}}, "/score"),
        ({"score": {"scale": "letter", "in": ["A", {"regex": "B.?"}]}}, "/score/in/1"),
        ({"regex": {"title": ".*"}}, "/regex"),
        ({"title_contains": "数学"}, "/title_contains"),
        ({"not": {"title_starts_with": "高等"}}, "/not/title_starts_with"),
    ],
)
def test_a_pattern_is_refused_by_name_with_how_to_mend_it(when: dict[str, Any], pointer: str) -> None:
    assert refused(lambda: parsed_ruleset(with_rule(when=when))) == [("/rules/0/when" + pointer, "no_patterns")]


def test_signs_of_a_pattern_in_a_text_are_only_a_text() -> None:
    parsed_ruleset(with_rule(when={"title": ["(a+)+$", "高等数学*", "%"], "programme": "contains"}))


def body(when: object) -> bytes:
    """Return a rule set as it comes over HTTP; what is too deep for the writer of JSON is given as text."""
    text = when if isinstance(when, str) else json.dumps(when)
    return json.dumps(with_rule(when="when")).replace('"when": "when"', f'"when": {text}').encode()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"not": ' * 10_000 + '{"kind": "course"}' + "}" * 10_000, "too_deep"),
        ('{"all": [' * 10_000 + '{"kind": "course"}' + "]}" * 10_000, "too_deep"),
        ('{"any": [' + ", ".join(['{"kind": "course"}'] * 1_000_000) + "]}", "too_large"),
        ("[" * 500_000, "too_deep"),
        ('{"kind": "course", "kind": "course"}', "duplicate_key"),
        ('{"hours": {"at_least": 1e999999}}', "number_form"),
        ('{"hours": {"at_least": ' + "9" * 500_000 + "}}", "number_form"),
    ],
    ids=["deep", "deep lists", "a million terms", "brackets", "twice", "exponent", "digits"],
)
def test_the_text_of_a_hostile_set_does_not_come_through_the_door(text: str, code: str) -> None:
    bomb = body(text)
    faults = refused(lambda: parsed(bomb, bytes_max=BODY_BYTES_MAX, depth_max=NESTING_MAX))
    assert [found for _, found in faults] == [code]


def test_the_most_terms_that_come_through_the_door_are_refused_behind_it() -> None:
    parts = [{"any": [COURSE] * 999}] * (BODY_BYTES_MAX // 20_000)
    value = parsed(body({"any": parts}), bytes_max=BODY_BYTES_MAX, depth_max=NESTING_MAX)
    assert refused(lambda: parsed_ruleset(value))[-1][1] == "too_many_terms"
    deepest = parsed(body(nested(NESTING_MAX // 2 - 4, "all")), bytes_max=BODY_BYTES_MAX, depth_max=NESTING_MAX)
    assert refused(lambda: parsed_ruleset(deepest)) == [("", "too_deep")]
    assert VALUES_MAX < BODY_BYTES_MAX


# --- rule sets of conversion


def conversion(**changes: object) -> dict[str, Any]:
    return conversion_document("a", {"b": "1.00"}) | changes


def limit(**changes: object) -> dict[str, Any]:
    return {"id": "most", "at_most": {"credits": "10.00"}} | changes


PLACES: list[Callable[[object], dict[str, Any]]] = [
    lambda when: {"rules": [{"id": "r", "when": when}]},
    lambda when: {"rules": [{"id": "r", "when": {"same_title": True}, "with": [when]}]},
    lambda when: {"exclusions": [{"id": "e", "when": when}]},
    lambda when: {"limits": [limit(where=when)]},
    lambda when: {"requirements": [{"id": "q", "where": when, "at_least": "1.00"}]},
    lambda when: {"applies_to": when},
]
"""Everywhere in a set of conversion where a condition stands."""


@pytest.mark.parametrize("place", PLACES, ids=["rule", "partner", "exclusion", "limit", "requirement", "applies_to"])
def test_a_hostile_condition_is_refused_wherever_it_stands(place: Callable[[object], dict[str, Any]]) -> None:
    term = {"target_institution": "x"} if "applies_to" in place({}) else COURSE
    parsed_ruleset(conversion(**place(term)))
    bombs: list[tuple[object, str]] = [
        (nested(10_000, "all"), "too_deep"),
        (nested(DEPTH_MAX + 1, "not"), "too_deep"),
        ({"any": [term] * 1_000_000}, "too_large"),
        ({"any": [term] * (LIST_MAX + 1)}, "too_many"),
        ({"at_least": {"n": 3, "of": [term, term]}}, "cannot_be_met"),
        ({"titel": "x"}, "unknown_field"),
        ({"title": {"regex": "(a+)+$"}}, "unknown_field" if term != COURSE else "no_patterns"),
    ]
    for when, code in bombs:
        hostile = conversion(**place(when))
        assert code in [found for _, found in refused(lambda hostile=hostile: parsed_ruleset(hostile))], when


@pytest.mark.parametrize(
    ("changes", "faults"),
    [
        ({"limits": [limit(), limit()]}, [("/limits/1/id", "duplicate_id")]),
        ({"limits": [limit(at_most={"credits": "0.00"})]}, [("/limits/0/at_most/credits", "out_of_range")]),
        ({"limits": [limit(at_most={"percent": "100.01"})]}, [("/limits/0/at_most/percent", "out_of_range")]),
        ({"limits": [limit(at_most={"outcomes": 10**40})]}, [("/limits/0/at_most/outcomes", "out_of_range")]),
        ({"limits": [limit(per=["kind"] * 100_000)]}, [("/limits/0/per", "too_many")]),
        ({"limits": [limit(id=str(n)) for n in range(1_000)]}, [("/limits", "too_many")]),
        (
            {"limits": [limit()], "requirements": [{"id": "q", "at_least": "10.01"}]},
            [("/requirements/0", "cannot_be_met")],
        ),
        ({"rates": [{"from": "a", "rate": "1.01"}]}, [("/rates/0/rate", "mints_credit")]),
        ({"rates": [{"from": "b", "rate": "1.00"}] * 2}, [("/rates/1/from", "duplicate_rate")]),
        ({"review": [{"id": "s", "by": {"role": "target"}, "days": 0}]}, [("/review/0/days", "out_of_range")]),
        ({"script": "import os"}, [("/script", "unknown_field")]),
    ],
)
def test_what_contradicts_itself_in_a_set_of_conversion_is_refused(
    changes: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    assert refused(lambda: parsed_ruleset(conversion(**changes))) == faults


def test_a_conversion_that_gains_credit_on_its_way_round_is_refused_among_many_sets() -> None:
    beside = [conversion_set(f"s{n + 1}", **{f"s{n}": "1.00"}) for n in range(100)]
    closing = conversion_set("s0", s100="1.01")
    took, faults = [], []
    for _ in range(TRIES):
        began = time.process_time()
        faults = minting_faults(closing, beside)
        took.append(time.process_time() - began)
    assert [fault.code for fault in faults] == ["mints_credit"]
    assert min(took) < SECONDS_MAX, took
