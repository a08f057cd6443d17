"""The layout of a keyring: what its content has to hold, read into keys."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm

from creditbank.core.errors import Refusal
from creditbank.formats.credential_key import CredentialKeys, credential_keys_from_pems
from creditbank.formats.signed_note import note_key_from_pem
from creditbank.formats.signing import signing_key_from_pem
from creditbank.formats.strict_json import parsed
from creditbank.gateways.keyring import (
    CONTENT_BYTES_MAX,
    ID_BYTES,
    SECRET_BYTES,
    VERSION,
    IndexKey,
    Keyring,
    KeyringUnusable,
    Kind,
    MasterKey,
)
from creditbank.gateways.suites import AES_256_GCM, SUITES, Suite


def keyring_of(body: bytes, source: str) -> Keyring:
    """Return the keys that a keyring's content describes. Raises KeyringUnusable, which names the source."""
    try:
        return _keyring(parsed(body, bytes_max=CONTENT_BYTES_MAX))
    except (Refusal, UnsupportedAlgorithm, ValueError, KeyError, TypeError, AttributeError):
        message = f"{source} is not a keyring of layout {VERSION}: restore it from its backup"
        raise KeyringUnusable(message) from None


def _keyring(content: object) -> Keyring:
    """Return the keyring that a content describes; raises one of many errors where it describes none."""
    if not isinstance(content, dict) or content["version"] != VERSION:
        raise ValueError
    created_at = _instant(content["created_at"])
    signing_keys = tuple(signing_key_from_pem(key["private_key_pem"]) for key in content["signing_keys"])
    keyring = Keyring(
        master_keys=tuple(_master_key(key, created_at) for key in content["master_keys"]),
        index_keys=tuple(_index_key(key, created_at) for key in content["index_keys"]),
        signing_keys=signing_keys,
        created_at=created_at,
        signing_added_at={
            key.public.kid: _added_at(stored, created_at)
            for key, stored in zip(signing_keys, content["signing_keys"], strict=True)
        },
        log_keys=tuple(
            note_key_from_pem(key["private_key_pem"], _added_at(key, created_at)) for key in content.get("log_keys", [])
        ),
        credential_keys=tuple(_credential_keys(keys, created_at) for keys in content.get("credential_keys", [])),
    )
    counts = len(keyring.master_keys), len(keyring.index_keys), len(keyring.signing_keys)
    further = len(keyring.log_keys), len(keyring.credential_keys)
    if not all(counts) or tuple(len(keyring.added_at(kind)) for kind in Kind) != (*counts, *further):
        raise ValueError  # a list is empty, or two keys have one id
    return keyring


def _master_key(stored: dict[str, str], created_at: datetime) -> MasterKey:
    secret = _bytes(stored["secret"], SECRET_BYTES)
    return MasterKey.from_secret(_id(stored["id"]), _added_at(stored, created_at), _suite(stored), secret)


def _index_key(stored: dict[str, str], created_at: datetime) -> IndexKey:
    """Return an index key; one from before they had ids gets its id from its secret."""
    secret = _bytes(stored["secret"], SECRET_BYTES)
    key_id = _id(stored["id"]) if "id" in stored else AES_256_GCM.derived(secret, b"creditbank index key id")[:ID_BYTES]
    return IndexKey(key_id.hex(), _added_at(stored, created_at), _suite(stored), secret)


def _credential_keys(stored: dict[str, Any], created_at: datetime) -> CredentialKeys:
    return credential_keys_from_pems(stored["private_key_pems"], _added_at(stored, created_at))


def _added_at(stored: Mapping[str, str], created_at: datetime) -> datetime:
    """Return when a key was added; the first ones came with the keyring."""
    return _instant(stored["added_at"]) if "added_at" in stored else created_at


def _suite(stored: Mapping[str, str]) -> Suite:
    """Return a key's suite; before there was a choice it was always the same."""
    return SUITES[stored.get("suite", AES_256_GCM.name)]


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _bytes(text: str, length: int) -> bytes:
    secret = base64.b64decode(text, validate=True)
    if len(secret) != length:
        raise ValueError
    return secret


def _id(text: str) -> bytes:
    key_id = bytes.fromhex(text)
    if len(key_id) != ID_BYTES:
        raise ValueError
    return key_id
