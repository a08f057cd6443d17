"""SD-JWTs as they come from anybody, taken apart strictly: what is read has one meaning, or it is refused."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from creditbank.core.errors import Fault
from creditbank.formats.compact_jws import BYTES_MAX, Unreadable, base64url, json_of, opened_jws
from creditbank.formats.sd_jwt import SEPARATOR, TYPE

TYPES_TAKEN = (TYPE, "vc+sd-jwt")
"""The second one is what drafts before November 2024 called it."""

DISCLOSURES_MAX = 2_000
DEPTH_MAX = 16
"""Objects and lists within each other, counted through what is disclosed; ours are six deep."""

HASH = "sha-256"
"""The hash of digests; whoever names none means it, and no other is taken."""

NEVER_HIDDEN = frozenset({"iss", "iat", "nbf", "exp", "cnf", "vct", "vct#integrity", "status", "jti"})
"""Claims that say whether it holds: a holder who could leave one out could make it hold."""

_DIGESTS, _ITEM, _HASH_NAME = "_sd", "...", "_sd_alg"
_ITEM_PARTS, _MEMBER_PARTS = 2, 3
_SALT_LENGTH_MAX = 1_000
_DIGEST = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True)
class OpenedSdJwt:
    """What an SD-JWT says, before anything of it is believed: `token` is what its issuer signed."""

    token: str
    algorithm: object
    kid: object
    claims: dict[str, Any]


@dataclass(eq=False)
class NoSdJwt(Exception):  # noqa: N818 - what was found, told as a reason
    """It is none that can be read; the fault says why."""

    fault: Fault


def opened_sd_jwt(text: str) -> OpenedSdJwt:
    """Return what an SD-JWT shows, its signature unchecked. Raises NoSdJwt."""
    if len(text) > BYTES_MAX or not text.isascii() or not 0 < text.count(SEPARATOR) <= DISCLOSURES_MAX:
        raise _not_one(
            "过长，缺少“~”，或含有非 ASCII 字符", 'it is too long, has no "~", or other characters than ASCII'
        )
    token, *disclosures, binding = text.split(SEPARATOR)
    if binding:
        raise _refused(
            "key_binding_unasked",
            "末尾应为“~”：本行不核对持有人密钥绑定（KB-JWT），请出示不带绑定的版本。",
            'It has to end with "~": no key binding is asked for or checked here; present it without one.',
        )
    try:
        header, payload = opened_jws(token, TYPES_TAKEN, DEPTH_MAX)
        told = _told(disclosures)
    except Unreadable as why:
        raise (_too_deep() if why.is_too_deep else _not_one(why.zh, why.en)) from None
    if payload.pop(_HASH_NAME, HASH) != HASH:
        raise _refused("hash_refused", "摘要算法只接受 sha-256。", "Digests by another hash than sha-256 are refused.")
    if "cnf" in payload:
        raise _refused(
            "key_binding_unasked",
            "凭证绑定了持有人密钥（cnf），本行不能核对出示者；请出示未绑定的凭证。",
            "It is bound to a key of its holder (cnf), which can't be checked here; present one that isn't.",
        )
    reading = _Reading(told)
    claims = reading.object_of(payload, 1)
    if len(reading.used) != len(disclosures):
        raise _refused(
            "disclosure_unreferenced",
            "有披露内容不属于该凭证。",
            "Something is disclosed that is no part of the credential.",
        )
    return OpenedSdJwt(token, header.get("alg"), header.get("kid"), claims)


@dataclass(slots=True)
class _Reading:
    """Puts what is disclosed where its digest stands: each in one place, each digest once."""

    told: Mapping[str, list[Any]]
    digests: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)

    def object_of(self, value: Mapping[str, Any], depth: int) -> dict[str, Any]:
        _check_depth(depth)
        if _ITEM in value or _HASH_NAME in value:
            raise _reserved()
        read = {name: self.value_of(inner, depth + 1) for name, inner in value.items() if name != _DIGESTS}
        digests = value.get(_DIGESTS, [])
        if not isinstance(digests, list):
            raise _not_one("_sd 不是数组", "its _sd is no list")
        for digest in digests:
            disclosed = self._at(digest, _MEMBER_PARTS)
            if disclosed is None:
                continue
            _, name, inner = disclosed
            if name in read or (depth == 1 and name in NEVER_HIDDEN):
                raise _reserved()
            read[name] = self.value_of(inner, depth + 1)
        return read

    def value_of(self, value: Any, depth: int) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, dict):
            return self.object_of(value, depth)
        if not isinstance(value, list):
            return value
        _check_depth(depth)
        read = []
        for item in value:
            if isinstance(item, dict) and item.keys() == {_ITEM}:
                disclosed = self._at(item[_ITEM], _ITEM_PARTS)
                if disclosed is not None:
                    read.append(self.value_of(disclosed[1], depth + 1))
            else:
                read.append(self.value_of(item, depth + 1))
        return read

    def _at(self, digest: object, parts: int) -> list[Any] | None:
        """Return what is disclosed of a digest; None where it isn't, or where it stands for nothing."""
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise _not_one("含有不是 sha-256 摘要的内容", "something stands for a digest that is none")
        if digest in self.digests:
            raise _refused("digest_twice", "同一摘要出现了两次。", "A digest stands in it twice.")
        self.digests.add(digest)
        disclosed = self.told.get(digest)
        if disclosed is None:
            return None
        self.used.add(digest)
        if len(disclosed) != parts:
            raise _not_one("披露内容的形式与其位置不符", "what is disclosed is of another form than its place wants")
        return disclosed


def _told(disclosures: list[str]) -> dict[str, list[Any]]:
    """Return by digest what is disclosed: a salt, the name of a member, and a value. Raises Unreadable, NoSdJwt."""
    found: dict[str, list[Any]] = {}
    for text in disclosures:
        value = json_of(text, DEPTH_MAX)
        is_one = isinstance(value, list) and len(value) in (_ITEM_PARTS, _MEMBER_PARTS) and isinstance(value[0], str)
        if not is_one or len(value[0]) > _SALT_LENGTH_MAX:
            raise _not_one("其中一项披露内容无法读取", "something that is disclosed can't be read")
        if len(value) == _MEMBER_PARTS and (not isinstance(value[1], str) or value[1] in (_DIGESTS, _ITEM, _HASH_NAME)):
            raise _reserved()
        digest = base64url(hashlib.sha256(text.encode()).digest())
        if digest in found:
            raise _refused("digest_twice", "同一内容披露了两次。", "The same is disclosed twice.")
        found[digest] = value
    return found


def _check_depth(depth: int) -> None:
    if depth > DEPTH_MAX:
        raise _too_deep()


def _too_deep() -> NoSdJwt:
    zh, en = f"嵌套超过 {DEPTH_MAX} 层。", f"It is nested more than {DEPTH_MAX} deep."
    return _refused("too_deep", zh, en)


def _reserved() -> NoSdJwt:
    zh = "披露内容使用了保留名称，或与已有内容重名。"
    en = "Something is disclosed under a name that is reserved, or is there already."
    return _refused("claim_reserved", zh, en)


def _not_one(zh: str, en: str) -> NoSdJwt:
    return _refused("not_an_sd_jwt", f"不是 SD-JWT 凭证：{zh}。", f"It is no SD-JWT credential: {en}.")


def _refused(code: str, zh: str, en: str) -> NoSdJwt:
    return NoSdJwt(Fault("", code, zh, en))
