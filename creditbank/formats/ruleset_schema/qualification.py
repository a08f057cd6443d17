"""The schema of rule sets of qualification: levels with their parts, scales, who awards, and tests with records."""

from creditbank.core.credit import HUNDREDTHS_MAX
from creditbank.core.qualification.record import HELD_MAX, OUTCOMES_MAX
from creditbank.core.rules.document import NAME_MAX
from creditbank.core.rules.qualification_parsing import (
    AWARDERS_MAX,
    LEVELS_MAX,
    NAMED_MAX,
    NAMES_MAX,
    OPTIONAL,
    REQUIRED,
    SCALES_MAX,
    STEPS_MAX,
    TESTS_MAX,
    VALID_YEARS_MAX,
)
from creditbank.core.rules.qualification_parts import ACCEPTED_MAX, COUNT_MAX, KINDS, PARTS_MAX
from creditbank.core.rules.subject import AGE_MAX, WORD_MAX
from creditbank.formats.ruleset_schema.conditions import ON_OUTCOME
from creditbank.formats.ruleset_schema.heading import ARTICLE, head
from creditbank.formats.ruleset_schema.shapes import (
    Schema,
    amount,
    choice,
    code,
    day,
    entries,
    fields,
    flag,
    has,
    has_any,
    listed,
    reference,
    text,
    whole,
)

KIND = "qualification"


def definitions() -> dict[str, Schema]:
    """Return the definitions by name."""
    return {
        "qualification_set": {"title": "Rule set of qualification", **_ruleset()},
        "level": {"title": "Level", **_level()},
        "part": {"title": "Part of a level", **_part()},
        "accepted": {"title": "Accepted certificates", **_accepted()},
        "scale": {"title": "Scale of certificates", **_scale()},
        "awarders": {"title": "Who awards", **_awarders()},
        "qualification_test": {"title": "Test of qualification", **_example()},
        "learning_record": {"title": "Record of a learner", **_record()},
        "credited": {"title": "Outcome on the record", **_credited()},
    }


def _ruleset() -> Schema:
    told = "Awards are judged by the version of the day on which they are asked for"
    read = head(KIND, choice(told, ["applied"])) | {
        "award": reference("awarders", "Who awards"),
        "levels": listed("The levels of the ladder", reference("level"), LEVELS_MAX),
        "scales": listed("The scales on which certificates stand", reference("scale"), SCALES_MAX),
        "tests": listed(
            "What must come out before the set can be published", reference("qualification_test"), TESTS_MAX
        ),
    }
    required, optional = {name: read[name] for name in REQUIRED}, {name: read[name] for name in OPTIONAL}
    return fields("What a learner has to have for each level of a qualification", required, optional)


def _level() -> Schema:
    required = {
        "id": code("The name of the level within its set; unique"),
        "title": reference("title", "What the level is called"),
        "parts": listed("All that is asked for", reference("part"), PARTS_MAX),
    }
    requires = listed("Levels that have to be held or reached as well", code("The id of a level"), LEVELS_MAX)
    optional = {
        "article": text(ARTICLE, WORD_MAX),
        "requires": requires,
        "valid_years": whole("How many years an award lasts; for life if left out", 1, VALID_YEARS_MAX),
    }
    return fields("A level of the ladder", required, optional)


def _part() -> Schema:
    parts = listed("The parts", reference("part"), PARTS_MAX)
    count = {"n": whole("How many of them", 1, PARTS_MAX), "of": parts}
    leaf = fields(
        "Something that is asked for, in exactly one way",
        {
            "id": text("The name of the part within its level; unique", NAME_MAX),
            "title": reference("title", "What a learner reads where it is missing"),
        },
        {"article": text(ARTICLE, WORD_MAX), **_asked()},
    )
    return {
        "description": "Something that is asked for, or a group of parts of which all, any or a number are",
        "anyOf": [
            leaf | {"oneOf": [has(name) for name in KINDS]},
            fields("All of the parts", {"all": parts}),
            fields("Any one of the parts", {"any": parts}),
            fields("A number of the parts", {"at_least": fields("How many of which", count)}),
        ],
    }


def _asked() -> dict[str, Schema]:
    """Return what a part can ask for, by name."""
    where = reference(ON_OUTCOME, "The outcomes that count; all if left out")
    needed = reference(ON_OUTCOME, "The outcomes that count")
    excluded = reference(ON_OUTCOME, "The outcomes that keep the level back")
    years = {name: whole("Years of age, inclusive", 0, AGE_MAX) for name in ("at_least", "at_most")}
    scheme = code("Their scheme; the set's own if left out")
    count = whole("How many; one if left out", 1, COUNT_MAX)
    shapes = {
        "credits": fields(
            "Recognised credits whose last day is not over",
            {"at_least": amount("How many", 1, HUNDREDTHS_MAX)},
            {"scheme": scheme, "where": where},
        ),
        "outcomes": fields("Outcomes on record", {"where": needed}, {"at_least": count}),
        "certificate": listed("One certificate of any of these", reference("accepted"), ACCEPTED_MAX),
        "hours": fields("Hours", {"at_least": amount("How many", 1, HUNDREDTHS_MAX)}, {"where": where}),
        "age": fields("The learner's age; an unknown one is none", {}, years) | has_any(*years),
        "exclude": fields("No such outcome", {"where": excluded}),
    }
    return {name: shapes[name] for name in KINDS}


def _accepted() -> Schema:
    required = {
        "scale": text("The id of the scale", NAME_MAX),
        "at_least": text("The lowest level that is accepted", WORD_MAX),
    }
    where = reference(ON_OUTCOME, "Which certificates of the scale; all if left out")
    return fields("Certificates of a scale from a level on", required, {"where": where})


def _scale() -> Schema:
    name = text("A level", WORD_MAX)
    step = {"description": "A level, or its names", "anyOf": [name, listed("Names of one level", name, NAMES_MAX)]}
    required = {
        "id": text("The name of the scale within its set; unique", NAME_MAX),
        "title": reference("title", "What the scale is called"),
        "steps": listed("Its levels, the lowest first", step, STEPS_MAX),
    }
    return fields("Levels of certificates in their order", required)


def _awarders() -> Schema:
    optional = {
        "by": listed("The institutions that may award", text("The code of an institution", NAME_MAX), AWARDERS_MAX),
        "automatic": flag("Whether it is awarded to whoever has all of it, without anybody's judgement"),
        "reviewed_by": text("The code of the institution that decides when sources of an award fail", NAME_MAX),
    }
    by_some = {"required": ["by"], "properties": {"by": {"type": "array"}, "automatic": {"enum": [False, None]}}}
    by_rules = has("reviewed_by") | {"properties": {"by": {"type": "null"}, "automatic": {"const": True}}}
    by_rules["properties"] |= has("reviewed_by")["properties"]
    by_rules["required"] = ["automatic", "reviewed_by"]
    return fields("Either institutions, or the rules themselves", {}, optional) | {"oneOf": [by_some, by_rules]}


def _example() -> Schema:
    names = listed("Ids of parts or levels", text("An id", WORD_MAX), NAMED_MAX, 0)
    expected = fields(
        "What comes out",
        {"levels": listed("The levels that are reached", text("The id of a level", WORD_MAX), NAMED_MAX, 0)},
        {"missing": entries("By level, exactly what is missing to it; others are not compared", names, LEVELS_MAX)},
    )
    test_id = text("The name of the test; unique", WORD_MAX)
    given = reference("learning_record", "The record")
    return fields("A learner's record and what it reaches", {"id": test_id, "given": given, "expect": expected})


def _record() -> Schema:
    required = {
        "on": day("The day on which it is asked"),
        "outcomes": listed("The outcomes that stand", reference("credited"), OUTCOMES_MAX, 0),
    }
    optional = {
        "age": whole("The learner's age in whole years", 0, AGE_MAX),
        "held": listed("The levels that were awarded before", code("The id of a level"), HELD_MAX, 0),
    }
    return fields("What a qualification is judged on", required, optional)


def _credited() -> Schema:
    required = {"id": text("Its name in the test", NAME_MAX), "facts": reference("facts", "The outcome")}
    optional = {
        "scheme": text("The scheme of its credits", NAME_MAX),
        "recognised": amount("The credits recognised for it", 0, HUNDREDTHS_MAX) | {"default": "0.00"},
        "level": text("The level that was recognised, where it isn't the outcome's own", WORD_MAX),
        "category": text("The category that was recognised, where it isn't the outcome's own", WORD_MAX),
        "valid_until": day("The last day of its credits"),
    }
    return fields("An outcome with the credits that it brought", required, optional)
