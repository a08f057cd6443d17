"""The bank's secret keys: they seal personal data, index identifiers, sign tokens, credentials and checkpoints."""

import base64
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple, NewType, Protocol, Self

from cryptography.exceptions import UnsupportedAlgorithm

from creditbank.core.errors import Refusal
from creditbank.formats import signed_note
from creditbank.formats.credential_key import Algorithm, CredentialKeys, credential_keys_from_pems
from creditbank.formats.signed_note import NoteKey, note_key_from_pem
from creditbank.formats.signing import ALGORITHM, PublicKey, SigningKey, signing_key_from_pem
from creditbank.formats.strict_json import parsed
from creditbank.gateways.suites import AES_256_GCM, SUITE_OF_KEY_BYTES, SUITES, Cipher, SealBroken, Suite

__all__ = ["BlindIndex", "Keyring", "KeyringUnusable", "Keys", "Kind", "SealBroken", "WrappedKey", "keyring_of"]

VERSION = 1
"""The layout of the file."""

CONTENT_BYTES_MAX = 1024 * 1024
"""Room for hundreds of keys."""

ID_BYTES = 8
"""What tells keys of one kind apart."""

SECRET_BYTES = 32
"""A secret from which the keys of either suite are derived."""

WrappedKey = NewType("WrappedKey", bytes)
"""A person's key as it is stored: suite, id of the master key, nonce, sealed key."""


class KeyringUnusable(Exception):  # noqa: N818 - reads as what it is: the bank can't start
    """The keyring can't be used, made or changed; the sentence says why and how to mend it, and holds no secret."""


class Kind(StrEnum):
    """What a key is for."""

    MASTER = "master"
    INDEX = "index"
    SIGNING = "signing"
    LOG = "log"
    CREDENTIAL = "credential"


class BlindIndex(NamedTuple):
    """A keyed hash, and the index key that made it."""

    key_id: str
    value: bytes


@dataclass(frozen=True, slots=True)
class PersonCipher:
    """Seals and opens the texts of one person; without the person's wrapped key none of them can be read again."""

    cipher: Cipher = field(repr=False)

    def seal(self, text: str, place: str) -> bytes:
        """Return the text as it may be stored at `place` ("learner.name:<learner id>") and nowhere else."""
        return self.cipher.suite.byte + self.cipher.sealed(text.encode(), place.encode())

    def opened(self, sealed: bytes, place: str) -> str:
        """Return the text that was sealed for this place. Raises SealBroken."""
        return self.cipher.opened(sealed[:1], sealed[1:], place.encode()).decode()


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A key that wraps the keys of persons and, by another key derived from it, seals what belongs to the bank."""

    id: bytes
    added_at: datetime = field(compare=False)
    wrapping: Cipher = field(repr=False, compare=False)
    bank: Cipher = field(repr=False, compare=False)

    @classmethod
    def from_secret(cls, key_id: bytes, added_at: datetime, suite: Suite, secret: bytes) -> Self:
        """Return the master key of 32 secret bytes: one derived key for each of its two uses."""
        wrapping = Cipher(suite, suite.derived(secret, b"creditbank person keys"))
        return cls(key_id, added_at, wrapping, Cipher(suite, suite.derived(secret, b"creditbank bank texts")))

    @property
    def suite(self) -> Suite:
        """The suite with which it wraps and seals."""
        return self.bank.suite


@dataclass(frozen=True, slots=True)
class IndexKey:
    """A key of the blind index; `id` is 16 hexadecimal digits, as it stands beside what was indexed."""

    id: str
    added_at: datetime = field(compare=False)
    suite: Suite = field(compare=False)
    secret: bytes = field(repr=False, compare=False)

    def blind(self, domain: str, value: str) -> bytes:
        """Return the keyed hash; the domain's length goes first, so that no two pairs run into the same text."""
        name = domain.encode()
        return self.suite.mac(self.secret, len(name).to_bytes(4, "big") + name + value.encode())


@dataclass(frozen=True, slots=True)
class Keyring:
    """All keys of the bank, each list with its newest last: the newest is used, all of them still open and verify."""

    master_keys: tuple[MasterKey, ...] = field(repr=False)
    index_keys: tuple[IndexKey, ...] = field(repr=False)
    signing_keys: tuple[SigningKey, ...] = field(repr=False)
    created_at: datetime
    signing_added_at: Mapping[str, datetime] = field(repr=False, compare=False)
    """When each signing key was added, by kid."""
    log_keys: tuple[NoteKey, ...] = field(default=(), repr=False)
    """What signs checkpoints; a ring from before there were any has none until the first is to be signed."""
    credential_keys: tuple[CredentialKeys, ...] = field(default=(), repr=False)
    """What signs credentials, a set of one key an algorithm; none in a ring from before there were credentials."""

    @property
    def master_key(self) -> MasterKey:
        """The key that wraps and seals what is new."""
        return self.master_keys[-1]

    @property
    def index_key(self) -> IndexKey:
        """The newest index key, the one that stays when the others are retired."""
        return self.index_keys[-1]

    @property
    def signing_key(self) -> SigningKey:
        """The key that signs new tokens."""
        return self.signing_keys[-1]

    def added_at(self, kind: Kind) -> dict[str, datetime]:
        """Return when each key of a kind was added, by its id, newest last."""
        if kind is Kind.SIGNING:
            return {kid: self.signing_added_at[kid] for kid in self.public_keys}
        if kind is Kind.CREDENTIAL:
            return {keys.id: keys.added_at for keys in self.credential_keys}
        if kind in (Kind.INDEX, Kind.LOG):
            return {key.id: key.added_at for key in (self.index_keys if kind is Kind.INDEX else self.log_keys)}
        return {key.id.hex(): key.added_at for key in self.master_keys}

    def suites(self, kind: Kind) -> dict[str, str]:
        """Return the suite of each key of a kind by its id, newest last; signing keys have the one algorithm."""
        if kind is Kind.SIGNING:
            return dict.fromkeys(self.public_keys, ALGORITHM)
        if kind is Kind.LOG:
            return {key.id: signed_note.ALGORITHM for key in self.log_keys}
        if kind is Kind.CREDENTIAL:
            return dict.fromkeys(self.added_at(kind), "+".join(Algorithm))
        if kind is Kind.INDEX:
            return {key.id: key.suite.name for key in self.index_keys}
        return {key.id.hex(): key.suite.name for key in self.master_keys}

    @property
    def public_keys(self) -> dict[str, PublicKey]:
        """The keys that tokens are verified with, by kid."""
        return {key.public.kid: key.public for key in self.signing_keys}

    def new_person_key(self) -> WrappedKey:
        """Return a new key for one person, wrapped under the newest master key. Whoever destroys it erases them."""
        return self._wrapped(secrets.token_bytes(self.master_key.suite.key_bytes))

    def rewrapped(self, wrapped: bytes) -> WrappedKey:
        """Return the same person's key wrapped under the newest master key. Raises SealBroken."""
        return self._wrapped(self.person_cipher(wrapped).cipher.key)

    def person_cipher(self, wrapped: bytes) -> PersonCipher:
        """Return the cipher of the person whose wrapped key this is. Raises SealBroken."""
        suite, master, rest = self._parted(wrapped)
        key = master.wrapping.opened(suite, rest, b"person key" + suite + master.id)
        return PersonCipher(Cipher(SUITE_OF_KEY_BYTES[len(key)], key))

    def seal_bank(self, text: str, place: str) -> bytes:
        """Return a text that belongs to the bank, not to a person (a kept answer), as it may be stored at `place`."""
        master = self.master_key
        return master.suite.byte + master.id + master.bank.sealed(text.encode(), place.encode())

    def opened_bank(self, sealed: bytes, place: str) -> str:
        """Return the bank's text that was sealed for this place. Raises SealBroken."""
        suite, master, rest = self._parted(sealed)
        return master.bank.opened(suite, rest, place.encode()).decode()

    def blind_index(self, domain: str, value: str) -> bytes:
        """Return 32 bytes that are equal for equal values of one domain ("cn.resident_id") and say nothing else."""
        return self.index_key.blind(domain, value)

    def blind_indexes(self, domain: str, value: str) -> tuple[BlindIndex, ...]:
        """Return the index under every index key, newest first.

        What is to be found again is written under all of them and looked up under all of them: whoever has one key in
        common with the writer finds it.
        """
        return tuple(BlindIndex(key.id, key.blind(domain, value)) for key in reversed(self.index_keys))

    def _wrapped(self, key: bytes) -> WrappedKey:
        """Return a person's key wrapped under the newest master key."""
        master = self.master_key
        head = master.suite.byte + master.id
        return WrappedKey(head + master.wrapping.sealed(key, b"person key" + head))

    def _parted(self, sealed: bytes) -> tuple[bytes, MasterKey, bytes]:
        """Return the suite, the master key and the sealed rest."""
        suite, key_id, rest = sealed[:1], sealed[1 : 1 + ID_BYTES], sealed[1 + ID_BYTES :]
        for master in self.master_keys:
            if master.id == key_id:
                return suite, master, rest
        message = "this was sealed under a master key that is not in the keyring"
        raise SealBroken(message)


class Keys(Protocol):
    """Where the bank takes its keys from: a file, the environment, or whatever else is plugged in."""

    def current(self) -> Keyring:
        """Return the keys as they stand now; the same object as long as they stand."""

    def add(self, kind: Kind, suite: Suite | None, at: datetime) -> str:
        """Add a new key, the newest of its kind from now on, and return its id. Raises KeyringUnusable."""

    def drop(self, kind: Kind, ids: Collection[str]) -> None:
        """Take away keys of a kind for ever. Raises KeyringUnusable."""


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
        credential_keys=tuple(
            credential_keys_from_pems(keys["private_key_pems"], _added_at(keys, created_at))
            for keys in content.get("credential_keys", [])
        ),
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
