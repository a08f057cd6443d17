"""The schema of conditions: each predicate of the parsers' tables, and how predicates combine."""

from collections.abc import Callable

from creditbank.core.credit import HUNDREDTHS_MAX
from creditbank.core.outcome import Kind
from creditbank.core.rules import conversion_predicates
from creditbank.core.rules.condition_parsing import (
    DEPTH_MAX,
    LIST_MAX,
    OUTCOME_PREDICATES,
    YEARS_MAX,
    Predicates,
    between_at,
    one_of_at,
)
from creditbank.core.rules.conversion_predicates import PAIR_PREDICATES, TARGET_PREDICATES
from creditbank.core.rules.document import NAME_MAX, TEXT_MAX
from creditbank.core.rules.subject import AGE_MAX, WORD_MAX
from creditbank.formats.ruleset_schema.shapes import (
    Schema,
    amount,
    choice,
    day,
    entries,
    fields,
    has,
    has_any,
    listed,
    reference,
    text,
    whole,
)

ON_OUTCOME, ON_TARGET, ON_PAIR = "outcome_condition", "target_condition", "pair_condition"

_CONDITIONS: dict[str, tuple[Predicates, str]] = {
    ON_OUTCOME: (OUTCOME_PREDICATES, "A condition on an outcome"),
    ON_TARGET: (TARGET_PREDICATES, "A condition on a programme"),
    ON_PAIR: (PAIR_PREDICATES, "A condition on an outcome, the programme and the course that it is to replace"),
}
"""The kinds of condition, each with the predicates that it knows."""

ASKED = {
    "kind": "The outcome is of this kind",
    "code": "The issuer's code of it is this; case and width don't count",
    "title": "Its title is this; case, width, punctuation and the writing of ordinals don't count",
    "issuer": "The institution with this code issued it",
    "category": "The issuer's category of it is this; case and width don't count",
    "programme": "The programme or major in which it was earned is this; case and width don't count",
    "scheme": "The scheme of its claimed credits has this code",
    "level": "Its level is this (case and width don't count), or lies between these numbers, both inclusive",
    "score": "Its score is on this scale and is one of these grades, or lies between these numbers, both inclusive",
    "hours": "Its hours lie between these, both inclusive",
    "credits": "The credits that its issuer claims lie between these, both inclusive",
    "completed": "It was completed between these days, both inclusive",
    "started": "It was begun between these days, both inclusive",
    "applied": "It was handed in between these days, both inclusive",
    "completed_within_years": "It was completed at most so many years before it was handed in",
    "age": "The learner's age in whole years lies between these, both inclusive; an unknown age fulfils nothing",
    "recognised": "The credits recognised for it lie between these, both inclusive",
    "recognised_scheme": "The credits recognised for it are of this scheme",
    "target_institution": "The accepting institution has this code",
    "target_programme": "The programme has this code; case and width don't count",
    "target_scheme": "The programme counts in this scheme",
    "target_attribute": "Attributes of the programme, by name, are these; case and width don't count",
    "target_total": "The credits of the programme lie between these, both inclusive",
    "target_code": "The course has this code; case and width don't count",
    "target_title": "The course has this title; compared as titles of outcomes are",
    "target_category": "The course is of this category; case and width don't count",
    "target_credits": "The credits of the course lie between these, both inclusive",
    "same_title": "The course and the outcome have the same title",
}
"""What each predicate asks, for people."""

COMBINED = ("all", "any", "not", "at_least")
"""How conditions combine."""


def definitions() -> dict[str, Schema]:
    """Return the conditions, and each predicate by itself; both call for a description of every predicate."""
    predicates = {**OUTCOME_PREDICATES, **TARGET_PREDICATES, **PAIR_PREDICATES}
    found = {name: _condition(name, known, told) for name, (known, told) in _CONDITIONS.items()}
    return found | {f"asks_{name}": _predicate(name, predicates[name]) for name in predicates}


def _condition(name: str, known: Predicates, description: str) -> Schema:
    """Return a condition: all fields of it must hold."""
    told = f"{description}: all that stands in it must hold. Conditions nest up to {DEPTH_MAX} deep"
    inner = reference(name)
    combined = {
        "all": listed("All of these hold", inner, LIST_MAX),
        "any": listed("At least one of these holds", inner, LIST_MAX),
        "not": reference(name, "This does not hold; a fact that is not there fulfils no predicate"),
        "at_least": fields(
            "So many of these hold",
            {"n": whole("How many", 1, LIST_MAX), "of": listed("Of which", inner, LIST_MAX)},
        ),
    }
    asked = {predicate: reference(f"asks_{predicate}") for predicate in known}
    return {
        "title": description.removeprefix("A ").capitalize(),
        "description": told,
        "type": "object",
        "properties": {**asked, **{name: combined[name] for name in COMBINED}},
        "additionalProperties": False,
        "minProperties": 1,
    }


def _predicate(name: str, reader: Callable[..., object]) -> Schema:
    """Return a predicate: as the table of those with a shape of their own says, else as its reader reads."""
    told = ASKED[name]
    if name in _OWN:
        return {"title": name, **_OWN[name](told)}
    assert reader in (one_of_at, between_at), f"the predicate {name} has a shape of its own; add it to _OWN"
    return {"title": name, **(_words(told, _word(name)) if reader is one_of_at else _between(told))}


def _word(name: str) -> Schema:
    """Return one value of a text fact."""
    if name == "kind":
        return choice("A kind", Kind)
    if name in {"issuer", "scheme", "target_institution", "target_scheme"}:
        return text("A code", NAME_MAX)
    return text("A value", TEXT_MAX if name in {"title", "target_title"} else WORD_MAX)


def _words(description: str, word: Schema) -> Schema:
    """Return one value or a list of values, one of which is wanted."""
    return {"description": description, "anyOf": [word, listed("One of these", word, LIST_MAX)]}


def _between(description: str) -> Schema:
    return fields(description, {}, _bounds()) | has_any("at_least", "at_most")


def _bounds() -> dict[str, Schema]:
    low, high = amount("At least", 0, HUNDREDTHS_MAX), amount("At most", 0, HUNDREDTHS_MAX)
    return {"at_least": low, "at_most": high}


def _level(description: str) -> Schema:
    words, numbers = _words(description, _word("level")), _between("Compared as numbers")
    return words | {"anyOf": [*words["anyOf"], numbers]}


def _score(description: str) -> Schema:
    grades = listed("One of these grades, instead of bounds", text("A grade", WORD_MAX), LIST_MAX)
    required = {"scale": text("The scale; scores on others fulfil nothing", WORD_MAX)}
    bounded = {"properties": {"in": {"type": "null"}}, **has_any("at_least", "at_most")}
    graded = has("in")
    graded["properties"] |= {"at_least": {"type": "null"}, "at_most": {"type": "null"}}
    return fields(description, required, {**_bounds(), "in": grades}) | {"anyOf": [bounded, graded]}


def _during(description: str) -> Schema:
    days = {"from": day("The first day"), "until": day("The last day")}
    return fields(description, {}, days) | has_any("from", "until")


def _age(description: str) -> Schema:
    ages = {"at_least": whole("At least", 0, AGE_MAX), "at_most": whole("At most", 0, AGE_MAX)}
    return fields(description, {}, ages) | has_any("at_least", "at_most")


def _attributes(description: str) -> Schema:
    return entries(description, _words("Its value", _word("target_attribute")), conversion_predicates.LIST_MAX)


_OWN: dict[str, Callable[[str], Schema]] = {
    "level": _level,
    "score": _score,
    "completed": _during,
    "started": _during,
    "applied": _during,
    "completed_within_years": lambda told: whole(told, 1, YEARS_MAX),
    "age": _age,
    "target_attribute": _attributes,
    "same_title": lambda told: {"description": told, "type": "boolean", "const": True},
}
"""Predicates that are neither a text among some nor a number between two, with their shapes."""
