"""Tamperings with a sealed ledger: what somebody with all rights on the database could do, and where it has to show.

Each is a function that changes rows through a connection and returns where a fault has to be named.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Table, and_, select

from creditbank.core.calendar import instant_text
from creditbank.core.ledger import GENESIS_HASH
from creditbank.core.merkle import leaf_hash
from creditbank.storage.decisions import decision
from creditbank.storage.ledger import account, entry, lot
from creditbank.storage.seal_log import checkpoint, log_leaf, log_node
from tools.verify_ledger import Fault

Row = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where a tampering has to be named: on an account, at any of some entries, or at any of some positions."""

    learner: UUID | None = None
    seqs: frozenset[int] | None = None
    positions: range = range(0)
    codes: frozenset[str] | None = None

    def holds(self, fault: Fault) -> bool:
        """Tell whether a fault names this place."""
        if self.codes is not None and fault.code not in self.codes:
            return False
        if self.learner is not None and fault.learner == str(self.learner):
            return self.seqs is None or fault.seq in self.seqs
        return fault.position is not None and fault.position in self.positions


@dataclass
class Scene:
    """The rows of a ledger before anything is done to them, and the hand that picks some."""

    connection: Connection
    random: Random
    accounts: list[Row] = field(default_factory=list)
    lots: list[Row] = field(default_factory=list)
    entries: list[Row] = field(default_factory=list)
    leaves: list[Row] = field(default_factory=list)
    checkpoints: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        order = {"entry": (entry.c.learner_id, entry.c.scheme, entry.c.seq), "log_leaf": (log_leaf.c.position,)}
        for name, table in (("accounts", account), ("lots", lot), ("entries", entry), ("leaves", log_leaf)):
            query = select(table).order_by(*order.get(table.name, tuple(table.primary_key)))
            setattr(self, name, [dict(row) for row in self.connection.execute(query).mappings()])
        query = select(checkpoint).order_by(checkpoint.c.size)
        self.checkpoints = [dict(row) for row in self.connection.execute(query).mappings()]

    def pick(self, rows: list[Row]) -> Row:
        return self.random.choice(rows)

    def picked(self, kinds: tuple[str, ...]) -> Row:
        return self.pick([one for one in self.entries if one["kind"] in kinds])

    def of(self, row: Row) -> list[Row]:
        """Return the entries of a row's account."""
        return [one for one in self.entries if _same(one, row)]

    def other(self, row: Row) -> Row:
        """Return an account of somebody else."""
        return self.pick([one for one in self.accounts if one["learner_id"] != row["learner_id"]])

    def position(self, row: Row) -> int:
        """Return where an entry stands in the log."""
        (found,) = [one["position"] for one in self.leaves if _same(one, row) and one["seq"] == row["seq"]]
        return int(found)

    def since_the_checkpoint_before(self, position: int) -> Place:
        """Return the place of what only a root tells: from the last checkpoint that was right to the position."""
        start = max((held["size"] for held in self.checkpoints if held["size"] <= position), default=0)
        return Place(positions=range(start, position + 1), codes=frozenset({"root"}))

    def change(self, table: Table, row: Row, **changes: object) -> None:
        """Change a row, which is found by the key that it had."""
        key = and_(*(column == row[column.name] for column in table.primary_key))
        assert self.connection.execute(table.update().where(key).values(**changes)).rowcount == 1, (table.name, row)

    def delete(self, table: Table, rows: list[Row]) -> None:
        for row in rows:
            key = and_(*(column == row[column.name] for column in table.primary_key))
            assert self.connection.execute(table.delete().where(key)).rowcount == 1, (table.name, row)

    def insert(self, table: Table, row: Row) -> None:
        self.connection.execute(table.insert(), [row])

    def new_id(self) -> UUID:
        return UUID(int=self.random.getrandbits(128))


def _same(one: Row, other: Row) -> bool:
    return (one["learner_id"], one["scheme"]) == (other["learner_id"], other["scheme"])


def _at(row: Row, *more: int, **other: Any) -> Place:
    """Return the place of an entry, and of others on its account."""
    return Place(row["learner_id"], frozenset({row["seq"], *more}), **other)


def amount(scene: Scene) -> Place:
    one = scene.pick(scene.entries)
    more = scene.random.randrange(1, 500)
    changed = one["amount_hundredths"] + (more if one["amount_hundredths"] > 0 else -more)
    scene.change(entry, one, amount_hundredths=changed)
    return _at(one)


def amount_and_all_that_adds_up(scene: Scene) -> Place:
    """More credits, with balances, lot and account made to agree; the hashes are left."""
    one = scene.picked(("recognise",))
    _credit(scene, one, 100 * scene.random.randrange(1, 9))
    return _at(one)


def balance_after(scene: Scene) -> Place:
    one = scene.pick(scene.entries)
    scene.change(entry, one, balance_after_hundredths=one["balance_after_hundredths"] + 50)
    return _at(one)


def effective_day(scene: Scene) -> Place:
    one = scene.pick(scene.entries)
    moved = one["effective_on"] + timedelta(days=scene.random.choice((-400, -1, 1, 400)))
    scene.change(entry, one, effective_on=moved)
    return _at(one)


def recorded_instant(scene: Scene) -> Place:
    one = scene.pick(scene.entries)
    moved = one["recorded_at"] + timedelta(microseconds=scene.random.choice((-(10**9), -1, 1, 10**9)))
    scene.change(entry, one, recorded_at=moved)
    return _at(one)


def a_word_of_an_entry(scene: Scene) -> Place:
    one = scene.pick(scene.entries)
    changes: dict[str, object] = {
        "id": scene.new_id(),
        "posting_id": scene.new_id(),
        "decision_id": scene.new_id(),
        "lot_id": scene.new_id(),
        "actor": "somebody",
        "counter_account": one["counter_account"] + "x",
        "hash": scene.random.randbytes(32),
        "kind": {"recognise": "release", "release": "restore", "restore": "recognise"}.get(one["kind"], "reverse"),
    }
    if one["kind"] == "reverse":
        changes["kind"] = "hold"
    name = scene.random.choice(sorted(changes))
    scene.change(entry, one, **{name: changes[name]})
    return _at(one, one["seq"] + 1) if name == "hash" else _at(one)


def owner_of_an_entry(scene: Scene) -> Place:
    one = scene.pick(scene.entries)
    new = scene.other(one)
    last = max(held["seq"] for held in scene.of(new))
    scene.change(entry, one, learner_id=new["learner_id"], scheme=new["scheme"], seq=last + 1)
    return Place(new["learner_id"], frozenset({last + 1}))


def owner_of_everything(scene: Scene) -> Place:
    """Hand a whole account to somebody who has none."""
    one, new = scene.pick(scene.accounts), scene.new_id()
    for table in (entry, lot, account, log_leaf, decision):
        theirs = table.c.learner_id == one["learner_id"]
        scene.connection.execute(table.update().where(theirs).values(learner_id=new))
    return Place(new, frozenset({1}))


def owner_of_a_lot(scene: Scene) -> Place:
    one = scene.pick(scene.lots)
    scene.change(lot, one, learner_id=scene.other(one)["learner_id"])
    return Place(one["learner_id"])


def delete_an_entry(scene: Scene) -> Place:
    one = scene.pick(scene.entries)
    scene.delete(entry, [one])
    return _at(one, one["seq"] + 1)


def delete_the_last_entry_in_full(scene: Scene) -> Place:
    """Take an account back to before its last entry, with balances, lot and chain."""
    one = scene.pick([held for held in scene.entries if held["seq"] > 1 and held["seq"] == len(scene.of(held))])
    scene.delete(entry, [one])
    _settle(scene, scene.of(one)[:-1], one)
    return _at(one)


def delete_an_account(scene: Scene) -> Place:
    one = scene.pick(scene.accounts)
    scene.delete(account, [one])
    return Place(one["learner_id"])


def delete_all_of_an_account(scene: Scene) -> Place:
    """Take an account out with its entries and lots, and half the time with its leaves."""
    one = scene.pick(scene.accounts)
    positions = sorted(scene.position(held) for held in scene.of(one))
    scene.delete(entry, scene.of(one))
    scene.delete(lot, [held for held in scene.lots if _same(held, one)])
    scene.delete(account, [one])
    if scene.random.random() < 0.5:
        scene.delete(log_leaf, [held for held in scene.leaves if _same(held, one)])
        return Place(positions=range(positions[0], positions[0] + 1))
    return Place(one["learner_id"], codes=frozenset({"entry_missing"}))


def swap_two_entries(scene: Scene) -> Place:
    """Let two entries of an account change places."""
    one = scene.pick([held for held in scene.entries if held["seq"] > 1])
    before = scene.of(one)[one["seq"] - 2]
    scene.change(entry, one, seq=10_000)
    scene.change(entry, before, seq=one["seq"])
    scene.change(entry, one | {"seq": 10_000}, seq=before["seq"])
    return _at(one, before["seq"])


def swap_what_two_entries_say(scene: Scene) -> Place:
    """Let two entries of any accounts change amounts, days, actors or ids, whichever differ."""
    while True:
        one, other = scene.pick(scene.entries), scene.pick(scene.entries)
        names = ("amount_hundredths", "id", "hash", "posting_id", "lot_id", "decision_id", "recorded_at")
        name = scene.random.choice(names)
        alike = (one["amount_hundredths"] > 0) == (other["amount_hundredths"] > 0)
        if one[name] != other[name] and alike:
            scene.change(entry, one, **{name: other[name]})
            scene.change(entry, other, **{name: one[name]})
            return _at(one)


def insert_a_copy(scene: Scene) -> Place:
    one = scene.pick(scene.entries)
    seq = len(scene.of(one)) + 1
    scene.insert(entry, one | {"seq": seq})
    return _at(one, seq)


def insert_between(scene: Scene) -> Place:
    """Put an entry between two others, whose numbers go up by one."""
    one = scene.pick(scene.entries)
    for held in reversed(scene.of(one)[one["seq"] - 1 :]):
        scene.change(entry, held, seq=held["seq"] + 1)
    scene.insert(entry, one | {"id": scene.new_id()})
    return _at(one, one["seq"] + 1)


def insert_at_the_end(scene: Scene) -> Place:
    """Write an entry that is chained as it should be, without the lot and the decision that it would need."""
    one = scene.picked(("recognise",))
    last = scene.of(one)[-1]
    new = one | {"seq": last["seq"] + 1, "id": scene.new_id(), "posting_id": scene.new_id(), "lot_id": scene.new_id()}
    new |= {"balance_after_hundredths": last["balance_after_hundredths"] + one["amount_hundredths"]}
    new |= {"recorded_at": last["recorded_at"]}
    new["hash"] = chained(last["hash"], new)
    scene.insert(entry, new)
    stored = next(held for held in scene.accounts if _same(held, one))
    more = one["amount_hundredths"]
    scene.change(
        account,
        stored,
        recognised_hundredths=stored["recognised_hundredths"] + more,
        available_hundredths=stored["available_hundredths"] + more,
        seq=new["seq"],
        chain_hash=new["hash"],
    )
    return _at(new)


def stored_balance(scene: Scene) -> Place:
    one = scene.pick(scene.accounts)
    more = scene.random.randrange(1, 10_000)
    scene.change(
        account,
        one,
        recognised_hundredths=one["recognised_hundredths"] + more,
        available_hundredths=one["available_hundredths"] + more,
    )
    return Place(one["learner_id"], codes=frozenset({"balance"}))


def stored_hold(scene: Scene) -> Place:
    one = scene.pick([held for held in scene.accounts if held["available_hundredths"] > 0])
    name = scene.random.choice(("held_hundredths", "converted_hundredths"))
    less = one["available_hundredths"] - 1
    scene.change(account, one, **{name: one[name] + 1}, available_hundredths=less)
    return Place(one["learner_id"], codes=frozenset({"balance"}))


def end_of_the_chain(scene: Scene) -> Place:
    one = scene.pick(scene.accounts)
    changes: dict[str, object] = {
        "chain_hash": scene.random.randbytes(32),
        "seq": one["seq"] + 1,
        "recorded_at": one["recorded_at"] + timedelta(seconds=1),
    }
    name = scene.random.choice(sorted(changes))
    scene.change(account, one, **{name: changes[name]})
    return Place(one["learner_id"])


def a_word_of_a_lot(scene: Scene) -> Place:
    one = scene.pick(scene.lots)
    changes: dict[str, object] = {
        "amount_hundredths": one["amount_hundredths"] + 100,
        "used_hundredths": 0 if one["used_hundredths"] else one["amount_hundredths"],
        "outcome_id": scene.new_id(),
        "valid_until": date(2099, 12, 31),
        "scheme": "other",
        "id": scene.new_id(),
    }
    name = scene.random.choice(sorted(changes))
    scene.change(lot, one, **{name: changes[name]})
    return Place(one["learner_id"])


def delete_a_lot(scene: Scene) -> Place:
    one = scene.pick(scene.lots)
    scene.delete(lot, [one])
    return Place(one["learner_id"])


def insert_a_lot(scene: Scene) -> Place:
    one = scene.pick(scene.lots)
    scene.insert(lot, one | {"id": scene.new_id(), "outcome_id": scene.new_id()})
    return Place(one["learner_id"])


def an_outcome_twice(scene: Scene) -> Place:
    """Let two lots of an account be of one outcome, in the decision as well."""
    pairs = [
        (one, other)
        for one in scene.lots
        for other in scene.lots
        if one["id"] < other["id"] and _same(one, other) and not one["used_hundredths"] + other["used_hundredths"]
    ]
    one, other = scene.random.choice(pairs)
    scene.change(lot, one, outcome_id=other["outcome_id"])
    recognised = next(held for held in scene.of(one) if held["lot_id"] == one["id"])
    key = (decision.c.learner_id == one["learner_id"]) & (decision.c.id == recognised["decision_id"])
    scene.connection.execute(decision.update().where(key).values(outcome_id=other["outcome_id"]))
    return Place(one["learner_id"], codes=frozenset({"outcome_twice"}))


def what_was_decided(scene: Scene) -> Place:
    one = scene.picked(("recognise",))
    key = (decision.c.learner_id == one["learner_id"]) & (decision.c.id == one["decision_id"])
    result = json.loads(scene.connection.execute(select(decision.c.result).where(key)).scalar_one())
    changes = {"credits": "9.99", "scheme": "other", "valid_until": "2099-12-31"}
    name = scene.random.choice(sorted(changes))
    scene.connection.execute(decision.update().where(key).values(result=json.dumps(result | {name: changes[name]})))
    return _at(one, codes=frozenset({"award"}))


def swap_two_leaves(scene: Scene) -> Place:
    one, other = scene.random.sample(scene.leaves, 2)
    scene.change(log_leaf, one, position=10_000)
    scene.change(log_leaf, other, position=one["position"])
    scene.change(log_leaf, one | {"position": 10_000}, position=other["position"])
    return scene.since_the_checkpoint_before(min(one["position"], other["position"]))


def swap_the_entries_of_two_leaves(scene: Scene) -> Place:
    """Let two leaves stand for each other's entries, their hashes as they were."""
    one, other = scene.random.sample(scene.leaves, 2)
    names = ("learner_id", "scheme", "seq")
    scene.change(log_leaf, one, seq=10_000)
    scene.change(log_leaf, other, **{name: one[name] for name in names})
    scene.change(log_leaf, one, **{name: other[name] for name in names})
    return _at(one, codes=frozenset({"leaf"}))


def a_leaf(scene: Scene) -> Place:
    one = scene.pick(scene.leaves)
    changes: dict[str, object] = {
        "hash": scene.random.randbytes(32),
        "position": len(scene.leaves) + scene.random.randrange(1, 10**12),
        "seq": one["seq"] + 1000,
        "learner_id": scene.new_id(),
    }
    name = scene.random.choice(sorted(changes))
    scene.change(log_leaf, one, **{name: changes[name]})
    end = one["position"] + 1
    return Place(one["learner_id"], frozenset({one["seq"]}), positions=range(one["position"], end))


def delete_a_leaf(scene: Scene) -> Place:
    one = scene.pick(scene.leaves)
    scene.delete(log_leaf, [one])
    return Place(positions=range(one["position"], one["position"] + 1))


def rechained(scene: Scene) -> Place:
    """Write an entry anew, with every balance, lot, award and hash behind it; the log is left as it is."""
    one = _rechain(scene)
    return _at(one, codes=frozenset({"leaf"}))


def rechained_with_its_leaves(scene: Scene) -> Place:
    """Do so, and write the leaves and the kept nodes of the log anew as well: only the signed root tells."""
    one = _rechain(scene)
    changed = scene.connection.execute(
        select(entry).where(entry.c.learner_id == one["learner_id"], entry.c.scheme == one["scheme"])
    )
    for row in [dict(held) for held in changed.mappings()]:
        leaf = next(held for held in scene.leaves if _same(held, row) and held["seq"] == row["seq"])
        scene.change(log_leaf, leaf, hash=leaf_hash(line_of(row)))
    scene.connection.execute(log_node.delete())
    return scene.since_the_checkpoint_before(scene.position(one))


def a_checkpoint(scene: Scene) -> Place:
    one = scene.pick(scene.checkpoints)
    note = one["note"]
    digit = "B" if note[-4] != "B" else "C"
    changes: dict[str, object] = {
        "root": scene.random.randbytes(32),
        "note": note[:-4] + digit + note[-3:],
        "size": one["size"] + 100,
    }
    name = scene.random.choice(sorted(changes))
    scene.change(checkpoint, one, **{name: changes[name]})
    sizes = {one["size"], one["size"] + 100}
    return Place(positions=range(min(sizes), max(sizes) + 1), codes=frozenset({"checkpoint", "signature"}))


def delete_a_kept_checkpoint(scene: Scene) -> Place:
    one = scene.pick(scene.checkpoints[-2:])
    scene.delete(checkpoint, [one])
    return Place(positions=range(one["size"], one["size"] + 1), codes=frozenset({"checkpoint_missing"}))


TAMPERINGS: tuple[Callable[[Scene], Place], ...] = (
    *(amount, amount_and_all_that_adds_up, balance_after, effective_day, recorded_instant, a_word_of_an_entry),
    *(owner_of_an_entry, owner_of_everything, owner_of_a_lot, delete_an_entry, delete_the_last_entry_in_full),
    *(delete_an_account, delete_all_of_an_account, swap_two_entries, swap_what_two_entries_say, insert_a_copy),
    *(insert_between, insert_at_the_end, stored_balance, stored_hold, end_of_the_chain, a_word_of_a_lot),
    *(delete_a_lot, insert_a_lot, an_outcome_twice, what_was_decided, swap_two_leaves),
    *(swap_the_entries_of_two_leaves, a_leaf, delete_a_leaf, rechained, rechained_with_its_leaves, a_checkpoint),
    delete_a_kept_checkpoint,
)


def line_of(row: Mapping[str, Any]) -> bytes:
    """Return the canonical line of an entry's row, whatever it says."""
    parts = (
        *("1", row["learner_id"], row["scheme"], row["seq"], row["id"], row["posting_id"], row["lot_id"]),
        *(row["decision_id"], row["kind"], row["counter_account"], row["amount_hundredths"]),
        *(row["balance_after_hundredths"], row["effective_on"], instant_text(row["recorded_at"]), row["actor"]),
    )
    return "|".join(map(str, parts)).encode()


def chained(previous: bytes, row: Mapping[str, Any]) -> bytes:
    """Return an entry's hash behind another one."""
    return hashlib.sha256(previous + line_of(row)).digest()


def _credit(scene: Scene, one: Row, more: int) -> None:
    """Let a recognition bring more, in every place that says how much there is."""
    for held in scene.of(one):
        if held["seq"] == one["seq"]:
            scene.change(
                entry,
                held,
                amount_hundredths=held["amount_hundredths"] + more,
                balance_after_hundredths=held["balance_after_hundredths"] + more,
            )
        elif held["seq"] > one["seq"]:
            scene.change(entry, held, balance_after_hundredths=held["balance_after_hundredths"] + more)
    stored = next(held for held in scene.accounts if _same(held, one))
    recognised, available = stored["recognised_hundredths"] + more, stored["available_hundredths"] + more
    scene.change(account, stored, recognised_hundredths=recognised, available_hundredths=available)
    its = next(held for held in scene.lots if held["id"] == one["lot_id"])
    scene.change(lot, its, amount_hundredths=its["amount_hundredths"] + more)
    key = (decision.c.learner_id == one["learner_id"]) & (decision.c.id == one["decision_id"])
    result = json.loads(scene.connection.execute(select(decision.c.result).where(key)).scalar_one())
    hundredths = one["amount_hundredths"] + more
    credits_said = f"{hundredths // 100}.{hundredths % 100:02d}"
    scene.connection.execute(decision.update().where(key).values(result=json.dumps(result | {"credits": credits_said})))


def _rechain(scene: Scene) -> Row:
    """Let a recognition bring more and chain its account anew; nothing on the account contradicts it then."""
    one = scene.picked(("recognise",))
    _credit(scene, one, 100 * scene.random.randrange(1, 9))
    theirs = (entry.c.learner_id == one["learner_id"]) & (entry.c.scheme == one["scheme"])
    chain = GENESIS_HASH
    rows = scene.connection.execute(select(entry).where(theirs).order_by(entry.c.seq)).mappings().all()
    for row in rows:
        chain = chained(chain, row)
        scene.change(entry, dict(row), hash=chain)
    scene.change(account, one, chain_hash=chain)
    return one


def _settle(scene: Scene, left: list[Row], taken: Row) -> None:
    """Make an account and its lots what the entries that are left give."""
    sums = {"issuance": 0, "held": 0, "conversion": 0}
    for one in left:
        sums[one["counter_account"].partition(":")[0]] += one["amount_hundredths"]
    recognised, held, converted = sums["issuance"], -sums["held"], -sums["conversion"]
    scene.change(
        account,
        taken,
        recognised_hundredths=recognised,
        held_hundredths=held,
        converted_hundredths=converted,
        available_hundredths=recognised - held - converted,
        seq=left[-1]["seq"],
        recorded_at=left[-1]["recorded_at"],
        chain_hash=left[-1]["hash"],
    )
    its = next(one for one in scene.lots if one["id"] == taken["lot_id"])
    if taken["kind"] == "recognise":
        scene.delete(lot, [its])
    else:
        scene.change(lot, its, used_hundredths=its["used_hundredths"] + taken["amount_hundredths"])
