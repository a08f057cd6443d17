"""Papers: a record with its facts and lists, or a certificate, as the document that the template is given."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import segno


class Language(StrEnum):
    """The languages in which papers are printed."""

    CHINESE = "zh"
    ENGLISH = "en"


class Shape(StrEnum):
    """How a paper is laid out: a record runs over as many pages as it needs, a certificate is one page."""

    RECORD = "record"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list: its heading, its share of the width, and whether numbers stand in it."""

    heading: str
    width: float
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A list with a heading, in a table whose header comes again on every page; `empty` stands where it has no rows."""

    title: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[str, ...]]
    empty: str

    def __post_init__(self) -> None:
        """Refuse rows that don't fit the columns."""
        assert all(len(row) == len(self.columns) for row in self.rows), self.title


@dataclass(frozen=True, slots=True)
class Paper:
    """Everything that stands on a paper. `serial` names it, `check_url` is where anybody sees whether it still holds.

    A certificate has a holder and a statement of what was awarded; a record has lists and notes. `proof` is the signed
    credential as a JWT, which goes along in the file.
    """

    shape: Shape
    language: Language
    title: str
    facts: tuple[tuple[str, str], ...]
    issuer: str
    issued_on: date
    serial: str
    check_url: str
    proof: str
    holder: str = ""
    statement: str = ""
    lists: tuple[Listing, ...] = ()
    notes: tuple[str, ...] = ()


_WORDS = {
    Language.CHINESE: {
        "serial": "编号",
        "check": "扫描二维码或打开下列网址可核验本件现在是否有效：",
        "code_alt": "核验网址的二维码",
        "footer": "以核验网址所示状态为准",
        "proof": "本文件内附签名凭证 credential.jwt，可用签发者的公钥离线核验。",
        "proof_alt": "签名凭证（VC-JWT），可用签发者的公钥离线核验",
    },
    Language.ENGLISH: {
        "serial": "No.",
        "check": "Scan the code or open this address to see whether this paper holds now:",
        "code_alt": "The address for checking as a QR code",
        "footer": "What the address for checking says is what counts",
        "proof": "The signed credential is in this file as credential.jwt; its issuer's key checks it offline.",
        "proof_alt": "The signed credential (VC-JWT), which its issuer's key checks offline",
    },
}


def paper_document(paper: Paper) -> dict[str, Any]:
    """Return the paper as plain JSON values, as the template reads it; the QR code is an SVG."""
    return {
        "shape": paper.shape.value,
        "language": paper.language.value,
        "title": paper.title,
        "facts": [list(fact) for fact in paper.facts],
        "issuer": paper.issuer,
        "issued_on": paper.issued_on.isoformat(),
        "serial": paper.serial,
        "check_url": paper.check_url,
        "code": qr_code(paper.check_url),
        "proof": paper.proof,
        "holder": paper.holder,
        "statement": paper.statement,
        "lists": [_listing_document(one) for one in paper.lists],
        "notes": list(paper.notes),
        "words": _WORDS[paper.language],
    }


def qr_code(text: str) -> str:
    """Return a QR code as SVG; a seventh of it may be covered or torn (error correction level M)."""
    drawn = io.BytesIO()
    segno.make(text, error="m", micro=False).save(drawn, kind="svg", border=2, xmldecl=False)
    return drawn.getvalue().decode()


def _listing_document(one: Listing) -> dict[str, Any]:
    return {
        "title": one.title,
        "columns": [column.heading for column in one.columns],
        "widths": [column.width for column in one.columns],
        "aligned": ["right" if column.is_number else "left" for column in one.columns],
        "rows": [list(row) for row in one.rows],
        "empty": one.empty,
    }
