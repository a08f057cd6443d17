"""The best conversion is the best: compared with a search through everything that could be chosen instead."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import product
from random import Random
from typing import Any

import pytest

from creditbank.core.conversion.planning import Plan, planned
from creditbank.core.conversion.situation import Earlier, Holding, Situation
from creditbank.core.credit import Rounding, Scheme, decimal_text
from creditbank.core.outcome import Facts, Kind
from creditbank.core.programme import Course, Programme
from creditbank.core.rules import ConversionSet, parsed_ruleset
from creditbank.gateways.optimiser import best_values

IS_LONG = os.environ.get("CREDITBANK_DRILLS") == "long"
"""Whether all puzzles are searched, as in `make drills`, or some of them."""

SCHEME = Scheme("cn-16h-half", "十六学时", "16 hours", 1600, 45, 50, Rounding.DOWN)
DAY = date(2026, 7, 1)
CATEGORIES = ("专业课", "公共课")
FIELDS = ("计算机", "管理")
EMPTY_TEST = {
    "applied_on": "2026-07-01",
    "programme": {"institution": "acceptor", "code": "p", "title": "p", "scheme": "cn-16h-half", "total_credits": "1"},
    "outcomes": [],
}


@dataclass(frozen=True)
class Way:
    """A rule of a puzzle: which sources bring which courses (None: the programme), how, and with which partners."""

    name: str
    sources: frozenset[int]
    courses: frozenset[int] | None
    partners: frozenset[int] = frozenset()
    spends: bool = True
    manner: str = "whole"
    at_most: int | None = None


@dataclass(frozen=True)
class Bound:
    """A limit of a puzzle; `most` in hundredths, a count or hundredths of a percent, `of` a field of sources."""

    name: str
    measure: str
    per: str | None
    most: int
    over: str
    of: str | None


@dataclass(frozen=True)
class Use:
    """What a way makes of a source: `most` hundredths toward a course or, where it is None, the programme."""

    way: Way
    source: int
    course: int | None
    partner: int | None
    most: int
    is_whole: bool


Chosen = tuple[tuple[Use, int], ...]
"""Uses with the hundredths that each brings."""

Worth = tuple[int, int, int]
"""How good a choice is: hundredths, then as few outcomes as possible, then those that end soonest."""


@dataclass(frozen=True)
class Puzzle:
    """Sources and courses as plain numbers, with the ways and bounds between them; credits are hundredths."""

    sources: tuple[Holding, ...]
    courses: tuple[Course, ...]
    ways: tuple[Way, ...]
    bounds: tuple[Bound, ...]
    total: int
    before: tuple[tuple[int, str], ...] = ()

    def uses(self) -> list[Use]:
        """Return everything that could be chosen."""
        return [use for way in self.ways for source in sorted(way.sources) for use in self._uses(way, source)]

    def _uses(self, way: Way, source: int) -> Iterator[Use]:
        can = min(self.sources[source].available_hundredths, way.at_most or 10**9)
        partners: list[int | None] = [*sorted(way.partners - {source})] if way.partners else [None]
        for course, partner in product([None] if way.courses is None else sorted(way.courses), partners):
            asked = can if course is None else self.courses[course].credit_hundredths
            if not way.spends:
                yield Use(way, source, course, partner, asked, is_whole=True)
            elif can and (way.manner != "whole" or can >= asked):
                yield Use(way, source, course, partner, min(can, asked), is_whole=way.manner == "whole")

    def counts(self, bound: Bound, use: Use) -> bool:
        return bound.of is None or self.sources[use.source].facts.category == bound.of

    def group(self, bound: Bound, use: Use) -> object:
        """Return what a bound counts a use with."""
        match bound.per:
            case "outcome":
                return use.source
            case "category":
                return None if use.course is None else self.courses[use.course].category
            case "source_category":
                return self.sources[use.source].facts.category
        return "all"

    def left(self, bound: Bound, group: object) -> int:
        """Return what a bound allows beyond what was converted before: each an outcome and a course of its own."""
        most = self.total * bound.most // 10_000 if bound.measure == "percent" else bound.most
        used = 0
        for hundredths, category in self.before:
            is_counted = bound.of in (None, FIELDS[0])
            grouped = {None: "all", "category": category, "source_category": FIELDS[0], "outcome": object()}[bound.per]
            if is_counted and grouped == group:
                used += 1 if bound.measure in ("outcomes", "courses") else hundredths
        return max(most - used, 0)

    def is_allowed(self, chosen: Chosen) -> bool:
        """Tell whether the uses can stand together; what is not allowed is not mended by choosing more."""
        spent: Counter[int] = Counter()
        for use, amount in chosen:
            taken = use.most if self.lapses(use) else amount
            spent[use.source] += taken if use.way.spends else 0
        if any(amount > self.sources[source].available_hundredths for source, amount in spent.items()):
            return False
        helping = Counter(use.partner for use, _ in chosen if use.partner is not None)
        used = {use.source for use, _ in chosen}
        if any(times > 1 or helper in used for helper, times in helping.items()):
            return False
        return all(self._keeps(bound, chosen) for bound in self.bounds)

    def _keeps(self, bound: Bound, chosen: Chosen) -> bool:
        counted: dict[object, list[tuple[Use, int]]] = {}
        for use, amount in chosen:
            if self.counts(bound, use):
                counted.setdefault(self.group(bound, use), []).append((use, amount))
        return all(_measured(bound, found) <= self.left(bound, group) for group, found in counted.items())

    def amounts(self, use: Use) -> range:
        """Return what a use can bring: all of it, or less where its rule or a bound cuts it."""
        is_cut = any(bound.over != "refuse" and self.counts(bound, use) for bound in self.bounds)
        return range(1, use.most + 1) if is_cut or not use.is_whole else range(use.most, use.most + 1)

    def lapses(self, use: Use) -> bool:
        """Tell whether what a bound cuts off a use is lost with it."""
        over = {bound.over for bound in self.bounds if self.counts(bound, use)}
        return use.is_whole and "trim" in over and "split" not in over

    def worth(self, chosen: Chosen) -> Worth:
        """Return how good a choice is."""
        used = {use.source for use, _ in chosen}
        helpers = sum(use.partner is not None for use, _ in chosen)
        days = sorted({source.valid_until for source in self.sources if source.valid_until is not None})
        ends = [self.sources[use.source].valid_until for use, _ in chosen]
        ranks = sum(len(days) if end is None else days.index(end) for end in ends)
        return sum(amount for _, amount in chosen), -len(used) - helpers, -ranks


def _measured(bound: Bound, counted: Sequence[tuple[Use, int]]) -> int:
    """Return how much of a bound is used: where it refuses, what comes whole counts as a whole."""
    if bound.measure == "outcomes":
        return len({use.source for use, _ in counted})
    if bound.measure == "courses":
        return len({use.course for use, _ in counted if use.course is not None})
    whole = bound.over == "refuse"
    return sum(use.most if whole and use.is_whole else amount for use, amount in counted)


def searched(puzzle: Puzzle) -> tuple[Worth, list[Chosen]]:
    """Return the best that can be chosen and every choice that is as good, by trying all."""
    slots = sorted(_slots(puzzle), key=lambda options: -_brings(options[-1]))
    beyond = _beyond(puzzle, slots)
    best: list[Chosen] = [()]
    most: Worth = (0, 0, 0)

    def tried(place: int, chosen: Chosen) -> None:
        nonlocal most
        worth = puzzle.worth(chosen)
        if (worth[0] + beyond[place], *worth[1:]) < most:
            return
        if place == len(slots):
            if worth > most:
                most, best[:] = worth, []
            if chosen not in best:
                best.append(chosen)
            return
        for option in slots[place]:
            if not option or puzzle.is_allowed((*chosen, *option)):
                tried(place + 1, (*chosen, *option))

    tried(0, ())
    return most, best


def _beyond(puzzle: Puzzle, slots: Sequence[Sequence[Chosen]]) -> list[int]:
    """Return for every place what the slots from there on can bring at most, by the bounds on categories."""
    bounds = [one for one in puzzle.bounds if one.per == "category" and one.of is None]
    bounds = [one for one in bounds if one.measure in ("credits", "percent")]
    brought: Counter[str | None] = Counter()
    beyond = [0]
    for options in reversed(slots):
        course = next((use.course for option in options for use, _ in option), None)
        category = None if course is None else puzzle.courses[course].category
        brought[category] += max(_brings(option) for option in options)
        most = {name: min([amount, *(puzzle.left(one, name) for one in bounds)]) for name, amount in brought.items()}
        beyond.append(sum(most.values()))
    return beyond[::-1]


def _brings(option: Chosen) -> int:
    return sum(amount for _, amount in option)


def _slots(puzzle: Puzzle) -> Iterator[list[Chosen]]:
    """Yield for every course, and for every source toward the programme, what can be chosen there, the most first."""
    by_slot: dict[tuple[int | None, int | None], list[Use]] = {}
    for use in puzzle.uses():
        by_slot.setdefault((use.course, use.source if use.course is None else None), []).append(use)
    for (course, _), uses in by_slot.items():
        options: list[Chosen] = [
            ((use, amount),) for use in uses if use.way.manner != "joint" for amount in puzzle.amounts(use)
        ]
        joint = [use for use in uses if use.way.manner == "joint"]
        for amounts in product(*(range(use.most + 1) for use in joint)):
            if course is not None and sum(amounts) == puzzle.courses[course].credit_hundredths:
                made = zip(joint, amounts, strict=True)
                options.append(tuple((use, amount) for use, amount in made if amount))
        yield [(), *sorted(options, key=_brings)][::-1]


def rules_of(puzzle: Puzzle) -> ConversionSet:
    """Return the puzzle's ways and bounds as a rule set."""
    document: dict[str, Any] = {
        "code": "puzzle",
        "version": 1,
        "kind": "conversion",
        "title": {"zh": "题", "en": "Puzzle"},
        "authority": "示例",
        "source": {"document": "示例"},
        "valid_from": "2020-01-01",
        "version_date": "applied",
        "scheme": SCHEME.code,
        "rules": [_rule(way) for way in puzzle.ways],
        "tests": [{"id": "nothing", "given": EMPTY_TEST, "expect": {"credits": "0"}}],
    }
    limits = {"limits": [_limit(bound) for bound in puzzle.bounds]} if puzzle.bounds else {}
    ruleset = parsed_ruleset(document | limits)
    assert isinstance(ruleset, ConversionSet)
    return ruleset


def _rule(way: Way) -> dict[str, Any]:
    when: dict[str, Any] = {"code": [f"s{source}" for source in sorted(way.sources)]}
    rule: dict[str, Any] = {"id": way.name, "when": when}
    if way.courses is None:
        rule["to"] = "programme"
    else:
        when["target_code"] = [f"c{course}" for course in sorted(way.courses)]
    if way.partners:
        rule["with"] = [{"code": [f"s{partner}" for partner in sorted(way.partners)]}]
    if way.at_most is not None:
        rule["at_most"] = decimal_text(way.at_most)
    if not way.spends:
        rule["spends_credits"] = False
    return rule if way.manner == "whole" else rule | {way.manner: True}


def _limit(bound: Bound) -> dict[str, Any]:
    most: dict[str, Any] = {bound.measure: bound.most}
    if bound.measure in ("credits", "percent"):
        most = {bound.measure: decimal_text(bound.most)}
    limit: dict[str, Any] = {"id": bound.name, "at_most": most, "over": bound.over}
    if bound.per is not None:
        limit["per"] = [bound.per]
    return limit if bound.of is None else limit | {"where": {"category": bound.of}}


def situation_of(puzzle: Puzzle) -> Situation:
    """Return the puzzle's sources and courses as what a conversion is judged on."""
    programme = Programme("acceptor", "p", "专业", SCHEME.code, puzzle.total, puzzle.courses)
    before = [
        Earlier(
            "e", "acceptor", "p", Course(f"x{number}", "旧课程", amount, category), amount, f"x{number}", _facts("x", 0)
        )
        for number, (amount, category) in enumerate(puzzle.before)
    ]
    return Situation(DAY, programme, puzzle.courses, True, puzzle.sources, tuple(before))  # noqa: FBT003 - as it stands


def _facts(code: str, field: int) -> Facts:
    return Facts(Kind.COURSE, f"课程 {code}", "cqdx", DAY, DAY, code=code, category=FIELDS[field])


def plan_of(puzzle: Puzzle) -> Plan:
    return planned(rules_of(puzzle), SCHEME, situation_of(puzzle), best_values)


def chosen_by(puzzle: Puzzle, plan: Plan) -> Chosen:
    """Return a plan's parts as uses of the puzzle; a part that nothing allows is not found."""
    places = {source.outcome: place for place, source in enumerate(puzzle.sources)}
    courses = {course.code: place for place, course in enumerate(puzzle.courses)}
    known = {(use.way.name, use.source, use.course, use.partner): use for use in puzzle.uses()}
    chosen = []
    for part in plan.parts:
        course = None if part.course is None else courses[part.course.code]
        partner = places[part.partners[0]] if part.partners else None
        chosen.append((known[part.rule, places[part.outcome], course, partner], part.granted_hundredths))
    return tuple(chosen)


def is_possible(puzzle: Puzzle, chosen: Chosen) -> bool:
    """Tell whether a choice brings of each use what it may, replaces each course once and keeps every bound."""
    slots: dict[tuple[int | None, int | None], list[tuple[Use, int]]] = {}
    for use, amount in chosen:
        slots.setdefault((use.course, use.source if use.course is None else None), []).append((use, amount))
    for (course, _), made in slots.items():
        joint = [amount for use, amount in made if use.way.manner == "joint"]
        if joint and (course is None or sum(joint) != puzzle.courses[course].credit_hundredths):
            return False
        if len(made) > 1 and len(joint) < len(made):
            return False
    return all(amount in puzzle.amounts(use) for use, amount in chosen) and puzzle.is_allowed(chosen)


def puzzle_at(seed: int, most: int, unit: int) -> Puzzle:
    """Return a random puzzle with credits in multiples of a unit: `most` sources and courses, or up to so many."""
    random = Random(seed)  # noqa: S311 - a puzzle, not a secret
    least = most if seed % 3 == 0 else 1
    sources = tuple(_source(random, number, unit) for number in range(random.randint(least, most)))
    courses = tuple(
        Course(f"c{number}", f"科目 {number}", random.randint(1, 4) * unit, random.choice((*CATEGORIES, None)))
        for number in range(random.randint(least, most))
    )
    is_fine = unit == 1
    ways = tuple(_way(random, number, (len(sources), len(courses)), is_fine=is_fine) for number in range(most))
    if not is_fine:
        ways = tuple(replace(way, at_most=way.at_most and way.at_most * unit) for way in ways)
    bounds = tuple(_bound(random, number, unit) for number in range(random.randint(0, 3)))
    before = tuple((random.randint(1, 3) * unit, random.choice(CATEGORIES)) for _ in range(random.choice((0, 0, 1, 2))))
    return Puzzle(sources, courses, ways, bounds, random.randint(4, 20) * unit, before)


def _source(random: Random, number: int, unit: int) -> Holding:
    worth = random.randint(0, 5) * unit
    ends = random.choice((None, DAY, DAY + timedelta(days=30)))
    return Holding(f"s{number}", _facts(f"s{number}", random.randrange(2)), SCHEME.code, worth, worth, ends)


def _way(random: Random, number: int, sizes: tuple[int, int], *, is_fine: bool) -> Way:
    """Return a random rule; those that cut, join or count toward the programme only where every amount is tried."""
    sources, courses = (frozenset(random.sample(range(size), min(size, random.randint(1, 4)))) for size in sizes)
    manner = random.choice(("whole", "whole", "partial", "joint")) if is_fine else "whole"
    is_for_programme = is_fine and manner != "joint" and random.random() < 0.2
    has_partners = manner != "joint" and random.random() < 0.2
    return Way(
        name=f"w{number}",
        sources=sources,
        courses=None if is_for_programme else courses,
        partners=frozenset(random.sample(range(sizes[0]), min(sizes[0], 2))) if has_partners else frozenset(),
        spends=manner == "joint" or is_for_programme or random.random() < 0.8,
        manner=manner,
        at_most=random.choice((None, None, 2, 3)),
    )


def _bound(random: Random, number: int, unit: int) -> Bound:
    measure = random.choice(("credits", "credits", "outcomes", "courses", "percent"))
    most = {"credits": random.randint(1, 8) * unit, "percent": random.randint(1, 8) * 1000}
    return Bound(
        name=f"b{number}",
        measure=measure,
        per=random.choice((None, "category", "source_category", "outcome")),
        most=most.get(measure, random.randint(1, 4)),
        over=random.choice(("refuse", "trim", "split")) if measure in most and unit == 1 else "refuse",
        of=random.choice((None, None, FIELDS[0])),
    )


def check(puzzle: Puzzle, plan: Plan, best: Worth, seed: int) -> None:
    """Compare a plan with the best that the search found."""
    chosen = chosen_by(puzzle, plan)
    assert is_possible(puzzle, chosen), f"seed {seed}: {chosen}"
    assert puzzle.worth(chosen) == best, f"seed {seed}: {chosen}"
    assert plan.credit_hundredths == best[0], f"seed {seed}"
    for source in puzzle.sources:
        spent = sum(part.spent_hundredths for part in plan.parts if part.outcome == source.outcome)
        assert spent <= source.available_hundredths, f"seed {seed}"
    for part, (use, amount) in zip(plan.parts, chosen, strict=True):
        wanted = amount + part.lapsed_hundredths if use.way.spends else 0
        assert part.spent_hundredths == wanted, f"seed {seed}: {part}"


@pytest.mark.parametrize("block", range(10 if IS_LONG else 4))
def test_no_choice_brings_more_where_every_amount_is_tried(block: int) -> None:
    for seed in range(block * 1000, block * 1000 + 160):
        puzzle = puzzle_at(seed, 3, 1)
        check(puzzle, plan_of(puzzle), searched(puzzle)[0], seed)


@pytest.mark.parametrize("block", range(4 if IS_LONG else 2))
def test_no_choice_brings_more_of_eight_outcomes_toward_eight_courses(block: int) -> None:
    for seed in range(block * 1000, block * 1000 + 50):
        puzzle = puzzle_at(seed, 8, 50)
        check(puzzle, plan_of(puzzle), searched(puzzle)[0], seed)


@pytest.mark.parametrize("most", [3, 8])
def test_the_order_of_outcomes_courses_and_limits_decides_only_between_equals(most: int) -> None:
    alone = 0
    for seed in range(100 if IS_LONG or most < 8 else 40):
        puzzle = puzzle_at(seed, most, 50)
        random = Random(seed)  # noqa: S311 - a shuffle, no secret
        ruleset, situation = rules_of(puzzle), situation_of(puzzle)
        plan = planned(ruleset, SCHEME, situation, best_values)
        assert planned(ruleset, SCHEME, situation, best_values) == plan, f"seed {seed}"
        shuffled = planned(
            replace(ruleset, limits=_shuffled(random, ruleset.limits)),
            SCHEME,
            replace(
                situation,
                holdings=_shuffled(random, situation.holdings),
                courses=_shuffled(random, situation.courses),
                earlier=_shuffled(random, situation.earlier),
            ),
            best_values,
        )
        best, equals = searched(puzzle)
        check(puzzle, shuffled, best, seed)
        if len(equals) == 1:
            alone += 1
            assert set(shuffled.parts) == set(plan.parts), f"seed {seed}"
    assert alone >= 10


def _shuffled(random: Random, values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(random.sample(list(values), len(values)))


def test_the_search_finds_what_can_be_reckoned_by_hand() -> None:
    way = Way("w", frozenset({0, 1}), frozenset({0, 1}))
    puzzle = hand_made((600, 300), (300, 300), way, Bound("b", "outcomes", None, 1, "refuse", None))
    best, equals = searched(puzzle)
    assert best == (600, -1, 0)
    assert [sorted((use.source, use.course, amount) for use, amount in one) for one in equals] == [
        [(0, 0, 300), (0, 1, 300)]
    ]


def test_a_joint_course_counts_for_the_outcomes_that_make_it_up_only() -> None:
    way = Way("w", frozenset({0, 1}), frozenset({0, 1}), manner="joint")
    puzzle = hand_made((200, 400), (200, 100), way, Bound("b", "courses", "outcome", 1, "refuse", None))
    check(puzzle, plan_of(puzzle), searched(puzzle)[0], 0)


def test_what_lapses_with_one_course_does_not_count_toward_the_next() -> None:
    way = Way("w", frozenset({0}), frozenset({0, 1}))
    puzzle = hand_made((400,), (400, 100), way, Bound("b", "credits", "category", 200, "trim", None))
    plan = plan_of(puzzle)
    told = [(part.granted_hundredths, part.spent_hundredths - part.lapsed_hundredths) for part in plan.parts]
    assert all(granted == used for granted, used in told), told


def hand_made(worths: Sequence[int], credit: Sequence[int], way: Way, bound: Bound) -> Puzzle:
    """Return a puzzle of sources and courses of so many hundredths, every course of a category of its own."""
    sources = tuple(
        Holding(f"s{place}", _facts(f"s{place}", 0), SCHEME.code, worth, worth) for place, worth in enumerate(worths)
    )
    courses = tuple(Course(f"c{place}", f"科目 {place}", each, CATEGORIES[place]) for place, each in enumerate(credit))
    return Puzzle(sources, courses, (way,), (bound,), 10_000)
