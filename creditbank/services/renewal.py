"""Renewal: what is sealed under older keys is sealed anew, in batches, each a transaction, while requests go on."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from creditbank.core.errors import unknown
from creditbank.core.permission import Actor, require
from creditbank.core.rules import facts_from
from creditbank.gateways.keyring import BlindIndex, SealBroken
from creditbank.services.bank import Bank, Work
from creditbank.services.settling import duplicate_claims
from creditbank.services.upkeep import carried_out_as
from creditbank.storage import (
    certificates,
    identifier_index,
    institutions,
    learners,
    likeness,
    logins,
    outcome_claims,
    outcomes,
    renewing,
)
from creditbank.storage.identifier_index import account_no_keys, claim_keys
from creditbank.storage.renewing import (
    BANK_SEALED,
    CLAIMS,
    IDENTIFIERS,
    LIKENESS,
    LOGINS,
    PERSON_SEALED,
    WRAPPED,
    Cursor,
    SealedColumn,
)

BATCH_MAX = 100
"""Rows or persons in one transaction: whoever needs one of them waits for some milliseconds."""


@dataclass(slots=True)
class Renewed:
    """What a renewal did: rows by what they are, and where something doesn't open and was left as it stands."""

    rows: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Batch:
    """One transaction's part: how much was done, what doesn't open, and where to go on; None at the end."""

    done: int
    broken: tuple[str, ...]
    after: Cursor


Job = Callable[[Work, Cursor], _Batch]


def renew(bank: Bank, actor: Actor) -> Renewed:
    """Bring everything under the newest master and index key. It may be broken off and begun again at any time.

    Refused: ScopeMissing, TryLater.
    """
    require(actor, "admin")
    bank.await_earlier_transactions()
    jobs: dict[str, Job] = {
        f"{column.table}.{column.name}": partial(_sealed_anew, column) for column in (*WRAPPED, *BANK_SEALED)
    }
    jobs |= {IDENTIFIERS.table: _indexed_anew, CLAIMS.table: _claimed_anew}
    jobs |= {LOGINS.table: _logins_anew, LIKENESS.table: _blocked_anew}
    renewed = Renewed()
    for name, job in jobs.items():
        batches = list(_batches(bank, actor, name, job))
        renewed.rows[name] = sum(batch.done for batch in batches)
        renewed.broken += [place for batch in batches for place in batch.broken]
    return renewed


def _batches(bank: Bank, actor: Actor, name: str, job: Job) -> Iterator[_Batch]:
    """Run a job batch by batch to its end."""
    batch = _Batch(0, (), None)
    while True:
        batch = carried_out_as(bank, actor, "keys.renew", name, partial(_next, job, batch.after))
        yield batch
        if batch.after is None:
            return


def _next(job: Job, after: Cursor, work: Work) -> _Batch:
    return job(work, after)


def rotate_person(work: Work, learner_id: UUID) -> int:
    """Give a person a new key and seal all that is theirs under it; return how many texts. Refused: Unknown.

    The learner is locked whole: who seals something for them waits, and then seals under the new key.
    """
    require(work.actor, "admin")
    wrapped = renewing.locked_whole(work.connection, learner_id)
    if wrapped is None:
        raise unknown("学习者", "learner")
    new_key = work.keyring.new_person_key()
    old, new = work.keyring.person_cipher(wrapped), work.keyring.person_cipher(new_key)
    texts = 0
    for column in PERSON_SEALED:
        rows = renewing.of_learner(work.connection, column, learner_id)
        for row in rows:
            whole = row | {column.owner: learner_id}
            text = old.opened(row[column.name], column.place_of(whole))
            row[column.name] = new.seal(text, column.place_of(whole))
        renewing.put(work.connection, column, rows)
        texts += len(rows)
    renewing.put(work.connection, WRAPPED[0], [{"id": learner_id, WRAPPED[0].name: new_key}])
    return texts


def rotate_people(bank: Bank, actor: Actor, note: Callable[[UUID], None] = lambda _: None) -> int:
    """Give every person a new key, one after the other, and return how many; `note` hears of each."""
    people, after = 0, None
    while ids := bank.database.read(partial(renewing.learner_ids, after=after, rows_max=BATCH_MAX)):
        for learner_id in ids:
            part = partial(rotate_person, learner_id=learner_id)
            carried_out_as(bank, actor, "keys.rotate_person", str(learner_id), part)
            note(learner_id)
        people, after = people + len(ids), ids[-1]
    return people


def _sealed_anew(column: SealedColumn, work: Work, after: Cursor) -> _Batch:
    """Bring rows under the newest master key."""
    rows = renewing.under_older_master_keys(work.connection, column, work.keyring, after, BATCH_MAX)
    good, broken = [], []
    for row in rows:
        try:
            row[column.name] = _under_newest(work, column, row)
            good.append(row)
        except SealBroken:
            broken.append(f"{column.table} {'/'.join(str(part) for part in renewing.key_of(column, row))}")
    renewing.put(work.connection, column, good)
    return _Batch(len(good), tuple(broken), renewing.key_of(column, rows[-1]) if len(rows) == BATCH_MAX else None)


def _under_newest(work: Work, column: SealedColumn, row: dict[str, Any]) -> bytes:
    """Return a wrapped key or a text of the bank's own under the newest master key."""
    if column in WRAPPED:
        return work.keyring.rewrapped(row[column.name])
    place = column.place_of(row)
    return work.keyring.seal_bank(work.keyring.opened_bank(row[column.name], place), place)


def _indexed_anew(work: Work, after: Cursor) -> _Batch:
    """Make persons findable under the newest index key by whatever they can be found by now."""
    newest = work.keyring.index_key.id
    ids = renewing.incomplete(work.connection, IDENTIFIERS, newest, None if after is None else after[0], BATCH_MAX)
    people = list(renewing.applications(work.connection, work.keyring, ids))
    stored = identifier_index.of_learners(work.connection, ids)
    rows, broken = [], []
    for learner_id, account_no, application in people:
        if application is None:
            broken.append(f"learner {learner_id}")
            continue
        there = {(key.value_index, key.name_index) for key in stored[learner_id]}
        for keys in (*claim_keys(work.keyring, application), account_no_keys(work.keyring, account_no)):
            standing = [key for key in keys if (key.value_index, key.name_index) in there]
            rows += [(learner_id, key) for key in {keys[0], *standing} if standing]
    identifier_index.put(work.connection, rows)
    return _Batch(len(ids) - len(broken), tuple(broken), (ids[-1],) if len(ids) == BATCH_MAX else None)


def _blocked_anew(work: Work, after: Cursor) -> _Batch:
    """Put accounts under the newest index key into the blocks in which they are now."""
    newest = work.keyring.index_key.id
    ids = renewing.incomplete(work.connection, LIKENESS, newest, None if after is None else after[0], BATCH_MAX)
    stored = likeness.of_learners(work.connection, ids)
    rows, broken = [], []
    for learner_id, _, application in list(renewing.applications(work.connection, work.keyring, ids)):
        try:
            born = learners.birth_dates(work.connection, work.keyring, [learner_id]).get(learner_id)
        except SealBroken:
            application = None  # noqa: PLW2901 - as where anything else of theirs doesn't open
        if application is None:
            broken.append(f"learner {learner_id}")
            continue
        there = stored[learner_id]
        for keys in likeness.keys_of(work.keyring, application.name, born, application.claims):
            standing = [there[key.key] for key in keys if key.key in there]
            rows += [(learner_id, keys[0], any(standing))] if standing else []
    likeness.put(work.connection, rows)
    return _Batch(len(ids) - len(broken), tuple(broken), (ids[-1],) if len(ids) == BATCH_MAX else None)


def _claimed_anew(work: Work, after: Cursor) -> _Batch:
    """Let outcomes hold under the newest index key the claims that they hold now."""
    newest = work.keyring.index_key.id
    ids = renewing.incomplete(work.connection, CLAIMS, newest, None if after is None else after[0], BATCH_MAX)
    heads = outcomes.locked_all(work.connection, ids)
    claims_of = _claims_of(work, heads)
    held = outcome_claims.claims_of(work.connection, [head.id for head in heads])
    rows, broken = [], []
    for head in heads:
        try:
            things = claims_of(head)
        except SealBroken:
            broken.append(f"outcome {head.id}")
            continue
        for thing in things:
            standing = [claim for claim in thing if claim.value in held[head.id]]
            rows += [
                outcome_claims.DuplicateClaim(claim.value, head.learner_id, head.id, claim.key_id)
                for claim in {thing[0], *standing}
                if standing
            ]
    outcome_claims.put_claims(work.connection, rows)
    return _Batch(len(ids) - len(broken), tuple(broken), (ids[-1],) if len(ids) == BATCH_MAX else None)


def _logins_anew(work: Work, after: Cursor) -> _Batch:
    """Make logins findable under the newest index key."""
    newest = work.keyring.index_key.id
    ids = renewing.incomplete(work.connection, LOGINS, newest, None if after is None else after[0], BATCH_MAX)
    broken = []
    for holder_id in ids:
        try:
            logins.index_anew(work.connection, work.keyring, [holder_id])
        except SealBroken:
            broken.append(f"login of {holder_id}")
    return _Batch(len(ids) - len(broken), tuple(broken), (ids[-1],) if len(ids) == BATCH_MAX else None)


def _claims_of(work: Work, heads: Sequence[outcomes.Head]) -> Callable[[outcomes.Head], list[tuple[BlindIndex, ...]]]:
    """Return the function that tells an outcome's claims, each under every index key, newest first."""
    ids = [head.id for head in heads]
    known = learners.known(work.connection, [head.learner_id for head in heads], None)
    revisions = outcomes.revisions(work.connection, ids)
    told = certificates.of_outcomes(work.connection, ids)
    codes = institutions.codes(work.connection, {head.institution_id for head in heads})

    def claims_of(head: outcomes.Head) -> list[tuple[BlindIndex, ...]]:
        revision = revisions[head.id][-1]
        issued = {"issuer": codes[head.institution_id], "applied_on": revision.applied_on.isoformat()}
        facts = facts_from(json.loads(revision.content) | issued)
        certificate = told.get((head.id, revision.revision))
        wrapped_key = known[head.learner_id].wrapped_key
        number = None if certificate is None else certificate.number(work.keyring, wrapped_key)
        claims = duplicate_claims(work.keyring, head.learner_id, facts, number)
        keys = len(work.keyring.index_keys)
        return [claims[first : first + keys] for first in range(0, len(claims), keys)]

    return claims_of
