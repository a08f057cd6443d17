"""Real OpenID providers for tests, served on this machine: one of Python, and a certified one that Node runs."""

import os
import re
import shutil
import subprocess
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urljoin

import httpx
import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from creditbank.gateways.provider_file import IdentifierClaim, Provider
from tests.builders import BASE_URL

CLIENT_ID = "creditbank"
CLIENT_SECRET = "the provider knows it, and the bank"

REDIRECT_URI = f"{BASE_URL}/login/callback"

CERTIFIED = "CREDITBANK_TEST_OIDC"
"""Set to "certified", the tests of logins run against the provider of npm, which `make test-oidc` installs."""

SCRIPT = Path(__file__).parent / "oidc" / "serve.mjs"


class RealProvider(Protocol):
    """A provider with people who can log in at it."""

    issuer: str

    def enter(self, address: str, person: str, **claims: str) -> str:
        """Let a person's browser log in at the address and return the one that it is sent back to."""


@dataclass(frozen=True)
class MockProvider:
    """The provider of the package oidc-provider-mock."""

    issuer: str

    def enter(self, address: str, person: str, **claims: str) -> str:
        with httpx.Client() as browser:
            browser.put(f"{self.issuer}/users/{person}", json=claims).raise_for_status()
            answer = browser.post(address, data={"sub": person})
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]


@dataclass(frozen=True)
class CertifiedProvider:
    """The provider of the npm package oidc-provider; its forms are filled in as a browser would."""

    issuer: str

    def enter(self, address: str, person: str, **claims: str) -> str:
        with httpx.Client() as browser:
            browser.put(f"{self.issuer}/people/{person}", json=claims).raise_for_status()
            answer = browser.get(address)
            for _ in range(10):
                if answer.status_code in (302, 303):
                    to = urljoin(str(answer.url), answer.headers["Location"])
                    if not to.startswith(self.issuer):
                        return to
                    answer = browser.get(to)
                    continue
                assert answer.status_code == 200, answer.text
                action = re.search(r'<form[^>]*action="([^"]+)"', answer.text)
                prompt = re.search(r'name="prompt" value="([^"]+)"', answer.text)
                assert action is not None
                assert prompt is not None
                form = {"prompt": prompt[1], "login": person, "password": "x"}
                answer = browser.post(urljoin(str(answer.url), unescape(action[1])), data=form)
        raise AssertionError("the provider never sends the browser back")


@contextmanager
def served_provider() -> Iterator[RealProvider]:
    """Give the provider that tests run against: the certified one where it is named, else the mock, in a thread."""
    if os.environ.get(CERTIFIED) == "certified":
        with _certified() as issuer:
            yield CertifiedProvider(issuer)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it stands on parts of Authlib that are going away
        import oidc_provider_mock  # noqa: PLC0415 - its import alone warns

        app = oidc_provider_mock.app(require_nonce=True)
    with served(app) as issuer:
        yield MockProvider(issuer)


@contextmanager
def _certified() -> Iterator[str]:
    """Serve the certified provider and give its address; it needs Node and what `make test-oidc` installs."""
    if shutil.which("node") is None:
        pytest.skip("Node is not on this machine: install Node 20 or newer to test against the certified provider")
    command = ["node", str(SCRIPT), CLIENT_ID, CLIENT_SECRET, REDIRECT_URI]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            issuer = process.stdout.readline().strip()
            assert issuer.startswith("http://"), "the provider doesn't start: run make test-oidc, which installs it"
            yield issuer
        finally:
            process.terminate()


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve a WSGI app in a thread and give its address."""
    server = make_server("localhost", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Quiet(WSGIRequestHandler):
    """Serves without a line for each request."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's own name
        """Say nothing."""


def configured(issuer: str) -> dict[str, Provider]:
    """Return the provider as one of learners, one of staff, and one that says who people are."""
    identifier = IdentifierClaim("netid", "cn.netid")
    return {
        "city": Provider("city", issuer, CLIENT_ID, "learners", CLIENT_SECRET),
        "office": Provider("office", issuer, CLIENT_ID, "staff", CLIENT_SECRET),
        "netid": Provider("netid", issuer, CLIENT_ID, "learners", CLIENT_SECRET, identifier),
    }
