"""SD-JWTs to test with: a statement of balances with everything that can be shown, and ones that are made by hand."""

import base64
import hashlib
import json
from datetime import datetime
from typing import Any
from uuid import UUID

from jwt import PyJWS

from creditbank.core.credential import CredentialKind, StatusPlace, reached
from creditbank.core.credit import Rounding, Scheme
from creditbank.core.lots import Balance
from creditbank.formats.credential_check import Checked
from creditbank.formats.credential_document import Envelope, balance_body, document_of
from creditbank.formats.credential_key import Algorithm
from creditbank.formats.did_web import PublishedKey, jwk_method
from creditbank.formats.sd_jwt import TYPE, issued_sd_jwt
from creditbank.formats.sd_jwt_check import checked_sd_jwt
from creditbank.formats.sd_jwt_claims import Asked, Credits, Person, Told, credential_claims
from tests.formats import credentials as made

SCHEME = "cn-16h-half"
VCT = f"{made.BASE}/credentials/contexts/v1#balance"

Amounts = list[tuple[str | None, int]]

AMOUNTS: Amounts = [(None, 300), ("3", 450), ("5", 3000)]
"""37.50 credits: 34.50 at level 3 or higher, 30 at level 5."""


def statement(
    amounts: Amounts, asked: Asked | None = None, algorithm: Algorithm = Algorithm.ES256, number: int = 1
) -> str:
    """Return a statement of these hundredths, with all that can be shown of it."""
    total = sum(amount for _, amount in amounts)
    balance = Balance(SCHEME, total, 0, 0, 0, ())
    scheme = Scheme(SCHEME, "普通", "ordinary", 1600, 45, 50, Rounding.DOWN)
    place = StatusPlace(1, 4711)
    envelope = Envelope(made.BASE, made.DID, made.ID, UUID(int=8), made.AT, (made.AT + made.YEAR).date(), place, "张三")
    document = document_of(envelope, balance_body([(scheme, balance)], made.AT.date()))
    held = Credits({SCHEME: reached(amounts)}, asked)
    person = Person("张三", made.AT.date())
    claims = credential_claims(made.BASE, Told(document, CredentialKind.BALANCE, place), person, made.AT, held)
    secret = made.keys(number).keys[algorithm]
    return issued_sd_jwt(claims, secret, jwk_method(made.DID, secret.public))


def checked(text: str, *listed: PublishedKey, now: datetime = made.AT) -> Checked:
    return checked_sd_jwt(text, made.issuers(*listed), now)


def packed(value: object) -> str:
    body = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(body).rstrip(b"=").decode()


def unpacked(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def digest(disclosure: str) -> str:
    return packed(hashlib.sha256(disclosure.encode()).digest())


def signed(payload: object, algorithm: Algorithm = Algorithm.ES256, **header: Any) -> str:
    """Return what the bank's key signed, whatever it is."""
    secret = made.keys().keys[algorithm]
    headers = {"typ": TYPE, "kid": jwk_method(made.DID, secret.public)} | header
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return PyJWS().encode(body, secret.private, algorithm=algorithm.value, headers=headers)


def by_hand(disclosures: list[str], changes: dict[str, Any] | None = None, **header: Any) -> str:
    """Return a credential with disclosures, each with its digest at the top, that is right unless it is spoilt."""
    seconds = int(made.AT.timestamp())
    payload = {"iss": made.DID, "vct": VCT, "iat": seconds, "exp": seconds + 1000}
    payload |= {"_sd": [digest(one) for one in disclosures]} | (changes or {})
    return "~".join([signed({k: v for k, v in payload.items() if v is not None}, **header), *disclosures, ""])


def all_digests(text: str) -> list[int]:
    """Return how many digests stand in each place of what is shown, from the outside in."""
    token, *disclosures, _ = text.split("~")
    values = [unpacked(token.split(".")[1]), *(unpacked(one)[-1] for one in disclosures)]
    return [len(one["_sd"]) for one in values if isinstance(one, dict)]


def everything_in(text: str) -> str:
    """Return a presentation with whatever in it is written in base64url, as far as it goes."""
    told = text
    for part in text.replace("~", ".").split("."):
        told += base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode(errors="replace")
    return told
