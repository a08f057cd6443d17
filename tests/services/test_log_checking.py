"""Whatever somebody changes of the log, or of what was sealed, is found and said where."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, Executable, select

from creditbank.core.checkpoint import Checkpoint
from creditbank.core.merkle import EMPTY_ROOT
from creditbank.formats.signed_note import new_note_key_pem, note_key_from_pem, signed_note, vkey
from creditbank.services.bank import looked_up
from creditbank.services.clients import administrator
from creditbank.services.sealing import Log, seal
from creditbank.services.verification import verify
from creditbank.storage.ledger import account, entry, lot
from creditbank.storage.seal_log import checkpoint, log_key, log_leaf, log_node
from creditbank.storage.unsealed import unsealed_entry
from tests.builders import House
from tests.services.test_sealing import ORIGIN, post
from tests.services.test_verification import _take_guards_away

TABLES = (entry, unsealed_entry, log_leaf, log_node, checkpoint, log_key)

OTHER = bytes(31) + b"1"


@pytest.fixture
def sealed(house: House) -> House:
    """Give a bank with 262 entries under three checkpoints, and one that waits."""
    log, learner = Log(house.bank, ORIGIN), house.open_learner()["id"]
    for rows in (2, 257, 3):
        post(house, learner, rows)
        seal(log)
    house.post_outcome(learner)
    return house


def faults(house: House) -> tuple[str, ...]:
    return looked_up(house.bank, administrator(), verify).faults


def _note(size: int, root: bytes, *, is_ours: bool, house: House) -> str:
    pem = new_note_key_pem()
    key = house.bank.keyring.log_keys[-1] if is_ours else note_key_from_pem(pem, house.clock.now)
    return signed_note(Checkpoint(ORIGIN, size, root).text, key, ORIGIN)


Change = Callable[[House], list[Executable]]

TAMPERINGS: dict[str, tuple[Change, str]] = {
    "a sealed entry's day": (
        lambda _: [entry.update().where(entry.c.seq == 5).values(actor="somebody")],
        "is not what was sealed at 4",
    ),
    "a leaf": (lambda _: [log_leaf.update().where(log_leaf.c.position == 7).values(hash=OTHER)], "sealed at 7"),
    "an entry and its leaf": (
        lambda _: [log_leaf.update().where(log_leaf.c.position == 100).values(hash=OTHER)],
        "checkpoint 259: the leaves give another root",
    ),
    "a sealed entry deleted": (lambda _: [entry.delete().where(entry.c.seq == 9)], "sealed at 8 and is not there"),
    "a leaf deleted": (
        lambda _: [log_leaf.delete().where(log_leaf.c.position == 50)],
        "log position 50: there is no leaf, the next is 51",
    ),
    "the last leaf deleted": (
        lambda _: [log_leaf.delete().where(log_leaf.c.position == 261)],
        "checkpoint 262: there are only 261 leaves",
    ),
    "a leaf of another account": (
        lambda _: [log_leaf.update().where(log_leaf.c.position == 3).values(scheme="other")],
        "was sealed at 3 and is not there",
    ),
    "a node": (lambda _: [log_node.update().values(hash=OTHER)], "log node 8/0"),
    "a node deleted": (lambda _: [log_node.delete()], "log node 8/0"),
    "a checkpoint's root": (
        lambda _: [checkpoint.update().where(checkpoint.c.size == 259).values(root=OTHER)],
        "checkpoint 259: what was signed",
    ),
    "a checkpoint's note": (
        lambda _: [checkpoint.update().where(checkpoint.c.size == 2).values(note="x\n")],
        "checkpoint 2: no key",
    ),
    "a checkpoint that our key signed of another tree": (
        lambda house: [
            checkpoint.update()
            .where(checkpoint.c.size == 259)
            .values(root=EMPTY_ROOT, note=_note(259, EMPTY_ROOT, is_ours=True, house=house))
        ],
        "checkpoint 259: the leaves give another root",
    ),
    "the newest checkpoint gone": (
        lambda _: [checkpoint.delete().where(checkpoint.c.size == 262)],
        "checkpoint 259: is the newest, though there are 262 leaves",
    ),
    "all checkpoints gone": (lambda _: [checkpoint.delete()], "the log has leaves and no checkpoint"),
    "an entry that never waits": (lambda _: [unsealed_entry.delete()], "neither is sealed nor waits"),
    "a sealed entry that waits": (lambda _: [unsealed_entry.update().values(seq=1)], "waits to be sealed and"),
    "keys gone": (lambda _: [log_key.delete()], "checkpoint 2: no key of the log has signed it"),
}


def test_every_tampering_with_the_log_is_found_and_located(sealed: House) -> None:
    assert faults(sealed) == ()
    unseen = []
    with sealed.bank.database.reading() as connection:
        _take_guards_away(connection)
        before = [(table, connection.execute(table.select()).mappings().all()) for table in TABLES]
        for name, (change, said) in TAMPERINGS.items():
            for statement in change(sealed):
                assert connection.execute(statement).rowcount > 0, name
            if not any(said in fault for fault in faults(sealed)):
                unseen.append((name, faults(sealed)))
            connection.exec_driver_sql("BEGIN")
            for table, rows in before:
                connection.execute(table.delete())
                connection.execute(table.insert(), [dict(row) for row in rows])
            connection.exec_driver_sql("COMMIT")
    assert unseen == []
    assert faults(sealed) == ()


def test_a_whole_log_that_somebody_else_signed_is_no_log_of_the_bank(sealed: House) -> None:
    key = note_key_from_pem(new_note_key_pem(), sealed.clock.now)
    with sealed.bank.database.reading() as connection:
        _take_guards_away(connection)
        connection.execute(log_key.insert().values(id=key.id, vkey=vkey(key, ORIGIN), since=sealed.clock.now))
        for size, root in connection.execute(select(checkpoint.c.size, checkpoint.c.root)).all():
            note = signed_note(Checkpoint(ORIGIN, size, root).text, key, ORIGIN)
            connection.execute(checkpoint.update().where(checkpoint.c.size == size).values(note=note))
    assert faults(sealed) == ("checkpoint 262: is the newest, and no key of the keyring has signed it",)


def test_an_entry_that_is_not_sealed_yet_may_wait(sealed: House) -> None:
    seal(Log(sealed.bank, ORIGIN))
    assert faults(sealed) == ()


def _hides_behind_the_ledger(connection: Connection) -> None:
    """Change an entry and all that its account keeps of it, as somebody who knows how the chain is made could."""
    connection.execute(account.delete())
    connection.execute(entry.delete())
    connection.execute(lot.delete())


def test_a_ledger_that_was_emptied_altogether_is_seen_by_its_log(sealed: House) -> None:
    with sealed.bank.database.reading() as connection:
        _take_guards_away(connection)
        _hides_behind_the_ledger(connection)
    assert sum("and is not there" in fault for fault in faults(sealed)) >= 262
