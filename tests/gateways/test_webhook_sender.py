"""The way to webhooks: what is connected to was looked at; nothing is followed, and nothing lasts or grows for long."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from creditbank.core.public_address import Target
from creditbank.core.webhook import DeliveryFault, Result
from creditbank.gateways import webhook_sender
from creditbank.gateways.webhook_sender import AddressRefused, Message, NameUnknown, WebhookSender, resolved
from tests.receivers import receiver

HERE = WebhookSender(allows_private=True)
"""A sender that may send to this machine."""


def sent(sender: WebhookSender, url: str, body: bytes = b"{}") -> Result:
    with sender.session() as session:
        return session.send(Message(url, {"webhook-id": "1"}, body))


def leading_to(*addresses: str, allows_private: bool = False) -> WebhookSender:
    """Return a sender for which every name leads to these addresses."""
    return WebhookSender(allows_private, resolve=lambda _host, _port: list(addresses))


# --- where it connects to


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "::1", "::ffff:127.0.0.1", "::ffff:a9fe:a9fe"),
        *("fd00:ec2::254", "fe80::1%eth0", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "0.0.0.0", "no address"),  # noqa: S104
    ],
)
def test_a_name_that_leads_to_what_is_not_public_is_refused_when_connecting(address: str) -> None:
    result = sent(leading_to(address), "https://example.com/")
    assert (result.fault, result.status) == (DeliveryFault.ADDRESS_REFUSED, None)


def test_one_such_address_among_others_is_enough() -> None:
    target = Target("https", "example.com", 443, "/")
    with pytest.raises(AddressRefused):
        leading_to("1.1.1.1", "127.0.0.1").addresses(target)
    assert leading_to("1.1.1.1", "2606:4700::1111").addresses(target) == ["1.1.1.1", "2606:4700::1111"]


def test_a_name_that_leads_elsewhere_after_it_was_looked_at_is_refused() -> None:
    answers = [["1.1.1.1"], ["127.0.0.1"]]
    rebound = WebhookSender(resolve=lambda _host, _port: answers.pop(0))
    assert rebound.addresses(Target("https", "example.com", 443, "/")) == ["1.1.1.1"]
    assert sent(rebound, "https://example.com/").fault is DeliveryFault.ADDRESS_REFUSED
    assert answers == []  # asked once for this connection: between look and connection nothing is asked again


def test_what_was_looked_at_is_what_is_connected_to() -> None:
    asked = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["127.0.0.1"]

    with receiver() as found:
        result = sent(WebhookSender(allows_private=True, resolve=resolve), f"http://hooks.example:{found.port}/a?b=c")
    assert (result.status, result.fault) == (204, None)
    assert asked == [("hooks.example", found.port)]
    assert found.received[0].headers["host"] == f"hooks.example:{found.port}"
    assert found.received[0].path == "/a?b=c"


@pytest.mark.parametrize(
    "url", ["http://example.com/", "https://127.0.0.1/", "https://2130706433/", "ftp://a.example/"]
)
def test_what_could_not_be_registered_is_not_sent_to_either(url: str) -> None:
    assert sent(leading_to("1.1.1.1"), url).fault is DeliveryFault.ADDRESS_REFUSED


def test_a_name_without_address_is_told() -> None:
    def nothing(_host: str, _port: int) -> list[str]:
        raise socket.gaierror

    assert sent(WebhookSender(resolve=nothing), "https://example.com/").fault is DeliveryFault.NAME_UNKNOWN
    with pytest.raises(NameUnknown):
        leading_to().addresses(Target("https", "example.com", 443, "/"))


def test_who_never_says_where_a_name_leads_is_not_waited_for() -> None:
    hangs = threading.Event()

    def never(_host: str, _port: int) -> list[str]:
        hangs.wait(20)
        return ["1.1.1.1"]

    with pytest.raises(NameUnknown):
        WebhookSender(resolve=never).addresses(Target("https", "example.com", 443, "/"), seconds=0.05)
    hangs.set()


@pytest.mark.parametrize("fault", [httpcore.ConnectError, httpcore.ConnectTimeout])
def test_an_address_at_which_nobody_answers_leaves_time_for_the_next(
    fault: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []

    def connect(backend: Any, host: str, port: int, timeout: float, *more: Any) -> httpcore.NetworkStream:
        if host == "::1":
            given.append(timeout)
            raise fault
        return reached(backend, host, port, timeout, *more)

    reached = httpcore.SyncBackend.connect_tcp
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    with receiver() as found:
        url = f"http://hooks.example:{found.port}/"
        assert sent(leading_to("::1", "127.0.0.1", allows_private=True), url).is_delivered
        assert sent(leading_to("::1", allows_private=True), url).fault in (
            DeliveryFault.UNREACHABLE,
            DeliveryFault.TIMEOUT,
        )
    half = webhook_sender.SECONDS_MAX / 2
    assert given[0] <= half < given[1]


def test_this_machine_says_where_its_own_name_leads() -> None:
    assert "127.0.0.1" in resolved("127.0.0.1", 80)


# --- nothing is followed, no proxy is asked


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with receiver() as inner, receiver() as found:
        found.status, found.headers = status, {"Location": inner.url}
        result = sent(HERE, found.url)
        assert (result.fault, result.status) == (DeliveryFault.REDIRECT, status)
        assert inner.received == []


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as proxy, receiver() as found:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert sent(HERE, found.url).is_delivered
        assert proxy.received == []


# --- what receivers answer


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_2xx_is_taken_as_received(status: int) -> None:
    with receiver() as found:
        found.status = status
        assert sent(HERE, found.url).is_delivered


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_anything_else_is_a_failure_that_tells_the_status(status: int) -> None:
    with receiver() as found:
        found.status = status
        result = sent(HERE, found.url)
    assert (result.fault, result.status) == (DeliveryFault.STATUS, status)


def test_nobody_there_is_told() -> None:
    with receiver() as found:
        pass
    assert sent(HERE, found.url).fault is DeliveryFault.UNREACHABLE


def test_an_answer_is_read_no_further_than_its_bound() -> None:
    with receiver() as found:
        found.status, found.answer = 200, b"x" * (webhook_sender.ANSWER_BYTES_MAX * 20)
        with HERE.session() as session:
            for _ in range(2):
                assert session.send(Message(found.url, {}, b"{}")).is_delivered


def test_messages_go_one_after_the_other_over_one_connection() -> None:
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with receiver() as found, WebhookSender(allows_private=True, resolve=resolve).session() as session:
        for number in range(3):
            assert session.send(Message(f"http://hooks.example:{found.port}/", {}, b"%d" % number)).is_delivered
    assert [one.body for one in found.received] == [b"0", b"1", b"2"]
    assert asked == ["hooks.example"]


def test_a_receiver_that_closes_after_each_answer_without_saying_so_gets_every_message() -> None:
    with receiver() as found, HERE.session() as session:
        found.hangs_up = True
        for number in range(20):
            assert session.send(Message(found.url, {"webhook-id": str(number)}, b"{}")).is_delivered
    assert set(found.ids) == {str(number) for number in range(20)}


@contextmanager
def speaking(*parts: bytes, pause: float = 0.0) -> Iterator[str]:
    """Give the URL of a server that says these parts with pauses between, whatever it is asked."""
    server = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(5)
            asked = b""
            while not asked.endswith(b"\r\n\r\n{}"):
                asked += connection.recv(65536)
            for part in parts:
                if stop.is_set():
                    return
                try:
                    connection.sendall(part)
                except OSError:
                    return
                stop.wait(pause)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
    finally:
        stop.set()
        server.close()
        thread.join()


def test_what_is_no_http_is_told() -> None:
    with speaking(b"SSH-2.0-OpenSSH_9\r\n\r\n") as url:
        assert sent(HERE, url).fault is DeliveryFault.NOT_HTTP


def test_headers_without_end_are_not_read_on() -> None:
    with speaking(b"HTTP/1.1 200 OK\r\n", *[b"x: " + b"y" * 8000 + b"\r\n"] * 100) as url:
        assert sent(HERE, url).fault is DeliveryFault.NOT_HTTP


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"])
def test_who_answers_drop_by_drop_is_not_waited_for(begin: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_sender, "SECONDS_MAX", 0.3)
    begun = time.monotonic()
    with speaking(begin, *[b"x"] * 200, pause=0.05) as url:
        assert sent(HERE, url).fault is DeliveryFault.TIMEOUT
    assert time.monotonic() - begun < 2


# --- TLS


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a certificate of a name and its key, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if name[0].isdigit():
        names = [x509.IPAddress(ipaddress.ip_address(name))]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, key_pem = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8
    key_pem.write_bytes(key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption()))
    return pem, key_pem


def test_the_name_is_shown_and_checked_though_an_address_is_connected_to(tmp_path: Path) -> None:
    pem, key = certificate(tmp_path, "hooks.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    shown: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: shown.append(name)

    def trust() -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(pem))

    with receiver(context) as found:
        there = WebhookSender(allows_private=True, resolve=lambda _host, _port: ["127.0.0.1"], trust=trust)
        assert sent(there, f"https://hooks.example:{found.port}/").is_delivered
        assert sent(there, f"https://other.example:{found.port}/").fault is DeliveryFault.UNREACHABLE
        stranger = WebhookSender(allows_private=True, resolve=lambda _host, _port: ["127.0.0.1"])
        assert sent(stranger, f"https://hooks.example:{found.port}/").fault is DeliveryFault.UNREACHABLE
    assert shown[0] == "hooks.example"
    assert len(found.received) == 1
