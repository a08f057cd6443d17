"""The file that names the OpenID providers of this bank."""

import re
import stat
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from creditbank.core.errors import Refusal
from creditbank.formats.id_number import identifier_type
from creditbank.formats.strict_json import parsed

FILE_BYTES_MAX = 256 * 1024
PROVIDERS_MAX = 100
ISSUER_LENGTH_MAX = 300

RESERVED = frozenset({"callback"})
"""Names that stand for something else below /login."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_REQUIRED = frozenset({"name", "issuer", "client_id", "for"})
_KNOWN = _REQUIRED | {"client_secret", "identifier_claim"}


class ProvidersUnusable(Exception):  # noqa: N818 - reads as what it is: nobody could log in
    """The file can't be used; the sentence says why and how to mend it, and holds no secret."""


@dataclass(frozen=True, slots=True)
class IdentifierClaim:
    """Where a provider that checks who people are says their number, and of which type it is."""

    claim: str
    type: str


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenID provider. `holder` says who logs in by it: "learners" or "staff"."""

    name: str
    issuer: str
    client_id: str
    holder: str
    client_secret: str | None = field(default=None, repr=False)
    identifier: IdentifierClaim | None = None


def read_providers(path: Path) -> dict[str, Provider]:
    """Return the providers that a file names, by name. Raises ProvidersUnusable."""
    try:
        mode = path.stat().st_mode
        listed = parsed(path.read_bytes(), bytes_max=FILE_BYTES_MAX)
    except OSError as error:
        message = f"{path} can't be read ({error.strerror}): correct CREDITBANK_OIDC_PROVIDERS"
        raise ProvidersUnusable(message) from None
    except Refusal as refusal:
        message = f"{path} is no JSON: {refusal}"
        raise ProvidersUnusable(message) from None
    if not isinstance(listed, list) or len(listed) > PROVIDERS_MAX:
        message = f"{path} holds no list of at most {PROVIDERS_MAX} providers"
        raise ProvidersUnusable(message)
    providers = [_provider(item, f"{path}, provider {place}") for place, item in enumerate(listed, 1)]
    by_name = {provider.name: provider for provider in providers}
    if len(by_name) < len(providers):
        message = f"{path} names two providers alike"
        raise ProvidersUnusable(message)
    if any(provider.client_secret for provider in providers) and mode & (stat.S_IRWXG | stat.S_IRWXO):
        message = f"{path} holds secrets and is open to other users: run chmod 600 {path}"
        raise ProvidersUnusable(message)
    return by_name


def is_safe_address(address: object) -> bool:
    """Tell whether an address is https, or on this very machine, and names nobody's password."""
    if not isinstance(address, str):
        return False
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or parts.username or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _provider(item: object, place: str) -> Provider:
    """Return one provider of the file. Raises ProvidersUnusable."""
    if not isinstance(item, dict) or not _REQUIRED <= item.keys() <= _KNOWN:
        message = f"{place}: it has {', '.join(sorted(_REQUIRED))}, may have client_secret, identifier_claim, no more"
        raise ProvidersUnusable(message)
    texts = [item[name] for name in sorted(_KNOWN - {"identifier_claim"}) if name in item]
    if not all(isinstance(text, str) and text and text.isprintable() for text in texts):
        message = f"{place}: every member but identifier_claim is a text"
        raise ProvidersUnusable(message)
    if not _NAME.fullmatch(item["name"]) or item["name"] in RESERVED:
        message = f"{place}: its name has 1 to 32 small letters, digits and hyphens, and is not callback"
        raise ProvidersUnusable(message)
    if not is_safe_address(item["issuer"]) or len(item["issuer"]) > ISSUER_LENGTH_MAX or "?" in item["issuer"]:
        message = f"{place}: its issuer is no https address (http is taken on this machine only)"
        raise ProvidersUnusable(message)
    if item["for"] not in ("learners", "staff"):
        message = f"{place}: it is for learners or for staff"
        raise ProvidersUnusable(message)
    identifier = _identifier(item, place)
    return Provider(item["name"], item["issuer"], item["client_id"], item["for"], item.get("client_secret"), identifier)


def _identifier(item: dict[str, Any], place: str) -> IdentifierClaim | None:
    """Return what a provider says of people's numbers. Raises ProvidersUnusable."""
    if "identifier_claim" not in item:
        return None
    said = item["identifier_claim"]
    is_sound = isinstance(said, dict) and said.keys() == {"claim", "type"} and all(map(_is_text, said.values()))
    kind = identifier_type(said["type"]) if is_sound else None
    if kind is None or not kind.strong or kind.issuer_scoped or item["for"] != "learners":
        message = f"{place}: identifier_claim has claim and type, a strong one like cn.netid, and is for learners only"
        raise ProvidersUnusable(message)
    return IdentifierClaim(said["claim"], kind.code)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
