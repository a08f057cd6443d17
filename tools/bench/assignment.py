"""Measure how fast the best assignment is found: `python -m tools.bench.assignment [--puzzles N]`.

Beside it stands what taking one offer after the other brings, as a clerk does.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from random import Random
from statistics import median
from typing import Any

from creditbank.core.conversion.planning import Plan, planned
from creditbank.core.conversion.situation import Holding, Situation
from creditbank.core.credit import Rounding, Scheme
from creditbank.core.outcome import Facts, Kind
from creditbank.core.programme import Course, Programme
from creditbank.core.rules import ConversionSet, parsed_ruleset
from creditbank.core.rules.ruleset import Choice
from creditbank.gateways.optimiser import best_values
from tests.builders import programme_body

SIZES = ((8, 8), (20, 60), (60, 200))
"""Outcomes toward courses; the last is the largest that the bank promises an answer for."""

PUZZLES = 5

FIELDS = ("文史", "理工", "艺术", "健康", "信息", "管理")

DAY = date(2026, 7, 1)

SCHEME = Scheme("cn-16h-half", "十六学时", "16 hours", 1600, 45, 50, Rounding.DOWN)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Benchmark of the best assignment alone")
    parser.add_argument("--puzzles", type=int, default=PUZZLES)
    print(report(parser.parse_args().puzzles))


def report(puzzles: int = PUZZLES) -> str:
    """Return the figures as a Markdown table."""
    lines = [
        "| best assignment, one core | median ms | slowest ms | credits | in order |",
        "|---|---:|---:|---:|---:|",
    ]
    best = _ruleset()
    in_order = replace(best, choose=Choice.FIRST)
    for outcomes, courses in SIZES:
        situations = [_situation(Random(number), outcomes, courses) for number in range(puzzles)]  # noqa: S311 - no secret
        took, gained = _timed(best, situations)
        _, plain = _timed(in_order, situations)
        name = f"{outcomes} outcomes toward {courses} courses"
        ratio = f"{sum(plain) / sum(gained):.0%} of the best"
        lines.append(f"| {name} | {median(took):,.0f} | {max(took):,.0f} | {sum(gained) / 100:,.2f} | {ratio} |")
    return "\n".join(
        [*lines, "", "Wanted: every one proven best; none of 60 toward 200 over the 15 seconds of the proof."]
    )


def _timed(ruleset: ConversionSet, situations: Sequence[Situation]) -> tuple[list[float], list[int]]:
    """Return the milliseconds that each takes, and the hundredths of credit that it brings."""
    took, gained = [], []
    for situation in situations:
        began = time.process_time()
        plan: Plan = planned(ruleset, SCHEME, situation, best_values)
        took.append((time.process_time() - began) * 1000)
        gained.append(plan.credit_hundredths)
    return took, gained


def _ruleset() -> ConversionSet:
    """Return rules of the kinds that published measures have: fields that match, whole courses, limits that overlap."""
    given = {"applied_on": "2026-01-01", "outcomes": [], "programme": programme_body() | {"institution": "acceptor"}}
    document: dict[str, Any] = {
        "code": "bench-conversion",
        "version": 1,
        "kind": "conversion",
        "title": {"zh": "测量用转换办法", "en": "Conversion to measure by"},
        "authority": "学分银行",
        "source": {"document": "测量用转换办法"},
        "valid_from": "2000-01-01",
        "version_date": "applied",
        "scheme": SCHEME.code,
        "rules": [{"id": f"field-{field}", "when": {"category": field, "target_category": field}} for field in FIELDS]
        + [{"id": "neighbour", "when": {"category": FIELDS[0], "target_category": FIELDS[1]}}],
        "limits": [
            {"id": "half", "at_most": {"percent": "40.00", "of": "programme"}},
            {"id": "category", "per": ["category"], "at_most": {"credits": "24.00"}},
            {"id": "source", "per": ["outcome"], "at_most": {"courses": 3}},
            {"id": "issuer", "per": ["issuer"], "at_most": {"outcomes": 25}},
        ],
        "tests": [{"id": "nothing", "given": given, "expect": {"credits": "0.00"}}],
    }
    parsed = parsed_ruleset(document)
    assert isinstance(parsed, ConversionSet), "it is about conversion"
    return parsed


def _situation(random: Random, outcomes: int, courses: int) -> Situation:
    """Return a learner's outcomes toward a programme, both of fields and sizes as they come."""
    wanted = tuple(
        Course(f"c{number}", f"课程{number}", random.choice((150, 200, 250, 300, 400, 500)), random.choice(FIELDS))
        for number in range(courses)
    )
    total = sum(course.credit_hundredths for course in wanted)
    holdings = []
    for number in range(outcomes):
        credit = random.choice((200, 300, 350, 400, 600, 800, 1000))
        facts = Facts(
            kind=Kind.COURSE,
            title=f"学习{number}",
            issuer=random.choice(("cqdx", "cqou", "cq-yuzhong-elder")),
            completed_on=date(2024, 1 + number % 12, 1),
            applied_on=DAY,
            category=random.choice(FIELDS),
        )
        holdings.append(Holding(f"o{number}", facts, SCHEME.code, credit, credit))
    programme = Programme("acceptor", "p", "专业", SCHEME.code, total, wanted)
    return Situation(DAY, programme, wanted, is_for_programme=False, holdings=tuple(holdings))


if __name__ == "__main__":
    main()
