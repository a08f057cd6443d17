"""Credentials: what they are about, where each stands, and what of one a share link shows."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from creditbank.core.errors import Conflict, Fault

SHARE_DAYS = 7
"""How long a link shows something where the learner names no day: as long as an application is looked at."""

SHARE_DAYS_MAX = 90
"""The longest that a link shows something; who needs it for longer holds the credential itself."""

SHARES_MAX = 50
"""Links of one credential that count at a time."""


LEVEL_MAX = 10
"""The highest level of which it is said that credits are at it or higher."""

ANY_LEVEL = 0
"""Credits at whatever level, and those without one."""

RUNGS = (*range(1, 11), *range(15, 101, 5), *range(110, 201, 10), *range(250, 501, 50))
"""Whole credits of which each statement tells whether they are there: 44, close together where most people are."""

_LEVEL = re.compile(r"[1-9][0-9]?", re.ASCII)


class CredentialKind(StrEnum):
    """What a credential is about."""

    OUTCOME = "outcome"
    """One learning outcome and what it was recognised as."""
    BALANCE = "balance"
    """What the learner has on a day, by scheme."""
    CONVERSION = "conversion"
    """学习成果转换认定书: what outcomes were counted as by an accepting institution."""
    QUALIFICATION = "qualification"
    """资历证书: a level of a qualification that was awarded."""


class Standing(StrEnum):
    """Where a credential stands."""

    VALID = "valid"
    SUSPENDED = "suspended"
    """For a while: its issuer looks into something, or the award that it is about is in review."""
    REVOKED = "revoked"
    """For ever, and so is what it was about."""
    SUPERSEDED = "superseded"
    """For ever: what it was about was corrected, so that another one can be had."""
    EXPIRED = "expired"
    """Its last day is over; no state that is kept, but what today makes of one."""


KEPT = (Standing.VALID, Standing.SUSPENDED, Standing.REVOKED, Standing.SUPERSEDED)
"""The standings that are written down."""

FINAL = frozenset({Standing.REVOKED, Standing.SUPERSEDED})
"""What no credential comes back from."""


class Detail(StrEnum):
    """A kind of detail that a share link shows."""

    HOLDER = "holder"
    """The learner's name."""
    ACHIEVEMENT = "achievement"
    """What it is about, and which institution said so."""
    CREDITS = "credits"
    """Amounts, schemes, levels."""
    PROOF = "proof"
    """The signed credential itself, and so all that stands in it."""


PAPER_DETAILS = frozenset({Detail.HOLDER, Detail.ACHIEVEMENT, Detail.CREDITS})
"""What the address on a paper shows: what stands on the paper, so that nobody can print another name on it."""

PAPER_UNTIL = date.max
"""Papers are checked for as long as there are any."""


@dataclass(frozen=True, slots=True)
class StatusPlace:
    """Where a credential's status is read: the pair of lists (from 1 on), and the index in both, from 0 on."""

    pair: int
    index: int

    @property
    def revocation_list(self) -> int:
        """The number of the list that tells whether it is revoked."""
        return 2 * self.pair - 1

    @property
    def suspension_list(self) -> int:
        """The number of the list that tells whether it is suspended."""
        return 2 * self.pair


def reached(amounts: Iterable[tuple[str | None, int]]) -> dict[int, int]:
    """Return by level how many hundredths are at it or higher, of amounts with the level at which each was recognised.

    Levels are whole numbers from 1 on; what has another label, or none, counts at ANY_LEVEL alone. Where nothing is,
    there is no member.
    """
    found: dict[int, int] = {}
    for label, hundredths in amounts:
        level = int(label) if label is not None and _LEVEL.fullmatch(label) else ANY_LEVEL
        for least in range(min(level, LEVEL_MAX) + 1):
            found[least] = found.get(least, 0) + hundredths
    return found


def rungs_reached(hundredths: int, asked_hundredths: int | None = None) -> list[int]:
    """Return, in hundredths, of which amounts it is true that as much is there: rungs, and what is asked for."""
    known = {rung * 100 for rung in RUNGS} | ({asked_hundredths} if asked_hundredths else set())
    return sorted(one for one in known if one <= hundredths)


def standing_on(kept: Standing, valid_until: date | None, today: date) -> Standing:
    """Return where a credential stands on a day; `valid_until` is its last one. What is final goes before expiry."""
    if kept not in FINAL and valid_until is not None and valid_until < today:
        return Standing.EXPIRED
    return kept


def moved(kept: Standing, wanted: Standing) -> Standing:
    """Return the standing that is wanted, if a credential can go there. Refused: Conflict."""
    if kept in FINAL and wanted is not kept:
        zh = "该凭证已终止（撤销或被更正取代），不能再改变状态；请重新签发。"
        en = "The credential is over (revoked or superseded) and its status can't change; issue another one."
        raise Conflict((Fault("", "credential_over", zh, en),))
    return wanted
