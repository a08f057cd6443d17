"""Documents of credentials: every term is defined, details are shown as chosen, and samples of others are judged."""

import json
from datetime import date
from typing import Any

from creditbank.core.credential import Detail
from creditbank.core.credit import Rounding, Scheme
from creditbank.core.lots import Balance
from creditbank.formats.credential_award import AskedPart, Awarded, award_body
from creditbank.formats.credential_context import TERMS, TYPES, context_document
from creditbank.formats.credential_document import (
    Body,
    ConvertedPart,
    Party,
    balance_body,
    conversion_body,
    shown_of,
)
from tests.formats import credentials as made
from tests.formats.linked import SAMPLES, needs_samples

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
