"""The schema of the situations that tests of conversion tell: a programme, outcomes, and what was converted before."""

from creditbank.core.conversion.situation import AGE_MAX, COURSES_MAX, EARLIER_MAX, HOLDINGS_MAX
from creditbank.core.credit import HUNDREDTHS_MAX
from creditbank.core.rules.document import NAME_MAX
from creditbank.core.rules.subject import WORD_MAX
from creditbank.formats.ruleset_schema.shapes import (
    Schema,
    amount,
    day,
    entries,
    fields,
    flag,
    listed,
    reference,
    text,
    whole,
)


def definitions() -> dict[str, Schema]:
    """Return the definitions by name."""
    return {
        "situation": {"title": "Situation", **_situation()},
        "programme": {"title": "Programme", **_programme()},
        "course": {"title": "Course", **_course()},
        "holding": {"title": "Recognised outcome", **_holding()},
        "earlier": {"title": "Earlier conversion", **_earlier()},
    }


def _situation() -> Schema:
    outcomes = listed("The outcomes that the learner holds", reference("holding"), HOLDINGS_MAX, 0)
    codes = text("The code of a course", NAME_MAX)
    required = {
        "applied_on": day("The day of application"),
        "programme": reference("programme", "The programme"),
        "outcomes": outcomes,
    }
    optional = {
        "age": whole("The learner's age in whole years", 0, AGE_MAX),
        "courses": listed("The courses asked for; all of the programme if left out", codes, COURSES_MAX, 0),
        "toward_programme": flag("Whether credits may count toward the programme as a whole"),
        "earlier": listed("What was converted before", reference("earlier"), EARLIER_MAX, 0),
    }
    return fields("What a conversion is judged on", required, optional)


def _programme() -> Schema:
    required = {
        "institution": text("The code of its institution", NAME_MAX),
        "code": text("Its code", NAME_MAX),
        "title": text("Its title"),
        "scheme": text("The scheme in which it counts", NAME_MAX),
        "total_credits": amount("Its credits", 1, HUNDREDTHS_MAX),
    }
    asked = amount("Credits", 0, HUNDREDTHS_MAX)
    optional = {
        "courses": listed("Its courses", reference("course"), COURSES_MAX, 0),
        "category_credits": entries("The credits asked for in a category", asked, COURSES_MAX, 0),
        "attributes": entries("What rules may ask of it", text("A value", WORD_MAX), COURSES_MAX, 0),
    }
    return fields("A programme of an accepting institution", required, optional)


def _course() -> Schema:
    required = {
        "code": text("Its code", NAME_MAX),
        "title": text("Its title"),
        "credits": amount("Its credits", 1, HUNDREDTHS_MAX),
    }
    return fields("A course of a programme", required, {"category": text("The programme's category of it", WORD_MAX)})


def _holding() -> Schema:
    required = {"id": text("Its name in the test", NAME_MAX), "facts": reference("facts", "The outcome")}
    optional = {
        "scheme": text("The scheme of its credits", NAME_MAX),
        "recognised": amount("The credits recognised for it", 0, HUNDREDTHS_MAX) | {"default": "0.00"},
        "available": amount("Those neither held nor converted; all if left out", 0, HUNDREDTHS_MAX),
        "valid_until": day("The last day on which it can be used"),
        "used_in": text("The conversion that it is part of already", NAME_MAX),
    }
    return fields("An outcome with the credits that it brought", required, optional)


def _earlier() -> Schema:
    required = {
        "conversion": text("The conversion's name in the test", NAME_MAX),
        "institution": text("The code of the accepting institution", NAME_MAX),
        "programme": text("The code of the programme", NAME_MAX),
        "credits": amount("The credits that were converted", 0, HUNDREDTHS_MAX),
        "outcome": text("The outcome that was used", NAME_MAX),
        "facts": reference("facts", "The facts of that outcome"),
    }
    toward = reference("course", "The course that was replaced; the programme as a whole if left out")
    return fields("What was converted before", required, {"course": toward})
