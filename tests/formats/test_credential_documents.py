"""Documents of credentials: every term is defined, details are shown as chosen, and samples of others are judged."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from creditbank.core.credential import Detail
from creditbank.core.credit import Rounding, Scheme
from creditbank.core.lots import Balance
from creditbank.formats.credential_award import AskedPart, Awarded, award_body
from creditbank.formats.credential_check import checked_document
from creditbank.formats.credential_context import TERMS, TYPES, context_document
from creditbank.formats.credential_document import (
    Body,
    ConvertedPart,
    Party,
    balance_body,
    conversion_body,
    shown_of,
)
from creditbank.formats.credential_issuers import issuer_from
from creditbank.formats.strict_json import parsed
from tests.formats import credentials as made

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "standards" / "1edtech"
"""Beside the checkout, where they are."""

needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the files of 1EdTech are not beside the checkout")

LANGUAGES = ("zh", "en")
"""Under which a text stands that is said in both."""

SCHEME = Scheme("cn-16h-half", "普通", "ordinary", 1600, 45, 50, Rounding.DOWN)
DAY = date(2026, 7, 1)


def bodies() -> dict[str, Body]:
    party = Party(made.BASE, "cqou", "重庆开放大学")
    part = ConvertedPart("高等数学", "M101", "数学", 300)
    return {
        "balance": balance_body([(SCHEME, Balance("cn-16h-half", 300, 0, 0, 0, ()))], DAY),
        "conversion": conversion_body(party, "P-1", SCHEME, DAY, [part, part]),
        "qualification": award_body(awarded(party), "urn:uuid:2"),
        "automatic": award_body(awarded(None), "urn:uuid:2"),
    }


def awarded(institution: Party | None) -> Awarded:
    title = {"zh": "银龄资历", "en": "silver age"}
    part = AskedPart({"zh": "学历部分", "en": "study"}, {"zh": "不少于 10 学分", "en": "At least 10 credits"})
    return Awarded("yinling", 1, title, "one", {"zh": "启航", "en": "first step"}, "办法", DAY, institution, [part])


def documents() -> list[dict[str, Any]]:
    """Return a document of every kind."""
    others = []
    for body in bodies().values():
        subject = {"id": "urn:uuid:1", **body.subject}
        others.append(made.document(type=["VerifiableCredential", *body.types], credentialSubject=subject))
    return [made.document(), *others]


def names_of(value: object) -> set[str]:
    """Return the names of all members, and all types, in a document."""
    if isinstance(value, list):
        return {name for one in value for name in names_of(one)}
    if not isinstance(value, dict):
        return set()
    types = value.get("type", [])
    own = {*value, *(types if isinstance(types, list) else [types])} - {"@context", *LANGUAGES}
    return own.union(*(names_of(inner) for inner in value.values()))


def defined(value: object) -> set[str]:
    """Return every name that a context defines, wherever in it."""
    if isinstance(value, list):
        return {name for one in value for name in defined(one)}
    if not isinstance(value, dict):
        return set()
    return set(value).union(*(defined(inner) for inner in value.values()))


@needs_samples
def test_no_term_of_any_kind_is_left_undefined() -> None:
    known = {"id", "type"} | defined(context_document(made.BASE)["@context"])
    for name in ("credentials-v2.jsonld", "ob-v3p0-3.0.3.json"):
        known |= defined(json.loads((SAMPLES / "contexts" / name).read_bytes())["@context"])
    assert set().union(*(names_of(one) for one in documents())) <= known


@needs_samples
def test_our_terms_are_none_that_others_have_defined() -> None:
    for name in ("credentials-v2.jsonld", "ob-v3p0-3.0.3.json"):
        theirs = defined(json.loads((SAMPLES / "contexts" / name).read_bytes())["@context"])
        assert theirs & {*TERMS, *TYPES} == set(), name


def test_every_term_of_the_context_is_used_and_explained() -> None:
    document = context_document(made.BASE)
    assert document["meanings"].keys() == {*TERMS, *TYPES} == set(document["@context"]) - {"@protected", "id", "type"}
    used = set().union(*(names_of(one) for one in documents()))
    assert {*TERMS, *TYPES} <= used


def test_amounts_are_texts_and_nothing_is_a_float() -> None:
    assert '"3.00"' in json.dumps(made.document())

    def numbers(value: object) -> list[object]:
        if isinstance(value, dict):
            return [one for inner in value.values() for one in numbers(inner)]
        if isinstance(value, list):
            return [one for inner in value for one in numbers(inner)]
        return [value] if isinstance(value, float) else []

    assert [one for document in documents() for one in numbers(document)] == []


def test_a_link_shows_what_was_chosen_and_never_the_pseudonym() -> None:
    document = made.document()
    assert shown_of(document, frozenset()) == {"type": ["AchievementSubject"]}
    by_detail = {
        Detail.HOLDER: ("张三", ["3.00", "高等数学"]),
        Detail.ACHIEVEMENT: ("高等数学", ["3.00", "张三"]),
        Detail.CREDITS: ("3.00", ["高等数学", "张三", "重庆大学"]),
    }
    for detail, (shown, hidden) in by_detail.items():
        text = json.dumps(shown_of(document, frozenset({detail})), ensure_ascii=False)
        assert shown in text
        assert [one for one in hidden if one in text] == []
        assert document["credentialSubject"]["id"] not in text


def test_a_link_to_a_conversion_hides_amounts_or_courses() -> None:
    document = made.document(credentialSubject={"id": "urn:uuid:1", **bodies()["conversion"].subject})
    courses = json.dumps(shown_of(document, frozenset({Detail.ACHIEVEMENT})), ensure_ascii=False)
    assert "M101" in courses
    assert "3.00" not in courses
    amounts = json.dumps(shown_of(document, frozenset({Detail.CREDITS})), ensure_ascii=False)
    assert "M101" not in amounts
    assert '"6.00"' in amounts


def test_a_text_in_both_languages_is_a_map_of_them_in_the_context() -> None:
    context = context_document(made.BASE)["@context"]
    for name in ("qualificationTitle", "levelTitle", "partTitle", "partAsked"):
        assert context[name]["@container"] == "@language"
    said = bodies()["qualification"].subject["qualificationAward"]
    assert set(said["levelTitle"]) == set(LANGUAGES)


def test_an_automatic_award_names_no_institution_anywhere() -> None:
    by_rules = bodies()["automatic"].subject
    assert {"creator", "source", "awardingInstitution"} & names_of(by_rules) == set()
    assert by_rules["qualificationAward"]["isAutomatic"] is True
    assert {"creator", "source", "awardingInstitution"} <= names_of(bodies()["qualification"].subject)


EXAMPLE_KEY = "z6MkjZRZv3aez3r18pB1RBFJR1kwUVJ5jHt92JmQwXbd5hwi"
"""The key that signs the samples of Example Corp and Example University."""

SIGNED = ("simple", "simple-multiple-proofs", "simple-context-version", "complete", "simple-eddsa-2022")


def sample_codes(name: str) -> set[str]:
    """Return why a sample isn't believed by a bank that trusts its issuer and knows its key."""
    document = parsed((SAMPLES / "ob30" / f"{name}.json").read_bytes(), bytes_max=2**20)
    assert isinstance(document, dict)
    said = document.get("issuer")
    named = said["id"] if isinstance(said, dict) else "https://example.edu/issuers/565049"
    method = {"id": f"{named}#{EXAMPLE_KEY}", "controller": named, "publicKeyMultibase": EXAMPLE_KEY}
    issuer = issuer_from({"id": named, "verificationMethod": [method], "assertionMethod": [method["id"]]}, "sample")
    assert issuer is not None
    return {fault.code for fault in checked_document(document, {issuer.id: issuer}, made.AT).faults}


@needs_samples
@pytest.mark.parametrize("name", SIGNED)
def test_signed_samples_are_sound_but_for_a_proof_that_needs_another_suite(name: str) -> None:
    """All of them are signed by eddsa-rdfc-2022 or its forerunner, over RDF, which is not checked here."""
    older = {"wrong_context", "not_a_credential"} if name == "simple-eddsa-2022" else set()
    assert sample_codes(name) - older == {"proof_unsupported"}


FAULTY = {
    "simple-err-context": "wrong_context",
    "simple-err-credential-subject-identifier-type": "not_a_credential",
    "simple-err-credential-subject-result-type": "not_a_credential",
    "simple-err-evidence-type": "not_a_credential",
    "simple-err-issued": "not_yet_valid",
    "simple-err-issuer-parentorg-type": "not_a_credential",
    "simple-err-issuer": "not_a_credential",
    "simple-err-proof-method": "proof_unsupported",
    "simple-err-proof-method-unknown-did-method": "proof_unsupported",
    "simple-err-type": "not_a_credential",
    "simple-noproof": "proof_missing",
}


@needs_samples
@pytest.mark.parametrize("name", FAULTY)
def test_samples_with_a_fault_are_refused_for_it(name: str) -> None:
    assert FAULTY[name] in sample_codes(name)


@needs_samples
def test_no_faulty_sample_is_left_out() -> None:
    assert {path.stem for path in (SAMPLES / "ob30").glob("simple-err-*.json")} <= FAULTY.keys()
