"""Addresses on the internet: which URL a webhook may have, and to which network addresses the bank connects for it.

Whoever registers a webhook lets the bank send requests: none of them may reach a machine that only the bank can reach.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

URL_CHARACTERS_MAX = 500
"""The longest URL of a webhook."""

PUBLIC_PORTS = (443, 8443)
"""Ports of HTTPS; others are those of machines that wait for something else."""

_URL = re.compile(r"(https?)://(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::([0-9]{1,5}))?((?:/[!-~]*|\?[!-~]*)?)", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_PORT_MAX = 65_535
_DEFAULT_PORTS = {"http": 80, "https": 443}

_NO_PUBLIC_V4 = tuple(
    IPv4Network(one)
    for one in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # between carriers and their customers; a cloud's metadata stands there, too
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's own services, under an address that looks public
        "169.254.0.0/16",  # link-local, and where clouds tell machines their secrets
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
)
_PUBLIC_V6 = IPv6Network("2000::/3")
_NO_PUBLIC_V6 = tuple(
    IPv6Network(one)
    for one in (
        "2001::/23",  # Teredo and what else has an IPv4 address or nothing behind it
        "2001:db8::/32",
        "2002::/16",  # 6to4: the IPv4 address stands within
        "3fff::/20",
        "5f00::/16",
    )
)
_ISATAP = (0x00005EFE, 0x02005EFE)
"""What stands before an IPv4 address that an IPv6 address carries at its end."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a webhook is: `host` is a name in small letters or a network address, `path` begins with a slash."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """Return the network address that stands in place of a name."""
        return None if _is_name(self.host) else ip_address(self.host)

    @property
    def host_header(self) -> str:
        """Return the host as HTTP names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def target_of(url: str, *, allows_private: bool) -> Target | str:
    """Return where a URL leads, or the code of why it can't be a webhook's.

    Codes: not_a_url (also with user names, fragments, other schemes, and numbers for hosts in any form but the usual),
    not_https, wrong_port, not_public. With `allows_private` plain HTTP, any port and this machine itself are taken.
    """
    found = _URL.fullmatch(url)
    if len(url) > URL_CHARACTERS_MAX or found is None or "#" in url or "\\" in url:
        return "not_a_url"
    scheme, host, port_text, path = found[1], found[2].lower(), found[3], found[4]
    port = int(port_text) if port_text else _DEFAULT_PORTS[scheme]
    host = host.strip("[]")
    if not 0 < port <= _PORT_MAX or not (_is_name(host) or _is_address(host)):
        return "not_a_url"
    target = Target(scheme, host, port, path if path.startswith("/") else f"/{path}")
    if allows_private:
        return target if target.address is None or may_connect(target.host, allows_private=True) else "not_public"
    if scheme != "https":
        return "not_https"
    if port not in PUBLIC_PORTS:
        return "wrong_port"
    is_public = "." in host if target.address is None else may_connect(host, allows_private=False)
    return target if is_public else "not_public"


def may_connect(address: str, *, allows_private: bool) -> bool:
    """Tell whether the bank may connect to a network address; to this machine itself only with `allows_private`."""
    found = ip_address(address)
    if isinstance(found, IPv6Address) and found.scope_id is not None:
        return False
    return _is_public(found) or (allows_private and found.is_loopback)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NO_PUBLIC_V4)
    carries_v4 = (int(address) >> 32) & 0xFFFFFFFF in _ISATAP
    return address in _PUBLIC_V6 and not carries_v4 and not any(address in network for network in _NO_PUBLIC_V6)


def _is_name(host: str) -> bool:
    """Tell whether a host is a name: its last label is no number, in whichever form programs read numbers."""
    labels = host.split(".")
    return all(_LABEL.fullmatch(label) for label in labels) and not _NUMBER.fullmatch(labels[-1])


def _is_address(host: str) -> bool:
    """Tell whether a host is a network address in its usual form: four plain decimal parts, or IPv6."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
