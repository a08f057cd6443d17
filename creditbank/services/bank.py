"""The bank: what every use case works with, and how one is carried out in one transaction, once."""

import hashlib
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection

from creditbank.core.calendar import bank_day
from creditbank.core.entitlement import Sight
from creditbank.core.errors import Fault, InFlight, KeyReused, TryLater
from creditbank.core.event import Event
from creditbank.core.institution import Ending
from creditbank.core.permission import Actor
from creditbank.core.settlement import Rulebook
from creditbank.core.veil import Veil
from creditbank.formats.strict_json import text_of
from creditbank.gateways import metrics
from creditbank.gateways.keyring import Keyring, Keys, SealBroken
from creditbank.services.shelf import Membership, Printed, Shelf
from creditbank.storage import access_log, audit, kept_answers, outbox, people
from creditbank.storage.database import Database, LockedTooLong, Raced, Unavailable, outlast_transactions
from creditbank.storage.replica import Replica

ATTEMPTS_MAX = 8
"""Runs of one transaction before the caller is asked to try later: races for a key are over after two or three."""

REOPENINGS_MAX = 2
"""Further runs where something doesn't open: a key that is changed between two statements is seen by the next run."""

PAUSE_SECONDS = 0.01
"""The first pause between two runs; it doubles, and chance spreads those who collided."""

ANSWERS_KEPT = timedelta(days=7)
"""How long an answer is kept under its key: longer than any program goes on repeating a request."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Errand:
    """Something asked of the bank that has an effect: by whom, what, and under which idempotency key."""

    actor: Actor
    action: str
    request_id: str = ""
    key: str | None = None
    content: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an errand gives: a JSON body, whether something came to be by it, and what it touched, for the audit."""

    body: dict[str, Any]
    is_new: bool
    subject: str


@dataclass(frozen=True, slots=True)
class Bank:
    """Everything that use cases need of the outside: the database, the keys, a clock and a source of ids."""

    database: Database
    keys: Keys
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    erasures: Path | None = None
    """The journal of erasures, which outlives a database that is put back; without one nobody is erased."""
    replica: Replica | None = None
    """A copy of the database for reads that may lag, if there is one."""
    _shelf: Shelf = field(default_factory=Shelf)

    @property
    def keyring(self) -> Keyring:
        """The keys as they stand now; a rotation anywhere on this machine shows here at once."""
        return self.keys.current()

    def await_earlier_transactions(self) -> None:
        """Wait until all transactions have ended that may go by keys from before a rotation. Refused: TryLater."""
        try:
            self.database.read(outlast_transactions)
        except Unavailable as unavailable:
            raise busy() from unavailable

    def membership(self, client_id: str) -> Membership | None:
        """Return the institution that a client belongs to. Refused: TryLater."""
        known = self._shelf.members.get(client_id)
        if known is not None:
            return known
        try:
            return self.database.read(lambda connection: self._shelf.membership(connection, client_id))
        except Unavailable as unavailable:
            raise busy() from unavailable

    def is_erased(self, learner_id: UUID) -> bool:
        """Tell whether a learner was erased, whose tokens are then worth nothing. Refused: TryLater."""
        try:
            found = self.database.read(lambda connection: people.standing(connection, learner_id))
        except Unavailable as unavailable:
            raise busy() from unavailable
        return found is not None and found.is_erased

    def printed(self, connection: Connection) -> Printed:
        """Return the rules and the ends of institutions as they stand in print."""
        return self._shelf.in_print(connection)


@dataclass(frozen=True, slots=True)
class Work:
    """One transaction in which something is done for an actor."""

    bank: Bank
    connection: Connection
    actor: Actor
    now: datetime
    keyring: Keyring
    """The keys that seal and find personal data, the same throughout the transaction."""
    request_id: str = ""
    sights: list[access_log.DiaryLine] = field(default_factory=list)
    """What was seen of learners by others so far: it stands in their diaries before the answer leaves."""
    veils: list[Veil] = field(default_factory=list)
    """How the learners who were seen are shown to a partner: under names of its own."""
    tally: Counter[str] = field(default_factory=Counter)
    """Entries written in this transaction by kind, for the operator's figures once it is committed."""
    told: list[Event] = field(default_factory=list)
    """What happened so far that others are told of: it is written with its cause."""
    afterwards: list[Callable[[], None]] = field(default_factory=list)
    """What is done once this transaction is committed, and not undone nor repeated if it fails."""
    _printed: list[Printed] = field(default_factory=list)

    @property
    def today(self) -> date:
        """The bank's calendar day."""
        return bank_day(self.now)

    def new_id(self) -> UUID:
        """Return a new id."""
        return self.bank.new_id()

    def note_sight(self, learner_id: UUID, sight: Sight, basis: str) -> None:
        """Note in a learner's diary that the actor sees a kind of data, on a basis; once a request."""
        seen = (learner_id, sight, basis)
        if seen not in ((line.learner_id, line.sight, line.basis) for line in self.sights):
            self.sights.append(self.sight(learner_id, sight, basis))

    def sight(self, learner_id: UUID, sight: Sight, basis: str) -> access_log.DiaryLine:
        """Return the line that a learner's diary has about the actor's seeing a kind of data."""
        where = (self.actor.name, self.actor.institution_id)
        return access_log.DiaryLine(learner_id, self.new_id(), self.now, *where, sight, basis, self.request_id)

    def rulebook(self) -> Rulebook:
        """Return the published rules, the same throughout the transaction."""
        return self._in_print().rulebook

    def ending(self, institution_id: UUID) -> Ending | None:
        """Return an institution's end, if one is known."""
        return self._in_print().ending(self.connection, institution_id)

    def _in_print(self) -> Printed:
        if not self._printed:
            self._printed.append(self.bank.printed(self.connection))
        return self._printed[0]


def carried_out(bank: Bank, errand: Errand, action: Callable[[Work], Answer]) -> Answer:
    """Run the action in one transaction together with its idempotency key and its line in the audit log.

    A lost race rolls everything back and runs it again, and so does a change of the keys: what is committed is sealed
    and indexed under the keys that stand. What doesn't open is tried once more, as its key may have been changed
    meanwhile. Refused: what the action refuses, TryLater, InFlight, KeyReused.
    """
    seals_broken = 0
    for attempt in range(ATTEMPTS_MAX):
        try:
            with bank.database.transaction() as connection:
                work = Work(bank, connection, errand.actor, bank.clock(), bank.keyring, errand.request_id)
                answer = _once(work, errand, action)
                _check_keys_stand(work)
        except SealBroken:
            seals_broken += 1
            if seals_broken > REOPENINGS_MAX:
                raise
        except Raced:
            metrics.retries_total.inc()
            time.sleep(random.uniform(0, PAUSE_SECONDS * 2**attempt))  # noqa: S311 - spreads load, no secret
        except LockedTooLong as waited:
            raise _in_flight() if errand.key else busy() from waited
        except Unavailable as unavailable:
            raise busy() from unavailable
        else:
            for kind, count in work.tally.items():
                metrics.postings_total.labels(kind).inc(count)
            for step in work.afterwards:
                with suppress(Unavailable):
                    step()
            return answer
    raise busy()


def _check_keys_stand(work: Work) -> None:
    """Let nothing be committed under keys that were changed since the transaction began: Raced.

    Whoever rotates waits, after the change, for transactions that passed here before it.
    """
    if work.bank.keyring is not work.keyring:
        raise Raced("the keys were changed meanwhile")


def looked_up(bank: Bank, actor: Actor, query: Callable[[Work], T], request_id: str = "") -> T:
    """Run a query that changes nothing but the diaries of those who were seen.

    It is run once more where something doesn't open: its key may have been changed. Refused: what the query refuses,
    TryLater.
    """
    for _ in range(REOPENINGS_MAX):
        with suppress(SealBroken):
            return _looked_up(bank, actor, query, request_id)
    return _looked_up(bank, actor, query, request_id)


def _looked_up(bank: Bank, actor: Actor, query: Callable[[Work], T], request_id: str) -> T:
    def noted(connection: Connection) -> T:
        work = Work(bank, connection, actor, bank.clock(), bank.keyring, request_id)
        found = query(work)
        access_log.add_at_once(connection, work.sights)
        return found

    try:
        return bank.database.read(noted)
    except Unavailable as unavailable:
        raise busy() from unavailable


def _once(work: Work, errand: Errand, action: Callable[[Work], Answer]) -> Answer:
    """Run the action unless its key has an answer already; claim the key before anything else is done."""
    if errand.key is None:
        return _audited(work, errand, action)
    client_id = errand.actor.name
    for_whom = errand.actor.learner_id or ""
    digest = hashlib.sha256(f"{for_whom}{errand.content}".encode()).hexdigest()
    key = hashlib.sha256(errand.key.encode()).hexdigest()  # a caller may have made it of somebody's number
    place = f"kept_answer:{client_id}:{key}"
    kept_answers.forget(work.connection, client_id, work.now - ANSWERS_KEPT)
    kept = kept_answers.by_key(work.connection, client_id, key)
    if kept is not None:
        said = json.loads(work.keyring.opened_bank(kept, place))
        if said.pop("request", digest) != digest:  # answers from before the digest stood in them have none
            raise _key_reused()
        return Answer(**said)
    kept_answers.claim(work.connection, client_id, key, work.now)
    answer = _audited(work, errand, action)
    text = text_of({"request": digest, "body": answer.body, "is_new": answer.is_new, "subject": answer.subject})
    sealed = work.keyring.seal_bank(text, place)
    kept_answers.keep(work.connection, (client_id, key), sealed, answer.subject)
    return answer


def _audited(work: Work, errand: Errand, action: Callable[[Work], Answer]) -> Answer:
    """Run the action and write down that it was done."""
    answer = action(work)
    line = audit.AuditLine(work.new_id(), work.now, errand.actor.name, errand.action, answer.subject, errand.request_id)
    audit.add(work.connection, line)
    outbox.add(work.connection, work.told)
    access_log.add(work.connection, work.sights)
    return answer


def busy() -> TryLater:
    """Return the answer when the database is out of reach or too many want the same.

    It doesn't say that nothing was done: nobody knows where the connection broke while committing.
    """
    zh = "系统繁忙；请稍后用相同内容重试，同一请求不会重复生效。"
    en = "The bank is busy; send the same again in a moment, the same request never takes effect twice."
    return TryLater((Fault("", "try_later", zh, en),))


def _in_flight() -> InFlight:
    """Return the answer to a repeat that came while the first is being worked on."""
    zh = "相同 Idempotency-Key 的请求正在处理；请稍后重试以取得其结果。"
    en = "A request with this Idempotency-Key is being worked on; repeat it in a moment to get its answer."
    return InFlight((Fault("", "in_flight", zh, en),))


def _key_reused() -> KeyReused:
    """Return the answer to a key that comes again with other content."""
    zh = "此 Idempotency-Key 已用于内容不同的请求；请为新的请求使用新的键。"
    en = "This Idempotency-Key was used with other content; use a new key for a new request."
    return KeyReused((Fault("", "idempotency_key_reused", zh, en),))
