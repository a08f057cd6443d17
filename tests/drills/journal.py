"""The journal: what clients asked for and were told, kept outside the servers, to be held against the database."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock

Effect = tuple[str, int]
"""One effect on record: `revision` and its number, `revoked`, or the kind of an entry with its hundredths."""

Effects = tuple[Effect, ...]

FINDINGS_MAX = 200
"""Findings that are kept in words; all are counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that isn't as it was acknowledged, and the check that saw it.

    `lost`, `doubled` and `ghost` compare the database with the journal, `half` what a request without an answer left
    there; `own_writes` compares what was read with what was acknowledged before; `replay` a repeat's answer with the
    first one; `ids` what answers name with what is there; `ledger` is what `creditbank verify` says; `unforeseen` an
    answer that no client should ever get, `unresolved` a request that got none.
    """

    check: str
    text: str


@dataclass
class Learner:
    """A learner whom only one client deals with: all that stands on the account is known."""

    id: str
    identifier: str
    order: list[tuple[str, Effect]] = field(default_factory=list)
    """External id and effect of every entry, oldest first."""

    def sums(self) -> tuple[int, int, int]:
        """Return the hundredths that are available, held and converted."""
        amounts = dict.fromkeys(("recognise", "reverse", "hold", "release", "convert", "restore"), 0)
        for _, (kind, amount) in self.order:
            amounts[kind] += amount
        converted = -amounts["convert"] - amounts["restore"]
        return sum(amounts.values()), -amounts["hold"] - amounts["release"], converted


@dataclass
class Journal:
    """What is known of every external id and conversion, and how much was asked, answered and read."""

    stands: dict[str, Effects] = field(default_factory=dict)
    """What was acknowledged of each external id; nothing for one that was refused."""
    doubtful: dict[str, Effects] = field(default_factory=dict)
    """What stands instead if a request without an answer took effect."""
    ids: dict[str, str] = field(default_factory=dict)
    """The bank's id of an outcome, as it was answered."""
    conversions: dict[str, str] = field(default_factory=dict)
    """The state of each application."""
    identifiers: dict[str, str] = field(default_factory=dict)
    """The learner whom each identifier was answered to be."""
    asked_of: Counter[str] = field(default_factory=Counter)
    """Hundredths that were asked for on a shared account, at most."""
    told_of: Counter[str] = field(default_factory=Counter)
    """Hundredths that were acknowledged on a shared account, at least."""
    done: Counter[str] = field(default_factory=Counter)
    """Acknowledged operations by kind: a row of a batch has an answer of its own."""
    refused: Counter[str] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)
    replayed: Counter[str] = field(default_factory=Counter)
    tries: Counter[str] = field(default_factory=Counter)
    """Requests sent; how many of them were answered, told to try later, or left without an answer."""
    findings: list[Finding] = field(default_factory=list)
    found: Counter[str] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock)

    def find(self, check: str, text: str) -> None:
        """Note a finding."""
        with self.lock:
            self.found[check] += 1
            if len(self.findings) < FINDINGS_MAX:
                self.findings.append(Finding(check, text))

    def count(self, counter: Counter[str], kind: str, number: int = 1) -> None:
        """Count something; several clients do so at once."""
        if number:
            with self.lock:
                counter[kind] += number

    def ask(self, learner_id: str, rows: Iterable[tuple[str, int]]) -> None:
        """Note records on a shared account before they are sent: external ids with their hundredths."""
        with self.lock:
            for external_id, hundredths in rows:
                self.doubtful[external_id] = posted(hundredths)
                self.asked_of[learner_id] += hundredths

    def tell(self, learner_id: str, external_id: str, hundredths: int, outcome_id: str) -> None:
        """Note that a record was acknowledged."""
        with self.lock:
            self.stands[external_id] = self.doubtful.pop(external_id, posted(hundredths))
            self.ids[external_id] = outcome_id
            self.told_of[learner_id] += hundredths

    def refuse(self, external_id: str) -> None:
        """Note that a record was refused: nothing may be there."""
        with self.lock:
            self.stands[external_id] = ()
            self.doubtful.pop(external_id, None)

    @property
    def acknowledged(self) -> int:
        """How many operations were acknowledged."""
        return sum(self.done.values())


def posted(hundredths: int) -> Effects:
    """Return the effects of a record that gives credits."""
    return (("revision", 1), ("recognise", hundredths))
