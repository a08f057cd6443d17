"""Mappings: which column of a table is which field of a record, as shipped documents say; a row becomes records.

A mapping names columns in Chinese and English. Bound to the header of a table it turns each row into documents as
`POST /v1/outcomes` takes them; a wide row, with a group of columns for every course, into several.
"""

import json
import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from creditbank.core.errors import Fault
from creditbank.formats import cells
from creditbank.formats.cells import Read

PACKAGE = "creditbank.importmaps"

COLUMNS_MAX = 2_000
"""Columns of a table: the widest known form has 40 for each of 40 courses."""

DEFAULT = "creditbank"
"""The bank's own form."""

READERS: dict[str, Read] = {
    "text": cells.read_text,
    "code": cells.read_code,
    "number": cells.read_document_number,
    "amount": cells.read_amount,
    "day": cells.read_day,
    "day_first": cells.read_day_first,
}
"""How a column is read, by the word in `as`."""

IDENTIFIER = "identifier:"
IGNORED = "ignored"

_BRACKETED = re.compile(r"[(\[【].*?[)\]】]")
_LEFT_OUT = re.compile(r"[\s_*＊:：'\-]")
_NUMBERED = "{n}"


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """What columns of these names mean: `to` is a field of a record, `values` translates what stands in the cells."""

    to: str
    names: tuple[str, ...]
    reader: str
    values: dict[str, str]
    note_zh: str = ""
    note_en: str = ""
    example: str = ""


@dataclass(frozen=True, slots=True)
class Only:
    """A field that must say one of these for a row to be taken, in small letters."""

    to: str
    values: frozenset[str]
    fault: Fault


@dataclass(frozen=True, slots=True)
class Mapping:
    """A shipped document. `required` are sets of fields of which each needs one at least.

    `groups` counts how often a wide row repeats the columns in `repeated`; a group with none of the fields in `present`
    is blank.
    """

    code: str
    title_zh: str
    title_en: str
    source: str
    columns: tuple[ColumnRule, ...]
    required: tuple[frozenset[str], ...]
    constants: dict[str, str]
    only: tuple[Only, ...]
    score_numbers: str
    score_words: dict[str, tuple[str, str]]
    groups: int
    present: tuple[str, ...]
    repeated: tuple[ColumnRule, ...]


@cache
def mapping_codes() -> tuple[str, ...]:
    """Return the codes of all shipped mappings, the bank's own first."""
    found = sorted(item.name.removesuffix(".json") for item in files(PACKAGE).iterdir() if item.name.endswith(".json"))
    return tuple(sorted(found, key=lambda code: code != DEFAULT))


@cache
def mapping(code: str) -> Mapping | None:
    """Return a shipped mapping, or None where there is none of this code."""
    if code not in mapping_codes():
        return None
    return _parsed(json.loads(files(PACKAGE).joinpath(f"{code}.json").read_text("utf-8")))


def plain_name(name: str) -> str:
    """Return the name of a column without what people write differently: width, case, spaces, marks."""
    return _LEFT_OUT.sub("", unicodedata.normalize("NFKC", name)).casefold()


@cache
def names_of(code: str) -> dict[str, tuple[int, ColumnRule]]:
    """Return every plain name that a mapping knows, with the number of its group, 0 outside of groups, and its rule."""
    found = mapping(code)
    assert found is not None, "its code was looked up before"
    names = {plain_name(name): (0, rule) for rule in found.columns for name in rule.names}
    for number in range(1, found.groups + 1):
        for rule in found.repeated:
            for name in rule.names:
                names[plain_name(name.replace(_NUMBERED, str(number)))] = (number, rule)
    return names


def recognised(code: str, header: str) -> tuple[int, ColumnRule] | None:
    """Return what a column means: by its whole name, else by what stands outside of its brackets."""
    names = names_of(code)
    plain = plain_name(header)
    return names.get(plain) or names.get(_BRACKETED.sub("", plain))


def missing_fields(code: str, there: Sequence[str]) -> list[frozenset[str]]:
    """Return the sets of fields of which none is there."""
    found = mapping(code)
    assert found is not None, "its code was looked up before"
    present = set(there)
    return [wanted for wanted in found.required if present.isdisjoint(wanted)]


def title_of(code: str, field: str) -> str:
    """Return a field's first name as a column, in Chinese, with the English one where there are both."""
    found = mapping(code)
    assert found is not None, "its code was looked up before"
    rule = next((one for one in (*found.columns, *found.repeated) if one.to == field), None)
    return field if rule is None else rule.names[0].replace(_NUMBERED, "1")


def titles_of(code: str, fields: Collection[str]) -> list[str]:
    """Return the first names of fields as columns, in the order in which the mapping has them."""
    found = mapping(code)
    assert found is not None, "its code was looked up before"
    order = dict.fromkeys(rule.to for rule in (*found.columns, *found.repeated))
    return [title_of(code, field) for field in order if field in fields]


def _parsed(document: dict[str, Any]) -> Mapping:
    groups = document.get("groups", {"count": 0, "present": [], "columns": []})
    score = document.get("score", {"numbers": "100", "words": {}})
    return Mapping(
        code=document["code"],
        title_zh=document["title"]["zh"],
        title_en=document["title"]["en"],
        source=document["source"],
        columns=tuple(_rule(one) for one in document["columns"]),
        required=tuple(frozenset(one) for one in document["required"]),
        constants=document.get("constants", {}),
        only=tuple(_only(one) for one in document.get("only", [])),
        score_numbers=score["numbers"],
        score_words={word: (value, scale) for word, (value, scale) in score["words"].items()},
        groups=groups["count"],
        present=tuple(groups["present"]),
        repeated=tuple(_rule(one) for one in groups["columns"]),
    )


def _rule(document: dict[str, Any]) -> ColumnRule:
    note = document.get("note", {"zh": "", "en": ""})
    assert document["to"] == IGNORED or document.get("as", "text") in READERS, "a shipped mapping names a reader"
    return ColumnRule(
        to=document["to"],
        names=tuple(document["names"]),
        reader=document.get("as", "text"),
        values={key.casefold(): value for key, value in document.get("values", {}).items()},
        note_zh=note["zh"],
        note_en=note["en"],
        example=document.get("example", ""),
    )


def _only(document: dict[str, Any]) -> Only:
    said = document["says"]
    fault = Fault("", document["code"], said["zh"], said["en"])
    return Only(document["to"], frozenset(one.casefold() for one in document["values"]), fault)
