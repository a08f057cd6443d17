"""The shape of a credential as Verifiable Credentials 2.0 and Open Badges 3.0 want it, as far as it is judged here."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from creditbank.core.errors import Fault
from creditbank.formats.credential_issuers import instant_of

VC_CONTEXT = "https://www.w3.org/ns/credentials/v2"
VC1_CONTEXT = "https://www.w3.org/2018/credentials/v1"
"""Of the version before, which older badges have: there the times have other names."""

OB_CONTEXT = "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json"

_TIMES = ("validFrom", "validUntil")
_OLDER_TIMES = ("issuanceDate", "expirationDate")

_OB_CONTEXTS = "https://purl.imsglobal.org/spec/ob/v3p0/context"
_OB_TYPES = frozenset({"OpenBadgeCredential", "AchievementCredential"})
_TYPES_OF_MEMBERS = {
    "issuer": "Profile",
    "issuer/parentOrg": "Profile",
    "evidence": "Evidence",
    "credentialSubject": "AchievementSubject",
    "credentialSubject/identifier": "IdentityObject",
    "credentialSubject/result": "Result",
    "credentialSubject/achievement": "Achievement",
    "credentialSubject/source": "Profile",
}
"""Of which type Open Badges wants each of these to be, where they stand there as objects."""


def shape_faults(document: Mapping[str, Any]) -> list[Fault]:
    """Return what keeps a document from being a credential, each where it is."""
    faults = [_wrong(pointer) for pointer in _missing(document)]
    types, contexts = _listed(document.get("type")), _listed(document.get("@context"))
    if contexts[:1] not in ([VC_CONTEXT], [VC1_CONTEXT]):
        zh, en = f"@context 的第一项应为 {VC_CONTEXT}。", f"Its first @context has to be {VC_CONTEXT}."
        faults.append(Fault("/@context", "wrong_context", zh, en))
    if _OB_TYPES.intersection(map(str, types)):
        faults += _badge_faults(document, contexts)
    elif "AchievementSubject" in _at(document, "credentialSubject/type"):
        faults.append(_wrong("/type"))
    return faults


def time_faults(document: Mapping[str, Any], now: datetime) -> list[Fault]:
    """Return why a credential doesn't hold now: too early, or too late. `validUntil` is its last instant.

    The times of either version count wherever they stand: what says that it is over isn't believed.
    """
    return [fault for names in (_TIMES, _OLDER_TIMES) for fault in _named_time_faults(document, names, now)]


def _named_time_faults(document: Mapping[str, Any], names: tuple[str, str], now: datetime) -> list[Fault]:
    begins, ends = names
    start, end = instant_of(document.get(begins)), instant_of(document.get(ends))
    faults = []
    if start is not None and start > now:
        zh, en = (
            f"凭证尚未生效（{begins} 在未来）。",
            f"The credential doesn't hold yet: its {begins} is still to come.",
        )
        faults.append(Fault(f"/{begins}", "not_yet_valid", zh, en))
    if end is not None and end < now:
        zh, en = (
            f"凭证已过有效期（{ends}）；请持有人重新申领。",
            f"The credential is past its {ends}; ask for a new one.",
        )
        faults.append(Fault(f"/{ends}", "expired", zh, en))
    return faults


def issuer_id(document: Mapping[str, Any]) -> object:
    """Return who a document says that its issuer is."""
    issuer = document.get("issuer")
    return issuer.get("id") if isinstance(issuer, dict) else issuer


def _missing(document: Mapping[str, Any]) -> Iterator[str]:
    """Give where something is missing that every credential has, or is of another form."""
    if not isinstance(document.get("id"), str):
        yield "/id"
    if not isinstance(issuer_id(document), str):
        yield "/issuer"
    if "VerifiableCredential" not in _listed(document.get("type")):
        yield "/type"
    if not isinstance(document.get("credentialSubject"), dict):
        yield "/credentialSubject"
    begins, ends = _time_names(document)
    if instant_of(document.get(begins)) is None:
        yield f"/{begins}"
    if ends in document and instant_of(document[ends]) is None:
        yield f"/{ends}"


def _time_names(document: Mapping[str, Any]) -> tuple[str, str]:
    """Return how the version of a credential calls its first and its last instant."""
    is_older = _listed(document.get("@context"))[:1] == [VC1_CONTEXT]
    return _OLDER_TIMES if is_older else _TIMES


def _badge_faults(document: Mapping[str, Any], contexts: list[Any]) -> list[Fault]:
    """Return what Open Badges refuses of an achievement: its context, and objects of other types."""
    if not any(isinstance(one, str) and one.startswith(_OB_CONTEXTS) for one in contexts):
        zh, en = "缺少 Open Badges 3.0 的 @context。", "The @context of Open Badges 3.0 is missing."
        return [Fault("/@context", "wrong_context", zh, en)]
    faults = []
    for path, wanted in _TYPES_OF_MEMBERS.items():
        found = _at(document, path)
        if any(isinstance(one, dict) and wanted not in _listed(one.get("type")) for one in found):
            faults.append(_wrong(f"/{path}/type"))
    if not any(isinstance(one, dict) for one in _at(document, "credentialSubject/achievement")):
        faults.append(_wrong("/credentialSubject/achievement"))
    return faults


def _at(document: Mapping[str, Any], path: str) -> list[Any]:
    """Return what stands at a path of names, each list on the way opened."""
    found: list[Any] = [document]
    for name in path.split("/"):
        found = [inner for one in found if isinstance(one, Mapping) and name in one for inner in _listed(one[name])]
    return found


def _listed(value: object) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _wrong(pointer: str) -> Fault:
    zh = "此处缺失，或不是可验证凭证（VC 2.0 / Open Badges 3.0）要求的形式。"
    en = "It is missing here, or not of the form that Verifiable Credentials 2.0 or Open Badges 3.0 want."
    return Fault(pointer, "not_a_credential", zh, en)
