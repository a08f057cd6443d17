"""Credentials to test with: keys that are made once, an issuer of them, and a credential that holds."""

import copy
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from creditbank.core.credential import StatusPlace
from creditbank.core.credit import Rounding, Scheme
from creditbank.formats.credential_check import Checked, checked_document, checked_jwt
from creditbank.formats.credential_document import (
    Envelope,
    Learnt,
    Party,
    Recognised,
    address_of,
    document_of,
    outcome_body,
)
from creditbank.formats.credential_issuers import Issuer, issuer_from, issuer_of
from creditbank.formats.credential_key import Algorithm, CredentialKeys, credential_keys_from_pems, new_credential_pems
from creditbank.formats.data_integrity import with_proof
from creditbank.formats.did_web import PublishedKey, did_document, did_of, jwk_method, multikey_method
from creditbank.formats.vc_jwt import signed_jwt

BASE = "https://bank.example"
DID = did_of(BASE)
AT = datetime(2026, 7, 1, 4, 0, 0, 123456, tzinfo=UTC)
YEAR = timedelta(days=365)
ID = UUID(int=7)


def keys(number: int = 1) -> CredentialKeys:
    """Return a set of keys, another one for each number."""
    return _made(number)


@cache
def _made(number: int) -> CredentialKeys:
    return credential_keys_from_pems(new_credential_pems(), AT + timedelta(days=number))


def published(*, until: datetime | None = None, is_withdrawn: bool = False, number: int = 1) -> list[PublishedKey]:
    return [PublishedKey(key, AT - YEAR, until, is_withdrawn) for key in keys(number).public]


def issuers(*listed: PublishedKey) -> dict[str, Issuer]:
    """Return the bank as the one issuer that is trusted, with its first keys if none are named."""
    return {DID: issuer_of(DID, "the bank", listed or published())}


def document(**changes: Any) -> dict[str, Any]:
    """Return an unsigned credential of an outcome."""
    party = Party(BASE, "cqdx", "重庆大学")
    scheme = Scheme("cn-16h-half", "普通", "ordinary", 1600, 45, 50, Rounding.DOWN)
    envelope = Envelope(BASE, DID, ID, UUID(int=8), AT, (AT + YEAR).date(), StatusPlace(1, 4711), "张三")
    learnt = Learnt("course", "高等数学 𬭎", AT.date(), AT.date(), party)
    recognised = Recognised(scheme, "3.00", "3", "学历教育", "cn-exchange-hours", 1)
    return document_of(envelope, outcome_body(learnt, recognised, address_of(BASE, ID))) | changes


def jwt(said: dict[str, Any] | None = None, algorithm: Algorithm = Algorithm.ES256, number: int = 1) -> str:
    secret = keys(number).keys[algorithm]
    return signed_jwt(said or document(), secret, jwk_method(DID, secret.public), AT)


def proven(said: dict[str, Any] | None = None, number: int = 1) -> dict[str, Any]:
    secret = keys(number).keys[Algorithm.EDDSA]
    return copy.deepcopy(with_proof(said or document(), secret, multikey_method(DID, secret.public), AT))


def checked(given: str | dict[str, Any], *listed: PublishedKey, now: datetime = AT) -> Checked:
    if isinstance(given, str):
        return checked_jwt(given, issuers(*listed), now)
    return checked_document(given, issuers(*listed), now)


def codes(found: Checked) -> set[str]:
    return {fault.code for fault in found.faults}


def read_back() -> Issuer | None:
    """Return the issuer as somebody reads it who has nothing but the DID document."""
    return issuer_from(did_document(DID, published()), "read")
