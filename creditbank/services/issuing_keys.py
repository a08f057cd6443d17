"""The bank as the issuer of credentials: its DID, the keys that sign, and all that it has published."""

from collections.abc import Mapping
from typing import Any

from creditbank.core.errors import Fault, TryLater
from creditbank.formats.credential_document import ISSUER_NAME
from creditbank.formats.credential_issuers import Issuer, issuer_of
from creditbank.formats.credential_key import Algorithm
from creditbank.formats.data_integrity import with_proof
from creditbank.formats.did_web import PublishedKey, did_document, did_of, jwk_method, multikey_method
from creditbank.formats.linked_data import Contexts, NotSignable
from creditbank.formats.sd_jwt import Hidden, issued_sd_jwt
from creditbank.formats.token_status_list import signed_list
from creditbank.formats.vc_jwt import signed_jwt
from creditbank.gateways.keyring import KeyringUnusable, Kind
from creditbank.services.bank import Work
from creditbank.storage import credential_keys
from creditbank.storage.database import Raced


def prepare(work: Work) -> None:
    """See to it that there are keys to sign with, and that their public halves stay. Refused: TryLater.

    A ring from before there were credentials gets keys by the first that is issued.
    """
    if not work.keyring.credential_keys:
        try:
            work.bank.keys.add(Kind.CREDENTIAL, None, work.now)
        except KeyringUnusable:
            raise _no_keys() from None
        raise Raced("the keys were changed just now")
    known = {one.key.kid for one in credential_keys.published(work.connection)}
    for keys in work.keyring.credential_keys:
        if any(key.kid not in known for key in keys.public):
            credential_keys.publish(work.connection, keys.public, keys.added_at)


def published(work: Work) -> list[PublishedKey]:
    """Return all keys that ever signed and those that may, the oldest first."""
    written = credential_keys.published(work.connection)
    known = {one.key.kid for one in written}
    ring = [PublishedKey(key, keys.added_at) for keys in work.keyring.credential_keys for key in keys.public]
    return [*written, *(one for one in ring if one.key.kid not in known)]


def document(work: Work, base_url: str) -> dict[str, Any]:
    """Return the DID document of the bank at an address."""
    return did_document(did_of(base_url), published(work))


def own_issuer(work: Work, base_url: str) -> Issuer:
    """Return the bank as an issuer that it trusts itself."""
    return issuer_of(did_of(base_url), ISSUER_NAME, published(work))


def proven(work: Work, base_url: str, unsigned: Mapping[str, Any], contexts: Contexts | None = None) -> dict[str, Any]:
    """Return a document with a Data Integrity proof by the newest key, by linked data if contexts are given.

    Refused: TryLater, also where a context is not installed that the document names.
    """
    key = _newest(work)[Algorithm.EDDSA]
    try:
        return with_proof(unsigned, key, multikey_method(did_of(base_url), key.public), work.now, contexts)
    except NotSignable as refusal:
        raise TryLater(refusal.faults) from None


def as_jwt(work: Work, base_url: str, unsigned: Mapping[str, Any], algorithm: Algorithm) -> str:
    """Return a document as a JWT by the newest key of an algorithm. Refused: TryLater."""
    key = _newest(work)[algorithm]
    return signed_jwt(unsigned, key, jwk_method(did_of(base_url), key.public), work.now)


def as_sd_jwt(work: Work, base_url: str, claims: Hidden, algorithm: Algorithm) -> str:
    """Return claims as an SD-JWT by the newest key of an algorithm. Refused: TryLater."""
    key = _newest(work)[algorithm]
    return issued_sd_jwt(claims, key, jwk_method(did_of(base_url), key.public))


def as_token_list(work: Work, base_url: str, claims: Mapping[str, Any], algorithm: Algorithm) -> str:
    """Return a Token Status List by the newest key of an algorithm. Refused: TryLater."""
    key = _newest(work)[algorithm]
    return signed_list(claims, key, jwk_method(did_of(base_url), key.public))


def _newest(work: Work) -> Mapping[Algorithm, Any]:
    if not work.keyring.credential_keys:
        raise _no_keys()
    return work.keyring.credential_keys[-1].keys


def _no_keys() -> TryLater:
    zh = "系统尚无签发凭证的密钥；请运维人员运行 creditbank keys rotate credential。"
    en = "There are no keys for credentials yet; the operator has to run creditbank keys rotate credential."
    return TryLater((Fault("", "no_credential_keys", zh, en),))
