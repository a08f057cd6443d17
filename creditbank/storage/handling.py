"""Reading what happened with applications, and why learning brought no credit: what was written once by an instant.

All of a table is read, as for figures: this is asked some times a month.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from sqlalchemy import Connection, case, func, literal, select

from creditbank.core.handling import Reason
from creditbank.storage.conversion_events import Event, conversion_event
from creditbank.storage.conversions import conversion
from creditbank.storage.database import json_member, member_of
from creditbank.storage.decisions import decision


@dataclass(frozen=True, slots=True)
class Application:
    """An application with the rules that it goes by and all that was done with it, in its order."""

    institution_id: UUID
    ruleset: str
    version: int
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """How many decisions on outcomes of an institution gave a reason why they bring no credit."""

    institution_id: UUID
    reason: Reason
    many: int


def applications(connection: Connection, institution_ids: Sequence[UUID], until: datetime) -> Iterator[Application]:
    """Yield the applications to some institutions with what was done with them by an instant."""
    joined = conversion_event.join(
        conversion,
        (conversion.c.learner_id == conversion_event.c.learner_id)
        & (conversion.c.id == conversion_event.c.conversion_id),
    )
    accepting = conversion.c.institution_id.label("accepting_id")
    query = select(conversion_event, accepting, conversion.c.ruleset, conversion.c.version).select_from(joined)
    query = query.where(
        conversion_event.c.happened_at < until,
        member_of(connection, conversion.c.institution_id, institution_ids),
    )
    order = (conversion_event.c.learner_id, conversion_event.c.conversion_id, conversion_event.c.number)
    rows = connection.execute(query.order_by(*order))
    for _, some in groupby(rows, lambda row: (row.learner_id, row.conversion_id)):
        found = list(some)
        events = tuple(Event(**{name: getattr(row, name) for name in Event.__slots__}) for row in found)
        yield Application(found[0].accepting_id, found[0].ruleset, found[0].version, events)


def reasons(connection: Connection, since: datetime, until: datetime) -> list[ReasonRow]:
    """Return why outcomes brought no credit by decisions of a span: by institution and reason.

    Of several rule sets that were asked, the reason of the first one counts.
    """
    first = json_member(connection, decision.c.explanation, "sets", 0, "outcome")
    reason = case(
        (decision.c.kind == "recognition", func.coalesce(first, literal(Reason.NO_RULESET.value))),
        else_=decision.c.kind,
    )
    is_without = (decision.c.kind.in_((Reason.DUPLICATE.value, Reason.REVOCATION.value))) | (
        (decision.c.kind == "recognition") & (json_member(connection, decision.c.result, "credits") == "0.00")
    )
    wanted = select(decision.c.institution_id, reason.label("reason"))
    told = wanted.where(decision.c.decided_at >= since, decision.c.decided_at < until, is_without).subquery("told")
    keys = (told.c.institution_id, told.c.reason)
    rows = connection.execute(select(*keys, func.count().label("many")).group_by(*keys))
    return [ReasonRow(row.institution_id, Reason(row.reason), row.many) for row in rows]
