"""The bank's secret keys, kept in one file: they seal personal data, index identifiers blindly and sign tokens."""

import base64
import hmac
import json
import os
import secrets
import stat
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NewType, Self

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from creditbank.core.errors import Refusal
from creditbank.formats.signing import PublicKey, SigningKey, new_signing_key, pem_of, signing_key_from_pem
from creditbank.formats.strict_json import parsed

VERSION = 1
"""The layout of the file."""

SUITE_AES_256_GCM = b"\x01"
"""First byte of whatever is sealed with AES-256-GCM, so that another suite can stand beside it later."""

FILE_BYTES_MAX = 1024 * 1024
"""Room for hundreds of keys."""

_KEY_BYTES = 32
_ID_BYTES = 8
_NONCE_BYTES = 12
"""96 bits at random, as NIST SP 800-38D allows for up to 2^32 seals under one key: far more than one person has texts.

A master key wraps a key per learner and seals what the bank keeps: add a newer one before it has sealed 4 billion.
"""

WrappedKey = NewType("WrappedKey", bytes)
"""A person's key as it is stored: suite, id of the master key, nonce, sealed key."""


class KeyringUnusable(Exception):  # noqa: N818 - reads as what it is: the bank can't start
    """The keyring file can't be used or made; the sentence says why and how to mend it, and holds no secret."""


class SealBroken(Exception):  # noqa: N818 - reads as what it is: a fault in what is stored
    """Sealed data doesn't open: it was changed, stands in another's place, or belongs to another keyring."""


@dataclass(frozen=True, slots=True)
class PersonCipher:
    """Seals and opens the texts of one person; without the person's wrapped key none of them can be read again."""

    _cipher: AESGCM = field(repr=False)

    def seal(self, text: str, place: str) -> bytes:
        """Return the text as it may be stored at `place` ("learner.name:<learner id>") and nowhere else."""
        return SUITE_AES_256_GCM + _sealed(self._cipher, text.encode(), place.encode())

    def opened(self, sealed: bytes, place: str) -> str:
        """Return the text that was sealed for this place. Raises SealBroken."""
        suite, rest = sealed[:1], sealed[1:]
        return _opened(self._cipher, suite, rest, place.encode()).decode()


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A key that wraps the keys of persons and, by another key derived from it, seals what belongs to the bank."""

    id: bytes
    wrapping: AESGCM = field(repr=False, compare=False)
    bank: AESGCM = field(repr=False, compare=False)

    @classmethod
    def from_secret(cls, key_id: bytes, secret: bytes) -> Self:
        """Return the master key of 32 secret bytes: one derived key for each of its two uses."""
        return cls(key_id, _derived(secret, b"creditbank person keys"), _derived(secret, b"creditbank bank texts"))


@dataclass(frozen=True, slots=True)
class Keyring:
    """All keys of the bank, each list with its newest last: the newest is used, all of them still open and verify."""

    master_keys: tuple[MasterKey, ...] = field(repr=False)
    index_keys: tuple[bytes, ...] = field(repr=False)
    signing_keys: tuple[SigningKey, ...] = field(repr=False)
    created_at: datetime

    @property
    def signing_key(self) -> SigningKey:
        """The key that signs new tokens."""
        return self.signing_keys[-1]

    @property
    def public_keys(self) -> dict[str, PublicKey]:
        """The keys that tokens are verified with, by kid."""
        return {key.public.kid: key.public for key in self.signing_keys}

    def new_person_key(self) -> WrappedKey:
        """Return a new key for one person, wrapped under the newest master key. Whoever destroys it erases them."""
        master = self.master_keys[-1]
        head = SUITE_AES_256_GCM + master.id
        return WrappedKey(head + _sealed(master.wrapping, AESGCM.generate_key(_KEY_BYTES * 8), b"person key" + head))

    def person_cipher(self, wrapped: bytes) -> PersonCipher:
        """Return the cipher of the person whose wrapped key this is. Raises SealBroken."""
        suite, master, rest = self._parted(wrapped)
        return PersonCipher(AESGCM(_opened(master.wrapping, suite, rest, b"person key" + suite + master.id)))

    def seal_bank(self, text: str, place: str) -> bytes:
        """Return a text that belongs to the bank, not to a person (a kept answer), as it may be stored at `place`."""
        master = self.master_keys[-1]
        return SUITE_AES_256_GCM + master.id + _sealed(master.bank, text.encode(), place.encode())

    def opened_bank(self, sealed: bytes, place: str) -> str:
        """Return the bank's text that was sealed for this place. Raises SealBroken."""
        suite, master, rest = self._parted(sealed)
        return _opened(master.bank, suite, rest, place.encode()).decode()

    def blind_index(self, domain: str, value: str) -> bytes:
        """Return 32 bytes that are equal for equal values of one domain ("cn.resident_id") and say nothing else."""
        return _blind(self.index_keys[-1], domain, value)

    def blind_indexes(self, domain: str, value: str) -> tuple[bytes, ...]:
        """Return the index under every index key, newest first, to look a value up while rows are indexed anew."""
        return tuple(_blind(key, domain, value) for key in reversed(self.index_keys))

    def _parted(self, sealed: bytes) -> tuple[bytes, MasterKey, bytes]:
        """Return the suite, the master key and the sealed rest."""
        suite, key_id, rest = sealed[:1], sealed[1 : 1 + _ID_BYTES], sealed[1 + _ID_BYTES :]
        for master in self.master_keys:
            if master.id == key_id:
                return suite, master, rest
        message = "this was sealed under a master key that is not in the keyring"
        raise SealBroken(message)


def create_keyring(path: Path) -> None:
    """Write a new keyring, readable by its owner only; it appears whole or not at all. Raises KeyringUnusable.

    Nothing that stands at `path` is ever replaced: losing a keyring loses what was sealed under it.
    """
    try:
        _write_once(path, json.dumps(_new_content(), indent=1).encode())
    except FileExistsError:
        message = f"{path} exists already: remove or rename it yourself if nothing was ever sealed under it"
        raise KeyringUnusable(message) from None
    except OSError as error:
        message = f"{path} can't be written ({error.strerror}): make its directory writable for this user"
        raise KeyringUnusable(message) from None


def open_keyring(path: Path) -> Keyring:
    """Return the keys of a keyring file. Raises KeyringUnusable where it is missing, open to others or malformed."""
    try:
        return _keyring(parsed(_private_bytes(path), bytes_max=FILE_BYTES_MAX))
    except (Refusal, UnsupportedAlgorithm, ValueError, KeyError, TypeError, AttributeError):
        message = f"{path} is not a keyring of layout {VERSION}: restore it from its backup"
        raise KeyringUnusable(message) from None


def _private_bytes(path: Path) -> bytes:
    """Return the content of a file that only its owner can read."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                message = f"{path} is open to other users (mode {stat.S_IMODE(mode):04o}): run chmod 600 {path}"
                raise KeyringUnusable(message)
            return file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        message = f"there is no keyring at {path}: correct the path, or create a keyring there"
        raise KeyringUnusable(message) from None
    except OSError as error:
        message = f"{path} can't be read ({error.strerror}): give it to the user that runs the bank"
        raise KeyringUnusable(message) from None


def _new_content() -> dict[str, object]:
    return {
        "version": VERSION,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "master_keys": [{"id": secrets.token_hex(_ID_BYTES), "secret": _new_secret()}],
        "index_keys": [{"secret": _new_secret()}],
        "signing_keys": [{"private_key_pem": pem_of(new_signing_key())}],
    }


def _keyring(content: object) -> Keyring:
    """Return the keyring that a file's content describes; raises one of many errors where it describes none."""
    if not isinstance(content, dict) or content["version"] != VERSION:
        raise ValueError
    keyring = Keyring(
        master_keys=tuple(
            MasterKey.from_secret(_id(key["id"]), _secret(key["secret"])) for key in content["master_keys"]
        ),
        index_keys=tuple(_secret(key["secret"]) for key in content["index_keys"]),
        signing_keys=tuple(signing_key_from_pem(key["private_key_pem"]) for key in content["signing_keys"]),
        created_at=datetime.fromisoformat(content["created_at"]).astimezone(UTC),
    )
    if not (keyring.master_keys and keyring.index_keys and keyring.signing_keys):
        raise ValueError
    if len({key.id for key in keyring.master_keys}) < len(keyring.master_keys):
        raise ValueError
    return keyring


def _write_once(path: Path, body: bytes) -> None:
    """Write a file of mode 0600 whole, and link it to its name only if the name is free."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".keyring-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    finally:
        Path(temporary).unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _sealed(cipher: AESGCM, data: bytes, place: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, data, SUITE_AES_256_GCM + place)


def _opened(cipher: AESGCM, suite: bytes, sealed: bytes, place: bytes) -> bytes:
    if suite != SUITE_AES_256_GCM:
        message = "this was sealed with a suite that is not known here"
        raise SealBroken(message)
    try:
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], suite + place)
    except (InvalidTag, ValueError):
        message = "this was changed, moved from its place, or sealed under another key"
        raise SealBroken(message) from None


def _blind(key: bytes, domain: str, value: str) -> bytes:
    """Return the keyed hash; the domain's length goes first, so that no two pairs run into the same text."""
    name = domain.encode()
    return hmac.digest(key, len(name).to_bytes(4, "big") + name + value.encode(), "sha256")


def _derived(secret: bytes, use: bytes) -> AESGCM:
    return AESGCM(HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=use).derive(secret))


def _new_secret() -> str:
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def _secret(text: str) -> bytes:
    secret = base64.b64decode(text, validate=True)
    if len(secret) != _KEY_BYTES:
        raise ValueError
    return secret


def _id(text: str) -> bytes:
    key_id = bytes.fromhex(text)
    if len(key_id) != _ID_BYTES:
        raise ValueError
    return key_id
