"""The audit log as audit administration reads it, and as the bank's console takes away what is old enough."""

from datetime import date, datetime, time, timedelta
from uuid import UUID

from creditbank.core.calendar import SHANGHAI
from creditbank.core.errors import Fault, Malformed
from creditbank.core.permission import require
from creditbank.services.bank import Work
from creditbank.storage import audit
from creditbank.storage.audit import AuditLine

__all__ = ["AUDIT_DAYS_MIN", "AuditLine", "audit_page", "prune"]

AUDIT_DAYS_MIN = 180
"""Six months, as 网络安全法 (article 21) asks of network logs; the database's triggers refuse less by themselves."""


def audit_page(
    work: Work, wanted: dict[str, str | None], day: date | None, after: tuple[datetime, UUID] | None, rows_max: int
) -> list[AuditLine]:
    """Return lines of the audit log, newest first; `wanted` names actor and action, `day` is one of Shanghai's.

    Refused: ScopeMissing.
    """
    require(work.actor, "audit:log")
    since, until = (None, None) if day is None else (_midnight(day), _midnight(day + timedelta(days=1)))
    asked = audit.Wanted(wanted.get("actor"), wanted.get("action"), since, until)
    return audit.page(work.connection, asked, after, rows_max)


def prune(work: Work, before: date, kept_days: int) -> int:
    """Delete lines of days before `before` and return how many there were.

    Refused: ScopeMissing; Malformed where any of them is younger than `kept_days`.
    """
    require(work.actor, "audit:log")
    newest = work.today - timedelta(days=max(kept_days, AUDIT_DAYS_MIN))
    if before > newest:
        zh = f"审计日志至少保留 {kept_days} 天；最晚可清理到 {newest.isoformat()} 之前。"
        en = f"The audit log is kept for {kept_days} days at least; {newest.isoformat()} is the latest date to name."
        raise Malformed((Fault("/before", "kept", zh, en),))
    return audit.prune(work.connection, _midnight(before))


def _midnight(day: date) -> datetime:
    """Return when a day begins in Shanghai."""
    return datetime.combine(day, time(), SHANGHAI)
