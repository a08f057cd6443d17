"""Consent as a value: when it counts, both sides of every bound, and what can't be consented to."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from creditbank.core.consent import (
    SCOPES_OF,
    Act,
    Consent,
    ConsentScope,
    ConsentState,
    Standing,
    covering,
    is_child,
    is_minor,
    scope_faults,
    term_faults,
)
from creditbank.core.identity import account_number
from creditbank.core.permission import LEARNER_SCOPES, PARTNER_SCOPES, SCOPES
from creditbank.core.veil import OPEN, Veil, pseudonym

TODAY = date(2026, 7, 1)
NOW = datetime(2026, 7, 1, 4, tzinfo=UTC)
GIVEN = Act(NOW, "learner", Standing.SELF)
CONSENT = Consent(
    learner_id=uuid4(),
    id=uuid4(),
    institution_id=uuid4(),
    text_code="t",
    text_version=1,
    purpose="p",
    scopes=frozenset({"balance:read"}),
    is_sensitive=False,
    valid_until=date(2026, 12, 31),
    given=GIVEN,
)


def test_a_consent_counts_on_its_last_day_and_not_on_the_day_after() -> None:
    assert CONSENT.state(date(2026, 12, 31)) is ConsentState.IN_FORCE
    assert CONSENT.state(date(2027, 1, 1)) is ConsentState.OVER
    assert CONSENT.covers("balance:read", date(2026, 12, 31))
    assert not CONSENT.covers("balance:read", date(2027, 1, 1))
    assert not CONSENT.covers("statement:read", TODAY)


def test_a_withdrawn_consent_counts_no_more_and_says_that_it_was_withdrawn_even_when_it_would_be_over() -> None:
    withdrawn = replace(CONSENT, withdrawn=Act(NOW, "learner", Standing.SELF))
    assert {withdrawn.state(day) for day in (TODAY, date(2027, 1, 1))} == {ConsentState.WITHDRAWN}
    assert not withdrawn.covers("balance:read", TODAY)
    assert covering([withdrawn], "balance:read", TODAY) is None
    assert covering([withdrawn], None, TODAY) is None


def test_one_that_covers_is_found_among_others() -> None:
    other = replace(CONSENT, id=uuid4(), scopes=frozenset({"statement:read"}))
    assert covering([other, CONSENT], "balance:read", TODAY) is CONSENT
    assert covering([other, CONSENT], None, TODAY) is other
    assert covering([other, CONSENT], "outcomes:read", TODAY) is None


@pytest.mark.parametrize(
    ("valid_until", "codes"),
    [
        ("2026-06-30", ["in_the_past"]),
        ("2026-07-01", []),
        ("2029-07-01", []),
        ("2029-07-02", ["term_too_long"]),
        ("9999-12-31", ["term_too_long"]),
    ],
)
def test_a_term_lies_between_today_and_three_years(valid_until: str, codes: list[str]) -> None:
    assert [fault.code for fault in term_faults(date.fromisoformat(valid_until), TODAY)] == codes


@pytest.mark.parametrize(
    ("scopes", "codes"),
    [
        ({"balance:read"}, []),
        ({"balance:read", "statement:read", "outcomes:read"}, []),
        ({"identity:read"}, []),
        ({"identity:read", "balance:read"}, ["sensitive_apart"]),
    ],
)
def test_sensitive_data_takes_a_consent_of_its_own(scopes: set[str], codes: list[str]) -> None:
    assert [fault.code for fault in scope_faults(scopes)] == codes


@pytest.mark.parametrize(
    ("born", "child", "minor"),
    [
        ("2012-07-02", True, True),
        ("2012-07-01", False, True),
        ("2008-07-02", False, True),
        ("2008-07-01", False, False),
        (None, False, False),
    ],
)
def test_a_child_is_under_fourteen_and_a_minor_under_eighteen(born: str | None, child: bool, minor: bool) -> None:  # noqa: FBT001 - columns of a table
    birth_date = born and date.fromisoformat(born)
    assert (is_child(birth_date or None, TODAY), is_minor(birth_date or None, TODAY)) == (child, minor)


def test_what_can_be_consented_to_are_scopes_of_clients_and_none_of_them_writes() -> None:
    assert set(SCOPES_OF.values()) == set(ConsentScope)
    assert {scope.value for scope in ConsentScope} <= PARTNER_SCOPES <= SCOPES.keys()
    assert not [scope for scope in PARTNER_SCOPES - {"webhooks:write"} if scope.endswith(":write")]
    assert "consents:write" in LEARNER_SCOPES
    assert not LEARNER_SCOPES & {"learners:lookup", "identity:read", "admin"}


# --- the veil


def test_two_partners_see_other_ids_of_the_same_thing_and_each_the_same_one_every_time() -> None:
    thing, subjects = uuid4(), (uuid4(), uuid4())
    one, other = (Veil(secret, subject) for secret, subject in zip((b"1" * 32, b"2" * 32), subjects, strict=True))
    for show in (Veil.id, Veil.learner):
        assert show(one, thing) == show(one, thing) != show(other, thing)
        assert str(thing) not in (show(one, thing), show(other, thing))
        assert show(OPEN, thing) == str(thing)
    assert one.text("record-1") != other.text("record-1") != OPEN.text("record-1") == "record-1"
    assert one.id(uuid4()) != one.id(thing)


def test_an_account_number_behind_the_veil_is_sound_and_another_one() -> None:
    number = account_number("123456789012345")
    shown = Veil(b"1" * 32, uuid4()).account_no(number)
    assert shown != number
    assert (len(shown), account_number(shown[:15])) == (16, shown)
    assert OPEN.account_no(number) == number


def test_an_instant_behind_the_veil_is_the_beginning_of_its_day_in_shanghai() -> None:
    veil = Veil(b"1" * 32, uuid4())
    for at in (NOW, NOW + timedelta(hours=11, microseconds=5)):
        assert veil.instant(at) == datetime(2026, 6, 30, 16, tzinfo=UTC)
    assert veil.instant(NOW + timedelta(hours=12)) == datetime(2026, 7, 1, 16, tzinfo=UTC)
    assert OPEN.instant(NOW) == NOW


def test_a_partners_name_for_something_has_the_form_of_a_uuid() -> None:
    made = pseudonym(b"1" * 32, "x")
    assert (made.version, made.variant) == (8, UUID(int=2 << 62).variant)


def test_a_veil_without_a_name_for_the_learner_shows_nobody() -> None:
    with pytest.raises(AssertionError):
        Veil(b"1" * 32).learner(uuid4())
