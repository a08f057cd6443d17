"""Identifiers as an institution writes them, turned into claims in their normal form."""

from datetime import date

from creditbank.core.errors import Fault, Malformed
from creditbank.core.identity import Claim
from creditbank.formats.id_number import IDENTIFIER_TYPES, birth_date_of, identifier_type, normalised


def claim_of(type_name: str, value: str, institution_code: str, on: date) -> Claim:
    """Return the claim; numbers that an institution gives out itself carry its code as issuer.

    Refused: Malformed, pointing to "/type" or "/value".
    """
    kind = identifier_type(type_name)
    if kind is None:
        known = ", ".join(IDENTIFIER_TYPES)
        zh = f"不支持的证件类型；可用的类型：{known}。"
        en = f"This type of identifier is not known; use one of {known}."
        raise Malformed((Fault("/type", "unknown_identifier_type", zh, en),))
    return Claim(kind.code, institution_code if kind.issuer_scoped else "", normalised(kind.code, value, on=on))


def check_birth_date(birth_date: date | None, claims: tuple[Claim, ...], on: date) -> None:
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
