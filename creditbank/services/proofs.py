"""Proofs of the log: what was signed of it, that an entry is in it, and that it only grew."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from creditbank.core.checkpoint import parsed_checkpoint
from creditbank.core.entitlement import Sight
from creditbank.core.errors import Conflict, Fault, Malformed, Unknown, unknown
from creditbank.core.ledger import canonical_line
from creditbank.core.merkle import Span, consistency_spans, folded, inclusion_spans, subtrees
from creditbank.core.permission import require
from creditbank.services.bank import Work
from creditbank.services.entitlement import seen
from creditbank.storage import seal_log
from creditbank.storage.seal_log import Key, Leaf, StoredCheckpoint

SIZE_MAX = 10**15 - 1
"""The largest size that can be asked about: JSON tells it exactly everywhere, and no log comes near it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A checkpoint with the name of its log and the public keys that have signed any."""

    checkpoint: StoredCheckpoint
    origin: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inclusion:
    """That a leaf stands at a position of the log of a size; `line` is what was hashed, for who may see it."""

    leaf: Leaf
    size: int
    hashes: tuple[bytes, ...]
    line: str | None = None


@dataclass(frozen=True, slots=True)
class Consistency:
    """That the log of a size grew out of that of an older one."""

    older: int
    newer: int
    hashes: tuple[bytes, ...]


def checkpoint(work: Work, size: int | None) -> Shown:
    """Return the newest checkpoint, or that of a size. Refused: Unknown. Anybody may ask."""
    connection = work.connection
    found = _newest(connection) if size is None else seal_log.checkpoint_of(connection, size)
    if found is None:
        raise unknown("检查点", "checkpoint", "/size")
    return Shown(found, parsed_checkpoint(found.note).origin, tuple(seal_log.public_keys(connection)))


def inclusion(work: Work, named: int | bytes, size: int | None) -> Inclusion:
    """Return the proof that the leaf at a position, or of a hash, is in the log of a size (the newest if None).

    Refused: Unknown. Anybody may ask: hashes and positions tell nothing of a person.
    """
    connection = work.connection
    if isinstance(named, int):
        leaf, pointer = seal_log.leaf_at(connection, named), "/position"
    else:
        leaf, pointer = seal_log.leaf_with(connection, named), "/hash"
    return _proven(connection, leaf, size, pointer)


def inclusion_of_entry(work: Work, learner_id: UUID, named: UUID | Key, size: int | None) -> Inclusion:
    """Return the proof that an entry, named by its id or its place in its account, is in the log of a size.

    For who may read the statement, but for partners: positions and hashes are the same for all of them. The line
    itself is for the learner and for auditors. Refused: ScopeMissing, Unknown, Conflict while the entry waits.
    """
    require(work.actor, "statement:read", "audit:read")
    if work.actor.is_partner:
        raise unknown("学习者", "learner")
    person = seen(work, learner_id, Sight.STATEMENT)
    entry = seal_log.entry_of_person(work.connection, person.members, named)
    if entry is None:
        raise unknown("记账行", "entry")
    leaf = seal_log.leaf_of(work.connection, (entry.learner_id, entry.scheme, entry.seq))
    if leaf is None:
        raise _not_sealed()
    proven = _proven(work.connection, leaf, size, "")
    if work.actor.learner_id is None and not work.actor.audits:
        return proven
    return Inclusion(proven.leaf, proven.size, proven.hashes, canonical_line(entry).decode())


def consistency(work: Work, older: int, newer: int | None) -> Consistency:
    """Return the proof that the log of a size (the newest if None) grew out of that of an older one.

    Refused: Unknown, Malformed. Anybody may ask.
    """
    _size(work.connection, older, "/from")
    size = _size(work.connection, newer, "/to")
    if older > size:
        zh, en = "from 不能大于 to。", "The log can't have grown out of a larger one: from is at most to."
        raise Malformed((Fault("/from", "from_after_to", zh, en),))
    spans = consistency_spans(older, size) if older else []
    return Consistency(older, size, _hashes(work.connection, spans))


def _proven(connection: Connection, leaf: Leaf | None, size: int | None, pointer: str) -> Inclusion:
    """Return the proof for a leaf. Refused: Unknown."""
    of_size = _size(connection, size, "/size")
    if leaf is None or leaf.position >= of_size:
        zh = "该大小的日志中没有这片叶子；请核对位置、散列与大小。"
        en = "There is no such leaf in the log of that size; check position, hash and size."
        raise Unknown((Fault(pointer, "unknown_leaf", zh, en),))
    return Inclusion(leaf, of_size, _hashes(connection, inclusion_spans(leaf.position, of_size)))


def _size(connection: Connection, asked: int | None, pointer: str) -> int:
    """Return the size that is asked about. Refused: Unknown where the log is not as large yet."""
    newest = _newest(connection)
    size = 0 if newest is None else newest.size
    if asked is not None and asked > size:
        zh = f"日志目前只有 {size} 片叶子；请使用不超过它的大小。"
        en = f"The log has {size} leaves by now; ask about a size up to that."
        raise Unknown((Fault(pointer, "unknown_size", zh, en),))
    return size if asked is None else asked


def _newest(connection: Connection) -> StoredCheckpoint | None:
    return seal_log.newest_checkpoint(connection)


def _hashes(connection: Connection, spans: Sequence[Span]) -> tuple[bytes, ...]:
    """Return the hashes of spans, read for all of them together."""
    parts = [subtrees(span) for span in spans]
    wanted = {one for part in parts for one in part}
    found = seal_log.subtree_hashes(connection, wanted)
    return tuple(folded([found[one] for one in part]) for part in parts)


def _not_sealed() -> Conflict:
    zh = "该记账行尚未封存；请稍后再试。"
    en = "The entry is not sealed yet; ask again in a moment."
    return Conflict((Fault("", "not_sealed", zh, en),))
