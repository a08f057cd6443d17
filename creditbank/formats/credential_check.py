"""Checking a credential without asking anybody: is it whole, by whom is it, and does it hold now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from creditbank.core.errors import Fault
from creditbank.formats.credential_issuers import Issuer, Method, instant_of
from creditbank.formats.credential_key import Algorithm, key_of_jwk
from creditbank.formats.credential_shape import issuer_id, shape_faults, time_faults
from creditbank.formats.data_integrity import KNOWN, PURPOSE, TYPE, Cryptosuite, Judge, judge_of
from creditbank.formats.linked_data import NO_CONTEXTS, Contexts, NotSignable
from creditbank.formats.vc_jwt import NoJwt, Opened, claim_faults, is_signed_by, opened_jwt, signed_at

PROOFS_MAX = 8
"""Proofs of one credential that are looked at; each costs a signature's check."""

SECONDS_MAX = 253402300799
"""The last second of the year 9999, after which no instant is written."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of a credential: it is to be believed where there is no fault; its status is another question."""

    faults: tuple[Fault, ...]
    document: Mapping[str, Any] | None
    issuer: Issuer | None
    proof: str
    """How it is signed: "jwt:ES256", a cryptosuite, or "" where that couldn't be told."""

    @property
    def is_sound(self) -> bool:
        """Tell whether it is whole, by a trusted issuer, and holds now."""
        return not self.faults


def checked_jwt(token: str, issuers: Mapping[str, Issuer], now: datetime) -> Checked:
    """Check a credential that came as a JWT, against issuers by id; what its header carries of keys is never used."""
    try:
        opened = opened_jwt(token)
    except NoJwt as refusal:
        return Checked(refusal.faults, None, None, "")
    document = opened.document
    faults = [*shape_faults(document), *claim_faults(opened), *time_faults(document, now)]
    issuer = _trusted(document, issuers)
    method = None if issuer is None else _method_of(opened, issuer)
    faults += issuer_faults(issuer, method)
    if method is not None:
        faults += signature_faults(token, opened.algorithm, method, signed_at(opened))
    return Checked(tuple(faults), document, issuer, f"jwt:{method.key.algorithm}" if method is not None else "")


def checked_document(
    document: Mapping[str, Any], issuers: Mapping[str, Issuer], now: datetime, contexts: Contexts = NO_CONTEXTS
) -> Checked:
    """Check a credential with Data Integrity proofs: one of a known cryptosuite has to be there, and all such to hold.

    Those of eddsa-rdfc-2022 need the contexts that it names.
    """
    unsecured = {name: value for name, value in document.items() if name != "proof"}
    faults = [*shape_faults(unsecured), *time_faults(unsecured, now)]
    issuer = _trusted(unsecured, issuers)
    proofs = _proofs(document)
    known = [one for one in proofs if one.get("type") == TYPE and str(one.get("cryptosuite")) in KNOWN]
    if not known:
        faults.append(_no_proof(has_others=bool(proofs)))
    if issuer is None:
        faults += issuer_faults(None, None)
    elif known:
        try:
            judge = judge_of(unsecured, contexts, {one["cryptosuite"] for one in known})
        except NotSignable as refusal:
            faults += refusal.faults
        else:
            faults += [fault for one in known for fault in _proof_faults(one, issuer, judge, now)]
    return Checked(tuple(faults), unsecured, issuer, str(known[0]["cryptosuite"]) if known else "")


def _trusted(document: Mapping[str, Any], issuers: Mapping[str, Issuer]) -> Issuer | None:
    named = issuer_id(document)
    return issuers.get(named) if isinstance(named, str) else None


def _method_of(opened: Opened, issuer: Issuer) -> Method | None:
    """Return the issuer's key that a JWT names: by its id, or by a key that is the same as one of the issuer's."""
    if isinstance(opened.kid, str):
        return issuer.methods.get(opened.kid)
    own = key_of_jwk(opened.jwk) if isinstance(opened.jwk, dict) else None
    return next((one for one in issuer.methods.values() if own is not None and one.key.kid == own.kid), None)


def issuer_faults(issuer: Issuer | None, method: Method | None, pointer: str = "/issuer") -> list[Fault]:
    """Return why a credential, whose issuer stands at a pointer, is by nobody who is trusted."""
    if issuer is None:
        zh, en = "签发者不在受信任名单中。", "Its issuer is none of those that are trusted here."
        return [Fault(pointer, "issuer_unknown", zh, en)]
    if method is None:
        zh, en = "所指密钥不是该签发者发布的密钥。", "The key that it names is none that its issuer has published."
        return [Fault("", "key_unknown", zh, en)]
    return []


def signature_faults(token: str, algorithm: object, method: Method, seconds: object) -> list[Fault]:
    """Return what is wrong with a JWT's signature: another algorithm, an ended key, another key or content.

    `algorithm` is what its header names, `seconds` when it says that it was signed.
    """
    if algorithm != method.key.algorithm.value:
        zh = "头部声明的签名算法与该密钥的用途不符。"
        return [Fault("", "alg_refused", zh, "Its header names another algorithm than the key is for.")]
    if not is_signed_by(token, method.key):
        return [_signature_wrong()]
    is_instant = isinstance(seconds, int) and not isinstance(seconds, bool) and 0 <= seconds <= SECONDS_MAX
    return _key_faults(method, datetime.fromtimestamp(seconds, UTC) if is_instant else None)  # type: ignore[arg-type]


def _proof_faults(proof: Mapping[str, Any], issuer: Issuer, judge: Judge, now: datetime) -> list[Fault]:
    """Return what is wrong with one proof of a known cryptosuite."""
    named, created = proof.get("verificationMethod"), instant_of(proof.get("created"))
    method = issuer.methods.get(named) if isinstance(named, str) else None
    if method is None:
        return issuer_faults(issuer, None)
    ends = instant_of(proof["expires"]) if "expires" in proof else None
    is_over = "expires" in proof and (ends is None or ends < now)
    if proof.get("proofPurpose") != PURPOSE or "previousProof" in proof or created is None or is_over:
        zh = "证明的用途、时间或链接不被接受（应为 assertionMethod，且未过期）。"
        en = "Its proof is for another purpose than assertionMethod, is over, or hangs on another one."
        return [Fault("/proof", "proof_refused", zh, en)]
    if method.key.algorithm is not Algorithm.EDDSA:
        zh, en = "该密钥不能用于此种证明。", "The key that it names is none for this kind of proof."
        return [Fault("/proof", "alg_refused", zh, en)]
    if not judge(proof, method.key):
        return [_signature_wrong("/proof")]
    return _key_faults(method, created)


def _key_faults(method: Method, at: datetime | None) -> list[Fault]:
    """Return why a key doesn't count: nothing that it signed does, or not what it signed then. None is at no time."""
    if method.is_withdrawn:
        zh, en = "签名密钥已被签发者作废。", "The key that signed it was withdrawn by its issuer; nothing of it counts."
        return [Fault("", "key_withdrawn", zh, en)]
    if at is None or (method.until is not None and at > method.until):
        zh, en = "签名时间不在该密钥的有效期内。", "The key that it names didn't sign at the time that it tells."
        return [Fault("", "key_expired", zh, en)]
    return []


def _proofs(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    found = document.get("proof")
    listed = found if isinstance(found, list) else [found]
    return [one for one in listed if isinstance(one, dict)] if len(listed) <= PROOFS_MAX else []


def _no_proof(*, has_others: bool) -> Fault:
    if has_others:
        suites = Cryptosuite.JCS.value, Cryptosuite.RDFC.value
        zh = f"只能验证 {'、'.join(suites)} 证明或 VC-JWT。"
        en = f"Only proofs of {' or '.join(suites)}, or a JWT, can be checked here."
        return Fault("/proof", "proof_unsupported", zh, en)
    zh, en = "没有证明，或证明过多。", "It has no proof, or too many."
    return Fault("/proof", "proof_missing", zh, en)


def _signature_wrong(pointer: str = "") -> Fault:
    zh = "签名不符：内容被改动，或不是该密钥所签。"
    return Fault(pointer, "signature_wrong", zh, "The signature doesn't hold: it was changed, or is by another key.")
