"""The diary of reads: shown to the learner it is about, to who acts for them, and to auditors, who leave a line too."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from creditbank.core.diary import sentences
from creditbank.core.entitlement import Sight
from creditbank.services.bank import Work
from creditbank.services.entitlement import no_such_learner, seen
from creditbank.storage import access_log, institutions


@dataclass(frozen=True, slots=True)
class Told:
    """A line of the diary with the code and name of the reader's institution, and its sentences."""

    line: access_log.DiaryLine
    institution: tuple[str, str] | None
    sentences: dict[str, str]


def page(work: Work, learner_id: UUID, after: tuple[datetime, UUID] | None, rows_max: int) -> list[Told]:
    """Return who saw what of a learner, newest first.

    Refused: Unknown, also to institutions that know the learner.
    """
    if work.actor.learner_id is None and not work.actor.audits:
        raise no_such_learner()
    person = seen(work, learner_id, Sight.ACCESS_LOG)
    return told(work, access_log.page(work.connection, person.members, after, rows_max))


def told(work: Work, lines: Sequence[access_log.DiaryLine]) -> list[Told]:
    """Return lines in words."""
    known = institutions.names(work.connection, {line.institution_id for line in lines if line.institution_id})
    return [_told(line, known.get(line.institution_id) if line.institution_id else None) for line in lines]


def _told(line: access_log.DiaryLine, institution: tuple[str, str] | None) -> Told:
    reader = institution[1] if institution else line.reader
    return Told(line, institution, sentences(reader, line.happened_at, line.sight, line.basis))
