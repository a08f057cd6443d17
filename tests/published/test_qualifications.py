"""Published qualifications: the Korean bachelor's degree by credits, and every bound of the example ladder."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from creditbank.core.qualification.examples import failed_records
from creditbank.core.qualification.progress import Progress, explanation, progress
from creditbank.core.qualification.record import record_from
from creditbank.core.qualification.wording import lacking, sentences
from creditbank.core.rules import QualificationSet, parsed_ruleset

ROOT = Path(__file__).parents[2]
PACKS = ROOT / "creditbank" / "rulepacks"
PUBLISHED = ROOT.parent / "shared" / "oracles" / "cases.json"
LADDER = json.loads((PACKS / "cn-yinling-example.json").read_text("utf-8"))["rulesets"][0]


def qualification(document: object) -> QualificationSet:
    ruleset = parsed_ruleset(document)
    assert isinstance(ruleset, QualificationSet)
    return ruleset


def bachelor() -> QualificationSet:
    found = json.loads((PACKS / "kr-acbs.json").read_text("utf-8"))["rulesets"]
    return qualification(next(one for one in found if one["kind"] == "qualification"))


def reached(total: int, major: int, general: int, accredited: int) -> Progress:
    """Return what credits reach: in all, of the major, general ones, and accredited ones of the major."""
    amounts = {
        "accredited": ("major", "accredited", accredited),
        "major": ("major", "", major - accredited),
        "general": ("general", "", general),
        "rest": ("elective", "", total - major - general),
    }
    outcomes = [
        {
            "id": name,
            "facts": {"kind": "course", "title": name, "issuer": "kr-b", "completed_on": "2015-06-30"}
            | {"category": category, "programme": programme},
            "scheme": "kr-acbs",
            "recognised": f"{amount}.00",
        }
        for name, (category, programme, amount) in amounts.items()
    ]
    return progress(bachelor(), record_from({"on": "2026-03-01", "outcomes": outcomes}))


def test_the_published_case_k1() -> None:
    """140 in all, major 60, general 30, accredited 18; any one of them one lower is named."""
    if not PUBLISHED.exists():
        pytest.skip("the published cases are not beside this checkout")
    (case,) = (one for system in json.loads(PUBLISHED.read_text()) for one in system["cases"] if one["id"] == "K1")
    total, major, general, accredited = map(int, re.findall(r"[0-9]+", case["given"]))
    exact = {"total": total, "major": major, "general": general, "accredited": accredited}
    (level,) = reached(**exact).levels
    assert level.is_met
    assert lacking(level.tree) == []
    for name, amount in exact.items():
        found = reached(**exact | {name: amount - 1})
        (short,) = found.levels
        assert not short.is_met
        assert lacking(short.tree) == [name]
        told = sentences(explanation(found, found.levels))
        assert any("1 more credits are needed" in one["en"] for one in told)


def test_the_ladder_says_that_it_is_an_example() -> None:
    assert LADDER["title"]["zh"].startswith("示例")
    assert "不是任何机构发布的办法" in LADDER["source"]["document"]


def bounds(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where a bound stands in the ladder's levels."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, content in inner:
        found += [(*path, key)] if key == "at_least" else bounds(content, (*path, key))
    return found


@pytest.mark.parametrize("step", [-1, 1])
@pytest.mark.parametrize("path", bounds(LADDER["levels"]), ids=lambda path: "/".join(map(str, path)))
def test_every_bound_of_the_ladder_is_held_by_its_own_tests(path: tuple[Any, ...], step: int) -> None:
    changed = copy.deepcopy(LADDER)
    holder: Any = changed["levels"]
    for key in path[:-1]:
        holder = holder[key]
    holder["at_least"] = moved(changed, holder, step)
    assert failed_records(qualification(changed)) != []


def moved(ladder: dict[str, Any], holder: dict[str, Any], step: int) -> Any:
    """Return a bound one step on: half a credit, an hour, a year or a level of skill; the ends of a scale swap."""
    value = holder["at_least"]
    if "scale" in holder:
        (steps,) = (one["steps"] for one in ladder["scales"] if one["id"] == holder["scale"])
        return steps[(steps.index(value) + step) % len(steps)]
    if isinstance(value, int):
        return value + step
    return str(float(value) + step / 2) if "." in value else str(int(value) + step)
