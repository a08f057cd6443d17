"""Rotation: new keys are added while requests go on, and old ones retired once nothing needs them any more."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from creditbank.core.checkpoint import parsed_checkpoint
from creditbank.core.errors import Conflict, Fault, unknown
from creditbank.core.permission import Actor, require
from creditbank.formats.signed_note import opened_note, vkey
from creditbank.gateways.keyring import Keyring, Kind
from creditbank.gateways.suites import Suite
from creditbank.services.access import TOKEN_SECONDS
from creditbank.services.bank import Answer, Bank, Errand, Work, carried_out
from creditbank.services.upkeep import carried_out_as
from creditbank.storage import credential_keys, renewing, seal_log
from creditbank.storage.renewing import BANK_SEALED, KEYED, WRAPPED

KEYS_MAX = 4
"""Keys of one kind at a time: each index key more is another row for everything that is found by one."""


@dataclass(frozen=True, slots=True)
class KeyInUse:
    """One key of the ring, or one that rows name though it is not in the ring (`added_at` is None): never a secret."""

    kind: Kind
    id: str
    suite: str
    added_at: datetime | None
    rows: int | None
    """Rows that still need it; None where none ever do, as with signing keys."""


def keys_in_use(work: Work) -> list[KeyInUse]:
    """Return all keys, newest last of each kind, with how much still rests on each. Refused: ScopeMissing."""
    require(work.actor, "admin")
    counts = {
        Kind.MASTER: _sums([renewing.counts_by_master_key(work.connection, one) for one in (*WRAPPED, *BANK_SEALED)]),
        Kind.INDEX: _sums([renewing.counts_by_index_key(work.connection, one) for one in KEYED]),
    }
    return [key for kind in Kind for key in _listed(work.keyring, kind, counts.get(kind))]


def rotate(bank: Bank, actor: Actor, kind: Kind, suite: Suite | None = None) -> str:
    """Add a new key, which serves from the next request on, and return its id.

    Refused: ScopeMissing, Conflict where too many keys stand. Raises KeyringUnusable where it can't be added.
    """
    require(actor, "admin")
    if len(bank.keyring.added_at(kind)) >= KEYS_MAX:
        raise _too_many(kind)
    key_id = bank.keys.add(kind, suite, bank.clock())
    _write_down(bank, actor, "keys.rotate", f"{kind.value} {key_id}")
    return key_id


def retire(bank: Bank, actor: Actor, kind: Kind, *, at_once: bool = False) -> list[str]:
    """Take away all keys of a kind but the newest, and return their ids: what they sealed or signed counts no more.

    `at_once` takes signing keys though tokens that they signed may still be in use, and log keys though the newest
    checkpoint is by one of them, as after a theft. What older log keys signed can be checked for ever, and what older
    keys of credentials signed counts on, unless they go `at_once`: then it counts no more.
    Refused: ScopeMissing, Conflict where something still needs one of them, TryLater.
    Raises KeyringUnusable where they can't be taken away.
    """
    require(actor, "admin")
    ring = bank.keyring
    if not ring.added_at(kind):
        return []  # no checkpoint, or no credential, was ever signed
    *older, newest = ring.added_at(kind)
    if kind is Kind.LOG:
        carried_out_as(bank, actor, "keys.check", newest, partial(_check_signed_anew, at_once=at_once or not older))
    elif kind is Kind.CREDENTIAL:
        carried_out_as(bank, actor, "keys.check", newest, partial(_end_published, at_once=at_once))
    elif kind is Kind.SIGNING:
        _check_tokens_over(bank, ring.signing_added_at[newest], at_once=at_once or not older)
    else:
        bank.await_earlier_transactions()
        check = _check_sealed_anew if kind is Kind.MASTER else _check_indexed_anew
        carried_out_as(bank, actor, "keys.check", newest, partial(check, newest=newest, older=older))
    if older:
        bank.keys.drop(kind, older)
        _write_down(bank, actor, "keys.retire", f"{kind.value} {' '.join(older)}")
    if kind is Kind.INDEX:
        bank.await_earlier_transactions()
        _forget_retired(bank, actor)
    return older


def withdraw(work: Work, kid: str) -> None:
    """Let nothing count any more that a retired key of credentials signed, as when it was found to be stolen.

    Withdrawn already it stays so. Refused: ScopeMissing; Unknown; Conflict for a key that still stands in the ring.
    """
    require(work.actor, "admin")
    if any(key.kid == kid for keys in work.keyring.credential_keys for key in keys.public):
        zh = "此密钥仍在使用；请运行 creditbank keys rotate credential 和 creditbank keys retire credential --now。"
        en = "This key is in use; run creditbank keys rotate credential and creditbank keys retire credential --now."
        raise Conflict((Fault("", "key_in_use", zh, en),))
    found = next((one for one in credential_keys.published(work.connection) if one.key.kid == kid), None)
    if found is None:
        raise unknown("密钥", "key")
    if not found.is_withdrawn:
        credential_keys.end(work.connection, [kid], found.until or work.now, is_withdrawn=True)


def _check_tokens_over(bank: Bank, newest_added_at: datetime, *, at_once: bool) -> None:
    """Let older signing keys go only when no token of theirs counts any more. Refused: Conflict."""
    over_at = newest_added_at + timedelta(seconds=TOKEN_SECONDS)
    if not at_once and bank.clock() < over_at:
        zh = f"旧签名密钥签发的令牌在 {over_at.isoformat()} 之前仍可能有效；请届时再试，或加 --now 立即作废。"
        en = f"Tokens of the older signing key may count until {over_at.isoformat()}; retire it then, or use --now."
        raise Conflict((Fault("", "tokens_still_count", zh, en),))


def _check_signed_anew(work: Work, *, at_once: bool) -> None:
    """Let older log keys go only when the newest has signed the newest checkpoint. Refused: Conflict."""
    newest = seal_log.newest_checkpoint(work.connection)
    if newest is None or at_once:
        return
    origin = parsed_checkpoint(newest.note).origin
    if opened_note(newest.note, [vkey(work.keyring.log_keys[-1], origin)]) is None:
        zh = "最新的检查点由旧密钥签署；请在新密钥签署后再试，或加 --now 立即淘汰。"
        en = "The newest checkpoint is by an older key; retire it after something was sealed, or use --now."
        raise Conflict((Fault("", "key_still_needed", zh, en),))


def _end_published(work: Work, *, at_once: bool) -> None:
    """Keep the public halves of all keys of credentials, and write of the older ones that they sign no more."""
    *older, _ = work.keyring.credential_keys
    for keys in work.keyring.credential_keys:
        credential_keys.publish(work.connection, keys.public, keys.added_at)
    ended = [key.kid for keys in older for key in keys.public]
    credential_keys.end(work.connection, ended, work.now, is_withdrawn=at_once)


def _check_sealed_anew(work: Work, *, newest: str, older: list[str]) -> None:
    """Let older master keys go only when nothing is sealed under them any more. Refused: Conflict."""
    del newest
    needing = {}
    for column in (*WRAPPED, *BANK_SEALED):
        counts = renewing.counts_by_master_key(work.connection, column)
        needing[f"{column.table}.{column.name}"] = sum(counts.get(key_id, 0) for key_id in older)
    _check_nothing_needs(needing)


def _check_indexed_anew(work: Work, *, newest: str, older: list[str]) -> None:
    """Let older index keys go only when all is found by the newest. Refused: Conflict."""
    del older
    _check_nothing_needs(
        {keyed.table: len(renewing.incomplete(work.connection, keyed, newest, None, 1)) for keyed in KEYED}
    )


def _check_nothing_needs(needing: dict[str, int]) -> None:
    tables = ", ".join(name for name, rows in needing.items() if rows)
    if tables:
        zh = f"{tables} 中仍有数据依赖旧密钥；请先运行 creditbank keys renew。"
        en = f"The older keys are still needed in {tables}; run creditbank keys renew first."
        raise Conflict((Fault("", "key_still_needed", zh, en),))


def _forget_retired(bank: Bank, actor: Actor) -> None:
    """Delete what was indexed under keys that are in the ring no more."""
    for keyed in KEYED:
        forget = partial(_forget_some, keyed=keyed)
        while carried_out_as(bank, actor, "keys.forget", keyed.table, forget) >= renewing.DELETED_MAX:
            pass


def _forget_some(work: Work, *, keyed: renewing.KeyedTable) -> int:
    ids = list(work.keyring.added_at(Kind.INDEX))
    return renewing.forget_other_keys(work.connection, keyed, ids)


def _sums(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    """Return counts by key over several tables."""
    return sum((Counter(one) for one in counts), Counter())


def _listed(ring: Keyring, kind: Kind, counts: Counter[str] | None) -> list[KeyInUse]:
    """Return the keys of a kind, and before them those that rows name though the ring has them not."""
    added, suites = ring.added_at(kind), ring.suites(kind)
    missing = [key_id for key_id in sorted(counts or ()) if key_id not in added]
    return [
        KeyInUse(kind, key_id, suites.get(key_id, ""), added.get(key_id), None if counts is None else counts[key_id])
        for key_id in (*missing, *added)
    ]


def _write_down(bank: Bank, actor: Actor, action_name: str, subject: str) -> None:
    """Write into the audit log what was done outside the database."""
    carried_out(bank, Errand(actor, action_name), lambda _: Answer({}, is_new=True, subject=subject))


def _too_many(kind: Kind) -> Conflict:
    """Return the answer to one rotation more while older ones aren't ended."""
    commands = f"creditbank keys renew, creditbank keys retire {kind.value}"
    zh = f"已有 {KEYS_MAX} 个 {kind.value} 密钥；请先淘汰旧密钥：{commands}。"
    en = f"There are {KEYS_MAX} {kind.value} keys already; end the older ones first: {commands}."
    return Conflict((Fault("", "too_many_keys", zh, en),))
