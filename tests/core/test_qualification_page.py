"""The page about qualification says what the language does: every example on it is read as what it is called."""

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from creditbank.core.qualification.examples import failed_records
from creditbank.core.rules import QualificationSet, parsed_ruleset
from creditbank.core.rules.qualification_parsing import OPTIONAL
from creditbank.core.rules.qualification_parts import KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "qualification.md").read_text("utf-8")
BLOCKS = re.findall(r"```json ?(\w*)\n(.*?)```", PAGE, re.DOTALL)
WHOLE: dict[str, Any] = json.loads(next(block for name, block in BLOCKS if not name))

PLACES: dict[str, Callable[[dict[str, Any], Any], object]] = {
    "part": lambda whole, part: whole["levels"][0]["parts"].append(part),
    "award": lambda whole, part: whole.update(award=part),
}


def test_the_example_of_a_whole_set_passes_its_own_tests() -> None:
    ruleset = parsed_ruleset(WHOLE)
    assert isinstance(ruleset, QualificationSet)
    assert failed_records(ruleset) == []


@pytest.mark.parametrize(("name", "block"), [(name, block) for name, block in BLOCKS if name])
def test_an_example_is_what_it_is_called(name: str, block: str) -> None:
    whole = copy.deepcopy(WHOLE)
    PLACES[name](whole, json.loads(block))
    assert isinstance(parsed_ruleset(whole), QualificationSet)


def test_every_construct_has_an_example() -> None:
    shown = " ".join(block for _, block in BLOCKS)
    names = {*KINDS, *OPTIONAL, "all", "any", "at_least", "requires", "valid_years", "automatic"} - {"valid_until"}
    assert [name for name in sorted(names) if f'"{name}"' not in shown] == []
