"""The reference page says what the language does: every example on it is read, and every limit is the one held."""

import json
import re
from pathlib import Path

import pytest

from creditbank.core.rules import award_parsing, condition_parsing, failed_tests, parsed_ruleset, parsing, subject
from creditbank.core.rules import document as reading
from tests.core.test_rules import SCHEME, document

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text()
SECTIONS = {part.partition("\n")[0]: part for part in PAGE.split("\n## ")}


def blocks(section: str) -> list[str]:
    return re.findall(r"```json\n(.*?)```", SECTIONS[section], re.DOTALL)


def test_the_example_of_a_whole_set_passes_its_own_tests() -> None:
    (block,) = blocks("A whole set")
    assert failed_tests(parsed_ruleset(json.loads(block)), SCHEME) == ()


@pytest.mark.parametrize("block", blocks("Conditions"))
def test_an_example_of_a_condition_is_one(block: str) -> None:
    parsed_ruleset(document({"when": json.loads(block)}))


@pytest.mark.parametrize("block", blocks("Awards"))
def test_an_example_of_an_award_is_one(block: str) -> None:
    parsed_ruleset(document({"award": json.loads(block)}))


def test_every_predicate_and_award_has_an_example() -> None:
    conditions, awards = " ".join(blocks("Conditions")), " ".join(blocks("Awards"))
    predicates = {*condition_parsing.OUTCOME_PREDICATES, "all", "any", "not", "at_least"}
    assert [name for name in predicates if f'"{name}":' not in conditions] == []
    assert [name for name in award_parsing._AWARDS if f'"{name}":' not in awards] == []  # noqa: SLF001 - the table


def test_every_json_block_of_the_page_is_read() -> None:
    read = [block for section in ("A whole set", "Conditions", "Awards") for block in blocks(section)]
    assert len(read) == PAGE.count("```json")


def test_the_limits_on_the_page_are_those_that_are_held() -> None:
    held = [
        *(reading.VALUES_MAX, reading.NESTING_MAX, parsing.RULES_MAX, parsing.TESTS_MAX, condition_parsing.TERMS_MAX),
        *(condition_parsing.DEPTH_MAX, condition_parsing.LIST_MAX, award_parsing.STEPS_MAX, award_parsing.LEVELS_MAX),
        *(reading.NAME_MAX, subject.WORD_MAX, reading.TEXT_MAX, reading.FAULTS_MAX),
    ]
    rows = [line.split(" | ")[1] for line in SECTIONS["Limits"].splitlines() if line.endswith(" |")]
    told = [int(number.replace(",", "")) for row in rows for number in re.findall(r"[0-9][0-9,]*", row)]
    assert told == held
