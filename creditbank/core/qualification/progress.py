"""Progress: what of a qualification a record reaches, with a tree that tells of every part what was asked and found.

Pure, and the same every time. More outcomes never undo a level, unless it excludes some: every part but an exclusion
asks for at least something.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from creditbank.core.credit import decimal_text
from creditbank.core.outcome import Kind
from creditbank.core.qualification.record import Credited, LearningRecord
from creditbank.core.rules.conditions import AllOf, years_later
from creditbank.core.rules.qualification_set import (
    AgePart,
    CertificatePart,
    CreditsPart,
    ExclusionPart,
    HoursPart,
    Leaf,
    Level,
    Name,
    OutcomesPart,
    Part,
    QualificationSet,
    Together,
)
from creditbank.core.rules.subject import Subject

SHOWN_MAX = 20
"""Certificates that an explanation names; all of them are among the sources."""

Found = tuple[Credited, Subject]
"""An outcome as it is, and as conditions ask about it."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A level: whether the record has all that it asks for, on which outcomes that rests, and the tree that tells why.

    `is_held` tells that it was awarded before.
    """

    level: Level
    is_met: bool
    is_held: bool
    sources: frozenset[str]
    tree: Mapping[str, Any]

    def valid_until(self, awarded_on: date) -> date | None:
        """Return the last day of an award; None where it lasts for life."""
        years = self.level.valid_years
        return None if years is None else years_later(awarded_on, years)


@dataclass(frozen=True, slots=True)
class Progress:
    """What a record reaches of a version's levels, in the order of the ladder."""

    ruleset: QualificationSet
    record: LearningRecord
    levels: tuple[Reached, ...]

    def of(self, level_id: str) -> Reached:
        """Return one level, which there is."""
        return next(one for one in self.levels if one.level.id == level_id)


@dataclass(frozen=True, slots=True)
class _Judging:
    """What parts are judged on: the outcomes of a record as conditions see them, and the set's scales."""

    ruleset: QualificationSet
    record: LearningRecord
    found: tuple[Found, ...]

    def matching(self, where: AllOf | None) -> list[Found]:
        """Return the outcomes that fulfil a condition."""
        return [one for one in self.found if where is None or where.holds(one[1])]


Judged = tuple[dict[str, Any], frozenset[str]]
"""The node of a part, and the outcomes on which it rests."""


def progress(ruleset: QualificationSet, record: LearningRecord) -> Progress:
    """Return what the record reaches of every level.

    A level that another requires counts where it is held, and where the record has all that it asks for.
    """
    found = tuple((one, one.subject(record.on, record.age)) for one in record.outcomes)
    judging = _Judging(ruleset, record, found)
    reached: dict[str, Reached] = {}
    for level in ruleset.levels:
        below = [reached[name] for name in level.requires]
        node, sources = _together(judging, level.whole)
        steps = [_step_node(one) for one in below]
        tree = {**node, "of": [*steps, *node["of"]], "needs": node["needs"] + len(steps)}
        tree["met"] = node["met"] and all(step["met"] for step in steps)
        rests_on = sources.union(*(one.sources for one in below if not one.is_held))
        is_met, is_held = tree["met"], level.id in record.held
        reached[level.id] = Reached(level, is_met, is_held, rests_on if is_met else frozenset(), tree)
    return Progress(ruleset, record, tuple(reached.values()))


def explanation(found: Progress, levels: Iterable[Reached]) -> dict[str, Any]:
    """Return the account of some levels as plain JSON values."""
    ruleset, source = found.ruleset, found.ruleset.source
    article = {} if source.article is None else {"article": source.article}
    return {
        "qualification": ruleset.code,
        "version": ruleset.version,
        "title": {"zh": ruleset.title.zh, "en": ruleset.title.en},
        "source": {"document": source.document, **article},
        "on": found.record.on.isoformat(),
        "levels": [_level_node(one) for one in levels],
    }


def result_document(one: Reached, awarded_on: date) -> dict[str, Any]:
    """Return what is decided on an award as a JSON document."""
    until = one.valid_until(awarded_on)
    return {
        "level": one.level.id,
        "met": one.is_met,
        "valid_until": until and until.isoformat(),
        "sources": sorted(one.sources),
    }


def _level_node(one: Reached) -> dict[str, Any]:
    title, article = one.level.title, one.level.article
    named = {"level": one.level.id, "title": {"zh": title.zh, "en": title.en}}
    return (
        named | ({"article": article} if article else {}) | {"met": one.is_met, "held": one.is_held, "parts": one.tree}
    )


def _step_node(below: Reached) -> dict[str, Any]:
    """Return the node of a level that another requires."""
    title = below.level.title
    is_there = below.is_met or below.is_held
    return {
        "part": below.level.id,
        "title": {"zh": title.zh, "en": title.en},
        "asks": "level",
        "held": below.is_held,
        "met": is_there,
        "sources": [] if below.is_held else sorted(below.sources),
    }


def _together(judging: _Judging, whole: Together) -> Judged:
    judged = [_judged(judging, part) for part in whole.parts]
    is_met = sum(node["met"] for node, _ in judged) >= whole.least
    sources = frozenset[str]().union(*(sources for node, sources in judged if node["met"]))
    return {"needs": whole.least, "of": [node for node, _ in judged], "met": is_met}, sources


def _judged(judging: _Judging, part: Part) -> Judged:
    return _together(judging, part) if isinstance(part, Together) else _leaf(judging, part)


def _leaf(judging: _Judging, part: Leaf) -> Judged:
    asks, told, is_met, counted = _JUDGES[type(part)](judging, part)
    sources = sorted(one.outcome for one, _ in counted)
    return {**_named(part.name), "asks": asks, **told, "met": is_met, "sources": sources}, frozenset(sources)


def _named(name: Name) -> dict[str, Any]:
    named = {"part": name.id, "title": {"zh": name.title.zh, "en": name.title.en}}
    return named if name.article is None else named | {"article": name.article}


_Account = tuple[str, dict[str, Any], bool, list[Found]]
"""What a part asks, what is told of it, whether it is met, and the outcomes that count."""


def _credits(judging: _Judging, part: CreditsPart) -> _Account:
    on = judging.record.on
    counted = [
        one
        for one in judging.matching(part.where)
        if one[0].scheme == part.scheme and one[0].credit_hundredths and one[0].has_credits_on(on)
    ]
    total = sum(one.credit_hundredths for one, _ in counted)
    told = {"scheme": part.scheme, **_amounts(part.least_hundredths, total)}
    return "credits", told, total >= part.least_hundredths, counted


def _hours(judging: _Judging, part: HoursPart) -> _Account:
    counted = [one for one in judging.matching(part.where) if one[0].facts.hours_hundredths]
    total = sum(one.facts.hours_hundredths or 0 for one, _ in counted)
    return "hours", _amounts(part.least_hundredths, total), total >= part.least_hundredths, counted


def _amounts(least: int, total: int) -> dict[str, str]:
    told = {"needed": decimal_text(least), "found": decimal_text(total)}
    return told | ({"short": decimal_text(least - total)} if total < least else {})


def _outcomes(judging: _Judging, part: OutcomesPart) -> _Account:
    counted = judging.matching(part.where)
    return "outcomes", {"needed": part.least, "found": len(counted)}, len(counted) >= part.least, counted


def _certificate(judging: _Judging, part: CertificatePart) -> _Account:
    """Judge by the level on the certificate itself, or else by the one that was recognised of it."""
    scales = judging.ruleset.scales
    counted: dict[str, Found] = {}
    below: dict[str, Found] = {}
    for accepted in part.accepted:
        scale = scales[accepted.scale]
        for one in judging.matching(accepted.where):
            credited, _ = one
            ranks = [scale.rank_of(level) for level in (credited.facts.level, credited.level)]
            rank = next((rank for rank in ranks if rank is not None), None)
            if credited.facts.kind is Kind.CERTIFICATE and rank is not None:
                (counted if rank >= accepted.rank else below)[credited.outcome] = one
    accepted_nodes = [
        {
            "scale": one.scale,
            "title": {"zh": scales[one.scale].title.zh, "en": scales[one.scale].title.en},
            "at_least": scales[one.scale].steps[one.rank][0],
        }
        for one in part.accepted
    ]
    near = [] if counted else [_certificate_node(one) for one, _ in below.values()][:SHOWN_MAX]
    return "certificate", {"accepted": accepted_nodes, "near": near}, bool(counted), list(counted.values())


def _certificate_node(one: Credited) -> dict[str, Any]:
    return {"outcome": one.outcome, "title": one.facts.title, "level": one.facts.level or one.level}


def _age(judging: _Judging, part: AgePart) -> _Account:
    age, low, high = judging.record.age, part.at_least, part.at_most
    is_met = age is not None and (low is None or low <= age) and (high is None or age <= high)
    return "age", {"at_least": low, "at_most": high, "found": age}, is_met, []


def _exclusion(judging: _Judging, part: ExclusionPart) -> _Account:
    """Judge an exclusion: it rests on nothing; what breaks it is counted."""
    count = len(judging.matching(part.where))
    return "exclude", {"found": count}, not count, []


_JUDGES: dict[type, Callable[[_Judging, Any], _Account]] = {
    CreditsPart: _credits,
    HoursPart: _hours,
    OutcomesPart: _outcomes,
    CertificatePart: _certificate,
    AgePart: _age,
    ExclusionPart: _exclusion,
}
