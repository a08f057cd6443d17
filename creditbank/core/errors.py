"""Refusals: what the bank declines to do, with a stable code, the place and how to mend it."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar


class Family(Enum):
    """The kinds of refusal that a caller has to tell apart; the API gives each its status."""

    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    UNAUTHENTICATED = "unauthenticated"
    NOT_ALLOWED = "not_allowed"
    UNKNOWN = "unknown"
    GONE = "gone"
    CONFLICT = "conflict"
    RULE_SAYS_NO = "rule_says_no"
    OUTDATED = "outdated"
    CONDITION_MISSING = "condition_missing"
    TOO_MANY = "too_many"
    TRY_LATER = "try_later"


UNNAMED = "*"
"""Stands in a pointer for a name that is not repeated."""

WORD_MAX = 40
"""Characters of the longest word that is repeated: longer than any name of a field or an option."""

_INDEX = re.compile(r"[0-9]{1,5}", re.ASCII)
_WORD = re.compile(r"[a-z](?:[A-Za-z_-]|[0-9]{1,2}(?![0-9]))*", re.ASCII)


def is_plain_word(text: str) -> bool:
    """Tell whether a text from outside may be repeated in a refusal: it looks like a field or an option of ours.

    ASCII letters of which the first is small, hyphens, and no more than two digits in a row: neither a name as it is
    written nor a number of a person.
    A refusal is logged and passed on in many places, and people's names and numbers come where fields are expected.
    """
    return len(text) <= WORD_MAX and _WORD.fullmatch(text) is not None


def pointer_segment(name: str) -> str:
    """Return a name that a caller gave as a segment of a pointer, or `*` where it may not be repeated."""
    return name if is_plain_word(name) else UNNAMED


def told_pointer(pointer: str) -> str:
    """Return a pointer into a document as a refusal tells it: with a star for each name that may not be repeated."""
    return "/".join(one if not one or _INDEX.fullmatch(one) else pointer_segment(one) for one in pointer.split("/"))


@dataclass(frozen=True, slots=True)
class Fault:
    """One reason for a refusal: where it is (JSON pointer), a stable code, and a sentence in each language."""

    pointer: str
    code: str
    message_zh: str
    message_en: str

    def under(self, prefix: str) -> "Fault":
        """Return the same fault seen from one level further out, for example inside row 7 of a list."""
        return Fault(prefix + self.pointer, self.code, self.message_zh, self.message_en)


@dataclass(eq=False)
class Refusal(Exception):  # noqa: N818 - a refusal is an expected answer, not an error of the program
    """A request that the bank declines, with all its reasons together."""

    faults: tuple[Fault, ...]

    family: ClassVar[Family]
    code: ClassVar[str]
    title: ClassVar[str]

    def __str__(self) -> str:
        """Return the English sentences of all reasons, for logs and the command line."""
        return "; ".join(f"{fault.pointer or '/'}: {fault.message_en}" for fault in self.faults)


class Malformed(Refusal):
    """The request can't be understood as it is written."""

    family = Family.MALFORMED
    code = "malformed"
    title = "The request has faults"


class RulesetFaulty(Refusal):
    """A rule set can't be used as it is written, or its own tests don't pass."""

    family = Family.MALFORMED
    code = "ruleset_faulty"
    title = "The rule set has faults"


class TryLater(Refusal):
    """The bank can't do it just now; sent again, the same request has its one effect."""

    family = Family.TRY_LATER
    code = "try_later"
    title = "The bank is busy"


@dataclass(eq=False)
class TooMany(Refusal):
    """It was tried too often; `retry_seconds` from now it may be tried again."""

    family = Family.TOO_MANY
    code = "too_many"
    title: ClassVar[str] = "Too many tries"
    retry_seconds: int = 60


class KeyReused(Refusal):
    """An idempotency key came again with other content."""

    family = Family.MALFORMED
    code = "idempotency_key_reused"
    title = "The idempotency key was used for something else"


class InFlight(Refusal):
    """The first request under an idempotency key is still being worked on."""

    family = Family.CONFLICT
    code = "in_flight"
    title = "The same request is being worked on"


class Unknown(Refusal):
    """There is no such thing, or it is none of the caller's: both are one answer."""

    family = Family.UNKNOWN
    code = "unknown"
    title = "There is no such thing"


class Gone(Refusal):
    """It was there once, and is kept no longer."""

    family = Family.GONE
    code = "gone"
    title = "It is kept no longer"


class Conflict(Refusal):
    """What is asked contradicts what stands."""

    family = Family.CONFLICT
    code = "conflict"
    title = "It contradicts what stands"


class RuleSaysNo(Refusal):
    """The rules give nothing for what is asked; every reason is told."""

    family = Family.RULE_SAYS_NO
    code = "rule_says_no"
    title = "The rules don't allow it"


class Outdated(Refusal):
    """The caller saw an older state than the one that stands."""

    family = Family.OUTDATED
    code = "outdated"
    title = "It has changed since"


class ConditionMissing(Refusal):
    """The caller did not say which state it saw."""

    family = Family.CONDITION_MISSING
    code = "if_match_missing"
    title = "If-Match is missing"


class NotAllowed(Refusal):
    """The caller may not do this, whatever it asks."""

    family = Family.NOT_ALLOWED
    code = "not_allowed"
    title = "That is not allowed"


def unknown(noun_zh: str, noun_en: str, pointer: str = "") -> Unknown:
    """Return the one answer for what does not exist and for what is not the caller's."""
    zh = f"没有这个{noun_zh}，或您无权查看；请核对编号。"
    en = f"There is no such {noun_en}, or it is not yours; check the id."
    return Unknown((Fault(pointer, "unknown_" + noun_en.replace(" ", "_"), zh, en),))
