"""The page for checking, in a real browser: readable on any screen, without script, and by the rules of WCAG 2.2 AA."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import make_server

from tests.api.seeding import qualification_rules
from tests.api.test_papers import TARGET, address_in, issued, printed
from tests.builders import SAME_TITLE, House

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
WIDTHS = (320, 640, 1280)
"""Pixels: the narrowest screen, a screen of 1280 at 200 % zoom, and that screen itself."""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: on Debian and Ubuntu, apt-get install chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give the browser of this machine."""
    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield opened
        opened.close()


@contextmanager
def served(house: House) -> Iterator[str]:
    """Serve the bank to a browser."""
    server = make_server("127.0.0.1", 0, house.app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def addresses(house: House) -> dict[str, str]:
    """Return pages of every sort: valid with the longest name, with a table, revoked, and of nothing."""
    house.publish_rules(SAME_TITLE)
    house.publish_programme("acceptor")
    found = {"nothing": f"/verify/{'a' * 32}"}
    learner_id = house.open_learner(name="阿卜杜拉·" * 20)["id"]
    own = house.learner_auth(learner_id)
    outcome = house.post_outcome(learner_id, title="无间断的很长的课程名称" * 15)
    made = issued(house, learner_id, kind="outcome", subject_id=outcome["id"], with_name=True)
    found["valid"] = address_in("".join(printed(house, made["id"], own)))
    management = house.post_outcome(learner_id, title="管理学")
    converted = house.convert(learner_id, TARGET, [management["id"]])
    made = issued(house, learner_id, kind="conversion", subject_id=converted["id"])
    found["conversion"] = address_in("".join(printed(house, made["id"], own)))
    house.publish_rules(qualification_rules("cqdx", "管理学"))
    url = "/v1/qualifications/made-up-qualification/awards"
    given = house.http.post(url, json={"level": "one"}, headers=own)
    made = issued(house, learner_id, kind="qualification", subject_id=given.get_json()["id"])
    found["qualification"] = address_in("".join(printed(house, made["id"], own)))
    made = issued(house, learner_id, kind="balance")
    found["balance"] = address_in("".join(printed(house, made["id"], own)))
    painting = house.post_outcome(learner_id, title="水彩画")
    made = issued(house, learner_id, kind="outcome", subject_id=painting["id"])
    found["revoked"] = address_in("".join(printed(house, made["id"], own)))
    house.http.post(
        f"/v1/credentials/{made['id']}/revoke", json={"reason": "误"}, headers=house.auth("cqdx", "credentials:issue")
    )
    return found


def overflow(page: Any) -> int:
    """Return by how many pixels a page is wider than the screen."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
def test_every_page_is_readable_on_any_screen_and_breaks_no_rule(house: House, browser: Browser) -> None:
    pages = addresses(house)
    with served(house) as base:
        context = browser.new_context(bypass_csp=True)  # for axe's own script alone
        page = context.new_page()
        for name, path in pages.items():
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 800})
                page.goto(base + path)
                assert overflow(page) <= 0, (name, width)
                found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}})
                assert found.response["passes"], "rules were looked at"
                assert found.violations_count == 0, (name, width, found.generate_report())
        context.close()


def test_the_page_looks_as_meant_under_its_own_policy_and_without_script(house: House, browser: Browser) -> None:
    pages = addresses(house)
    with served(house) as base:
        context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
        page = context.new_page()
        said: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(base + pages["valid"])
        assert asked == [base + pages["valid"]], "nothing else is fetched"
        assert said == [], "its own policy stands in the way of nothing"
        status = page.locator(".status")
        assert "有效" in status.inner_text()
        box = status.bounding_box()
        assert box is not None
        assert box["height"] > 45, "the status is set in large type"
        context.close()
