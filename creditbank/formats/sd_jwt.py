"""SD-JWTs (RFC 9901): claims of which the holder shows some, made and cut down by the reference library.

The library marks what can be hidden. What it leaves out is done here: as many digests in every place as the place is
padded to, so that how many there are tells nothing, and none in the order of what it stands for.
"""

import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jwcrypto.jwk import JWK
from sd_jwt.common import SDObj
from sd_jwt.holder import SDJWTHolder
from sd_jwt.issuer import SDJWTIssuer

from creditbank.formats.credential_key import Algorithm, SecretKey

TYPE = "dc+sd-jwt"
"""The `typ` of SD-JWT VC; neither a credential as a JWT nor an access token has it."""

SEPARATOR = "~"

_DECOY_BYTES = 16
_RANDOM = secrets.SystemRandom()

logging.getLogger("sd_jwt").setLevel(logging.WARNING)
"""The library tells claims to its log while it looks for faults: no log is a place for them."""


class _Decoys:
    """Names that stand for nothing: their digests are those of anything else, and nobody ever gets what is behind."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def name(self) -> SDObj:
        made = secrets.token_urlsafe(_DECOY_BYTES)
        self.names.add(made)
        return SDObj(made)


@dataclass(frozen=True, slots=True)
class Hidden:
    """Members of which each is shown or not, padded to so many; `open` are those that everybody sees."""

    members: Mapping[str, Any]
    padded_to: int
    open: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HiddenItems:
    """Items of which each is shown or not, padded to so many; where each stands is drawn by chance."""

    items: Sequence[Any]
    padded_to: int


def issued_sd_jwt(claims: Hidden, key: SecretKey, kid: str) -> str:
    """Return claims as an SD-JWT that is signed by a key, with all that can be shown; `open` is what everybody sees."""
    decoys = _Decoys()
    made = SDJWTIssuer(
        _marked(claims, decoys),
        _jwk(key),
        sign_alg=key.public.algorithm.value,
        extra_header_parameters={"typ": TYPE, "kid": kid},
    )
    told = [one.b64 for one in made.ii_disclosures if not decoys.names.intersection(_words(one.key, one.value))]
    return SEPARATOR.join([made.serialized_sd_jwt, *told, ""])


def presented(sd_jwt: str, chosen: Mapping[str, Any]) -> str:
    """Return an SD-JWT with what is chosen and nothing else: members by name, with True or what is chosen within."""
    holder = SDJWTHolder(sd_jwt)
    holder.create_presentation(dict(chosen))
    presentation: str = holder.sd_jwt_presentation
    return presentation


@lru_cache(maxsize=3 * len(Algorithm))
def _jwk(key: SecretKey) -> JWK:
    """Return a key as the library wants it; making one of RSA ready takes longer than a hundred signatures."""
    return JWK.from_pyca(key.private)


def padded(count: int, least: int) -> int:
    """Return to how many digests so many are padded: to the least, or a whole number of times as many."""
    return max(1, -(-count // least)) * least


def _words(*values: object) -> Iterable[str]:
    return (one for one in values if isinstance(one, str))


def _marked(value: Any, decoys: _Decoys) -> Any:  # noqa: ANN401 - any claim
    """Return a claim as the library wants it told, with decoys."""
    if isinstance(value, Hidden):
        hidden = {SDObj(name): _marked(inner, decoys) for name, inner in value.members.items()}
        fill = {decoys.name(): None for _ in range(padded(len(hidden), value.padded_to) - len(hidden))}
        return {**{name: _marked(inner, decoys) for name, inner in value.open.items()}, **hidden, **fill}
    if isinstance(value, HiddenItems):
        items = [SDObj(_marked(one, decoys)) for one in value.items]
        items += [decoys.name() for _ in range(padded(len(items), value.padded_to) - len(items))]
        _RANDOM.shuffle(items)
        return items
    if isinstance(value, Mapping):
        return {name: _marked(inner, decoys) for name, inner in value.items()}
    return [_marked(one, decoys) for one in value] if isinstance(value, (list, tuple)) else value
