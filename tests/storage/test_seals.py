"""Sealed columns: a text moved to another row, even of the same person, doesn't open, and the caller learns nothing."""

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import LargeBinary, select, update

from creditbank.api import problems
from creditbank.gateways.keyring import SealBroken
from creditbank.services import impact
from creditbank.services.bank import looked_up
from creditbank.services.clients import administrator
from creditbank.storage import catalogue, learners
from creditbank.storage.renewing import BANK_SEALED, KEYED, PERSON_SEALED, WRAPPED, SealedColumn
from tests.builders import House, learner_body, outcome_body, resident_id
from tests.storage.sealing import seal_everything

SEALED = [*PERSON_SEALED, *BANK_SEALED, *WRAPPED]

NOT_SEALED = {
    *(("account", "chain_hash"), ("entry", "hash"), ("log_leaf", "hash"), ("log_node", "hash"), ("checkpoint", "root")),
    *(("login_attempt", "state_hash"), ("login_attempt", "browser_hash"), ("login_ticket", "ticket_hash")),
    *(("staff_invitation", "invitation_hash"), ("link_code", "code_index")),
    ("partner_secret", "secret"),
    ("credential_share", "code_hash"),
    *(("import_file", "sealed_plan"), ("import_piece", "sealed_piece")),
    *(("import_answer", "sealed_answers"), ("import_answer", "sealed_rejects")),
}
"""Bytes that say nothing of anybody: hashes of entries, what was drawn at random, hashes of what counts once; and what
is sealed under the key of a file, which is itself wrapped."""


UNDER_WRAPPED = {
    "learner": ("sealed_name", "learner.name:{id}"),
    "import_file": ("sealed_plan", "import_file.plan:{id}"),
}
"""What each wrapped key opens in its own row."""


@pytest.fixture
def people(house: House) -> list[dict[str, Any]]:
    """Open two accounts with everything that is sealed, each text twice for one person."""
    opened = []
    for number in (1, 2):
        body = learner_body(
            number,
            birth_date="1955-12-30",
            identifiers=[
                {"type": "cn.resident_id", "value": resident_id(number)},
                {"type": "student_no", "value": f"S-{number}"},
            ],
        )
        headers = house.auth() | {"Idempotency-Key": f"key-{number}"}
        answer = house.http.post("/v1/learners", json=body, headers=headers)
        assert answer.status_code == 201, answer.get_data(as_text=True)
        opened.append(answer.get_json())
        for certificate in ("A", "B"):
            number_of_it = f"{certificate}{number}"
            house.post_outcome(
                opened[-1]["id"], external_id=number_of_it, title=number_of_it, certificate_no=number_of_it
            )
    return opened


def guarded(house: House, guardian: str) -> None:
    """Record who speaks for two children, with the evidence, which is sealed."""
    for number in (1, 2):
        child = house.open_learner(
            birth_date="2020-01-01", identifiers=[{"type": "student_no", "value": f"C-{number}"}]
        )
        naming = {"guardian": {"id": guardian}, "relation": "parent", "evidence": f"户口簿 {number}"}
        named = house.http.post(f"/v1/learners/{child['id']}/guardians", json=naming, headers=house.auth())
        assert named.status_code == 201, named.get_data(as_text=True)


def swapped(house: House, column: SealedColumn, first: Any, second: Any) -> None:
    """Swap the ciphertexts of two rows, which are given by their primary keys."""
    table = catalogue.tables[column.table]
    texts = table.c[column.name]
    where = [
        [key == value for key, value in zip(table.primary_key, row, strict=True)]
        for row in (tuple(first), tuple(second))
    ]
    with house.bank.database.transaction() as connection:
        one, other = (connection.execute(select(texts).where(*row)).scalar_one() for row in where)
        assert one != other
        connection.execute(update(table).where(*where[0]).values({column.name: other}))
        connection.execute(update(table).where(*where[1]).values({column.name: one}))


def rows(house: House, column: SealedColumn, *where: Any) -> list[Any]:
    table = catalogue.tables[column.table]
    query = select(*table.primary_key).where(table.c[column.name].is_not(None), *where)
    with house.bank.database.reading() as connection:
        return list(connection.execute(query.order_by(*table.primary_key)))


def told_nothing(answer: Any, *secrets: str) -> None:
    """See that the answer is a fault of ours that tells nothing."""
    assert (answer.status_code, answer.get_json()["code"]) == (500, "internal")
    text = answer.get_data(as_text=True)
    assert not [secret for secret in (*secrets, "Seal", "sealed", "suite") if secret in text]


def named(name: str) -> SealedColumn:
    return next(column for column in SEALED if column.name == name)


def test_every_column_of_bytes_is_in_the_list_of_what_is_sealed_and_indexed() -> None:
    """Whoever adds one has to say how its keys are changed."""
    keyed = {keyed.table for keyed in KEYED}
    bytes_ = {
        (table.name, column.name)
        for table in catalogue.tables.values()
        for column in table.c
        if isinstance(column.type, LargeBinary) and table.name not in keyed
    }
    assert bytes_ - NOT_SEALED == {(column.table, column.name) for column in SEALED}


@pytest.mark.parametrize("name", ["sealed_name", "sealed_birth_date", "wrapped_key"])
def test_two_persons_texts_swapped_open_for_neither(
    house: House, people: list[dict[str, Any]], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    column = named(name)
    swapped(house, column, *rows(house, column))
    logged: list[dict[str, Any]] = []
    monkeypatch.setattr(problems, "log", SimpleNamespace(error=lambda event, **facts: logged.append({event: facts})))
    for person in people:
        answer = house.http.get(f"/v1/learners/{person['id']}", headers=house.auth())
        told_nothing(answer, person["name"])
        assert isinstance(logged[-1]["unforeseen"]["exc_info"], SealBroken)
        assert person["name"] not in str(logged)


def test_two_identifiers_of_one_person_swapped_do_not_open(house: House, people: list[dict[str, Any]]) -> None:
    column, person = named("sealed_value"), people[0]
    swapped(house, column, *rows(house, column, catalogue.tables["identifier"].c.learner_id == UUID(person["id"])))
    told_nothing(house.http.get(f"/v1/learners/{person['id']}", headers=house.auth()), person["name"])
    assert house.http.get(f"/v1/learners/{people[1]['id']}", headers=house.auth()).status_code == 200


def test_a_name_does_not_open_as_a_birth_date_of_the_same_person(house: House, people: list[dict[str, Any]]) -> None:
    learner = learners.learner
    with house.bank.database.transaction() as connection:
        connection.execute(update(learner).values(sealed_birth_date=learner.c.sealed_name))
    told_nothing(house.http.get(f"/v1/learners/{people[0]['id']}", headers=house.auth()), people[0]["name"])


def test_two_certificates_of_one_person_swapped_do_not_open(house: House, people: list[dict[str, Any]]) -> None:
    column = named("sealed_number")
    table = catalogue.tables["certificate"]
    swapped(house, column, *rows(house, column, table.c.learner_id == UUID(people[0]["id"])))
    body = outcome_body(people[0]["id"], 0, external_id="A1", title="A1", certificate_no="A1")
    told_nothing(house.http.post("/v1/outcomes", json=body, headers=house.auth()), "B1")


def test_two_kept_answers_swapped_do_not_open(house: House, people: list[dict[str, Any]]) -> None:
    column = named("sealed_answer")
    swapped(house, column, *rows(house, column))
    body = learner_body(1)
    for number in (1, 2):
        headers = house.auth() | {"Idempotency-Key": f"key-{number}"}
        told_nothing(house.http.post("/v1/learners", json=body, headers=headers), people[0]["name"], people[1]["name"])


def test_every_sealed_text_opens_at_its_own_place_only(house: House, people: list[dict[str, Any]]) -> None:
    guarded(house, people[0]["id"])
    seal_everything(house, people)
    with house.bank.database.reading() as connection:
        wrapped = {row.id: row.wrapped_key for row in connection.execute(select(learners.learner))}
        for column in SEALED:
            table = catalogue.tables[column.table]
            query = select(table).where(table.c[column.name].is_not(None))
            rows_ = [dict(row) for row in connection.execute(query).mappings()]
            assert len(rows_) >= 2, column
            assert [opens_at(house, column, row, wrapped, rows_) for row in rows_] == [[row] for row in rows_], column


def opens_at(
    house: House, column: SealedColumn, row: dict[str, Any], wrapped: dict[UUID, bytes], rows_: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the rows at whose places the text of one of them opens."""
    ring, found = house.bank.keyring, []
    for other in rows_:
        try:
            if column in WRAPPED:
                name, place = UNDER_WRAPPED[column.table]
                ring.person_cipher(row[column.name]).opened(other[name], place.format(id=other["id"]))
            elif column.owner:
                ring.person_cipher(wrapped[row[column.owner]]).opened(row[column.name], column.place_of(other))
            else:
                ring.opened_bank(row[column.name], column.place_of(other))
        except SealBroken:
            continue
        found.append(other)
    return found


def test_a_cursor_of_another_rule_set_does_not_open(house: House) -> None:
    """It is sealed, too, and it is the caller who is wrong then."""

    def sealed(work: Any) -> str:
        return impact._sealed(work, (work.new_id(), work.new_id()), "one")  # noqa: SLF001 - what a caller is given

    cursor = looked_up(house.bank, administrator(), sealed)
    with pytest.raises(Exception, match="cursor"):
        looked_up(house.bank, administrator(), lambda work: impact._opened(work, cursor, "other"))  # noqa: SLF001
