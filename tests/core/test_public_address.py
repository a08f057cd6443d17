"""Addresses of webhooks: what is no address on the internet is refused, in whichever form it is written."""

import pytest

from creditbank.core.public_address import Target, may_connect, target_of

FORGED = {
    "decimal": "https://2130706433/",
    "decimal metadata": "https://2852039166/",
    "octal": "https://0177.0.0.1/",
    "octal whole": "https://017700000001/",
    "hexadecimal": "https://0x7f000001/",
    "hexadecimal part": "https://0x7f.0.0.1/",
    "short": "https://127.1/",
    "shorter": "https://127.0.1/",
    "leading zero": "https://127.0.0.01/",
    "five parts": "https://1.2.3.4.5/",
    "mixed": "https://1.2.3.0x4/",
    "trailing dot": "https://127.0.0.1./",
    "full-width": "https://１２７.０.０.１/",
    "circled": "https://①②⑦.0.0.1/",
    "ideographic stop": "https://127。0。0。1/",
    "percent": "https://%31%32%37.0.0.1/",
    "zone": "https://[fe80::1%25eth0]/",
    "user": "https://user@example.com/",
    "user that looks like a host": "https://example.com@127.0.0.1/",
    "user and password": "https://a:b@example.com/",
    "backslash": "https://example.com\\@127.0.0.1/",
    "fragment": "https://example.com/#@127.0.0.1/",
    "blank": "https://example.com /",
    "tab": "https://exa\tmple.com/",
    "line end": "https://example.com/\r\nHost: 127.0.0.1",
    "nul": "https://example.com\0.evil/",
    "no host": "https:///path",
    "no scheme": "//example.com/",
    "file": "file:///etc/passwd",
    "gopher": "gopher://127.0.0.1:70/",
    "unicode name": "https://学分银行.example/",
    "empty label": "https://example..com/",
    "port 0": "https://example.com:0/",
    "port too high": "https://example.com:65536/",
    "no port": "https://example.com:/",
    "long": "https://example.com/" + "a" * 500,
}

NOT_PUBLIC = (
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "172.16.0.1"),  # noqa: S104
    *("172.31.255.255", "192.168.0.1", "192.168.255.255", "169.254.0.1", "169.254.169.254", "100.64.0.1"),
    *("100.100.100.200", "100.127.255.255", "192.0.0.192", "192.0.2.1", "198.18.0.1", "198.19.255.255"),
    *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("192.88.99.1", "168.63.129.16"),
    *("::1", "::", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::ffff:7f00:1", "::127.0.0.1"),
    *("::7f00:1", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::1"),
    *("2002:7f00:1::", "2002:0a00:1::1", "2002:0808:0808::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
    *("2001:db8::1", "2001:10::1", "2001:20::1", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1"),
    *("ff02::1", "ff0e::1", "100::1", "5f00::1", "4000::1", "2600:1234::5efe:10.0.0.1", "2600:1234::200:5efe:7f00:1"),
)

PUBLIC = (
    *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255"),
    *("192.169.0.0", "100.63.255.255", "100.128.0.0", "169.253.255.255", "169.255.0.0", "223.255.255.255"),
    *("126.255.255.255", "128.0.0.0", "198.17.255.255", "198.20.0.0"),
    *("2606:4700::1111", "2400:3200::1", "2001:4860:4860::8888", "2001:200::1", "2003::1", "2a00::1"),
)


@pytest.mark.parametrize("name", FORGED)
@pytest.mark.parametrize("allows_private", [False, True])
def test_what_programs_read_in_different_ways_is_refused(name: str, *, allows_private: bool) -> None:
    assert target_of(FORGED[name], allows_private=allows_private) == "not_a_url"


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_not_on_the_internet_is_refused(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    assert target_of(f"https://{host}/", allows_private=False) == "not_public"
    assert not may_connect(address, allows_private=False)


@pytest.mark.parametrize("address", PUBLIC)
def test_its_neighbours_on_both_sides_are_taken(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    assert target_of(f"https://{host}/", allows_private=False) == Target("https", address, 443, "/")
    assert may_connect(address, allows_private=False)


def test_an_address_with_a_zone_is_none_to_connect_to() -> None:
    assert not may_connect("fe80::1%eth0", allows_private=True)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://example.com/", "not_https"),
        ("https://example.com:22/", "wrong_port"),
        ("https://example.com:80/", "wrong_port"),
        ("https://localhost/", "not_public"),
        ("https://intranet/hook", "not_public"),
    ],
)
def test_what_is_no_place_for_a_webhook_in_production_is_refused(url: str, code: str) -> None:
    assert target_of(url, allows_private=False) == code


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://example.com", Target("https", "example.com", 443, "/")),
        ("https://Example.COM/a?b=c%20d", Target("https", "example.com", 443, "/a?b=c%20d")),
        ("https://example.com:8443?x", Target("https", "example.com", 8443, "/?x")),
        ("https://xn--fiq228c.xn--fiqs8s/", Target("https", "xn--fiq228c.xn--fiqs8s", 443, "/")),
        ("https://a.b.4c/", Target("https", "a.b.4c", 443, "/")),
    ],
)
def test_a_public_place_is_taken(url: str, target: Target) -> None:
    assert target_of(url, allows_private=False) == target


def test_this_machine_alone_is_taken_where_that_is_allowed() -> None:
    assert target_of("http://127.0.0.1:8080/", allows_private=True) == Target("http", "127.0.0.1", 8080, "/")
    assert target_of("http://localhost:1/", allows_private=True) == Target("http", "localhost", 1, "/")
    assert target_of("http://10.0.0.1/", allows_private=True) == "not_public"
    assert target_of("http://169.254.169.254/", allows_private=True) == "not_public"
    assert may_connect("::1", allows_private=True)
    assert not may_connect("192.168.1.1", allows_private=True)


@pytest.mark.parametrize(
    ("target", "header"),
    [
        (Target("https", "example.com", 443, "/"), "example.com"),
        (Target("https", "example.com", 8443, "/"), "example.com:8443"),
        (Target("https", "2606:4700::1111", 443, "/"), "[2606:4700::1111]"),
        (Target("http", "127.0.0.1", 80, "/"), "127.0.0.1"),
    ],
)
def test_the_host_is_named_as_http_does(target: Target, header: str) -> None:
    assert target.host_header == header
