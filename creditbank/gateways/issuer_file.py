"""The file that names the issuers whose credentials this bank believes; nobody's keys are fetched from anywhere."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from creditbank.core.errors import Refusal
from creditbank.formats.credential_issuers import Issuer, issuer_from
from creditbank.formats.strict_json import parsed

FILE_BYTES_MAX = 8 * 1024 * 1024
ISSUERS_MAX = 1000
NAME_LENGTH_MAX = 200


class IssuersUnusable(Exception):  # noqa: N818 - reads as what it is: nobody's credentials could be checked
    """The file can't be used; the sentence says why and how to mend it."""


def open_issuers(setting: str, none: str) -> Mapping[str, Issuer]:
    """Return the issuers of the file that a setting names, by id; nobody where it names none. Raises IssuersUnusable.

    The file is a list of {"name": …, "document": a DID document, or one of the same shape under another address},
    perhaps with "credit_scheme": the code of the scheme in which its `creditsEarned` are counted.
    """
    if setting == none:
        return {}
    path = Path(setting)
    try:
        listed = parsed(path.read_bytes(), bytes_max=FILE_BYTES_MAX)
    except OSError as error:
        message = f"{path} can't be read ({error.strerror}): correct CREDITBANK_TRUSTED_ISSUERS"
        raise IssuersUnusable(message) from None
    except Refusal as refusal:
        message = f"{path} is no JSON: {refusal}"
        raise IssuersUnusable(message) from None
    if not isinstance(listed, list) or len(listed) > ISSUERS_MAX:
        message = f"{path} holds no list of at most {ISSUERS_MAX} issuers"
        raise IssuersUnusable(message)
    issuers = [_issuer(item, f"{path}, issuer {place}") for place, item in enumerate(listed, 1)]
    by_id = {issuer.id: issuer for issuer in issuers}
    if len(by_id) < len(issuers):
        message = f"{path} names an issuer twice"
        raise IssuersUnusable(message)
    return by_id


def _issuer(item: object, place: str) -> Issuer:
    """Return one issuer of the file. Raises IssuersUnusable."""
    if not isinstance(item, dict) or item.keys() - {"credit_scheme"} != {"name", "document"}:
        message = f"{place}: it has name and document, and credit_scheme perhaps, no more"
        raise IssuersUnusable(message)
    name, document = item["name"], item["document"]
    if not isinstance(name, str) or not 0 < len(name) <= NAME_LENGTH_MAX or not name.isprintable():
        message = f"{place}: its name is a text of at most {NAME_LENGTH_MAX} characters"
        raise IssuersUnusable(message)
    scheme = item.get("credit_scheme")
    if scheme is not None and not (isinstance(scheme, str) and 0 < len(scheme) <= NAME_LENGTH_MAX):
        message = f"{place}: its credit_scheme is the code of a scheme"
        raise IssuersUnusable(message)
    issuer = issuer_from(document, name) if isinstance(document, dict) else None
    if issuer is None:
        message = (
            f"{place}: its document has an id, verificationMethod with keys of RSA, P-256 or Ed25519 under that id as"
            " controller, and names the keys that count under assertionMethod"
        )
        raise IssuersUnusable(message)
    return replace(issuer, credit_scheme=scheme)
