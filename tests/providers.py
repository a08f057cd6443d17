"""Real OpenID providers for tests, served on this machine: one of Python, and a certified one that Node runs."""

import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from typing import Any, Protocol
from urllib.parse import urljoin

import httpx
from werkzeug.serving import WSGIRequestHandler, make_server

from creditbank.gateways.provider_file import IdentifierClaim, Provider

CLIENT_ID = "creditbank"
CLIENT_SECRET = "the provider knows it, and the bank"

CERTIFIED = "CREDITBANK_TEST_OIDC_ISSUER"
"""Names the address of the certified provider where tests are to run against it."""


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
    certified = os.environ.get(CERTIFIED)
    if certified:
        yield CertifiedProvider(certified)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it stands on parts of Authlib that are going away
        import oidc_provider_mock  # noqa: PLC0415 - its import alone warns

        app = oidc_provider_mock.app(require_nonce=True)
    with served(app) as issuer:
        yield MockProvider(issuer)


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
