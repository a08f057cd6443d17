"""What comes by way of reverse proxies: whose address counts, and bodies that are read to their end."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from creditbank.api.uploads import FORM_BYTES_MAX

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

READ_BYTES = 1024 * 1024


def stand_behind(app: Flask, proxies: int) -> None:
    """Let the app believe so many proxies whose request it is, and take from them whatever they send."""
    if proxies:
        fixed = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=0, x_host=0)
        bytes_max = app.config["IMPORT_BYTES_MAX"] + FORM_BYTES_MAX
        app.wsgi_app = ReadToTheEnd(fixed, bytes_max)  # type: ignore[method-assign] # Flask's own way


class ReadToTheEnd:
    """Reads what an answer leaves of the request's body, up to a size in bytes.

    The server closes the connection of whoever still sends when it has answered. A proxy says 502 then in the place of
    what was answered, and may take the server for dead.
    """

    def __init__(self, app: "WSGIApplication", bytes_max: int) -> None:
        self.app = app
        self.bytes_max = bytes_max

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Return the app's answer; the server sends it after this."""
        answer = self.app(environ, start_response)
        read, left = environ["wsgi.input"].read, self.bytes_max
        while left > 0 and (part := read(READ_BYTES)):
            left -= len(part)
        return answer
