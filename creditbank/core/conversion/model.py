"""The choice between offers as a whole-number programme: one course one source, no credit twice, within every limit."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from creditbank.core.conversion.caps import Cap
from creditbank.core.conversion.linear import Linear, Row, Solve, Terms, broken_rows, checked, value_of
from creditbank.core.conversion.offers import Offer, Offers
from creditbank.core.conversion.situation import Situation
from creditbank.core.rules.conversion_set import Measure, Over, TieBreak

Amounts = tuple[int, ...]
"""Hundredths of credit that each offer brings, in the offers' order; 0 for one that is not made."""


@dataclass(frozen=True, slots=True)
class Model:
    """The programme and what its variables stand for.

    `chosen` has for each offer the variable that tells whether it is made, `cut` for those that may be cut the one
    with their hundredths. A marker is 1 where any of its offers is made; a joined course where its offers make it up.
    """

    offers: tuple[Offer, ...]
    linear: Linear
    chosen: tuple[int, ...]
    cut: Mapping[int, int]
    markers: Mapping[int, tuple[int, ...]]
    joined: Mapping[int, int]

    def amounts(self, values: Sequence[int]) -> Amounts:
        """Return what the variables' values mean for each offer."""
        return tuple(
            values[self.cut[place]] if place in self.cut else values[self.chosen[place]] * offer.most_hundredths
            for place, offer in enumerate(self.offers)
        )

    def values(self, amounts: Sequence[int]) -> tuple[int, ...]:
        """Return the values of all variables that go with the offers' amounts."""
        values = [0] * len(self.linear.upper)
        for place, amount in enumerate(amounts):
            values[self.chosen[place]] = int(amount > 0)
            if place in self.cut:
                values[self.cut[place]] = amount
        for marker, places in self.markers.items():
            values[marker] = int(any(amounts[place] for place in places))
        for course, variable in self.joined.items():
            made = zip(self.offers, amounts, strict=True)
            values[variable] = int(any(amount and one.rule.is_joint and one.course == course for one, amount in made))
        return tuple(values)

    def broken(self, amounts: Sequence[int]) -> list[Row]:
        """Return what keeps the amounts from being made together."""
        return broken_rows(self.linear, self.values(amounts))


def may_be_cut(place: int, offer: Offer, caps: Iterable[Cap]) -> bool:
    """Tell whether an offer may bring less than its most: by its rule, or by a limit that trims or splits."""
    return not offer.is_whole or any(cap.limit.over is not Over.REFUSE and place in cap.offers for cap in caps)


def lapses(place: int, offer: Offer, caps: Iterable[Cap]) -> bool:
    """Tell whether what an offer brings over a limit is spent with it: the limit trims, and none keeps it by splitting.

    A rule that converts in part spends what it brings and no more.
    """
    touching = {cap.limit.over for cap in caps if place in cap.offers}
    return offer.is_whole and Over.TRIM in touching and Over.SPLIT not in touching


def model(situation: Situation, offers: Offers, caps: Sequence[Cap], tie_break: Sequence[TieBreak]) -> Model:
    """Return the programme whose best values are the best conversion."""
    draft = _Draft(offers, situation, caps)
    draft.bound_outcomes()
    draft.bound_courses()
    for cap in caps:
        draft.bound(cap)
    linear = Linear(tuple(draft.upper), tuple(draft.rows), tuple(draft.objectives(tie_break)))
    return Model(offers.offers, linear, tuple(draft.chosen), draft.cut, draft.markers, draft.joined)


def best_amounts(made: Model, solve: Solve) -> Amounts:
    """Return the amounts that bring the most credits, ties broken as the set says; none is taken on trust."""
    everything = tuple(offer.most_hundredths for offer in made.offers)
    if not made.broken(everything):
        return everything
    return made.amounts(checked(made.linear, solve(made.linear)))


def total(made: Model, amounts: Amounts) -> int:
    """Return the hundredths of credit that the amounts bring together."""
    return value_of(made.linear.objectives[0], made.values(amounts))


@dataclass(slots=True)
class _Draft:
    """The programme while it is written down."""

    source: Offers
    situation: Situation
    caps: Sequence[Cap]
    upper: list[int] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    chosen: list[int] = field(default_factory=list)
    cut: dict[int, int] = field(default_factory=dict)
    markers: dict[int, tuple[int, ...]] = field(default_factory=dict)
    joined: dict[int, int] = field(default_factory=dict)
    used: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Give every offer its variables: whether it is made, and how much it brings where it may be cut."""
        for place, offer in enumerate(self.source.offers):
            self.chosen.append(self._variable(1))
            if may_be_cut(place, offer, self.caps):
                self.cut[place] = self._variable(offer.most_hundredths)
                self._row([(self.cut[place], 1), (self.chosen[place], -offer.most_hundredths)], 0)
                self._row([(self.chosen[place], 1), (self.cut[place], -1)], 0)

    def bound_outcomes(self) -> None:
        """No outcome brings more than it is worth, and one that is a partner is used for nothing else."""
        by_holding: dict[int, list[int]] = defaultdict(list)
        helping: dict[int, list[int]] = defaultdict(list)
        for place, offer in enumerate(self.source.offers):
            by_holding[offer.holding].append(place)
            for partner in offer.partners:
                helping[partner].append(place)
        for holding, places in by_holding.items():
            self.used[holding] = self._marker(places)
            spending = [place for place in places if self.source.offers[place].rule.spends_credits]
            terms = [term for place in spending for term in self._spent(place)]
            self._row(terms, self.source.worths[holding], "worth")
        for holding, places in helping.items():
            own = [(self.used[holding], 1)] if holding in self.used else []
            self._row([*((self.chosen[place], 1) for place in places), *own], 1, "partner")

    def bound_courses(self) -> None:
        """Every course is replaced once: by one offer, or by several that make it up together."""
        by_course: dict[int, list[int]] = defaultdict(list)
        for place, offer in enumerate(self.source.offers):
            if offer.course is not None:
                by_course[offer.course].append(place)
        by_programme: dict[int, list[int]] = defaultdict(list)
        for place, offer in enumerate(self.source.offers):
            if offer.course is None:
                by_programme[offer.holding].append(place)
        for course, places in by_course.items():
            joint = [place for place in places if self.source.offers[place].rule.is_joint]
            single = [(self.chosen[place], 1) for place in places if place not in joint]
            if joint:
                self._join(course, joint)
                single.append((self.joined[course], 1))
            self._row(single, 1, "course")
        for places in by_programme.values():
            self._row([(self.chosen[place], 1) for place in places], 1, "course")

    def bound(self, cap: Cap) -> None:
        """What counts under a limit stays within what is left of it."""
        match cap.limit.measure:
            case Measure.OUTCOMES:
                by_holding: dict[int, list[int]] = defaultdict(list)
                for place in cap.offers:
                    by_holding[self.source.offers[place].holding].append(place)
                terms = [(self._marker(places), 1) for places in by_holding.values()]
            case Measure.COURSES:
                single = [p for p in cap.offers if self.source.offers[p].course is not None]
                alone = [(self.chosen[place], 1) for place in single if not self.source.offers[place].rule.is_joint]
                joint: dict[int | None, list[int]] = defaultdict(list)
                for place in single:
                    if self.source.offers[place].rule.is_joint:
                        joint[self.source.offers[place].course].append(place)
                terms = [*alone, *((self._marker(places), 1) for places in joint.values())]
            case _:
                is_cut = cap.limit.over is not Over.REFUSE
                terms = [term for p in cap.offers for term in (self._amount(p) if is_cut else self._weight(p))]
        self._row(terms, cap.left, cap.limit.id)

    def objectives(self, tie_break: Sequence[TieBreak]) -> Iterable[Terms]:
        """Give the credits that are brought, then what breaks ties, to be maximised one after the other."""
        yield tuple(term for place in range(len(self.chosen)) for term in self._amount(place))
        for criterion in tie_break:
            match criterion:
                case TieBreak.FEWEST_OUTCOMES:
                    helping = [(self.chosen[p], -len(offer.partners)) for p, offer in enumerate(self.source.offers)]
                    yield (*((used, -1) for used in self.used.values()), *(term for term in helping if term[1]))
                case TieBreak.SOONEST_EXPIRING:
                    yield self._weighted([-self._expiry_rank(offer.holding) for offer in self.source.offers])
                case TieBreak.IN_ORDER:
                    yield from self._in_order()

    def _in_order(self) -> Iterable[Terms]:
        """Give what prefers outcomes, courses and rules that stand first, each outcome with the course in its place."""
        width = len(self.situation.courses) + 1
        ends = [width - 1 if offer.course is None else offer.course for offer in self.source.offers]
        pairs = list(zip(self.source.offers, ends, strict=True))
        yield self._weighted([-(offer.holding * width + end) for offer, end in pairs])
        yield self._weighted([(offer.holding + 1) * (end + 1) for offer, end in pairs])
        yield tuple((self.chosen[place], -place) for place in range(1, len(self.chosen)))

    def _expiry_rank(self, holding: int) -> int:
        days = {held.valid_until for held in self.situation.holdings if held.valid_until is not None}
        until = self.situation.holdings[holding].valid_until
        return len(days) if until is None else sorted(days).index(until)

    def _weighted(self, weights: Sequence[int]) -> Terms:
        return tuple((self.chosen[place], weight) for place, weight in enumerate(weights) if weight)

    def _join(self, course: int, joint: Sequence[int]) -> None:
        """Let several offers make up a course exactly, or none of them."""
        credit_hundredths = self.situation.courses[course].credit_hundredths
        self.joined[course] = self._variable(1)
        terms = [term for place in joint for term in self._amount(place)]
        self._row([*terms, (self.joined[course], -credit_hundredths)], 0, "course")
        less = [(variable, -factor) for variable, factor in terms]
        self._row([*less, (self.joined[course], credit_hundredths)], 0, "course")

    def _marker(self, places: Sequence[int]) -> int:
        """Return a variable that is 1 where any of the offers is made."""
        marker = self._variable(1)
        self.markers[marker] = tuple(places)
        for place in places:
            self._row([(self.chosen[place], 1), (marker, -1)], 0)
        return marker

    def _amount(self, place: int) -> list[tuple[int, int]]:
        """Return the term of what an offer brings."""
        if place in self.cut:
            return [(self.cut[place], 1)]
        return [(self.chosen[place], self.source.offers[place].most_hundredths)]

    def _spent(self, place: int) -> list[tuple[int, int]]:
        """Return the term of what an offer takes of its outcome's worth: with what lapses, where a limit trims it."""
        offer = self.source.offers[place]
        return [(self.chosen[place], offer.most_hundredths)] if lapses(place, offer, self.caps) else self._amount(place)

    def _weight(self, place: int) -> list[tuple[int, int]]:
        """Return the term of what an offer counts where a limit refuses: all of it, unless its rule lets it be cut."""
        offer = self.source.offers[place]
        return [(self.chosen[place], offer.most_hundredths)] if offer.is_whole else self._amount(place)

    def _variable(self, most: int) -> int:
        self.upper.append(most)
        return len(self.upper) - 1

    def _row(self, terms: Sequence[tuple[int, int]], most: int, name: str | None = None) -> None:
        if terms:
            self.rows.append(Row(tuple(terms), most, name))
