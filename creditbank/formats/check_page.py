"""The page on which anybody sees how a credential stands now: for old phones, in large type, without any script."""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from creditbank.core.credential import CredentialKind, Standing
from creditbank.formats.credential_lines import lines_of, rows_of

Words = dict[str, str]


def _words(zh: str, en: str) -> Words:
    return {"zh": zh, "en": en}


_PAGES = Environment(
    loader=PackageLoader("creditbank", "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)

_TITLES = {
    CredentialKind.OUTCOME: _words("学习成果凭证", "Learning outcome"),
    CredentialKind.BALANCE: _words("学分余额证明", "Statement of credits"),
    CredentialKind.CONVERSION: _words("学习成果转换认定书", "Conversion of learning outcomes"),
    CredentialKind.QUALIFICATION: _words("资历证书", "Certificate of qualification"),
}

_SIGNS = {
    Standing.VALID: "✔",
    Standing.SUSPENDED: "⏸",
    Standing.REVOKED: "✖",
    Standing.SUPERSEDED: "✖",
    Standing.EXPIRED: "⌛",
}

_SAID = {
    Standing.VALID: _words("有效", "Valid"),
    Standing.SUSPENDED: _words("已暂停", "Suspended"),
    Standing.REVOKED: _words("已撤销", "Revoked"),
    Standing.SUPERSEDED: _words("已被更正取代", "Superseded"),
    Standing.EXPIRED: _words("已过期", "Expired"),
}

_MEANINGS = {
    Standing.VALID: _words("学分银行确认此凭证现在有效。", "The credit bank confirms that this credential holds now."),
    Standing.SUSPENDED: _words(
        "签发方正在核查，请暂勿采信。", "Its issuer is looking into something; don't rely on it for now."
    ),
    Standing.REVOKED: _words("此凭证已永久失效，请勿采信。", "It is over for ever; don't rely on it."),
    Standing.SUPERSEDED: _words(
        "所依据的成果已更正，请向持有人索取新的凭证。",
        "What it rests on was corrected; ask its holder for the new one.",
    ),
    Standing.EXPIRED: _words("有效期已过，请向持有人索取新的凭证。", "Its term is over; ask its holder for a new one."),
}

_UNKNOWN_TITLE = _words("核验凭证", "Checking a credential")
_UNKNOWN = _words("查无此凭证", "There is no such credential")
_UNKNOWN_MEANING = _words(
    "网址有误，或链接已过期、已被持有人撤回。请核对网址，或请持有人重新出示。",
    "The address is mistyped, or the link is over or was withdrawn. Check the address, or ask for a new link.",
)


def check_page(found: Mapping[str, Any]) -> str:
    """Return the page of what a link or a paper's address shows: the members of the JSON answer to the same call."""
    status = Standing(found["status"])
    return _PAGES.get_template("check.html").render(
        found=found,
        title=_TITLES[CredentialKind(found["kind"])],
        sign=_SIGNS[status],
        said=_SAID[status],
        meaning=_MEANINGS[status],
        lines=lines_of(found["shown"]),
        lists=rows_of(found["shown"]),
        link_until=found["link_valid_until"],
        how=found["how_to_check"],
    )


def unknown_page() -> str:
    """Return the page for an address under which nothing is shown."""
    template = _PAGES.get_template("check.html")
    return template.render(found=None, title=_UNKNOWN_TITLE, said=_UNKNOWN, meaning=_UNKNOWN_MEANING)


@cache
def page_policy() -> str:
    """Return the Content-Security-Policy of the pages: their own style, and nothing else."""
    style = _PAGES.get_template("check.css").render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    own = f"style-src 'sha256-{digest}'"
    return f"default-src 'none'; {own}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
