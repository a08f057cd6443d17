"""What a level asks for and a record has, in plain words, for those who don't know the definition."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from creditbank.core.qualification.wording import age_bounds, certificates
from creditbank.core.rules.phrases import Node, Phrase, plain


@dataclass(frozen=True, slots=True)
class Asked:
    """A part that is there: its title and what it asks for, each in both languages."""

    part: str
    title: Mapping[str, str]
    zh: str
    en: str


def asked_of(tree: Node) -> list[Asked]:
    """Return the parts of a level's tree that are there; of alternatives those that are."""
    return [_asked(leaf) for leaf in _met(tree)]


def _met(node: Node) -> Iterator[Node]:
    if not node["met"]:
        return
    if "of" not in node:
        yield node
        return
    for inner in node["of"]:
        yield from _met(inner)


def _asked(leaf: Node) -> Asked:
    zh, en = _WORDS[leaf["asks"]](leaf)
    return Asked(leaf["part"], leaf["title"], zh, en[:1].upper() + en[1:])


def _credits(node: Node) -> Phrase:
    needed, scheme = plain(node["needed"]), node["scheme"]
    return f"不少于 {needed} 学分（{scheme}）", f"at least {needed} credits ({scheme})"


def _hours(node: Node) -> Phrase:
    needed = plain(node["needed"])
    return f"不少于 {needed} 学时", f"at least {needed} hours"


def _outcomes(node: Node) -> Phrase:
    needed = node["needed"]
    return f"学习成果不少于 {needed} 项", f"at least {needed} learning outcome{'s' if needed > 1 else ''}"


def _certificate(node: Node) -> Phrase:
    zh, en = certificates(node)
    return f"证书一项：{zh}", f"one certificate: {en}"


def _age(node: Node) -> Phrase:
    return age_bounds(node)


def _exclude(_: Node) -> Phrase:
    return "没有不予授予的情形", "nothing that would keep it back"


def _level(_: Node) -> Phrase:
    return "已取得或达到此等级", "this level is held or reached"


_WORDS: Mapping[str, Callable[[Any], Phrase]] = {
    "credits": _credits,
    "hours": _hours,
    "outcomes": _outcomes,
    "certificate": _certificate,
    "age": _age,
    "exclude": _exclude,
    "level": _level,
}
"""How each kind of part says what it asks for."""
