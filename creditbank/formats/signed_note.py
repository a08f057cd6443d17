"""Signed notes (C2SP signed-note): a text with Ed25519 signatures under it, and the keys that make and check them.

bank.example/v1/log
1
sRwoRBQ8Ad+oUE1UzNYdpOU9lTCDQ9Wv2rs7Xk3U4PM=

— bank.example/v1/log <base64 of the key's id of four bytes and the signature>
"""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ALGORITHM = "Ed25519"

NOTE_BYTES_MAX = 64 * 1024
"""No note of ours is near it."""

_TYPE = b"\x01"
"""What stands for Ed25519 in ids and public keys of signed notes."""

_ID_BYTES = 4
_KEY_BYTES = 32
_SIGNED_BY = "— "


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A key that signs notes; `id` is 16 hexadecimal digits of the hash of its public half."""

    id: str
    added_at: datetime = field(compare=False)
    private: Ed25519PrivateKey = field(repr=False, compare=False)


def new_note_key_pem() -> str:
    """Return a new private key as unencrypted PKCS #8 PEM, for the keyring file only."""
    return (
        Ed25519PrivateKey.generate()
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


def note_key_from_pem(pem: str, added_at: datetime) -> NoteKey:
    """Return the key of an unencrypted PKCS #8 PEM; raises ValueError where it is none of Ed25519."""
    private = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(private, Ed25519PrivateKey):
        message = "the log key is not an Ed25519 key"
        raise ValueError(message)  # noqa: TRY004 - the text is at fault, not the type of the argument
    return NoteKey(hashlib.sha256(_raw(private)).hexdigest()[:16], added_at, private)


def vkey(key: NoteKey, name: str) -> str:
    """Return the line by which others check what the key signs under a name."""
    encoded = base64.b64encode(_TYPE + _raw(key.private)).decode()
    return f"{name}+{_key_id(name, _raw(key.private)).hex()}+{encoded}"


def signed_note(text: str, key: NoteKey, name: str) -> str:
    """Return the note of a text, which ends with a line's end, signed under a name."""
    signature = _key_id(name, _raw(key.private)) + key.private.sign(text.encode())
    return f"{text}\n{_SIGNED_BY}{name} {base64.b64encode(signature).decode()}\n"


def opened_note(note: str, vkeys: Iterable[str]) -> str | None:
    """Return the text of a note that one of the keys has signed; None where none has."""
    text, blank, signatures = note.rpartition("\n\n")
    if not blank or not note.endswith("\n") or len(note.encode(errors="surrogatepass")) > NOTE_BYTES_MAX:
        return None
    text += "\n"
    keys = [_parted(one) for one in vkeys]
    for line in signatures[:-1].split("\n"):
        name, _, encoded = line.removeprefix(_SIGNED_BY).rpartition(" ")
        for own_name, public in keys:
            if name == own_name and line.startswith(_SIGNED_BY) and _has_signed(encoded, name, public, text):
                return text
    return None


def _has_signed(encoded: str, name: str, public: bytes, text: str) -> bool:
    """Tell whether a signature is of a key and a text."""
    try:
        signature = base64.b64decode(encoded, validate=True)
        key_id, rest = signature[:_ID_BYTES], signature[_ID_BYTES:]
        if key_id != _key_id(name, public) or base64.b64encode(signature).decode() != encoded:
            return False  # bits behind the last byte could else be changed unseen
        Ed25519PublicKey.from_public_bytes(public).verify(rest, text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def _parted(line: str) -> tuple[str, bytes]:
    """Return the name and the public half of a key from its line. Raises ValueError where it is none."""
    name, _, rest = line.partition("+")
    key_id, _, encoded = rest.partition("+")
    public = base64.b64decode(encoded, validate=True)
    if public[:1] != _TYPE or len(public) != len(_TYPE) + _KEY_BYTES:
        message = "this is no public key of Ed25519"
        raise ValueError(message)
    if _key_id(name, public[1:]).hex() != key_id:
        message = "this key has another id"
        raise ValueError(message)
    return name, public[1:]


def _raw(private: Ed25519PrivateKey) -> bytes:
    return private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _key_id(name: str, public: bytes) -> bytes:
    """Return the id of a key under a name, by which a signature says who made it."""
    return hashlib.sha256(name.encode() + b"\n" + _TYPE + public).digest()[:_ID_BYTES]
