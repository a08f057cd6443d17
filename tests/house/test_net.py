"""The net under every test catches what it is for."""

from dataclasses import replace

import pytest
import structlog
from flask import Response

from creditbank.app import create_app
from creditbank.config import Settings
from creditbank.opening import configure_logging
from tests import net
from tests.builders import BASE_URL, House, learner_body, resident_id
from tests.net import WatchedClient


@pytest.mark.parametrize("word", [learner_body(7)["name"], resident_id(7)])
def test_somebody_who_is_logged_is_caught(word: str) -> None:
    configure_logging("json")
    log = structlog.get_logger()
    log.info("request", route="/v1/learners")
    assert net.caught == []
    log.info("request", name=word)
    log.error("unforeseen", exc_info=ValueError(word))
    assert len(net.caught) == 2
    net.caught.clear()


@pytest.mark.parametrize("status", [400, 500])
def test_somebody_who_is_named_in_a_refusal_is_caught(house: House, status: int) -> None:
    body = learner_body(7)
    house = replace(house, app=create_app(Settings(base_url=BASE_URL), house.bank))  # the others' app is shared
    house.app.test_client_class = WatchedClient
    house.app.add_url_rule("/told", "told", lambda: Response(body["name"], status))
    house.app.add_url_rule("/escaped", "escaped", lambda: Response(ascii(body["name"]), status))
    house.app.add_url_rule("/granted", "granted", lambda: Response(body["name"], 200))
    assert house.http.get("/granted").status_code == 200
    for path in ("/told", "/escaped"):
        with pytest.raises(AssertionError, match="names somebody"):
            house.http.get(path)
