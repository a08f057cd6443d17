"""Chains of conversions that come back with more credit than they began with: none of them is published."""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from creditbank.core.credit import decimal_text
from creditbank.core.errors import Fault
from creditbank.core.rules.conversion_set import ConversionSet

Rates = Mapping[tuple[str, str], Fraction]
"""The best that a credit of one scheme is worth in another, by origin and destination."""


def minting_faults(ruleset: ConversionSet, beside: Iterable[ConversionSet]) -> list[Fault]:
    """Return a fault for each rate of a set that closes a chain through sets beside it, and gains credit on the way.

    The sets beside it close no such chain among themselves.
    """
    rates = _best_rates((ruleset, *beside))
    faults = []
    for number, (origin, rate) in enumerate(ruleset.rates.items()):
        way = _best_way(rates, ruleset.scheme, origin)
        if origin == ruleset.scheme or way is None or rate * way[0] <= 1:
            continue
        chain = " → ".join((origin, *way[1]))
        gained = decimal_text(int(rate * way[0] * 100))
        zh = f"按已发布的规则，{chain} 循环一周会使 1 学分变成 {gained}；请降低此比率。"
        en = f"With the rules in print {chain} turns 1 credit into {gained}; lower this rate."
        faults.append(Fault(f"/rates/{number}/rate", "mints_credit", zh, en))
    return faults


def _best_rates(rulesets: Iterable[ConversionSet]) -> Rates:
    best: dict[tuple[str, str], Fraction] = {}
    for ruleset in rulesets:
        for origin, rate in ruleset.rates.items():
            edge = (origin, ruleset.scheme)
            if origin != ruleset.scheme:
                best[edge] = max(rate, best.get(edge, rate))
    return best


def _best_way(rates: Rates, begin: str, end: str) -> tuple[Fraction, tuple[str, ...]] | None:
    """Return what a credit of one scheme becomes in another at best, and through which schemes; None without a way.

    No scheme is passed twice, so that it is found in as many rounds as there are schemes (Bellman and Ford).
    """
    best: dict[str, tuple[Fraction, tuple[str, ...]]] = {begin: (Fraction(1), (begin,))}
    for _ in range(len({scheme for edge in rates for scheme in edge})):
        for (origin, destination), rate in rates.items():
            if origin not in best or destination in best[origin][1]:
                continue
            worth, way = best[origin]
            if destination not in best or worth * rate > best[destination][0]:
                best[destination] = (worth * rate, (*way, destination))
    return best.get(end)
