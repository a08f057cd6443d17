r"""Pieces of the schema: texts, codes, amounts, days, choices, lists and objects, each as the parsers read it.

A regular expression here is one in every dialect that schemas are checked with: without lookaround and without \s,
on whose characters the dialects disagree.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from creditbank.core.credit import decimal_text
from creditbank.core.rules.document import NAME_MAX, TEXT_MAX

Schema = dict[str, Any]

BLANK = r"\t-\r\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""The characters that a text must not consist of alone: those that Python strips."""

NOT_BLANK = rf"^[{BLANK}]*[^\u0000{BLANK}][^\u0000]*$"
STORABLE = r"^[^\u0000]*$"
CODE = rf"^[a-z0-9][a-z0-9-]{{0,{NAME_MAX - 1}}}$"

_LONG_MONTH = r"(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
_SHORT_MONTH = r"(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
DAY = rf"^[0-9]{{4}}-(?:{_LONG_MONTH}|{_SHORT_MONTH}|02-(?:0[1-9]|[12][0-9]))$"
MONTH_DAY = rf"^(?:{_LONG_MONTH}|{_SHORT_MONTH}|02-(?:0[1-9]|1[0-9]|2[0-8]))$"
"""A day of a common year."""

_COMPOSED = frozenset({"$ref", "anyOf", "oneOf", "allOf"})


def text(description: str, characters_max: int = TEXT_MAX, *, may_be_empty: bool = False) -> Schema:
    """Return the schema of a text that is not blank, unless it may be."""
    bounds = {"maxLength": characters_max} if may_be_empty else {"minLength": 1, "maxLength": characters_max}
    return {"description": description, "type": "string", **bounds, "pattern": STORABLE if may_be_empty else NOT_BLANK}


def code(description: str) -> Schema:
    """Return the schema of a code."""
    told = f"{description}: lower-case letters, digits and hyphens, a hyphen not first"
    return {"description": told, "type": "string", "maxLength": NAME_MAX, "pattern": CODE}


def choice(description: str, options: Iterable[str]) -> Schema:
    """Return the schema of one of the options."""
    return {"description": description, "type": "string", "enum": [str(option) for option in options]}


def amount(description: str, least: int, most: int) -> Schema:
    """Return the schema of a decimal string from `least` to `most` hundredths, both inclusive."""
    told = f"{description}: a decimal in quotes, {decimal_text(least)} to {decimal_text(most)}"
    return {"description": told, "type": "string", "pattern": amount_pattern(least, most)}


def amount_pattern(least: int, most: int) -> str:
    """Return the regular expression of the decimals between two bounds, both in hundredths and inclusive.

    The lower is 0 or 1, the upper 1 with zeros or one hundredth less: 100.00 or 99.99. All bounds of rule sets are.
    """
    assert least in (0, 1), "a decimal begins at nothing or at the least above it"
    is_round = most % 100 == 0
    places = len(str(most if is_round else most + 1)) - 3
    assert most + (not is_round) == 10 ** (places + 2), "a decimal ends at 1 with zeros, or just below it"
    low = r"0(?:\.[0-9]{1,2})?" if least == 0 else r"0\.(?:0[1-9]|[1-9][0-9]?)"
    high = rf"|10{{{places}}}(?:\.00?)?" if is_round else ""
    return rf"^(?:{low}|[1-9][0-9]{{0,{places - 1}}}(?:\.[0-9]{{1,2}})?{high})$"


def whole(description: str, least: int, most: int) -> Schema:
    """Return the schema of a whole number between two bounds, both inclusive."""
    return {"description": description, "type": "integer", "minimum": least, "maximum": most}


def flag(description: str, default: bool | None = None) -> Schema:  # noqa: FBT001 - the value is the default
    """Return the schema of a claim that holds or doesn't, with what it is where it is left out."""
    return {"description": description, "type": "boolean"} | ({} if default is None else {"default": default})


def day(description: str) -> Schema:
    """Return the schema of a calendar day."""
    return {"description": description, "type": "string", "format": "date", "pattern": DAY}


def listed(description: str, item: Schema, items_max: int, items_min: int = 1) -> Schema:
    """Return the schema of a list."""
    bounds = {"minItems": items_min, "maxItems": items_max}
    return {"description": description, "type": "array", **bounds, "items": item}


def entries(description: str, value: Schema, entries_max: int, entries_min: int = 1) -> Schema:
    """Return the schema of an object whose names are data."""
    bounds = {"minProperties": entries_min, "maxProperties": entries_max}
    return {"description": description, "type": "object", **bounds, "additionalProperties": value}


def fields(description: str, required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    """Return the schema of an object with these fields and no others; what is optional may be null as well."""
    nullable = {name: or_null(value) for name, value in (optional or {}).items()}
    return {
        "description": description,
        "type": "object",
        "properties": {**required, **nullable},
        "required": list(required),
        "additionalProperties": False,
    }


def reference(name: str, description: str = "") -> Schema:
    """Return a reference to a definition, with what it is in its place."""
    return {"$ref": f"#/$defs/{name}"} | ({"description": description} if description else {})


def or_null(schema: Schema) -> Schema:
    """Return the schema of the same or of null, which stands for a field that is left out."""
    if _COMPOSED & schema.keys():
        told = {"description": schema["description"]} if "description" in schema else {}
        return told | {"anyOf": [{name: each for name, each in schema.items() if name not in told}, {"type": "null"}]}
    options = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return schema | {"type": [schema["type"], "null"]} | options


def has(name: str, value: Schema | None = None) -> Schema:
    """Return the schema of an object that has a field, other than null unless a value is given."""
    return {"required": [name], "properties": {name: {"not": {"type": "null"}} if value is None else value}}


def has_any(*names: str) -> Schema:
    """Return the schema of an object that has at least one of the fields."""
    return {"anyOf": [has(name) for name in names]}
