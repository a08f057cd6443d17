"""Identity cases as they are shown: both accounts, what was found alike, and who said what."""

from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

import marshmallow

from creditbank.api.learners import IdentifierOut, identifier_document
from creditbank.core.calendar import instant_text
from creditbank.core.identity import Learner, LearnerStatus
from creditbank.core.likeness import SENTENCES, THRESHOLD_HUNDREDTHS, Finding
from creditbank.core.resolution import CaseKind, Verdict
from creditbank.services.identity_cases import IdentityCase, Said, View


class CaseState(StrEnum):
    """Whether a case still waits for somebody's word."""

    OPEN = "open"
    DECIDED = "decided"


class IdentityCaseBrief(marshmallow.Schema):
    """A case in a list."""

    id = marshmallow.fields.UUID(required=True)
    kind = marshmallow.fields.Enum(CaseKind, by_value=True, required=True)
    state = marshmallow.fields.Enum(CaseState, by_value=True, required=True)
    verdict = marshmallow.fields.Enum(Verdict, by_value=True, required=True, allow_none=True)
    learner_id = marshmallow.fields.UUID(required=True)
    other_id = marshmallow.fields.UUID(required=True)
    link = marshmallow.fields.UUID(required=True, allow_none=True)
    opened_by = marshmallow.fields.String(required=True)
    opened_at = marshmallow.fields.DateTime(required=True)
    decided_at = marshmallow.fields.DateTime(required=True, allow_none=True)


class IdentityAccount(marshmallow.Schema):
    """One side of a case; everything but the id is null where somebody was erased."""

    id = marshmallow.fields.UUID(required=True)
    account_no = marshmallow.fields.String(required=True, allow_none=True)
    status = marshmallow.fields.Enum(LearnerStatus, by_value=True, required=True, allow_none=True)
    name = marshmallow.fields.String(required=True, allow_none=True)
    birth_date = marshmallow.fields.Date(required=True, allow_none=True)
    identifiers = marshmallow.fields.List(marshmallow.fields.Nested(IdentifierOut), required=True)
    merged = marshmallow.fields.List(marshmallow.fields.UUID(), required=True)


class LikenessPart(marshmallow.Schema):
    """What was found alike or different, and what it adds, in bits."""

    finding = marshmallow.fields.Enum(Finding, by_value=True, required=True)
    weight = marshmallow.fields.String(required=True)
    message_zh = marshmallow.fields.String(required=True)
    message_en = marshmallow.fields.String(required=True)


class LikenessOut(marshmallow.Schema):
    """How much alike two accounts are; from the threshold on people are asked."""

    value = marshmallow.fields.String(required=True)
    threshold = marshmallow.fields.String(required=True)
    parts = marshmallow.fields.List(marshmallow.fields.Nested(LikenessPart), required=True)


class IdentityStatement(marshmallow.Schema):
    """What somebody said on a case."""

    verdict = marshmallow.fields.Enum(Verdict, by_value=True, required=True)
    said_by = marshmallow.fields.String(required=True)
    account_id = marshmallow.fields.UUID(required=True, allow_none=True)
    reason = marshmallow.fields.String(required=True, allow_none=True)
    happened_at = marshmallow.fields.DateTime(required=True)


class IdentityCaseOut(IdentityCaseBrief):
    """A case with both accounts, why it was opened, and who said what."""

    reason = marshmallow.fields.String(required=True, allow_none=True)
    evidence = marshmallow.fields.String(required=True, allow_none=True)
    score = marshmallow.fields.Nested(LikenessOut, required=True, allow_none=True)
    accounts = marshmallow.fields.List(marshmallow.fields.Nested(IdentityAccount), required=True)
    said = marshmallow.fields.List(marshmallow.fields.Nested(IdentityStatement), required=True)


class IdentityCasePage(marshmallow.Schema):
    """A page of cases, newest first."""

    items = marshmallow.fields.List(marshmallow.fields.Nested(IdentityCaseBrief), required=True)
    next_cursor = marshmallow.fields.String(required=True, allow_none=True)


def brief(one: IdentityCase) -> dict[str, Any]:
    """Return a case as it stands in a list."""
    state = CaseState.OPEN if one.verdict is None else CaseState.DECIDED
    return {
        "id": str(one.id),
        "kind": one.kind.value,
        "state": state.value,
        "verdict": one.verdict and one.verdict.value,
        "learner_id": str(one.learner_id),
        "other_id": str(one.other_id),
        "link": one.link_id and str(one.link_id),
        "opened_by": one.opened_by,
        "opened_at": instant_text(one.opened_at),
        "decided_at": one.decided_at and instant_text(one.decided_at),
    }


def document(found: View) -> dict[str, Any]:
    """Return a case as it stands on the wire."""
    reason, evidence = found.grounds
    ends = found.case.learner_id, found.case.other_id
    return {
        **brief(found.case),
        "reason": reason,
        "evidence": evidence,
        "score": _score(found),
        "accounts": [_account(end, side, found.on) for end, side in zip(ends, found.sides, strict=True)],
        "said": [_statement(one, why) for one, why in found.said],
    }


def _account(account_id: UUID, shown: Learner | None, on: date) -> dict[str, Any]:
    """Return one side; `account_id` is the account that the case names, `id` the one that the person is known by."""
    return {
        "id": str(account_id if shown is None else shown.id),
        "account_no": None if shown is None else shown.account_no,
        "status": None if shown is None else shown.status.value,
        "name": None if shown is None else shown.name,
        "birth_date": None if shown is None or shown.birth_date is None else shown.birth_date.isoformat(),
        "identifiers": [] if shown is None else [identifier_document(one, on) for one in shown.identifiers],
        "merged": [] if shown is None else [str(one) for one in shown.merged],
    }


def _score(found: View) -> dict[str, Any] | None:
    """Return the likeness that raised a case, with its parts in words."""
    if found.case.score_hundredths is None:
        return None
    return {
        "value": _bits(found.case.score_hundredths),
        "threshold": _bits(THRESHOLD_HUNDREDTHS),
        "parts": [
            {
                "finding": finding.value,
                "weight": _bits(weight),
                "message_zh": SENTENCES[finding][0],
                "message_en": SENTENCES[finding][1],
            }
            for finding, weight in found.findings
        ],
    }


def _bits(hundredths: int) -> str:
    whole, rest = divmod(abs(hundredths), 100)
    return f"{'-' if hundredths < 0 else ''}{whole}.{rest:02d}"


def _statement(one: Said, reason: str | None) -> dict[str, Any]:
    return {
        "verdict": one.verdict.value,
        "said_by": one.actor,
        "account_id": one.account_id and str(one.account_id),
        "reason": reason,
        "happened_at": instant_text(one.happened_at),
    }
