"""Measure how fast rules decide, without database or HTTP: `python -m tools.bench.evaluation [--decisions N]`."""

import argparse
import cProfile
import io
import pstats
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from statistics import median
from typing import Any

from creditbank.core.credit import Rounding, Scheme
from creditbank.core.outcome import Facts, Kind, Score
from creditbank.core.rules import RuleSet, evaluated, parsed_ruleset
from creditbank.core.settlement import Rulebook

RULES = (50, 5000)
DECISIONS = 20_000
ROUNDS = 5
SHOWN = 12
"""Functions of a profile that are printed; the rest takes less than a hundredth each."""

WANTED_A_SECOND = 20_000
WANTED_RATIO = 0.5

SETS = 40
"""Published sets of a rulebook: the packs and an institution's own for each of some thirty institutions."""

UNKNOWN_EVERY = 20
"""One outcome in so many has a title that no rule names and nobody wrote before."""

SCHEME = Scheme("cn-16h-half", "十六学时", "16 hours", 1600, 45, 50, Rounding.DOWN)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Benchmark of the rules alone")
    parser.add_argument("--decisions", type=int, default=DECISIONS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()
    print(report(asked.decisions, asked.rounds))


def report(decisions: int = DECISIONS, rounds: int = ROUNDS) -> str:
    """Return the figures as a Markdown table with their ratio, and the profile of where the time goes."""
    lines = ["| decisions by rules, one core | a second | beside | ratio |", "|---|---:|---|---:|"]
    profiles = []
    for name, way in (("one set", _by_set), ("a rulebook", _by_rulebook)):
        ways = [way(rules) for rules in RULES]
        streams = [[_facts(number, rules) for number in range(decisions)] for rules in RULES]
        few, many = _per_second(ways, streams, rounds)
        lines.append(f"| {name} of {RULES[0]} rules | {few:,.0f} | wanted {WANTED_A_SECOND:,} | {_of(few)} |")
        lines.append(f"| {name} of {RULES[1]:,} rules | {many:,.0f} | {RULES[0]} rules | {many / few:.0%} |")
        profiles.append(f"where the time of {name} of {RULES[0]} rules goes:\n{_profile(ways[0], streams[0])}")
    wanted = f"Wanted: {WANTED_A_SECOND:,} a second, and a hundred times the rules at {WANTED_RATIO:.0%} of it or more."
    return "\n".join([*lines, "", wanted, "", *profiles])


def _of(figure: float) -> str:
    return f"{figure / WANTED_A_SECOND:.1f} ×"


def _by_set(rules: int) -> Callable[[Facts], object]:
    """Return the way of deciding by one set."""
    ruleset = _ruleset(rules)
    return lambda facts: evaluated(ruleset, SCHEME, facts)


def _by_rulebook(rules: int) -> Callable[[Facts], object]:
    """Return the way of deciding by a rulebook of many sets, the set of so many rules among them in two versions."""
    others = [_ruleset(10, code=f"own-{number}", applies_to={"issuer": f"own-{number}"}) for number in range(SETS)]
    older = _ruleset(rules, version=1, valid_until="2015-12-31")
    newer = _ruleset(rules, version=2, valid_from="2016-01-01")
    return Rulebook((*others, older, newer), {SCHEME.code: SCHEME}).recognise


def _per_second(
    ways: Sequence[Callable[[Facts], object]], streams: Sequence[Sequence[Facts]], rounds: int
) -> list[float]:
    """Return the median decisions a second of each way, measured by turns."""
    figures: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        for way, stream, own in zip(ways, streams, figures, strict=True):
            began = time.process_time()
            for facts in stream:
                way(facts)
            own.append(len(stream) / (time.process_time() - began))
    return [median(own) for own in figures]


def _profile(way: Callable[[Facts], object], stream: Sequence[Facts]) -> str:
    """Return the functions that take the most time themselves."""
    profile = cProfile.Profile()
    with profile:
        for facts in stream:
            way(facts)
    out = io.StringIO()
    pstats.Stats(profile, stream=out).strip_dirs().sort_stats("tottime").print_stats(SHOWN)
    return "\n".join(line for line in out.getvalue().splitlines() if line.strip())


def _ruleset(rules: int, **fields: object) -> RuleSet:
    """Return a set of the kinds of rules that published packs have."""
    given = {"kind": "course", "title": "x", "issuer": "cqdx", "completed_on": "2024-06-30"}
    document: dict[str, Any] = {
        "code": "bench",
        "version": 1,
        "kind": "recognition",
        "title": {"zh": "测量用认定办法", "en": "Rules to measure by"},
        "authority": "学分银行",
        "source": {"document": "测量用认定办法", "article": "第二章"},
        "valid_from": "2000-01-01",
        "version_date": "completed",
        "scheme": SCHEME.code,
        "rules": [_rule(number) for number in range(rules)],
        "tests": [{"id": "t", "given": given, "expect": {"credits": "0"}}],
    }
    parsed = parsed_ruleset(document | fields)
    assert isinstance(parsed, RuleSet), "it is about recognition"
    return parsed


def _rule(number: int) -> dict[str, Any]:
    """Return a rule: certificates by title, courses by code, examinations by score, training by issuer, or by level."""
    named = {"id": f"r{number}", "article": f"第{number}条", "title": {"zh": f"规则{number}", "en": f"rule {number}"}}
    match number % 5:
        case 0:
            titles = [f"职业技能证书{number}（一）", f"职业技能证书{number}Ⅰ", f"技能证书{number}"]
            when: dict[str, Any] = {"kind": "certificate", "title": titles, "level": ["初级", "中级", "高级"]}
            return named | {"when": when, "award": {"levels": {"初级": "4", "中级": "6", "高级": "8"}}}
        case 1:
            when = {"kind": "course", "code": f"C{number}", "issuer": ["cqdx", "cqou"]}
            return named | {"when": when, "award": {"claimed": {"at_most": "6"}}}
        case 2:
            when = {"kind": "examination", "title": f"考试{number}", "score": {"scale": "100", "at_least": "60"}}
            steps = [{"at_least": "60", "credits": "4"}, {"at_least": "80", "credits": "6"}]
            return named | {"when": when, "award": {"tiers": {"scale": "100", "steps": steps}}}
        case 3:
            when = {"kind": ["training", "community_class"], "issuer": f"school-{number}"}
            return named | {"when": when, "award": {"hours": {}}, "valid_years": 7}
        case _:
            when = {"kind": "other", "category": "非遗传承", "level": f"等级{number}"}
            return named | {"when": when, "award": {"fixed": "10"}}


def _facts(number: int, rules: int) -> Facts:
    """Return facts about which one rule of a set speaks, or now and then none; no two in a stream are the same."""
    rule, day = (number * 7919) % rules, date(2010, 1, 1) + timedelta(days=number % 5000)
    code = issuer = level = score = category = None
    match rule % 5:
        case 0:
            kind, title, level = Kind.CERTIFICATE, f"职业技能证书{rule} (1)", "高级"
        case 1:
            kind, title, code = Kind.COURSE, f"课程 {rule % 3000}", f"c{rule}"
        case 2:
            kind, title, score = Kind.EXAMINATION, f"考试{rule}", Score(str(60 + number % 40), "100")
        case 3:
            kind, title, issuer = Kind.TRAINING, f"培训 {rule % 3000}", f"school-{rule}"
        case _:
            kind, title, category, level = Kind.OTHER, f"手艺 {rule % 3000}", "非遗传承", f"等级{rule}"
    if number % UNKNOWN_EVERY == 0:
        title = f"另一门课 {number}"
    return Facts(
        kind=kind,
        title=title,
        issuer=issuer or ("cqdx", "cqou")[number % 2],
        completed_on=day,
        applied_on=day,
        code=code,
        category=category,
        level=level,
        hours_hundredths=1600 + 100 * (number % 64),
        credit_hundredths=300,
        score=score,
    )


if __name__ == "__main__":
    main()
