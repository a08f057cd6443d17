"""The export: everything that the bank holds about a learner, as JSON and CSV in one zip.

A part is a table; `storage/holdings` reads it whole, so that a column that is added later is in the export by itself.
"""

import json
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from typing import IO, Any
from uuid import UUID

from creditbank.core.calendar import instant_text
from creditbank.core.credit import decimal_text
from creditbank.core.entitlement import Sight
from creditbank.core.lots import summed
from creditbank.core.merging import Person
from creditbank.formats.id_number import masked
from creditbank.formats.tables import csv_bytes, json_bytes
from creditbank.services.bank import Work
from creditbank.services.decisions import told as told_decision
from creditbank.services.diary import told as told_lines
from creditbank.services.entitlement import acting_for, no_such_learner
from creditbank.storage import award_decisions, holdings, institutions, naming, passbook
from creditbank.storage.access_log import DiaryLine
from creditbank.storage.database import snapshot
from creditbank.storage.decisions import StoredDecision

MEMORY_BYTES_MAX = 4 * 1024 * 1024
"""What an export takes of memory; what is larger is written to a temporary file that has no name."""

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the export: its name, the table it shows whole, what it holds in both languages.

    `more` adds to the rows what is reckoned, not stored.
    """

    name: str
    table: str
    zh: str
    en: str
    more: Callable[[Work, Rows], Rows] | None = None


def _decisions(_work: Work, rows: Rows) -> Rows:
    return [{**row, "sentences": told_decision(StoredDecision(**row))} for row in rows]


def _award_decisions(_work: Work, rows: Rows) -> Rows:
    return [{**row, "sentences": told_decision(award_decisions.stored(row))} for row in rows]


def _diary(work: Work, rows: Rows) -> Rows:
    lines = [DiaryLine(**{**row, "sight": Sight(row["sight"])}) for row in rows]
    return [{**row, "sentences": told.sentences} for row, told in zip(rows, told_lines(work, lines), strict=True)]


def _identifiers(work: Work, rows: Rows) -> Rows:
    """Mask the numbers for whoever isn't the learner."""
    if not work.actor.is_proxy:
        return rows
    return [{**row, "value": masked(row["type"], row["value"])} for row in rows]


PARTS: list[Part] = [
    Part("profile", "learner", "学习账户", "Your account: name, birth date, number"),
    Part("identifiers", "identifier", "身份标识", "Your identifiers and who recorded them", _identifiers),
    Part("identity_history", "identity_history", "姓名与出生日期的更正", "What name and birth date were before"),
    Part("known_to", "affiliation", "登记了您的机构", "Institutions that know you"),
    Part("merged_accounts", "learner_link", "账户的合并与拆分", "Accounts that were merged or parted"),
    Part("identity_cases", "identity_case", "身份案件", "Cases on whose an account is"),
    Part("outcomes", "outcome", "学习成果", "Learning outcomes as they stand"),
    Part("outcome_revisions", "outcome_revision", "学习成果的各个版本", "All that was recorded of them"),
    Part("decisions", "decision", "认定与转换决定及理由", "Decisions with their reasons", _decisions),
    Part("accounts", "account", "各学分体系的账户", "Your accounts, one a credit scheme"),
    Part("lots", "lot", "学分批次与有效期", "Credits by outcome, with their last days"),
    Part("statement", "entry", "积分明细", "The passbook"),
    Part("conversions", "conversion", "转换申请", "Applications for conversion"),
    Part("conversion_parts", "conversion_part", "转换申请的组成", "What each application uses and brings"),
    Part("conversion_events", "conversion_event", "转换申请的经过", "What was done with each application"),
    Part("conversion_readers", "conversion_reader", "参与转换申请的机构", "Institutions with a part in them"),
    Part("conversion_cases", "conversion_case", "转换复核案件", "Cases after an outcome was revoked"),
    Part("qualifications", "qualification_award", "授予您的资历", "Qualifications that you were awarded"),
    Part("qualification_sources", "qualification_source", "资历所依据的学习成果", "What each of them rests on"),
    Part("qualification_events", "qualification_event", "资历的经过", "What was done with each of them"),
    Part("qualification_decisions", "qualification_decision", "资历决定及理由", "Decisions on them", _award_decisions),
    Part("qualification_cases", "qualification_case", "资历复核案件", "Cases after what they rest on has changed"),
    Part("certificates", "certificate", "证书编号", "Certificate numbers of your outcomes"),
    Part("credentials", "credential", "签发的凭证", "Credentials that were issued about you"),
    Part("credential_shares", "credential_share", "凭证的出示链接", "Links that you made to show them"),
    Part("consents", "consent", "您的授权", "What you consented to"),
    Part("consent_withdrawals", "consent_withdrawal", "撤回的授权", "Consents that you took back"),
    Part("names_at_partners", "pairwise", "您在合作平台的编号", "Under which id each partner knows you"),
    Part("guardians", "guardianship", "监护关系", "Who speaks for you, or did, while you were under 14"),
    Part("logins", "learner_login", "登录方式", "Your logins"),
    Part("counters", "proxy_session", "代办记录", "Who acted for you at a counter, and why"),
    Part("correction_requests", "correction_request", "更正申请", "What you asked to have corrected"),
    Part("erasure_requests", "erasure_request", "删除申请", "Your requests for erasure"),
    Part("access_log", "access_log", "查阅记录", "Who saw what, and why they could", _diary),
]
"""What an export holds; a test wants every table that carries a learner's id here or among the exempt ones."""

EXEMPT = {
    "identifier_index": "keyed hashes of the identifiers, which are in the export",
    "outcome_claim": "keyed hashes of the outcomes, which are in the export",
    "outcome_key": "ids that stand in the outcomes",
    "likeness_index": "keyed hashes of name, birth date and phone, which are in the export",
    "log_leaf": "where the entries of the passbook stand in the log, which every entry's proof tells",
    "unsealed_entry": "which entries of the passbook wait for their place in it, for seconds",
    "link_code": "keyed hashes of codes that wait to be used, for seven days at most",
    "event": "what became of outcomes, conversions, awards and credentials, which are in the export, in a month",
    "webhook_delivery": "to whom that was sent, as the lines of access_log say",
    "conversion_claim": "which outcomes and courses an application uses, as its parts say",
}
"""Tables that say nothing beyond what other parts say."""

_INSTITUTIONS = ("institution_id", "reviewer_id", "claimed_by", "submitter_id")
"""Columns that name an institution, whose code is written beside the id."""

_DOCUMENTS = ("content", "inputs", "result", "explanation", "dependents", "document", "missing")
"""Columns that hold JSON."""


def export(work: Work, learner_id: UUID) -> IO[bytes]:
    """Return everything about a learner as an open zip file, as it stood at one moment; the caller closes it.

    For the learner; whoever acts for them gets identifiers masked. Refused: Unknown, also to auditors.
    """
    person = acting_for(work, learner_id, Sight.EXPORT)
    with ExitStack() as until_packed:
        packed = until_packed.enter_context(tempfile.SpooledTemporaryFile(MEMORY_BYTES_MAX))
        with snapshot(work.connection), zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            _pack(work, person, archive)
        packed.seek(0)
        until_packed.pop_all()  # the caller closes it
    return packed


def _pack(work: Work, person: Person, archive: zipfile.ZipFile) -> None:
    """Write every part. Refused: Unknown to the bearer of a token of nobody."""
    ciphers = naming.ciphers(work.connection, work.keyring, person.members)
    if not ciphers:
        raise no_such_learner()
    archive.writestr("README.txt", _readme(work))
    _add(archive, "balances", _balances(work, person))
    for part in PARTS:
        rows = holdings.of(work.connection, part.table, person.members, ciphers)
        _add(archive, part.name, _told(work, part.more(work, rows) if part.more else rows))


def _add(archive: zipfile.ZipFile, name: str, rows: Rows) -> None:
    archive.writestr(f"json/{name}.json", json_bytes(rows))
    archive.writestr(f"csv/{name}.csv", csv_bytes(rows))


def _balances(work: Work, person: Person) -> Rows:
    """Return today's balances."""
    found = summed(passbook.balances_today(work.connection, person.members, work.today))
    names = ("recognised", "held", "converted", "expired", "available")
    return [
        {"as_of": work.today.isoformat(), "scheme": one.scheme}
        | {name: decimal_text(getattr(one, f"{name}_hundredths")) for name in names}
        for one in found
    ]


def _told(work: Work, rows: Rows) -> Rows:
    """Return rows as they are written: amounts as decimals, instants as texts, institutions by their codes as well."""
    named = {row[column] for row in rows for column in _INSTITUTIONS if row.get(column) is not None}
    codes = institutions.codes(work.connection, named) if named else {}
    told: Rows = []
    for row in rows:
        cells: dict[str, Any] = {}
        for column, value in row.items():
            cells |= _cell(column, value)
            if column in _INSTITUTIONS:
                cells[column.removesuffix("_id") + "_code"] = codes.get(value)
        told.append(cells)
    return told


def _cell(column: str, value: object) -> dict[str, Any]:
    """Return a stored value under the name, and in the form, in which it is written."""
    if column.endswith("_hundredths"):
        name = column.removesuffix("_hundredths")
        return {name: decimal_text(value) if isinstance(value, int) else None}
    if column in _DOCUMENTS and isinstance(value, str):
        return {column: json.loads(value)}
    if isinstance(value, datetime):
        return {column: instant_text(value)}
    if isinstance(value, date):
        return {column: value.isoformat()}
    if isinstance(value, UUID):
        return {column: str(value)}
    return {column: value.hex() if isinstance(value, bytes) else value}


def _readme(work: Work) -> str:
    """Return what each file is, in both languages."""
    files: Sequence[tuple[str, str, str]] = [
        ("balances", "当日余额", "Your balances today"),
        *((part.name, part.zh, part.en) for part in PARTS),
    ]
    listed = "\n".join(f"  {name:<22}{zh} · {en}" for name, zh, en in files)
    return f"""终身学习学分银行：您的全部数据
Credit bank: everything that is stored about you

导出时间 · Made at: {instant_text(work.now)}

每张表有两个文件：json/ 供程序读取，csv/ 可用电子表格打开（UTF-8）。以 ' 开头的单元格是文本，不是公式。
Each table comes twice: in json/ for programs, in csv/ for spreadsheets (UTF-8). A cell that begins with ' is text.

{listed}

此文件含有您的个人信息，请妥善保管。如有错误，可要求登记机构更正：POST /v1/learners/me/correction-requests。
This file holds your personal data: keep it safe. What is wrong in it you may have corrected by who recorded it.
"""
