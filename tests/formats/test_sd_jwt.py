"""SD-JWTs: a presentation tells what was chosen and nothing else, and is believed as it was made and no other way."""

import hashlib
import hmac
import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st
from jwcrypto.jwk import JWK
from sd_jwt.verifier import SDJWTVerifier

from creditbank.core.credential import RUNGS
from creditbank.core.credit import decimal_text
from creditbank.formats.compact_jws import BYTES_MAX
from creditbank.formats.credential_key import Algorithm
from creditbank.formats.did_web import jwk_method
from creditbank.formats.sd_jwt import Hidden, HiddenItems, issued_sd_jwt, presented
from creditbank.formats.sd_jwt_check import shown_of
from creditbank.formats.sd_jwt_claims import Asked
from creditbank.formats.sd_jwt_reading import DEPTH_MAX, DISCLOSURES_MAX, NEVER_HIDDEN
from tests.formats import credentials as made
from tests.formats import sd_jwts
from tests.formats.sd_jwts import (
    AMOUNTS,
    SCHEME,
    by_hand,
    checked,
    digest,
    everything_in,
    packed,
    signed,
    statement,
    unpacked,
)

amounts = st.lists(
    st.tuples(st.sampled_from([None, "1", "2", "3", "4", "5", "高级"]), st.integers(1, 5000)), min_size=1, max_size=5
)
levels = st.integers(0, 5)


def reached_at(found: sd_jwts.Amounts, level: int) -> int:
    """Return how many hundredths are at a level or higher, counted another way than the bank does."""
    at = {None: 0, "高级": 0, "1": 1, "2": 2, "3": 3, "4": 4, "5": 5}
    return sum(amount for label, amount in found if at[label] >= level)


@settings(max_examples=30, deadline=None)
@given(amounts, levels, st.data())
def test_who_is_shown_that_there_is_enough_learns_nothing_else(
    found: sd_jwts.Amounts, level: int, data: st.DataObject
) -> None:
    total = reached_at(found, level)
    asked = Asked(SCHEME, level, data.draw(st.integers(1, max(1, total))))
    whole = statement(found, asked)
    text = presented(whole, asked.chosen)
    name, amount = ("any" if level == 0 else str(level)), decimal_text(asked.credit_hundredths)
    told = checked(text)
    assert told.faults == ()
    claims = shown_of(told.document or {})
    if total < asked.credit_hundredths:
        assert claims.get("creditsAtLeast", {}).get(SCHEME, {}).get(name, {}) == {}
        return
    assert claims["creditsAtLeast"] == {SCHEME: {name: {amount: True}}}
    assert claims.keys() == {"vct", "creditsAsOf", "creditsAtLeast"}
    said = everything_in(text)
    shown = set(text.split("~"))
    for disclosure in set(whole.split("~")[1:-1]) - shown:
        assert disclosure not in text
        assert unpacked(disclosure)[0] not in said, "its salt would let amounts be tried"
    for hidden in {decimal_text(total), decimal_text(sum(one for _, one in found)), "张三"} - {amount}:
        assert f'"{hidden}"' not in said
    others = {decimal_text(rung * 100) for rung in RUNGS} - {amount}
    assert not [one for one in others if f'"{one}"' in said]


@settings(max_examples=10, deadline=None)
@given(amounts, amounts)
def test_rich_and_poor_show_as_many_digests(one: sd_jwts.Amounts, other: sd_jwts.Amounts) -> None:
    asked = Asked(SCHEME, 0, 1)
    texts = [presented(statement(found, asked), asked.chosen) for found in (one, other)]
    assert sd_jwts.all_digests(texts[0]) == sd_jwts.all_digests(texts[1]) == [16, 24, 12, 48]
    lengths = {tuple(len(part) for part in text.split("~")) for text in texts}
    assert len(lengths) == 1


def test_every_rung_that_is_reached_can_be_shown_and_no_other() -> None:
    told = checked(statement(AMOUNTS)).document
    assert told is not None
    for level, total in (("any", 3750), ("1", 3450), ("3", 3450), ("4", 3000), ("5", 3000)):
        assert set(told["creditsAtLeast"][SCHEME][level]) == {decimal_text(n * 100) for n in RUNGS if n * 100 <= total}
    assert "6" not in told["creditsAtLeast"][SCHEME]


def test_an_item_stands_anywhere_in_its_list() -> None:
    secret = made.keys().keys[Algorithm.EDDSA]
    places = set()
    for _ in range(12):
        text = issued_sd_jwt(Hidden({}, 16, {"a": HiddenItems([{"course": 1}], 40)}), secret, "k")
        token, disclosure, _ = text.split("~")
        items = [item["..."] for item in unpacked(token.split(".")[1])["a"]]
        assert len(items) == 40
        places.add(items.index(digest(disclosure)))
    assert len(places) > 1


def test_two_signings_have_no_digest_in_common() -> None:
    one, other = (unpacked(statement(AMOUNTS).split("~")[0].split(".")[1]) for _ in range(2))
    assert not set(one["_sd"]) & set(other["_sd"])


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_the_reference_verifier_reads_what_the_bank_reads(algorithm: Algorithm) -> None:
    chosen = Asked(SCHEME, 3, 3000).chosen | {"name": True, "creditBalance": [True] * 24}
    whole = statement(AMOUNTS, algorithm=algorithm)
    key = JWK.from_json(json.dumps(dict(made.keys().keys[algorithm].public.jwk)))
    for text in (whole, presented(whole, chosen), presented(whole, {})):
        found = checked(text)
        assert (found.faults, found.proof) == ((), f"sd-jwt:{algorithm}")
        assert SDJWTVerifier(text, lambda *_: key).get_verified_payload() == found.document


def test_the_library_tells_its_log_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        presented(statement(AMOUNTS), {"name": True})
    assert "张三" not in caplog.text


def test_each_claim_and_each_disclosure_that_is_changed_is_refused() -> None:
    text = presented(statement(AMOUNTS), Asked(SCHEME, 3, 3000).chosen | {"name": True})
    token, *disclosures, _ = text.split("~")
    head, body, signature = token.split(".")
    payload = unpacked(body)
    for name, value in payload.items():
        other = {"_sd": value[1:]} if name == "_sd" else {name: f"{value}x"}
        for changed in (payload | other, {k: v for k, v in payload.items() if k != name}):
            spoilt = "~".join([f"{head}.{packed(changed)}.{signature}", *disclosures, ""])
            assert checked(spoilt).faults, name
    for place, one in enumerate(disclosures):
        salt, *more = unpacked(one)
        for changed in ([salt + "A", *more], [salt, "x", *more[1:]], [salt, more[0], {"50.00": True}]):
            spoilt = "~".join([token, *disclosures[:place], packed(changed), *disclosures[place + 1 :], ""])
            assert made.codes(checked(spoilt)) == {"disclosure_unreferenced"}
    assert checked(text).faults == ()


WHOLE = presented(statement(AMOUNTS), Asked(SCHEME, 3, 3000).chosen | {"name": True})


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.sampled_from("AZaz09-_.~=+/ "), st.sampled_from(["put", "insert", "cut"]))
def test_no_character_can_be_changed(place: int, other: str, how: str) -> None:
    rest = WHOLE[place + (how != "insert") :]
    changed = WHOLE[:place] + ("" if how == "cut" else other) + rest
    if changed != WHOLE:
        assert checked(changed).faults


def test_what_is_left_out_of_the_middle_leaves_what_is_below_it_unreferenced() -> None:
    token, outer, *inner = presented(statement(AMOUNTS), Asked(SCHEME, 3, 3000).chosen).split("~")
    assert unpacked(outer)[1] == "creditsAtLeast"
    assert made.codes(checked("~".join([token, *inner]))) == {"disclosure_unreferenced"}


SAID = packed(["salt", "name", "张三"])
ITEM = packed(["salt", "课程"])
NESTED: Any = True
for _ in range(DEPTH_MAX):
    NESTED = {"a": NESTED}


def chain(length: int) -> str:
    """Return a credential in which each disclosure stands within another one."""
    disclosures = [packed(["salt", "a", True])]
    for _ in range(length):
        disclosures.append(packed(["salt", "a", {"_sd": [digest(disclosures[-1])]}]))
    return by_hand(disclosures, {"_sd": [digest(disclosures[-1])]})


def unsigned(**header: Any) -> str:
    """Return a credential that says that it needs no signature."""
    head = {"alg": "none", "typ": "dc+sd-jwt"} | {name: value for name, value in header.items() if value is not None}
    return f"{packed(head)}.{by_hand([]).split('.')[1]}.~"


TRICKS: dict[str, tuple[Callable[[], str], str]] = {
    "none": (lambda: unsigned(kid=None), "key_unknown"),
    "none with a key": (lambda: unsigned(kid=jwk_method(made.DID, made.keys().public[0])), "alg_refused"),
    "another key": (lambda: by_hand([SAID], kid=f"{made.DID}#other"), "key_unknown"),
    "another typ": (lambda: by_hand([SAID], typ="JWT"), "not_an_sd_jwt"),
    "an access token's typ": (lambda: by_hand([SAID], typ="at+jwt"), "not_an_sd_jwt"),
    "crit": (lambda: by_hand([SAID], crit=["x"], x=1), "not_an_sd_jwt"),
    "another hash": (lambda: by_hand([SAID], {"_sd_alg": "sha-512"}), "hash_refused"),
    "no hash": (lambda: by_hand([SAID], {"_sd_alg": "none"}), "hash_refused"),
    "a digest twice": (lambda: by_hand([SAID], {"_sd": [digest(SAID)] * 2}), "digest_twice"),
    "a digest in two places": (lambda: by_hand([SAID], {"a": {"_sd": [digest(SAID)]}}), "digest_twice"),
    "a decoy twice": (lambda: by_hand([], {"_sd": [digest("x")] * 2}), "digest_twice"),
    "a decoy twice in lists": (lambda: by_hand([], {"a": [{"...": digest("x")}] * 2}), "digest_twice"),
    "disclosed twice": (lambda: by_hand([SAID]) + SAID + "~", "digest_twice"),
    "unreferenced": (lambda: by_hand([SAID]) + packed(["other", "name", "李四"]) + "~", "disclosure_unreferenced"),
    "a name that is there": (lambda: by_hand([SAID], {"name": "李四"}), "claim_reserved"),
    "two of one name": (lambda: by_hand([SAID, packed(["other", "name", "李四"])]), "claim_reserved"),
    **{
        f"{name} disclosed": (lambda name=name: by_hand([packed(["salt", name, 1])], {name: None}), "claim_reserved")
        for name in (*NEVER_HIDDEN, "_sd", "...", "_sd_alg")
    },
    "dots in an object": (lambda: by_hand([], {"...": digest("x")}), "claim_reserved"),
    "a hash within": (lambda: by_hand([], {"a": {"_sd_alg": "sha-256"}}), "claim_reserved"),
    "an item as a member": (lambda: by_hand([ITEM]), "not_an_sd_jwt"),
    "a member as an item": (lambda: by_hand([SAID], {"_sd": [], "a": [{"...": digest(SAID)}]}), "not_an_sd_jwt"),
    "no list of digests": (lambda: by_hand([], {"_sd": {}}), "not_an_sd_jwt"),
    "no digest": (lambda: by_hand([], {"_sd": ["x"]}), "not_an_sd_jwt"),
    "no text for a digest": (lambda: by_hand([], {"a": [{"...": 1}]}), "not_an_sd_jwt"),
    "four parts": (lambda: by_hand([packed(["salt", "name", 1, 2])]), "not_an_sd_jwt"),
    "no salt": (lambda: by_hand([packed([1, "name", 1])]), "not_an_sd_jwt"),
    "a long salt": (lambda: by_hand([packed(["s" * 1001, "name", 1])]), "not_an_sd_jwt"),
    "no name": (lambda: by_hand([packed(["salt", 1, 1])]), "claim_reserved"),
    "no JSON": (lambda: by_hand([packed(b"x")]), "not_an_sd_jwt"),
    "a name twice in JSON": (lambda: by_hand([packed(b'["salt", "a", {"b": 1, "b": 2}]')]), "not_an_sd_jwt"),
    "bits to spare": (lambda: by_hand([SAID]).replace(SAID, SAID + "="), "not_an_sd_jwt"),
    "a gap": (lambda: by_hand([SAID]).replace("~", "~~", 1), "not_an_sd_jwt"),
    "nested": (lambda: by_hand([packed(["salt", "a", NESTED])]), "too_deep"),
    "nested by disclosures": (lambda: chain(DEPTH_MAX), "too_deep"),
    "too long": (lambda: by_hand([SAID]) + "A" * BYTES_MAX, "not_an_sd_jwt"),
    "too many": (lambda: by_hand([SAID]) + "~" * DISCLOSURES_MAX, "not_an_sd_jwt"),
    "not ASCII": (lambda: by_hand([SAID]) + "〜", "not_an_sd_jwt"),
    "key binding": (lambda: by_hand([SAID]) + signed({"nonce": "x"}, typ="kb+jwt"), "key_binding_unasked"),
    "bound to a key": (lambda: by_hand([SAID], {"cnf": {"jwk": {}}}), "key_binding_unasked"),
    "two parts": (lambda: "a.b~", "not_an_sd_jwt"),
    "nothing": (lambda: "~", "not_an_sd_jwt"),
    "a list as payload": (lambda: signed([1]) + "~", "not_an_sd_jwt"),
    "no type": (lambda: by_hand([SAID], {"vct": None}), "not_a_credential"),
    "a time as text": (lambda: by_hand([SAID], {"exp": "2099"}), "not_a_credential"),
    "a time that is none": (lambda: by_hand([SAID], {"nbf": True}), "not_a_credential"),
    "a time beyond all": (lambda: by_hand([SAID], {"exp": 10**15}), "not_a_credential"),
    "another issuer": (lambda: by_hand([SAID], {"iss": "did:web:other.example"}), "issuer_unknown"),
    "no issuer": (lambda: by_hand([SAID], {"iss": None}), "issuer_unknown"),
    "over": (lambda: by_hand([SAID], {"exp": int(made.AT.timestamp())}), "expired"),
    "too early": (lambda: by_hand([SAID], {"nbf": int(made.AT.timestamp()) + 3600}), "not_yet_valid"),
    "signed in the future": (lambda: by_hand([SAID], {"iat": int(made.AT.timestamp()) + 3600}), "not_yet_valid"),
    "never signed": (lambda: by_hand([SAID], {"iat": None}), "key_expired"),
}  # fmt: skip


@pytest.mark.parametrize("name", TRICKS)
def test_each_trick_is_refused_for_what_it_is(name: str) -> None:
    trick, code = TRICKS[name]
    found = checked(trick())
    assert code in made.codes(found)
    assert all(fault.message_zh and fault.message_en for fault in found.faults)


def test_what_the_tricks_start_from_holds() -> None:
    assert checked(by_hand([SAID])).faults == ()
    assert checked(by_hand([ITEM], {"_sd": [], "a": [{"...": digest(ITEM)}]})).faults == ()
    assert checked(chain(DEPTH_MAX - 2)).faults == ()
    assert checked(by_hand([SAID], typ="vc+sd-jwt")).faults == ()


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_public_key_is_no_secret_of_a_hash(algorithm: Algorithm) -> None:
    public = made.keys().keys[algorithm].public
    pem = public.key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    _, body, _ = by_hand([]).split("~")[0].split(".")
    head = packed({"alg": "HS256", "typ": "dc+sd-jwt", "kid": jwk_method(made.DID, public)})
    mac = hmac.new(pem, f"{head}.{body}".encode(), hashlib.sha256).digest()
    assert made.codes(checked(f"{head}.{body}.{packed(mac)}~")) == {"alg_refused"}


@pytest.mark.parametrize("signs", list(Algorithm))
@pytest.mark.parametrize("named", list(Algorithm))
def test_a_key_signs_by_its_own_algorithm_alone(signs: Algorithm, named: Algorithm) -> None:
    kid = jwk_method(made.DID, made.keys().keys[named].public)
    found = checked(signed({"iss": made.DID, "vct": "x", "iat": int(made.AT.timestamp())}, signs, kid=kid) + "~")
    assert made.codes(found) == (set() if signs is named else {"alg_refused"})


def test_another_key_of_the_same_algorithm_is_refused() -> None:
    token, rest = statement(AMOUNTS, number=2).split("~", 1)
    _, body, signature = token.split(".")
    head = statement(AMOUNTS).split(".")[0]
    assert made.codes(checked(f"{head}.{body}.{signature}~{rest}")) == {"signature_wrong"}


def test_a_retired_key_counts_for_what_it_signed_and_a_stolen_one_for_nothing() -> None:
    text = statement(AMOUNTS)
    minute = timedelta(minutes=1)
    assert checked(text, *made.published(until=made.AT + minute)).faults == ()
    assert made.codes(checked(text, *made.published(until=made.AT - minute))) == {"key_expired"}
    assert made.codes(checked(text, *made.published(until=made.AT + minute, is_withdrawn=True))) == {"key_withdrawn"}
    newer = [*made.published(until=made.AT + minute), *made.published(number=2)]
    assert checked(text, *newer).faults == ()


def test_a_statement_holds_till_its_last_instant() -> None:
    text = statement(AMOUNTS)
    ends = unpacked(text.split("~")[0].split(".")[1])["exp"] - int(made.AT.timestamp())
    assert checked(text, now=made.AT.replace(microsecond=0) + timedelta(seconds=ends - 1)).faults == ()
    assert made.codes(checked(text, now=made.AT.replace(microsecond=0) + timedelta(seconds=ends))) == {"expired"}
