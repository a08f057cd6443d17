"""Numbering: every committed event gets one number, none that was rolled back; nobody who reads on misses any."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event as Flag
from uuid import UUID

import pytest
from sqlalchemy import func, select

from creditbank.core.entitlement import Basis
from creditbank.core.event import KEPT_DAYS, Event, EventType
from creditbank.services import numbering, telling
from creditbank.services.bank import Answer, Errand, Work, carried_out
from creditbank.services.clients import administrator
from creditbank.services.numbering import number, number_some, prune
from creditbank.storage import events, outbox
from creditbank.storage.events import event, event_reader
from creditbank.storage.writing import send_deferred
from tests.builders import House, outcome_body
from tests.storage.test_statements import counted

READER = UUID(int=7)


def happened(house: House, place: int = 0) -> Event:
    """Return an event of nobody's that the reader is told of."""
    said = {"place": place}
    learner_id, now = UUID(int=1), house.clock()
    return Event(house.bank.new_id(), EventType.OUTCOME_REVOKED, now, learner_id, {}, said, {READER: Basis.PART})


def tell(house: House, places: list[int]) -> None:
    """Let events happen in one transaction."""

    def action(work: Work) -> Answer:
        work.told.extend(happened(house, place) for place in places)
        return Answer({}, is_new=True, subject="test")

    carried_out(house.bank, Errand(administrator(), "test.tell"), action)


def read(house: House, after: int = 0) -> tuple[list[int], int]:
    """Read on as the feed does: what is said behind a number, and up to which number all was seen."""
    with house.bank.database.reading() as connection:
        newest = events.newest(connection)
        found = events.page(connection, READER, after, (), (newest, 1000))
    return [int(one.event.said["place"]) for one in found], newest


def test_what_commits_late_is_not_missed_by_who_read_on_meanwhile(house: House) -> None:
    if house.bank.database.is_sqlite:
        pytest.skip("on SQLite one transaction after the other writes")
    early = happened(house, 1)
    with house.bank.database.transaction() as late:
        outbox.add(late, [early])
        send_deferred(late)
        tell(house, [2])
        assert number(house.bank) == 1
        said, after = read(house)
        assert said == [2]
    assert number(house.bank) == 1
    assert read(house, after) == ([1], 2)


def test_a_number_that_is_being_given_is_not_passed_by(house: House) -> None:
    if house.bank.database.is_sqlite:
        pytest.skip("on SQLite one transaction after the other writes")
    tell(house, [1])
    with house.bank.database.transaction() as slow:
        row_ids, found = outbox.waiting(slow, 10)
        assert numbering.is_alone(slow, numbering.JOB)
        events.number(slow, found, [one.readers for one in found], house.clock())
        outbox.take_out(slow, row_ids)
        send_deferred(slow)
        tell(house, [2])
        assert number(house.bank) == 0  # somebody else is at it
        assert read(house) == ([], 0)
    assert number(house.bank) == 1
    assert read(house) == ([1, 2], 2)


def test_several_number_each_event_once_while_others_happen(house: House) -> None:
    stop = Flag()

    def number_on() -> None:
        while not stop.is_set():
            number(house.bank)

    with ThreadPoolExecutor(5) as pool:
        numberers = [pool.submit(number_on) for _ in range(2)]
        tellers = [pool.submit(lambda first: [tell(house, [first + n]) for n in range(10)], k * 10) for k in range(3)]
        for teller in tellers:
            teller.result()
        stop.set()
        for numberer in numberers:
            numberer.result()
    number(house.bank)
    said, newest = read(house)
    assert (sorted(said), newest) == (list(range(30)), 30)


def test_what_was_rolled_back_never_happened(house: House) -> None:
    def refused(work: Work) -> Answer:
        work.told.append(happened(house))
        outbox.add(work.connection, work.told)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        carried_out(house.bank, Errand(administrator(), "test.tell"), refused)
    assert number(house.bank) == 0


def test_events_of_one_transaction_keep_their_order_however_many_they_are(house: House) -> None:
    places = list(range(outbox.EVENTS_A_ROW * 2 + 1))
    tell(house, places)
    assert number(house.bank) == len(places)
    assert read(house)[0] == places


def test_a_large_batch_tells_in_one_statement_more(house: House) -> None:
    learner = house.open_learner()["id"]
    house.auth()

    def posted(rows: int) -> int:
        bodies = [outcome_body(learner, next(house.numbers)) for _ in range(rows)]
        with counted(house.bank.database.engine) as statements:
            answer = house.http.post("/v1/outcomes/batch", json=bodies, headers=house.auth())
        assert answer.get_json()["summary"]["accepted"] == rows
        return len(statements)

    posted(2)
    assert posted(outbox.EVENTS_A_ROW * 2 + 10) <= posted(outbox.EVENTS_A_ROW * 4 + 10) + 1
    number(house.bank)
    assert read_all(house) == [EventType.OUTCOME_RECOGNISED] * (2 + outbox.EVENTS_A_ROW * 6 + 20)


def test_what_one_transaction_tells_in_great_numbers_is_not_kept_in_memory(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "TOLD_MAX", 5)
    learner = house.open_learner()["id"]
    bodies = [outcome_body(learner, next(house.numbers)) for _ in range(6)]
    assert house.http.post("/v1/outcomes/batch", json=bodies, headers=house.auth()).status_code == 200
    number(house.bank)
    assert read_all(house) == [EventType.OUTCOME_RECOGNISED] * 6


def read_all(house: House) -> list[str]:
    with house.bank.database.reading() as connection:
        return list(connection.execute(select(event.c.type).order_by(event.c.number)).scalars())


def test_old_events_are_forgotten_but_for_the_newest_and_numbers_go_on(house: House) -> None:
    tell(house, [1, 2])
    number(house.bank)
    house.clock.move(days=KEPT_DAYS, seconds=1)
    assert prune(house.bank) == 1
    tell(house, [3])
    number(house.bank)
    assert read(house) == ([2, 3], 3)
    assert prune(house.bank) == 1
    with house.bank.database.reading() as connection:
        assert events.oldest(connection) == 3
        assert connection.execute(select(func.count()).select_from(event_reader)).scalar_one() == 1


def test_numbering_takes_what_one_transaction_bears(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbering, "ROWS_MAX", {"sqlite": 1, "postgresql": 1})
    tell(house, [1])
    tell(house, [2])
    assert number_some(house.bank) == 1
    assert number(house.bank) == 1
