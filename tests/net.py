"""A net under every test: the names and numbers that builders give stand in no log line and in no error's body."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from flask.testing import FlaskClient

NAME_MARK = "龘习者"
"""How the name of everybody begins whom a builder makes up: rare characters that no sentence of the bank has."""

NUMBER_MARK = "5102011955"
"""How their resident ID begins: a region and a year of birth."""

_LOGGED = (
    "msg",
    "log",
    "debug",
    "info",
    "warn",
    "warning",
    "fatal",
    "failure",
    "err",
    "error",
    "critical",
    "exception",
)
"""The names under which structlog's logger writes a line."""

_CAUGHT = re.compile("|".join(map(re.escape, (NAME_MARK, ascii(NAME_MARK)[1:-1], NUMBER_MARK))))

caught: list[str] = []
"""Log lines in which somebody's name or number stands, since the last test."""


def names_somebody(text: str) -> bool:
    """Tell whether somebody's name or number stands in a text, plain or escaped."""
    return _CAUGHT.search(text) is not None


class WatchedClient(FlaskClient):
    """A test client that fails the test whose request is refused with somebody's name or number in the answer."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Send the request and look at the answer."""
        answer = super().open(*args, **kwargs)
        if answer.status_code >= 400:
            body = answer.get_data(as_text=True)
            assert not names_somebody(body), f"a refusal names somebody: {body}"
        return answer


@contextmanager
def watched_log() -> Iterator[None]:
    """Look at every log line from here on, whoever captures the output."""
    logger: Any = structlog.PrintLogger
    written = {name: getattr(logger, name) for name in _LOGGED}
    for name, write in written.items():
        setattr(logger, name, _watched(write))
    try:
        yield
    finally:
        for name, write in written.items():
            setattr(logger, name, write)


def _watched(write: Callable[[Any, str], None]) -> Callable[[Any, str], None]:
    def look(logger: Any, line: str) -> None:
        if names_somebody(line):
            caught.append(line)
        write(logger, line)

    return look
