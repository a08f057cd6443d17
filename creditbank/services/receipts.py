"""Receipts: what is answered about an outcome, whether it was handed in, corrected or asked for."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from creditbank.core.errors import Refusal
from creditbank.services.bank import Work
from creditbank.storage import decisions, outcomes


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a record: the outcome, the result of its decision, and whether it came to be just now."""

    head: outcomes.Head
    result: dict[str, Any] | None
    is_new: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a part of a document that was handed in: its place there, and the receipt or why not."""

    place: str
    answer: Receipt | Refusal


def receipts(work: Work, heads: Sequence[outcomes.Head]) -> list[Receipt]:
    """Return outcomes that stand, each with the result of its decision."""
    results = decisions.results(work.connection, [head.decision_id for head in heads if head.decision_id])
    return [
        Receipt(head, json.loads(results[head.decision_id]) if head.decision_id else None, is_new=False)
        for head in heads
    ]
