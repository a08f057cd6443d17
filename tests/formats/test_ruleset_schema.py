"""The schema of rule sets says what the parsers do: all that they ask, and it refuses nothing that they take."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator, meta

from creditbank.core.conversion.situation import situation_from
from creditbank.core.credit import HUNDREDTHS_MAX, Rounding, decimal_text, parsed_hundredths
from creditbank.core.errors import Malformed, RulesetFaulty
from creditbank.core.outcome import Kind
from creditbank.core.qualification.record import record_from
from creditbank.core.rules import ConversionSet, RuleSet, award_parsing, parsed_ruleset
from creditbank.core.rules.conversion_predicates import PAIR_PREDICATES, TARGET_PREDICATES
from creditbank.core.rules.conversion_set import Across, Measure, Over, TieBreak, Toward
from creditbank.core.rules.document import Place, Reading
from creditbank.core.rules.limit_parsing import GROUPS
from creditbank.core.rules.review_parsing import ROLES
from creditbank.core.rules.ruleset import Choice, VersionDate
from creditbank.formats.ruleset_schema import ruleset_schema, shapes
from creditbank.formats.ruleset_schema.recognition import AWARDS
from tests.core import test_conversion_page as conversion_page
from tests.core import test_qualification_page as qualification_page
from tests.core import test_rules_page as rules_page
from tests.core.test_rules import document

ROOT = Path(__file__).parents[2]
IN_PRINT = ROOT / "api_docs" / "ruleset.schema.json"
SCHEMA = ruleset_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
PACKS = {
    f"{path.stem}: {one['code']} {one['version']}": one
    for path in sorted((ROOT / "creditbank" / "rulepacks").glob("*.json"))
    for one in json.loads(path.read_text("utf-8"))["rulesets"]
}

STRUCTURAL = {
    *("wrong_type", "missing", "unknown_field", "out_of_range", "too_long", "too_many", "empty", "bad_character"),
    *("not_an_option", "bad_code", "bad_decimal", "bad_date", "no_bounds", "contradiction", "contradicts"),
    *("several_awards", "one_measure", "one_reviewer", "needs_category"),
    *("one_part", "one_awarder", "needs_reviewer"),
}
"""Codes of faults that the schema finds as well; of dates those that no month has."""

OF_THE_WHOLE = {
    *("bounds_crossed", "not_ascending", "duplicate_id", "duplicate_level", "duplicate_rate", "cannot_be_met"),
    *("unknown_rule", "unknown_course", "mints_credit", "ends_before_start", "no_patterns"),
    *("too_deep", "too_large", "too_many_terms", "unknown_name", "circular", "duplicate_step"),
}
"""Codes of faults that a schema can't find."""

WRONG: list[Any] = [
    *(None, True, False, -1, 0, 3, 1.5, 10**9, [], {}, [None], [[]], {"no_such_field": 1}),
    *("", " \t\u3000", "x", "no such option", "No-Code", "a" * 65, "a" * 201, "a" * 1001, "a\0b"),
    *("0", "0.00", "0.01", "1.234", "-1", "100.01", "10000.01", "99999999.99", "100000000", "2020-13-01", "02-29"),
]
"""What is put in the place of every value, one after the other."""

MUTATIONS_MIN = 3000


def everything() -> list[dict[str, Any]]:
    """Return a rule set of each kind in which every construct of the language stands, those of the pages among them."""
    score = {"value": "85", "scale": "100"}
    facts = {"kind": "course", "title": "高等数学", "issuer": "cqdx", "completed_on": "2024-06-30", "age": 30}
    facts |= {"applied_on": "2024-07-01", "started_on": "2024-03-01", "code": "M1", "category": "", "level": None}
    facts |= {"hours": "48", "credits": "3", "scheme": "x", "score": score, "programme": "会计"}
    named = {"article": "第一条", "title": {"zh": "一", "en": "one"}, "level": "1", "category": "x", "valid_years": 50}
    recognition = document(
        named,
        *({"when": json.loads(block)} for block in rules_page.blocks("Conditions")),
        *({"award": json.loads(block)} for block in rules_page.blocks("Awards")),
        tests=[{"id": "t", "given": facts, "expect": {"credits": "0", "rule": "r0", "level": "1", "category": None}}],
    )
    recognition |= {"valid_until": None, "priority": 0, "choose": "first", "applies_to": {"issuer": "cqdx"}}
    recognition["source"]["article"] = "第二条"
    conversion = copy.deepcopy(conversion_page.WHOLE)
    for name, block in conversion_page.BLOCKS:
        if name:
            conversion_page.PLACES[name](conversion, json.loads(block))
    whens = [json.loads(block) for name, block in conversion_page.BLOCKS if name == "when"]
    conversion["rules"] += [{"id": f"r{number}", "when": when} for number, when in enumerate(whens)]
    for asked, whole in (({"target_institution": "cqou"}, conversion), ({"same_title": True}, conversion["rules"][-1])):
        combined = {"all": [asked], "any": [asked], "not": asked, "at_least": {"n": 1, "of": [asked]}}
        whole["when" if "when" in whole else "applies_to"] = asked | combined
    conversion |= {"valid_until": "2030-12-31", "priority": 1, "choose": "best", "valid_years": 9, "may_decline": False}
    given = conversion["tests"][0]["given"]
    given["programme"] |= {"category_credits": {"选修": "8"}, "attributes": {"discipline": "x"}}
    given["outcomes"][0] |= {"available": "1", "valid_until": None, "used_in": None}
    earlier = {"conversion": "c", "institution": "cqou", "programme": "p", "credits": "1", "outcome": "o"}
    course = {"code": "c", "title": "x", "credits": "1", "category": "y"}
    given |= {"age": 60, "toward_programme": True, "earlier": [{**earlier, "course": course, "facts": facts}]}
    conversion["tests"][0]["expect"] |= {"outcomes": [], "missing": ["major"]}
    return [recognition, conversion, _qualification(facts)]


def _qualification(facts: dict[str, Any]) -> dict[str, Any]:
    """Return a set of qualification of one level with every kind of part."""
    whole = copy.deepcopy(qualification_page.WHOLE)
    level = whole["levels"][0]
    parts = [json.loads(block) for name, block in qualification_page.BLOCKS if name == "part"]
    level["parts"] += [part | ({"id": f"p{number}"} if "id" in part else {}) for number, part in enumerate(parts)]
    level |= {"article": "第一条", "valid_years": 5, "requires": ["base"]}
    level["parts"][0]["article"] = "第二条"
    base = {"id": "base", "title": {"zh": "基础", "en": "base"}, "parts": copy.deepcopy(level["parts"][:1])}
    credited = {"id": "x", "facts": facts, "scheme": "x", "recognised": "1", "level": "2", "category": "c"}
    given = {"on": "2026-01-01", "age": 60, "held": ["base"], "outcomes": [credited | {"valid_until": "2030-12-31"}]}
    expected = {"levels": ["first"], "missing": {"first": ["study"]}}
    return whole | {
        "valid_until": None,
        "levels": [level, base],
        "award": {"by": ["cqou"], "automatic": False, "reviewed_by": "cq-bank"},
        "tests": [{"id": "t", "given": given, "expect": expected}],
    }


def examples() -> list[dict[str, Any]]:
    """Return every example of the pages, in a whole set where it is a part of one."""
    (whole,) = (json.loads(block) for block in rules_page.blocks("A whole set"))
    found = [whole, conversion_page.WHOLE]
    found += [document({"when": json.loads(block)}) for block in rules_page.blocks("Conditions")]
    found += [document({"award": json.loads(block)}) for block in rules_page.blocks("Awards")]
    for name, block in conversion_page.BLOCKS:
        if name:
            found.append(copy.deepcopy(conversion_page.WHOLE))
            conversion_page.PLACES[name](found[-1], json.loads(block))
    found.append(qualification_page.WHOLE)
    for name, block in qualification_page.BLOCKS:
        if name:
            found.append(copy.deepcopy(qualification_page.WHOLE))
            qualification_page.PLACES[name](found[-1], json.loads(block))
    return found


EVERYTHING, EXAMPLES = everything(), examples()


def errors_of(value: object) -> list[str]:
    return [f"{error.instance_path}: {error.message[:200]}" for error in VALIDATOR.iter_errors(value)]


def faults_of(value: object) -> set[str]:
    """Return the codes of what the bank refuses in a rule set, the situations and records of its tests among it."""
    try:
        ruleset = parsed_ruleset(value)
    except RulesetFaulty as refused:
        return {fault.code for fault in refused.faults}
    found = set()
    for test in () if isinstance(ruleset, RuleSet) else ruleset.tests:
        try:
            (situation_from if isinstance(ruleset, ConversionSet) else record_from)(test.given)
        except Malformed as refused:
            found |= {fault.code for fault in refused.faults}
    return found


def test_the_schema_in_print_is_the_one_of_the_program() -> None:
    mend = "`make openapi` (`creditbank ruleset schema > api_docs/ruleset.schema.json`) mends it"
    assert IN_PRINT.read_text("utf-8") == json.dumps(SCHEMA, ensure_ascii=False, indent=2) + "\n", mend


def test_the_schema_is_one_and_each_of_its_definitions_is_used_and_described() -> None:
    meta.validate(SCHEMA)
    used = set(re.findall(r'"\$ref": "#/\$defs/(\w+)"', json.dumps(SCHEMA)))
    assert used == SCHEMA["$defs"].keys()
    assert [name for name, one in SCHEMA["$defs"].items() if not (one.get("title") and one.get("description"))] == []
    assert [told for _, told in properties() if "$ref" not in told and not told.get("description")] == []


@pytest.mark.parametrize("name", PACKS)
def test_a_pack_is_valid(name: str) -> None:
    assert errors_of(PACKS[name]) == []


@pytest.mark.parametrize("example", [*EXAMPLES, *EVERYTHING])
def test_an_example_is_valid(example: dict[str, Any]) -> None:
    assert (errors_of(example), faults_of(example)) == ([], set())


def closed(schema: object = SCHEMA) -> Iterator[dict[str, Any]]:
    """Yield every object of the schema whose fields are named."""
    if isinstance(schema, dict):
        if schema.get("additionalProperties") is False:
            yield schema
        for inner in schema.values():
            yield from closed(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from closed(inner)


def properties() -> Iterator[tuple[str, dict[str, Any]]]:
    for schema in closed():
        yield from schema["properties"].items()


def test_every_predicate_award_and_choice_is_in_the_schema() -> None:
    definitions = SCHEMA["$defs"]
    combined = {"all", "any", "not", "at_least"}
    for name, known in (("pair_condition", PAIR_PREDICATES), ("target_condition", TARGET_PREDICATES)):
        assert definitions[name]["properties"].keys() == {*known, *combined}
    assert definitions["award"]["properties"].keys() == award_parsing._AWARDS.keys() == AWARDS.keys()  # noqa: SLF001 - the table
    bound = definitions["bound"]["properties"]
    measures = {f"percent_of_{of}" for of in bound["of"]["enum"] if of} | bound.keys() - {"percent", "of"}
    assert measures == set(Measure)
    offered = {tuple(found["enum"]) for _, found in properties() if "enum" in found}
    offered |= {tuple(found["items"]["enum"]) for _, found in properties() if "enum" in found.get("items", {})}
    for choices in (Choice, Across, Over, Toward, Rounding, ROLES):
        assert (*choices, None) in offered, choices
    for choices in (Kind, VersionDate, GROUPS, TieBreak):
        assert tuple(choices) in offered, choices


Asked = dict[tuple[str, str], list[tuple[Any, ...]]]
"""What the parsers asked of each place, by pointer and method of Place, with the method's arguments."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Note every question that is asked of a place while documents are read."""
    found: Asked = {}
    running: list[str] = []

    def noting(name: str, ask: Callable[..., Any]) -> Callable[..., Any]:
        def noted(place: Place, *args: Any, **options: Any) -> Any:
            if not running:  # a choice asks for a text itself
                given = tuple(tuple(arg) if name in ("fields", "choice") else arg for arg in args)
                is_name = place.pointer.endswith(f"/{place.value}")
                found.setdefault((place.pointer, name), []).append((*given, *options.values(), is_name))
                args = given
            running.append(name)
            try:
                return ask(place, *args, **options)
            finally:
                running.pop()

        return noted

    for name in ("fields", "entries", "items", "text", "code", "choice", "hundredths", "integer", "truth", "day"):
        monkeypatch.setattr(Place, name, noting(name, getattr(Place, name)))
    return found


def expanded(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a schema and its alternatives, references followed."""
    if "$ref" in schema:
        yield from expanded(SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")])
        return
    yield schema
    for inner in schema.get("anyOf", ()):
        yield from expanded(inner)


def schemas_at(start: str, pointer: str) -> list[dict[str, Any]]:
    """Return what the schema says, in one of its alternatives, of the place at a pointer below a definition."""
    level = list(expanded(SCHEMA["$defs"][start]))
    for token in pointer.split("/")[1:]:
        inner: list[Any] = [one["properties"].get(token) for one in level if "properties" in one]
        inner += [one["items"] for one in level if "items" in one and token.isdecimal()]
        inner += [one.get("additionalProperties") for one in level]
        level = [found for one in inner if isinstance(one, dict) for found in expanded(one)]
    return level


def is_nullable(schema: dict[str, Any]) -> bool:
    return any("null" in one.get("type", ()) or one.get("type") == "null" for one in expanded(schema))


def says(schema: dict[str, Any], question: str, args: tuple[Any, ...]) -> bool:
    """Tell whether a schema says what a method of Place asks for."""
    match question:
        case "fields":
            required, optional = args[0], args[1] if len(args) > 1 else ()
            inner = schema.get("properties", {})
            nullable = {name for name, one in inner.items() if is_nullable(one)}
            is_closed = schema.get("additionalProperties") is False
            answer = is_closed and (inner.keys(), nullable) == ({*required, *optional}, {*optional})
        case "entries":
            answer = schema.get("additionalProperties") is False or schema.get("maxProperties") == args[0]
        case "items":
            answer = schema.get("maxItems") == args[0]
        case "text":
            characters_max, may_be_empty = (*args, shapes.TEXT_MAX)[0], True in args
            patterns = [shapes.STORABLE] if may_be_empty else [shapes.NOT_BLANK, shapes.MONTH_DAY]
            answer = schema.get("maxLength") == characters_max and schema["pattern"] in patterns
        case "choice":
            answer = set(schema.get("enum", ())) - {None} == set(args[0])
        case "integer":
            answer = (schema.get("minimum"), schema.get("maximum")) == args
        case "truth":
            answer = "boolean" in schema.get("type", ())
        case "hundredths":
            answer = schema.get("pattern") == shapes.amount_pattern(*args)
        case _:
            answer = schema.get("pattern") in {"code": [shapes.CODE], "day": [shapes.DAY, shapes.MONTH_DAY]}[question]
    return answer


def read_all() -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield every document that is read, with the definition that it falls under."""
    for one in (*PACKS.values(), *EXAMPLES, *EVERYTHING):
        yield f"{one['kind']}_set", lambda one=one: parsed_ruleset(one)
        for test in one["tests"] if one["kind"] == "conversion" else ():
            yield "situation", lambda test=test: situation_from(test["given"])
        for test in one["tests"] if one["kind"] == "qualification" else ():
            yield "learning_record", lambda test=test: record_from(test["given"])


def test_every_question_of_the_parsers_is_in_the_schema_and_no_other(asked: Asked) -> None:
    answering: set[int] = set()
    for start, read in read_all():
        asked.clear()
        read()
        for (pointer, question), calls in asked.items():
            found = schemas_at(start, pointer)
            sets = [set(args[0]) for *args, _ in calls] if question == "choice" else []
            for *args, is_name in calls if pointer != "/kind" else ():  # each definition has its own kind
                wanted = (set.intersection(*sets),) if sets else tuple(args)
                names = [one["propertyNames"] for one in schemas_at(start, pointer.rpartition("/")[0]) if is_name]
                answers = {id(one) for one in [*found, *names] if says(one, question, wanted)}
                assert answers, (start, pointer, question, wanted)
                answering |= answers
    unasked = [name for name, one in properties() if not any(id(inner) in answering for inner in expanded(one))]
    assert unasked == ["kind", "kind", "kind", "same_title"], (
        "one can only be as it is, and is not asked for by a method"
    )


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value inside a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, content in inner:
        yield (*path, key)
        yield from places(content, (*path, key))


def slices(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield small rule sets that have together what a large one has: one of its rules, limits and so on each."""
    lists = {name for name, value in whole.items() if isinstance(value, list)}
    for number in range(max(len(whole[name]) for name in lists)):
        one = {name: [value[min(number, len(value) - 1)]] if name in lists else value for name, value in whole.items()}
        one = copy.deepcopy(one)
        if "rule" in one["tests"][0]["expect"]:
            one["tests"][0]["expect"]["rule"] = one["rules"][0]["id"]
        yield one


def mutations(whole: dict[str, Any], met: set[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Yield what was done to a document, which is changed in place while it is looked at and mended afterwards.

    Left out are places like those met before: another item of the same list.
    """
    for path in list(places(whole)):
        kind = tuple("…" if isinstance(key, int) else key for key in path)
        if kind in met:
            continue
        met.add(kind)
        holder: Any = whole
        for key in path[:-1]:
            holder = holder[key]
        kept = holder[path[-1]]
        changed = [*WRONG, [kept]]
        if isinstance(kept, dict):
            changed.append({**kept, "no_such_field": "x"})
        if isinstance(kept, list):
            changed.append((kept or ["x"]) * 5001)
        for value in changed:
            holder[path[-1]] = value
            yield path, value
        holder[path[-1]] = kept
        if isinstance(holder, dict):
            order = dict(holder)
            del holder[path[-1]]
            yield path, "left out"
            holder.clear()
            holder.update(order)
    whole["no_such_field"] = 1
    yield (), "another field"
    del whole["no_such_field"]


@pytest.mark.parametrize("whole", EVERYTHING, ids=lambda whole: whole["kind"])
def test_the_schema_and_the_parsers_refuse_the_same(whole: dict[str, Any]) -> None:
    met: set[tuple[Any, ...]] = set()
    count = refused = 0
    for mutated in slices(whole):
        assert VALIDATOR.is_valid(mutated)
        before = copy.deepcopy(mutated)
        for path, value in mutations(mutated, met):
            faults, is_valid = faults_of(mutated), VALIDATOR.is_valid(mutated)
            told = path, str(value)[:80], faults
            assert faults <= STRUCTURAL | OF_THE_WHOLE, told
            assert is_valid or faults, told
            assert not (is_valid and faults & STRUCTURAL), told
            count, refused = count + 1, refused + (not is_valid)
        assert mutated == before
    assert count >= MUTATIONS_MIN
    assert refused > count / 2


COURSES, CREDITS, CATEGORY = {"courses": 1}, {"credits": "1"}, {"percent": "1", "of": "category"}


@pytest.mark.parametrize(
    ("name", "part", "is_taken"),
    [
        ("rule", {"joint": True}, True),
        ("rule", {"joint": True, "to": "course", "with": None, "spends_credits": True}, True),
        ("rule", {"joint": True, "to": "programme"}, False),
        ("rule", {"joint": True, "with": [{"kind": "course"}]}, False),
        ("rule", {"joint": True, "spends_credits": False}, False),
        ("rule", {"joint": False, "with": [{"kind": "course"}], "spends_credits": False}, True),
        ("rule", {"to": "programme", "spends_credits": True}, True),
        ("rule", {"to": "programme", "spends_credits": False}, False),
        ("limit", {"at_most": COURSES | CREDITS}, False),
        ("limit", {"at_most": {"courses": None, **CREDITS}}, True),
        ("limit", {"at_most": CREDITS | {"of": "programme"}}, False),
        ("limit", {"at_most": CREDITS | {"of": None}}, True),
        ("limit", {"at_most": CATEGORY}, False),
        ("limit", {"at_most": CATEGORY, "per": ["kind"]}, False),
        ("limit", {"at_most": CATEGORY, "per": ["kind", "category"]}, True),
        ("limit", {"at_most": CREDITS, "over": "split"}, True),
        ("limit", {"at_most": COURSES, "over": "split"}, False),
        ("limit", {"at_most": {"outcomes": 1}, "over": "trim"}, False),
        ("limit", {"at_most": COURSES, "over": "refuse"}, True),
        ("limit", {"at_most": COURSES, "over": None}, True),
        ("step", {"by": {"role": "target", "institution": "x"}}, False),
        ("step", {"by": {"role": "target", "institution": None}}, True),
        ("step", {"by": {"role": None, "institution": None}}, False),
        ("when", {"score": {"scale": "x", "in": ["a"], "at_least": "1"}}, False),
        ("when", {"score": {"scale": "x", "in": ["a"], "at_least": None}}, True),
        ("when", {"score": {"scale": "x", "in": None, "at_most": "1"}}, True),
        ("when", {"score": {"scale": "x", "in": None}}, False),
        ("award", {"fixed": "1", "points": {}}, False),
        ("award", {"fixed": "1", "points": None}, False),
    ],
)
def test_what_contradicts_itself_is_refused_by_both(name: str, part: dict[str, Any], *, is_taken: bool) -> None:
    whole = document({"award": part}) if name == "award" else copy.deepcopy(conversion_page.WHOLE)
    base = {
        "rule": {"id": "r", "when": {"same_title": True}},
        "limit": {"id": "l"},
        "step": {"id": "s", "days": 1},
    }
    if name != "award":
        conversion_page.PLACES[name](whole, base.get(name, {}) | part)
    assert (VALIDATOR.is_valid(whole), not faults_of(whole)) == (is_taken, is_taken)


@pytest.mark.parametrize("name", [name for name in PACKS if "bachelor" not in name])
def test_a_pack_without_one_of_its_fields_is_refused_by_both_or_by_none(name: str) -> None:
    """Not looked at is the largest of them, which repeats what the others have."""
    mutated = copy.deepcopy(PACKS[name])
    for path in list(places(mutated)):
        holder: Any = mutated
        for key in path[:-1]:
            holder = holder[key]
        if isinstance(holder, dict):
            kept = dict(holder)
            del holder[path[-1]]
            faults = faults_of(mutated)
            assert VALIDATOR.is_valid(mutated) == (not faults & STRUCTURAL), path
            holder.clear()
            holder.update(kept)


@pytest.mark.parametrize("most", [99, 100, 9_999, 10_000, 1_000_000, HUNDREDTHS_MAX])
@pytest.mark.parametrize("least", [0, 1])
def test_the_pattern_of_an_amount_holds_its_bounds(least: int, most: int) -> None:
    pattern = re.compile(shapes.amount_pattern(least, most))
    near = {0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 1010, most - 100, most - 1, most, most + 1, most + 100, 10 * most}
    written = {decimal_text(amount) for amount in near if amount >= 0}
    written |= {text.rstrip("0").rstrip(".") for text in written} | {text.removesuffix("0") for text in written}
    written |= {"", "00", "01", "0.", ".5", "0.000", "1.", "1,5", "+1", "-1", "1e1", "１", " 1", "1 ", "01.00"}
    for text in written:
        amount = parsed_hundredths(text)
        assert (pattern.search(text) is not None) == (amount is not None and least <= amount <= most), text


def reading(value: str) -> Place:
    return Place(Reading(), "", value)


@pytest.mark.parametrize("form", ["{}", " {}", "{}x", "x{}", "\t\n{}\u3000"])
def test_a_text_is_blank_to_the_schema_when_it_is_to_the_parsers(form: str) -> None:
    """All characters that are blank stand among the first; a lone surrogate only the bank refuses."""
    for code in (*range(0x3100), 0xD7FF, 0xE000, 0xFEFF, 0xFFFF, 0x1F600):
        value = form.format(chr(code))
        assert (re.search(shapes.NOT_BLANK, value) is None) == (reading(value).text() is None), code
        assert (re.search(shapes.STORABLE, value) is None) == (reading(value).text(may_be_empty=True) is None), code


def test_every_day_of_the_calendar_is_one_to_the_schema_and_few_others_are() -> None:
    days = {(date(2020, 1, 1) + timedelta(days=number)).isoformat() for number in range(366)}
    tried = {f"2020-{month:02}-{day:02}" for month in range(100) for day in range(100)}
    assert {day for day in tried if re.search(shapes.DAY, day)} == days
    common = {day[5:] for day in days} - {"02-29"}
    assert {day[5:] for day in tried if re.search(shapes.MONTH_DAY, day[5:])} == common
