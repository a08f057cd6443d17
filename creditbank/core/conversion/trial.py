"""Offers tried one after the other: what the first in order bring, and what one more would break."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from creditbank.core.conversion.linear import Row, value_of
from creditbank.core.conversion.model import Amounts, Model


class Trial:
    """Offers that are made, and what one more would break: only the rows that it touches are looked at."""

    def __init__(self, made: Model, amounts: Sequence[int]) -> None:
        """Begin with the offers' amounts, which break nothing."""
        self.made = made
        self.amounts = list(amounts)
        self._values = list(made.values(amounts))
        self._sums = [value_of(row.terms, self._values) for row in made.linear.rows]
        self._touched: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for number, row in enumerate(made.linear.rows):
            for variable, factor in row.terms:
                self._touched[variable].append((number, factor))
        self._markers: dict[int, list[int]] = defaultdict(list)
        for marker, places in made.markers.items():
            for place in places:
                self._markers[place].append(marker)

    def broken_by(self, place: int, amount: int) -> list[Row]:
        """Return what keeps an offer that is not made from being made beside the others."""
        rows = self.made.linear.rows
        changes = self._changes(place, amount)
        return [rows[number] for number, change in changes.items() if self._sums[number] + change > rows[number].most]

    def make(self, place: int, amount: int) -> None:
        """Make an offer that is not made yet."""
        for number, change in self._changes(place, amount).items():
            self._sums[number] += change
        for variable, value in self._variables(place, amount):
            self._values[variable] = value
        self.amounts[place] = amount

    def _changes(self, place: int, amount: int) -> dict[int, int]:
        """Return by how much each row grows."""
        changes: dict[int, int] = defaultdict(int)
        for variable, value in self._variables(place, amount):
            more = value - self._values[variable]
            for number, factor in self._touched[variable] if more else ():
                changes[number] += factor * more
        return changes

    def _variables(self, place: int, amount: int) -> Iterable[tuple[int, int]]:
        """Give the variables that stand for an offer, and their values."""
        made, offer = self.made, self.made.offers[place]
        yield made.chosen[place], 1
        if place in made.cut:
            yield made.cut[place], amount
        yield from ((marker, 1) for marker in self._markers[place])
        if offer.rule.is_joint and offer.course is not None:
            yield made.joined[offer.course], 1


def first_amounts(made: Model) -> Amounts:
    """Return the amounts of taking one offer after the other, each as far as those before it leave room."""
    trial = Trial(made, [0] * len(made.offers))
    for place, offer in enumerate(made.offers):
        most = offer.most_hundredths
        if place in made.cut:
            least = 1
            while least <= most:
                middle = (least + most + 1) // 2
                if trial.broken_by(place, middle):
                    most = middle - 1
                else:
                    least = middle + 1
        elif trial.broken_by(place, most):
            most = 0
        if most > 0:
            trial.make(place, most)
    return tuple(trial.amounts)
