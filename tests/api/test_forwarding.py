"""Behind reverse proxies: what they send is read to its end, so that none of them answers in the bank's place."""

from copy import copy
from io import BytesIO

import pytest
from werkzeug.test import EnvironBuilder

from creditbank.api.forwarding import stand_behind
from tests.builders import House

MEBIBYTE = 2**20


@pytest.fixture
def engine_name() -> str:
    """Ask on one engine alone: nothing of this is in the database."""
    return "sqlite"


def left_of(house: House, body_bytes: int, proxies: int) -> tuple[str, int]:
    """Return how a body from nobody is answered, and how many bytes of it are left unread."""
    app, body, told = copy(house.app), BytesIO(bytes(body_bytes)), []
    app.config = copy(app.config) | {"IMPORT_BYTES_MAX": 3 * MEBIBYTE}
    stand_behind(app, proxies)
    asked = EnvironBuilder("/v1/imports", method="POST", input_stream=body, content_length=body_bytes).get_environ()
    b"".join(app.wsgi_app(asked, lambda status, _headers, _error=None: told.append(status)))  # type: ignore[arg-type]
    return told[0][:3], body_bytes - body.tell()


def test_what_a_refusal_leaves_is_read_where_a_proxy_sends_it(house: House) -> None:
    assert left_of(house, 2 * MEBIBYTE, proxies=1) == ("401", 0)
    assert left_of(house, 2 * MEBIBYTE, proxies=0) == ("401", 2 * MEBIBYTE)


def test_no_more_is_read_than_the_largest_file_has(house: House) -> None:
    status, left = left_of(house, 8 * MEBIBYTE, proxies=1)
    assert status == "401"
    assert left == 4 * MEBIBYTE
