"""Cases on identity: what raises one, who may speak on it, and what it takes to be decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from creditbank.core.errors import Conflict, Fault, NotAllowed

APPROVALS_NEEDED = 2
"""People, besides the one who asked, who have to say so before accounts are merged or parted."""


class CaseKind(StrEnum):
    """What a case asks."""

    CONFLICT = "conflict"
    """One identifier is claimed under two names: is it one person?"""
    LIKENESS = "likeness"
    """Two accounts look alike: is it one person?"""
    MERGE = "merge"
    """Somebody says that two accounts are one person's."""
    UNMERGE = "unmerge"
    """Somebody says that merged accounts are two people's."""


class Verdict(StrEnum):
    """What somebody says of the two accounts."""

    SAME = "same"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Statement:
    """A verdict and who gave it."""

    verdict: Verdict
    actor: str


def merges(kind: CaseKind, verdict: Verdict) -> bool:
    """Tell whether a case decided so joins accounts."""
    return kind is not CaseKind.UNMERGE and verdict is Verdict.SAME


def parts(kind: CaseKind, verdict: Verdict) -> bool:
    """Tell whether a case decided so parts accounts."""
    return kind is CaseKind.UNMERGE and verdict is Verdict.DIFFERENT


def decided(kind: CaseKind, opened_by: str, said: Sequence[Statement]) -> Verdict | None:
    """Return what the statements on a case decide, in their order; None as long as it is open.

    What changes accounts takes two people besides the one who asked for it; to leave them as they are, one.
    """
    for count, statement in enumerate(said, start=1):
        changes = merges(kind, statement.verdict) or parts(kind, statement.verdict)
        alike = [one for one in said[:count] if one.verdict is statement.verdict]
        if len({one.actor for one in alike} - {opened_by}) >= (APPROVALS_NEEDED if changes else 1):
            return statement.verdict
    return None


def check_may_say(opened_by: str, said: Sequence[Statement], actor: str) -> None:
    """Let somebody speak who neither opened the case nor spoke on it. Refused: NotAllowed, Conflict."""
    if actor == opened_by:
        zh = "案件的提出者不能裁定该案件；请由另外两人裁定。"
        en = "Who opened a case can't decide it; two others have to."
        raise NotAllowed((Fault("", "own_case", zh, en),))
    if any(one.actor == actor for one in said):
        zh = "您已对此案件表态；还须另一人裁定。"
        en = "You have spoken on this case already; somebody else has to."
        raise Conflict((Fault("", "spoken_already", zh, en),))
