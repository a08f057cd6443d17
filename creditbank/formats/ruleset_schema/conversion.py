"""The schema of rule sets of conversion: rules, limits, review and tests."""

from creditbank.core.credit import HUNDREDTHS_MAX
from creditbank.core.rules.awards import AWARD_HUNDREDTHS_MAX
from creditbank.core.rules.conversion_parsing import (
    LIMITS_MAX,
    OPTIONAL,
    PARTNERS_MAX,
    RATE_HUNDREDTHS_MAX,
    REQUIRED,
    RULES_MAX,
    TERMS_MAX,
    TESTS_MAX,
    VALID_YEARS_MAX,
)
from creditbank.core.rules.conversion_set import Across, Measure, Over, TieBreak, Toward
from creditbank.core.rules.document import NAME_MAX
from creditbank.core.rules.limit_parsing import COUNT_MAX, GROUPS, PERCENT_MAX
from creditbank.core.rules.review_parsing import DAYS_MAX, ROLES, STEPS_MAX
from creditbank.core.rules.subject import WORD_MAX
from creditbank.formats.ruleset_schema.conditions import ON_OUTCOME, ON_PAIR, ON_TARGET
from creditbank.formats.ruleset_schema.heading import RULE_ID, head, named_part
from creditbank.formats.ruleset_schema.shapes import (
    MONTH_DAY,
    Schema,
    amount,
    choice,
    code,
    entries,
    fields,
    flag,
    has,
    listed,
    reference,
    text,
    whole,
)

KIND = "conversion"

_MONTH_DAY_CHARACTERS = len("03-01")


def definitions() -> dict[str, Schema]:
    """Return the definitions by name."""
    return {
        "conversion_set": {"title": "Rule set of conversion", **_ruleset()},
        "conversion_rule": {"title": "Rule of conversion", **_rule()},
        "exclusion": {"title": "Exclusion", **_exclusion()},
        "limit": {"title": "Limit", **_limit()},
        "bound": {"title": "Bound of a limit", **_bound()},
        "requirement": {"title": "Requirement", **_requirement()},
        "step": {"title": "Step of a review", **_step()},
        "appeal": {"title": "Appeal", **_appeal()},
        "reviewers": {"title": "Reviewers", **_reviewers()},
        "conversion_test": {"title": "Test of conversion", **_example()},
    }


def _ruleset() -> Schema:
    told = "Conversions are judged by the version of the day on which they are applied for"
    read = head(KIND, choice(told, ["applied"])) | _contents()
    required, optional = {name: read[name] for name in REQUIRED}, {name: read[name] for name in OPTIONAL}
    return fields("Which recognised outcomes count toward which courses or programmes", required, optional)


def _contents() -> dict[str, Schema]:
    rate = fields(
        "What a credit of another scheme is worth",
        {
            "from": code("The other scheme"),
            "rate": amount("Credits of the set's own scheme for one of the other", 1, RATE_HUNDREDTHS_MAX),
        },
    )
    terms = listed("The first days of the terms, in the order of the year", _month_day(), TERMS_MAX)
    breaks = "What decides between conversions with equally many credits, one after the other"
    return {
        "applies_to": reference(ON_TARGET, "The programmes of which the set speaks at all"),
        "rates": listed("Rates between schemes; above 1 none within one scheme", rate, LIMITS_MAX),
        "valid_years": whole("How many years from completion an outcome is taken", 1, VALID_YEARS_MAX),
        "calendar": fields("The academic year, which limits by term and year count in", {"terms": terms}),
        "rules": listed("The rules", reference("conversion_rule"), RULES_MAX),
        "exclusions": listed("What is never converted, whatever rules say", reference("exclusion"), LIMITS_MAX),
        "limits": listed("Bounds on what is converted", reference("limit"), LIMITS_MAX),
        "requirements": listed("Credits that the programme asks for", reference("requirement"), LIMITS_MAX),
        "tie_break": listed(breaks, choice("A tie-break", TieBreak), len(TieBreak)),
        "may_decline": flag("Whether the learner may decline parts", default=True),
        "review": listed(
            "The steps of the review in their order; without any it is decided at once", reference("step"), STEPS_MAX
        ),
        "appeal": reference("appeal", "Who hears an appeal against a rejection"),
        "tests": listed("What must come out before the set can be published", reference("conversion_test"), TESTS_MAX),
    }


def _month_day() -> Schema:
    told = "A day of the year, month first: 03-01"
    return {"description": told, "type": "string", "maxLength": _MONTH_DAY_CHARACTERS, "pattern": MONTH_DAY}


def _rule() -> Schema:
    named = named_part(RULE_ID)
    required = {"id": named.pop("id"), "when": reference(ON_PAIR, "Which outcome counts toward which course")}
    optional = {
        **named,
        "with": listed("Other outcomes that are used up with it, one each", reference(ON_OUTCOME), PARTNERS_MAX),
        "to": choice("What it converts into: a course, or credits of the programme as a whole", Toward)
        | {"default": Toward.COURSE.value},
        "spends_credits": flag("False where an outcome exempts whatever credits it has", default=True),
        "partial": flag("A course that the outcome can't fill is replaced in part", default=False),
        "joint": flag("Several outcomes add up to the credits of one course", default=False),
        "at_most": amount("What one outcome brings to one course at most", 1, AWARD_HUNDREDTHS_MAX),
    }
    toward_course = {"to": {"enum": [Toward.COURSE.value, None]}}
    spends = {"spends_credits": {"enum": [True, None]}}
    return fields("An outcome that counts toward a course or the programme", required, optional) | {
        "allOf": [
            {"if": has("joint", {"const": True}), "then": {"properties": toward_course | spends | _NO_PARTNERS}},
            {"if": has("to", {"const": Toward.PROGRAMME.value}), "then": {"properties": spends}},
        ]
    }


_NO_PARTNERS: dict[str, Schema] = {"with": {"type": "null"}}


def _exclusion() -> Schema:
    named = named_part("The name of the exclusion within its set; unique")
    when = reference(ON_PAIR, "Which outcomes are never converted, or which courses never replaced")
    return fields("What is never converted", {"id": named.pop("id"), "when": when}, named)


def _limit() -> Schema:
    named = named_part("The name of the limit within its set; unique")
    required = {"id": named.pop("id"), "at_most": reference("bound", "How much")}
    optional = {
        **named,
        "where": reference(ON_PAIR, "Which conversions count; all if left out"),
        "per": listed("For each of what it counts anew", choice("A group", GROUPS), len(GROUPS)),
        "across": choice("Which earlier conversions count as well", Across) | {"default": Across.PROGRAMME.value},
        "over": choice("What becomes of what would pass it", Over) | {"default": Over.REFUSE.value},
    }
    by_category = has("per", {"type": "array", "contains": {"const": "category"}})
    counted = {"anyOf": [has("at_most", has(name)) for name in (Measure.OUTCOMES.value, Measure.COURSES.value)]}
    refused = {"properties": {"over": {"enum": [Over.REFUSE.value, None]}}}
    return fields("A bound on what is converted", required, optional) | {
        "allOf": [
            {"if": has("at_most", has("of", {"const": "category"})), "then": by_category},
            {"if": counted, "then": refused},
        ]
    }


def _bound() -> Schema:
    measures = {
        "credits": amount("Credits", 1, HUNDREDTHS_MAX),
        "outcomes": whole("A number of outcomes", 1, COUNT_MAX),
        "courses": whole("A number of courses", 1, COUNT_MAX),
        "percent": amount("A percentage", 1, PERCENT_MAX),
    }
    of = choice("Of what: the credits of the programme, or of the category", ("programme", "category"))
    return fields("How much at most, in exactly one measure", {}, measures | {"of": of | {"default": "programme"}}) | {
        "oneOf": [has(name) for name in measures],
        "if": has("of"),
        "then": has("percent"),
    }


def _requirement() -> Schema:
    named = named_part("The name of the requirement within its set; unique")
    required = {"id": named.pop("id"), "at_least": amount("The credits asked for", 1, HUNDREDTHS_MAX)}
    where = reference(ON_PAIR, "Which conversions count toward it; all if left out")
    return fields("Credits that the programme asks for in the end", required, named | {"where": where})


def _step() -> Schema:
    required = {
        "id": text("The name of the step; unique", NAME_MAX),
        "by": reference("reviewers", "Who decides"),
        "days": whole("Within how many days", 1, DAYS_MAX),
    }
    late = "Who may decide as well when the days are over; without it the application lapses"
    optional = {
        "title": reference("title", "What the step is called"),
        "escalates_to": reference("reviewers", late),
    }
    return fields("Who decides within how many days", required, optional)


def _appeal() -> Schema:
    required = {
        "by": reference("reviewers", "Who hears it"),
        "within_days": whole("Within how many days it can be made", 1, DAYS_MAX),
        "days": whole("Within how many days it is decided", 1, DAYS_MAX),
    }
    return fields("Who hears an appeal against a rejection", required)


def _reviewers() -> Schema:
    told = "The accepting institution, the one above it, the outcome's issuer, or the authority"
    optional = {
        "institution": text("The code of an institution", NAME_MAX),
        "role": choice(told, ROLES),
    }
    return fields("Either an institution or a role", {}, optional) | {"oneOf": [has(name) for name in optional]}


def _example() -> Schema:
    def words(description: str) -> Schema:
        return listed(description, text("A code or an id", WORD_MAX), RULES_MAX, 0)

    reason = text("A reason, such as `limit:` with the id of the limit", WORD_MAX)
    expected = fields(
        "What comes out; what is left out is not compared",
        {"credits": amount("The credits that are converted", 0, HUNDREDTHS_MAX)},
        {
            "courses": words("The codes of the courses that are replaced"),
            "outcomes": words("The ids of the outcomes that are used"),
            "reasons": entries("Why courses and outcomes are left out, by code or id", reason, RULES_MAX),
            "missing": words("The ids of the requirements that are not met yet"),
        },
    )
    test_id = text("The name of the test; unique", WORD_MAX)
    given = reference("situation", "The situation")
    return fields("A situation and what comes of it", {"id": test_id, "given": given, "expect": expected})
