"""What a made-up life is written on: the desk of a block of learners, one learner, their lots and outcomes."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from creditbank.gateways.keyring import Keyring, PersonCipher
from creditbank.loading.courses import Catalogue, Course
from creditbank.loading.ledgers import Account, Ids, Posting
from creditbank.loading.people import Rows
from creditbank.loading.world import World


@dataclass(slots=True)
class Desk:
    """What lives are written with: one random a block of learners, so that a seed makes the same block anywhere."""

    world: World
    catalogue: Catalogue
    keyring: Keyring
    random: Random
    until: int
    rows: Rows
    ids: Ids

    def chance(self, most: int) -> int:
        """Return a whole number from 0 up to, but not including, `most`."""
        return int(self.random.random() * most)


@dataclass(slots=True)
class Lot:
    """A lot while it is used up."""

    id: str
    scheme: str
    outcome: str
    amount: int
    used: int = 0


@dataclass(slots=True)
class Life:
    """One learner while their years are written."""

    desk: Desk
    number: int
    learner: str
    cipher: PersonCipher
    home: int
    at: int
    day: int
    accounts: dict[str, Account] = field(default_factory=dict)
    schools: dict[int, int] = field(default_factory=dict)
    converted: set[tuple[int, str]] = field(default_factory=set)
    outcomes: int = 0

    def id(self) -> str:
        """Return a new id for something that happens now."""
        return self.desk.ids.new(self.at)

    def wait(self, hours: int) -> None:
        """Let some hours pass, half of them at least."""
        self.at += hours * 1800 + self.desk.chance(hours * 1800)

    def moved(self, posting: Posting, lot: Lot, kind: str, counter: str, amount: int) -> None:
        """Write an entry, and what it leaves of the lot."""
        account = self.accounts.get(lot.scheme) or self.accounts.setdefault(
            lot.scheme, Account(self.learner, lot.scheme)
        )
        self.desk.rows["entry"].append(account.moved(self.desk.ids, posting, lot.id, (kind, counter, amount)))
        lot.used -= 0 if kind == "recognise" else amount

    def decided(self, *values: Any) -> None:  # noqa: ANN401 - cells of a row
        """Write a decision: everything behind the learner's id in the order of its columns."""
        self.desk.rows["decision"].append((self.learner, *values))


@dataclass(slots=True)
class Outcome:
    """An outcome while it changes, by the course that it tells of."""

    id: str
    course: Course
    day: str
    applied: str
    recorded_at: str
    revision: int = 1
    status: str = "recorded"
    decision: str = ""
    certificate: str | None = None
    lots: list[Lot] = field(default_factory=list)
