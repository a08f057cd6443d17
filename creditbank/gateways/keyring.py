"""The bank's secret keys: they seal personal data, index identifiers, sign tokens, credentials and checkpoints."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, NewType, Protocol, Self

from creditbank.formats import signed_note
from creditbank.formats.credential_key import Algorithm, CredentialKeys
from creditbank.formats.signed_note import NoteKey
from creditbank.formats.signing import ALGORITHM, PublicKey, SigningKey
from creditbank.gateways.suites import SUITE_OF_KEY_BYTES, Cipher, SealBroken, Suite

__all__ = ["BlindIndex", "Keyring", "KeyringUnusable", "Keys", "Kind", "SealBroken", "WrappedKey"]

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


ALGORITHMS = {
    Kind.SIGNING: ALGORITHM,
    Kind.LOG: signed_note.ALGORITHM,
    Kind.CREDENTIAL: "+".join(Algorithm),
}
"""What keys of a kind sign with, which is none of the bank's choices."""


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

    def seal_bytes(self, data: bytes, place: str) -> bytes:
        """Return bytes as they may be stored at a place, such as a part of a file."""
        return self.cipher.suite.byte + self.cipher.sealed(data, place.encode())

    def opened_bytes(self, sealed: bytes, place: str) -> bytes:
        """Return the bytes that were sealed for this place. Raises SealBroken."""
        return self.cipher.opened(sealed[:1], sealed[1:], place.encode())


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
        if kind is Kind.MASTER:
            return {key.id.hex(): key.added_at for key in self.master_keys}
        others: dict[Kind, Sequence[IndexKey | NoteKey | CredentialKeys]]
        others = {Kind.INDEX: self.index_keys, Kind.LOG: self.log_keys, Kind.CREDENTIAL: self.credential_keys}
        return {key.id: key.added_at for key in others[kind]}

    def suites(self, kind: Kind) -> dict[str, str]:
        """Return the suite of each key of a kind by its id, newest last; what signs has algorithms instead."""
        if kind in ALGORITHMS:
            return dict.fromkeys(self.added_at(kind), ALGORITHMS[kind])
        if kind is Kind.INDEX:
            return {key.id: key.suite.name for key in self.index_keys}
        return {key.id.hex(): key.suite.name for key in self.master_keys}

    @property
    def public_keys(self) -> dict[str, PublicKey]:
        """The keys that tokens are verified with, by kid."""
        return {key.public.kid: key.public for key in self.signing_keys}

    def new_person_key(self) -> WrappedKey:
        """Return a new key for one person, or one file, wrapped under the newest master key.

        Whoever destroys it erases them.
        """
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
