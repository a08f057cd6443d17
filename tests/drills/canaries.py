"""Canaries: people whose names and numbers are found wherever they are let out, in whatever form they are written.

Every name, number and text of theirs holds a stem that stands nowhere else; a search looks for the stems.
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from stdnum.iso7064 import mod_11_2

COUNT = 200
"""How many people the drill pushes through the bank."""

HAN, FAR, LATIN, UYGHUR = "龘䶮", "\U0002a6a5\U00020bb7", "Žółćkowska", "阿卜杜喀迪尔·吾買爾"
"""Stems of names: rare characters, such beyond the first plane, letters with marks, and the dot of Uyghur names."""

SPOKEN = "明言麤KQX"
"""The stem of what institutions write for readers, such as titles and reasons: it may stand in the database alone."""

PLANTED = "种漏麤KQX"
"""The stem of what is let out on purpose, to see that it is found: it may stay in files that all databases share."""

STEMS = {
    "name": (HAN, FAR, LATIN, UYGHUR, LATIN.casefold()),
    "resident_id": ("6590041907",),
    "resident_id_15": ("6590040703", "6590040711"),
    "birth_date": ("1907-03-", "1907-11-"),
    "passport": ("EQ7319",),
    "phone": ("199001300",),
    "student_no": ("学籍龘KQX",),
    "netid": ("netKQXv7", "NETKQXV7"),
    "certificate_no": ("证书龘KQX",),
    "subject": ("subjKQXv7", "subjkqxv7"),
    "text": ("密语麤KQX",),
    "header": ("hdrKQXv7",),
    "spoken": (SPOKEN,),
    "planted": (PLANTED,),
}
"""What every word of a sort holds; in small or capital letters where somebody may have changed them."""


@dataclass(frozen=True)
class Canary:
    """One of them, by number."""

    number: int

    @property
    def name(self) -> str:
        """The name, of one of four kinds."""
        mark = chr(0x4E00 + 37 * self.number)
        return (HAN + mark, FAR + mark, f"{LATIN} {chr(65 + self.number // 26)}{self.number}", UYGHUR + mark)[
            self.number % 4
        ]

    @property
    def born(self) -> str:
        """The birth date, in a year in which nobody else was born."""
        first = date(1907, 3, 1) if self.number % 2 else date(1907, 11, 1)
        return (first + timedelta(days=self.number // 2 % 28)).isoformat()

    @property
    def resident_id(self) -> str:
        """A sound number with the birth date in it."""
        body = f"659004{self.born.replace('-', '')}{self.number:03d}"
        return body + mod_11_2.calc_check_digit(body)

    @property
    def legacy_id(self) -> str:
        """A number of 15 digits."""
        return f"659004{self.born.replace('-', '')[2:]}{self.number:03d}"

    @property
    def passport(self) -> str:
        return f"EQ7319{self.number:03d}"

    @property
    def phone(self) -> str:
        return f"199001300{self.number % 100:02d}"

    @property
    def student_no(self) -> str:
        return f"学籍龘KQX{self.number:03d}"

    @property
    def netid(self) -> str:
        return f"netKQXv7{self.number:03d}"

    @property
    def certificate_no(self) -> str:
        return f"证书龘KQX{self.number:03d}"

    @property
    def subject(self) -> str:
        """What a login provider knows the person by."""
        return f"subjKQXv7-{self.number:03d}"

    @property
    def text(self) -> str:
        """What somebody writes who explains something: name and number in a sentence."""
        return f"密语麤KQX{self.number:03d}：{self.name}，{self.resident_id}，生于 {self.born}"

    @property
    def identifiers(self) -> list[dict[str, Any]]:
        """Numbers of several sorts, of which at least one leads to the person."""
        strong = ({"type": "cn.resident_id", "value": self.resident_id}, {"type": "cn.netid", "value": self.netid})
        others = (
            {"type": "passport", "value": self.passport, "issuer": "CHN"},
            {"type": "student_no", "value": self.student_no},
            {"type": "phone", "value": self.phone},
            {"type": "cn.resident_id_15", "value": self.legacy_id},
        )
        return [strong[self.number // 3 % 2], others[self.number % 4]]

    def body(self, **changes: Any) -> dict[str, Any]:
        """Return the request for the person's account."""
        agrees = {} if self.number % 3 == 0 else {"birth_date": self.born}
        return {"name": self.name, "identifiers": self.identifiers} | agrees | changes

    @property
    def words(self) -> tuple[str, ...]:
        """Everything of the person's that may not be let out."""
        numbers = (self.resident_id, self.legacy_id, self.passport, self.phone, self.student_no, self.netid)
        return (self.name, self.born, *numbers, self.certificate_no, self.subject, self.text)


CANARIES = tuple(map(Canary, range(COUNT)))


@dataclass(frozen=True)
class Hit:
    """Something that was let out: the stem, the form in which it is written, and where."""

    stem: str
    form: str
    place: str
    around: str


def forms_of(word: str) -> Iterator[tuple[str, bytes]]:
    """Yield the ways in which a word may be written."""
    plain = word.encode()
    yield "UTF-8", plain
    little = word.encode("utf-16-le")
    yield ("UTF-16", little[:-1] if word.isascii() else little)  # without the last zero it is in either order
    yield "UTF-16 (big end first)", word.encode("utf-16-be")
    escaped = json.dumps(word)[1:-1]
    yield "JSON escapes", escaped.encode()
    yield "JSON escapes in capitals", _raised(escaped).encode()
    yield "Python escapes", ascii(word)[1:-1].encode()
    yield "bytes as Python shows them", repr(plain)[2:-1].encode()
    yield "octal", "".join(chr(byte) if byte < 128 else f"\\{byte:03o}" for byte in plain).encode()
    yield "URL", quote(word).encode()
    yield "URL in small letters", "".join(chr(byte) if byte < 128 else f"%{byte:02x}" for byte in plain).encode()
    yield "hexadecimal", plain.hex().encode()
    yield "hexadecimal in capitals", plain.hex().upper().encode()
    for shift in range(3):
        coded = _base64(plain, shift)
        yield f"base64 at {shift}", coded
        yield f"base64 for URLs at {shift}", coded.translate(bytes.maketrans(b"+/", b"-_"))


@cache
def needles() -> dict[bytes, tuple[str, str]]:
    """Return each byte string that is looked for, with its stem and form."""
    stems = {stem for sort in STEMS.values() for stem in sort}
    return {needle: (stem, form) for stem in stems for form, needle in forms_of(stem)}


def hits(place: str, content: bytes) -> list[Hit]:
    """Return what of the canaries stands in a content."""
    found = []
    for needle, (stem, form) in needles().items():
        at = content.find(needle)
        if at >= 0:
            around = content[max(0, at - 60) : at + 100].decode("utf-8", "backslashreplace")
            found.append(Hit(stem, form, place, around))
    return found


def hits_in_files(files: Iterable[Path]) -> list[Hit]:
    """Return what of the canaries stands in files; one that goes meanwhile has nothing."""
    found = []
    for file in files:
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            continue
        found += hits(str(file), content)
    return found


def _raised(escaped: str) -> str:
    """Return JSON escapes with their digits in capitals."""
    parts = escaped.split("\\u")
    return parts[0] + "".join(f"\\u{part[:4].upper()}{part[4:]}" for part in parts[1:])


def _base64(plain: bytes, shift: int) -> bytes:
    """Return the characters that stand for the bytes wherever `shift` bytes of a group of three come before them."""
    coded = b64encode(b"\0" * shift + plain).rstrip(b"=")
    first = (0, 2, 3)[shift]  # the characters that depend on what comes before
    whole = (shift + len(plain)) * 8 // 6  # the last one depends on what comes after, unless it ends a group
    return coded[first:whole]
