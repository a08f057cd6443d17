"""Refusals: what the bank declines to do, with a stable code, the place and how to mend it."""

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
    CONFLICT = "conflict"
    OUTDATED = "outdated"
    CONDITION_MISSING = "condition_missing"
    TRY_LATER = "try_later"


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
