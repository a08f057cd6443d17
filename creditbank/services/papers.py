"""Papers of credentials: a certificate, a conversion letter, a statement, a passbook, a transcript.

Each has an address on which anybody sees whether it still holds. The learner finds it among their links and can
withdraw it.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

from creditbank.core.calendar import bank_day
from creditbank.core.credential import FINAL, PAPER_DETAILS, PAPER_UNTIL, CredentialKind, standing_on
from creditbank.core.credit import decimal_text
from creditbank.core.errors import Conflict, Fault, Malformed
from creditbank.core.ledger import EntryKind
from creditbank.core.outcome import Status
from creditbank.core.permission import require
from creditbank.formats.credential_key import Algorithm
from creditbank.formats.credential_lines import Heading, Line, Rows, lines_of, rows_of
from creditbank.formats.papers import Column, Language, Listing, Paper, Shape
from creditbank.services import issuing_keys
from creditbank.services.bank import Work
from creditbank.services.credential_contents import SCOPE
from creditbank.services.credential_shares import CODE_BYTES, hash_of
from creditbank.services.credentials import unsigned, visible
from creditbank.storage import credentials, decisions, institutions, outcomes, passbook, people
from creditbank.storage.credentials import Credential, Share

LINES_MAX = 10_000
"""The most lines of a passbook or transcript: more than anybody learns in a life."""


class Print(StrEnum):
    """What is printed of a credential."""

    CERTIFICATE = "certificate"
    LETTER = "letter"
    STATEMENT = "statement"
    PASSBOOK = "passbook"
    TRANSCRIPT = "transcript"


PRINTS = {
    CredentialKind.OUTCOME: (Print.CERTIFICATE,),
    CredentialKind.QUALIFICATION: (Print.CERTIFICATE,),
    CredentialKind.CONVERSION: (Print.LETTER,),
    CredentialKind.BALANCE: (Print.STATEMENT, Print.PASSBOOK, Print.TRANSCRIPT),
}
"""What can be printed of each kind; the first where nothing is said."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a credential is wanted on paper."""

    print: Print | None
    language: Language


@dataclass(frozen=True, slots=True)
class _Sheet:
    """What is printed in which language, where it is checked, and the signed credential that goes along in the file."""

    print: Print
    language: Language
    check_url: str
    proof: str


_TITLES = {
    Print.CERTIFICATE: ("学习成果证书", "Certificate of learning"),
    Print.LETTER: ("学习成果转换认定书", "Conversion of learning outcomes"),
    Print.STATEMENT: ("学分余额证明", "Statement of credits"),
    Print.PASSBOOK: ("学分存折", "Credit passbook"),
    Print.TRANSCRIPT: ("学习成果单", "Transcript of learning outcomes"),
}
_BANK = ("终身学习学分银行", "Credit Bank of Lifelong Learning")
_ANONYMOUS = ("持本证书者", "The holder of this certificate")
_STATEMENT = ("已完成下列学习", "has completed the following")
_AWARD_TITLE = ("资历证书", "Certificate of qualification")
_AWARD_STATEMENT = ("已取得下列资历", "holds the following qualification")
_EMPTY = ("无记录", "Nothing is recorded")
_AS_OF = (
    "本件列出签发之时的记录；此后的变动见核验网址与电子存折。",
    "This paper tells what was recorded when it was issued; what came after stands in the electronic passbook.",
)
_ENTRY = {
    EntryKind.RECOGNISE: ("认定", "Recognised"),
    EntryKind.REVERSE: ("冲正", "Reversed"),
    EntryKind.HOLD: ("占用", "Held"),
    EntryKind.RELEASE: ("解除占用", "Released"),
    EntryKind.CONVERT: ("转换", "Converted"),
    EntryKind.RESTORE: ("恢复", "Restored"),
}
_STATUS = {Status.RECOGNISED: ("已认定", "Recognised"), Status.RECORDED: ("已登记", "Recorded")}
_PASSBOOK = (
    Heading("日期", "Date", 1.8),
    Heading("类别", "Kind", 1.5),
    Heading("学习成果", "Learning outcome", 4.5),
    Heading("学分体系", "Scheme", 2),
    Heading("学分", "Credits", 1.3, is_number=True),
    Heading("可用余额", "Available", 1.5, is_number=True),
)
_TRANSCRIPT = (
    Heading("完成日期", "Completed", 1.8),
    Heading("学习成果", "Learning outcome", 4.5),
    Heading("颁发机构", "Institution", 3),
    Heading("状态", "Status", 1.4),
    Heading("学分", "Credits", 1.3, is_number=True),
    Heading("学分体系", "Scheme", 2),
)


def paper_of(work: Work, credential_id: UUID, wanted: Wanted, base_url: str) -> Paper:
    """Return a credential as a paper, for its learner or its issuer; its address for checking is made with the first.

    Refused: Unknown; ScopeMissing; Malformed where it can't be printed so; Conflict where it is over or its paper was
    withdrawn.
    """
    if work.actor.learner_id is None:
        require(work.actor, SCOPE)  # an auditor reads, and prints nothing
    found = visible(work, credential_id)
    prints = PRINTS[found.kind]
    if wanted.print not in (None, *prints):
        names = " / ".join(prints)
        zh, en = f"此凭证可打印为 {names}。", f"This credential is printed as {names}."
        raise Malformed((Fault("/print", "wrong_print", zh, en),))
    if standing_on(found.standing, found.valid_until, work.today) in FINAL:
        zh, en = (
            "该凭证已终止，不能再打印；请重新签发。",
            "The credential is over and is printed no more; issue another one.",
        )
        raise Conflict((Fault("", "credential_over", zh, en),))
    document = unsigned(work, found)
    code = _checked_at(work, found, document)
    proof = issuing_keys.as_jwt(work, base_url, document, Algorithm.RS256)
    sheet = _Sheet(wanted.print or prints[0], wanted.language, f"{base_url}/verify/{code}", proof)
    return _laid_out(work, found, document, sheet)


def _checked_at(work: Work, found: Credential, document: Mapping[str, Any]) -> str:
    """Return the code under which the paper is checked, the same for every print of the credential.

    It follows from what chance gave the credential, so that it can be printed again and stands nowhere in the open.
    """
    seed = f"paper|{found.id}|{document['credentialSubject']['id']}"
    code = base64.b32encode(hashlib.sha256(seed.encode()).digest()[:CODE_BYTES]).decode().lower()
    share = credentials.share_by_code(work.connection, hash_of(code))
    if share is None:
        share_id = uuid5(found.id, "paper")  # two prints at once make one
        share = Share(found.learner_id, share_id, found.id, hash_of(code), PAPER_DETAILS, work.now, PAPER_UNTIL, None)
        credentials.add_share(work.connection, share)
    elif share.withdrawn_at is not None:
        zh, en = "持有人已撤回此纸质件；请重新签发凭证。", "Its holder withdrew the paper; issue another credential."
        raise Conflict((Fault("", "paper_withdrawn", zh, en),))
    return code


def _laid_out(work: Work, found: Credential, document: Mapping[str, Any], sheet: _Sheet) -> Paper:
    """Return everything that stands on the paper."""
    wanted, language = sheet.print, sheet.language
    subject = document["credentialSubject"]
    lines = lines_of(subject)
    name = next((line.value for line in lines if line.en == "Holder"), "")
    is_certificate = wanted is Print.CERTIFICATE
    facts = [line for line in lines if not (is_certificate and line.en == "Holder")]
    if found.valid_until is not None:
        facts.append(Line("有效期至", "Valid until", found.valid_until.isoformat()))
    lists = [*rows_of(subject), *_more(work, found, wanted, language)]
    place = 0 if language is Language.CHINESE else 1
    is_award = found.kind is CredentialKind.QUALIFICATION
    return Paper(
        shape=Shape.CERTIFICATE if is_certificate else Shape.RECORD,
        language=language,
        title=(_AWARD_TITLE if is_award else _TITLES[wanted])[place],
        facts=tuple(((line.zh, line.en)[place], line.values[place]) for line in facts),
        issuer=_BANK[place],
        issued_on=bank_day(found.issued_at),
        serial=f"CB-{found.id.hex[-12:].upper()}",
        check_url=sheet.check_url,
        proof=sheet.proof,
        holder=name or _ANONYMOUS[place],
        statement=(_AWARD_STATEMENT if is_award else _STATEMENT)[place],
        lists=tuple(_listing(one, place) for one in lists),
        notes=(_AS_OF[place],) if wanted in (Print.PASSBOOK, Print.TRANSCRIPT) else (),
    )


def _listing(one: Rows, place: int) -> Listing:
    columns = tuple(
        Column((heading.zh, heading.en)[place], heading.width, heading.is_number) for heading in one.headings
    )
    return Listing((one.zh, one.en)[place], columns, one.rows, _EMPTY[place])


def _more(work: Work, found: Credential, wanted: Print, language: Language) -> list[Rows]:
    """Return what a passbook or a transcript tells beside the balances, as of when the credential was issued."""
    person = people.person(work.connection, found.learner_id)
    if person is None or wanted not in (Print.PASSBOOK, Print.TRANSCRIPT):
        return []
    place = 0 if language is Language.CHINESE else 1
    if wanted is Print.PASSBOOK:
        return [Rows("明细", "Lines", _PASSBOOK, _passbook_rows(work, found, person.members, place))]
    return [Rows("学习成果", "Learning outcomes", _TRANSCRIPT, _transcript_rows(work, found, person.members, place))]


def _passbook_rows(work: Work, found: Credential, members: tuple[UUID, ...], place: int) -> list[tuple[str, ...]]:
    lines = passbook.lines(work.connection, members, None, LINES_MAX)
    lines = [line for line in lines if line.entry.recorded_at <= found.issued_at]
    revisions = outcomes.revisions(work.connection, {line.outcome_id for line in lines})
    titles = {one: json.loads(told[-1].content)["title"] for one, told in revisions.items()}
    return [
        (
            bank_day(line.entry.recorded_at).isoformat(),
            _ENTRY[line.entry.transfer.kind][place],
            titles[line.outcome_id],
            line.entry.scheme,
            decimal_text(line.entry.transfer.amount_hundredths),
            decimal_text(line.balance_after_hundredths),
        )
        for line in lines
    ]


def _transcript_rows(work: Work, found: Credential, members: tuple[UUID, ...], place: int) -> list[tuple[str, ...]]:
    rows = outcomes.page(work.connection, members, None, None, LINES_MAX)
    told = [(head, one) for head, one in rows if head.status in _STATUS and head.recorded_at <= found.issued_at]
    results = decisions.results(work.connection, [head.decision_id for head, _ in told if head.decision_id])
    names = institutions.names(work.connection, {head.institution_id for head, _ in told})
    listed: list[tuple[str, ...]] = []
    for head, one in sorted(told, key=lambda pair: (pair[0].completed_on, str(pair[0].id)), reverse=True):
        result: Mapping[str, Any] = {}
        if head.status is Status.RECOGNISED and head.decision_id is not None:
            result = json.loads(results[head.decision_id])
        credits, scheme = str(result.get("credits") or ""), str(result.get("scheme") or "")  # noqa: A001 - the field's name
        title, issuer = json.loads(one.content)["title"], names[head.institution_id][1]
        status = _STATUS[head.status][place]
        listed.append((head.completed_on.isoformat(), title, issuer, status, credits, scheme))
    return listed
