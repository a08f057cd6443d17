"""The comparison: everything in the database against the journal of what was acknowledged."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, select

from creditbank.core.permission import Actor
from creditbank.services.bank import Bank, looked_up
from creditbank.services.verification import verify
from creditbank.storage.conversions import conversion
from creditbank.storage.ledger import entry, lot
from creditbank.storage.outcomes import outcome, outcome_key, outcome_revision
from tests.drills.journal import Effect, Effects, Journal


def compare(bank: Bank, journal: Journal) -> None:
    """Note in the journal whatever in the database is not as it was acknowledged, and what was acknowledged and isn't.

    Of what nobody was told about, either nothing or the one effect may be there.
    """
    with bank.database.reading() as connection:
        found, ids = _standing(connection)
        keys = Counter(connection.execute(select(outcome_key.c.external_id)).scalars())
        applications = {str(row.id): row.state for row in connection.execute(select(conversion))}
    for external_id in found.keys() | journal.stands.keys() | journal.doubtful.keys() | keys.keys():
        known = journal.stands.get(external_id)
        _compare_one(journal, external_id, (known, journal.doubtful.get(external_id)), found.get(external_id, ()))
        if keys[external_id] != len(ids.get(external_id, ())):
            journal.find("ledger", f"{external_id}: {keys[external_id]} keys, {len(ids.get(external_id, ()))} outcomes")
    for external_id, outcome_id in journal.ids.items():
        if outcome_id not in ids.get(external_id, ()):
            journal.find("ids", f"{external_id}: was answered as {outcome_id}, which is not there")
    _compare_conversions(journal, applications)


def compare_doubtful(bank: Bank, journal: Journal) -> int:
    """Note what is neither nothing nor the one effect of requests without an answer; return how many records they are.

    Done before those are sent again, after which nobody can tell what came of the first try.
    """
    with bank.database.reading() as connection:
        found, _ = _standing(connection)
    doubtful = dict(journal.doubtful)
    for external_id, possible in doubtful.items():
        told = (journal.stands.get(external_id), possible)
        _compare_one(journal, external_id, told, found.get(external_id, ()))
    return len(doubtful)


def audit(bank: Bank, journal: Journal) -> int:
    """Note what a verification of the whole ledger finds, and return how many entries it saw."""
    report = looked_up(bank, Actor("drill", frozenset({"admin"})), verify)
    for fault in report.faults:
        journal.find("ledger", fault)
    return report.entries


def _compare_one(journal: Journal, external_id: str, told: tuple[Effects | None, Effects | None], has: Effects) -> None:
    """Compare what stands under one external id with what was acknowledged or, where it is in doubt, may stand too."""
    known, possible = told
    if known is None and possible is None:
        journal.find("ghost", f"{external_id}: nobody asked for it: {has}")
        return
    expected = known or ()
    if Counter(has) in (Counter(expected), Counter(possible or expected)):
        return
    if known is None:
        journal.find("half", f"{external_id}: neither nothing nor all of {possible} is there, but {has}")
        return
    missing, extra = Counter(expected) - Counter(has), Counter(has) - Counter(expected)
    asked_for = set(expected) | set(possible or ())
    if missing:
        journal.find("lost", f"{external_id}: {sorted(missing.elements())} of {expected} is not there, but {has}")
    for effect, times in extra.items():
        check = "doubled" if effect in asked_for else "ghost"
        journal.find(check, f"{external_id}: {effect} is there {times} times more than in {expected}")


def _compare_conversions(journal: Journal, applications: Mapping[str, str]) -> None:
    for conversion_id in applications.keys() | journal.conversions.keys():
        told, has = journal.conversions.get(conversion_id), applications.get(conversion_id)
        if has is None:
            journal.find("lost", f"conversion {conversion_id}: is not there")
        elif told is None and journal.found["unresolved"] == 0:
            journal.find("ghost", f"conversion {conversion_id}: nobody was told of it")
        elif told is not None and told != has and journal.found["unresolved"] == 0:
            journal.find("lost", f"conversion {conversion_id}: is {has}, was acknowledged as {told}")


def _standing(connection: Connection) -> tuple[dict[str, Effects], dict[str, list[str]]]:
    """Return every effect on record by external id, and the ids of the outcomes there."""
    names: dict[object, str] = {}
    ids: dict[str, list[str]] = defaultdict(list)
    effects: list[tuple[str, Effect]] = []
    for row in connection.execute(select(outcome.c.id, outcome.c.external_id, outcome.c.status)):
        names[row.id] = row.external_id
        ids[row.external_id].append(str(row.id))
        if row.status == "revoked":
            effects.append((row.external_id, ("revoked", 0)))
    revisions = connection.execute(select(outcome_revision.c.outcome_id, outcome_revision.c.revision))
    effects += [(names[row.outcome_id], ("revision", row.revision)) for row in revisions]
    on_lot = (lot.c.learner_id == entry.c.learner_id) & (lot.c.id == entry.c.lot_id)
    booked = select(lot.c.outcome_id, entry.c.kind, entry.c.amount_hundredths).select_from(entry.join(lot, on_lot))
    effects += [(names[row.outcome_id], (row.kind, row.amount_hundredths)) for row in connection.execute(booked)]
    return _grouped(effects), ids


def _grouped(effects: Iterable[tuple[str, Effect]]) -> dict[str, Effects]:
    """Return the effects of each external id; equal ones share one value, as there are many."""
    shared: dict[Effects, Effects] = {}
    found: dict[str, list[Effect]] = defaultdict(list)
    for external_id, effect in effects:
        found[external_id].append(effect)
    return {external_id: shared.setdefault(tuple(some), tuple(some)) for external_id, some in found.items()}
