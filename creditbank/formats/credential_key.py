"""The keys that sign credentials: one set has a key for each algorithm, each named by the thumbprint of its JWK."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from jwt.exceptions import PyJWTError

from creditbank.formats.canonical import canonical_bytes
from creditbank.formats.compact_jws import base64url
from creditbank.formats.multibase import bytes_of, multibase_of

RSA_BITS = 2048
"""The least that RS256 may have (RFC 7518, section 3.3), and what every reader of Open Badges takes."""

RSA_BITS_MAX = 4096
"""Checking a signature by a key of a megabyte would keep the bank busy."""

_RSA_EXPONENT = 65537
_MULTICODEC_ED25519 = b"\xed\x01"
_ED25519_BYTES = 32
_REQUIRED = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


class Algorithm(StrEnum):
    """How credentials are signed; RS256 is what every reader of Open Badges has to know."""

    RS256 = "RS256"
    ES256 = "ES256"
    EDDSA = "EdDSA"


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """The half of a key that everybody may have; `kid` is the thumbprint of its JWK (RFC 7638)."""

    kid: str
    algorithm: Algorithm
    jwk: Mapping[str, str] = field(compare=False)
    key: PublicKey = field(repr=False, compare=False)

    @property
    def multibase(self) -> str:
        """The key as a Multikey, which a key of Ed25519 can be."""
        assert isinstance(self.key, ed25519.Ed25519PublicKey), "only keys of Ed25519 are written so"
        return multibase_of(_MULTICODEC_ED25519 + self.key.public_bytes_raw())


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key that signs by one algorithm and nothing else; never shown."""

    public: VerificationKey
    private: PrivateKey = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class CredentialKeys:
    """A set of keys that came together; `id` is 16 hexadecimal digits of the hash of its Ed25519 key."""

    id: str
    added_at: datetime = field(compare=False)
    keys: Mapping[Algorithm, SecretKey] = field(repr=False, compare=False)

    @property
    def public(self) -> tuple[VerificationKey, ...]:
        """The public halves, one an algorithm."""
        return tuple(self.keys[algorithm].public for algorithm in Algorithm)


def new_credential_pems() -> dict[str, str]:
    """Return a new set as unencrypted PKCS #8 PEM by algorithm, for the keyring file only."""
    made: dict[Algorithm, PrivateKey] = {
        Algorithm.RS256: rsa.generate_private_key(_RSA_EXPONENT, RSA_BITS),
        Algorithm.ES256: ec.generate_private_key(ec.SECP256R1()),
        Algorithm.EDDSA: ed25519.Ed25519PrivateKey.generate(),
    }
    return {algorithm.value: _pem(key) for algorithm, key in made.items()}


def credential_keys_from_pems(pems: Mapping[str, str], added_at: datetime) -> CredentialKeys:
    """Return the set of keys of PEMs by algorithm; raises ValueError or KeyError where they are none."""
    keys = {algorithm: _secret(pems[algorithm.value], algorithm) for algorithm in Algorithm}
    ed = keys[Algorithm.EDDSA].public.key
    assert isinstance(ed, ed25519.Ed25519PublicKey), "the algorithm says so"
    return CredentialKeys(hashlib.sha256(ed.public_bytes_raw()).hexdigest()[:16], added_at, keys)


def key_of_jwk(jwk: Mapping[str, Any]) -> VerificationKey | None:
    """Return the public key of a JWK: RSA of 2048 bits or more, P-256, or Ed25519; None for any other."""
    try:
        key = _of_jwk(jwk)
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    return None if key is None else _verification_key(key)


def key_of_multibase(text: str) -> VerificationKey | None:
    """Return the key of Ed25519 that a Multikey names; None where it names none."""
    data = bytes_of(text)
    if data is None or not data.startswith(_MULTICODEC_ED25519) or len(data) != 2 + _ED25519_BYTES:
        return None
    return _verification_key(ed25519.Ed25519PublicKey.from_public_bytes(data[2:]))


def _of_jwk(jwk: Mapping[str, Any]) -> PublicKey | None:
    members = {name: jwk[name] for name in _REQUIRED[jwk["kty"]]}
    if not all(isinstance(value, str) for value in members.values()):
        return None
    readers: Mapping[str, Any] = {"EC": ECAlgorithm, "OKP": OKPAlgorithm, "RSA": RSAAlgorithm}
    key = readers[jwk["kty"]].from_jwk(members)
    is_taken = (
        isinstance(key, ed25519.Ed25519PublicKey)
        or (isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1))
        or (isinstance(key, rsa.RSAPublicKey) and RSA_BITS <= key.key_size <= RSA_BITS_MAX)
    )
    return key if is_taken else None


def _secret(pem: str, algorithm: Algorithm) -> SecretKey:
    private = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(private, (ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey, rsa.RSAPrivateKey)):
        message = "the key of credentials is of no kind that signs them"
        raise ValueError(message)  # noqa: TRY004 - the text is at fault, not the type of the argument
    public = _verification_key(private.public_key())
    if public.algorithm is not algorithm:
        message = f"the key of credentials for {algorithm} is one for another algorithm"
        raise ValueError(message)
    return SecretKey(public, private)


def _verification_key(key: PublicKey) -> VerificationKey:
    if isinstance(key, ed25519.Ed25519PublicKey):
        algorithm = Algorithm.EDDSA
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64url(key.public_bytes_raw())}
    elif isinstance(key, ec.EllipticCurvePublicKey):
        numbers = key.public_numbers()
        algorithm = Algorithm.ES256
        jwk = {"kty": "EC", "crv": "P-256", "x": _number(numbers.x, 32), "y": _number(numbers.y, 32)}
    else:
        rsa_numbers = key.public_numbers()
        algorithm = Algorithm.RS256
        jwk = {"kty": "RSA", "e": _number(rsa_numbers.e), "n": _number(rsa_numbers.n)}
    thumbprint = base64url(hashlib.sha256(canonical_bytes(jwk)).digest())
    return VerificationKey(thumbprint, algorithm, jwk, key)


def _pem(private: PrivateKey) -> str:
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _number(value: int, length: int | None = None) -> str:
    """Return a number as JWK writes it: big-endian, of a fixed length or as short as it can be."""
    return base64url(value.to_bytes(length or (value.bit_length() + 7) // 8, "big"))
