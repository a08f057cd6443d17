"""Programmes: what accepting institutions teach, published by themselves and open to everybody with a token."""

from dataclasses import replace

from creditbank.core.errors import Conflict, Fault, Malformed, NotAllowed, Outdated, unknown
from creditbank.core.institution import Role
from creditbank.core.normalisation import text_key
from creditbank.core.permission import require
from creditbank.core.programme import Programme
from creditbank.services.bank import Work
from creditbank.storage import institutions, programmes, schemes
from creditbank.storage.programmes import StoredProgramme

CODE_MAX = 64
"""Characters of a course's code as it is compared: some single ones stand for a whole formula."""

__all__ = ["StoredProgramme", "programme", "programmes_page", "publish", "replace_programme"]


def programme(work: Work, institution: str, code: str) -> StoredProgramme:
    """Return one programme. Refused: Unknown."""
    found = programmes.by_code(work.connection, institution, code)
    if found is None:
        raise unknown("培养方案", "programme")
    return found


def programmes_page(
    work: Work, institution: str | None, after: tuple[str, str], rows_max: int
) -> list[StoredProgramme]:
    """Return programmes in the order of codes, from the one behind `after`."""
    return programmes.page(work.connection, institution, after, rows_max)


def publish(work: Work, wanted: Programme) -> tuple[StoredProgramme, bool]:
    """Publish a programme of the actor's institution and tell whether it is new.

    Refused: NotAllowed to institutions that accept nothing, Malformed, Conflict where the code stands for another one.
    """
    own = _checked(work, wanted)
    assert work.actor.institution_id is not None, "learners' tokens carry no scope for this"
    found = programmes.locked(work.connection, work.actor.institution_id, own.code)
    if found is None:
        made = StoredProgramme(work.new_id(), work.actor.institution_id, 1, work.now, work.now, own)
        programmes.add(work.connection, made)
        return made, True
    if found.programme != own:
        zh = "此代码已用于内容不同的培养方案；更改请使用 PUT，新方案请使用新的代码。"
        en = "This code stands for a programme with other content; change it with PUT, or use a new code."
        raise Conflict((Fault("/code", "differs", zh, en),))
    return found, False


def replace_programme(work: Work, institution: str, seen_revision: int, wanted: Programme) -> StoredProgramme:
    """Put a new revision in the place of a programme; conversions that were decided keep what they were decided on.

    Refused: Unknown, also for another institution's; Outdated where another revision stands; Malformed.
    """
    own = _checked(work, wanted)
    actor = work.actor
    if institution != actor.institution_code or actor.institution_id is None:
        raise unknown("培养方案", "programme")
    found = programmes.locked(work.connection, actor.institution_id, own.code)
    if found is None:
        raise unknown("培养方案", "programme")
    if found.programme == own:
        return found
    if found.revision != seen_revision:
        zh = f"此培养方案现为第 {found.revision} 版；请重新读取后再更改。"
        en = f"Revision {found.revision} stands now; read the programme again and change that."
        raise Outdated((Fault("", "outdated", zh, en),))
    changed = replace(found, revision=found.revision + 1, changed_at=work.now, programme=own)
    programmes.replace_with(work.connection, changed)
    return changed


def _checked(work: Work, wanted: Programme) -> Programme:
    """Return the programme as the actor's institution's. Refused: NotAllowed, Malformed."""
    require(work.actor, "rules:write")
    actor = work.actor
    assert actor.institution_id is not None, "learners' tokens carry no scope for this"
    institution = institutions.by_id(work.connection, actor.institution_id)
    assert institution is not None, "a client belongs to an institution"
    if Role.ACCEPTOR not in institution.roles:
        zh = "您的机构没有接受转换（acceptor）的职能；请联系管理机构开通。"
        en = "Your institution is no acceptor of conversions; ask the authority for that role."
        raise NotAllowed((Fault("", "no_acceptor", zh, en),))
    faults = []
    if wanted.scheme not in schemes.every(work.connection):
        zh = "没有这个代码的学分体系；GET /v1/schemes 列出可用的体系。"
        en = "There is no credit scheme of this code; GET /v1/schemes lists those there are."
        faults.append(Fault("/scheme", "unknown_scheme", zh, en))
    seen: dict[str, int] = {}
    for number, course in enumerate(wanted.courses):
        key = text_key(course.code)
        if key in seen:
            zh = f"课程代码与第 {seen[key] + 1} 门课程相同（不区分大小写与全半角）；请改用不同的代码。"
            en = f"The code is that of course {seen[key] + 1} too, case and width apart; give it another."
            faults.append(Fault(f"/courses/{number}/code", "duplicate_code", zh, en))
        seen.setdefault(key, number)
        if len(key) > CODE_MAX:
            zh, en = (
                f"课程代码展开后最多 {CODE_MAX} 个字符。",
                f"Written out, the code has {CODE_MAX} characters at most.",
            )
            faults.append(Fault(f"/courses/{number}/code", "too_long", zh, en))
    if faults:
        raise Malformed(tuple(faults))
    return replace(wanted, institution=actor.institution_code)
