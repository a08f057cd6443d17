"""Keys rotated, renewed and retired: everything stays readable and findable, and what is retired counts no more."""

import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, func, select, update

from creditbank.app import create_app
from creditbank.config import Settings
from creditbank.core.errors import Conflict, Unknown
from creditbank.core.permission import Actor
from creditbank.gateways.keyring import Keyring, Kind, SealBroken
from creditbank.gateways.suites import AES_256_GCM, SM4_GCM, Suite
from creditbank.services import outcomes, renewal, rotation, settling
from creditbank.services.access import TOKEN_SECONDS, client_token
from creditbank.services.bank import REOPENINGS_MAX, looked_up
from creditbank.services.clients import administrator
from creditbank.services.learners import holder
from creditbank.services.renewal import rotate_people, rotate_person
from creditbank.services.upkeep import carried_out_as
from creditbank.storage import identifier_index as index_storage
from creditbank.storage import learners
from creditbank.storage import outcomes as outcome_storage
from creditbank.storage.certificates import certificate
from creditbank.storage.identifier_index import identifier_index
from creditbank.storage.kept_answers import kept_answer
from creditbank.storage.learners import learner
from creditbank.storage.outcome_claims import outcome_claim
from tests.builders import BASE_URL, House, learner_body, outcome_body
from tests.services.test_races import at_once, check_sound, poster, statuses

OPERATOR = administrator()


class Scene:
    """A bank with a person who has a certificate and a duplicate of it, and an answer kept under a key."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.person = house.open_learner(birth_date="1955-12-30")
        self.recorded = outcome_body(self.person["id"], 501, certificate_no="ZS-1")
        self.original = house.post_outcome(
            self.person["id"], external_id="record-501", title="课程 501 号", certificate_no="ZS-1"
        )
        self.duplicate = house.post_outcome(self.person["id"], title="别名", certificate_no="zs-1")
        self.kept = self.post("/v1/learners", learner_body(900), key="kept")
        assert self.kept.status_code == 201

    def post(self, path: str, body: Any, key: str | None = None) -> Any:
        headers = self.house.auth() | ({"Idempotency-Key": key} if key else {})
        return self.house.http.post(path, json=body, headers=headers)

    def check(self) -> None:
        """See that all is as it was: read, found again, known as a repeat or a duplicate, and answered alike."""
        house, person = self.house, self.person
        shown = house.http.get(f"/v1/learners/{person['id']}", headers=house.auth())
        assert shown.get_json() == person
        again = self.post("/v1/learners", learner_body(1))
        assert (again.status_code, again.get_json()["id"]) == (200, person["id"])
        assert looked_up(house.bank, OPERATOR, lambda work: holder(work, person["account_no"])).hex == person[
            "id"
        ].replace("-", "")
        assert self.post("/v1/outcomes", self.recorded).status_code == 200
        other = self.post("/v1/outcomes", self.recorded | {"certificate_no": "ZS-2"})
        assert [error["pointer"] for error in other.get_json()["errors"]] == ["/certificate_no"]
        for changes in ({"certificate_no": "ZS 1"}, {"title": "课程 501 号", "completed_on": "2026-06-30"}):
            known = self.post("/v1/outcomes", outcome_body(person["id"], next(house.numbers)) | changes).get_json()
            assert (known["status"], known["duplicate_of"]) == ("duplicate", self.original["id"]), changes
        kept = self.post("/v1/learners", learner_body(900), key="kept")
        assert (kept.status_code, kept.get_data()) == (201, self.kept.get_data())
        check_sound(house)


@pytest.fixture
def scene(house: House) -> Scene:
    return Scene(house)


def key_ids(house: House, table: Any) -> dict[str, int]:
    with house.bank.database.reading() as connection:
        query = select(table.c.key_id, func.count()).group_by(table.c.key_id)
        return {row[0]: row[1] for row in connection.execute(query)}


def rotated(house: House, kind: Kind, suite: Suite | None = None) -> str:
    return rotation.rotate(house.bank, OPERATOR, kind, suite)


@pytest.mark.parametrize("suite", [AES_256_GCM, SM4_GCM], ids=lambda suite: suite.name)
def test_master_keys_change_and_everything_stays_readable(scene: Scene, suite: Suite) -> None:
    house = scene.house
    with house.bank.database.reading() as connection:
        wrapped = connection.execute(select(learner.c.wrapped_key)).scalars().all()
    rotated(house, Kind.MASTER, suite)
    scene.check()
    with pytest.raises(Conflict) as refused:
        rotation.retire(house.bank, OPERATOR, Kind.MASTER)
    assert refused.value.faults[0].code == "key_still_needed"
    renewed = {name: rows for name, rows in renewal.renew(house.bank, OPERATOR).rows.items() if rows}
    assert renewed == {"learner.wrapped_key": 2, "kept_answer.sealed_answer": 1}
    assert renewal.renew(house.bank, OPERATOR).rows["learner.wrapped_key"] == 0
    assert len(rotation.retire(house.bank, OPERATOR, Kind.MASTER)) == 1
    scene.check()
    with house.bank.database.reading() as connection:
        now = connection.execute(select(learner.c.wrapped_key)).scalars().all()
        answers = connection.execute(select(kept_answer.c.sealed_answer)).scalars().all()
    assert {sealed[:1] for sealed in (*now, *answers)} == {suite.byte}
    for old in wrapped:
        with pytest.raises(SealBroken):
            house.bank.keyring.person_cipher(old)


@pytest.mark.parametrize("suite", [AES_256_GCM, SM4_GCM], ids=lambda suite: suite.name)
def test_index_keys_change_and_everything_stays_findable(scene: Scene, suite: Suite) -> None:
    house = scene.house
    old_ring = house.bank.keyring
    rows = {table: sum(key_ids(house, table).values()) for table in (identifier_index, outcome_claim)}
    newest = rotated(house, Kind.INDEX, suite)
    scene.check()
    with pytest.raises(Conflict) as refused:
        rotation.retire(house.bank, OPERATOR, Kind.INDEX)
    assert refused.value.faults[0].code == "key_still_needed"
    renewal.renew(house.bank, OPERATOR)
    for table, least in rows.items():
        counts = key_ids(house, table)
        assert counts[newest] == counts[old_ring.index_key.id] >= least
    scene.check()
    assert rotation.retire(house.bank, OPERATOR, Kind.INDEX) == [old_ring.index_key.id]
    for table in rows:
        assert set(key_ids(house, table)) == {newest}
    scene.check()
    keys = index_storage.account_no_keys(old_ring, scene.person["account_no"])
    assert house.bank.database.read(lambda connection: index_storage.matches(connection, [keys])) == []


class FixedKeys:
    """The keys of a process that doesn't see a change of them, as on another machine."""

    def __init__(self, ring: Keyring) -> None:
        self.ring = ring

    def current(self) -> Keyring:
        return self.ring

    def add(self, kind: Kind, suite: Suite | None, at: datetime) -> str:
        raise NotImplementedError

    def drop(self, kind: Kind, ids: Collection[str]) -> None:
        raise NotImplementedError


def beside(house: House, ring: Keyring) -> House:
    """Return the same bank as served by a process with its own idea of the keys."""
    bank = replace(house.bank, keys=FixedKeys(ring))
    return replace(house, bank=bank, app=create_app(Settings(base_url=BASE_URL, log_format="none"), bank))


def test_processes_that_share_one_index_key_find_each_others_rows_and_race_for_the_same_keys(house: House) -> None:
    person = house.open_learner()
    old = beside(house, house.bank.keyring)
    rotated(house, Kind.INDEX)
    both = beside(house, house.bank.keyring)
    new = beside(house, replace(both.bank.keyring, index_keys=both.bank.keyring.index_keys[-1:]))
    for number, (first, second) in enumerate([(old, both), (both, old), (both, new), (new, both)], start=100):
        opened = poster(first, learner_body(number), path="/v1/learners")()
        found = poster(second, learner_body(number), path="/v1/learners")()
        assert (opened.status_code, found.status_code) == (201, 200)
        assert found.get_json()["id"] == opened.get_json()["id"]
        rival = poster(second, learner_body(number, name="另一人"), path="/v1/learners")().get_json()
        assert rival["status"] == "conflict"
        body = outcome_body(person["id"], number, certificate_no=f"NO {number}")
        credited = poster(first, body)().get_json()
        repeated = poster(second, outcome_body(person["id"], number + 50, certificate_no=f"no{number}"))().get_json()
        assert (repeated["status"], repeated["duplicate_of"]) == ("duplicate", credited["id"])
    for number, (first, second) in enumerate([(old, both), (both, new)] * 4, start=200):
        calls = [poster(one, learner_body(number), path="/v1/learners") for one in (first, second) * 3]
        answers = at_once(calls)
        assert statuses(answers) == {201: 1, 200: 5}
        assert len({answer.get_json()["id"] for answer in answers}) == 1
        body = outcome_body(person["id"], number)
        assert statuses(at_once([poster(one, body) for one in (first, second) * 3])) == {201: 1, 200: 5}
    check_sound(house)


def test_rows_from_before_keys_had_ids_are_kept_until_they_are_made_anew(scene: Scene) -> None:
    house = scene.house
    with house.bank.database.transaction() as connection:
        for table in (identifier_index, outcome_claim):
            connection.execute(update(table).values(key_id="unnamed"))
    with pytest.raises(Conflict):
        rotation.retire(house.bank, OPERATOR, Kind.INDEX)
    scene.check()
    renewal.renew(house.bank, OPERATOR)
    assert (
        set(key_ids(house, identifier_index)) == set(key_ids(house, outcome_claim)) == {house.bank.keyring.index_key.id}
    )
    assert rotation.retire(house.bank, OPERATOR, Kind.INDEX) == []
    scene.check()


def test_a_claim_that_a_duplicate_took_under_the_new_key_goes_to_the_one_that_counts(scene: Scene) -> None:
    house = scene.house
    newest = rotated(house, Kind.INDEX)
    late = scene.post(
        "/v1/outcomes", outcome_body(scene.person["id"], 700, title="又一名", certificate_no="ZS1")
    ).get_json()
    assert late["duplicate_of"] == scene.original["id"]
    renewal.renew(house.bank, OPERATOR)
    with house.bank.database.reading() as connection:
        rows = connection.execute(select(outcome_claim).where(outcome_claim.c.key_id == newest)).all()
        holders = {row.claim: str(row.outcome_id) for row in rows}
    ring = house.bank.keyring
    value = ring.blind_index("outcome.certificate", settling.certificate_key("ZS-1"))
    assert holders[value] == scene.original["id"]
    scene.house.http.post(f"/v1/outcomes/{scene.original['id']}/revoke", json={"reason": "误录"}, headers=house.auth())
    check_sound(house)


def test_nothing_is_committed_under_keys_that_were_changed_meanwhile(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = scene.house
    settle = outcome_storage.add_revisions
    newest: list[str] = []

    def rotating(*arguments: Any) -> None:
        settle(*arguments)
        if not newest:
            newest.append(house.bank.keys.add(Kind.INDEX, None, house.clock()))

    monkeypatch.setattr(outcome_storage, "add_revisions", rotating)
    house.post_outcome(scene.person["id"], title="恰好此时")
    assert key_ids(house, outcome_claim)[newest[0]] == 1
    check_sound(house)


def test_a_person_gets_a_new_key_and_only_theirs_changes(scene: Scene) -> None:
    house = scene.house
    learner_id = looked_up(house.bank, OPERATOR, lambda work: holder(work, scene.person["account_no"]))
    with house.bank.database.reading() as connection:
        before = {row.id: row for row in connection.execute(select(learner))}
        numbers = connection.execute(select(certificate.c.sealed_number)).scalars().all()
    texts = carried_out_as(house.bank, OPERATOR, "test", "", lambda work: rotate_person(work, learner_id))
    assert texts == 5  # name, birth date, one identifier and two certificates
    with house.bank.database.reading() as connection:
        after = {row.id: row for row in connection.execute(select(learner))}
        renumbered = connection.execute(select(certificate.c.sealed_number)).scalars().all()
    assert {one for one in before if before[one] != after[one]} == {learner_id}
    assert not set(numbers) & set(renumbered)
    with pytest.raises(SealBroken):
        house.bank.keyring.person_cipher(before[learner_id].wrapped_key).opened(
            after[learner_id].sealed_name, f"learner.name:{learner_id}"
        )
    scene.check()


def test_a_key_that_is_changed_between_two_statements_of_a_read_is_seen_by_the_next_run(scene: Scene) -> None:
    house, times = scene.house, []
    learner_id = UUID(scene.person["id"])
    is_rotating = Event()

    def rotating(*arguments: Any) -> None:
        if "learner.sealed_name" in arguments[2] and len(times) < REOPENINGS_MAX and not is_rotating.is_set():
            times.append(arguments[2])
            is_rotating.set()
            carried_out_as(house.bank, OPERATOR, "test", "", lambda work: rotate_person(work, learner_id))
            is_rotating.clear()

    event.listen(house.bank.database.engine, "after_cursor_execute", rotating)
    shown = house.http.get(f"/v1/learners/{learner_id}", headers=house.auth())
    event.remove(house.bank.database.engine, "after_cursor_execute", rotating)
    assert (shown.status_code, shown.get_json()) == (200, scene.person)
    assert len(times) == REOPENINGS_MAX


def one_identifier_more(scene: Scene) -> Any:
    body = learner_body(1)
    body["identifiers"].append({"type": "student_no", "value": "S-1"})
    return scene.post("/v1/learners", body)


def one_certificate_more(scene: Scene) -> Any:
    return scene.post("/v1/outcomes", outcome_body(scene.person["id"], 800, certificate_no="ZS-800"))


@pytest.mark.parametrize(
    ("place", "name", "write"),
    [(learners, "claim_row", one_identifier_more), (outcomes, "certificate_of", one_certificate_more)],
)
def test_what_is_written_while_its_persons_key_is_changed_stays_readable(
    scene: Scene, place: Any, name: str, write: Callable[[Scene], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    house, seal = scene.house, getattr(place, name)
    learner_id = UUID(scene.person["id"])
    is_sealing = Event()

    def slow(*arguments: Any) -> Any:
        """Seal under the key that was read, then give the rotation a moment to overtake."""
        is_sealing.set()
        sealed = seal(*arguments)
        time.sleep(0.5)
        return sealed

    monkeypatch.setattr(place, name, slow)
    with ThreadPoolExecutor(2) as threads:
        written = threads.submit(write, scene)
        assert is_sealing.wait(5)
        changed = threads.submit(
            carried_out_as, house.bank, OPERATOR, "test", "", lambda work: rotate_person(work, learner_id)
        )
        assert changed.result() >= 5
        assert written.result().status_code in (200, 201)
    monkeypatch.undo()
    assert house.http.get(f"/v1/learners/{learner_id}", headers=house.auth()).status_code == 200
    assert write(scene).status_code == 200
    carried_out_as(house.bank, OPERATOR, "test", "", lambda work: rotate_person(work, learner_id))


def test_everybody_gets_a_key_of_the_new_suite(scene: Scene) -> None:
    house = scene.house
    rotated(house, Kind.MASTER, SM4_GCM)
    assert rotate_people(house.bank, OPERATOR) == 2
    with house.bank.database.reading() as connection:
        names = connection.execute(select(learner.c.sealed_name)).scalars().all()
    assert {name[:1] for name in names} == {SM4_GCM.byte}
    scene.check()


def test_nobody_elses_key_is_changed_for_an_unknown_person(house: House) -> None:
    with pytest.raises(Unknown):
        carried_out_as(house.bank, OPERATOR, "test", "", lambda work: rotate_person(work, work.new_id()))


def test_old_signing_keys_go_when_their_tokens_are_over_and_at_once_after_a_theft(scene: Scene) -> None:
    house = scene.house
    scopes = ("balance:read",)
    client_id = house.client("cqdx", *scopes)

    def status(token: str) -> int:
        path = f"/v1/learners/{scene.person['id']}/balance"
        return int(house.http.get(path, headers={"Authorization": f"Bearer {token}"}).status_code)

    old_token = client_token(house.bank, BASE_URL, client_id, scopes)
    rotated(house, Kind.SIGNING)
    new_token = client_token(house.bank, BASE_URL, client_id, scopes)
    assert (status(old_token), status(new_token)) == (200, 200)
    house.clock.move(seconds=TOKEN_SECONDS - 1)
    with pytest.raises(Conflict) as refused:
        rotation.retire(house.bank, OPERATOR, Kind.SIGNING)
    assert refused.value.faults[0].code == "tokens_still_count"
    assert status(old_token) == 200
    house.clock.move(seconds=-TOKEN_SECONDS / 2)
    rotation.retire(house.bank, OPERATOR, Kind.SIGNING, at_once=True)
    assert (status(old_token), status(new_token)) == (401, 200)
    rotated(house, Kind.SIGNING)
    house.clock.now += timedelta(seconds=TOKEN_SECONDS)
    assert len(rotation.retire(house.bank, OPERATOR, Kind.SIGNING)) == 1


def test_the_keys_are_listed_with_what_rests_on_each_and_without_a_secret(scene: Scene) -> None:
    house = scene.house
    first = house.bank.keyring
    newest = rotated(house, Kind.INDEX)
    listed = looked_up(house.bank, OPERATOR, rotation.keys_in_use)
    assert [(key.kind, key.id) for key in listed] == [
        (Kind.MASTER, first.master_key.id.hex()),
        (Kind.INDEX, first.index_key.id),
        (Kind.INDEX, newest),
        (Kind.SIGNING, first.signing_key.public.kid),
        (Kind.LOG, first.log_keys[-1].id),
        (Kind.CREDENTIAL, first.credential_keys[-1].id),
    ]
    assert [key.rows for key in listed] == [3, 13, 0, None, None, None]
    assert listed[2].added_at == house.clock.now
    with house.bank.database.transaction() as connection:
        connection.execute(update(outcome_claim).values(key_id="0" * 16))
    assert looked_up(house.bank, OPERATOR, rotation.keys_in_use)[1].added_at is None


def test_a_text_that_does_not_open_is_named_and_holds_its_key(scene: Scene) -> None:
    house = scene.house
    with house.bank.database.transaction() as connection:
        sealed = connection.execute(select(learner.c.wrapped_key).limit(1)).scalar_one()
        of_it = learner.c.wrapped_key == sealed
        broken_id = connection.execute(select(learner.c.id).where(of_it)).scalar_one()
        connection.execute(update(learner).where(of_it).values(wrapped_key=sealed[:-1] + bytes([sealed[-1] ^ 1])))
    rotated(house, Kind.MASTER)
    renewed = renewal.renew(house.bank, OPERATOR)
    assert renewed.broken == [f"learner {broken_id}"]
    assert renewed.rows["learner.wrapped_key"] == 1
    with pytest.raises(Conflict):
        rotation.retire(house.bank, OPERATOR, Kind.MASTER)


def test_there_are_only_so_many_keys_at_a_time(house: House) -> None:
    for _ in range(rotation.KEYS_MAX - 1):
        rotated(house, Kind.INDEX)
    with pytest.raises(Conflict) as refused:
        rotated(house, Kind.INDEX)
    assert refused.value.faults[0].code == "too_many_keys"
    assert rotation.retire(house.bank, OPERATOR, Kind.INDEX)


NOBODY = Actor("nobody", frozenset({"outcomes:write"}))


@pytest.mark.parametrize(
    "attempt",
    [
        lambda house: rotation.rotate(house.bank, NOBODY, Kind.MASTER),
        lambda house: rotation.retire(house.bank, NOBODY, Kind.MASTER),
        lambda house: renewal.renew(house.bank, NOBODY),
        lambda house: rotate_people(house.bank, NOBODY),
        lambda house: looked_up(house.bank, NOBODY, rotation.keys_in_use),
    ],
)
def test_only_the_operator_handles_keys(scene: Scene, attempt: Callable[[House], object]) -> None:
    before = scene.house.bank.keyring
    with pytest.raises(Exception, match="admin"):
        attempt(scene.house)
    assert scene.house.bank.keyring is before
