"""Verify a credit bank's ledger without the bank: one file that shares no line with the server's code.

    creditbank ledger export ledger.ndjson.gz
    python verify_ledger.py ledger.ndjson.gz --key log.vkey --checkpoint kept-in-march.txt kept-in-june.txt
    creditbank ledger export - | python verify_ledger.py - --keep kept-today.txt
    python verify_ledger.py --database bank.sqlite3

Read is an export (docs/ledger-export.md) or the database itself. Checked is, entry by entry, that each follows from the
one before it, that balances, lots and sums are what the entries give, that no outcome counts twice, and that all sealed
entries make up the Merkle tree (RFC 9162) whose roots the bank signed, now and in checkpoints that were kept elsewhere.

Python 3.11 or newer and its standard library are enough; signatures need the package `cryptography`. Exit code: 0 where
nothing is wrong, 1 where something is, 2 where the ledger can't be read or the question is wrong.
"""

import argparse
import base64
import binascii
import gzip
import hashlib
import json
import re
import sqlite3
import sys
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, BinaryIO

FORMAT, VERSION = "creditbank-ledger", 1

GENESIS = bytes(32)
"""What stands before the first entry of every account."""

HUNDREDTHS_MAX = 10**10 - 1
"""The most that an account may hold: 99,999,999.99 credits."""

LINE_BYTES_MAX = 64 * 1024
"""A line of an export is about 600 bytes; a longer one than this is none."""

POSITIONS_MAX = 2**62
"""Positions that a log may have."""

LEAVES_AHEAD = 2**20
"""How far ahead of what was read so far (four times) the array of leaves is made: a forged position fills no memory."""

FAULTS_KEPT = 10_000
"""Faults that are told one by one; more of them are counted."""

UNSEALED_KEPT = 100_000
"""Unsealed entries that are remembered by their leaf hash, to name the one that was taken out of the log."""

ROWS_AT_ONCE = 5_000

KINDS = {
    "recognise": (1, "issuance", (1, 0, 0)),
    "reverse": (-1, "issuance", (1, 0, 0)),
    "hold": (-1, "held", (0, -1, 0)),
    "release": (1, "held", (0, -1, 0)),
    "convert": (-1, "conversion", (0, 0, -1)),
    "restore": (1, "conversion", (0, 0, -1)),
}
"""By kind: the amount's sign, the counter account, and what the amount does to recognised, held and converted."""

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_WORD = r"[^|\n]+"
_LINE = re.compile(
    rf"1\|({_UUID})\|({_WORD})\|([1-9][0-9]{{0,17}})\|({_UUID})\|({_UUID})\|({_UUID})\|({_UUID})\|([a-z]+)\|({_WORD})"
    rf"\|(-?[1-9][0-9]{{0,17}})\|(0|[1-9][0-9]{{0,17}})\|{_DAY}\|({_DAY}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}\.[0-9]{{6}}Z)\|({_WORD})"
)
_NUMBER = re.compile("[1-9][0-9]{0,17}")
_CREDITS = re.compile(r"(0|[1-9][0-9]{0,7})\.([0-9]{2})")
_SIGNATURE = re.compile(r"— ([^ +]+) ([A-Za-z0-9+/]+={0,2})")

Record = tuple[Any, ...]
"""A line of the ledger: its type, then what it says, in the order in which `Check` takes it."""


class Unreadable(Exception):  # noqa: N818 - reads as what it is
    """The ledger, a key or a checkpoint can't be read; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong: a code, where it is, and the same in words."""

    code: str
    words: str
    learner: str | None = None
    scheme: str | None = None
    seq: int | None = None
    entry: str | None = None
    position: int | None = None

    def __str__(self) -> str:
        """Return the fault as a line."""
        named = (("learner", self.learner), ("scheme", self.scheme), ("seq", self.seq), ("entry", self.entry))
        where = [f"{name} {value}" for name, value in (*named, ("position", self.position)) if value is not None]
        return f"{self.code}: {self.words}" + (f" [{', '.join(where)}]" if where else "")


@dataclass(slots=True)
class Report:
    """What was seen and what is wrong with it."""

    accounts: int = 0
    lots: int = 0
    entries: int = 0
    leaves: int = 0
    checkpoints: int = 0
    kept_checkpoints: int = 0
    unsealed: int = 0
    signatures: str = "none"
    faults_count: int = 0
    by_code: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    totals: dict[str, dict[str, int]] = field(default_factory=dict)
    latest: str | None = None

    def add(self, code: str, words: str, **where: Any) -> None:  # noqa: ANN401 - the fields of Fault
        """Add a fault."""
        self.faults_count += 1
        self.by_code[code] = self.by_code.get(code, 0) + 1
        if len(self.faults) < FAULTS_KEPT:
            self.faults.append(Fault(code, words, **where))


# The log: an RFC 9162 tree over the canonical lines, and its signed checkpoints.


def leaf_hash(line: bytes) -> bytes:
    """Return the hash of a leaf (RFC 9162, 2.1.1)."""
    return hashlib.sha256(b"\0" + line).digest()


class Tree:
    """The tree's leaf hashes by position, in one array, and its roots at any sizes that are asked for in order."""

    def __init__(self) -> None:
        self.leaves = bytearray()
        self._count = 0
        self._far, self._far_leaves = array("Q"), bytearray()
        self._folded = 0
        self._stack: list[bytes] = []

    def __len__(self) -> int:
        return len(self.leaves) // 32

    def put(self, position: int, leaf: bytes) -> bool:
        """Set a leaf; return False where there is one already."""
        self._count += 1
        if position > 4 * self._count + LEAVES_AHEAD:
            self._far.append(position)
            self._far_leaves += leaf
            return True
        return self._put(position, leaf)

    def _put(self, position: int, leaf: bytes) -> bool:
        start = position * 32
        missing = start + 32 - len(self.leaves)
        if missing > 0:
            self.leaves += bytes(missing)
        elif self.leaves[start : start + 32] != GENESIS:
            return False
        self.leaves[start : start + 32] = leaf
        return True

    def settle(self) -> Iterator[int]:
        """Set what was far ahead; yield the positions that are taken, or lie beyond as many leaves as there are."""
        for number, position in enumerate(self._far):
            leaf = bytes(self._far_leaves[number * 32 : number * 32 + 32])
            if position > self._count + LEAVES_AHEAD or not self._put(position, leaf):
                yield position
        self._far, self._far_leaves = array("Q"), bytearray()

    def missing(self) -> Iterator[int]:
        """Yield the positions without a leaf."""
        start = self.leaves.find(GENESIS)
        while start >= 0:
            if start % 32 == 0:
                yield start // 32
                start += 31
            start = self.leaves.find(GENESIS, start + 1)

    def root(self, size: int) -> bytes:
        """Return the root of the first `size` leaves; sizes are asked for in order (RFC 9162, 2.1.1)."""
        sha256, leaves, stack = hashlib.sha256, self.leaves, self._stack
        for position in range(self._folded, size):
            start = position * 32
            node = bytes(leaves[start : start + 32])
            while position & 1:
                node = sha256(b"\1" + stack.pop() + node).digest()
                position >>= 1  # noqa: PLW2901 - the subtrees that end here are one for each bit that is set
            stack.append(node)
        self._folded = max(self._folded, size)
        if not stack:
            return sha256().digest()
        root = stack[-1]
        for left in reversed(stack[:-1]):
            root = sha256(b"\1" + left + root).digest()
        return root


@dataclass(frozen=True, slots=True)
class Key:
    """A public key of the log: its name, the four bytes by which signatures name it, and 32 bytes of Ed25519."""

    name: str
    id: bytes
    public: bytes


def parsed_key(text: str) -> Key:
    """Return the key that a C2SP verifier key (name+hash+base64) says."""
    name, _, rest = text.strip().partition("+")
    named, _, encoded = rest.partition("+")
    try:
        material = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        material = b""
    key_id = hashlib.sha256(name.encode() + b"\n" + material).digest()[:4]
    if not name or len(material) != 33 or material[0] != 1 or named != key_id.hex():  # noqa: PLR2004 - a type and a key
        raise Unreadable(f"this is no Ed25519 key of a signed note: {text.strip()[:80]}")
    return Key(name, key_id, material[1:])


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed note (C2SP) that says how large a log is and what its root is."""

    origin: str
    size: int
    root: bytes
    text: str
    signatures: tuple[tuple[str, bytes], ...]


def parsed_checkpoint(note: str) -> Checkpoint:
    """Return what a signed note says."""
    text, separator, signed = note.rpartition("\n\n")
    lines = text.split("\n")
    found = [_SIGNATURE.fullmatch(line) for line in signed.rstrip("\n").split("\n")]
    try:
        origin, size, root = lines[0], int(lines[1]), base64.b64decode(lines[2], validate=True)
        signatures = tuple((one[1], base64.b64decode(one[2], validate=True)) for one in found if one)
    except (IndexError, ValueError) as error:
        raise Unreadable("this is no checkpoint of a log") from error
    if not separator or not origin or str(size) != lines[1] or size < 0 or len(root) != 32 or not all(found):  # noqa: PLR2004
        raise Unreadable("this is no checkpoint of a log")
    return Checkpoint(origin, size, root, text + "\n", signatures)


def is_signed(checkpoint: Checkpoint, keys: Iterable[Key]) -> bool:
    """Tell whether any of the keys signed the checkpoint. Raises Unreadable where `cryptography` isn't installed."""
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - the one package from outside
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
    except ImportError as error:
        words = "signatures are checked with the package cryptography: install it, or leave them out by --no-signatures"
        raise Unreadable(words) from error
    for key in keys:
        for name, signature in checkpoint.signatures:
            if (name, signature[:4]) == (key.name, key.id):
                try:
                    Ed25519PublicKey.from_public_bytes(key.public).verify(signature[4:], checkpoint.text.encode())
                except (InvalidSignature, ValueError):
                    continue
                return True
    return False


# One account: its entries in order, and what they leave.


@dataclass(slots=True)
class Lot:
    """A lot as stored, and what the entries make of it."""

    outcome: str
    amount: int
    used: int
    valid_until: str | None
    awarded: dict[str, Any] | None
    left: int = 0
    held: int = 0
    converted: int = 0
    in_force: int = 0
    recognitions: int = 0


class Account:
    """The entries of one learner in one scheme, replayed."""

    __slots__ = (
        *("learner", "scheme", "stored", "lots", "seq", "chain", "recorded_at", "available", "sums"),
        *("postings", "ids", "first", "in_force"),
    )

    def __init__(self, learner: str, scheme: str) -> None:
        self.learner, self.scheme = learner, scheme
        self.stored: Record | None = None
        self.lots: dict[str, Lot] = {}
        self.seq, self.chain, self.recorded_at, self.available = 0, GENESIS, "", 0
        self.sums = [0, 0, 0]
        self.postings: dict[str, tuple[str, str, str]] = {}
        self.ids: set[str] = set()
        self.first: str | None = None
        self.in_force: dict[str, int] = {}


class Check:
    """A check under way: records come in the order of an export, faults gather in the report."""

    def __init__(
        self, keys: Iterable[Key] = (), kept: Iterable[tuple[str, Checkpoint]] = (), *, signs: bool = True
    ) -> None:
        self.report = Report()
        self.tree = Tree()
        self._keys, self._signs = list(keys), signs
        self._keys_are_given = bool(self._keys)
        self._kept = sorted(kept, key=lambda named: named[1].size)
        self._origins: set[str] = set()
        self._account: Account | None = None
        self._learner_outcomes: dict[str, str] = {}
        self._unsealed: dict[bytes, dict[str, Any]] = {}
        self._lost_leaves: list[tuple[int, bytes]] = []
        self._counters: dict[tuple[str, str], int] = {}
        self._stored: dict[str, list[int]] = {}
        self._leaves_max = POSITIONS_MAX
        self._is_settled = False
        self._size = 0
        self._sound_size = 0
        self._takers: dict[str, Callable[..., None]] = {
            "account": self._take_account,
            "lot": self._take_lot,
            "entry": self._take_entry,
            "leaf": self._take_leaf,
            "key": self._take_key,
            "checkpoint": self._take_checkpoint,
            "leaves": self._take_leaves,
            "fault": self.report.add,
        }

    def run(self, records: Iterable[Record]) -> Report:
        """Take all records, then compare what only shows at the end; return the report."""
        takers = self._takers
        for record in records:
            takers[record[0]](*record[1:])
        self._close()
        self._finish_tree()
        self._compare_sums()
        return self.report

    def _take_leaves(self, count: int) -> None:
        """Take how many leaves the log is said to have: an entry beyond is named at once."""
        self._leaves_max = min(count, POSITIONS_MAX)

    def _take_account(self, learner: str, scheme: str, *stored: Any) -> None:  # noqa: ANN401 - as `Account.stored`
        self.report.accounts += 1
        account = self._opened(learner, scheme)
        if account.stored is not None:
            self.report.add("account_twice", "the account stands there twice", learner=learner, scheme=scheme)
        account.stored = stored
        kept = self._stored.setdefault(scheme, [0, 0, 0, 0])
        for number, amount in enumerate(stored[:4]):
            kept[number] += amount

    def _take_lot(self, learner: str, scheme: str, lot_id: str, *said: Any) -> None:  # noqa: ANN401 - as `Lot`
        self.report.lots += 1
        account, where = self._opened(learner, scheme), {"learner": learner, "scheme": scheme}
        if lot_id in account.lots:
            self.report.add("lot_twice", f"lot {lot_id} stands there twice", **where)
        lot = account.lots[lot_id] = Lot(*said)
        if not 0 < lot.amount <= HUNDREDTHS_MAX or not 0 <= lot.used <= lot.amount:
            self.report.add("lot_overspent", f"lot {lot_id} holds {lot.amount}, {lot.used} of it used", **where)

    def _opened(self, learner: str, scheme: str) -> Account:
        """Return the account that a record is about; one that is over doesn't come again."""
        account = self._account
        if account is not None and account.learner == learner and account.scheme == scheme:
            return account
        if account is not None:
            self._close()
            if (account.learner, account.scheme) > (learner, scheme):
                words = f"comes behind {account.learner} {account.scheme}: accounts stand in the order of their names"
                self.report.add("order", words, learner=learner, scheme=scheme)
            if account.learner != learner:
                self._learner_outcomes = {}
        self._account = Account(learner, scheme)
        return self._account

    def _take_entry(self, line: str, stored_hash: str, position: int | None, stored_leaf: str | None) -> None:
        self.report.entries += 1
        raw = line.encode("utf-8", "surrogatepass")
        found = _LINE.fullmatch(line)
        if found is None:
            self._take_misshapen(line, raw, (stored_hash, position, stored_leaf))
            return
        learner, scheme, seq, entry_id, posting, lot_id, decision, kind, counter, amount, after, at, actor = (
            found.groups()
        )
        account = self._account
        if account is None or account.learner != learner or account.scheme != scheme:
            account = self._opened(learner, scheme)
        if account.first is None:
            account.first = entry_id
        number = int(seq)

        def fault(code: str, words: str, at_position: int | None = None) -> None:
            where = {"learner": learner, "scheme": scheme, "seq": number, "entry": entry_id}
            self.report.add(code, words, **where, position=at_position)

        if number != account.seq + 1:
            fault("seq", f"entry {number} follows on entry {account.seq}")
        account.seq = number
        digest = hashlib.sha256(account.chain + raw).digest()
        if digest.hex() != stored_hash:
            fault("hash", "the entry's hash is not that of its content behind the entry before it")
            digest = _unhexed(stored_hash)
        account.chain = digest
        if entry_id in account.ids:
            fault("entry_twice", "this entry's id stands on the account already")
        account.ids.add(entry_id)
        if at < account.recorded_at:
            fault("recorded_at", f"recorded at {at}, before the entry that it follows on")
        account.recorded_at = at
        self._check_posting(account, (posting, kind, at, actor), fault)
        self._move(account, (kind, counter, int(amount), int(after)), fault)
        self._use_lot(account, (lot_id, decision, kind, int(amount)), fault)
        self._place(account, (raw, position, stored_leaf, number), fault)

    def _take_misshapen(self, line: str, raw: bytes, said: tuple[str, int | None, str | None]) -> None:
        """Name an entry that can't be one, by as much as it says of itself; go on behind it."""
        stored_hash, position, stored_leaf = said
        parts = [*line.split("|"), *([""] * 15)]
        learner, scheme, seq, entry_id = parts[1:5]
        account = self._opened(learner, scheme)
        number = int(seq) if _NUMBER.fullmatch(seq) else account.seq + 1

        def fault(code: str, words: str, at_position: int | None = None) -> None:
            where = {"learner": learner, "scheme": scheme, "seq": number, "entry": entry_id}
            self.report.add(code, words, **where, position=at_position)

        fault("form", "the entry is not written as an entry is")
        if hashlib.sha256(account.chain + raw).hexdigest() != stored_hash:
            fault("hash", "the entry's hash is not that of its content behind the entry before it")
        account.chain, account.seq = _unhexed(stored_hash), number
        self._place(account, (raw, position, stored_leaf, number), fault)

    def _check_posting(self, account: Account, said: tuple[str, str, str, str], fault: Callable[..., None]) -> None:
        """See that entries of one posting were written together, by one actor, and are of kinds that go together."""
        posting, kind, at, actor = said
        before = account.postings.get(posting)
        if before is None:
            account.postings[posting] = (kind, at, actor)
            return
        replaces = {before[0], kind} == {"reverse", "recognise"}
        if before[1:] != (at, actor) or not (before[0] == kind or replaces):
            fault("posting", f"is not of one piece with the other entries of posting {posting}")

    def _move(self, account: Account, said: tuple[str, str, int, int], fault: Callable[..., None]) -> None:
        """Move what the account holds; what an entry says was available after it is believed for the next one."""
        kind, counter, amount, after = said
        known = KINDS.get(kind)
        if known is None:
            fault("kind", f"there is no entry of kind {kind}")
            return
        sign, prefix, effects = known
        if amount * sign < 0:
            fault("sign", f"{kind} of {amount}")
        if counter.partition(":")[0] != prefix or (counter == "held") != (prefix == "held"):
            fault("counter", f"{kind} against {counter}")
        sums = account.sums
        for number in (0, 1, 2):
            sums[number] += effects[number] * amount
        if sums[1] < 0 or sums[2] < 0 or sums[0] > HUNDREDTHS_MAX:
            fault("overdrawn", f"leaves {sums[0]} recognised, {sums[1]} held and {sums[2]} converted")
        if account.available + amount != after:
            fault("balance_after", f"{account.available} and {amount} are not {after}")
        account.available = after
        key = (account.scheme, counter)
        self._counters[key] = self._counters.get(key, 0) - amount

    def _use_lot(self, account: Account, said: tuple[str, str, str, int], fault: Callable[..., None]) -> None:
        """Put credits on the entry's lot, or take some from it."""
        lot_id, decision, kind, amount = said
        lot = account.lots.get(lot_id)
        if lot is None:
            fault("lot_unknown", f"its lot {lot_id} is not on the account")
            return
        lot.left += amount
        if lot.left < 0 or lot.left > lot.amount:
            fault("lot_overspent", f"leaves {lot.left} of the {lot.amount} of lot {lot_id}")
        if kind == "recognise":
            self._recognise(account, lot, (decision, amount), fault)
        elif kind == "reverse":
            lot.in_force += amount
            account.in_force[lot.outcome] = account.in_force.get(lot.outcome, 0) + amount
        elif kind in ("hold", "release"):
            lot.held -= amount
            if lot.held < 0:
                fault("released_twice", f"releases what lot {lot_id} doesn't hold")
        else:
            lot.converted -= amount
            if lot.converted < 0:
                fault("restored_twice", f"restores what was not converted of lot {lot_id}")

    def _recognise(self, account: Account, lot: Lot, said: tuple[str, int], fault: Callable[..., None]) -> None:
        """See that a recognition is the lot's only one, as decided, and the only one of its outcome in force."""
        decision, amount = said
        lot.recognitions += 1
        if lot.recognitions > 1:
            fault("lot_recognised_twice", "its lot was recognised already")
        if amount != lot.amount:
            fault("lot_amount", f"recognises {amount}, its lot holds {lot.amount}")
        if account.in_force.get(lot.outcome, 0) > 0:
            fault("outcome_twice", f"outcome {lot.outcome} is recognised while an earlier recognition is in force")
        lot.in_force += amount
        account.in_force[lot.outcome] = account.in_force.get(lot.outcome, 0) + amount
        award = lot.awarded or {}
        said_credits = _CREDITS.fullmatch(str(award.get("credits")))
        hundredths = int(said_credits[1]) * 100 + int(said_credits[2]) if said_credits else None
        asked = (decision, lot.outcome, amount, account.scheme, lot.valid_until)
        if asked != (
            *(award.get("decision"), award.get("outcome"), hundredths, award.get("scheme"), award.get("valid_until")),
        ):
            fault("award", f"its lot is not what decision {decision} awarded")

    def _place(
        self, account: Account, said: tuple[bytes, int | None, str | None, int], fault: Callable[..., None]
    ) -> None:
        """Put the entry into the tree where the log says that it stands."""
        raw, position, stored_leaf, seq = said
        leaf = leaf_hash(raw)
        if position is None:
            self.report.unsealed += 1
            if len(self._unsealed) < UNSEALED_KEPT:
                self._unsealed[leaf] = {"learner": account.learner, "scheme": account.scheme, "seq": seq}
            return
        if stored_leaf is not None and leaf.hex() != stored_leaf:
            fault("leaf", "is not what was sealed at its position", position)
        self._put(position, leaf, fault)

    def _put(self, position: int, leaf: bytes, fault: Callable[..., None]) -> None:
        if not 0 <= position < self._leaves_max:
            fault("position", f"the log has {self._leaves_max} leaves", position)
        elif not self.tree.put(position, leaf):
            fault("leaf_twice", "another entry stands at the same position of the log", position)

    def _take_leaf(
        self, position: int, learner: str | None, scheme: str | None, seq: int | None, leaf: str | None
    ) -> None:
        """Take a leaf of the log whose entry isn't there."""
        where = {"learner": learner, "scheme": scheme, "seq": seq, "position": position}
        self.report.add("entry_missing", "what was sealed here is not in the ledger", **where)
        if leaf is not None:
            self._lost_leaves.append((position, _unhexed(leaf)))

    def _close(self) -> None:
        """Compare what the account says of itself with what its entries gave."""
        account = self._account
        if account is None:
            return
        where = {"learner": account.learner, "scheme": account.scheme}
        if account.stored is None:
            words = "entries or lots stand on an account that isn't there"
            self.report.add("account_missing", words, **where, entry=account.first)
        else:
            self._compare_account(account, account.stored, where)
        for lot_id, lot in account.lots.items():
            self._close_lot(lot_id, lot, where)

    def _compare_account(self, account: Account, stored: Record, where: dict[str, Any]) -> None:
        recognised, held, converted = account.sums
        counted = (recognised, held, converted, recognised - held - converted)
        if counted != tuple(stored[:4]):
            words = "stored are {} recognised, {} held, {} converted and {} available; entries give {}, {}, {} and {}"
            self.report.add("balance", words.format(*stored[:4], *counted), **where)
        if counted[3] < 0:
            self.report.add("overdrawn", f"entries leave {counted[3]} available", **where)
        seq, recorded_at, chain_hash = stored[4:]
        if seq != account.seq:
            self.report.add("account_seq", f"stored are {seq} entries, {account.seq} is the last", **where)
        if (recorded_at or "") != account.recorded_at:
            self.report.add("account_recorded_at", "the stored instant is not that of the last entry", **where)
        if chain_hash != account.chain.hex():
            self.report.add("account_hash", "the stored hash is not that of the last entry", **where)

    def _close_lot(self, lot_id: str, lot: Lot, where: dict[str, Any]) -> None:
        if lot.recognitions == 0:
            self.report.add("lot_unrecognised", f"nothing recognised lot {lot_id}", **where)
        if lot.left != lot.amount - lot.used:
            words = f"lot {lot_id} has {lot.amount} less {lot.used} used; entries leave {lot.left}"
            self.report.add("lot_used", words, **where)
        if lot.in_force > 0:
            other = self._learner_outcomes.setdefault(lot.outcome, lot_id)
            if other != lot_id:
                words = f"outcome {lot.outcome} is in force in lot {lot_id} and in lot {other}"
                self.report.add("outcome_twice", words, **where)

    # The end: the tree and its checkpoints, and sums over all accounts.

    def _take_key(self, text: str) -> None:
        """Believe a key of the ledger's own only where no other was given."""
        if self._keys_are_given:
            return
        try:
            self._keys.append(parsed_key(text))
        except Unreadable as unreadable:
            self.report.add("key", str(unreadable))

    def _take_checkpoint(self, size: int, root: str, note: str) -> None:
        """Compare a checkpoint of the ledger with the tree and with the keys."""
        self._settle()
        self.report.checkpoints += 1
        try:
            checkpoint = parsed_checkpoint(note)
        except Unreadable as unreadable:
            self.report.add("checkpoint", f"of size {size}: {unreadable}", position=size)
            return
        self._origins.add(checkpoint.origin)
        if (checkpoint.size, checkpoint.root.hex()) != (size, root):
            self.report.add("checkpoint", f"of size {size}: its note says something else", position=size)
        if checkpoint.size < self._size:
            self.report.add("checkpoint", f"of size {size} comes behind a larger one", position=size)
            return
        self._compare_kept(checkpoint.size)
        self._size = checkpoint.size
        self._compare_root(checkpoint, "the checkpoint")
        self.report.latest = note

    def _compare_kept(self, size: int | None) -> None:
        """Compare the kept checkpoints up to a size with the tree: all, where none is named."""
        while self._kept and (size is None or self._kept[0][1].size <= size):
            name, checkpoint = self._kept.pop(0)
            self.report.kept_checkpoints += 1
            if checkpoint.size not in (size, self._size) and checkpoint.size <= len(self.tree):
                words = f"{name} of size {checkpoint.size} is not among the checkpoints of the ledger"
                self.report.add("checkpoint_missing", words, position=checkpoint.size)
            if self._origins and checkpoint.origin not in self._origins:
                self.report.add("checkpoint_origin", f"{name} is of another log: {checkpoint.origin}")
            self._compare_root(checkpoint, name)

    def _compare_root(self, checkpoint: Checkpoint, name: str) -> None:
        """Compare one checkpoint's root with the tree's at its size, and its signature with the keys."""
        size = checkpoint.size
        if self._signs:
            if not is_signed(checkpoint, self._keys):
                self.report.add(
                    "signature", f"{name} of size {size} carries no good signature of the log", position=size
                )
            self.report.signatures = "by keys given" if self._keys_are_given else "by the ledger's own keys"
        if size > len(self.tree):
            words = f"{name} saw {size} entries, the log has {len(self.tree)}: the ledger was rolled back or cut"
            self.report.add("rolled_back", words, position=len(self.tree))
        elif self.tree.root(size) != checkpoint.root:
            words = f"{name} of size {size} has another root: what was sealed from {self._sound_size} on was changed"
            self.report.add("root", words, position=self._sound_size)
        else:
            self._sound_size = max(self._sound_size, size)

    def _settle(self) -> None:
        """Make the tree whole once all entries are there."""
        if not self._is_settled:
            self._is_settled = True
            for position in self.tree.settle():
                self.report.add("position", "the log has no such position, or it is taken", position=position)

    def _finish_tree(self) -> None:
        self._settle()
        self.report.leaves = len(self.tree)
        for position, leaf in self._lost_leaves:
            where = self._unsealed.get(leaf)
            if where is not None:
                self.report.add("unsealed", "was sealed and is not in the log any more", **where, position=position)
        for position in self.tree.missing():
            self.report.add("leaf_missing", "no entry stands at this position of the log", position=position)
        self._compare_kept(None)

    def _compare_sums(self) -> None:
        """Compare the counter accounts' totals with the stored balances of all accounts, scheme by scheme."""
        totals: dict[str, dict[str, int]] = {}
        for (scheme, counter), amount in sorted(self._counters.items()):
            totals.setdefault(scheme, {})[counter] = amount
        self.report.totals = totals
        for scheme in sorted(totals.keys() | self._stored.keys()):
            counters, stored = totals.get(scheme, {}), self._stored.get(scheme, [0, 0, 0, 0])
            given = [
                sum(amount for counter, amount in counters.items() if counter.partition(":")[0] == prefix)
                for prefix in ("issuance", "held", "conversion")
            ]
            if [-given[0], given[1], given[2], -sum(given)] != stored:
                words = f"accounts hold {stored} (recognised, held, converted, available), counter accounts {given}"
                self.report.add("sums", words, scheme=scheme)


def _unhexed(text: str) -> bytes:
    """Return the bytes of a hash as stored, whatever it is."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return text.encode()


# Reading an export.

_NO_TEXT = type(None)
FIELDS: dict[str, tuple[tuple[str, tuple[type, ...]], ...]] = {
    "account": (
        *(("learner", (str,)), ("scheme", (str,)), ("recognised_hundredths", (int,)), ("held_hundredths", (int,))),
        *(("converted_hundredths", (int,)), ("available_hundredths", (int,)), ("seq", (int,))),
        *(("recorded_at", (str, _NO_TEXT)), ("chain_hash", (str,))),
    ),
    "lot": (
        *(("learner", (str,)), ("scheme", (str,)), ("lot", (str,)), ("outcome", (str,)), ("amount_hundredths", (int,))),
        *(("used_hundredths", (int,)), ("valid_until", (str, _NO_TEXT)), ("awarded", (dict, _NO_TEXT))),
    ),
    "entry": (("line", (str,)), ("hash", (str,)), ("position", (int, _NO_TEXT)), ("leaf", (str, _NO_TEXT))),
    "leaf": (
        *(("position", (int,)), ("learner", (str, _NO_TEXT)), ("scheme", (str, _NO_TEXT)), ("seq", (int, _NO_TEXT))),
        ("leaf", (str, _NO_TEXT)),
    ),
    "key": (("key", (str,)),),
    "checkpoint": (("size", (int,)), ("root", (str,)), ("note", (str,))),
}
"""The types of lines and their fields, in the order in which `Check` takes them."""

COUNTED = {
    "account": "accounts",
    "lot": "lots",
    "entry": "entries",
    "leaf": "lost_leaves",
    "key": "keys",
    "checkpoint": "checkpoints",
}
"""How the header and the trailer call the numbers of lines."""


def export_records(source: BinaryIO) -> Iterator[Record]:
    """Yield the records of an export; what is wrong with its frame comes as faults among them. Raises Unreadable."""
    digest = hashlib.sha256()
    first = source.readline(LINE_BYTES_MAX)
    digest.update(first)
    header = _parsed(first)
    if header is None or (header.get("format"), header.get("version")) != (FORMAT, VERSION):
        raise Unreadable(f"this is no export of a ledger in version {VERSION} of its format")
    if type(header.get("leaves")) is not int:
        raise Unreadable("the first line doesn't say how many leaves the log has")
    yield ("leaves", header["leaves"])
    counts = dict.fromkeys(COUNTED.values(), 0)
    number = 1
    while raw := source.readline(LINE_BYTES_MAX):
        number += 1
        said = _parsed(raw)
        if said is not None and said.get("type") == "trailer":
            yield from _frame_faults(header, said, counts, digest.hexdigest())
            if source.readline(1):
                yield ("fault", "trailer", f"something stands behind the last line, no. {number}")
            return
        digest.update(raw)
        record = None if said is None else _record(said)
        if record is None:
            yield ("fault", "line", f"line {number} is none that an export has")
            continue
        counts[COUNTED[record[0]]] += 1
        yield record
    yield ("fault", "trailer", f"the export breaks off after line {number}: its last line is missing")


def _parsed(raw: bytes) -> dict[str, Any] | None:
    """Return the JSON object that a whole line is, or None."""
    try:
        said = json.loads(raw) if raw.endswith(b"\n") else None
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _record(said: dict[str, Any]) -> Record | None:
    """Return what a line says as `Check` takes it, or None where its fields are not those of its type."""
    kind = said.get("type")
    fields = FIELDS.get(kind) if isinstance(kind, str) else None
    if fields is None or len(said) != len(fields) + 1:
        return None
    values = []
    for name, types in fields:
        value = said.get(name, said)
        if type(value) not in types or value is said:
            return None
        values.append(value)
    return (kind, *values)


def _frame_faults(header: dict[str, Any], trailer: dict[str, Any], counts: dict[str, int], digest: str) -> list[Record]:
    """Return where the first and the last line don't agree with what stands between them."""
    faults: list[Record] = []
    if trailer.get("counts") != counts:
        faults.append(("fault", "counts", f"the last line counts {trailer.get('counts')}, there are {counts}"))
    announced = header.get("counts")
    kept = {name: counts[name] for name in announced if name in counts} if isinstance(announced, dict) else None
    if announced != kept:
        faults.append(("fault", "counts", f"the first line announces {announced}, there are {counts}"))
    if trailer.get("sha256") != digest:
        faults.append(("fault", "digest", "the lines are not those over which the last line's SHA-256 was made"))
    return faults


# Reading the database itself: the same records, put together from five tables that are read in one order.

_SQLITE = {"uuid": "{0}", "hash": "lower(hex({0}))", "instant": "{0}", "day": "{0}", "order": "{0}"}
_POSTGRESQL = {
    "uuid": "replace({0}::text, '-', '')",
    "hash": "encode({0}, 'hex')",
    "instant": "to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
    "day": "{0}::text",
    "order": '{0} COLLATE "C"',
}
_COLUMNS = {
    "account": (
        *("learner_id:uuid", "scheme", "recognised_hundredths", "held_hundredths", "converted_hundredths"),
        *("available_hundredths", "seq", "recorded_at:instant", "chain_hash:hash"),
    ),
    "lot": (
        *("learner_id:uuid", "scheme", "id:uuid", "outcome_id:uuid", "amount_hundredths", "used_hundredths"),
        "valid_until:day",
    ),
    "entry": (
        *("learner_id:uuid", "scheme", "seq", "id:uuid", "posting_id:uuid", "lot_id:uuid", "decision_id:uuid", "kind"),
        *("counter_account", "amount_hundredths", "balance_after_hundredths", "effective_on:day"),
        *("recorded_at:instant", "actor", "hash:hash"),
    ),
    "log_leaf": ("learner_id:uuid", "scheme", "seq", "position", "hash:hash"),
    "decision": ("learner_id:uuid", "id:uuid", "outcome_id:uuid", "result"),
}
_ORDER = {
    "account": "learner_id, {scheme}",
    "lot": "learner_id, id",
    "entry": "learner_id, {scheme}, seq",
    "log_leaf": "learner_id, {scheme}, seq",
    "decision": "learner_id, id",
}


def _query(table: str, spelling: dict[str, str]) -> str:
    """Return the query for a table's rows, written as an engine writes it."""
    columns = []
    for column in _COLUMNS[table]:
        name, _, kind = column.partition(":")
        columns.append(spelling[kind].format(name) if kind else name)
    where = " WHERE kind = 'recognition'" if table == "decision" else ""
    order = _ORDER[table].format(scheme=spelling["order"].format("scheme"))
    return f"SELECT {', '.join(columns)} FROM {table}{where} ORDER BY {order}"  # noqa: S608 - own names only


def database_records(address: str) -> Iterator[Record]:
    """Yield the records of a database: an SQLite file, or PostgreSQL by postgresql://. Raises Unreadable."""
    if address.startswith(("postgresql://", "postgresql+psycopg://")):
        yield from _postgresql_records(address.replace("+psycopg", "", 1))
        return
    path = Path(address.removeprefix("sqlite:///"))
    if not path.is_file():
        raise Unreadable(f"there is no file {path}")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)) as opened:
            opened.execute("BEGIN")
            yield from sqlite_records(opened)
    except sqlite3.Error as error:
        raise Unreadable(f"{path}: {error}") from error


def sqlite_records(opened: sqlite3.Connection) -> Iterator[Record]:
    """Yield the records of an SQLite database as a connection sees it."""

    def rows(query: str) -> Iterator[Record]:
        return iter(opened.cursor().execute(query))

    yield from _typed_records(_records(rows, _SQLITE))


def _postgresql_records(address: str) -> Iterator[Record]:
    try:
        import psycopg  # noqa: PLC0415 - only where somebody reads PostgreSQL directly
    except ImportError as error:
        words = "PostgreSQL is read with the package psycopg; or pipe in what `creditbank ledger export -` prints"
        raise Unreadable(words) from error
    try:
        with psycopg.connect(address) as opened:
            opened.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            opened.read_only = True
            yield from postgresql_records(opened)
    except psycopg.Error as error:
        raise Unreadable(str(error)) from error


def postgresql_records(opened: Any) -> Iterator[Record]:  # noqa: ANN401 - psycopg may not be there
    """Yield the records of a PostgreSQL database as a connection of psycopg sees it."""

    def rows(query: str) -> Iterator[Record]:
        with opened.cursor(name=f"c{hashlib.sha256(query.encode()).hexdigest()[:8]}") as cursor:
            cursor.itersize = ROWS_AT_ONCE
            yield from cursor.execute(query)

    yield from _typed_records(_records(rows, _POSTGRESQL))


def _typed_records(records: Iterable[Record]) -> Iterator[Record]:
    """Yield records whose values are of the types that an export has, and a fault in place of any other."""
    for record in records:
        wrong = [
            name
            for value, (name, types) in zip(record[1:], FIELDS.get(record[0], ()), strict=False)
            if type(value) not in types
        ]
        yield ("fault", "row", f"{record[0]} {record[1:4]}: can't have such a value as {wrong}") if wrong else record


def _records(rows: Callable[[str], Iterator[Record]], spelling: dict[str, str]) -> Iterator[Record]:
    """Yield the records of all learners in order, then keys and checkpoints."""
    yield ("leaves", *next(rows("SELECT count(*) FROM log_leaf")))
    tables = ("account", "lot", "entry", "log_leaf", "decision")
    groups = [groupby(rows(_query(table, spelling)), itemgetter(0)) for table in tables]
    heads = [next(group, None) for group in groups]
    while any(heads):
        learner = min(str(head[0]) for head in heads if head)
        found: list[list[Record]] = []
        for number, head in enumerate(heads):
            is_theirs = head is not None and str(head[0]) == learner
            found.append(list(head[1]) if head is not None and is_theirs else [])
            if is_theirs:
                heads[number] = next(groups[number], None)
        yield from _learner_records(_dashed(learner), found)
    for (key,) in rows("SELECT vkey FROM log_key ORDER BY since, id"):
        yield ("key", key)
    root = spelling["hash"].format("root")
    for size, digest, note in rows(f"SELECT size, {root}, note FROM checkpoint ORDER BY size"):  # noqa: S608 - as above
        yield ("checkpoint", size, digest, note)


def _learner_records(learner: str, found: list[list[Record]]) -> Iterator[Record]:
    """Yield one learner's accounts with their lots and entries, then leaves whose entries aren't there."""
    accounts, lots, entries, leaves, decisions = found
    sealed: dict[tuple[Any, Any], list[Record]] = {}
    for _, scheme, seq, position, digest in leaves:
        sealed.setdefault((scheme, seq), []).append((position, digest))
    awards = {row[1]: row for row in decisions}
    recognised = {row[5]: awards.get(row[6]) for row in entries if row[7] == "recognise"}
    rows = [(row[1], 0, ("account", learner, *row[1:7], _instant(row[7]), row[8])) for row in accounts]
    rows += [(row[1], 1, _lot_record(learner, row, recognised.get(row[2]))) for row in lots]
    for row in entries:
        places = sealed.get((row[1], row[2])) or [(None, None)]
        rows.append((row[1], 2, ("entry", _line(row), row[14], *places.pop(0))))
    for _, _, record in sorted(rows, key=itemgetter(0, 1)):
        yield record
    for (scheme, seq), places in sealed.items():
        for place in places:
            yield ("leaf", place[0], learner, scheme, seq, place[1])


def _lot_record(learner: str, row: Record, decision: Record | None) -> Record:
    """Return a lot with what the decision of its recognition awarded."""
    return ("lot", learner, row[1], *map(_dashed, row[2:4]), *row[4:7], _award(decision))


def _line(row: Record) -> str:
    """Return the canonical line of an entry's row."""
    learner, scheme, seq, *ids = row[:7]
    middle = [_dashed(one) for one in ids]
    parts = ("1", _dashed(learner), scheme, seq, *middle, *row[7:12], _instant(row[12]), row[13])
    return "|".join(map(str, parts))


def _award(decision: Record | None) -> dict[str, Any] | None:
    """Return what a decision says of a lot."""
    if decision is None:
        return None
    _, decision_id, outcome_id, result = decision
    try:
        said = json.loads(result)
    except (TypeError, ValueError):
        said = None
    said = said if isinstance(said, dict) else {}
    award = {"decision": _dashed(decision_id), "outcome": _dashed(outcome_id)}
    return award | {name: said.get(name) for name in ("credits", "scheme", "valid_until")}


def _dashed(text: object) -> str:
    """Return an id of 32 digits as it is written with dashes; anything else as it is."""
    digits = str(text)
    if len(digits) != 32:  # noqa: PLR2004 - digits of a UUID
        return digits
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _instant(text: object) -> str | None:
    """Return an instant as the canonical line has it."""
    return None if text is None else str(text).replace(" ", "T") + "Z"


# The command line.


def main(arguments: list[str] | None = None) -> int:
    """Verify, print what was found, and return the exit code."""
    asked = _parser().parse_args(arguments)
    if (asked.export is None) == (asked.database is None):
        print("name an export (- for standard input) or a database by --database", file=sys.stderr)
        return 2
    try:
        kept = [(str(file), _kept_checkpoint(file)) for path in asked.checkpoint for file in _files(path)]
        keys = [key for one in asked.key for key in _given_keys(one)]
        check = Check(keys, kept, signs=not asked.no_signatures)
        if asked.database is not None:
            report = check.run(database_records(asked.database))
        else:
            with _opened(asked.export) as source:
                report = check.run(export_records(source))
    except (Unreadable, OSError, EOFError, zlib.error) as error:
        print(_printable(str(error)), file=sys.stderr)
        return 2
    if asked.keep is not None and report.latest is not None and not report.faults_count:
        asked.keep.write_text(report.latest, "utf-8")
    print(json.dumps(asdict(report), indent=1) if asked.json else _shown(report, asked.faults))
    return 1 if report.faults_count else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("export", nargs="?", help="an export, also packed (.gz); - for standard input")
    parser.add_argument("--database", help="an SQLite file, or the address of a PostgreSQL database (postgresql://)")
    parser.add_argument(
        "--checkpoint", nargs="+", type=Path, default=[], help="checkpoints kept from before: files or folders"
    )
    parser.add_argument("--key", nargs="+", default=[], help="public keys of the log (or their files) to be trusted")
    parser.add_argument("--keep", type=Path, help="write the newest checkpoint to this file where all is well")
    parser.add_argument("--no-signatures", action="store_true", help="leave out the check of signatures")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--faults", type=int, default=100, help="how many faults are printed one by one")
    return parser


def _kept_checkpoint(path: Path) -> Checkpoint:
    try:
        return parsed_checkpoint(path.read_text("utf-8"))
    except (Unreadable, UnicodeDecodeError) as error:
        raise Unreadable(f"{path}: {error}") from error


def _files(path: Path) -> list[Path]:
    """Return the file, or of a folder all checkpoints in it, which are named by their sizes."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in (*path.iterdir(), *path.glob("checkpoints/*")) if file.name.isdecimal())


def _given_keys(said: str) -> list[Key]:
    """Return the key that stands on the command line, or the keys in a file, one a line."""
    text = Path(said).read_text("utf-8") if Path(said).is_file() else said
    return [parsed_key(line) for line in text.splitlines() if line.strip()]


def _opened(name: str) -> BinaryIO:
    """Return an export as a stream of bytes, unpacked where it is packed."""
    source: Any = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: SIM115 - closed by the caller
    return gzip.open(source) if source.peek(2)[:2] == b"\x1f\x8b" else source  # type: ignore[return-value]


def _shown(report: Report, faults_max: int) -> str:
    """Return the report in words."""
    lines = [_printable(str(fault)) for fault in report.faults[:faults_max]]
    if report.faults_count > len(lines):
        lines.append(f"… and {report.faults_count - len(lines)} more: {report.by_code}")
    signatures = report.signatures if report.signatures != "none" else "not checked"
    lines.append(
        f"{report.accounts:,} accounts, {report.lots:,} lots, {report.entries:,} entries"
        f" ({report.unsealed:,} unsealed); {report.checkpoints:,} checkpoints, {report.kept_checkpoints:,} kept ones,"
        f" signatures {signatures}; {report.faults_count:,} faults."
    )
    return "\n".join(lines)


def _printable(text: str) -> str:
    """Return a text that may be shown on any terminal, whatever somebody wrote into the ledger."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


if __name__ == "__main__":
    sys.exit(main())
