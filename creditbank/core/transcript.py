"""A transcript that crosses borders: what somebody learnt as a tree, and which of its credits count.

A degree's credits are those of its courses once more: along a path from the top to a leaf each scheme counts once,
where it stands first.

    Master of Science in Biology   120 ECTS   counts
      Ectomycorrhizal fungi         15 ECTS   is part of the 120
    Compiler construction            6 ects   counts: the scheme's case tells nothing
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Credit:
    """Credits in hundredths, as their issuer counts them in a scheme; `level` is the issuer's own word."""

    scheme: str
    hundredths: int
    level: str | None = None

    @property
    def scheme_key(self) -> str:
        """What schemes have in common that are written alike but for their case."""
        return self.scheme.strip().casefold()


@dataclass(frozen=True, slots=True)
class Learnt:
    """A programme, course or class that somebody took, with its parts. `place` says where in the document it stands.

    `titles` are by language, "" where none is told; `type` is one of the format's own words or None.
    """

    place: str
    titles: tuple[tuple[str, str], ...]
    type: str | None = None
    identifiers: tuple[tuple[str, str], ...] = ()
    """Of the course as it is offered, by type."""
    instances: tuple[tuple[str, str], ...] = ()
    """Of this learner's taking it, by type."""
    started_on: date | None = None
    completed_on: date | None = None
    status: str | None = None
    result: str | None = None
    grading: str | None = None
    credits: tuple[Credit, ...] = ()
    levels: tuple[tuple[str, str], ...] = ()
    """By framework, such as EQF."""
    hours_hundredths: int | None = None
    parts: tuple["Learnt", ...] = ()

    def title(self, *languages: str) -> str:
        """Return the title in the first of the languages that it has, else its first one."""
        by_language = dict(self.titles)
        return next((by_language[one] for one in languages if one in by_language), self.titles[0][1])


@dataclass(frozen=True, slots=True)
class Report:
    """What one institution tells."""

    issuer_titles: tuple[tuple[str, str], ...]
    issuer_identifiers: tuple[tuple[str, str], ...]
    issuer_url: str
    issued_at: datetime
    learnt: tuple[Learnt, ...]


@dataclass(frozen=True, slots=True)
class Transcript:
    """Everything in one document. The learner's names may be empty where their holder does not show them."""

    given_names: str
    family_name: str
    born_on: date | None
    generated_at: datetime
    reports: tuple[Report, ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """A credit that counts, with what it was given for."""

    learnt: Learnt
    credit: Credit


def counted(learnt: Iterable[Learnt], above: frozenset[str] = frozenset()) -> Iterator[Counted]:
    """Yield the credits that count, from the top down: each scheme once along every path.

    `above` are the keys of schemes that counted higher up.
    """
    for one in learnt:
        fresh = {credit.scheme_key: credit for credit in one.credits if credit.scheme_key not in above}
        for credit in fresh.values():
            yield Counted(one, credit)
        yield from counted(one.parts, above | fresh.keys())
