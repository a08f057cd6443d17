"""The cipher suites, which seal, hash and derive keys: a deployment chooses one, and two can stand side by side."""

import hmac
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher as _Cipher
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12
"""96 bits at random, as NIST SP 800-38D allows for up to 2^32 seals under one key: far more than one person has texts.

A master key wraps a key per learner and seals what the bank keeps: add a newer one before it has sealed 4 billion.
"""

_TAG_BYTES = 16


class SealBroken(Exception):  # noqa: N818 - reads as what it is: a fault in what is stored
    """Sealed data doesn't open: it was changed, stands in another's place, or belongs to another keyring."""


@dataclass(frozen=True, slots=True)
class Suite(ABC):
    """Authenticated encryption with a hash; `byte` is the first of whatever is sealed with it."""

    name: str
    byte: bytes
    key_bytes: int

    @abstractmethod
    def encrypted(self, key: bytes, nonce: bytes, data: bytes, place: bytes) -> bytes:
        """Return the ciphertext with its tag at the end; `place` is authenticated with it."""

    @abstractmethod
    def decrypted(self, key: bytes, nonce: bytes, sealed: bytes, place: bytes) -> bytes:
        """Return what was encrypted. Raises InvalidTag, ValueError."""

    @abstractmethod
    def mac(self, key: bytes, data: bytes) -> bytes:
        """Return the keyed hash, 32 bytes."""

    @abstractmethod
    def derived(self, secret: bytes, use: bytes) -> bytes:
        """Return the key for one use of a secret."""


class _Aes256Gcm(Suite):
    """AES-256-GCM with SHA-256."""

    __slots__ = ()

    def encrypted(self, key: bytes, nonce: bytes, data: bytes, place: bytes) -> bytes:
        """Return the ciphertext with its tag at the end."""
        return AESGCM(key).encrypt(nonce, data, place)

    def decrypted(self, key: bytes, nonce: bytes, sealed: bytes, place: bytes) -> bytes:
        """Return what was encrypted. Raises InvalidTag, ValueError."""
        return AESGCM(key).decrypt(nonce, sealed, place)

    def mac(self, key: bytes, data: bytes) -> bytes:
        """Return HMAC-SHA-256."""
        return hmac.digest(key, data, "sha256")

    def derived(self, secret: bytes, use: bytes) -> bytes:
        """Return the key for one use by HKDF-SHA-256."""
        return HKDF(algorithm=hashes.SHA256(), length=self.key_bytes, salt=None, info=use).derive(secret)


class _Sm4Gcm(Suite):
    """SM4-GCM (GB/T 32907, RFC 8998) with SM3 (GB/T 32905)."""

    __slots__ = ()

    def encrypted(self, key: bytes, nonce: bytes, data: bytes, place: bytes) -> bytes:
        """Return the ciphertext with its tag at the end."""
        encryptor = _Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(place)
        return encryptor.update(data) + encryptor.finalize() + encryptor.tag

    def decrypted(self, key: bytes, nonce: bytes, sealed: bytes, place: bytes) -> bytes:
        """Return what was encrypted. Raises InvalidTag, ValueError."""
        text, tag = sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:]
        decryptor = _Cipher(algorithms.SM4(key), modes.GCM(nonce, tag)).decryptor()
        decryptor.authenticate_additional_data(place)
        return decryptor.update(text) + decryptor.finalize()

    def mac(self, key: bytes, data: bytes) -> bytes:
        """Return HMAC-SM3."""
        made = HMAC(key, hashes.SM3())
        made.update(data)
        return made.finalize()

    def derived(self, secret: bytes, use: bytes) -> bytes:
        """Return the key for one use by HKDF-SM3."""
        return HKDF(algorithm=hashes.SM3(), length=self.key_bytes, salt=None, info=use).derive(secret)


AES_256_GCM: Suite = _Aes256Gcm("aes-256-gcm", b"\x01", 32)
SM4_GCM: Suite = _Sm4Gcm("sm4-gcm", b"\x02", 16)

SUITES = {suite.name: suite for suite in (AES_256_GCM, SM4_GCM)}
"""The suites by the name that settings and keyring files use."""

SUITE_OF_KEY_BYTES = {suite.key_bytes: suite for suite in SUITES.values()}
"""A person's key tells its suite by its length; nothing else is stored of it."""


@dataclass(frozen=True, slots=True)
class Cipher:
    """A key in use: seals bytes for one place and opens them there only."""

    suite: Suite
    key: bytes = field(repr=False)

    def sealed(self, data: bytes, place: bytes) -> bytes:
        """Return nonce and ciphertext; suite and place are authenticated."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self.suite.encrypted(self.key, nonce, data, self.suite.byte + place)

    def opened(self, suite_byte: bytes, sealed: bytes, place: bytes) -> bytes:
        """Return what was sealed at this place with this key. Raises SealBroken."""
        if suite_byte != self.suite.byte:
            message = "this was sealed with another suite than its key's"
            raise SealBroken(message)
        try:
            return self.suite.decrypted(self.key, sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], suite_byte + place)
        except (InvalidTag, ValueError):
            message = "this was changed, moved from its place, or sealed under another key"
            raise SealBroken(message) from None
