"""Trials: each claims one thing of a server; a run tells which hold, which fail and why, and which can't be made."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx

from creditbank.conformance.target import NotTriable, Target


class Area(StrEnum):
    """What a trial is about."""

    DISCOVERY = "discovery"
    ACCESS = "access"
    REFUSALS = "refusals"
    LEARNERS = "learners"
    OUTCOMES = "outcomes"
    BATCHES = "batches"
    IMPORTS = "imports"
    EVENTS = "events"
    BOOKS = "books"
    DECISIONS = "decisions"
    PRIVACY = "privacy"
    CREDENTIALS = "credentials"
    LOG = "log"


class Verdict(StrEnum):
    """What came of a trial."""

    HOLDS = "holds"
    FAILS = "fails"
    NOT_TRIED = "not tried"


class Broken(Exception):  # noqa: N818 - what was seen
    """The server doesn't do what a trial claims, with what it did instead."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A claim with how it is tried: the function returns, or raises Broken or NotTriable."""

    area: Area
    claim: str
    run: Callable[[Target], None]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a trial, and why."""

    trial: Trial
    verdict: Verdict
    why: str = ""


def trial(area: Area, claim: str) -> Callable[[Callable[[Target], None]], Trial]:
    """Return a decorator that makes a function the trial of a claim."""
    return lambda run: Trial(area, claim, run)


def results(target: Target, trials: Iterable[Trial]) -> Iterator[Result]:
    """Yield what comes of each trial; one that fails stops no other."""
    for one in trials:
        yield _result(target, one)


def _result(target: Target, made: Trial) -> Result:
    try:
        made.run(target)
    except NotTriable as missing:
        return Result(made, Verdict.NOT_TRIED, f"needs {missing}")
    except Broken as broken:
        return Result(made, Verdict.FAILS, str(broken))
    except httpx.HTTPStatusError as error:
        return Result(made, Verdict.FAILS, _told(error.response))
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        return Result(made, Verdict.FAILS, f"the answer can't be read: {type(error).__name__} {error}")
    return Result(made, Verdict.HOLDS)


def expect(holds: bool, seen: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Go on if something holds. Raises Broken with what was seen instead."""
    if not holds:
        raise Broken(seen)


def expect_equal(seen: Any, wanted: Any, what: str) -> None:  # noqa: ANN401 - values of any kind
    """Go on if two values are the same. Raises Broken with both."""
    expect(seen == wanted, f"{what} is {seen!r}, not {wanted!r}")


def expect_status(answer: httpx.Response, *wanted: int) -> None:
    """Go on if an answer has one of some statuses. Raises Broken."""
    expect(answer.status_code in wanted, f"{_told(answer)}, not {' or '.join(map(str, wanted))}")


def _told(answer: httpx.Response) -> str:
    """Return an answer in a few words."""
    return f"{answer.request.method} {answer.request.url.path} answers {answer.status_code}"
