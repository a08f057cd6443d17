"""Checking an SD-JWT VC without asking anybody: is it whole, by whom is it, and does it hold now."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from creditbank.core.errors import Fault
from creditbank.formats.canonical import plain_numbers
from creditbank.formats.credential_check import SECONDS_MAX, Checked, issuer_faults, signature_faults
from creditbank.formats.credential_issuers import Issuer
from creditbank.formats.sd_jwt_reading import NoSdJwt, opened_sd_jwt

CLOCKS_APART = timedelta(minutes=1)
"""How far ahead an issuer's clock may go."""

_TIMES = ("iat", "nbf", "exp")
_PROTOCOL = ("iss", "status", "jti", *_TIMES)


def checked_sd_jwt(text: str, issuers: Mapping[str, Issuer], now: datetime) -> Checked:
    """Check a presentation against issuers by id; its document is what it shows. Keys in its header are never used."""
    try:
        opened = opened_sd_jwt(text)
    except NoSdJwt as refusal:
        return Checked((refusal.fault,), None, None, "")
    claims = opened.claims
    faults = [*_shape_faults(claims), *_time_faults(claims, now)]
    named = claims.get("iss")
    issuer = issuers.get(named) if isinstance(named, str) else None
    method = issuer.methods.get(opened.kid) if issuer is not None and isinstance(opened.kid, str) else None
    faults += issuer_faults(issuer, method, "/iss")
    if method is not None:
        signed_at = claims.get("iat", claims.get("nbf"))
        faults += signature_faults(opened.token, opened.algorithm, method, signed_at)
    return Checked(tuple(faults), claims, issuer, "" if method is None else f"sd-jwt:{method.key.algorithm}")


def shown_of(claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a presentation tells: its type and whatever its holder chose."""
    return {name: plain_numbers(value) for name, value in claims.items() if name not in _PROTOCOL}


def _shape_faults(claims: Mapping[str, Any]) -> list[Fault]:
    wrong = [name for name in ("iss", "vct") if not isinstance(claims.get(name), str)]
    wrong += [name for name in _TIMES if name in claims and not _is_instant(claims[name])]
    return [_wrong(name) for name in wrong]


def _time_faults(claims: Mapping[str, Any], now: datetime) -> list[Fault]:
    """Return why it doesn't hold now; `exp` is the first instant at which it doesn't any more."""
    at = {name: datetime.fromtimestamp(claims[name], UTC) for name in _TIMES if _is_instant(claims.get(name))}
    faults = []
    for name in ("nbf", "iat"):
        if name in at and at[name] > now + CLOCKS_APART:
            zh, en = f"凭证尚未生效（{name} 在未来）。", f"It doesn't hold yet: its {name} is still to come."
            faults.append(Fault(f"/{name}", "not_yet_valid", zh, en))
    if "exp" in at and at["exp"] <= now:
        zh, en = "凭证已过有效期（exp）；请持有人重新出示。", "It is past its exp; ask for a new one."
        faults.append(Fault("/exp", "expired", zh, en))
    return faults


def _is_instant(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= SECONDS_MAX


def _wrong(name: str) -> Fault:
    zh = f"缺少 {name}，或其形式不正确；请向签发者索取正确的凭证。"
    en = f"Its {name} is missing or of another form; ask the issuer for a sound one."
    return Fault(f"/{name}", "not_a_credential", zh, en)
