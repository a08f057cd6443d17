"""The page about conversion says what the language does: every example on it is read as what it is called."""

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from creditbank.core.conversion.examples import failed_examples
from creditbank.core.credit import Rounding, Scheme
from creditbank.core.rules import ConversionSet, parsed_ruleset
from creditbank.core.rules import conversion_parsing as parsing
from creditbank.core.rules.condition_parsing import OUTCOME_PREDICATES
from creditbank.core.rules.conversion_predicates import PAIR_PREDICATES
from creditbank.core.rules.limit_parsing import GROUPS
from creditbank.gateways.optimiser import best_values

PAGE = (Path(__file__).parents[2] / "docs" / "conversion.md").read_text()
BLOCKS = re.findall(r"```json ?(\w*)\n(.*?)```", PAGE, re.DOTALL)
WHOLE = json.loads(next(block for name, block in BLOCKS if not name))
SCHEME = Scheme("example-credit", "示例学分", "example credits", 1600, 45, 50, Rounding.DOWN)

PLACES: dict[str, Callable[[dict[str, Any], Any], object]] = {
    "rates": lambda whole, part: whole.update(rates=part),
    "when": lambda whole, part: whole["rules"][0].update(when=part),
    "rule": lambda whole, part: whole["rules"].append(part),
    "exclusion": lambda whole, part: whole.update(exclusions=[part]),
    "limit": lambda whole, part: whole["limits"].append(part),
    "calendar": lambda whole, part: whole.update(calendar=part),
    "tie_break": lambda whole, part: whole.update(tie_break=part),
    "requirement": lambda whole, part: whole.update(requirements=[part]),
    "step": lambda whole, part: whole["review"].append(part),
    "appeal": lambda whole, part: whole.update(appeal=part),
}


def test_the_example_of_a_whole_set_passes_its_own_tests() -> None:
    ruleset = parsed_ruleset(WHOLE)
    assert isinstance(ruleset, ConversionSet)
    assert failed_examples(ruleset, SCHEME, best_values) == []


@pytest.mark.parametrize(("name", "block"), [(name, block) for name, block in BLOCKS if name])
def test_an_example_is_what_it_is_called(name: str, block: str) -> None:
    whole = copy.deepcopy(WHOLE)
    PLACES[name](whole, json.loads(block))
    assert isinstance(parsed_ruleset(whole), ConversionSet)


def test_every_construct_has_an_example() -> None:
    shown = " ".join(block for _, block in BLOCKS)
    own = set(PAIR_PREDICATES) - set(OUTCOME_PREDICATES)
    names = {
        *own,
        *GROUPS,
        *set(parsing.OPTIONAL) - {"valid_until"},
        "with",
        "partial",
        "joint",
        "spends_credits",
        "trim",
        "split",
    }
    elsewhere = {"may_decline", "priority", "choose", "valid_years"}
    told_in_prose = {"course", "category", "kind", "source_category", "year"}
    missing = [
        name for name in sorted(names - elsewhere - told_in_prose) if f'"{name}"' not in shown and name not in PLACES
    ]
    assert [name for name in missing if f"`{name}`" not in PAGE] == []
    assert all(f"`{name}`" in PAGE or name in PAGE for name in elsewhere)
