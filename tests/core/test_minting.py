"""Chains of conversions that would gain credit on their way back to where they began."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbank.core.errors import RulesetFaulty
from creditbank.core.rules import ConversionSet, parsed_ruleset
from creditbank.core.rules.minting import minting_faults
from tests.builders import programme_body


def document(scheme: str, rates: dict[str, str], **changes: Any) -> dict[str, Any]:
    """Return a set of conversion into a scheme, at these rates from others."""
    given = {"applied_on": "2026-01-01", "outcomes": [], "programme": programme_body() | {"institution": "acceptor"}}
    return {
        "code": f"into-{scheme}",
        "version": 1,
        "kind": "conversion",
        "title": {"zh": "转换办法", "en": "Conversion"},
        "authority": "示例",
        "source": {"document": "示例办法"},
        "valid_from": "2020-01-01",
        "version_date": "applied",
        "scheme": scheme,
        "rates": [{"from": origin, "rate": rate} for origin, rate in rates.items()],
        "rules": [{"id": "same", "when": {"same_title": True}}],
        "tests": [{"id": "nothing", "given": given, "expect": {"credits": "0.00"}}],
    } | changes


def converting(scheme: str, **rates: str) -> ConversionSet:
    parsed = parsed_ruleset(document(scheme, rates))
    assert isinstance(parsed, ConversionSet)
    return parsed


@pytest.mark.parametrize(
    ("rates", "beside", "told"),
    [
        ({"b": "2.00"}, [("b", {"a": "0.50"})], []),
        ({"b": "2.00"}, [("b", {"a": "0.51"})], ["b → a → b turns 1 credit into 1.02"]),
        ({"b": "2.00"}, [("b", {"c": "0.51"})], []),
        ({"b": "1.10"}, [("b", {"c": "1.00"}), ("c", {"a": "1.00"})], ["b → a → c → b turns 1 credit into 1.10"]),
        ({"b": "0.90"}, [("b", {"c": "1.00"}), ("c", {"a": "1.00"})], []),
        ({"b": "1.00"}, [("b", {"a": "1.00"}), ("b", {"a": "1.20"})], ["b → a → b turns 1 credit into 1.20"]),
        ({"b": "9.00", "c": "2.00"}, [("c", {"a": "1.00"})], ["c → a → c turns 1 credit into 2.00"]),
    ],
    ids=["to and fro", "gains", "no way back", "a longer way", "loses on the way", "the best of two", "which rate"],
)
def test_a_rate_that_closes_a_gaining_chain_is_named(
    rates: dict[str, str], beside: list[tuple[str, dict[str, str]]], told: list[str]
) -> None:
    faults = minting_faults(converting("a", **rates), [converting(scheme, **others) for scheme, others in beside])
    assert [fault.message_en.removeprefix("With the rules in print ").partition(";")[0] for fault in faults] == told
    assert {fault.code for fault in faults} <= {"mints_credit"}
    assert [fault.pointer for fault in faults] == [f"/rates/{len(rates) - 1}/rate" for _ in told]


_SCHEMES = "abcd"


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(_SCHEMES), st.sampled_from(_SCHEMES)).filter(lambda edge: edge[0] != edge[1]),
        st.sampled_from(["0.50", "0.80", "1.00", "1.25", "2.00"]),
        max_size=8,
    )
)
def test_sets_that_are_let_in_one_by_one_never_gain_on_any_chain(edges: dict[tuple[str, str], str]) -> None:
    published: list[ConversionSet] = []
    for (origin, destination), rate in edges.items():
        candidate = converting(destination, **{origin: rate})
        if not minting_faults(candidate, published):
            published.append(candidate)
    rates = {
        (origin, one.scheme): rate for one in published for origin, rate in one.rates.items() if origin != one.scheme
    }
    assert all(worth <= 1 for worth in chains(rates))


def chains(rates: dict[tuple[str, str], Fraction]) -> list[Fraction]:
    """Return what a credit becomes on every chain that comes back to its beginning, found by trying all."""
    found: list[Fraction] = []

    def walk(begin: str, at: str, worth: Fraction, passed: tuple[str, ...]) -> None:
        for (origin, destination), rate in rates.items():
            if origin != at:
                continue
            if destination == begin:
                found.append(worth * rate)
            elif destination not in passed:
                walk(begin, destination, worth * rate, (*passed, destination))

    for scheme in _SCHEMES:
        walk(scheme, scheme, Fraction(1), (scheme,))
    return found


def test_a_joint_rule_is_not_chosen_by_order() -> None:
    rule = {"id": "joint", "when": {"kind": "course"}, "joint": True}
    parsed_ruleset(document("a", {"b": "1.00"}, rules=[rule]))
    with pytest.raises(RulesetFaulty) as refused:
        parsed_ruleset(document("a", {"b": "1.00"}, rules=[rule], choose="first"))
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [("/choose", "contradicts")]
