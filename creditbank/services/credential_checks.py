"""Credentials of anybody, checked: the bank's own against what it has on record, others by keys and lists at hand."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from uuid import UUID

from creditbank.core.credential import Standing, standing_on
from creditbank.core.errors import Fault
from creditbank.formats.credential_check import Checked, checked_document, checked_jwt
from creditbank.formats.credential_document import address_of
from creditbank.formats.credential_issuers import Issuer
from creditbank.formats.credential_record import BUNDLED_MAX, bundled
from creditbank.formats.did_web import did_of
from creditbank.formats.linked_data import NO_CONTEXTS, Contexts
from creditbank.formats.sd_jwt import SEPARATOR
from creditbank.formats.sd_jwt_check import checked_sd_jwt, shown_of
from creditbank.formats.sd_jwt_claims import CREDENTIALS, RECORD, vct_of
from creditbank.formats.sd_jwt_status import listed_standing
from creditbank.formats.status_list import REVOCATION, SUSPENSION, is_set, status_entries
from creditbank.formats.token_status_list import status_claim
from creditbank.services import issuing_keys
from creditbank.services.bank import Work
from creditbank.storage import credentials
from creditbank.storage.credentials import Credential

LISTS_MAX = 4
"""Status lists that may come with a credential: one for each purpose, and some to spare."""

_LIST_TYPE = "BitstringStatusListCredential"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}", re.ASCII)


class Unsaid(StrEnum):
    """Where a status can't be told."""

    NONE = "none"
    """The credential has none: it can't be revoked."""
    UNKNOWN = "unknown"
    """The list that tells it was not sent along, and nothing is fetched."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be thought of a credential; `faults` are why it is not to be believed, `status` is apart from that."""

    faults: tuple[Fault, ...]
    status: Standing | Unsaid
    issuer: Issuer | None
    proof: str
    document: Mapping[str, Any] | None = None
    shown: Mapping[str, Any] | None = None
    """What the holder chose to show, of an SD-JWT that is to be believed."""

    @property
    def is_accepted(self) -> bool:
        """Tell whether it can be relied on now: it is sound, and its status is known to be good, or it has none."""
        return not self.faults and self.status in (Standing.VALID, Unsaid.NONE)


Given = str | Mapping[str, Any]
"""A credential as it comes: a JWT, an SD-JWT, or a document with proofs."""


@dataclass(frozen=True, slots=True)
class Belief:
    """Beside itself, whom the bank believes, and by which contexts it reads linked data."""

    issuers: Mapping[str, Issuer]
    contexts: Contexts = NO_CONTEXTS


def check(work: Work, given: tuple[Given, Sequence[Given]], base_url: str, belief: Belief) -> Verdict:
    """Judge a credential, and lists that came along, by the keys of its issuer: the bank, or one that it trusts."""
    credential, lists = given
    own = issuing_keys.own_issuer(work, base_url)
    belief = Belief({**belief.issuers, own.id: own}, belief.contexts)
    if isinstance(credential, str) and SEPARATOR in credential:
        return _check_sd_jwt(work, (credential, lists), base_url, belief)
    checked = _checked(work, credential, belief)
    if checked.document is None or checked.issuer is None:
        return Verdict(checked.faults, Unsaid.UNKNOWN, None, checked.proof)
    if checked.issuer.id == own.id:
        faults, status = _own_status(work, checked.document, base_url)
    else:
        opened = [_checked(work, one, belief) for one in lists]
        faults, status = _foreign_status(checked.document, checked.issuer, opened)
    return Verdict((*checked.faults, *faults), status, checked.issuer, checked.proof, checked.document)


def check_whole(work: Work, given: tuple[Given, Sequence[Given]], base_url: str, belief: Belief) -> Verdict:
    """Judge the same, and of another's record (CLR) what is in it as well: it stands as the worst of its credentials.

    What is more than a record may hold is judged by nobody, and so is not known to be good.
    """
    outer = check(work, given, base_url, belief)
    inner = None if outer.document is None else bundled(outer.document)
    if not inner or outer.issuer is None or not outer.is_accepted or outer.issuer.id == did_of(base_url):
        return outer
    verdicts = [check(work, (one, given[1]), base_url, belief) for one in inner[:BUNDLED_MAX]]
    judged = [(list(one.faults), one.status) for one in verdicts]
    if len(inner) > BUNDLED_MAX:
        judged.append(([], Unsaid.UNKNOWN))
    faults, status = _worst(judged, "/credentialSubject/verifiableCredential")
    has_none = all(status is Unsaid.NONE for _, status in judged)
    return replace(outer, faults=tuple(faults), status=Unsaid.NONE if has_none else status)


def _check_sd_jwt(work: Work, given: tuple[str, Sequence[Given]], base_url: str, belief: Belief) -> Verdict:
    """Judge a presentation: one of the bank's by what is on record, another's by Token Status Lists that came along."""
    text, lists = given
    checked = checked_sd_jwt(text, belief.issuers, work.now)
    if checked.document is None or checked.issuer is None:
        return Verdict(checked.faults, Unsaid.UNKNOWN, None, checked.proof)
    status: Standing | Unsaid
    if checked.issuer.id == did_of(base_url):
        found, status = _own_shown_status(work, checked.document, base_url)
    elif "status" not in checked.document:
        found, status = [], Unsaid.NONE
    else:
        found, standing = listed_standing(checked.document, lists, checked.issuer, work.now)
        status = standing or Unsaid.UNKNOWN
    faults = (*checked.faults, *found)
    shown = None if faults else shown_of(checked.document)
    return Verdict(faults, status, checked.issuer, checked.proof, checked.document, shown)


def _own_shown_status(work: Work, claims: Mapping[str, Any], base_url: str) -> tuple[list[Fault], Standing | Unsaid]:
    """Return how a credential of the bank's stands that is shown in part, or the worst of those of a record."""
    if claims.get("vct") != vct_of(base_url, RECORD):
        return _shown_status(work, claims, claims.get("vct"), base_url)
    said = claims.get(CREDENTIALS)
    items = [one for one in said if isinstance(one, dict)][:BUNDLED_MAX] if isinstance(said, list) else []
    if not items:
        return [], Unsaid.NONE
    judged = [_shown_status(work, one, vct_of(base_url, str(one.get("kind"))), base_url) for one in items]
    return _worst(judged, f"/{CREDENTIALS}")


def _shown_status(
    work: Work, claims: Mapping[str, Any], vct: object, base_url: str
) -> tuple[list[Fault], Standing | Unsaid]:
    found = _on_record(work, claims.get("jti"), base_url)
    if found is None or vct != vct_of(base_url, found.kind.value):
        return [_not_on_record("/jti")], Unsaid.UNKNOWN
    standing = standing_on(found.standing, found.valid_until, work.today)
    if claims.get("status") != status_claim(base_url, found.place):
        return [_foreign_index("/status")], standing
    return [], standing


def _checked(work: Work, given: Given, belief: Belief) -> Checked:
    if isinstance(given, str):
        return checked_jwt(given, belief.issuers, work.now)
    return checked_document(given, belief.issuers, work.now, belief.contexts)


def _own_status(work: Work, document: Mapping[str, Any], base_url: str) -> tuple[list[Fault], Standing | Unsaid]:
    """Return how a credential of the bank's stands, which has to tell the place that was given out to it."""
    if _LIST_TYPE in str(document.get("type")):
        return [], Unsaid.NONE
    inner = bundled(document)
    if inner is not None:
        return _record_status(work, inner, base_url)
    found = _on_record(work, document.get("id"), base_url)
    if found is None:
        return [_not_on_record("/id")], Unsaid.UNKNOWN
    standing = standing_on(found.standing, found.valid_until, work.today)
    if document.get("credentialStatus") != status_entries(base_url, found.place):
        return [_foreign_index()], standing
    return [], standing


def _record_status(
    work: Work, inner: Sequence[Mapping[str, Any]], base_url: str
) -> tuple[list[Fault], Standing | Unsaid]:
    """Return how a record of the bank's stands: as the worst of what is in it."""
    judged = [_own_status(work, one, base_url) for one in inner[:BUNDLED_MAX] if bundled(one) is None]
    return _worst(judged, "/credentialSubject/verifiableCredential")


def _worst(
    judged: Sequence[tuple[list[Fault], Standing | Unsaid]], pointer: str
) -> tuple[list[Fault], Standing | Unsaid]:
    """Return the faults of all of some credentials below a pointer, and the worst status."""
    faults = [fault.under(f"{pointer}/{place}") for place, (found, _) in enumerate(judged) for fault in found]
    order = (Standing.REVOKED, Standing.SUPERSEDED, Standing.SUSPENDED, Standing.EXPIRED, Unsaid.UNKNOWN)
    found = {status for _, status in judged}
    return faults, next((one for one in order if one in found), Standing.VALID)


def _foreign_status(
    document: Mapping[str, Any], issuer: Issuer, lists: Sequence[Checked]
) -> tuple[list[Fault], Standing | Unsaid]:
    """Return how another's credential stands by the lists that came along, each sound and of the same issuer."""
    said = document.get("credentialStatus")
    if said is None:
        return [], Unsaid.NONE
    entries = said if isinstance(said, list) else [said]
    by_id = {str(one.document.get("id")): one for one in lists if one.document is not None}
    found: list[Standing | Unsaid] = []
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("type") != "BitstringStatusListEntry":
            found.append(Unsaid.UNKNOWN)
            continue
        told = by_id.get(str(entry.get("statusListCredential")))
        if told is None:
            found.append(Unsaid.UNKNOWN)
            continue
        if not told.is_sound or told.issuer != issuer or not _is_list(told):
            zh, en = "状态列表无效，或不是同一签发者的。", "The status list doesn't hold, or is by another issuer."
            return [Fault("/credentialStatus", "status_list_refused", zh, en)], Unsaid.UNKNOWN
        standing = _standing(entry, told)
        if standing is None:
            return [_foreign_index()], Unsaid.UNKNOWN
        found.append(standing)
    order = (Standing.REVOKED, Standing.SUSPENDED, Unsaid.UNKNOWN, Standing.VALID)
    return [], next((one for one in order if one in found), Unsaid.UNKNOWN)


def _is_list(told: Checked) -> bool:
    """Tell whether what came along is a status list, and not something else that the issuer signed."""
    types = None if told.document is None else told.document.get("type")
    return isinstance(types, list) and _LIST_TYPE in types


def _standing(entry: Mapping[str, Any], told: Checked) -> Standing | None:
    """Return what a list tells at an entry's index; None where it is none of the list's, or for another purpose."""
    assert told.document is not None, "a list that came along was read"
    subject, index, purpose = (
        told.document["credentialSubject"],
        str(entry.get("statusListIndex")),
        entry.get("statusPurpose"),
    )
    bad = {REVOCATION: Standing.REVOKED, SUSPENSION: Standing.SUSPENDED}.get(str(purpose))
    if bad is None or subject.get("statusPurpose") != purpose or not _INDEX.fullmatch(index):
        return None
    bit = is_set(str(subject.get("encodedList")), int(index))
    if bit is None:
        return None
    return bad if bit else Standing.VALID


def _on_record(work: Work, address: object, base_url: str) -> Credential | None:
    """Return the credential that the bank has under an address."""
    named = str(address).removeprefix(address_of(base_url, UUID(int=0))[:-36])
    return credentials.by_id(work.connection, UUID(named)) if _UUID.fullmatch(named) else None


def _not_on_record(pointer: str) -> Fault:
    zh, en = "本行没有签发过该编号的凭证。", "The bank has issued no credential of this id."
    return Fault(pointer, "not_on_record", zh, en)


def _foreign_index(pointer: str = "/credentialStatus") -> Fault:
    zh = "状态列表位置不是该凭证的：可能借用了他人的位置。"
    en = "The place in the status list is not this credential's: it may be another one's."
    return Fault(pointer, "status_index_foreign", zh, en)
