"""A rule set of qualification as a value: the steps of a ladder, the parts that each asks for, and who awards them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from creditbank.core.normalisation import text_key
from creditbank.core.rules.conditions import AllOf
from creditbank.core.rules.ruleset import Source, Title, Validity, is_about_age


@dataclass(frozen=True, slots=True)
class Name:
    """How a part is called: `title` is what the learner reads where it is missing."""

    id: str
    title: Title
    article: str | None


@dataclass(frozen=True, slots=True)
class CreditsPart:
    """Recognised credits of a scheme, of the outcomes that the condition finds; of all without one."""

    name: Name
    scheme: str
    where: AllOf | None
    least_hundredths: int


@dataclass(frozen=True, slots=True)
class HoursPart:
    """Hours of the outcomes that the condition finds; of all without one."""

    name: Name
    where: AllOf | None
    least_hundredths: int


@dataclass(frozen=True, slots=True)
class OutcomesPart:
    """A number of outcomes that the condition finds: a degree, named courses, a record."""

    name: Name
    where: AllOf
    least: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """Certificates of a scale that are accepted: from a step on, counted from 0, that fulfil the condition."""

    scale: str
    rank: int
    where: AllOf | None


@dataclass(frozen=True, slots=True)
class CertificatePart:
    """One certificate of those that are accepted."""

    name: Name
    accepted: tuple[Accepted, ...]


@dataclass(frozen=True, slots=True)
class AgePart:
    """The learner's age in whole years lies between two bounds, both inclusive; None is no bound."""

    name: Name
    at_least: int | None
    at_most: int | None


@dataclass(frozen=True, slots=True)
class ExclusionPart:
    """No outcome that the condition finds; the only part that learning more can undo."""

    name: Name
    where: AllOf


Leaf = CreditsPart | HoursPart | OutcomesPart | CertificatePart | AgePart | ExclusionPart


@dataclass(frozen=True, slots=True)
class Together:
    """At least `least` of several parts: all of them, any one, or a number between."""

    least: int
    parts: tuple["Part", ...]


Part = Leaf | Together


@dataclass(frozen=True, slots=True)
class Scale:
    """A scale of certificates, the lowest step first; names in one step mean the same."""

    id: str
    title: Title
    steps: tuple[tuple[str, ...], ...]

    def rank_of(self, level: str | None) -> int | None:
        """Return the step of a level, counted from 0; None for one that is not on the scale."""
        if level is None:
            return None
        key = text_key(level)
        return next((rank for rank, names in enumerate(self.steps) if key in map(text_key, names)), None)


@dataclass(frozen=True, slots=True)
class Level:
    """A step of the ladder: what it asks for, and the steps that have to be held or reached as well."""

    id: str
    title: Title
    article: str | None
    requires: tuple[str, ...]
    valid_years: int | None
    whole: Together


@dataclass(frozen=True, slots=True)
class Awarders:
    """Who awards: the institutions with these codes, or, where there are none, nobody but the rules themselves.

    `reviewed_by` decides what becomes of an award whose sources fail; without it whoever awarded does.
    """

    institutions: tuple[str, ...]
    reviewed_by: str | None

    @property
    def is_automatic(self) -> bool:
        """Tell whether awards need nobody's judgement."""
        return not self.institutions


@dataclass(frozen=True, slots=True)
class QualificationExample:
    """A rule set's own test: a learner's record as a document; the levels reached and what others lack."""

    id: str
    given: Mapping[str, Any]
    levels: tuple[str, ...]
    missing: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class QualificationSet:
    """A version of a rule set of qualification; `levels` stand behind those that they require."""

    code: str
    version: int
    title: Title
    source: Source
    validity: Validity
    scheme: str
    awarders: Awarders
    scales: Mapping[str, Scale]
    levels: tuple[Level, ...]
    tests: tuple[QualificationExample, ...]

    @property
    def schemes(self) -> frozenset[str]:
        """Return every scheme in which credits are asked for, and the set's own."""
        parts = (part for level in self.levels for part in leaves(level.whole))
        return frozenset({self.scheme, *(part.scheme for part in parts if isinstance(part, CreditsPart))})

    @property
    def asks_age(self) -> bool:
        """Tell whether any part asks for the learner's age, by itself or in a condition."""
        parts = [part for level in self.levels for part in leaves(level.whole)]
        return any(isinstance(part, AgePart) or any(map(is_about_age, conditions_of(part))) for part in parts)

    def level(self, level_id: str) -> Level | None:
        """Return a level by its id."""
        return next((level for level in self.levels if level.id == level_id), None)


def leaves(part: Part) -> Iterator[Leaf]:
    """Give what a part asks for in the end, in the order of the document."""
    if isinstance(part, Together):
        for inner in part.parts:
            yield from leaves(inner)
    else:
        yield part


def conditions_of(part: Leaf) -> list[AllOf]:
    """Return the conditions on outcomes in a part."""
    if isinstance(part, AgePart):
        return []
    if isinstance(part, CertificatePart):
        return [one.where for one in part.accepted if one.where is not None]
    return [] if part.where is None else [part.where]
