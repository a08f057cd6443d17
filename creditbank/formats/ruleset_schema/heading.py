"""The schema of what every rule set begins with, and of the facts of an outcome that its tests tell."""

from creditbank.core.credit import HUNDREDTHS_MAX
from creditbank.core.outcome import Kind
from creditbank.core.rules.heading import PRIORITY, PRIORITY_MAX, VERSION_MAX
from creditbank.core.rules.ruleset import Choice
from creditbank.core.rules.subject import AGE_MAX, WORD_MAX
from creditbank.formats.ruleset_schema.shapes import (
    Schema,
    amount,
    choice,
    code,
    day,
    fields,
    reference,
    text,
    whole,
)

RULE_ID = "The name of the rule within its set; unique"
ARTICLE = "The article of the source that says so"


def definitions() -> dict[str, Schema]:
    """Return the definitions by name."""
    titles = {"zh": text("The title in Chinese"), "en": text("The title in English")}
    source = fields(
        "The document that the rules encode",
        {"document": text("The document's title and number")},
        {"article": text("The articles of it that are encoded")},
    )
    return {
        "title": {"title": "Title"} | fields("A title in both languages", titles),
        "source": {"title": "Source"} | source,
        "facts": {"title": "Facts of an outcome", **_facts()},
    }


def head(kind: str, version_dates: Schema) -> dict[str, Schema]:
    """Return the fields that all kinds of rule set have in common, by name."""
    best = "the first among equals" if kind == "recognition" else "ties are broken by tie_break"
    told = f"What counts where there is a choice: `best`, the most credits ({best}), or `first`, in the given order"
    return {
        "code": code("The name of the set in the bank"),
        "version": whole("The version; a published one never changes", 1, VERSION_MAX),
        "kind": {"description": "What the rules are about", "type": "string", "enum": [kind]},
        "title": reference("title", "What the set is called"),
        "authority": text("Who answers for the rules"),
        "source": reference("source", "The document that the rules encode"),
        "valid_from": day("The first day on which the version applies"),
        "valid_until": day("The last day on which it applies, inclusive; without it it goes on"),
        "version_date": version_dates,
        "scheme": code("The credit scheme in which the set counts"),
        "priority": whole("The set with the highest is asked first", 0, PRIORITY_MAX) | {"default": PRIORITY},
        "choose": choice(told, Choice) | {"default": Choice.BEST.value},
    }


def named_part(description: str) -> dict[str, Schema]:
    """Return the fields by which a part of a set is named: all but the id may be left out."""
    return {
        "id": text(description, WORD_MAX),
        "article": text(ARTICLE, WORD_MAX),
        "title": reference("title", "How an explanation names it"),
    }


def _facts() -> Schema:
    """Return the schema of an outcome's facts as a test tells them."""

    def word(description: str) -> Schema:
        return text(description, WORD_MAX, may_be_empty=True)

    score = fields(
        "A result on its scale",
        {"value": text("The result as written", WORD_MAX), "scale": text("The name of its scale", WORD_MAX)},
    )
    required = {
        "kind": choice("What sort of learning it is", Kind),
        "title": text("The title"),
        "issuer": text("The code of the institution that issued it", WORD_MAX),
        "completed_on": day("The day on which it was completed"),
    }
    optional = {
        "applied_on": day("The day on which it was handed in; the day of completion if left out"),
        "started_on": day("The day on which it was begun"),
        "code": word("The issuer's code of it"),
        "category": word("The issuer's category of it"),
        "level": word("The level or rank"),
        "hours": amount("The hours", 0, HUNDREDTHS_MAX),
        "credits": amount("The credits that the issuer claims", 0, HUNDREDTHS_MAX),
        "scheme": word("The scheme of the claimed credits"),
        "score": score,
        "programme": word("The programme or major in which it was earned"),
        "age": whole("The learner's age in whole years", 0, AGE_MAX),
    }
    return fields("A learning outcome as rules see it", required, optional)
