"""A learner's own logins, and the link codes by which institutions that know a learner vouch for the first of them."""

import secrets
from datetime import timedelta
from uuid import UUID

from creditbank.core.entitlement import Basis, Sight
from creditbank.core.errors import Fault, NotAllowed, unknown
from creditbank.core.merging import Person
from creditbank.core.permission import require
from creditbank.formats.link_code import new_link_code, shown
from creditbank.services.bank import Work
from creditbank.services.entitlement import is_own, knows, no_such_learner
from creditbank.storage import login_proofs, logins, people
from creditbank.storage.login_proofs import LinkCode
from creditbank.storage.logins import LearnerLogin

__all__ = ["LearnerLogin", "LinkCode", "end_login", "issue_link_code", "logins_of"]

LINK_CODE_KEPT = timedelta(days=7)
"""Time enough to go home and log in; a slip of paper that is found later opens nothing."""


def issue_link_code(work: Work, learner_id: UUID) -> tuple[str, LinkCode]:
    """Return a new link code of a learner whom the institution knows, as it is printed; it is shown this one time.

    Refused: ScopeMissing; Unknown, also to auditors, who see every learner but know none.
    """
    require(work.actor, "learners:write")
    institution_id = work.actor.institution_id
    held = people.locked(work.connection, learner_id)  # one after the other, so that one code is left
    if held is None or held.is_erased or institution_id is None or not knows(work, held.person):
        raise no_such_learner()
    code = new_link_code(secrets.choice)
    index = work.keyring.blind_index("link_code", code)
    kept = LinkCode(index, learner_id, institution_id, work.actor.client_id, work.now + LINK_CODE_KEPT)
    login_proofs.add_link_code(work.connection, kept, work.now)
    return shown(code), kept


def logins_of(work: Work, learner_id: UUID) -> list[LearnerLogin]:
    """Return the learner's own logins. Refused: Unknown to everybody else."""
    return logins.learner_logins(work.connection, _own(work, learner_id).members)


def end_login(work: Work, learner_id: UUID, login_id: UUID) -> None:
    """End one of the learner's own logins. Refused: NotAllowed to who acts for them at a counter; Unknown."""
    person = _own(work, learner_id)
    if work.actor.is_proxy:
        zh, en = "代办人员不能更改学习者的登录方式。", "Who acts for a learner at a counter can't change their logins."
        raise NotAllowed((Fault("", "not_by_proxy", zh, en),))
    if not logins.end_learner_login(work.connection, person.members, login_id, work.now):
        raise unknown("登录方式", "login")


def _own(work: Work, learner_id: UUID) -> Person:
    """Return the learner who asks for themself. Refused: Unknown."""
    person = people.person(work.connection, learner_id)
    if person is None or not is_own(work, learner_id, person):
        raise no_such_learner()
    if work.actor.is_proxy:
        work.note_sight(person.id, Sight.IDENTITY, Basis.PROXY)
    return person
