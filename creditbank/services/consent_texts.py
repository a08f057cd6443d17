"""Texts of consent: published version by version, and read by everybody."""

from dataclasses import dataclass

from creditbank.core.consent import SENSITIVE, ConsentScope, ConsentText, scope_faults
from creditbank.core.errors import Conflict, Fault, Malformed
from creditbank.core.permission import require
from creditbank.services.bank import Work
from creditbank.storage import consents


@dataclass(frozen=True, slots=True)
class Draft:
    """A text as it is handed in for publication."""

    code: str
    version: int
    title_zh: str
    title_en: str
    text_zh: str
    text_en: str
    purpose: str
    scopes: frozenset[ConsentScope]


def every_text(work: Work) -> list[ConsentText]:
    """Return every version of every text, by code, the newest first; anybody with a token may read them."""
    return consents.texts(work.connection)


def publish(work: Work, draft: Draft) -> tuple[ConsentText, bool]:
    """Publish a version of a text for good, and tell whether it is new.

    Refused: ScopeMissing; Malformed scopes; Conflict for another text under a version in print, or a version left out.
    """
    require(work.actor, "admin")
    faults = scope_faults(draft.scopes)
    if faults:
        raise Malformed(faults)
    found = consents.text_of(work.connection, draft.code, draft.version)
    if found is not None:
        if any(getattr(found, name) != getattr(draft, name) for name in draft.__slots__):
            raise _in_print()
        return found, False
    newest = consents.newest(work.connection, draft.code)
    following = 1 if newest is None else newest.version + 1
    if draft.version != following:
        zh, en = f"下一个版本号应为 {following}。", f"The next version of this text is {following}."
        raise Conflict((Fault("/version", "wrong_version", zh, en),))
    value = ConsentText(
        **{name: getattr(draft, name) for name in draft.__slots__},
        is_sensitive=bool(SENSITIVE & draft.scopes),
        published_by=work.actor.client_id,
        published_at=work.now,
    )
    consents.publish(work.connection, value)
    return value, True


def _in_print() -> Conflict:
    zh = "此版本已发布且内容不同；已发布的授权书不可更改，请发布新的版本。"
    en = "This version is in print with other content; a text in print never changes, publish a new version."
    return Conflict((Fault("/version", "differs", zh, en),))
