"""The schema of rule sets of recognition: rules with their awards, and tests."""

from collections.abc import Callable

from creditbank.core.credit import HUNDREDTHS_MAX, Rounding
from creditbank.core.rules.award_parsing import (
    FACTOR_HUNDREDTHS_MAX,
    LEVELS_MAX,
    MINUTES_MAX,
    PER_CREDIT_HUNDREDTHS_MAX,
    STEP_HUNDREDTHS_MAX,
    STEPS_MAX,
)
from creditbank.core.rules.awards import AWARD_HUNDREDTHS_MAX
from creditbank.core.rules.parsing import RULES_MAX, TESTS_MAX, VALID_YEARS_MAX
from creditbank.core.rules.ruleset import VersionDate
from creditbank.core.rules.subject import WORD_MAX
from creditbank.formats.ruleset_schema.conditions import ON_OUTCOME
from creditbank.formats.ruleset_schema.heading import RULE_ID, head, named_part
from creditbank.formats.ruleset_schema.shapes import (
    Schema,
    amount,
    choice,
    entries,
    fields,
    listed,
    reference,
    text,
    whole,
)

KIND = "recognition"


def definitions() -> dict[str, Schema]:
    """Return the definitions by name."""
    return {
        "recognition_set": {"title": "Rule set of recognition", **_ruleset()},
        "recognition_rule": {"title": "Rule of recognition", **_rule()},
        "award": {"title": "Award", **_award()},
        "recognition_test": {"title": "Test of recognition", **_example()},
    }


def _ruleset() -> Schema:
    told = "The day of an outcome that says which version applies: `completed`, or `applied`, when it was handed in"
    read = head(KIND, choice(told, VersionDate)) | {
        "applies_to": reference(ON_OUTCOME, "The outcomes of which the set speaks at all"),
        "rules": listed("The rules", reference("recognition_rule"), RULES_MAX),
        "tests": listed("What must come out before the set can be published", reference("recognition_test"), TESTS_MAX),
    }
    optional = {name: read.pop(name) for name in ("valid_until", "priority", "applies_to", "choose")}
    return fields("Which learning outcomes are worth how many credits", read, optional)


def _rule() -> Schema:
    named = named_part(RULE_ID)
    required = {
        "id": named.pop("id"),
        "when": reference(ON_OUTCOME, "The outcomes to which it applies"),
        "award": reference("award", "What they are worth"),
    }
    optional = {
        **named,
        "level": text("The level that is recognised, instead of the outcome's own", WORD_MAX),
        "category": text("The category that is recognised, instead of the outcome's own", WORD_MAX),
        "valid_years": whole("How many years from completion the credit can be used", 1, VALID_YEARS_MAX),
    }
    return fields("What outcomes of some sort are worth", required, optional)


def _example() -> Schema:
    expected = fields(
        "What comes out when the set is asked alone; what is left out is not compared",
        {"credits": amount("The credits", 0, AWARD_HUNDREDTHS_MAX)},
        {
            "rule": text("The id of the rule that counts", WORD_MAX),
            "level": text("The level", WORD_MAX),
            "category": text("The category", WORD_MAX),
        },
    )
    test_id = text("The name of the test; unique", WORD_MAX)
    given = reference("facts", "The outcome")
    return fields("An outcome and what it is worth", {"id": test_id, "given": given, "expect": expected})


def _award() -> Schema:
    return {
        "description": "How credits are counted, in exactly one way",
        "type": "object",
        "properties": {name: shape() for name, shape in AWARDS.items()},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }


def _credits(description: str) -> Schema:
    return amount(description, 1, AWARD_HUNDREDTHS_MAX)


def _hours() -> Schema:
    optional = {
        "per_credit": amount("Hours for one credit", 1, PER_CREDIT_HUNDREDTHS_MAX),
        "minutes_per_hour": whole("The length of the outcome's hours", 1, MINUTES_MAX),
        "step": amount("The smallest step of credits", 1, STEP_HUNDREDTHS_MAX),
        "rounding": choice("How the quotient comes to a step", Rounding),
    }
    return fields("From the outcome's hours; what is left out is the scheme's", {}, optional)


def _tiers() -> Schema:
    step = fields(
        "A tier; they ascend",
        {"at_least": amount("The least score", 0, HUNDREDTHS_MAX), "credits": _credits("Its credits")},
    )
    required = {
        "scale": text("The scale of the score", WORD_MAX),
        "steps": listed("The tiers", step, STEPS_MAX),
    }
    return fields("By the highest tier that the score reaches, and no other", required)


def _levels() -> Schema:
    by_level = entries("By the outcome's level or rank", _credits("Credits of the level"), LEVELS_MAX)
    return by_level | {"propertyNames": text("A level", WORD_MAX)}


def _claimed() -> Schema:
    optional = {
        "factor": amount("What they are multiplied with", 1, FACTOR_HUNDREDTHS_MAX) | {"default": "1.00"},
        "at_most": _credits("And then at most so many"),
    }
    return fields("The credits that the issuer claims, rounded as the scheme says", {}, optional)


AWARDS: dict[str, Callable[[], Schema]] = {
    "fixed": lambda: _credits("The same credits for every outcome"),
    "hours": _hours,
    "tiers": _tiers,
    "levels": _levels,
    "claimed": _claimed,
    "points": lambda: fields("The credits that the issuer claims, times the outcome's numeric level", {}),
}
"""The ways of counting, each with its shape."""
