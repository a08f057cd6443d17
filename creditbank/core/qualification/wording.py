"""What is missing to a qualification, in plain words: a sentence for each part that isn't there."""

from collections.abc import Iterator, Mapping
from typing import Any

from creditbank.core.rules.phrases import Node, Phrase, joined, plain


def lacking(tree: Node) -> list[str]:
    """Return the ids of exactly the parts that are missing: what a level asks for and the record does not have.

    Of a group that is there nothing is missing, whatever it holds; of one that isn't, every part that isn't there.
    """
    return [leaf["part"] for leaf in _unmet(tree)]


def missing(tree: Node) -> list[dict[str, Any]]:
    """Return a sentence in both languages for each thing that is missing, with the parts that it speaks of.

    Several parts stand in one sentence where they are alternatives: [{"parts": […], "zh", "en"}, …].
    """
    found = []
    for node in _open_nodes(tree):
        zh, en = _phrase(node)
        found.append({"parts": lacking(node), "zh": zh + "。", "en": en[:1].upper() + en[1:] + "."})
    return found


def sentences(explanation: Node) -> list[dict[str, str]]:
    """Return an explanation of levels in sentences: [{"zh", "en"}, …]."""
    told = []
    for level in explanation["levels"]:
        zh, en = level["title"]["zh"], level["title"]["en"]
        if level["met"]:
            told.append({"zh": f"“{zh}”要求的各项均已具备。", "en": f"Everything that “{en}” asks for is there."})
            continue
        told.append({"zh": f"“{zh}”还缺少以下各项：", "en": f"To “{en}” the following is missing:"})
        told += [{"zh": one["zh"], "en": one["en"]} for one in missing(level["parts"])]
    return told


def certificates(node: Node) -> Phrase:
    """Return which certificates a part accepts."""
    accepted = [
        (
            f"{one['title']['zh']}“{one['at_least']}”或以上",
            f"{one['title']['en']}: “{one['at_least']}” or higher",
        )
        for one in node["accepted"]
    ]
    return joined(accepted, "、", ", ")


def age_bounds(node: Node) -> Phrase:
    """Return between which ages a part wants the learner to be, both inclusive."""
    low, high = node["at_least"], node["at_most"]
    bounds: list[Phrase] = [] if low is None else [(f"年满 {low} 周岁", f"at least {low} years of age")]
    bounds += [] if high is None else [(f"不超过 {high} 周岁", f"at most {high} years of age")]
    return joined(bounds, "且", " and ")


def _unmet(node: Node) -> Iterator[Node]:
    """Give the leaves that are missing."""
    if node["met"]:
        return
    if "of" not in node:
        yield node
        return
    for inner in node["of"]:
        yield from _unmet(inner)


def _open_nodes(node: Node) -> Iterator[Node]:
    """Give what a sentence of its own is said of: parts, and groups of which not everything is needed."""
    if node["met"]:
        return
    if "of" not in node or node["needs"] < len(node["of"]):
        yield node
        return
    for inner in node["of"]:
        yield from _open_nodes(inner)


def _phrase(node: Node) -> Phrase:
    if "of" not in node:
        zh, en = _WORDS[node["asks"]](node)
        return f"“{node['title']['zh']}”{zh}", f"“{node['title']['en']}”: {en}"
    unmet = [inner for inner in node["of"] if not inner["met"]]
    count = node["needs"] - (len(node["of"]) - len(unmet))
    phrases = [_phrase(inner) for inner in unmet]
    if node["needs"] == len(node["of"]):
        return joined(phrases, "，并且", ", and ")
    zh, en = joined(phrases, "；或：", "; or: ")
    if count == 1:
        return f"以下须有一项：{zh}", f"one of these is needed: {en}"
    return f"以下还需 {count} 项：{zh}", f"{count} more of these are needed: {en}"


def _credits(node: Node) -> Phrase:
    needed, found, short = (plain(node[name]) for name in ("needed", "found", "short"))
    return (
        f"还差 {short} 学分（要求 {needed}，已有 {found}）",
        f"{short} more credits are needed ({needed} asked for, {found} there)",
    )


def _hours(node: Node) -> Phrase:
    needed, found, short = (plain(node[name]) for name in ("needed", "found", "short"))
    return (
        f"还差 {short} 学时（要求 {needed}，已有 {found}）",
        f"{short} more hours are needed ({needed} asked for, {found} there)",
    )


def _outcomes(node: Node) -> Phrase:
    needed, found = node["needed"], node["found"]
    if needed == 1:
        return "还没有记录", "it is not on record yet"
    return f"还差 {needed - found} 项（要求 {needed}，已有 {found}）", f"{needed - found} more of {needed} are needed"


def _certificate(node: Node) -> Phrase:
    zh, en = certificates(node)
    had = [(f"“{one['title']}”（{one['level']}）",) * 2 for one in node["near"]]
    if not had:
        return f"须有一项证书：{zh}", f"one certificate is needed: {en}"
    had_zh, had_en = joined(had, "、", ", ")
    return (
        f"须有一项证书：{zh}；已有的{had_zh}等级不够",
        f"one certificate is needed: {en}; of those there the level is too low: {had_en}",
    )


def _age(node: Node) -> Phrase:
    found = node["found"]
    zh, en = age_bounds(node)
    if found is None:
        return f"要求{zh}，但未登记出生日期", f"{en} is asked for, and no birth date is on record"
    return f"要求{zh}，现为 {found} 周岁", f"{en} is asked for, and it is {found}"


def _exclude(node: Node) -> Phrase:
    return (
        f"有 {node['found']} 项学习成果属于不予授予的情形",
        f"{node['found']} outcomes are of a kind that keeps it back",
    )


def _level(_: Node) -> Phrase:
    return "须先取得或达到此等级", "this level has to be held or reached first"


_WORDS: Mapping[str, Any] = {
    "credits": _credits,
    "hours": _hours,
    "outcomes": _outcomes,
    "certificate": _certificate,
    "age": _age,
    "exclude": _exclude,
    "level": _level,
}
"""How each kind of part says what is missing to it."""
