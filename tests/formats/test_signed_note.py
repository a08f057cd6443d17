"""Signed notes: as others sign them, and what nobody signed."""

import base64
from datetime import UTC, datetime

import pytest

from creditbank.formats.signed_note import (
    NOTE_BYTES_MAX,
    NoteKey,
    new_note_key_pem,
    note_key_from_pem,
    opened_note,
    signed_note,
    vkey,
)
from creditbank.formats.signing import new_signing_key, pem_of

AT = datetime(2026, 7, 1, tzinfo=UTC)

THEIR_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
THEIR_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
THEIR_NOTE = (
    f"{THEIR_TEXT}\n— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
"""The example in the documentation of Go's package for signed notes."""

TEXT = "bank.example/log\n1\nAAAA\n"
NAME = "bank.example/log"


def new_key() -> NoteKey:
    return note_key_from_pem(new_note_key_pem(), AT)


def test_a_note_that_others_signed_opens() -> None:
    assert opened_note(THEIR_NOTE, [THEIR_KEY]) == THEIR_TEXT
    assert opened_note(THEIR_NOTE.replace("answer", "Answer"), [THEIR_KEY]) is None


def test_a_note_opens_with_the_key_that_signed_it_and_no_other() -> None:
    key, other = new_key(), new_key()
    note = signed_note(TEXT, key, NAME)
    assert opened_note(note, [vkey(key, NAME)]) == TEXT
    assert opened_note(note, [vkey(other, NAME), vkey(key, NAME)]) == TEXT
    assert opened_note(note, [vkey(other, NAME)]) is None
    assert opened_note(note, [vkey(key, "bank.example/other")]) is None
    assert opened_note(note, []) is None


def test_a_note_with_one_sound_signature_among_others_opens() -> None:
    key, other = new_key(), new_key()
    note, signature = signed_note(TEXT, key, NAME), signed_note(TEXT, other, NAME).split("\n\n")[1]
    assert opened_note(note + signature, [vkey(key, NAME)]) == TEXT
    assert opened_note(note.replace("\n\n", "\n\n" + signature), [vkey(key, NAME)]) == TEXT


def test_no_changed_byte_goes_unseen() -> None:
    key = new_key()
    note = signed_note(TEXT, key, NAME).encode()
    for place in range(len(note)):
        for bit in (1, 2, 64):
            changed = bytearray(note)
            changed[place] ^= bit
            opened = opened_note(changed.decode(errors="replace"), [vkey(key, NAME)])
            assert opened is None, (place, bytes(changed))


@pytest.mark.parametrize(
    "note", ["", "\n\n", TEXT, TEXT + "\n", TEXT + "\n— x\n", TEXT + f"\n— {NAME} AAAA\n", "\n\n— \n"]
)
def test_what_is_no_note_does_not_open(note: str) -> None:
    assert opened_note(note, [vkey(new_key(), NAME)]) is None


def test_a_note_beyond_all_measure_is_not_read() -> None:
    key, text = new_key(), "x" * NOTE_BYTES_MAX + "\n"
    assert opened_note(signed_note(text, key, NAME), [vkey(key, NAME)]) is None


def test_keys_are_told_apart_and_keys_of_another_kind_are_refused() -> None:
    pem = new_note_key_pem()
    assert note_key_from_pem(pem, AT).id == note_key_from_pem(pem, AT).id != new_key().id
    with pytest.raises(ValueError, match="Ed25519"):
        note_key_from_pem(pem_of(new_signing_key()), AT)


@pytest.mark.parametrize("place", [1, 2])
def test_a_line_that_is_no_key_is_refused(place: int) -> None:
    parts = vkey(new_key(), NAME).split("+", 2)
    for wrong in ("", "00000000", base64.b64encode(b"\x02" + bytes(32)).decode(), base64.b64encode(b"\x01").decode()):
        line = "+".join([*parts[:place], wrong, *parts[place + 1 :]])
        with pytest.raises(ValueError, match=r"key|base64"):
            opened_note(signed_note(TEXT, new_key(), NAME), [line])
