"""Settling: the same learning counts once, whoever recorded it, and the rules say for how much."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbank.core.outcome import Status
from creditbank.core.recognition import in_force, recognised
from creditbank.core.settlement import Case, Rulebook, Verdict, settled
from tests.core.test_rules import SCHEME, facts, ruleset

RULES = Rulebook((ruleset(),), {SCHEME.code: SCHEME})
NO_RULES = Rulebook((), {})


def case(number: int, *claims: str, issuer: str = "cqdx") -> Case:
    return Case(UUID(int=number), facts(issuer=issuer), tuple(claim.encode() for claim in claims))


def told(verdicts: list[Verdict]) -> list[tuple[str, int | None]]:
    """Return the verdicts in few words: the status, and the number of the case that counts instead."""
    return [(verdict.status.value, verdict.duplicate_of and verdict.duplicate_of.int) for verdict in verdicts]


@pytest.mark.parametrize(
    ("cases", "holders", "expected"),
    [
        ([case(1, "a"), case(2, "b")], {}, [("recognised", None), ("recognised", None)]),
        ([case(1, "a"), case(2, "a")], {}, [("recognised", None), ("duplicate", 1)]),
        ([case(1, "a"), case(2, "a", issuer="cqou")], {}, [("recognised", None), ("duplicate", 1)]),
        ([case(2, "a")], {"a": 1}, [("duplicate", 1)]),
        ([case(1, "a")], {"a": 1}, [("recognised", None)]),
        ([case(3, "x", "b")], {"b": 2}, [("duplicate", 2)]),
        ([case(3, "a", "b")], {"a": 1, "b": 2}, [("duplicate", 1)]),
        (
            [case(1, "a"), case(2, "a", "b"), case(3, "b")],
            {},
            [("recognised", None), ("duplicate", 1), ("duplicate", 1)],
        ),
        ([case(1)], {}, [("recognised", None)]),
        ([], {}, []),
    ],
    ids=[
        "different learning",
        "the same learning",
        "the same learning from another issuer",
        "on record already",
        "its own claim is no rival",
        "one common claim suffices",
        "the first claim names the other",
        "what is the same as a duplicate is the same as what counts",
        "nothing to be known by",
        "nothing",
    ],
)
def test_the_same_learning_is_credited_once(
    cases: list[Case], holders: dict[str, int], expected: list[tuple[str, int | None]]
) -> None:
    held = {claim.encode(): UUID(int=number) for claim, number in holders.items()}
    assert told(settled(cases, held, RULES)) == expected


def test_what_no_rule_credits_is_recorded_and_still_counts_as_on_record() -> None:
    assert told(settled([case(1, "a"), case(2, "a")], {}, NO_RULES)) == [("recorded", None), ("duplicate", 1)]


def test_a_verdict_carries_what_the_rules_say() -> None:
    credited, duplicate = settled([case(1, "a"), case(2, "a")], {}, RULES)
    assert credited.recognition is not None
    assert credited.recognition == RULES.recognise(facts())
    assert credited.recognition.credit_hundredths == 600
    assert duplicate.recognition is None


def test_the_holders_that_are_given_stay_as_they_are() -> None:
    holders: dict[bytes, UUID] = {}
    settled([case(1, "a")], holders, RULES)
    assert holders == {}


_CLAIMS = st.sets(st.sampled_from("abcdef"), max_size=3).map(sorted)


@given(st.lists(_CLAIMS, max_size=12), st.sets(st.sampled_from("abc")), st.lists(st.sampled_from(["cqdx", "cqou"])))
def test_no_two_credited_share_a_claim_and_each_duplicate_shares_one_with_a_holder(
    claim_sets: list[list[str]], held: set[str], issuers: list[str]
) -> None:
    cases = [case(number, *claims) for number, claims in enumerate(claim_sets, start=100)]
    holders = {claim.encode(): UUID(int=ord(claim)) for claim in held}
    verdicts = settled(cases, holders, RULES)
    credited = dict(holders)
    for one, verdict in zip(cases, verdicts, strict=True):
        if verdict.status is Status.DUPLICATE:
            assert verdict.duplicate_of in {credited.get(claim) for claim in one.claims}
            for claim in one.claims:
                credited.setdefault(claim, verdict.duplicate_of)
        else:
            assert not credited.keys() & set(one.claims)
            credited |= dict.fromkeys(one.claims, one.outcome_id)
    from_others = [
        replace(one, facts=replace(one.facts, issuer=issuers[place % len(issuers)] if issuers else "x"))
        for place, one in enumerate(cases)
    ]
    assert told(settled(from_others, holders, RULES)) == told(verdicts)


@given(st.lists(st.sampled_from("abc"), max_size=10), st.randoms(use_true_random=False))
def test_how_much_is_credited_does_not_depend_on_the_order_of_repeats(claims: list[str], random: object) -> None:
    cases = [case(number, claim) for number, claim in enumerate(claims)]
    random.shuffle(cases)  # type: ignore[attr-defined]
    statuses = [verdict.status for verdict in settled(cases, {}, RULES)]
    assert statuses.count(Status.RECOGNISED) == len(set(claims))


def test_a_rulebook_knows_whether_any_of_its_sets_asks_for_the_learners_age() -> None:
    asking = ruleset(code="aged", applies_to={"age": {"at_least": 60}})
    assert not NO_RULES.asks_age
    assert not RULES.asks_age
    assert Rulebook((ruleset(), asking), RULES.schemes).asks_age


def test_a_rulebook_recognises_what_its_sets_in_force_do() -> None:
    sets = (ruleset(code="other", priority=500, applies_to={"issuer": "cqou"}), ruleset(version=2), ruleset())
    book = Rulebook(sets, RULES.schemes)
    for issuer in ("cqdx", "cqou"):
        subject = facts(issuer=issuer)
        assert book.recognise(subject) == recognised(in_force(sets, subject), book.schemes, subject)
