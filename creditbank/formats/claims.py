"""Identifiers as an institution writes them, turned into claims in their normal form."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from creditbank.core.errors import Fault, Malformed
from creditbank.core.identity import Claim
from creditbank.core.outcome import LearnerReference
from creditbank.formats.countries import issues_passports
from creditbank.formats.id_number import (
    IDENTIFIER_TYPES,
    IdentifierType,
    birth_date_of,
    identifier_type,
    normalised,
)


@dataclass(frozen=True, slots=True)
class Declared:
    """An identifier as somebody wrote it; `issuer` is a passport's country, `valid_until` the document's last day."""

    type: str
    value: str
    issuer: str | None = None
    valid_until: date | None = None


def claim_of(declared: Declared, institution_code: str, on: date) -> Claim:
    """Return the claim; numbers that an institution gives out itself carry its code as issuer.

    Refused: Malformed, pointing to "/type", "/issuer" or "/value".
    """
    kind = identifier_type(declared.type)
    if kind is None:
        known = ", ".join(IDENTIFIER_TYPES)
        zh = f"不支持的证件类型；可用的类型：{known}。"
        en = f"This type of identifier is not known; use one of {known}."
        raise Malformed((Fault("/type", "unknown_identifier_type", zh, en),))
    issuer = institution_code if kind.issuer_scoped else _country(kind, declared.issuer)
    value = normalised(kind.code, declared.value, on=on)
    return Claim(kind.code, issuer, value, kind.finds, declared.valid_until)


def claim_of_reference(reference: LearnerReference, institution_code: str, on: date) -> Claim:
    """Return the claim by which a record names its learner.

    Refused: Malformed, pointing into the record; also for an identifier that leads to nobody.
    """
    more = reference.identifier_issuer, reference.identifier_valid_until
    try:
        claim = claim_of(Declared(reference.identifier_type, reference.identifier_value, *more), institution_code, on)
        check_findable((claim,), "/type")
    except Malformed as malformed:
        raise Malformed(tuple(fault.under("/learner/identifier") for fault in malformed.faults)) from malformed
    return claim


def check_findable(claims: Sequence[Claim], pointer: str = "/identifiers") -> None:
    """Let claims pass of which one at least leads to its holder. Refused: Malformed."""
    if any(claim.finds for claim in claims):
        return
    weak = ", ".join(kind.code for kind in IDENTIFIER_TYPES.values() if not kind.finds)
    zh = f"仅凭 {weak} 无法再次找到学习者；请另附至少一个证件号码或本机构的学号。"
    en = f"{weak} alone can't find a learner again; send a document's number or your own student number as well."
    raise Malformed((Fault(pointer, "finds_nobody", zh, en),))


def check_birth_date(birth_date: date | None, claims: Sequence[Claim], on: date) -> None:
    """Let a birth date pass that lies not ahead and agrees with the one in a resident ID. Refused: Malformed."""
    if birth_date is None:
        return
    if birth_date > on:
        zh = "出生日期不能晚于今天。"
        raise Malformed((Fault("/birth_date", "future_date", zh, "The birth date lies in the future."),))
    written = {birth_date_of(claim.type, claim.value) for claim in claims} - {None}
    if written and birth_date not in written:
        zh = "出生日期与身份证号码中的不一致；请核对两者。"
        en = "The birth date is not the one in the resident ID; check both."
        raise Malformed((Fault("/birth_date", "contradicts_resident_id", zh, en),))


def _country(kind: IdentifierType, issuer: str | None) -> str:
    """Return the country that is named, or nothing. Refused: Malformed where there is none, or none belongs."""
    if issuer is None:
        return ""
    if not kind.of_country:
        zh, en = "只有护照可注明签发国家；请删除 issuer。", "Only a passport names its country; leave issuer out."
        raise Malformed((Fault("/issuer", "no_issuer_here", zh, en),))
    if not issues_passports(issuer):
        zh = "没有这个国家（地区）代码；请用 ISO 3166 三位字母代码，例如 CHN。"
        en = "There is no such country; use the three letters of ISO 3166, such as CHN."
        raise Malformed((Fault("/issuer", "unknown_country", zh, en),))
    return issuer
