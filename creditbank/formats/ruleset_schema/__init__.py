"""The JSON Schema of rule sets (draft 2020-12), built from the tables and bounds by which the parsers read them."""

from creditbank.core.rules.condition_parsing import DEPTH_MAX, TERMS_MAX
from creditbank.core.rules.document import NESTING_MAX, VALUES_MAX
from creditbank.core.rules.parsing import KINDS
from creditbank.formats.ruleset_schema import (
    conditions,
    conversion,
    heading,
    qualification,
    recognition,
    situation,
)
from creditbank.formats.ruleset_schema.shapes import Schema, choice, reference

_ABOUT = (
    "Everything that is checked place by place. Only the bank itself checks what concerns a set as a whole: ids that "
    "come twice, rules, courses, levels and scales that are named but don't exist, "
    "levels that require each other, what can never be met, bounds and days that are crossed, days that the "
    f"calendar doesn't have, tiers and terms that don't ascend, conditions over {DEPTH_MAX} deep, more than "
    f"{TERMS_MAX:,} terms, {VALUES_MAX:,} values or {NESTING_MAX} levels of JSON, names that ask for patterns, and the "
    "set's own tests."
)


def ruleset_schema() -> Schema:
    """Return the schema as a JSON document; all kinds of rule set are in it, told apart by `kind`.

    What it refuses, the bank refuses. What it takes can still be refused for what a schema can't say.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rule set",
        "description": _ABOUT,
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": choice("What the rules are about", KINDS)},
        "if": {"properties": {"kind": {"const": conversion.KIND}}, "required": ["kind"]},
        "then": reference("conversion_set"),
        "else": {
            "if": {"properties": {"kind": {"const": qualification.KIND}}, "required": ["kind"]},
            "then": reference("qualification_set"),
            "else": reference("recognition_set"),
        },
        "$defs": {
            **recognition.definitions(),
            **conversion.definitions(),
            **qualification.definitions(),
            **conditions.definitions(),
            **heading.definitions(),
            **situation.definitions(),
        },
    }
