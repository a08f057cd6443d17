"""Identifiers are taken in their published forms, told apart from slips of the pen, and hardly shown."""

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.iso7064 import mod_11_2

from creditbank.core.errors import Malformed
from creditbank.formats.id_number import (
    IDENTIFIER_TYPES,
    birth_date_of,
    identifier_type,
    masked,
    normalised,
    social_credit_code,
)

TODAY = date(2025, 6, 30)
PUBLISHED = Path(__file__).parents[3] / "shared" / "oracles" / "identifiers.json"


def faults_of(type_name: str, value: str, on: date = TODAY) -> list[tuple[str, str]]:
    with pytest.raises(Malformed) as refused:
        normalised(type_name, value, on=on)
    return [(fault.pointer, fault.code) for fault in refused.value.faults]


def numbered(seventeen: str) -> str:
    return seventeen + mod_11_2.calc_check_digit(seventeen)


@pytest.mark.parametrize(
    "value", ["11010519491231002X", "440524188001010014", "510201195512300040", "810000199001010019"]
)
def test_published_resident_ids_are_taken(value: str) -> None:
    assert normalised("cn.resident_id", value, on=TODAY) == value
    assert normalised("resident_id", value.lower(), on=TODAY) == value


@pytest.mark.parametrize(
    ("value", "codes"),
    [
        ("110105194912310021", ["wrong_check_digit"]),
        ("11010519491331002X", ["wrong_birth_date", "wrong_check_digit"]),
        ("11010519491231002", ["wrong_length"]),
        ("11010519491231002XX", ["wrong_length"]),
        ("11010520991231002X", ["future_birth_date", "wrong_check_digit"]),
        (numbered("11010520991231002"), ["future_birth_date"]),
        (numbered("11010520230229002"), ["wrong_birth_date"]),
        (numbered("11010518741231002"), ["wrong_birth_date"]),
        ("110105491231002", ["wrong_length"]),
        ("１１０１０５１９４９１２３１００２Ｘ", ["wrong_form"]),
        ("1101051949123100２X", ["wrong_form"]),
        ("110105 19491231 002X", ["wrong_form"]),
        (" 11010519491231002X", ["wrong_form"]),
        ("11010519491231002X\n", ["wrong_form"]),
        ("11010519491231X02X", ["wrong_form"]),
        ("010105194912310021", ["wrong_form"]),
        (numbered("91010519491231002"), ["wrong_form"]),
        ("1_0105194912310021", ["wrong_form"]),
        ("", ["wrong_form"]),
    ],
)
def test_a_wrong_resident_id_is_refused_for_what_is_wrong(value: str, codes: list[str]) -> None:
    assert faults_of("cn.resident_id", value) == [("/value", code) for code in codes]


def test_the_right_check_digit_is_not_told() -> None:
    with pytest.raises(Malformed) as refused:
        normalised("cn.resident_id", "110105194912310021", on=TODAY)
    assert "X" not in str(refused.value)


def test_who_is_born_today_has_an_id_and_who_is_born_tomorrow_has_none() -> None:
    value = numbered("11010520250630002")
    assert normalised("cn.resident_id", value, on=date(2025, 6, 30)) == value
    assert faults_of("cn.resident_id", value, date(2025, 6, 29)) == [("/value", "future_birth_date")]


def test_the_oldest_possible_birth_year_is_taken_and_the_one_before_is_not() -> None:
    value = numbered("11010518750101002")
    assert normalised("cn.resident_id", value, on=TODAY) == value
    assert faults_of("cn.resident_id", value, date(2026, 1, 1)) == [("/value", "wrong_birth_date")]


@given(st.dates(date(1900, 1, 1), TODAY), st.integers(0, 17), st.integers(1, 9))
def test_every_single_slip_of_a_digit_is_found(born: date, place: int, step: int) -> None:
    value = numbered(f"510201{born:%Y%m%d}004")
    assert birth_date_of("resident_id", normalised("resident_id", value, on=TODAY)) == born
    digit = value[place]
    other = str((int(digit) + step) % 10) if digit != "X" else str(step)
    assert faults_of("resident_id", value[:place] + other + value[place + 1 :])


def test_the_published_vectors_hold() -> None:
    if not PUBLISHED.exists():
        pytest.skip("the published vectors are not at ../shared/oracles/identifiers.json")
    vectors = json.loads(PUBLISHED.read_bytes())
    resident, organisation = vectors["resident_id (GB 11643)"], vectors["social_credit_code (GB 32100)"]
    for value in resident["valid"]:
        assert normalised("cn.resident_id", value, on=TODAY) == value
    for value in resident["invalid"]:
        assert faults_of("cn.resident_id", value)
    for value in organisation["valid"]:
        assert social_credit_code(value) == value
    for value in organisation["invalid"]:
        with pytest.raises(Malformed):
            social_credit_code(value)


@pytest.mark.parametrize(
    ("type_name", "value", "stored"),
    [
        ("cn.netid", "a1B2-c3D4", "a1B2-c3D4"),
        ("netid", "x" * 8, "x" * 8),
        ("netid", "x" * 64, "x" * 64),
        ("cn.hk_macao_permit", "H12345678", "H12345678"),
        ("hk_macao_permit", "m1234567800", "M1234567800"),
        ("cn.taiwan_permit", "12345678", "12345678"),
        ("taiwan_permit", "1234567800", "1234567800"),
        ("cn.foreign_permanent_resident", "usa110080010101", "USA110080010101"),
        ("foreign_permanent_resident", numbered("91100119800101002"), numbered("91100119800101002")),
        ("passport", "e12345678", "E12345678"),
        ("passport", "A" * 5, "A" * 5),
        ("passport", "A" * 20, "A" * 20),
        ("student_no", "沪开 2025-001", "沪开 2025-001"),
        ("student_no", "1", "1"),
        ("student_no", "1" * 40, "1" * 40),
    ],
)
def test_other_types_are_taken_in_their_forms(type_name: str, value: str, stored: str) -> None:
    assert normalised(type_name, value, on=TODAY) == stored


@pytest.mark.parametrize(
    ("type_name", "value", "code"),
    [
        ("netid", "x" * 7, "wrong_length"),
        ("netid", "x" * 65, "wrong_length"),
        ("netid", "abcd efgh", "wrong_form"),
        ("netid", "网号网号网号网号", "wrong_form"),
        ("hk_macao_permit", "H1234567", "wrong_length"),
        ("hk_macao_permit", "H123456789", "wrong_form"),
        ("hk_macao_permit", "C12345678", "wrong_form"),
        ("taiwan_permit", "1234567", "wrong_length"),
        ("taiwan_permit", "123456789", "wrong_form"),
        ("taiwan_permit", "12345678901", "wrong_length"),
        ("foreign_permanent_resident", "911001198013010020", "wrong_birth_date"),
        ("foreign_permanent_resident", "11010519491231002X", "wrong_form"),
        ("foreign_permanent_resident", "US1110080010101", "wrong_length"),
        ("passport", "A" * 4, "wrong_length"),
        ("passport", "A" * 21, "wrong_length"),
        ("passport", "E1234-678", "wrong_form"),
        ("passport", "Ｅ１２３４５６７８", "wrong_form"),
        ("student_no", "", "wrong_length"),
        ("student_no", "1" * 41, "wrong_length"),
        ("student_no", " 1", "wrong_form"),
        ("student_no", "1\t2", "wrong_form"),
        ("student_no", "1\u200b2", "wrong_form"),
    ],
)
def test_other_types_are_refused_out_of_their_forms(type_name: str, value: str, code: str) -> None:
    assert ("/value", code) in faults_of(type_name, value)


def test_the_newer_card_of_a_foreign_resident_has_a_birth_date_and_a_check_digit() -> None:
    value = numbered("91100119800101002")
    assert birth_date_of("cn.foreign_permanent_resident", value) == date(1980, 1, 1)
    wrong = value[:-1] + ("0" if value[-1] != "0" else "1")
    assert faults_of("foreign_permanent_resident", wrong) == [("/value", "wrong_check_digit")]


def test_a_type_is_found_with_and_without_its_prefix_and_no_other_way() -> None:
    assert identifier_type("resident_id") is identifier_type("cn.resident_id") is IDENTIFIER_TYPES["cn.resident_id"]
    assert identifier_type("passport") is not None
    assert [identifier_type(name) for name in ("cn.passport", "mail", "", "CN.resident_id")] == [None] * 4
    assert faults_of("mail", "13800138000") == [("/type", "unknown_type")]


def test_only_a_student_number_needs_its_issuer_and_is_not_strong() -> None:
    assert {code for code, kind in IDENTIFIER_TYPES.items() if kind.issuer_scoped} == {"student_no"}
    weak = {"student_no", "phone", "cn.resident_id_15"}
    assert {code for code, kind in IDENTIFIER_TYPES.items() if not kind.strong} == weak
    assert {code for code, kind in IDENTIFIER_TYPES.items() if not kind.finds} == weak - {"student_no"}


@pytest.mark.parametrize(
    ("type_name", "value", "shown"),
    [
        ("resident_id", "510201195512300040", "5***************40"),
        ("hk_macao_permit", "H12345678", "H******78"),
        ("taiwan_permit", "12345678", "1*****78"),
        ("foreign_permanent_resident", "USA110080010101", "U************01"),
        ("student_no", "1234567", "*******"),
        ("student_no", "1", "*"),
    ],
)
def test_little_of_an_identifier_shows(type_name: str, value: str, shown: str) -> None:
    assert masked(type_name, value) == shown


def test_no_other_type_states_a_birth_date() -> None:
    assert birth_date_of("passport", "510201195512300040") is None
    assert birth_date_of("foreign_permanent_resident", "USA110080010101") is None
    assert birth_date_of("phone", "510201195512300040") is None


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("91350100M000100Y43", "91350100M000100Y43"),
        ("91350100m000100y43", "91350100M000100Y43"),
        ("12100000400000624D", "12100000400000624D"),
        ("91110000600037341L", "91110000600037341L"),
    ],
)
def test_published_social_credit_codes_are_taken(value: str, code: str) -> None:
    assert social_credit_code(value) == code


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("91350100M000100Y44", "wrong_check_digit"),
        ("9135010OM000100Y43", "wrong_form"),
        ("91350100M000100I43", "wrong_form"),
        ("91350100M000100Y4", "wrong_length"),
        ("91350100M000100Y433", "wrong_length"),
        ("9135 0100M000100Y43", "wrong_form"),
        ("９1350100M000100Y43", "wrong_form"),
    ],
)
def test_a_wrong_social_credit_code_is_refused_for_what_is_wrong(value: str, code: str) -> None:
    with pytest.raises(Malformed) as refused:
        social_credit_code(value)
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [("", code)]
