"""Documents as canonical RDF (JSON-LD 1.1, RDFC-1.0), read by contexts that are installed; nothing is fetched."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from pyld.context_resolver import ContextResolver
from pyld.jsonld import JsonLdError, JsonLdProcessor

from creditbank.core.errors import Fault, told_pointer
from creditbank.formats.canonical import plain_numbers
from creditbank.formats.rdf_canon import TooTangled, canonical_quads

VALUES_MAX = 4000
"""Values in one document, each costing time: fifty times what a credential of ours has."""

ITEMS_MAX = 300
"""Values of one member of one thing: the library compares each with each."""

CONTEXTS_NAMED_MAX = 150
"""Contexts that a document names, all in all: a bundle of fifty credentials names three in each."""

FAULTS_MAX = 20
"""Places that are told; the rest shows once these are mended."""

_UNSAFE = re.compile(r'[\x00-\x20<>"{}|^`\\]')
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]*")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")
_UNWRITABLE = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]")
_KEYS = ("@id", "@type")
_GRAPHS = ("@list", "@graph", "@included")
_NUMBER_MAX = 2.0**53
_NOWHERE = "nowhere:/"
"""What stands before what is no address, so that it is found; without it the library puts one of its own there."""

_ELEMENT = 3
"""Which argument of the library's reader is the object that it reads."""


@dataclass(frozen=True, slots=True)
class Contexts:
    """The contexts that are installed, each by its address."""

    documents: Mapping[str, Mapping[str, Any]] = field(repr=False)
    _cache: Any = field(default_factory=dict, init=False, repr=False, compare=False)
    _lock: Any = field(default_factory=Lock, init=False, repr=False, compare=False)

    def loaded(self, address: str, options: object) -> dict[str, Any]:
        """Return a context as the library asks for it; one that is not installed is a broken promise of this file."""
        del options
        document = self.documents[address]
        return {
            "contentType": "application/ld+json",
            "contextUrl": None,
            "documentUrl": address,
            "document": document,
        }


NO_CONTEXTS = Contexts({})


class NotSignable(Exception):  # noqa: N818 - what was found, told as reasons
    """A document of which not every part would be signed, or that can't be read by the contexts; the faults say why."""

    def __init__(self, *faults: Fault) -> None:
        """Keep the faults."""
        super().__init__(*(fault.message_en for fault in faults))
        self.faults = faults


def quads_of(document: Mapping[str, Any], contexts: Contexts) -> bytes:
    """Return the canonical N-Quads of a document, every member and value of which is in them.

    Raises NotSignable where a context is not installed, a term is undefined, a value would be dropped, or the document
    could be told in another way without a change of its quads that counts.
    """
    try:
        plain = plain_numbers(document)
    except RecursionError:
        raise _too_complex() from None
    _check_form(plain, contexts)
    with contexts._lock:  # noqa: SLF001 - the library's caches are for one at a time
        try:
            dataset = _dataset(plain, contexts)
        except (JsonLdError, RecursionError, ValueError, TypeError, KeyError, AttributeError):
            zh, en = "不能按所列 @context 读成 JSON-LD。", "It can't be read as JSON-LD by the contexts that it names."
            raise NotSignable(Fault("/@context", "not_linked_data", zh, en)) from None
    try:
        return canonical_quads(dataset)
    except (TooTangled, RecursionError):
        raise _too_complex() from None


def _dataset(plain: dict[str, Any], contexts: Contexts) -> dict[str, list[dict[str, Any]]]:
    """Return a document as RDF, after a look at what JSON-LD made of it."""
    reader = _Reader()
    options = {
        "base": _NOWHERE,
        "documentLoader": contexts.loaded,
        "contextResolver": ContextResolver(contexts._cache, contexts.loaded),  # noqa: SLF001
    }
    expanded = reader.expand(plain, options)
    faults = [_undefined(pointer) for pointer in reader.dropped[:FAULTS_MAX]]
    odd = {value.removeprefix(_NOWHERE) for value in _odd_values(expanded)}
    for pointer, value in _walked(plain):
        if isinstance(value, str) and value in odd:
            faults.append(_undefined(pointer))
            odd.discard(value)
    if odd and not faults:
        faults.append(_undefined(""))
    if faults:
        raise NotSignable(*faults[:FAULTS_MAX])
    made: dict[str, list[dict[str, Any]]] = reader.to_rdf(
        expanded, {"base": _NOWHERE, "documentLoader": NO_CONTEXTS.loaded}
    )
    return made


class _Reader(JsonLdProcessor):  # type: ignore[misc]
    """The library's reader, which remembers where it left out a member that no context defines."""

    def __init__(self) -> None:
        super().__init__(on_property_dropped=self._drop)
        self.dropped: list[str] = []
        self._open: list[Any] = []

    def _expand_object(self, *given: Any, **options: Any) -> None:  # noqa: ANN401 - as the library has it
        self._open.append(given[_ELEMENT])
        super()._expand_object(*given, **options)
        self._open.pop()

    def _drop(self, name: object) -> None:
        if len(self.dropped) < FAULTS_MAX:
            within = next(at for at, value in _walked(self._open[0]) if value is self._open[-1])
            self.dropped.append(_below(within, str(name)))


def _check_form(document: dict[str, Any], contexts: Contexts) -> None:
    """Refuse what is too large, names a context that is not here, or writes plain JSON in a way of JSON-LD's own.

    Members like @included or whole addresses as names would say the same to RDF, and something else, or nothing, to
    whoever reads the JSON; so would null, which RDF doesn't know.
    """
    faults: list[Fault] = []
    named = 0
    items: Counter[tuple[str, str]] = Counter()
    for place, (pointer, value) in enumerate(_walked(document)):
        if isinstance(value, dict):
            listed = _listed(value["@context"]) if "@context" in value else []
            named += len(listed)
            faults += _context_faults(f"{told_pointer(pointer)}/@context", listed, contexts)
            faults += _object_faults(pointer, value, document.get("id"))
            thing = str(value.get("id", pointer))
            items.update({(thing, name): len(_listed(inner)) for name, inner in value.items()})
            is_long = any(items[thing, name] > ITEMS_MAX for name in value)
        else:
            faults += _value_faults(pointer, value)
            is_long = False
        if is_long or place >= VALUES_MAX or named > CONTEXTS_NAMED_MAX:
            raise _too_complex()
    if faults:
        raise NotSignable(*faults[:FAULTS_MAX])


def _object_faults(pointer: str, value: dict[str, Any], credential_id: object) -> Iterator[Fault]:
    """Give what is wrong with the names in an object, and whether it speaks of the credential itself once more."""
    for name in value:
        if name != "@context" and (name.startswith("@") or ":" in name):
            yield _undefined(_below(pointer, name))
    if pointer and value.get("id") == credential_id and credential_id is not None and value.keys() - {"id", "type"}:
        zh, en = "另一处又描述了凭证本身，含义不明。", "The credential itself is described in another place, too."
        yield Fault(told_pointer(f"{pointer}/id"), "told_twice", zh, en)


def _value_faults(pointer: str, value: object) -> Iterator[Fault]:
    """Give why a value can't be part of RDF as it is."""
    is_beyond = isinstance(value, (int, float)) and not abs(value) <= _NUMBER_MAX
    if value is None or is_beyond:
        yield _undefined(pointer)
    elif isinstance(value, str) and _UNWRITABLE.search(value):
        zh, en = "含有控制字符，不能签名。", "It holds a control character, which can't be signed."
        yield Fault(told_pointer(pointer), "control_character", zh, en)


def _context_faults(pointer: str, listed: list[Any], contexts: Contexts) -> Iterator[Fault]:
    """Give which contexts of a list are not installed, or are written into the document itself."""
    for place, one in enumerate(listed):
        if not isinstance(one, str) or one not in contexts.documents:
            zh = (
                "此 @context 未安装，本行不从网络获取；请改用 eddsa-jcs-2022 或 JWT，"
                "或请运维人员用 creditbank contexts add 安装。"
            )
            en = (
                "This context is not installed, and none is fetched: use eddsa-jcs-2022 or a JWT, or have the operator"
                " install it with creditbank contexts add."
            )
            yield Fault(f"{pointer}/{place}", "context_not_installed", zh, en)


def _odd_values(expanded: Any, name: str = "") -> Iterator[str]:  # noqa: ANN401 - JSON as it comes
    """Give ids, types and languages that RDF would leave out, or that would break its lines."""
    if isinstance(expanded, list):
        for one in expanded:
            yield from _odd_values(one, name)
    elif isinstance(expanded, dict):
        if "@value" in expanded:
            language = expanded.get("@language")
            if language is not None and not _LANGUAGE.fullmatch(language):
                yield language
            expanded = {"@type": expanded.get("@type", [])}
        for inner, value in expanded.items():
            if inner not in _KEYS and inner.startswith("@") and inner not in _GRAPHS:
                continue
            yield from _odd_values(value, inner)
    elif isinstance(expanded, str) and name in _KEYS and expanded != "@json" and not _is_safe(expanded):
        yield expanded


def _is_safe(address: str) -> bool:
    is_absolute = _ABSOLUTE.fullmatch(address) is not None and not address.startswith(_NOWHERE)
    return is_absolute and not _UNSAFE.search(address)


def _walked(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """Give every value within a value, with its pointer; contexts apart, which are told with what names them."""
    opened = [(pointer, value)]
    while opened:
        at, one = opened.pop()
        yield at, one
        if isinstance(one, dict):
            opened += [(_below(at, name), inner) for name, inner in one.items() if name != "@context"]
        elif isinstance(one, list):
            opened += [(f"{at}/{place}", inner) for place, inner in enumerate(one)]


def _below(pointer: str, name: str) -> str:
    """Return the pointer of a member, whose name is escaped."""
    return f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _undefined(pointer: str) -> Fault:
    zh = "所列 @context 未定义此处的名称、类型或取值，签名不会覆盖它；请删除，或加入定义它的 @context。"
    en = (
        "No context that is named defines the name, type or value here, so that it would not be signed: take it out, or"
        " name a context that defines it."
    )
    return Fault(told_pointer(pointer), "term_undefined", zh, en)


def _too_complex() -> NotSignable:
    zh = "文档过大或结构过于复杂，不能按 RDF 规范化；请改用 eddsa-jcs-2022 或 JWT。"
    en = "It is too large or too tangled to be written as canonical RDF: use eddsa-jcs-2022 or a JWT."
    return NotSignable(Fault("", "too_complex", zh, en))
