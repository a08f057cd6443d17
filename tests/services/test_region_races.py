"""Registries asked by several at once: what is said once is said once, and nothing that was written is lost."""

from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from tests.api.test_institutions import registered
from tests.api.test_regions import LIANGJIANG, load
from tests.builders import House
from tests.services.test_races import at_once, statuses


def poster(house: House, body: object, path: str) -> Callable[[], TestResponse]:
    """Return the call that posts a body as the administrator."""
    auth = house.auth("authority", "admin")
    return lambda: house.http.post(path, json=body, headers=auth)


@pytest.fixture
def office(house: House) -> House:
    """Give a bank whose administrator has a token already."""
    house.auth("authority", "admin")
    return house


def test_a_code_that_is_given_at_once_twice_is_given_once(office: House) -> None:
    load(office)
    bodies = [{"regions": [{"id": LIANGJIANG, "code": code}]} for code in ("500157", "500158") * 2]
    answers = at_once([poster(office, body, path="/v1/regions") for body in bodies])
    assert statuses(answers) == {201: 1, 200: 1, 409: 2}


def test_a_registry_that_is_loaded_at_once_is_loaded_once(office: House) -> None:
    body = {"regions": [{"id": f"city-{number}", "name": "市", "level": "city"} for number in range(50)]}
    answers = at_once([poster(office, body, path="/v1/regions")] * 4)
    assert statuses(answers) == {201: 1, 200: 3}


def test_moves_that_come_at_once_are_all_kept(office: House) -> None:
    load(office)
    school = registered(office, "school", region_code="500103")["id"]
    regions = ["500106", "500107", "500108", "500109"]
    bodies = [{"region": region, "from_day": "2026-07-01"} for region in regions]
    answers = at_once([poster(office, body, path=f"/v1/institutions/{school}/region") for body in bodies])
    assert statuses(answers) == {201: 4}
    shown = office.http.get(f"/v1/institutions/{school}", headers=office.auth()).get_json()
    assert shown["region"]["id"] in regions
