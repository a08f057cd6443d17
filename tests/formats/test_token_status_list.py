"""Token Status Lists: what was set reads so at its index and nowhere else; a list that doesn't hold tells nothing."""

import base64
import zlib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from creditbank.core.credential import Standing, StatusPlace
from creditbank.formats.credential_key import Algorithm
from creditbank.formats.did_web import jwk_method
from creditbank.formats.sd_jwt_status import listed_standing, token_list_of
from creditbank.formats.status_list import BYTES_MAX, ENTRIES
from creditbank.formats.token_status_list import TYPE, signed_list, status_claim, token_list
from tests.formats import credentials as made
from tests.formats.sd_jwts import packed, signed

ISSUER = made.issuers()[made.DID]
PLACE = StatusPlace(1, 4711)
CLAIMS = {"status": status_claim(made.BASE, PLACE)}
ADDRESS = f"{made.BASE}/v1/status-lists/1"

indexes = st.sets(st.integers(0, ENTRIES - 1), max_size=20)


def a_list(revoked: set[int], suspended: set[int], number: int = 1) -> str:
    secret = made.keys(number).keys[Algorithm.ES256]
    claims = token_list(ADDRESS, revoked, suspended, made.AT)
    return signed_list(claims, secret, jwk_method(made.DID, secret.public))


@settings(max_examples=25, deadline=None)
@given(indexes, indexes, st.integers(0, ENTRIES - 1))
def test_an_entry_tells_what_was_set_and_revoked_goes_first(revoked: set[int], suspended: set[int], at: int) -> None:
    found = token_list_of(a_list(revoked, suspended), ISSUER, made.AT)
    assert found is not None
    for index in revoked | suspended | {at}:
        assert found.value(index) == (1 if index in revoked else 2 if index in suspended else 0)
    assert found.value(-1) is None
    assert found.value(ENTRIES) is None


def test_the_example_of_the_draft_is_read_as_it_says() -> None:
    values = bytes([0xB9, 0xA3])
    told = {"bits": 1, "lst": packed(zlib.compress(values))}
    found = token_list_of(signed(body(status_list=told), typ=TYPE), ISSUER, made.AT)
    assert found is not None
    assert [found.value(index) for index in range(16)] == [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("revoked", "suspended", "standing"),
    [(set(), set(), Standing.VALID), ({4711}, set(), Standing.REVOKED), (set(), {4711}, Standing.SUSPENDED)],
)
def test_a_credential_stands_as_its_list_tells(revoked: set[int], suspended: set[int], standing: Standing) -> None:
    assert listed_standing(CLAIMS, [a_list(revoked, suspended)], ISSUER, made.AT) == ([], standing)


def test_another_list_tells_nothing_and_an_index_beyond_it_is_refused() -> None:
    other = {"status": status_claim(made.BASE, StatusPlace(2, 1))}
    assert listed_standing(other, [a_list(set(), set())], ISSUER, made.AT) == ([], None)
    assert listed_standing(CLAIMS, [], ISSUER, made.AT) == ([], None)
    for index in (ENTRIES, -1, "4711", True):
        beyond = {"status": {"status_list": {"idx": index, "uri": ADDRESS}}}
        faults, standing = listed_standing(beyond, [a_list(set(), set())], ISSUER, made.AT)
        assert ([fault.code for fault in faults], standing) == (["status_index_foreign"], None)
    for nothing in ({"status": 1}, {"status": {}}, {"status": {"status_list": []}}):
        assert listed_standing(nothing, [a_list(set(), set())], ISSUER, made.AT) == ([], None)


def body(**changes: Any) -> dict[str, Any]:
    return token_list(ADDRESS, [], [], made.AT) | changes


def told(lst: object, bits: object = 1) -> str:
    return signed(body(status_list={"bits": bits, "lst": lst}), typ=TYPE)


REFUSED = {
    "no list": lambda: "a.b.c",
    "nothing": lambda: "",
    "another key's": lambda: a_list(set(), set(), number=2),
    "changed": lambda: a_list(set(), set())[:-8] + "AAAAAAAA",
    "another typ": lambda: signed(body(), typ="JWT"),
    "over": lambda: signed(body(exp=int(made.AT.timestamp())), typ=TYPE),
    "an end as text": lambda: signed(body(exp="2099"), typ=TYPE),
    "never signed": lambda: signed({name: value for name, value in body().items() if name != "iat"}, typ=TYPE),
    "no address": lambda: signed(body(sub=1), typ=TYPE),
    "no values": lambda: told(None),
    "no object": lambda: signed(body(status_list="x"), typ=TYPE),
    "three bits": lambda: told(packed(zlib.compress(b"x")), 3),
    "true bits": lambda: told(packed(zlib.compress(b"x")), bits=True),
    "not packed": lambda: told(packed(b"x")),
    "cut off": lambda: told(packed(zlib.compress(bytes(1000))[:-5])),
    "not base64url": lambda: told(base64.b64encode(b"\xff\xfe\xfd").decode() + "!"),
    "a bomb": lambda: told(packed(zlib.compress(bytes(BYTES_MAX + 1), 9))),
    "not ASCII": lambda: a_list(set(), set()) + "〜",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_list_that_does_not_hold_is_refused(name: str) -> None:
    text = REFUSED[name]()
    assert token_list_of(text, ISSUER, made.AT) is None
    faults, standing = listed_standing(CLAIMS, [text], ISSUER, made.AT)
    assert ([fault.code for fault in faults], standing) == (["status_list_refused"], None)
    assert [fault.code for fault in listed_standing(CLAIMS, [{}], ISSUER, made.AT)[0]] == ["status_list_refused"]


def test_an_old_list_is_over_after_a_day() -> None:
    assert token_list_of(a_list(set(), set()), ISSUER, made.AT + timedelta(hours=23)) is not None
    assert token_list_of(a_list(set(), set()), ISSUER, made.AT + timedelta(hours=25)) is None
