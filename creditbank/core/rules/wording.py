"""A stored explanation in sentences for the learner: what was recognised under which rule, or why nothing was."""

from typing import Any

from creditbank.core.rules.phrases import Node, Phrase, counted, joined, unmet

REASONS_MAX = 6
"""Sentences about rules that did not apply: more than that is a list and no answer."""


def sentences(explanation: dict[str, Any]) -> list[dict[str, str]]:
    """Return the explanation of a recognition, or of one rule set, in sentences: [{"zh", "en"}, …]."""
    phrases = _of_recognition(explanation) if "sets" in explanation else _of_set(explanation)
    return [{"zh": zh + "。", "en": en[:1].upper() + en[1:] + "."} for zh, en in phrases]


def _of_recognition(explanation: Node) -> list[Phrase]:
    sets = explanation["sets"]
    if explanation["outcome"] == "recognised":
        return _of_set(sets[-1]) + _lasting(explanation.get("validity"))
    kept = ("这项学习成果已经记录，但目前没有得到学分", "this outcome is on record, but it earns no credit at present")
    if not sets:
        return [kept, ("目前没有适用于它的规则", "there is no rule set in force that speaks of it")]
    return [kept, *[phrase for tree in sets for phrase in _of_set(tree)][:REASONS_MAX]]


def _of_set(tree: Node) -> list[Phrase]:
    outcome, title = tree["outcome"], _set_title(tree)
    if outcome in {"awarded", "no_credit"}:
        return _awarded(tree, title)
    if outcome == "no_rule_applies":
        return _not_applying(tree, title)
    zh, en = _obstacle(tree)
    return [(f"{title[0]}不适用：{zh}", f"{title[1]} does not apply: {en}")]


def _awarded(tree: Node, title: Phrase) -> list[Phrase]:
    """Return a sentence for the rule that counts, one for each other that applies."""
    phrases = []
    for node in tree["rules"]:
        if not node["matched"]:
            continue
        rule, (zh, en) = _rule_name(node), counted(node["award"])
        if node["chosen"] or node["why_not"] == "no_award":
            phrases.append((f"按{title[0]}{rule[0]}：{zh}", f"under {title[1]}, {rule[1]}: {en}"))
        else:
            credit = node["award"]["credits"]
            less = node["why_not"] == "fewer_credits"
            zh, en = ("学分较少", "it gives fewer credits") if less else ("排在后面", "it stands later")
            phrases.append(
                (
                    f"{rule[0]}也符合（{credit} 学分），但{zh}，不重复计算",
                    f"{rule[1]} would apply too ({credit} credits), but {en}; they don't add up",
                )
            )
    return phrases


def _not_applying(tree: Node, title: Phrase) -> list[Phrase]:
    if not tree["rules"]:
        return [(f"{title[0]}没有关于这项成果的规则", f"{title[1]} has no rule about this outcome")]
    phrases = []
    for node in tree["rules"]:
        rule = _rule_name(node)
        why = joined([phrase for part in node["when"] for phrase in unmet(part)], "；", "; ")
        phrases.append((f"{title[0]}{rule[0]}不适用：{why[0]}", f"{title[1]}, {rule[1]} does not apply: {why[1]}"))
    return phrases


def _obstacle(tree: Node) -> Phrase:
    """Return why a set does not speak of an outcome."""
    found = tree.get("found")
    if tree["outcome"] == "outside_validity" and found is not None:
        first, last = tree["validity"]["from"], tree["validity"].get("until")
        zh = f"有效期为 {first} 至 {last}" if last else f"自 {first} 起有效"
        en = f"it is valid from {first} to {last}" if last else f"it is valid from {first}"
        day_zh, day_en = _DAYS[found["date"]]
        return f"{zh}，而{day_zh}为 {found['day']}", f"{en}, and {day_en} is {found['day']}"
    if tree["outcome"] == "other_scheme":
        return f"记录指定了学分体系 {found}", f"the record asks for the credit scheme {found}"
    return joined([phrase for part in tree["applies_to"] for phrase in unmet(part)], "；", "; ")


_DAYS: dict[str, Phrase] = {
    "completed": ("完成日期", "the day of completion"),
    "applied": ("提交日期", "the day of submission"),
}


def _set_title(tree: Node) -> Phrase:
    title, version = tree["title"], tree["version"]
    return f"《{title['zh']}》（第 {version} 版）", f"“{title['en']}” (version {version})"


def _rule_name(node: Node) -> Phrase:
    article, title = node.get("article"), node.get("title") or {"zh": node["rule"], "en": node["rule"]}
    zh = f"{article}“{title['zh']}”" if article else f"规则“{title['zh']}”"
    return zh, f"{article}, rule “{title['en']}”" if article else f"rule “{title['en']}”"


def _lasting(validity: Node | None) -> list[Phrase]:
    if validity is None:
        return []
    until, years = validity["until"], validity["years"]
    zh = f"这些学分自完成之日起 {years} 年内有效，最后一天是 {until}"
    return [(zh, f"these credits can be used for {years} years from completion, the last day being {until}")]
