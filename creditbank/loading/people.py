"""Made-up people, opened as accounts with the bank's own keys: sealed, indexed, and known to their schools."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

from stdnum.iso7064 import mod_11_2

from creditbank.core.identity import Application, Claim
from creditbank.gateways.keyring import Keyring
from creditbank.storage import identifier_index, learners, likeness

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高梁郑谢宋唐许韩冯邓曹彭曾萧田董袁潘于蒋蔡"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂英华文玉萍红建国志海燕小春秀珍梅莉云"

FIRST_BORN = date(1940, 1, 1)
DAYS_OF_BIRTH = 25_000
"""Until 2008."""

IN_A_DAY = 999
"""Resident IDs that one district gives for one day of birth."""

DISTRICT = 500_101

Rows = dict[str, list[tuple[Any, ...]]]
"""Rows by table, each in the order of the table's columns as named in COLUMNS."""

COLUMNS = {
    "learner": (*("id", "account_no", "status", "wrapped_key", "sealed_name", "sealed_birth_date", "created_at"),),
    "identifier": (*("learner_id", "id", "type", "issuer", "sealed_value", "assurance", "claimed_by", "created_at"),),
    "identifier_index": ("value_index", "name_index", "type", "issuer", "learner_id", "key_id"),
    "likeness_index": ("learner_id", "key", "block", "is_new", "key_id"),
    "affiliation": ("learner_id", "institution_id", "since"),
}


def resident_id(number: int) -> str:
    """Return the resident ID of person no. `number`, another one for each."""
    day, turn = number % DAYS_OF_BIRTH, number // DAYS_OF_BIRTH
    born = (FIRST_BORN + timedelta(days=day)).strftime("%Y%m%d")
    body = f"{DISTRICT + turn // IN_A_DAY:06d}{born}{turn % IN_A_DAY + 1:03d}"
    return body + mod_11_2.calc_check_digit(body)


def application(number: int, random: Random) -> Application:
    """Return what a school says of person no. `number`."""
    value = resident_id(number)
    born = date(int(value[6:10]), int(value[10:12]), int(value[12:14]))
    name = random.choice(SURNAMES) + "".join(random.choices(GIVEN, k=2))
    return Application(name, born, (Claim("cn.resident_id", "", value),))


def opened(rows: Rows, keyring: Keyring, wanted: learners.Opening, new_id: Callable[[], UUID]) -> None:
    """Add the rows of a new account."""
    cipher = keyring.person_cipher(wanted.wrapped_key)
    _add(rows, "learner", learners.learner_row(keyring, wanted))
    claimant = learners.Claimant(wanted.id, wanted.opened_by, wanted.opened_at)
    for claim in wanted.application.claims:
        _add(rows, "identifier", learners.claim_row(cipher, claimant, claim, new_id()))
    keyed = [identifier_index.account_no_keys(keyring, wanted.account_no)]
    keyed += identifier_index.claim_keys(keyring, wanted.application)
    for keys in keyed:
        for key in keys:
            _add(rows, "identifier_index", identifier_index.index_row(key, wanted.id))
    blocks = likeness.keys_of(
        keyring, wanted.application.name, wanted.application.birth_date, wanted.application.claims
    )
    for block in (block for keys in blocks for block in keys):
        _add(rows, "likeness_index", likeness.block_row(wanted.id, block, is_new=True))


def _add(rows: Rows, table: str, row: Mapping[str, Any]) -> None:
    rows[table].append(tuple(row[name] for name in COLUMNS[table]))
